"""The database: one engine, units of work, driver errors turned into ours.

SQLite runs in WAL mode with foreign keys and a busy timeout. A writing unit of work takes
the write lock at its start (BEGIN IMMEDIATE): a read transaction that turns into a writer
half-way is what makes SQLite answer "database is locked" at once, busy timeout or not
(https://www.sqlite.org/lang_transaction.html, section 2.2).
"""

from __future__ import annotations

import select
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import DBAPIError, IntegrityError, InvalidatePoolError, OperationalError
from sqlalchemy.orm import Session

from contentcenter.domain.errors import Conflict, EngineUnavailable

SQLITE_BUSY_SECONDS = 15
# A page may hold one connection while something below it asks over another: there must be two
# for each of a process's threads.
OVERFLOW = 40
# The driver's 1,000 pages (4 MB) move the same hot pages into the file again and again while
# answers and events are written; 32 MB of log are still read back in a blink after a crash.
SQLITE_CHECKPOINT_PAGES = 8_000
# How long a rested connection to PostgreSQL needs no question before its next use.
TRUSTED_SECONDS = 30.0


def _as_json(value: Any) -> str:
    """Keys that are numbers become texts, as the standard library writes them."""
    return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()


_JSON: Mapping[str, Any] = {"json_serializer": _as_json, "json_deserializer": orjson.loads}


class Database:
    """Hands out sessions. `transaction()` for writing, `reading()` for looking."""

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.engine = self._make_engine(pool_size)

    def _make_engine(self, pool_size: int) -> Engine:
        if not self.is_sqlite:
            engine = create_engine(self.url, pool_size=pool_size, max_overflow=OVERFLOW, **_JSON)
            event.listen(engine, "checkin", _note_use)
            event.listen(engine, "checkout", _check_in_doubt(engine))
            return engine
        if self.url.database and self.url.database != ":memory:":
            Path(self.url.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(
            self.url,
            pool_size=pool_size,
            max_overflow=OVERFLOW,
            connect_args={"timeout": SQLITE_BUSY_SECONDS},
            **_JSON,
        )
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A unit of work: commits at the end, rolls back on any error.

        A broken unique or foreign key surfaces as `Conflict`, a database that does not
        answer (or stays locked) as `EngineUnavailable`.
        """
        with _driver_errors(), Session(self.engine, expire_on_commit=False) as session:
            session.connection(execution_options={"writes": True})
            yield session
            session.commit()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session for looking; nothing is committed and loaded rows stay readable after it."""
        with _driver_errors(), Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def connected(self) -> Iterator[Connection]:
        """A bare connection for looking, for pages that are asked hundreds of times a second:
        a `Session` costs more to make than most questions to answer. Each statement sees what
        is committed at its moment, on SQLite as on PostgreSQL, and there is no transaction to
        begin and to end; rows cannot be streamed (`yield_per`), PostgreSQL needs one for that."""
        with _driver_errors(), self.engine.connect() as connection:
            yield connection.execution_options(**self._each_by_itself())

    def _each_by_itself(self) -> dict[str, Any]:
        """Options of a connection without transactions: no BEGIN, nothing to end."""
        return {"alone": True} if self.is_sqlite else {"isolation_level": "AUTOCOMMIT"}

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A unit of work over a bare connection; errors as in `transaction`."""
        with _driver_errors(), self.engine.connect() as bare:
            connection = bare.execution_options(writes=True)
            with connection.begin():
                yield connection

    @contextmanager
    def at_once(self) -> Iterator[Connection]:
        """For a single statement that writes and commits by itself; errors as in
        `transaction`. SQLite's lock is held within that one call of the driver, so never while
        a thread waits for the interpreter."""
        with _driver_errors(), self.engine.connect() as connection:
            yield connection.execution_options(**self._each_by_itself())

    def ping(self) -> None:
        """Return when the database answers, else raise `EngineUnavailable`."""
        with self.reading() as session:
            session.execute(text("SELECT 1"))

    def dispose(self) -> None:
        self.engine.dispose()


@contextmanager
def _driver_errors() -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        message = f"The database refused this, it breaks a key: {error.orig}"
        raise Conflict(message) from error
    except OperationalError as error:
        raise EngineUnavailable(
            f"The database does not answer: {error.orig}", after_seconds=5, engine="store"
        ) from error


@contextmanager
def one_exchange(connection: Connection) -> Iterator[None]:
    """Statements within that return no rows are sent to PostgreSQL one after the other and
    answered together; the first error is raised at the end. Elsewhere nothing changes."""
    dialect = connection.dialect
    if dialect.driver != "psycopg":
        yield
        return
    raw: Any = connection.connection.driver_connection
    failure = dialect.loaded_dbapi.Error
    try:
        with raw.pipeline():
            yield
    except failure as error:
        # As the mapper's library raises it, which sees only what a statement itself raises.
        raise DBAPIError.instance(None, None, error, failure, dialect=dialect) from error


def _note_use(_connection: Any, record: Any) -> None:
    record.info["used"] = time.monotonic()


def _check_in_doubt(engine: Engine) -> Any:
    """Instead of asking the server before every use (`pool_pre_ping`): a connection used a
    moment ago, on whose socket nothing has arrived since, is taken as it is. A server that
    stops or ends a session says so there, and then, as after a long rest, it is asked."""

    def check(connection: Any, record: Any, _proxy: Any) -> None:
        used = record.info.get("used")
        if used is None or (time.monotonic() - used < TRUSTED_SECONDS and _quiet(connection)):
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError from error

    return check


def _quiet(connection: Any) -> bool:
    """Whether nothing waits to be read: no farewell, no end of the stream."""
    if connection.closed:
        return False
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return not poll.poll(0)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # The driver must not begin transactions by itself: `_begin_sqlite` chooses the kind.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "foreign_keys=ON", "synchronous=NORMAL"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.execute(f"PRAGMA wal_autocheckpoint={SQLITE_CHECKPOINT_PAGES}")
    cursor.execute(f"PRAGMA busy_timeout={SQLITE_BUSY_SECONDS * 1000}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    if not options.get("alone"):
        connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("writes") else "BEGIN")
