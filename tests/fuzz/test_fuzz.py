"""A fixed part of the fuzzers' cases; FUZZ=3000 runs so many of each (make fuzz)."""

from __future__ import annotations

import os
import signal
import warnings
from collections import Counter
from pathlib import Path

import pytest
from fuzz.cases import FUZZERS, Scene

from tweakreg_step.simulate import Truth

SUITE = {"headers": 40, "damaged images": 40}
"""Cases in the suite of those that take longer than milliseconds; of others 150."""


LONGEST = 60
"""Seconds after which the reading of a case counts as a hang."""


class HangError(BaseException):
    """No Exception, or what reads the case would take it for damage."""


def _hangs(*_: object) -> None:
    raise HangError(f"not read in {LONGEST} s")


@pytest.mark.parametrize("kind", FUZZERS)
def test_hostile_input_is_used_or_refused(kind: str, stack: Truth, tmp_path: Path) -> None:
    signal.signal(signal.SIGALRM, _hangs)
    count = int(os.environ.get("FUZZ", "0")) or SUITE.get(kind, 150)
    scene, raw, seen = Scene(stack, tmp_path), dict[int, str](), Counter[str]()
    for seed in range(count):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of libraries, about what was made odd on purpose
            signal.alarm(LONGEST)
            try:
                seen[FUZZERS[kind](seed, scene)] += 1
            except (Exception, HangError) as error:  # noqa: BLE001 - these are counted
                raw[seed] = f"{type(error).__name__}: {str(error)[:200]}"
            finally:
                signal.alarm(0)
    assert not raw
    assert seen["used"] > 0.02 * count  # the cases are not all too hostile
    assert seen["refused"] > 0.1 * count  # nor too tame
