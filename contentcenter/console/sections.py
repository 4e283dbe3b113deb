"""What a room brings to the console: a blueprint, its navigation entries and a home panel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum

from flask import Blueprint

from contentcenter.domain.roles import Scope


class Place(IntEnum):
    """Order of the entries in the navigation: the way of an item, then the machinery."""

    HOME = 0
    CONTENT = 10
    IMPORTS = 15
    AUDIENCES = 20
    CHANNELS = 30
    PLAN = 40
    POSTS = 50
    HEALTH = 80
    SETTINGS = 90


@dataclass(frozen=True)
class NavEntry:
    """One line of the navigation. `label` is Chinese and is looked up in the catalogue;
    `marks` are more endpoint prefixes that light this entry; `thumb` puts it in the bar at
    the bottom of a phone."""

    label: str
    endpoint: str
    icon: str
    place: int
    scope: Scope = Scope.READ
    marks: tuple[str, ...] = ()
    thumb: bool = False


@dataclass(frozen=True)
class Figure:
    """A number on the home page with a way to what it counts."""

    label: str
    value: int | str
    href: str = ""
    tone: str = ""


@dataclass(frozen=True)
class PanelRow:
    """A thing that waits for somebody."""

    text: str
    href: str
    note: str = ""
    chip: str = ""
    tone: str = "gray"


@dataclass(frozen=True)
class Panel:
    """A room's place on the home page, in the order of `place`. `empty` says what to do when
    there are no rows."""

    title: str
    href: str
    figures: tuple[Figure, ...] = ()
    rows: tuple[PanelRow, ...] = ()
    rows_title: str = ""
    empty: str = ""
    empty_href: str = ""
    empty_action: str = ""
    scope: Scope = Scope.READ
    place: int = Place.HEALTH


@dataclass(frozen=True)
class Section:
    """`panels` are called on every visit of the home page; a domain error in one of them
    empties that panel, not the page."""

    blueprint: Blueprint
    entries: tuple[NavEntry, ...] = ()
    panels: tuple[Callable[[], Panel], ...] = field(default=())
