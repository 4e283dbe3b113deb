"""The processes of one machine and the supervisor file that runs them.

Order of start is by priority: Valkey, the model's process, the platform twin, web, workers,
scheduler. Stopping goes the other way.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from contentcenter.jobs import valkey

WEB_THREADS = 16
# Pages share the cores: small matrix products that spread over all of them wait for each other.
ONE_CORE_A_PAGE = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
# glibc gives busy threads heaps of their own, up to eight a core, and each keeps what its thread
# freed (mallopt(3), M_ARENA_MAX). Threads of the web wait for the interpreter, not for the heap.
FEW_HEAPS = {"MALLOC_ARENA_MAX": "2"}
# Where the cores are full, jobs may wait a moment; people who look at a page may not.
PATIENT = ("nice", "-n", "5")


@dataclass(frozen=True)
class Ports:
    """All on loopback. `web` and `twin` are for people, the others for the processes."""

    web: int

    @property
    def twin(self) -> int:
        return self.web + 1

    @property
    def embedder(self) -> int:
        return self.web + 2

    @property
    def valkey(self) -> int:
        return self.web + 3

    def all(self) -> Sequence[int]:
        return (self.web, self.twin, self.embedder, self.valkey)


@dataclass(frozen=True)
class Program:
    name: str
    command: Sequence[str]
    priority: int
    environment: Mapping[str, str] = field(default_factory=dict)
    stop_seconds: int = 15


def environment(data: Path, ports: Ports, offset_seconds: float) -> dict[str, str]:
    """The settings that bind the processes together; the caller's own ones win."""
    base = {
        "CONTENTCENTER_DATA_DIR": str(data),
        "CONTENTCENTER_REDIS_URL": f"redis://127.0.0.1:{ports.valkey}/0",
        "CONTENTCENTER_EMBEDDING_URL": f"http://127.0.0.1:{ports.embedder}",
        "CONTENTCENTER_PUBLIC_URL": f"http://127.0.0.1:{ports.web}",
        "CONTENTCENTER_OFFICIAL_ACCOUNT_URL": f"http://127.0.0.1:{ports.twin}/official-account",
        "CONTENTCENTER_WECOM_URL": f"http://127.0.0.1:{ports.twin}/wecom",
        "CONTENTCENTER_CLOCK_OFFSET_SECONDS": f"{offset_seconds:.0f}",
        "CONTENTCENTER_LOG_LEVEL": "INFO",
        "PYTHONUNBUFFERED": "1",
    }
    own = {key: value for key, value in os.environ.items() if key.startswith("CONTENTCENTER_")}
    return {**base, **own}


def queue_server(data: Path, ports: Ports) -> Program:
    return Program("valkey", valkey.command(data / "valkey", ports.valkey), 10)


def model_server(data: Path, ports: Ports) -> Program:
    """The one process that holds the embedding model."""
    cache = os.environ.get("CONTENTCENTER_CACHE_DIR") or str(data / "cache")
    embedder = [
        sys.executable, "-m", "contentcenter.embedding.server",
        "--host", "127.0.0.1", "--port", str(ports.embedder),
        "--model", os.environ.get("CONTENTCENTER_EMBEDDING_MODEL", "bundled"),
        "--cache-dir", cache,
        "--precision", os.environ.get("CONTENTCENTER_EMBEDDING_PRECISION", "auto"),
    ]  # fmt: skip
    if device := os.environ.get("CONTENTCENTER_EMBEDDING_DEVICE"):
        embedder += ["--device", device]
    return Program("embedder", embedder, 20)


def pages(data: Path, ports: Ports, offset_seconds: float) -> list[Program]:
    """What people look at: the twin and the web."""
    env = environment(data, ports, offset_seconds)
    twin = [
        sys.executable, "-m", "sandbox", "--host", "127.0.0.1", "--port", str(ports.twin),
        "--data", str(data / "twin"), "--clock-offset", f"{offset_seconds:.0f}",
    ]  # fmt: skip
    web = [
        sys.executable, "-m", "gunicorn", "wsgi:app", "--worker-class", "gthread",
        "--workers", "1", "--threads", str(WEB_THREADS), "--bind", f"127.0.0.1:{ports.web}",
        "--no-control-socket", "--graceful-timeout", "10", "--timeout", "60",
        "--keep-alive", "30",
    ]  # fmt: skip
    return [Program("twin", twin, 30), Program("web", web, 40, env | ONE_CORE_A_PAGE | FEW_HEAPS)]


def labour(data: Path, ports: Ports, offset_seconds: float) -> list[Program]:
    """Two workers and the scheduler."""
    env = environment(data, ports, offset_seconds)
    flask = [sys.executable, "-m", "flask", "--app", "wsgi"]
    return [
        Program("worker-ingest", [*PATIENT, *flask, "worker", "--queue", "ingest"], 50, env, 30),
        Program(
            "worker-distribute",
            [*PATIENT, *flask, "worker", "--queue", "distribute", "--queue", "follow"],
            50,
            env,
            30,
        ),
        Program("scheduler", [*flask, "scheduler"], 60, env),
    ]


def supervisor_file(programs: Sequence[Program], data: Path, socket: Path) -> str:
    """The text of supervisord's configuration."""
    head = f"""\
[supervisord]
nodaemon=true
silent=true
logfile={data / "logs" / "supervisord.log"}
pidfile={data / "supervisord.pid"}
[unix_http_server]
file={socket}
chmod=0700
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://{socket}
"""
    return head + "".join(_section(program, data) for program in programs)


def _section(program: Program, data: Path) -> str:
    variables = ",".join(f'{key}="{_escape(value)}"' for key, value in program.environment.items())
    log = data / "logs" / f"{program.name}.log"
    return f"""
[program:{program.name}]
command={" ".join(_quote(part) for part in bound_to_parent(program.command))}
priority={program.priority}
environment={variables}
autorestart=true
startsecs=1
startretries=20
stopwaitsecs={program.stop_seconds}
stopasgroup=true
killasgroup=true
redirect_stderr=true
stdout_logfile={log}
stdout_logfile_maxbytes=10MB
stdout_logfile_backups=2
"""


def bound_to_parent(command: Sequence[str]) -> Sequence[str]:
    """A killed supervisor leaves its children alive; the kernel can end them (Linux only)."""
    tool = shutil.which("setpriv")
    return [tool, "--pdeathsig", "TERM", "--", *command] if tool else command


def _quote(part: str) -> str:
    return f'"{_escape(part)}"' if " " in part or '"' in part else _escape(part)


def _escape(value: str) -> str:
    # supervisor expands %(name)s in values
    return value.replace("%", "%%")
