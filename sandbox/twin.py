"""Puts the twin together: one store, one clock, two platforms, callbacks, simulator."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.base import Base
from sandbox.callbacks import CallbackSender, Receiver
from sandbox.clock import Clock
from sandbox.faults import FaultBoard
from sandbox.gateway import Gateway
from sandbox.media import MediaShelf
from sandbox.messages import Inbox
from sandbox.official.accounts import Accounts
from sandbox.official.branches import Branches
from sandbox.official.drafts import Drafts
from sandbox.official.mass import MassSending
from sandbox.official.media import OfficialMedia
from sandbox.official.platform import OfficialAccounts
from sandbox.official.publish import Publishing
from sandbox.official.service import ServiceMessages
from sandbox.official.tokens import Tokens as OfficialTokens
from sandbox.scheduler import Scheduler
from sandbox.settings import Settings, changed
from sandbox.simulator import Simulator
from sandbox.store import Store
from sandbox.wecom.appmsg import AppMessages
from sandbox.wecom.chats import Chats
from sandbox.wecom.contacts import Contacts
from sandbox.wecom.corps import Corps
from sandbox.wecom.delivery import Delivery
from sandbox.wecom.groupmsg import GroupMessages
from sandbox.wecom.media import WeComMedia
from sandbox.wecom.moments import Moments
from sandbox.wecom.platform import WeCom
from sandbox.wecom.robot import Robots
from sandbox.wecom.tokens import Tokens as WeComTokens
from sandbox.wecom.welcome import Welcomes


@dataclass
class Remembered:
    """Settings and the clock's offset, kept over a restart."""

    value: dict[str, Any]


class Twin:
    """Everything of one running twin. Call `start` once, `stop` at the end."""

    def __init__(self, folder: Path, clock_offset: float | None = None) -> None:
        self.store = Store(folder)
        self.clock = Clock(clock_offset or 0.0)
        self._first_offset = clock_offset
        self.settings = Settings()
        self.faults = FaultBoard()
        self.gateway = Gateway(self.store, self.faults)
        self.shelf = MediaShelf(self.store)
        self.inbox = Inbox(self.store)
        self.scheduler = Scheduler(self.store, self.clock)
        self.callbacks = CallbackSender(self.store, self.clock, self.faults, self.settings)
        self._remembered = self.store.table("remembered", Remembered)
        self.accounts = Accounts(self.store, self.clock)
        self.corps = Corps(self.store)
        self.official = self._official()
        self.wecom = self._wecom()
        self.simulator = Simulator(self)
        self.inbox.listen(self.simulator.notice)

    def start(self) -> None:
        self.store.open()
        self._recall()
        self.rebuild()
        self.scheduler.start()
        self.callbacks.start()
        self.simulator.start()

    def stop(self) -> None:
        self.simulator.stop()
        self.scheduler.stop()
        self.callbacks.stop()
        self.store.compact()  # reaction counts change too often to be journalled one by one
        self.store.close()

    def reset(self) -> None:
        """Back to an empty twin with default settings and the time it was started with."""
        with self.store.lock:
            self.store.clear()
            self.scheduler.forget_all()
            self.shelf.forget_all()
            self.clock.offset = self._first_offset or 0.0
            self.apply_settings(vars(Settings()))
        self.faults.remove()
        self.callbacks.forget_all()
        self.official.forget_all()
        self.wecom.forget_all()
        self.gateway.calls.clear()
        self.gateway.errors.clear()
        self.simulator.forget_all()
        self.rebuild()

    def rebuild(self) -> None:
        """Derived look-ups from the tables."""
        self.accounts.rebuild()
        self.corps.rebuild()
        self.inbox.rebuild()
        self.official.mass.rebuild()
        self.wecom.messages.rebuild()
        self.register_receivers()

    def apply_settings(self, wanted: dict[str, Any]) -> None:
        """Change some settings, in place: all parts share one object."""
        for name, value in vars(changed(self.settings, wanted)).items():
            setattr(self.settings, name, value)
        self._remembered.put("settings", Remembered(dict(vars(self.settings))))

    def set_clock(self, offset: float) -> None:
        self.clock.offset = offset
        self._remembered.put("clock", Remembered({"offset": offset}))

    def remember(self, name: str, value: dict[str, Any]) -> None:
        self._remembered.put(name, Remembered(value))

    def remembered(self, name: str) -> dict[str, Any]:
        row = self._remembered.get(name)
        return row.value if row is not None else {}

    def register_receivers(self) -> None:
        """Where callbacks go, as the accounts have it now."""
        for account in self.accounts.table:
            self.callbacks.register(
                Receiver(
                    "official-account",
                    account.appid,
                    account.callback_url,
                    account.token,
                    account.aes_key,
                    account.original_id,
                )
            )
        for corp in self.corps.table:
            self.callbacks.register(
                Receiver(
                    "wecom",
                    corp.corpid,
                    corp.callback_url if corp.aes_key else "",
                    corp.token,
                    corp.aes_key,
                    corp.corpid,
                    str(corp.agentid),
                )
            )

    def _recall(self) -> None:
        known = self.remembered("settings")
        names = set(vars(self.settings))
        self.apply_settings({name: value for name, value in known.items() if name in names})
        if self._first_offset is None:
            self.clock.offset = float(self.remembered("clock").get("offset", 0.0))

    def _base(self) -> Base:
        return Base(
            self.store, self.clock, self.settings, self.inbox, self.scheduler, self.callbacks
        )

    def _official(self) -> OfficialAccounts:
        base, store, clock, settings = self._base(), self.store, self.clock, self.settings
        media = OfficialMedia(self.shelf, clock, settings)
        drafts = Drafts(store, clock, self.accounts, media, settings)
        branches = Branches(drafts, media)
        return OfficialAccounts(
            store=store,
            clock=clock,
            settings=settings,
            accounts=self.accounts,
            tokens=OfficialTokens(store, clock, self.accounts, settings),
            media=media,
            drafts=drafts,
            mass=MassSending(base, self.accounts, drafts, branches),
            publishing=Publishing(base, self.accounts, drafts),
            service=ServiceMessages(base, self.accounts, branches),
        )

    def _wecom(self) -> WeCom:
        base, store, clock, settings = self._base(), self.store, self.clock, self.settings
        media = WeComMedia(self.shelf, clock, settings)
        delivery = Delivery(store, clock, self.corps, self.inbox)
        return WeCom(
            clock=clock,
            settings=settings,
            corps=self.corps,
            tokens=WeComTokens(store, clock, self.corps, settings),
            media=media,
            messages=GroupMessages(base, self.corps, media, delivery),
            chats=Chats(store, clock, self.corps, self.callbacks),
            contacts=Contacts(self.corps, clock),
            robots=Robots(clock, self.corps, media, self.inbox, settings),
            apps=AppMessages(clock, self.corps, self.inbox),
            moments=Moments(base, self.corps, media),
            welcomes=Welcomes(base, self.corps, media),
        )
