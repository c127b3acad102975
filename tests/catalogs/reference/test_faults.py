"""Services with faults of every kind: a sentence within the time, and nothing else."""

from __future__ import annotations

import gzip
import re
import socket
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from tweakreg_step.catalogs.reference import service
from tweakreg_step.catalogs.reference.footprint import Circle
from tweakreg_step.core.exceptions import ReferenceServiceError
from tweakreg_step.parameters.stages import ReferenceParameters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HERE = Circle(10.0, -5.0, 0.04)
HASTY = ReferenceParameters(refcat_timeout=0.1, refcat_retries=1, refcat_max_size=1.0)
CALM = ReferenceParameters(refcat_timeout=5.0, refcat_retries=1, refcat_max_size=1.0)
LONGEST = 3.0  # s; four times the timeout, and room for a busy machine
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\n"
GOOD = b"ra,dec,mag\r\n10.0,-5.0,15.0\r\n"
Send = "Callable[[bytes], None]"


@contextmanager
def answering(answer: Callable[[Send], None]) -> Iterator[tuple[str, list[str]]]:
    """A server that answers every question with bytes of a test's own; its address, the calls."""
    calls: list[str] = []

    def handle(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            calls.append(connection.recv(65536).decode().split("\r\n")[0])
            answer(connection.sendall)

    def serve(server: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = server.accept()
                threading.Thread(target=handle, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, args=(server,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}", calls
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join(5.0)


def dripping(before: bytes, drop: bytes) -> Callable[[Send], None]:
    def answer(send: Send) -> None:
        send(before)
        for _ in range(400):  # in 20 s; the client hangs up long before
            send(drop)
            time.sleep(0.05)

    return answer


def endless(before: bytes, part: bytes) -> Callable[[Send], None]:
    def answer(send: Send) -> None:
        send(before)
        for _ in range(100_000):
            send(part)

    return answer


def once(*parts: bytes) -> Callable[[Send], None]:
    def answer(send: Send) -> None:
        for part in parts:
            send(part)

    return answer


def silence(_send: Send) -> None:
    time.sleep(3.0)


def redirect(where: bytes) -> Callable[[Send], None]:
    return once(b"HTTP/1.1 302 Found\r\nLocation: " + where + b"\r\nContent-Length: 0\r\n\r\n")


CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
BOMB = gzip.compress(b"ra,dec\r\n" + b"1,2\r\n" * 2_000_000)
ZIPPED = HEAD + b"Content-Encoding: gzip\r\n"

IN_TIME = {
    "silence": silence,
    "status line drips": dripping(b"", b"H"),
    "head drips": dripping(HEAD + b"X: ", b"a"),
    "names of the head drip": dripping(HEAD, b"X: a\r\n"),
    "line of a chunk drips": dripping(CHUNKED, b"1"),
    "extension of a chunk drips": dripping(CHUNKED + b"1;", b"x"),
    "chunks drip": dripping(CHUNKED, b"1\r\na\r\n"),
    "trailer drips": dripping(CHUNKED + b"1\r\na\r\n0\r\nX: ", b"a"),
    "names of the trailer drip": dripping(CHUNKED + b"1\r\na\r\n0\r\n", b"X: a\r\n"),
    "body drips": dripping(HEAD + b"\r\n", b"a"),
    "promised body drips": dripping(HEAD + b"Content-Length: 9999\r\n\r\n", b"a"),
    "zipped body drips": dripping(ZIPPED + b"\r\n" + BOMB[:100], BOMB[100:101]),
    "body of a redirect drips": dripping(b"HTTP/1.1 302 F\r\nLocation: /a\r\n\r\n", b"a"),
    "body of an error drips": dripping(b"HTTP/1.1 500 F\r\n\r\n", b"a"),
    "100 Continue for ever": endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "100 Continue drips": dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "103 for ever": endless(b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"),
    "head for ever": endless(HEAD, b"X: " + b"a" * 60_000 + b"\r\n"),
    "trailer for ever": endless(CHUNKED + b"0\r\n", b"X: " + b"a" * 60_000 + b"\r\n"),
    "line for ever": endless(b"HTTP/1.1 200 ", b"O" * 60_000),
}
"""Of these the sentence does not matter, which depends on the moment."""

SENTENCES = {
    "body for ever": (endless(HEAD + b"\r\n", b"a" * 65536), r"more than 1 MB.*refcat_max_size"),
    "chunks for ever": (endless(CHUNKED, b"ffff\r\n" + b"a" * 65535 + b"\r\n"), "more than 1 MB"),
    "bomb": (once(ZIPPED + b"\r\n", BOMB), "more than 1 MB"),
    "no gzip": (once(ZIPPED + b"\r\n", b"what else"), "sent an answer that can't be read"),
    "too short": (once(HEAD + b"Content-Length: 99\r\n\r\n", GOOD), "truncated.* 71 bytes more"),
    "chunk cut off": (once(CHUNKED, b"ff\r\n", GOOD), "sent a truncated answer"),
    "to a file": (redirect(b"file:///etc/passwd"), r"redirected to .* begins with 'file:'"),
    "to ftp": (redirect(b"ftp://127.0.0.1/a"), r"redirected to .* begins with 'ftp:'"),
    "in circles": (redirect(b"/again"), "redirected more than 5 times"),
    "to nonsense": (redirect(b"http://[::1"), "can't be reached"),
    "no http": (once(b"220 mail.example ESMTP\r\n"), "can't be reached"),
    "hangs up": (once(), "can't be reached"),
    "a field more": (once(HEAD + b"\r\n", GOOD, b"1,2,3,4\r\n"), "sent a table that can't be read"),
    "an open quote": (
        once(HEAD + b"\r\n", b'ra,dec\r\n"1,2\r\n3,4\r\n'),
        "with an open quote: '\"1,2",
    ),
    "RA and ra": (once(HEAD + b"\r\nRA,dec,ra\r\n1,2,3\r\n"), "two columns 'ra'"),
    "NUL": (once(HEAD + b"\r\nra,dec\r\n\0,\0\r\n"), "no numbers|can't be read"),
    "letters": (once(HEAD + b"\r\nra,dec\r\none,two\r\n"), "positions that are no numbers"),
    "infinite": (once(HEAD + b"\r\nra,dec\r\ninf,2\r\n"), "out of range"),
    "many columns": (once(HEAD + b"\r\nra,dec" + b",a" * 5000 + b"\r\n"), "of 5002 columns"),
}


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "BACK_OFF", 0.0)


def ask(
    monkeypatch: pytest.MonkeyPatch, url: str, parameters: ReferenceParameters = HASTY
) -> tuple[str, float]:
    """The sentence that a fault ends with, and when it comes."""
    monkeypatch.setenv("ASTROMETRIC_CATALOG_URL", url)
    start = time.monotonic()
    with pytest.raises(ReferenceServiceError) as caught:
        service.ask("GAIADR3", HERE, parameters)
    return str(caught.value), time.monotonic() - start


@pytest.mark.parametrize("fault", IN_TIME)
def test_a_question_ends_in_time(monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    with answering(IN_TIME[fault]) as (url, _):
        sentence, seconds = ask(monkeypatch, url)
    assert seconds < LONGEST
    assert "It must give a table of stars" in sentence


@pytest.mark.parametrize("fault", SENTENCES)
def test_faults_are_told_apart(monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    answer, expected = SENTENCES[fault]
    with answering(answer) as (url, _):
        sentence, _ = ask(monkeypatch, url, CALM)
    assert re.search(expected, sentence), sentence


def test_connections_do_not_outlive_a_question(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = threading.Event()

    def answer(send: Send) -> None:
        send(HEAD + b"X: ")
        try:
            for _ in range(200):
                send(b"a")
                time.sleep(0.05)
        except OSError:
            broken.set()

    with answering(answer) as (url, _):
        ask(monkeypatch, url)
        assert broken.wait(2.0)


def test_a_redirect_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        answering(once(HEAD + b"\r\n", GOOD)) as (there, _),
        answering(redirect(there.encode() + b"/moved")) as (url, _),
    ):
        monkeypatch.setenv("ASTROMETRIC_CATALOG_URL", url)
        assert len(service.ask("GAIADR3", HERE, CALM)) == 1


NONSENSE = [
    "http://[::1", "http://[zz]/", "http://[fe80::1%25nothing]/", "http://[::1]:99999", "http://]",
    f"http://{'a' * 64}.example", f"http://{'a.' * 200}example", "http://", "http:///a", "http://:80",
    "http://.example", "http://exa mple", "http://\u0662.example", "http://xn--\u00e9.example",
    "http://127.0.0.1:port", "http://127.0.0.1:-1", "http://127.0.0.1:0", "https://127.0.0.1:1",
    "http://127.0.0.1\\@x", "http://\udc80", "http://a\nb", "http://%00", "//127.0.0.1",
    "no address",
]  # fmt: skip


@pytest.mark.parametrize("url", NONSENSE)
def test_addresses_that_are_none(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    def nobody(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nobody if "127" not in url else socket.getaddrinfo)
    sentence, _ = ask(monkeypatch, url)
    assert "can't be reached" in sentence or "must begin with http" in sentence
    assert sentence.isprintable()


@pytest.mark.parametrize(
    "url",
    ["http://user:hunter2@127.0.0.1:1", "http://user:hunter2@[::1", "user:hunter2@127.0.0.1",
     "http://user:hun@ter/2@127.0.0.1:1", "ftp://user:hunter2@127.0.0.1",
     "http://127.0.0.1:1/x?password=hunter2&a=1", "http://user:hunter%32@127.0.0.1:1"],
)  # fmt: skip
def test_passwords_are_never_shown(
    monkeypatch: pytest.MonkeyPatch, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("DEBUG", logger="tweakreg_step"):
        sentence, _ = ask(monkeypatch, url)
    for secret in ("hunter", "hun@", "ter/2"):
        assert secret not in sentence
        assert secret not in caplog.text


def test_a_name_server_that_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(4.0))
    _, seconds = ask(monkeypatch, "http://somewhere.example")
    assert seconds < LONGEST
