"""SIGTERM: an orderly end here, and nothing changed for others."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from tweakreg_step.exposures.parallel.signals import ended_by_terminate, uninterrupted


def test_what_is_half_done_is_undone() -> None:
    undone = []

    def work() -> None:
        with ended_by_terminate():
            try:
                os.kill(os.getpid(), signal.SIGTERM)
                signal.pause()  # where it comes is up to the system
            finally:
                undone.append(True)

    with pytest.raises(SystemExit) as ended:
        work()
    assert ended.value.code == 128 + signal.SIGTERM
    assert undone == [True]
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_the_handler_of_others_stays() -> None:
    heard: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))
    try:
        with ended_by_terminate():
            os.kill(os.getpid(), signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    assert heard == [signal.SIGTERM]


def test_threads_have_no_handlers() -> None:
    reached = []

    def work() -> None:
        with ended_by_terminate():
            reached.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert reached


def told_to_end(done: list[str], error: Exception | None = None) -> None:
    with ended_by_terminate(), uninterrupted():
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.05)  # the handler runs in here
        if error is not None:
            raise error
        done.append("all of it")


def test_a_signal_waits_for_what_must_not_be_interrupted() -> None:
    done: list[str] = []
    with pytest.raises(SystemExit):
        told_to_end(done)
    assert done == ["all of it"]
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_signal_is_not_lost_with_an_error() -> None:
    with pytest.raises(SystemExit):
        told_to_end([], ValueError("broken"))
