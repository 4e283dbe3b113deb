"""`python -m sandbox --host 127.0.0.1 --port 8001 --data DIR`."""

from __future__ import annotations

import argparse
from pathlib import Path

from sandbox.server import THREADS, Server


def main() -> None:
    parser = argparse.ArgumentParser(prog="sandbox", description="A local platform twin.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8001)
    parser.add_argument("--data", type=Path, required=True, help="folder of the twin's state")
    parser.add_argument(
        "--clock-offset",
        type=float,
        default=None,
        metavar="SECONDS",
        help="run ahead of (or behind) real time",
    )
    parser.add_argument("--threads", type=int, default=THREADS)
    wanted = parser.parse_args()
    Server(wanted.host, wanted.port, wanted.data, wanted.clock_offset, wanted.threads).run()


if __name__ == "__main__":
    main()
