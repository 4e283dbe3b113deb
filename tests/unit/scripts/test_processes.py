from __future__ import annotations

import configparser
from datetime import UTC, datetime
from pathlib import Path

from scripts.demo import LOCAL, next_evening
from scripts.processes import (
    Ports,
    labour,
    model_server,
    pages,
    queue_server,
    supervisor_file,
)


def local(offset: float, now: datetime) -> str:
    return datetime.fromtimestamp(now.timestamp() + offset, LOCAL).strftime("%d %H:%M")


def test_the_demo_starts_a_minute_before_the_evening_slot() -> None:
    for hour in (0, 6, 12, 13, 23):
        now = datetime(2026, 11, 21, hour, 17, tzinfo=UTC)
        assert local(next_evening(None, now), now).endswith("20:29")


def test_a_second_start_goes_on_to_the_next_evening_and_never_back() -> None:
    first = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)
    offset = next_evening(None, first)
    later = datetime(2026, 11, 21, 1, 20, tzinfo=UTC)
    again = next_evening(offset, later)
    assert again > offset
    assert local(again, later) == "22 20:29"


def test_the_supervisor_file_names_every_program_once(tmp_path: Path) -> None:
    ports = Ports(21000)
    programs = [queue_server(tmp_path, ports), model_server(tmp_path, ports)]
    programs += [*pages(tmp_path, ports, 10.0), *labour(tmp_path, ports, 10.0)]
    text = supervisor_file(programs, tmp_path, tmp_path / "s.sock")
    parsed = configparser.RawConfigParser()
    parsed.read_string(text)
    named = {name.partition(":")[2] for name in parsed.sections() if name.startswith("program:")}
    assert named == {
        "valkey", "embedder", "twin", "web", "worker-ingest", "worker-distribute", "scheduler",
    }  # fmt: skip
    assert 'CONTENTCENTER_CLOCK_OFFSET_SECONDS="10"' in parsed["program:web"]["environment"]
    assert ports.all() == (21000, 21001, 21002, 21003)
