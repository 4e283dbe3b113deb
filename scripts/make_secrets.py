"""Make the secrets of a new installation: files for docker-compose.yml. Standard library only.

    python3 scripts/make_secrets.py [folder]        default: secrets

A file that is there stays as it is, so running it again is safe. To rotate a password, see
docs/operations.md.
"""

from __future__ import annotations

import secrets
import sys
from pathlib import Path

# Addresses are derived from the passwords: the same secret for server and client.
ADDRESSES = {
    "database_url": (
        "postgres_password",
        "postgresql+psycopg://contentcenter:{}@postgres:5432/contentcenter",
    ),
    "redis_url": ("valkey_password", "redis://:{}@valkey:6379/0"),
}
PASSWORDS = ("postgres_password", "valkey_password", "elastic_password", "secret_key")


def make(folder: Path) -> list[str]:
    """Write what is missing; returns the names of the new files."""
    folder.mkdir(parents=True, exist_ok=True)
    # Compose binds the files into containers whose users differ: the folder keeps others out,
    # the files themselves are readable.
    folder.chmod(0o700)
    made = [name for name in PASSWORDS if _write(folder / name, secrets.token_hex(32))]
    for name, (password, pattern) in ADDRESSES.items():
        value = (folder / password).read_text(encoding="ascii").strip()
        if _write(folder / name, pattern.format(value)):
            made.append(name)
    return made


def _write(path: Path, value: str) -> bool:
    if path.exists():
        return False
    path.write_text(value, encoding="ascii")
    path.chmod(0o444)
    return True


if __name__ == "__main__":
    target = Path(sys.argv[1] if len(sys.argv) > 1 else "secrets")
    print("made:", ", ".join(make(target)) or "nothing, all are there")
