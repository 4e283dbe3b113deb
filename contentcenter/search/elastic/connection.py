"""Talking to the cluster: one client a process, repeats with back-off, our names for errors."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import elastic_transport
import elasticsearch
from elasticsearch import ApiError, Elasticsearch, NotFoundError

from contentcenter.domain.errors import EngineUnavailable, ModelMismatch
from contentcenter.search import patience
from contentcenter.search.elastic.options import ElasticOptions

T = TypeVar("T")

# Too busy, or a part of it not there at the moment.
BUSY = frozenset({429, 502, 503, 504})
# Seconds between the tries of a write. A question is asked twice at most: somebody waits.
PAUSES = (0.1, 0.3, 0.9)
_QUESTION_PAUSES = (0.02,)
_CLIENT_MAJOR = elasticsearch.__version__[0]
_CLIENT = ".".join(str(part) for part in elasticsearch.__version__)
# Threads of one process that may ask at the same time.
_CONNECTIONS = 32
_PLAIN_JSON = {"accept": "application/json"}


class IndexGone(Exception):
    """The name is not there: never made, or just replaced by a rebuild."""


class Connection:
    """A client for each process: sockets must not be shared across a fork."""

    def __init__(self, options: ElasticOptions) -> None:
        self.options = options
        self._process = 0
        self._client: Elasticsearch | None = None
        self._page_client: Elasticsearch | None = None

    def ask(self, question: Callable[[Elasticsearch], T]) -> T:
        """Ask something that somebody waits for. Raises `EngineUnavailable`, `ModelMismatch`
        and `IndexGone`."""
        with _our_errors():
            return _patiently(lambda: question(self._asker()), _QUESTION_PAUSES)

    def write(self, work: Callable[[Elasticsearch], T]) -> T:
        """Do something that may be repeated, with back-off; errors like `ask`."""
        seconds = self.options.write_timeout_seconds
        with _our_errors():
            return _patiently(lambda: work(self._ready().options(request_timeout=seconds)), PAUSES)

    def server_version(self) -> str:
        """Of the node that answers; empty where our rights do not reach so far."""
        with _our_errors():
            return _server_version(self._asker())

    def _asker(self) -> Elasticsearch:
        """The client of this thread's patience."""
        client = self._ready()
        return self._page_client or client if patience.in_page() else client

    def _ready(self) -> Elasticsearch:
        if self._client is None or self._process != os.getpid():
            client = _new_client(self.options)
            page_client = client.options(request_timeout=self.options.page_timeout_seconds)
            _check_major(page_client if patience.in_page() else client)
            self._page_client = page_client
            self._client, self._process = client, os.getpid()
        return self._client


def _new_client(options: ElasticOptions) -> Elasticsearch:
    extra: dict[str, Any] = {"ca_certs": options.ca_file} if options.ca_file else {}
    return Elasticsearch(
        [address.strip() for address in options.url.split(",")],
        api_key=options.api_key or None,
        basic_auth=(options.user, options.password) if options.user else None,
        request_timeout=options.timeout_seconds,
        connections_per_node=_CONNECTIONS,
        # Repeats are ours: the client's own come without a pause.
        max_retries=0,
        retry_on_timeout=False,
        **extra,
    )


def _check_major(client: Elasticsearch) -> None:
    """Client and server must be of one major version. Raises `EngineUnavailable`."""
    version = _patiently(lambda: _server_version(client), _QUESTION_PAUSES)
    if version and int(version.split(".")[0]) != _CLIENT_MAJOR:
        raise EngineUnavailable(
            f"The Elasticsearch server is version {version}, the installed client "
            f"{_CLIENT}: their major versions must be the same.",
            server=version,
            client=_CLIENT,
        )


def _server_version(client: Elasticsearch) -> str:
    # Plain JSON: a server of another major version refuses the client's usual header.
    try:
        answer: Any = client.perform_request(
            "GET", "/_nodes/_local?filter_path=nodes.*.version", headers=_PLAIN_JSON
        )
    except ApiError as error:
        if error.status_code == 403:
            return ""
        raise
    versions = [str(node["version"]) for node in answer.body["nodes"].values()]
    return versions[0] if versions else ""


def _patiently(work: Callable[[], T], pauses: tuple[float, ...]) -> T:
    """Repeat after each pause while the cluster is busy or the connection breaks. A time-out
    is not repeated: the answer would come even later."""
    for pause in pauses:
        try:
            return work()
        except elastic_transport.ConnectionTimeout:
            raise
        except elastic_transport.ConnectionError:
            time.sleep(pause)
        except ApiError as error:
            if error.status_code not in BUSY:
                raise
            time.sleep(pause)
    return work()


@contextmanager
def _our_errors() -> Iterator[None]:
    try:
        yield
    except NotFoundError as error:
        raise IndexGone(str(error.body)) from error
    except ApiError as error:
        raise _named(error) from error
    except elastic_transport.TransportError as error:
        raise EngineUnavailable(
            "Elasticsearch does not answer.", after_seconds=5.0, cause=str(error)
        ) from error


def _named(error: ApiError) -> EngineUnavailable | ModelMismatch:
    reason = str(error.body)
    if "different number of dimensions" in reason:
        return ModelMismatch("The question was embedded by another model than the index.")
    if error.status_code in {401, 403}:
        message = "Elasticsearch refuses our credentials or our rights do not suffice."
    elif error.status_code in BUSY:
        message = "Elasticsearch is too busy or lacks a part of the index."
    else:
        message = "Elasticsearch refused the request."
    return EngineUnavailable(message, status=error.status_code, cause=reason[:2000])
