"""Sources that take no part are counted by what they are, each once."""

from __future__ import annotations

import numpy as np

from tweakreg_step.core.sources import Sources
from tweakreg_step.exposures import idle_by_reason
from tweakreg_step.sources.flags import Flag


def _sources(flags: list[int] | None) -> Sources:
    count = 2 if flags is None else len(flags)
    place = np.arange(float(count))
    none = None if flags is None else np.array(flags, np.int32)
    return Sources(x=place, y=place, flux=place, x_err=None, y_err=None, flags=none)


def test_each_source_has_one_reason_the_most_first() -> None:
    sharp, edge, bad = int(Flag.SHARP), int(Flag.EDGE), int(Flag.NEAR_BAD)
    first = _sources([sharp, sharp, sharp | bad, sharp | bad, sharp | bad])
    second = _sources([sharp | edge | bad])
    found = idle_by_reason([first, second, _sources(None)])
    assert list(found.items()) == [
        ("beside bad pixels", 3),
        ("cosmic rays or hot pixels", 2),
        ("at the edge", 1),
    ]


def test_nothing_is_left_out() -> None:
    assert idle_by_reason([]) == {}
