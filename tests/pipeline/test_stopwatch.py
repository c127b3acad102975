"""Stages are named in order and added up, whatever happens in them."""

from __future__ import annotations

import pytest

from tweakreg_step.pipeline import stopwatch
from tweakreg_step.pipeline.stopwatch import Stopwatch


def test_stages_add_up_in_the_order_of_first_use(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 1.0, 10.0, 12.0, 20.0, 24.0])
    monkeypatch.setattr(stopwatch.time, "perf_counter", lambda: next(clock))
    watch = Stopwatch()
    for stage in ("b", "a", "b"):
        with watch(stage):
            pass
    assert watch.seconds == {"b": 5.0, "a": 2.0}
    assert list(watch.seconds) == ["b", "a"]


def test_a_stage_that_fails_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 3.0])
    monkeypatch.setattr(stopwatch.time, "perf_counter", lambda: next(clock))
    watch = Stopwatch()
    with pytest.raises(KeyError), watch("a"):
        raise KeyError("a")
    assert watch.seconds == {"a": 3.0}
