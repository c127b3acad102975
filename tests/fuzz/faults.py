"""Faults of a catalog service, sent byte by byte by a server on this machine's loopback."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["GOOD", "HEAD", "IN_TIME", "SENTENCES", "answering", "dripping", "once", "redirect"]

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
