"""A small lexicon of what Chinese books are about: 24 topics and their tell-tale words.

The reader simulator judges a message with it, as a person skimming a chat would: by the
words in it. It is deliberately independent of any product's own classification.
"""

from __future__ import annotations

import math

TOPICS: dict[str, str] = {
    "fiction": (
        "小说 长篇 中篇 短篇集 言情 爱情故事 都市 家族 命运 悲欢 虚构 人物群像 情节 女主 "
        "男主 茅盾文学奖 婚姻 乡土 青春 成长小说 畅销小说"
    ),
    "scifi": (
        "科幻 奇幻 星际 宇宙飞船 外星 机器人 人工智能觉醒 三体 时间旅行 平行宇宙 末日 魔法 "
        "龙 异世界 赛博朋克 太空 银河 雨果奖 未来世界 克隆 反乌托邦"
    ),
    "mystery": (
        "推理 悬疑 侦探 凶手 谋杀 案件 密室 诡计 破案 刑警 失踪 惊悚 犯罪 线索 真相 法医 "
        "连环 反转 东野圭吾 阿加莎 福尔摩斯"
    ),
    "literature": (
        "散文 诗歌 诗集 随笔 文学 诗人 作家 文字之美 抒情 书信 杂文 鲁迅 汪曾祺 现代诗 名家 "
        "乡愁 文学奖 阅读札记 意象 序跋"
    ),
    "classics": (
        "古典 国学 论语 诗经 唐诗 宋词 史记 孟子 庄子 老子 红楼梦 四书 古文 文言 经典诵读 "
        "周易 楚辞 聊斋 世说新语 西游记 水浒 元曲"
    ),
    "history": (
        "历史 王朝 帝国 明朝 清朝 唐朝 宋朝 战争 革命 考古 文物 史料 近代史 古代 皇帝 二战 "
        "罗马 丝绸之路 年代 文明 断代 抗战"
    ),
    "biography": (
        "传记 自传 回忆录 一生 生平 口述 伟人 名人 人物传 年谱 企业家传 日记 传奇人生 大师 "
        "创始人故事 科学家传 亲历"
    ),
    "philosophy": (
        "哲学 思想 存在主义 尼采 康德 柏拉图 苏格拉底 伦理 禅 佛学 宗教 信仰 形而上 逻辑学 "
        "意义 加缪 萨特 思辨 心学 王阳明 美德"
    ),
    "psychology": (
        "心理 情绪 焦虑 抑郁 人格 潜意识 弗洛伊德 阿德勒 创伤 疗愈 依恋 内耗 认知偏差 咨询师 "
        "自卑 共情 原生家庭 心理学 压力 亲密关系"
    ),
    "society": (
        "社会 政治 法律 制度 阶层 乡村 城市化 田野调查 社会学 人类学 公共 女性主义 移民 "
        "不平等 国家 国际关系 治理 民主 舆论 人口"
    ),
    "economy": (
        "经济 金融 货币 通胀 投资 股票 基金 理财 市场 宏观 财富 债务 贸易 资本 经济学 泡沫 "
        "利率 价值投资 巴菲特 博弈"
    ),
    "business": (
        "管理 商业 企业 创业 营销 品牌 领导力 战略 组织 团队 运营 产品经理 客户 商业模式 "
        "竞争 绩效 谈判 供应链 德鲁克 增长黑客"
    ),
    "growth": (
        "成长 习惯 自律 时间管理 效率 学习方法 沟通 表达 逆袭 目标 拖延 复盘 职场 思维方式 "
        "演讲 人际 自我提升 专注 精进 笔记法 人脉"
    ),
    "science": (
        "科普 物理 量子 宇宙 进化 基因 生物 化学 数学之美 天文 黑洞 自然 恐龙 实验 科学家 "
        "大脑 植物 动物 气候 元素 相对论"
    ),
    "computing": (
        "编程 算法 代码 程序员 软件 数据库 深度学习 机器学习 人工智能 架构 网络安全 前端 "
        "后端 操作系统 大模型 数据分析 云计算 计算机 Python Java Linux"
    ),
    "children": (
        "绘本 童书 儿童 孩子 童话 睡前故事 幼儿 启蒙 亲子共读 小学生 桥梁书 立体书 图画书 "
        "寓言 安徒生 宝宝 低幼 识字 童年 动物故事"
    ),
    "parenting": (
        "育儿 家教 父母 亲子 妈妈 爸爸 养育 青春期 叛逆 正面管教 新生儿 孕期 辅食 陪伴 "
        "家庭教育 二胎 情商培养 哭闹 早教 母乳"
    ),
    "education": (
        "教育 学习 考试 教材 教师 课堂 高考 中考 考研 英语 作文 题库 教辅 语文 数学 单词 "
        "留学 课程 公务员 真题 阅读理解"
    ),
    "arts": (
        "艺术 绘画 设计 摄影 音乐 电影 建筑 书法 美术 画册 油画 博物馆 审美 戏剧 配色 插画 "
        "莫奈 梵高 雕塑 字体 国画"
    ),
    "life": (
        "生活 收纳 家居 手工 园艺 穿搭 极简 断舍离 花艺 编织 宠物 猫 居家 美妆 茶 咖啡 "
        "植物养护 日常 慢生活 仪式感"
    ),
    "food": (
        "美食 食谱 烘焙 菜谱 料理 家常菜 面包 甜点 厨房 食材 汤 火锅 舌尖 早餐 便当 酱料 "
        "下厨 川菜 粤菜 滋味"
    ),
    "health": (
        "健康 运动 养生 跑步 瑜伽 健身 营养 睡眠 中医 减脂 饮食 疾病 免疫 拉伸 穴位 医生 "
        "长寿 肩颈 血糖 马拉松 体态"
    ),
    "travel": (
        "旅行 地理 游记 风景 徒步 地图 自驾 西藏 环球 旅途 国家地理 海岛 古镇 攻略 城市漫步 "
        "远方 探险 草原 背包 雪山 民宿"
    ),
    "comics": (
        "漫画 动漫 画集 连载 少年漫 四格 手账 二次元 灌篮 海贼 火影 宫崎骏 条漫 番 分镜 日漫 "
        "国漫 超级英雄 轻小说 设定集"
    ),
}
WORDS: dict[str, tuple[str, ...]] = {topic: tuple(line.split()) for topic, line in TOPICS.items()}
TOP = 5


def topics_of(text: str) -> dict[str, float]:
    """What a text is about: weights that add up to 1, or {} when no word gives a hint.

    A topic's strength is the sum over its words of log(1 + count), longer words counting
    more: 存在主义 says more than 龙. The five strongest stay.
    """
    strengths: dict[str, float] = {}
    for topic, words in WORDS.items():
        strength = sum(
            math.log1p(text.count(word)) * min(len(word), 4) for word in words if word in text
        )
        if strength:
            strengths[topic] = strength
    best = sorted(strengths.items(), key=lambda pair: -pair[1])[:TOP]
    total = sum(strength for _, strength in best)
    return {topic: strength / total for topic, strength in best}
