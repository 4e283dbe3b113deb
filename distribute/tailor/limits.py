"""The platforms' limits (official-account.md sections 2-4, wecom.md sections 4 and 9)."""

from __future__ import annotations

from dataclasses import dataclass

from distribute.tailor.measure import Limit


@dataclass(frozen=True)
class ArticleLimits:
    """An Official Account draft. The documented digest limit is 128; the sandbox and field
    reports differ by a few characters, so we stay at 120. The content limit contradicts itself
    in the platform's page ("2 kb"); 20,000 characters and 1 MB are the older, tried numbers, less
    some room for the cover picture that is added when its address is known."""

    title: Limit = Limit(characters=32)
    author: Limit = Limit(characters=16)
    digest: Limit = Limit(characters=120)
    content: Limit = Limit(characters=19_000, bytes=950_000)
    source_url: Limit = Limit(bytes=1_024)


@dataclass(frozen=True)
class MassMessageLimits:
    """A WeCom mass message with a link attachment."""

    text: Limit = Limit(bytes=4_000)
    link_title: Limit = Limit(bytes=128)
    link_desc: Limit = Limit(bytes=512)
    url: Limit = Limit(bytes=2_048)


@dataclass(frozen=True)
class RobotLimits:
    text: Limit = Limit(bytes=2_048)
    markdown: Limit = Limit(bytes=4_096)


ARTICLE = ArticleLimits()
MASS_MESSAGE = MassMessageLimits()
ROBOT = RobotLimits()
