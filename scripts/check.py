"""`make sure` and `make test`: lint, types, architecture, tests, coverage; one summary.

PostgreSQL: when its server programs are on the machine, a throw-away server is started and
the store's tests run on it too; otherwise one line says that they were left out. Elasticsearch
likewise: with a JDK and Maven a node from Maven Central is started (tests/elasticsearch).
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from tempfile import TemporaryFile

from scripts.postgres import own_database, postgres_url
from scripts.processes import ONE_CORE_A_PAGE, PATIENT
from tests.elasticsearch.node import NodeUnavailable, server_version, temporary_node
from tests.fixtures.embedding import CACHE, EmbeddingProcess

STRICT = ("contentcenter", "ingest", "recommend", "distribute", "sandbox", "wsgi.py")
PYTHON = sys.executable
BIN = os.path.dirname(PYTHON)  # noqa: PTH120 - beside the interpreter, also when it is a link
COVERAGE_PERCENT = "85"
# Several test processes share the cores. Threads of one matrix product would wait for each
# other there, and by default they spin while they wait (contentcenter/embedding/runtime.py).
ONE_CORE_A_PROCESS = {**ONE_CORE_A_PAGE, "OMP_WAIT_POLICY": "PASSIVE"}


def step(title: str, *command: str, env: dict[str, str] | None = None) -> bool:
    started = time.monotonic()
    print(f"== {title}", flush=True)
    done = subprocess.run(command, check=False, env={**os.environ, **(env or {})})
    print(f"   {title}: {'ok' if not done.returncode else 'FAILED'}"
          f" in {time.monotonic() - started:.0f} s", flush=True)  # fmt: skip
    return done.returncode == 0


def static_checks() -> list[bool]:
    return [
        step("ruff", f"{BIN}/ruff", "check", "."),
        step("format", f"{BIN}/ruff", "format", "--check", "."),
        step("architecture", f"{BIN}/lint-imports"),
    ]


def start_types() -> subprocess.Popen[str]:
    """mypy takes a minute without its cache: it fills the moments in which the tests wait, and
    leaves the cores to them otherwise."""
    command = [*PATIENT, f"{BIN}/mypy", *STRICT]
    return subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def types_are_right(mypy: subprocess.Popen[str]) -> bool:
    output, _ = mypy.communicate()
    print(f"== mypy\n{output}   mypy: {'ok' if not mypy.returncode else 'FAILED'}", flush=True)
    return mypy.returncode == 0


def fast_tests() -> list[bool]:
    return [
        step("fast tests", PYTHON, "-m", "pytest", "tests/house", "tests/unit", "-m", "not slow")
    ]


# The flows that lean on the store most; they run on PostgreSQL as well.
STORE_FLOWS = (
    "tests/flows/test_ingest.py",
    "tests/flows/test_ingest_imports.py",
    "tests/flows/recommend",
    "tests/flows/test_attribution.py",
    "tests/flows/test_feed_visits.py",
    "tests/flows/test_matching_learns.py",
    "tests/flows/test_reader_doors.py",
    "tests/flows/test_distribute.py",
    "tests/flows/test_distribute_unsure.py",
    "tests/flows/experiments",
)


def all_tests() -> list[bool]:
    with model_server() as model, postgres_url() as url:
        if url is None:
            print("   PostgreSQL is not on this machine: its tests are skipped", flush=True)
            with elasticsearch() as elastic:
                return [covered_tests({**model, **elastic})]
        postgres = {"CONTENTCENTER_TEST_POSTGRES_URL": url}
        with flows_on_postgres(url) as again, elasticsearch() as elastic:
            return [covered_tests({**postgres, **model, **elastic}), again()]


@contextmanager
def model_server() -> Iterator[dict[str, str]]:
    """One process with the model for all tests that need one; it loads while others run."""
    server = EmbeddingProcess(CACHE)
    server.launch()
    try:
        yield {"CONTENTCENTER_TEST_EMBEDDING_URL": server.url}
    finally:
        server.kill()


@contextmanager
def flows_on_postgres(url: str) -> Iterator[Callable[[], bool]]:
    """Run beside the other tests, in the moments in which those wait; what they said is printed
    at the end."""
    own = {"CONTENTCENTER_TEST_POSTGRES_URL": own_database(url)}
    env = {**os.environ, **own, "CONTENTCENTER_TEST_DATABASE": "postgresql"}
    # Where the cores are full, a patient process waits long for its turn.
    command = [*PATIENT, PYTHON, "-m", "pytest", "--timeout=600", *STORE_FLOWS]
    with TemporaryFile("w+") as said:
        flows = subprocess.Popen(command, env=env, stdout=said, stderr=subprocess.STDOUT)

        def result() -> bool:
            good = flows.wait() == 0
            said.seek(0)
            print(f"== flows on PostgreSQL\n{said.read()}   flows on PostgreSQL:"
                  f" {'ok' if good else 'FAILED'}", flush=True)  # fmt: skip
            return good

        try:
            yield result
        finally:
            flows.kill()


@contextmanager
def elasticsearch() -> Iterator[dict[str, str]]:
    """What the tests need to know of Elasticsearch; the log names the version they ran on."""
    given = os.environ.get("CONTENTCENTER_TEST_ELASTICSEARCH_URL")
    if given:
        print(f"   Elasticsearch {server_version(given)}, the server that was given", flush=True)
        yield {}
        return
    try:
        with temporary_node(short_lived=True) as node:
            print(f"   Elasticsearch {node.version} from Maven Central", flush=True)
            yield {"CONTENTCENTER_TEST_ELASTICSEARCH_URL": node.url}
    except NodeUnavailable as error:
        print(
            f"   Elasticsearch is not on this machine, its tests are skipped: {error}", flush=True
        )
        yield {"CONTENTCENTER_TEST_ELASTICSEARCH_MISSING": str(error)}


def covered_tests(env: dict[str, str]) -> bool:
    """The whole suite with branch coverage, the processes it starts included. Two tests run at
    a time, each file in one process, in the order of tests/order.py."""
    folders = ["tests/house", "tests/unit", "tests/contract", "tests/flows"]
    two = ["-n", "2", "--dist", "loadfile", "--no-loadscope-reorder"]
    cover = ["--cov", "--cov-branch", "--cov-report=term:skip-covered"]
    limit = [f"--cov-fail-under={COVERAGE_PERCENT}", "--durations=15"]
    return step("tests", PYTHON, "-m", "pytest", *folders, *two, *cover, *limit, env=env)


def share_the_machine() -> None:
    """For every process that is started from here on.

    The tests start dozens of Python processes. Where bytecode is not to be written beside the
    sources (`PYTHONDONTWRITEBYTECODE`), each of them would compile all libraries anew: it is
    kept in var/cache then.
    """
    for name, value in ONE_CORE_A_PROCESS.items():
        os.environ.setdefault(name, value)
    if os.environ.pop("PYTHONDONTWRITEBYTECODE", ""):
        os.environ["PYTHONPYCACHEPREFIX"] = str(CACHE / "bytecode")


def main(which: str) -> int:
    started = time.monotonic()
    share_the_machine()
    types = start_types()
    results = static_checks() + (all_tests() if which == "all" else fast_tests())
    results.append(types_are_right(types))
    print(f"== {'all good' if all(results) else 'FAILED'}, {time.monotonic() - started:.0f} s")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "all"))
