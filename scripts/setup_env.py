"""Set up `.venv`: choose a build of PyTorch, install the locked packages, verify.

Standard library only, because it runs before anything is installed. Nothing needs root and
nothing is written outside the checkout (pip's and uv's caches aside). Runs again in a moment
when nothing changed: a stamp in `.venv` remembers what was installed.

    python3.11 scripts/setup_env.py [runtime|dev]
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
TORCH = "2.15.0"
UV = "0.13.9"
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
LOCKS = {"runtime": ROOT / "requirements.lock", "dev": ROOT / "requirements-dev.lock"}


def say(text: str) -> None:
    print(f"[setup] {text}", flush=True)


def run(*command: str | Path) -> None:
    done = subprocess.run([str(part) for part in command], check=False)
    if done.returncode:
        sys.exit(f"[setup] failed: {' '.join(str(part) for part in command)}")


def uv_install(*arguments: str | Path) -> None:
    run(VENV / "bin" / "uv", "pip", "install", "--quiet", "--python", PYTHON, *arguments)


def make_venv() -> None:
    if sys.version_info[:2] < (3, 11):  # noqa: UP036 - any Python may run this file
        sys.exit("[setup] Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11 ...")
    if not PYTHON.exists():
        say(f"making .venv with Python {sys.version.split()[0]}")
        run(sys.executable, "-m", "venv", VENV)
    if not (VENV / "bin" / "uv").exists():
        run(PYTHON, "-m", "pip", "install", "--quiet", f"uv=={UV}")


def wheel_folders() -> list[Path]:
    """Where a CPU wheel may be at hand: ./wheels, our setting, pip's find-links."""
    places = os.environ.get("CONTENTCENTER_WHEELS", "").split(os.pathsep)
    places += os.environ.get("PIP_FIND_LINKS", "").split()
    return [ROOT / "wheels", *(Path(place) for place in places if place)]


def wheel_at_hand() -> Path | None:
    for folder in wheel_folders():
        for wheel in sorted(folder.glob(f"torch-{TORCH}+cpu-*.whl")) if folder.is_dir() else []:
            return wheel
    return None


def cpu_index_answers() -> bool:
    try:
        with urllib.request.urlopen(f"{CPU_INDEX}/torch/", timeout=5) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def installed_torch() -> str:
    code = "import importlib.metadata as m; print(m.version('torch'))"
    done = subprocess.run([PYTHON, "-c", code], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def install_torch() -> None:
    """A wheel at hand, else PyTorch's CPU index, else the package registry's build."""
    if installed_torch().startswith(TORCH):
        return
    wheel = wheel_at_hand()
    if wheel is not None:
        say(f"PyTorch {TORCH}: CPU wheel at hand, {wheel.name}")
        uv_install(wheel)
    elif cpu_index_answers():
        say(f"PyTorch {TORCH}: CPU build from PyTorch's own index (about 200 MB)")
        uv_install(f"torch=={TORCH}+cpu", "--index", CPU_INDEX)
    else:
        say(f"PyTorch {TORCH}: the registry's build (CUDA included, several GB; runs on CPU too)")
        uv_install(f"torch=={TORCH}")
    say(f"PyTorch {installed_torch()} is in place, {torch_size_mb()} MB with its libraries")


def torch_size_mb() -> int:
    site = next((VENV / "lib").glob("python3.*/site-packages"))
    folders = [site / "torch", site / "nvidia", site / "triton"]
    files = (f for folder in folders if folder.is_dir() for f in folder.rglob("*"))
    return sum(file.stat().st_size for file in files if file.is_file()) // 2**20


def stamp_of(profile: str) -> str:
    return hashlib.sha256(LOCKS[profile].read_bytes() + TORCH.encode() + UV.encode()).hexdigest()


def is_done(profile: str) -> bool:
    """The development profile holds the runtime one."""
    stamps = {name: VENV / f".{name}-stamp" for name in LOCKS}
    return any(
        stamps[name].exists() and stamps[name].read_text() == stamp_of(name)
        for name in {profile, "dev"}
    )


def main(profile: str) -> None:
    if PYTHON.exists() and is_done(profile):
        return
    if shutil.disk_usage(ROOT).free < 8 * 2**30:
        say("less than 8 GB of disk is free; the CUDA build of PyTorch needs about 6")
    make_venv()
    install_torch()
    say(f"installing the {profile} packages of {LOCKS[profile].name}, hashes checked")
    uv_install("--no-deps", "--require-hashes", "-r", LOCKS[profile])
    (VENV / f".{profile}-stamp").write_text(stamp_of(profile))
    say("done")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "runtime")
