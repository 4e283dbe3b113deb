"""The category tree of the hub: one level of shelves a Chinese bookshop would recognise.

Codes are stable and go into data; labels are for screens. `other` is the honest fallback.
"""

from __future__ import annotations

CATEGORIES: dict[str, tuple[str, str]] = {
    "fiction": ("小说", "Fiction"),
    "scifi": ("科幻奇幻", "Science fiction and fantasy"),
    "mystery": ("悬疑推理", "Mystery"),
    "literature": ("散文诗歌", "Essays and poetry"),
    "classics": ("古典国学", "Chinese classics"),
    "history": ("历史", "History"),
    "biography": ("传记", "Biography"),
    "philosophy": ("哲学宗教", "Philosophy and religion"),
    "psychology": ("心理", "Psychology"),
    "society": ("社会政治", "Society and politics"),
    "economy": ("经济", "Economics"),
    "business": ("商业管理", "Business and management"),
    "growth": ("个人成长", "Personal growth"),
    "science": ("科普", "Popular science"),
    "computing": ("计算机", "Computing"),
    "children": ("童书绘本", "Children's books"),
    "parenting": ("育儿家教", "Parenting"),
    "education": ("教育学习", "Education"),
    "arts": ("艺术设计", "Arts and design"),
    "life": ("生活", "Lifestyle"),
    "food": ("美食", "Food"),
    "health": ("健康运动", "Health and sports"),
    "travel": ("旅行地理", "Travel and geography"),
    "comics": ("漫画", "Comics"),
    "other": ("其他", "Other"),
}


def category_label(code: str, language: str = "zh") -> str:
    """The screen label of a category code; an unknown code is shown as it is."""
    labels = CATEGORIES.get(code)
    if labels is None:
        return code
    return labels[0] if language == "zh" else labels[1]


def category_code(text: str) -> str | None:
    """The code for a code or label in any language, or None when nobody knows it."""
    wanted = text.strip().casefold()
    for code, (chinese, english) in CATEGORIES.items():
        if wanted in {code, chinese.casefold(), english.casefold()}:
            return code
    return None
