"""A throw-away PostgreSQL server for the tests, from the programs the machine has."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql


def _programs() -> Path | None:
    """The folder with initdb and pg_ctl: on PATH, or where Debian's package puts them."""
    found = shutil.which("initdb")
    if found and shutil.which("pg_ctl"):
        return Path(found).parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return versions[-1].parent if versions else None


def _as_user() -> Sequence[str]:
    """PostgreSQL refuses to run as root: use the package's own user there."""
    if os.geteuid() != 0:
        return ()
    try:
        pwd.getpwnam("postgres")
    except KeyError:
        return ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")
    return ("setpriv", "--reuid", "postgres", "--regid", "postgres", "--init-groups")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def own_database(url: str, name: str = "flows") -> str:
    """The address of a new database on the same server."""
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return f"{url.rpartition('/')[0]}/{name}"


@contextmanager
def postgres_url() -> Iterator[str | None]:
    """Start a server and give its SQLAlchemy address, or None where it cannot be had."""
    programs = _programs()
    if programs is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="cc-pg-") as folder:
        Path(folder).chmod(0o777)
        data, port, user = Path(folder) / "data", _free_port(), _as_user()
        setup = [
            *user,
            str(programs / "initdb"),
            "-D",
            str(data),
            "-U",
            "cc",
            "-A",
            "trust",
            "-E",
            "UTF8",
        ]
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c fsync=off -k {folder}"
        control = [*user, str(programs / "pg_ctl"), "-D", str(data)]
        try:
            subprocess.run(setup, check=True, capture_output=True)
            started = [*control, "-w", "-o", options, "-l", f"{folder}/log", "start"]
            subprocess.run(started, check=True, capture_output=True)
        except (subprocess.CalledProcessError, OSError) as error:
            print(f"   PostgreSQL did not start: {getattr(error, 'stderr', error)!r}")
            yield None
            return
        try:
            yield f"postgresql+psycopg://cc@127.0.0.1:{port}/postgres"
        finally:
            subprocess.run([*control, "-m", "immediate", "stop"], check=False, capture_output=True)
