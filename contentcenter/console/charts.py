"""Small charts as SVG, drawn on the server. Pure: numbers in, accessible markup out.

Every chart carries a title and a description in words, so that nothing is said by colour or
length alone. Colours come from classes of the style sheet (`c0` to `c9`), so that one place
decides them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count

from markupsafe import Markup, escape

from contentcenter.console.language import t

_ids = count(1)
# Charts without words fill whatever room they get.
STRETCHED = frozenset({"bar", "stacked"})


@dataclass(frozen=True)
class Segment:
    """One part of a stacked bar. `colour` is an index into the palette."""

    label: str
    value: float
    colour: int


def svg(width: float, height: float, title: str, desc: str, body: str, *, kind: str) -> Markup:
    """The frame all charts share. `body` is markup made here, never from outside."""
    number = next(_ids)
    stretch = ' preserveAspectRatio="none"' if kind in STRETCHED else ""
    return Markup(  # noqa: S704 - title and desc are escaped, body is our own drawing
        f'<svg class="chart {kind}"{stretch} viewBox="0 0 {width:g} {height:g}" role="img" '
        f'aria-labelledby="ct{number} cd{number}">'
        f'<title id="ct{number}">{escape(title)}</title>'
        f'<desc id="cd{number}">{escape(desc)}</desc>{body}</svg>'
    )


def rect(x: float, y: float, width: float, height: float, kind: str, *, tip: str = "") -> str:
    inner = f"<title>{escape(tip)}</title>" if tip else ""
    size = f'width="{max(width, 0):.2f}" height="{max(height, 0):.2f}"'
    return f'<rect x="{x:.2f}" y="{y:.2f}" {size} class="{kind}">{inner}</rect>'


def words(x: float, y: float, text: object, anchor: str = "start", kind: str = "") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {place} class="{kind}">{escape(text)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line x1="{x1:.2f}" y1="{y1:.2f}" x2="{x2:.2f}" y2="{y2:.2f}" class="{kind}"/>'


def stacked(segments: Sequence[Segment], title: str, scale: float = 1.0) -> Markup:
    """Parts that add up, on one line. Positive parts grow right from zero, negative ones grow
    left of it; `scale` is the total that fills the width, so bars below each other compare."""
    width, height = 400.0, 14.0
    below = sum(-part.value for part in segments if part.value < 0)
    above = sum(part.value for part in segments if part.value > 0)
    unit = width / max(scale, above + below, 1e-9)
    zero, left, right, body = below * unit, below * unit, below * unit, ""
    for part in segments:
        size = abs(part.value) * unit
        start = right if part.value >= 0 else left - size
        kind = f"c{part.colour}" + (" minus" if part.value < 0 else "")
        body += rect(start, 1, size, height - 2, kind, tip=f"{part.label} {part.value:+.3f}")
        right += size if part.value >= 0 else 0
        left -= size if part.value < 0 else 0
    if below:
        body += line(zero, 0, zero, height, "axis")
    desc = "; ".join(f"{part.label} {part.value:+.3f}" for part in segments)
    return svg(width, height, title, desc, body, kind="stacked")


def bar(value: float, most: float, title: str, colour: int = 0) -> Markup:
    """One share of a whole as a thin bar."""
    filled = 0.0 if most <= 0 else min(value / most, 1.0) * 200
    body = rect(0, 0, 200, 6, "track") + rect(0, 0, filled, 6, f"c{colour}")
    return svg(200, 6, title, f"{value:.3g} / {most:.3g}", body, kind="bar")


def hours(values: Sequence[float], title: str, quiet: frozenset[int], unit: str) -> Markup:
    """24 bars, one an hour; quiet hours are shaded. The busiest hour is named in words."""
    width, height, foot = 340.0, 110.0, 18.0
    most = max(max(values, default=0.0), 1e-9)
    step = width / 24
    body = ""
    for hour, value in enumerate(values[:24]):
        if hour in quiet:
            body += rect(hour * step, 0, step, height - foot, "quiet")
        tall = (height - foot - 4) * value / most
        tip = f"{hour:02d}:00 {unit} {value * 100:.1f}%"
        body += rect(hour * step + 2, height - foot - tall, step - 4, tall, "c0", tip=tip)
        if hour % 3 == 0:
            body += words(hour * step + step / 2, height - 4, f"{hour}", "middle")
    body += line(0, height - foot, width, height - foot, "axis")
    peak = max(range(len(values)), key=lambda hour: values[hour]) if values else 0
    return svg(width, height, title, f"{unit}: {peak:02d}:00", body, kind="hours")


def price_box(band: Sequence[float], title: str, ceiling: float | None) -> Markup:
    """The price band (20, 50 and 80 per cent, in yuan) as a box with its median, and the hard
    ceiling, when there is one, as a dashed red line."""
    low, half, high = band
    most = max(high, ceiling or 0.0, 1.0) * 1.15
    width, middle = 340.0, 36.0

    def place(value: float) -> float:
        return value / most * width

    body = line(0, middle, width, middle, "axis")
    body += rect(place(low), middle - 13, max(place(high) - place(low), 2), 26, "box")
    body += line(place(half), middle - 13, place(half), middle + 13, "median")
    body += words(place(half), 15, f"¥{half:.0f}", "middle", "strong")
    if place(high) - place(low) > 30:
        body += words(place(low), 66, f"¥{low:.0f}", "middle" if place(low) > 20 else "start")
        body += words(place(high), 66, f"¥{high:.0f}", "middle")
    if ceiling is not None:
        body += line(place(ceiling), 4, place(ceiling), 56, "ceiling")
        near_end = place(ceiling) > width - 70
        shift, anchor = (-5, "end") if near_end else (5, "start")
        body += words(place(ceiling) + shift, 12, f"≤ ¥{ceiling:.0f}", anchor, "danger")
    desc = f"20% ¥{low:.0f}, 50% ¥{half:.0f}, 80% ¥{high:.0f}"
    return svg(width, 72, title, desc, body, kind="pricebox")


def sparkline(values: Sequence[float], title: str, desc: str) -> Markup:
    """How one number moved; the last point is marked."""
    width, height, pad = 240.0, 44.0, 5.0
    if not values:
        return svg(width, height, title, desc, "", kind="spark")
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    step = (width - 2 * pad) / max(len(values) - 1, 1)
    points = [
        (pad + index * step, height - pad - (value - low) / span * (height - 2 * pad))
        for index, value in enumerate(values)
    ]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    last_x, last_y = points[-1]
    body = f'<polyline points="{path}" class="trend"/>'
    body += f'<circle cx="{last_x:.1f}" cy="{last_y:.1f}" r="3.5" class="c0"/>'
    return svg(width, height, title, desc, body, kind="spark")


def band(
    days: Sequence[int],
    middle: Sequence[float],
    bounds: Sequence[tuple[float, float]],
    title: str,
) -> Markup:
    """An estimate by day with its interval as a band, and a line at zero. The picture is cut
    where early intervals are far wider than the last one; the words tell the last one whole."""
    width, height, pad = 340.0, 130.0, 20.0
    if not days:
        return svg(width, height, title, "", "", kind="band")
    reach = 2.5 * max(abs(value) for value in (*bounds[-1], 1e-12))
    step = (width - 2 * pad) / max(len(days) - 1, 1)

    def place(index: int, value: float) -> str:
        cut = min(max(value, -reach), reach)
        return f"{pad + index * step:.1f},{height / 2 - cut / reach * (height / 2 - pad):.1f}"

    upper = [place(index, high) for index, (_, high) in enumerate(bounds)]
    lower = [place(index, low) for index, (low, _) in enumerate(bounds)]
    line_at = [place(index, value) for index, value in enumerate(middle)]
    body = f'<polygon points="{" ".join([*upper, *lower[::-1]])}" class="quiet"/>'
    body += line(pad, height / 2, width - pad, height / 2, "axis")
    body += f'<polyline points="{" ".join(line_at)}" class="trend"/>'
    body += words(pad, height - 4, f"{days[0]}") + words(width - pad, height - 4, days[-1], "end")
    body += words(0, height / 2 + 4, "0") + words(0, 12, f"{reach:+.2g}")
    body += words(0, height - 18, f"{-reach:+.2g}")
    desc = f"{days[-1]}: {middle[-1]:+.4g} ({bounds[-1][0]:+.4g} ~ {bounds[-1][1]:+.4g})"
    return svg(width, height, title, desc, body, kind="band")


def funnel(steps: Sequence[tuple[str, int]], title: str) -> Markup:
    """Numbers that shrink step by step (reached, clicked, ordered), widest first."""
    row, width = 30.0, 360.0
    most = max((value for _, value in steps), default=0) or 1
    body = ""
    for index, (name, value) in enumerate(steps):
        top = index * row
        body += rect(96, top + 5, 190, row - 10, "track")
        body += rect(96, top + 5, 190 * value / most, row - 10, f"c{index % 10}")
        body += words(90, top + 20, name, "end")
        body += words(294, top + 20, f"{value:,}", "start", "strong")
    desc = ", ".join(f"{name} {value}" for name, value in steps)
    return svg(width, row * len(steps), title, desc, body, kind="funnel")


def cover(title: str, author: str) -> Markup:
    """A stand-in for a missing book cover: the title on cloth, the colour from its text."""
    tone = sum(map(ord, title)) % 6
    short = title[:12]
    rows = [short[start : start + 6] for start in range(0, len(short), 6)]
    body = rect(0, 0, 60, 84, f"cloth{tone}") + rect(5, 0, 1.5, 84, "spine")
    for index, text in enumerate(rows):
        body += words(33, 28 + index * 11, text, "middle", "cover-title")
    body += words(33, 76, author[:7], "middle", "cover-author")
    return svg(60, 84, title, author, body, kind="cover")


# One colour for each named part of a match, everywhere.
PART_COLOURS = {
    "semantic": 0, "tags": 1, "category": 6, "price": 2, "freshness": 3, "quality": 4,
    "response": 5, "exploration": 9, "fatigue": 8, "members": 0, "words": 1, "authors": 6,
    "publisher": 3, "standing": 4, "co_read": 5, "answered": 2, "appetite": 7,
}  # fmt: skip
# The parts, and the one weight that has no part of its own.
PART_LABELS = {
    "semantic": "语义接近", "tags": "标签", "category": "分类", "price": "价格合适",
    "freshness": "新鲜", "quality": "质量", "response": "预期反应", "exploration": "探索",
    "fatigue": "疲劳", "members": "像回应过的", "words": "用词", "authors": "作者",
    "publisher": "出版社", "standing": "口碑与年代", "co_read": "共同阅读",
    "answered": "回应过它", "appetite": "活跃", "discovery": "补没推过的分类",
}  # fmt: skip


def parts_of(parts: Mapping[str, float]) -> list[Segment]:
    """The named parts of a match as segments, biggest first, nothing left out."""
    named = sorted(parts.items(), key=lambda part: -abs(part[1]))
    return [
        Segment(t(PART_LABELS.get(name, name)), float(value), PART_COLOURS.get(name, 7))
        for name, value in named
        if abs(value) >= 0.0005
    ]


def parts_bar(parts: Mapping[str, float], title: str, scale: float = 1.0) -> Markup:
    return stacked(parts_of(parts), title, scale)


def parts_key(parts: Mapping[str, float]) -> Markup:
    """The legend of a parts bar, with the numbers that add up to the score."""
    entries = "".join(
        f'<span class="key"><svg viewBox="0 0 10 10" aria-hidden="true">'
        f'<rect width="10" height="10" rx="2" class="c{part.colour}"/></svg>'
        f"{escape(part.label)} {part.value:+.2f}</span>"
        for part in parts_of(parts)
    )
    return Markup(f'<p class="keys">{entries}</p>')  # noqa: S704 - labels are escaped
