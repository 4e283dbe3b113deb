"""`make demo`: the whole product on this machine, from nothing to posts in reader groups.

Valkey and the model's process start first; the sample content goes through the real import
and the real pipeline; then twin, web, workers and scheduler start with a clock that says
shortly before 20:30, the evening slot. Everything is kept in the data folder: the next start
goes on with the next evening and repeats nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType
from zoneinfo import ZoneInfo

import redis
import requests
from redis.backoff import NoBackoff
from redis.retry import Retry

from contentcenter.store import migrate
from contentcenter.store.database import Database
from scripts.processes import (
    Ports,
    Program,
    bound_to_parent,
    environment,
    labour,
    model_server,
    pages,
    queue_server,
    supervisor_file,
)

# Written by scripts/seed.py; PUBLIC in it stands for the web's address of this start.
TWIN_DOCUMENT, PUBLIC = "twin_document.json", "http://PUBLIC"
ROOT = Path(__file__).resolve().parent.parent
LOCAL = ZoneInfo("Asia/Shanghai")
EVENING = (20, 29, 0)  # a minute before the slot everyone has
START_SECONDS = 180.0
STATE = "demo_state.json"


def say(text: str) -> None:
    print(f"[demo] {text}", flush=True)


class Demo:
    """One run: the supervisor, its file, and how to stop it."""

    def __init__(self, data: Path, ports: Ports) -> None:
        self.data = data
        self.ports = ports
        self._file = data / "supervisord.conf"
        # Unix socket paths are limited to about 100 bytes, checkouts are not.
        self._socket = Path(tempfile.mkdtemp(prefix="cc-")) / "supervisor.sock"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, programs: Sequence[Program]) -> None:
        """Start the supervisor with these programs, or add what is missing to it."""
        text = supervisor_file(programs, self.data, self._socket)
        self._file.write_text(text, encoding="utf-8")
        if self._process is not None:
            self._ctl("update")
            return
        # Its own session: Ctrl-C reaches us alone, and we stop it in order.
        self._process = subprocess.Popen(
            bound_to_parent(
                [sys.executable, "-m", "supervisor.supervisord", "-c", str(self._file)]
            ),
            cwd=ROOT,
            start_new_session=True,
        )

    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._process = None

    def _ctl(self, *words: str) -> None:
        command = [sys.executable, "-m", "supervisor.supervisorctl", "-c", str(self._file), *words]
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def wait_for(what: str, ready: Callable[[], bool], demo: Demo) -> None:
    """Wait until `ready`; give up with the name of the log to read."""
    deadline = time.monotonic() + START_SECONDS
    while not ready():
        if not demo.alive() or time.monotonic() > deadline:
            raise SystemExit(f"[demo] {what} did not start; see {demo.data}/logs/{what}.log")
        time.sleep(0.1)


def answers(url: str) -> Callable[[], bool]:
    def check() -> bool:
        try:
            return requests.get(url, timeout=2).status_code == 200
        except requests.RequestException:
            return False

    return check


def valkey_answers(port: int) -> Callable[[], bool]:
    def check() -> bool:
        try:
            with redis.Redis(port=port, socket_timeout=2, retry=Retry(NoBackoff(), 0)) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    return check


def check_ports(ports: Ports) -> None:
    for port in ports.all():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                raise SystemExit(
                    f"[demo] port {port} is taken; choose others: make demo DEMO_PORT=9000"
                ) from None


def next_evening(last_offset: float | None, now: datetime) -> float:
    """Seconds to shift the clock so that it says 20:29 in Shanghai, never going back."""
    known = now + timedelta(seconds=last_offset or 0.0)
    local = known.astimezone(LOCAL)
    evening = local.replace(hour=EVENING[0], minute=EVENING[1], second=EVENING[2], microsecond=0)
    if last_offset is not None and evening <= local:
        evening += timedelta(days=1)
    return (evening - now).total_seconds()


def upgrade(data: Path) -> None:
    """Bring the database to the current schema (the address as the processes will see it)."""
    url = os.environ.get("CONTENTCENTER_DATABASE_URL") or f"sqlite:///{data}/contentcenter.sqlite3"
    migrate.upgrade(Database(url))


def teach_twin(demo: Demo) -> None:
    """Tell the twin its accounts, groups and readers; saying it again changes nothing."""
    public = f"http://127.0.0.1:{demo.ports.web}"
    text = (demo.data / TWIN_DOCUMENT).read_text(encoding="utf-8").replace(PUBLIC, public)
    url = f"http://127.0.0.1:{demo.ports.twin}/admin/setup"
    answer = requests.post(url, json=json.loads(text), timeout=30)
    if answer.status_code != requests.codes.ok:
        raise SystemExit(f"[demo] the twin refused its setup: {answer.text}")


def ask_for_plan(demo: Demo) -> None:
    """The coming days' plan, by the API like anybody else. Slots already filled stay."""
    url = f"http://127.0.0.1:{demo.ports.web}/api/v1/plans"
    headers = {"Authorization": f"Bearer {access(demo)['api_key']}"}
    answer = requests.post(url, json={}, headers=headers, timeout=30)
    if not answer.ok:
        raise SystemExit(f"[demo] the plan was refused: {answer.text}")


