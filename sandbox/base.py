"""What every part of a platform stands on."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.callbacks import CallbackSender
from sandbox.clock import Clock
from sandbox.messages import Inbox
from sandbox.scheduler import Scheduler
from sandbox.settings import Settings
from sandbox.store import Store


@dataclass(frozen=True)
class Base:
    store: Store
    clock: Clock
    settings: Settings
    inbox: Inbox
    scheduler: Scheduler
    callbacks: CallbackSender
