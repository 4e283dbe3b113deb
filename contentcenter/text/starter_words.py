"""The lists a new shop begins with. Only what readers really type for the same thing."""

from __future__ import annotations

from collections.abc import Mapping

from contentcenter.text.synonyms import WordKind

_GROUPS = """
科普、科学普及
绘本、图画书
推理小说、侦探小说
传记、人物传记
奥数、奥林匹克数学、数学竞赛
高考、普通高等学校招生全国统一考试
考研、研究生入学考试
计算机、电脑
编程、程序设计
人工智能、AI
机器学习、machine learning
互联网、因特网
菜谱、食谱
心理学、psychology
二战、第二次世界大战
一战、第一次世界大战
"""
_ONE_WAY = """
育儿 => 亲子教育、家庭教育
学英语 => 英语学习
四大名著 => 红楼梦、西游记、水浒传、三国演义
四书 => 大学、中庸、论语、孟子
五经 => 诗经、尚书、礼记、周易、春秋
入门书 => 入门、基础
"""
_ALIASES = """
鲁迅 = 周树人
巴金 = 李尧棠
茅盾 = 沈德鸿 = 沈雁冰
老舍 = 舒庆春
冰心 = 谢婉莹
金庸 = 查良镛
古龙 = 熊耀华
三毛 = 陈懋平
张恨水 = 张心远
当年明月 = 石悦
马尔克斯 = 马奎斯 = 加西亚·马尔克斯 = García Márquez
托尔斯泰 = 列夫·托尔斯泰 = Tolstoy
陀思妥耶夫斯基 = 杜斯妥也夫斯基 = Dostoevsky
契诃夫 = 契科夫 = Chekhov
屠格涅夫 = Turgenev
加缪 = 卡缪 = Camus
萨特 = 沙特 = Sartre
圣埃克苏佩里 = 圣修伯里 = 圣艾克絮佩里 = Saint-Exupéry
博尔赫斯 = 波赫士 = Borges
聂鲁达 = Neruda
卡尔维诺 = Calvino
昆德拉 = 米兰·昆德拉 = Kundera
海明威 = Hemingway
菲茨杰拉德 = 费兹杰罗 = Fitzgerald
塞林格 = 沙林杰 = Salinger
福克纳 = Faulkner
毛姆 = Maugham
奥威尔 = 欧威尔 = Orwell
奥斯汀 = 简·奥斯汀 = 珍·奥斯汀 = Jane Austen
勃朗特 = 白朗特 = Brontë
狄更斯 = Dickens
莎士比亚 = 莎翁 = Shakespeare
王尔德 = Oscar Wilde
伍尔夫 = 吴尔芙 = 伍尔芙 = Woolf
乔伊斯 = Joyce
叶芝 = 叶慈 = Yeats
托尔金 = Tolkien
罗琳 = J.K.罗琳 = Rowling
阿加莎·克里斯蒂 = 阿嘉莎·克莉丝蒂 = Agatha Christie
斯蒂芬·金 = 史蒂芬·金 = Stephen King
阿西莫夫 = 艾西莫夫 = Asimov
歌德 = Goethe
黑塞 = 赫塞 = 赫尔曼·黑塞 = Hesse
卡夫卡 = Kafka
茨威格 = 褚威格 = 斯蒂芬·茨威格 = Stefan Zweig
尼采 = Nietzsche
弗洛伊德 = 佛洛伊德 = Freud
荣格 = Jung
村上春树 = Haruki Murakami
东野圭吾 = Keigo Higashino
川端康成 = Kawabata
夏目漱石 = Natsume Soseki
安徒生 = Andersen
特朗普 = 川普 = Trump
"""
_STOP = """
请问
想找
我想看
有没有
求推荐
这本书
那本书
电子书
"""


def _lines(text: str) -> tuple[str, ...]:
    return tuple(text.strip().splitlines())


STARTER: Mapping[WordKind, tuple[str, ...]] = {
    WordKind.GROUP: _lines(_GROUPS),
    WordKind.ONE_WAY: _lines(_ONE_WAY),
    WordKind.ALIAS: _lines(_ALIASES),
    WordKind.STOP: _lines(_STOP),
}
