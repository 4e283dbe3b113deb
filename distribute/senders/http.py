"""One outgoing HTTP door: keep-alive, time-outs, UTF-8 bodies, no token in any message.

What a missing answer means depends on the call: a read changes nothing, a write may have taken
effect. The caller says which it is.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Mapping
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NewConnectionError

from contentcenter.domain.errors import OutcomeUnknown, RetryLater

Json = dict[str, Any]
Upload = tuple[str, bytes, str]  # file name, bytes, media type
_SECRETS = re.compile(r"((?:access_token|secret|corpsecret|key)=)[^&\s'\")]+")


class PlatformHttp:
    """JSON calls below one base address. Safe to use from several threads."""

    def __init__(self, base_url: str, timeout_seconds: float, connections: int = 16) -> None:
        self._base = base_url.rstrip("/")
        self._timeout = (min(timeout_seconds, 5.0), timeout_seconds)
        self._connections = connections
        self._local = threading.local()

    def get(self, path: str, params: Mapping[str, str]) -> Json:
        """A read: no answer means `RetryLater`."""
        return self._call("GET", path, params, effect=False)

    def post(
        self, path: str, params: Mapping[str, str], body: Mapping[str, Any], *, effect: bool
    ) -> Json:
        """`effect`: a call without an answer may have taken effect (`OutcomeUnknown`)."""
        # Real UTF-8 characters: both platforms refuse \\uXXXX escapes with 40033.
        data = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        headers = {"Content-Type": "application/json; charset=utf-8"}
        return self._call("POST", path, params, effect=effect, data=data, headers=headers)

    def upload(self, path: str, params: Mapping[str, str], file: Upload) -> Json:
        """Multipart field `media`. Uploading twice is harmless: no answer means `RetryLater`."""
        return self._call("POST", path, params, effect=False, files={"media": file})

    def _call(
        self, method: str, path: str, params: Mapping[str, str], *, effect: bool, **kwargs: Any
    ) -> Json:
        try:
            answer = self._session().request(
                method, self._base + path, params=dict(params), timeout=self._timeout, **kwargs
            )
        except requests.RequestException as error:
            raise _silence(path, error, effect) from _masked(error)
        if answer.status_code >= 500 or answer.status_code == 429:
            raise _no_answer(f"{path} answered HTTP {answer.status_code}", effect)
        try:
            body = json.loads(answer.content)
        except ValueError as error:
            raise _no_answer(
                f"{path} answered HTTP {answer.status_code} without JSON", effect
            ) from error
        return body if isinstance(body, dict) else {}

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = requests.Session()
            # Reading ~/.netrc at every call costs more than the call itself; proxies for
            # platform calls belong into the base address.
            session.trust_env = False
            session.mount(self._base, HTTPAdapter(pool_maxsize=self._connections))
            self._local.session = session
        return session


def _silence(path: str, error: requests.RequestException, effect: bool) -> Exception:
    if _never_connected(error):
        return RetryLater(f"{path}: no connection ({type(error).__name__})", after_seconds=15)
    return _no_answer(f"{path}: no answer ({type(error).__name__})", effect)


def _never_connected(error: requests.RequestException) -> bool:
    """Nothing was sent, so nothing took effect."""
    cause = error.args[0] if error.args else None
    return isinstance(cause, MaxRetryError) and isinstance(
        cause.reason, (NewConnectionError, ConnectTimeoutError)
    )


def _no_answer(message: str, effect: bool) -> RetryLater | OutcomeUnknown:
    return OutcomeUnknown(message) if effect else RetryLater(message, after_seconds=15)


def _masked(error: requests.RequestException) -> Exception:
    """The driver's error without the secrets its address carries."""
    return requests.RequestException(_SECRETS.sub(r"\1***", str(error)))
