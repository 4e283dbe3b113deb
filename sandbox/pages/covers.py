"""Pictures drawn on the spot: book covers for cards without one, and name badges."""

from __future__ import annotations

import hashlib
from html import escape

_PAPERS = (
    ("#24414d", "#8fb8b0"),
    ("#6b2d3c", "#e0b49a"),
    ("#2f3e6b", "#a9b9e6"),
    ("#3d5a3a", "#c6d5a3"),
    ("#7a4b21", "#efcf9a"),
    ("#4a3465", "#cdb7e8"),
    ("#1f4f63", "#f0c987"),
    ("#5b3a2e", "#d9c3ae"),
)


def cover(title: str) -> str:
    """A wide SVG cover with the title set in lines; the same title gives the same cover."""
    number = int(hashlib.sha256(title.encode()).hexdigest()[:8], 16)
    paper, ink = _PAPERS[number % len(_PAPERS)]
    tilt = number // 8 % 40 + 10
    lines = _lines(title or "书", 9, 3)
    words = "".join(
        f'<text x="44" y="{126 + 56 * row}" font-size="42" fill="#fff" font-weight="600">'
        f"{escape(line)}</text>"
        for row, line in enumerate(lines)
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 540 300" '
        'font-family="Noto Sans CJK SC, PingFang SC, Microsoft YaHei, sans-serif">'
        f'<rect width="540" height="300" fill="{paper}"/>'
        f'<circle cx="{430 + tilt}" cy="60" r="130" fill="{ink}" opacity=".28"/>'
        f'<circle cx="{360 + tilt}" cy="290" r="90" fill="{ink}" opacity=".18"/>'
        f'<rect x="44" y="52" width="56" height="5" fill="{ink}"/>{words}</svg>'
    )


def thumb(title: str) -> str:
    """A square cover for small places: no words, only the colours and a spine."""
    number = int(hashlib.sha256(title.encode()).hexdigest()[:8], 16)
    paper, ink = _PAPERS[number % len(_PAPERS)]
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 80 80">'
        f'<rect width="80" height="80" fill="{ink}" opacity=".45"/>'
        f'<rect x="22" y="12" width="38" height="56" rx="2" fill="{paper}"/>'
        f'<rect x="22" y="12" width="6" height="56" fill="#000" opacity=".22"/>'
        f'<rect x="35" y="24" width="17" height="3" fill="{ink}"/>'
        f'<rect x="35" y="32" width="11" height="3" fill="{ink}"/></svg>'
    )


def badge(name: str, square: bool) -> str:
    """The first character of a name on a coloured tile."""
    number = int(hashlib.sha256(name.encode()).hexdigest()[:8], 16)
    paper, ink = _PAPERS[number % len(_PAPERS)]
    round_by = 14 if square else 40
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 80 80" '
        'font-family="Noto Sans CJK SC, PingFang SC, Microsoft YaHei, sans-serif">'
        f'<rect width="80" height="80" rx="{round_by}" fill="{paper}"/>'
        f'<text x="40" y="54" font-size="38" text-anchor="middle" fill="{ink}">'
        f"{escape(name[:1] or '?')}</text></svg>"
    )


def _lines(text: str, width: int, most: int) -> list[str]:
    rows = [text[start : start + width] for start in range(0, len(text), width)]
    if len(rows) > most:
        rows = [*rows[: most - 1], rows[most - 1][: width - 1] + "…"]
    return rows
