"""Write requirements.lock and requirements-dev.lock: exact versions with hashes.

PyTorch and the libraries only its CUDA build pulls in stay out: setup_env.py installs them,
because which build is right depends on the machine.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from scripts.setup_env import ROOT, TORCH, VENV

LEFT_TO_SETUP = re.compile(r"^(torch|triton|nvidia-.*|cuda-.*)==")


def compile_lock(source: str, target: Path) -> None:
    command = [
        str(VENV / "bin" / "uv"), "pip", "compile", "--quiet", "--generate-hashes",
        "--no-header", "--no-annotate", "--python-version", "3.11", "--universal",
        str(ROOT / source), "--constraint", "-",
    ]  # fmt: skip
    pins = f"torch=={TORCH}\n"
    done = subprocess.run(command, input=pins, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    target.write_text(without_torch(done.stdout), encoding="utf-8")


def without_torch(lock: str) -> str:
    """Drop whole entries (a name line and the hash lines that follow it)."""
    entries = re.split(r"(?m)^(?=\S)", lock)
    return "".join(entry for entry in entries if not LEFT_TO_SETUP.match(entry))


if __name__ == "__main__":
    compile_lock("requirements.txt", ROOT / "requirements.lock")
    compile_lock("requirements-dev.txt", ROOT / "requirements-dev.lock")
