"""Workers and the queue server die in the middle of an evening: every post goes out once."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from contentcenter.clock import FixedClock
from contentcenter.floor import Floor
from tests.fixtures.floor import FloorMaker
from tests.fixtures.twin import TwinProcess, wait_for
from tests.fixtures.valkey import ValkeyServer, free_port
from tests.flows.distribute_world import Shop, make_shop

GROUPS = 150


class Crew:
    """The processes that would run under the supervisor."""

    def __init__(self, config: Path) -> None:
        self._config = config
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self, *roles: str) -> None:
        log = self._config.with_suffix(".log").open("ab")
        for role in roles:
            command = [sys.executable, "-m", "tests.flows.distribute_worker", role]
            self._running.append(
                subprocess.Popen([*command, str(self._config)], stderr=log, stdout=log)
            )
        log.close()

    def kill(self) -> None:
        """SIGKILL to all of them; nobody gets to say goodbye."""
        for process in self._running:
            process.kill()
        for process in self._running:
            process.wait()
        self._running.clear()


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[ValkeyServer]:
    server = ValkeyServer(tmp_path / "valkey", free_port())
    server.start()
    yield server
    server.kill()


@pytest.fixture
def valkey_url(own_valkey: ValkeyServer) -> str:
    return own_valkey.url


@pytest.fixture
def clock() -> FixedClock:
    """Two minutes ago: what is planned a minute later is due by now."""
    return FixedClock(datetime.now(UTC) - timedelta(minutes=2))


@pytest.fixture
def floor(make_floor: FloorMaker, twin: TwinProcess) -> Floor:
    return make_floor(official_account_url=twin.official_url, wecom_url=twin.wecom_url)


@pytest.fixture
def shop(floor: Floor, clock: FixedClock, twin: TwinProcess) -> Shop:
    shop = make_shop(floor, clock, twin)
    shop.add_items(8)
    shop.groups(GROUPS)
    shop.plan()
    clock.set(datetime.now(UTC))
    shop.advance(seconds=0)
    assert shop.states() == {"approved": GROUPS}
    return shop


@pytest.fixture
def crew(shop: Shop, tmp_path: Path, untraced: None) -> Iterator[Crew]:
    settings = shop.floor.settings
    config: dict[str, Any] = {
        "data_dir": str(tmp_path / "worker"),
        "database_url": settings.effective_database_url,
        "redis_url": settings.redis_url,
        "wecom_url": settings.wecom_url,
        "official_account_url": settings.official_account_url,
        "rules": {"stuck": 3, "probe_gap": 2, "lease": 2, "first_look": 1},
        "numbers": {"batch": 40},
    }
    path = tmp_path / "crew.json"
    path.write_text(json.dumps(config), encoding="utf-8")
    crew = Crew(path)
    yield crew
    crew.kill()


@pytest.mark.slow
def test_every_post_goes_out_once_though_workers_and_queue_are_killed(
    shop: Shop, crew: Crew, own_valkey: ValkeyServer
) -> None:
    shop.twin.fault("wecom", "externalcontact/add_msg_template", "slow", times=None, seconds=0.08)
    crew.start("scheduler", "worker", "worker")
    wait_for(lambda: len(shop.tasks()) >= 10, 60, "nothing was sent at all")
    crew.kill()
    assert shop.states().get("sending", 0) > 0, "the workers died in mid-send"
    crew.start("scheduler", "worker", "worker")
    before = len(shop.tasks())
    wait_for(lambda: len(shop.tasks()) >= before + 20, 60, "the new workers send nothing")
    own_valkey.kill()
    crew.kill()
    own_valkey.start()
    shop.twin.clear_faults()
    crew.start("scheduler", "worker", "worker")
    wait_for(lambda: set(shop.states()) <= {"sent", "waiting_owner"}, 120, str(shop.states()))
    told = Counter(target for task in shop.tasks() for target in task["targets"])
    assert len(told) == GROUPS, "none lost"
    assert set(told.values()) == {1}, "none doubled"
    shop.twin.confirm()
    wait_for(lambda: shop.states() == {"delivered": GROUPS}, 60, str(shop.states()))
