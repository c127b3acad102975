"""The text at an address: within one time, of a limited size, by http(s) alone."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from tweakreg_step.core.wording import printable

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

__all__ = ["DownloadError", "Limits", "download"]

CHUNK = 1 << 16
MEGABYTE = 1e6
REDIRECTS = 5
FEW = 0.2  # s that a broken connection has to end in


@dataclass(frozen=True, slots=True)
class Limits:
    """What an answer may take.

    Attributes
    ----------
    silence
        Longest wait for a sign of life [s].
    until
        When all must be over, on the clock of `time.monotonic` [s].
    most_bytes
        Largest answer, after decompression.
    """

    silence: float
    until: float
    most_bytes: float

    @property
    def left(self) -> float:
        """Time that is left [s]."""
        return self.until - time.monotonic()


class DownloadError(Exception):
    """What went wrong, as the end of a sentence that begins with "The service".

    Whether asking again may do, and whether the service did not like the question.
    """

    def __init__(self, sentence: str, *, may_pass: bool = True, refused: bool = False) -> None:
        super().__init__(sentence)
        self.may_pass = may_pass
        self.refused = refused


def download(url: str, limits: Limits) -> str:
    """The text at an address.

    A thread waits for it, and is left behind if it does not end in time with its connections
    broken: nothing else ends the search for a name, an endless head, or letters that drip.

    Raises
    ------
    DownloadError
        If it can't be had, whatever is wrong.
    """
    wires, found = _Wires(), list[bytes | Exception]()
    work = threading.Thread(target=_work, args=(url, limits, wires, found), daemon=True)
    work.start()
    work.join(max(limits.left, 0.0))
    wires.cut()
    work.join(FEW)
    result = found[0] if found else _overdue(limits)
    if isinstance(result, bytes):
        return result.decode("utf-8", errors="replace")
    if isinstance(result, DownloadError):
        raise result
    late = limits.left <= 0.0 and not isinstance(result, requests.Timeout)
    raise (_overdue(limits) if late else _explained(result, limits)) from result


def _work(url: str, limits: Limits, wires: _Wires, found: list[bytes | Exception]) -> None:
    try:
        found.append(_exchange(url, limits, wires))
    except Exception as error:  # noqa: BLE001 - it is explained by the thread that waits
        found.append(error)


def _exchange(url: str, limits: Limits, wires: _Wires) -> bytes:
    with _Session(wires) as session:
        for _ in range(REDIRECTS + 1):
            _check_scheme(url)
            wait = max(min(limits.silence, limits.left), 0.001)
            with session.get(url, stream=True, timeout=wait) as answer:
                if not answer.is_redirect:
                    _check_status(answer)
                    return _body(answer.raw, limits)
                url = urljoin(url, answer.headers["location"])
    raise DownloadError(f"redirected more than {REDIRECTS} times", may_pass=False)


def _check_scheme(url: str) -> None:
    scheme = urlsplit(url).scheme
    if scheme not in {"http", "https"}:
        raise DownloadError(
            f"redirected to an address that begins with '{printable(scheme[:20])}:', but only "
            "http:// and https:// are followed",
            may_pass=False,
        )


def _check_status(answer: requests.Response) -> None:
    code = answer.status_code
    if code >= 300:
        raise DownloadError(
            f"answered with the error {code} ({printable(str(answer.reason)[:80])})",
            may_pass=code >= 500 or code in {400, 408, 422, 429},
            refused=True,
        )


def _body(raw: BaseHTTPResponse, limits: Limits) -> bytes:
    """The body, decompressed; a bomb is found out before it is whole."""
    parts, size = [], 0
    for part in raw.stream(CHUNK, decode_content=True):
        parts.append(part)
        size += len(part)
        if size > limits.most_bytes:
            raise DownloadError(
                f"sent more than {limits.most_bytes / MEGABYTE:g} MB, the most that is read "
                "('refcat_max_size')",
                may_pass=False,
            )
        if limits.left <= 0.0:
            raise _overdue(limits)
    return b"".join(parts)


def _overdue(limits: Limits) -> DownloadError:
    return DownloadError(
        "had sent no answer, or only a part of it, when the time for it was over "
        f"(no silence may last longer than {limits.silence:g} s, and all tries together not longer "
        "than four times that)",
        may_pass=False,
    )


def _explained(error: Exception, limits: Limits) -> DownloadError:
    """An error of any kind as the end of a sentence."""
    if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError):
        return DownloadError(f"was silent for {limits.silence:g} s")
    broken = next((e for e in _causes(error) if hasattr(e, "partial")), None)
    if broken is not None:
        more = f", {broken.expected} bytes more were promised" if broken.expected else ""
        return DownloadError(f"sent a truncated answer: {_count(broken.partial)} bytes came{more}")
    if isinstance(error, urllib3.exceptions.HTTPError) and not isinstance(
        error, urllib3.exceptions.LocationValueError
    ):
        return DownloadError(f"sent an answer that can't be read ({_short(error)})")
    return DownloadError(f"can't be reached ({_short(error)})")


def _causes(error: BaseException) -> list[Any]:
    """An error, and what it carries as its reasons."""
    return [error, *(arg for arg in error.args if isinstance(arg, Exception))]


def _count(partial: int | bytes) -> int:
    return partial if isinstance(partial, int) else len(partial)


def _short(error: Exception) -> str:
    return printable((str(error) or type(error).__name__)[:300])


@dataclass(slots=True)
class _Wires:
    """The connections of one question, to be cut from outside.

    Those that are kept here are second handles: encryption takes the first ones over.
    """

    handles: list[socket.socket] = field(default_factory=list)
    ended: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, connection: socket.socket) -> None:
        with self.lock:
            if self.ended:
                connection.close()
                raise TimeoutError
            self.handles.append(connection.dup())

    def cut(self) -> None:
        """Break all connections, for whoever reads from them; later ones break at once."""
        with self.lock:
            self.ended = True
            for handle in self.handles:
                with suppress(OSError):  # it has ended by itself
                    handle.shutdown(socket.SHUT_RDWR)
                handle.close()
            self.handles.clear()


class _Session(requests.Session):
    """A session whose connections can be cut, and that leaves redirects to its user.

    (requests would read the whole body of an answer that redirects, however long it is.)
    """

    def __init__(self, wires: _Wires) -> None:
        super().__init__()
        for scheme in ("http://", "https://"):
            self.mount(scheme, _Adapter(wires))

    def get_redirect_target(self, resp: requests.Response) -> None:
        """No redirect is followed."""


class _Adapter(HTTPAdapter):
    def __init__(self, wires: _Wires) -> None:
        self._pools = _pools_on(wires)
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: Any, **options: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **options)
        if not str(proxy).lower().startswith("socks"):  # these have connections of their own kind
            manager.pool_classes_by_scheme = self._pools
        return manager


def _pools_on(wires: _Wires) -> dict[str, type[HTTPConnectionPool]]:
    """urllib3's pools, whose connections are known to ``wires`` as soon as they are there."""

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            wires.add(connection := super()._new_conn())
            return connection

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            wires.add(connection := super()._new_conn())
            return connection

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}
