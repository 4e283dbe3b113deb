"""From the twin's records to what the pages show."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from sandbox.clock import local_time
from sandbox.messages import Message, plain_text
from sandbox.wecom.groupmsg import Task

if TYPE_CHECKING:
    from sandbox.twin import Twin

SHOWN_MESSAGES, SHOWN_CONVERSATIONS, SHOWN_TASKS = 60, 150, 100
REACTIONS = ("impression", "click", "favourite", "cart", "order", "leave")
_URL = re.compile(r"https?://[^\s<>\"'，。；）)]+")
_LOCAL_HOSTS = {"127.0.0.1", "localhost"}
Known = tuple[str, str, str, int, str]  # kind, id, title, size, owner


@dataclass(frozen=True)
class Entry:
    """One line of the conversation list."""

    kind: str
    name: str
    title: str
    size: int
    owner: str
    count: int
    last_text: str
    last_at: float
    waiting: int

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.name}"

    @property
    def time(self) -> str:
        return local_time(self.last_at).strftime("%m-%d %H:%M") if self.last_at else ""


def entries(twin: Twin, wanted: str = "") -> list[Entry]:
    """All conversations, the latest first; a search keeps those whose title or id matches."""
    waiting = waiting_counts(twin)
    found = [
        _entry(twin, known, waiting)
        for known in _known(twin)
        if wanted.casefold() in f"{known[2]} {known[1]}".casefold()
    ]
    found.sort(key=lambda entry: (-entry.last_at, -entry.waiting, entry.kind, entry.title))
    return found


def waiting_counts(twin: Twin) -> dict[str, int]:
    counts: dict[str, int] = {}
    for task, userid in twin.wecom.messages.waiting(limit=2000):
        kind = "group" if task.chat_type == "group" else "customer"
        for target in task.work[userid]["targets"]:
            key = f"{kind}:{target}"
            counts[key] = counts.get(key, 0) + 1
    return counts


def totals(messages: list[Message]) -> dict[str, int]:
    """Reactions of several messages, added up."""
    return {kind: sum(one.reactions.get(kind, 0) for one in messages) for kind in REACTIONS}


def click_rate(counts: dict[str, int]) -> str:
    if not counts["impression"]:
        return "–"
    return f"{100 * counts['click'] / counts['impression']:.1f}%"


def bubbles(messages: list[Message]) -> list[dict[str, Any]]:
    """Messages ready for the template: articles in one card, everything else a bubble each."""
    shown = []
    for message in messages[-SHOWN_MESSAGES:]:
        articles = [_part(one) for one in message.parts if one.get("kind") == "article"]
        others = [_part(one) for one in message.parts if one.get("kind") != "article"]
        shown.append(
            {
                "id": message.id,
                "sender": message.sender,
                "time": local_time(message.at).strftime("%m-%d %H:%M"),
                "source": message.source,
                "articles": articles,
                "parts": others,
                "reached": len(message.recipients),
                "reactions": {k: message.reactions.get(k, 0) for k in REACTIONS},
            }
        )
    return shown


def task_row(twin: Twin, task: Task, userid: str) -> dict[str, Any]:
    """A waiting task as a person reads it."""
    corp = twin.corps.table.get(task.corpid)
    member = twin.corps.member(task.corpid, userid)
    targets = task.work[userid]["targets"]
    state = ""
    if not task.approved:
        state = "needs_admin"
    elif twin.clock.now() < task.ready:
        state = "dispatching"
    titles = [str(part["title"]) for part in task.parts if part.get("title")]
    return {
        "msgid": task.msgid,
        "userid": userid,
        "member": member.name if member else userid,
        "corp": corp.name if corp else task.corpid,
        "targets": [_target_name(twin, task, one) for one in targets[:4]],
        "count": len(targets),
        "title": titles[0] if titles else "",
        "text": plain_text(task.parts)[:120],
        "time": local_time(task.created).strftime("%m-%d %H:%M:%S"),
        "state": state,
    }


def rich_text(text: str) -> str:
    """Safe HTML of a chat text: links open, line breaks stay."""
    pieces: list[str] = []
    end = 0
    for match in _URL.finditer(text):
        pieces.append(escape(text[end : match.start()]))
        address = escape(match.group(0))
        pieces.append(f'<a href="{address}" target="_blank" rel="noopener">{address}</a>')
        end = match.end()
    pieces.append(escape(text[end:]))
    return "".join(pieces).replace("\n", "<br>")


def marked_text(text: str) -> str:
    """The little Markdown that robots send: headings, bold, quotes, links."""
    rows = []
    for row in text.splitlines():
        safe = escape(row)
        safe = re.sub(
            r"\[([^\]]+)\]\((https?://[^)\s]+)\)",
            r'<a href="\2" target="_blank" rel="noopener">\1</a>',
            safe,
        )
        safe = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", safe)
        safe = re.sub(r"&lt;font color=&quot;\w+&quot;&gt;(.*?)&lt;/font&gt;", r"<em>\1</em>", safe)
        heading = re.match(r"#{1,6}\s+(.*)", safe)
        if heading:
            safe = f"<strong>{heading.group(1)}</strong>"
        elif safe.startswith("&gt;"):
            safe = f"<q>{safe[4:].strip()}</q>"
        rows.append(safe)
    return "<br>".join(rows)


def picture_of(address: str, title: str, drawing: str = "cover") -> str:
    """A picture this machine serves, or a drawn cover: pages never ask elsewhere."""
    host = urlsplit(address).hostname if address.startswith("http") else ""
    if address.startswith("data:image/") or host in _LOCAL_HOSTS:
        return address
    return f"/covers/{drawing}.svg?t={quote(title[:40])}"


def today_text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S")


def _part(raw: dict[str, Any]) -> dict[str, Any]:
    part = dict(raw)
    kind = part.get("kind")
    if kind == "text":
        part["shown"] = rich_text(str(part.get("text", "")))
    elif kind == "markdown":
        part["shown"] = marked_text(str(part.get("text", "")))
    else:
        drawing = "cover" if kind == "article" else "thumb"
        title = str(part.get("title", ""))
        part["picture"] = picture_of(str(part.get("picture", "")), title, drawing)
    return part


def _known(twin: Twin) -> list[Known]:
    """Everything that may receive."""
    corps, accounts = twin.corps, twin.accounts
    rows: list[Known] = [
        ("account", one.appid, one.name, len(accounts.fans(one.appid)), "")
        for one in accounts.table
    ]
    for group in corps.groups:
        owner = corps.member(group.corpid, group.owner)
        size = group.size + len(group.joined) - len(group.left)
        name = owner.name if owner else group.owner
        rows.append(("group", group.chat_id, group.name, size, name))
    rows += [("robot", robot.key, robot.name, robot.size, "") for robot in corps.robots]
    names = {f"{kind}:{name}" for kind, name, *_ in rows}
    for key in twin.inbox.conversations():
        kind, name = key.split(":", 1)
        if key not in names:
            rows.append((kind, name, _title(twin, kind, name), 1, ""))
    return rows


def _title(twin: Twin, kind: str, name: str) -> str:
    table: Any = twin.corps.customers if kind == "customer" else twin.corps.members
    for row in table:
        if name in (getattr(row, "external_userid", ""), getattr(row, "userid", "")):
            return str(row.name)
    return name


def _entry(twin: Twin, known: Known, waiting: dict[str, int]) -> Entry:
    kind, name, title, size, owner = known
    messages = twin.inbox.conversation(f"{kind}:{name}")
    last = messages[-1] if messages else None
    return Entry(
        kind=kind,
        name=name,
        title=title,
        size=size,
        owner=owner,
        count=len(messages),
        last_text=_snippet(last) if last else "",
        last_at=last.at if last else 0.0,
        waiting=waiting.get(f"{kind}:{name}", 0),
    )


def _snippet(message: Message) -> str:
    return re.sub(r"[#*>\s]+", " ", plain_text(message.parts)).strip()[:40]


def _target_name(twin: Twin, task: Task, target: str) -> str:
    if task.chat_type == "group":
        group = twin.corps.group(task.corpid, target)
        return group.name if group else target
    customer = twin.corps.customer(task.corpid, target)
    return customer.name if customer else target