def access(demo: Demo) -> dict[str, str]:
    """`demo.json`, with the addresses of this start."""
    path = demo.data / "demo.json"
    known: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    web, twin = f"http://127.0.0.1:{demo.ports.web}", f"http://127.0.0.1:{demo.ports.twin}"
    known |= {"console_url": f"{web}/", "api_url": f"{web}/api/v1", "sandbox_url": f"{twin}/"}
    path.write_text(json.dumps(known, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return known


def seed_once(demo: Demo, offset: float) -> None:
    """Put the sample content in through the real import and pipeline, once."""
    done = demo.data / "samples.done"
    if done.exists():
        return
    say("first start: importing the sample content through the real pipeline")
    env = {**os.environ, **environment(demo.data, demo.ports, offset)}
    words = ["-m", "scripts.seed", "--sandbox-url", f"http://127.0.0.1:{demo.ports.twin}"]
    result = subprocess.run([sys.executable, *words], cwd=ROOT, env=env, check=False)
    if result.returncode:
        raise SystemExit("[demo] the sample content could not be imported; see the lines above")
    done.touch()


def run(data: Path, ports: Ports, samples: bool) -> None:
    """Start everything, announce it, and wait to be stopped."""
    started = time.monotonic()
    (data / "logs").mkdir(parents=True, exist_ok=True)
    check_ports(ports)
    demo = Demo(data, ports)
    # SIGINT too: a shell starts background jobs with it ignored, and Python keeps that.
    for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(one, _interrupt)
    try:
        running = lay_foundation(demo, samples)
        offset = evening(demo) if samples else 0.0
        write_environment(demo, offset)
        running = open_pages(demo, running, offset, samples)
        running = [model_server(data, ports), *running, *labour(data, ports, offset)]
        demo.start(list({program.name: program for program in running}.values()))
        announce(demo, samples, time.monotonic() - started)
        while demo.alive():
            time.sleep(0.5)
    except KeyboardInterrupt:
        say("stopping")
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        demo.stop()
        say("stopped")


def lay_foundation(demo: Demo, samples: bool) -> list[Program]:
    """Queue server and database; at the first start also the model and the sample content."""
    running = [queue_server(demo.data, demo.ports)]
    demo.start(running)
    wait_for("valkey", valkey_answers(demo.ports.valkey), demo)
    upgrade(demo.data)
    if samples and not (demo.data / "samples.done").exists():
        running.append(model_server(demo.data, demo.ports))
        demo.start(running)
        say("loading the embedding model (the first time it is converted, some seconds)")
        wait_for("embedder", answers(f"http://127.0.0.1:{demo.ports.embedder}/healthz"), demo)
        seed_once(demo, next_evening(last_offset(demo), datetime.now(UTC)))
    return running


def open_pages(demo: Demo, running: list[Program], offset: float, samples: bool) -> list[Program]:
    """Twin and web before the rest: on few cores it starts while people look at them."""
    running = [*running, *pages(demo.data, demo.ports, offset)]
    demo.start(running)
    wait_for("twin", answers(f"http://127.0.0.1:{demo.ports.twin}/admin/health"), demo)
    if samples:
        teach_twin(demo)
    wait_for("web", answers(f"http://127.0.0.1:{demo.ports.web}/healthz"), demo)
    if samples:
        ask_for_plan(demo)
    return running


def write_environment(demo: Demo, offset: float) -> None:
    """`env.sh`: what a shell needs so that the product's commands meet these processes."""
    settings = environment(demo.data, demo.ports, offset)
    lines = [f"export {name}={shlex.quote(value)}" for name, value in sorted(settings.items())]
    (demo.data / "env.sh").write_text("\n".join(lines) + "\n", encoding="utf-8")


def last_offset(demo: Demo) -> float | None:
    """The clock's shift of the start before this one."""
    path = demo.data / STATE
    return float(json.loads(path.read_text())["offset"]) if path.exists() else None


def evening(demo: Demo) -> float:
    """This start's shift of the clock, remembered for the next one."""
    offset = next_evening(last_offset(demo), datetime.now(UTC))
    (demo.data / STATE).write_text(json.dumps({"offset": offset}))
    return offset


def announce(demo: Demo, samples: bool, seconds: float) -> None:
    web, twin = f"http://127.0.0.1:{demo.ports.web}", f"http://127.0.0.1:{demo.ports.twin}"
    say(f"ready after {seconds:.0f} s")
    say(f"console   {web}/")
    say(f"API       {web}/api/docs")
    say(f"sandbox   {twin}/   (what accounts and groups receive)")
    if samples:
        known = access(demo)
        say(f"sign in   {known['user']} / {known['password']}")
        say("the demo clock says 20:29: at 20:30 the evening's posts go out; watch the sandbox")
    else:
        say("make a user: .venv/bin/flask --app wsgi user create NAME --role admin")
    say(f"commands  . {demo.data / 'env.sh'}   (then .venv/bin/flask --app wsgi ...)")
    say("Ctrl-C stops everything")


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("var"))
    parser.add_argument("--no-samples", action="store_true")
    options = parser.parse_args()
    port = int(os.environ.get("DEMO_PORT", "8000"))
    run((ROOT / options.data).resolve(), Ports(port), not options.no_samples)


if __name__ == "__main__":
    main()
