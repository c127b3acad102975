"""Services with faults of every kind: a sentence within the time, and nothing else."""

from __future__ import annotations

import re
import socket
import threading
import time

import pytest
from fuzz.faults import GOOD, HEAD, IN_TIME, SENTENCES, Send, answering, once, redirect

from tweakreg_step.catalogs.reference.footprint import Circle
from tweakreg_step.catalogs.reference.web import service
from tweakreg_step.core.exceptions import ReferenceServiceError
from tweakreg_step.parameters.stages import ReferenceParameters

HERE = Circle(10.0, -5.0, 0.04)
HASTY = ReferenceParameters(refcat_timeout=0.1, refcat_retries=1, refcat_max_size=1.0)
CALM = ReferenceParameters(refcat_timeout=5.0, refcat_retries=1, refcat_max_size=1.0)
LONGEST = 3.0  # s; four times the timeout, and room for a busy machine


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
