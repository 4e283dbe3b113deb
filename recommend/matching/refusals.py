"""Why an item may not be told to an audience at all, in code and in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from contentcenter.domain.content import VISIBLE_STATES
from contentcenter.store.cards import AudienceCard, ItemCard


@dataclass(frozen=True)
class Refusal:
    """`reason` is stable, `text` is for people."""

    reason: str
    text: str


def refusals(
    card: ItemCard, at: datetime, ceiling_fen: float | None, channel_kind: str | None
) -> list[Refusal]:
    """Everything that stands against this pair. Empty: it is eligible.

    Whether it was told before is known to distribution only.
    """
    out = []
    if card.state not in {state.value for state in VISIBLE_STATES}:
        out.append(Refusal("not_published", f"内容尚未发布（{card.state}）"))
    if not card.in_stock:
        out.append(Refusal("out_of_stock", "关联图书均已售罄"))
    price = card.price_fen
    if ceiling_fen is not None and price is not None and price > ceiling_fen:
        out.append(
            Refusal(
                "price_ceiling",
                f"最低书价 {price / 100:.2f} 元，高于价格上限 {ceiling_fen / 100:.2f} 元",
            )
        )
    if not card.allowed(at):
        out.append(Refusal("rights_closed", "授权不在有效期内"))
    elif channel_kind is not None and not card.allowed(at, channel_kind):
        out.append(Refusal("rights_channel", "授权不包含该渠道"))
    return out


def ceiling_of(card: AudienceCard) -> float | None:
    return None if card.price_ceiling_fen is None else float(card.price_ceiling_fen)
