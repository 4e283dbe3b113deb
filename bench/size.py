"""Both engines at 200,000 and 1,000,000 items, in one run.

    python -m bench size --items 200000,1000000 --engine both

Phases run as processes of their own, so that memory is what one reader takes, and leave their
figures in var/bench/size: a run that was cut goes on where it stopped. `--fresh` measures
anew; vectors, questions and analysed tokens stay, they depend on the data alone.
Writes var/bench/size.json and a table in Markdown.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.__main__ import flat, machine
from bench.size_analysis import Tokens, load_items
from bench.size_vectors import FOLDER, say

OUTPUT = Path("var/bench/size.json")
ENGINES = ("embedded", "elastic")


def main(arguments: Sequence[str]) -> int:
    options = _parser().parse_args(arguments)
    sizes = [int(part) for part in options.items.split(",")]
    engines = ENGINES if options.engine == "both" else (options.engine,)
    if options.phase:
        Path(options.result).write_text(json.dumps(_work(options.phase, engines[0], sizes[0])))
        return 0
    if options.fresh:
        for path in FOLDER.glob("result-*.json"):
            path.unlink()
    results: dict[str, Any] = {"machine": machine(), "data": _phase("data", "", max(sizes))}
    for size in sizes:
        for engine in engines:
            results[f"{engine} {size:,}"] = _engine(engine, size)
            OUTPUT.write_text(json.dumps(results, indent=1))
    print(table(results))
    say(f"written to {OUTPUT}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench size", description=__doc__)
    parser.add_argument("--items", default="200000,1000000")
    parser.add_argument("--engine", choices=(*ENGINES, "both"), default="both")
    parser.add_argument("--fresh", action="store_true", help="measure again")
    parser.add_argument("--phase", choices=("data", "build", "measure"), help=argparse.SUPPRESS)
    parser.add_argument("--result", help=argparse.SUPPRESS)
    return parser


def _engine(engine: str, size: int) -> dict[str, Any]:
    """Build and measure; the embedded engine needs nothing running, Elasticsearch a node."""
    if engine == "embedded" or (_result("measure", engine, size)).exists():
        return _phase("build", engine, size) | _phase("measure", engine, size)
    from bench.size_elastic import node

    with node() as environment:
        _result("build", engine, size).unlink(missing_ok=True)
        built = _phase("build", engine, size, environment)
        return built | _phase("measure", engine, size, environment)


def _result(phase: str, engine: str, size: int) -> Path:
    return FOLDER / f"result-{phase}-{engine}-{size}.json"


def _phase(
    phase: str, engine: str, size: int, environment: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The figures of a phase: kept ones, or those of a process that does it now."""
    path = _result(phase, engine, size)
    if not path.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        say(f"{phase} {engine} {size:,}")
        started = time.monotonic()
        command = [
            sys.executable, "-m", "bench.size", "--phase", phase, "--items", str(size),
            "--engine", engine or "embedded", "--result", f"{path}.new",
        ]  # fmt: skip
        subprocess.run(command, check=True, env={**os.environ, **(environment or {})})
        Path(f"{path}.new").rename(path)
        say(f"{phase} {engine} {size:,} took {time.monotonic() - started:.0f} s")
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def _work(phase: str, engine: str, size: int) -> dict[str, Any]:
    """In a process of its own."""
    if phase == "data":
        catalogue, _, asked = load_items()
        return {
            "titles": len(catalogue.shown),
            "questions": len(asked.texts),
            "spread": round(asked.spread, 3),
            "edition_cosine": round(asked.edition_cosine, 3),
            "analysis": Tokens(catalogue).make(size),
        }
    figures: dict[str, Any] = getattr(importlib.import_module(f"bench.size_{engine}"), phase)(size)
    return figures


def table(results: dict[str, Any]) -> str:
    """Markdown: a row a figure, a column an engine and size."""
    columns = [name for name in results if name not in {"machine", "data"}]
    lines = ["| | " + " | ".join(columns) + " |", "| --- " * (len(columns) + 1) + "|"]
    flat_results = [dict(flat(results[name])) for name in columns]
    names = dict.fromkeys(name for one in flat_results for name in one)
    for name in names:
        if not name.endswith((".p95", ".p99")):
            cells = [_cell(one, name) for one in flat_results]
            lines.append(f"| {_label(name)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _label(name: str) -> str:
    return name.replace(".p50", " p50 / p95 / p99 ms").replace("_", " ")


def _cell(figures: dict[str, Any], name: str) -> str:
    if name.endswith(".p50"):
        parts = [figures.get(name.replace("p50", p)) for p in ("p50", "p95", "p99")]
        return " / ".join(str(part) for part in parts) if None not in parts else ""
    return str(figures.get(name, ""))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
