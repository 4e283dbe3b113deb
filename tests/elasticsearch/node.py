"""A real Elasticsearch node for tests and measurements, from Maven Central.

    node = ElasticNode(folder)          # or port=9200, heap_mb=2048
    node.start()                        # node.url, node.version
    node.pause(); node.resume()         # SIGSTOP, SIGCONT: the node hangs
    node.kill(); node.start()           # kill -9, then again with the same data and port
    node.stop(); node.erase()

The node is the published server with its own HTTP module and nothing else: no x-pack, no
security, none of the optional modules. It ends with the process that started it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from filelock import FileLock

SOURCE = Path(__file__).parent
BUILDS = SOURCE.parents[1] / "var" / "elasticsearch"
OLDEST_JAVA = 21  # what the server's classes were compiled for
# The first build fetches about 60 MB.
_BUILD_SECONDS = 300
_READY_SECONDS = 120
_SMALL_HEAP_MB = 1024
_MEMORY_BYTES = 4 * 2**30
_ARCHIVE = "classes.jsa"
# Distances of vectors by SIMD, as the server's own start script asks for it.
_SIMD = "--add-modules=jdk.incubator.vector"
_FIRST_COMPILER_ONLY = "-XX:TieredStopAtLevel=1"
_READY = re.compile(r"^ready (\S+) (http://\S+)$", re.MULTILINE)


class NodeUnavailable(Exception):
    """No node can be had on this machine; the message is one line that says why."""


class ElasticNode:
    """One node on loopback that may be killed, paused and started again on the same port and
    data. `folder` takes data and logs. A `short_lived` one goes without Java's optimising
    compiler, which takes more time in the first minutes than it gives, and without the vectors
    by SIMD that need it: not for measurements."""

    def __init__(
        self, folder: Path, *, port: int = 0, heap_mb: int = 512, short_lived: bool = False
    ) -> None:
        self.folder = folder
        self.heap_mb = heap_mb
        self.short_lived = short_lived
        self.version = ""
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def pid(self) -> int:
        """Of the running node, for measurements of its memory."""
        return self._running().pid

    def start(self) -> None:
        """Start and wait until it answers. Raises `NodeUnavailable`."""
        java = find_java()
        home = build(java)
        self._port = self._port or free_port()
        self.folder.mkdir(parents=True, exist_ok=True)
        output = self.folder / "ready.txt"
        with output.open("wb") as out, (self.folder / "node.log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command(java, home), stdin=subprocess.PIPE, stdout=out, stderr=log
            )
        self._owner = os.getpid()
        self._wait(output)

    def stop(self) -> None:
        """End it; acknowledged writes stay on the disk (they are in the transaction log)."""
        self.kill()

    def kill(self) -> None:
        process, self._process = self._process, None
        if process is None or self._owner != os.getpid():
            return
        process.kill()
        process.wait()
        if process.stdin is not None:
            process.stdin.close()

    def pause(self) -> None:
        self._running().send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._running().send_signal(signal.SIGCONT)

    def erase(self) -> None:
        """Forget the data."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError("the node is not running")
        return self._process

    def _command(self, java: Path, home: Path) -> list[str]:
        options = [f"-Xms{self.heap_mb}m", f"-Xmx{self.heap_mb}m"]
        if self.heap_mb <= _SMALL_HEAP_MB:
            options.append("-XX:+UseSerialGC")  # starts faster and takes less of few cores
        options.append(_FIRST_COMPILER_ONLY if self.short_lived else _SIMD)
        options.append(f"-XX:SharedArchiveFile={home / _ARCHIVE}")
        return command(java, home, options, self.folder / "data", self._port)

    def _wait(self, output: Path) -> None:
        process, deadline = self._running(), time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            found = _READY.search(output.read_text())
            if found:
                self.version = found[1]
                return
            time.sleep(0.05)
        self.kill()
        raise NodeUnavailable(f"the node did not start; see {self.folder / 'node.log'}")


def command(java: Path, home: Path, options: list[str], data: Path, port: int) -> list[str]:
    """How a node is started; it ends with its standard input."""
    return [
        str(java / "bin" / "java"),
        *options,
        "--enable-native-access=ALL-UNNAMED",
        "-cp",
        f"{home / 'lib'}/*",
        "contentcenter.TestNode",
        str(home / "home"),
        str(data),
        str(port),
    ]


@contextmanager
def temporary_node(
    *, port: int = 0, heap_mb: int = 512, short_lived: bool = False
) -> Iterator[ElasticNode]:
    """A started node whose data vanish at the end, in memory where there is room. Raises
    `NodeUnavailable`."""
    root = _memory_folder()
    with TemporaryDirectory(prefix="cc-es-", ignore_cleanup_errors=True, dir=root) as folder:
        node = ElasticNode(Path(folder), port=port, heap_mb=heap_mb, short_lived=short_lived)
        node.start()
        try:
            yield node
        finally:
            node.kill()


def _memory_folder() -> str | None:
    """Making and switching indices is mostly waiting for disk syncs: tests need a third of the
    time in memory."""
    folder = "/dev/shm"  # noqa: S108 - a private folder is made in it
    if not Path(folder).is_dir() or shutil.disk_usage(folder).free < _MEMORY_BYTES:
        return None
    return folder


def server_version(url: str) -> str:
    """The version of a server that runs somewhere; what is wrong when it does not tell."""
    try:
        with urllib.request.urlopen(f"{url}/_nodes/_local?filter_path=nodes.*.version") as answer:
            nodes = json.load(answer)["nodes"]
    except (OSError, ValueError) as error:
        return f"of unknown version ({error})"
    return ", ".join(sorted(node["version"] for node in nodes.values()))


def find_java() -> Path:
    """Home of the newest JDK that is new enough: JAVA_HOME, PATH, /usr/lib/jvm."""
    places = [Path(os.environ["JAVA_HOME"])] if os.environ.get("JAVA_HOME") else []
    on_path = shutil.which("javac")
    if on_path:
        places.append(Path(on_path).resolve().parents[1])
    places += sorted(Path("/usr/lib/jvm").glob("*"))
    versions = {place: _java_version(place) for place in places}
    best = max(versions, key=lambda place: versions[place], default=None)
    if best is None or versions[best] < OLDEST_JAVA:
        raise NodeUnavailable(f"no JDK of version {OLDEST_JAVA} or newer")
    return best


def _java_version(home: Path) -> int:
    """The major version, 0 for what is no JDK. Every JDK has a `release` file."""
    release = home / "release"
    if not release.is_file() or not (home / "bin" / "javac").exists():
        return 0
    found = re.search(r'^JAVA_VERSION="(\d+)', release.read_text(), re.MULTILINE)
    return int(found[1]) if found else 0


def build(java: Path) -> Path:
    """Folder with the server and its HTTP module, built by Maven once for each state of the
    sources. Raises `NodeUnavailable`."""
    folder = BUILDS / _fingerprint()
    BUILDS.mkdir(parents=True, exist_ok=True)
    with FileLock(BUILDS / "lock"):
        if not (folder / "built").exists():
            _run_maven(java, folder)
            _archive_classes(java, folder / "node")
            (folder / "built").touch()
    return folder / "node"


def _fingerprint() -> str:
    digest = hashlib.sha256()
    for path in [SOURCE / "pom.xml", *sorted((SOURCE / "src").rglob("*.*"))]:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _run_maven(java: Path, folder: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise NodeUnavailable("Maven is not on this machine")
    command = [maven, "-B", "-q", f"-Dbuild.folder={folder}", "package"]
    environment = {**os.environ, "JAVA_HOME": str(java)}
    try:
        subprocess.run(
            command,
            cwd=SOURCE,
            env=environment,
            check=True,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=_BUILD_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise NodeUnavailable(f"Maven needed more than {_BUILD_SECONDS} s") from error
    except subprocess.CalledProcessError as error:
        said = [line for line in error.stdout.decode().splitlines() if "ERROR" in line]
        raise NodeUnavailable(f"Maven could not build the node: {' '.join(said[:1])}") from error


def _archive_classes(java: Path, home: Path) -> None:
    """Start once and keep the loaded classes: later starts need half the time."""
    options = [f"-XX:ArchiveClassesAtExit={home / _ARCHIVE}", _SIMD]
    with TemporaryDirectory(prefix="cc-es-", ignore_cleanup_errors=True) as data:
        try:
            done = subprocess.run(
                command(java, home, options, Path(data), 0),
                check=False,
                capture_output=True,
                stdin=subprocess.DEVNULL,
                timeout=_READY_SECONDS,
            )
        except subprocess.TimeoutExpired as error:
            raise NodeUnavailable(f"the node needed more than {_READY_SECONDS} s") from error
    if not _READY.search(done.stdout.decode()):
        said = done.stderr.decode().splitlines()
        raise NodeUnavailable(f"the node did not start: {' '.join(said[-1:])}")


def free_port() -> int:
    """A loopback port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
