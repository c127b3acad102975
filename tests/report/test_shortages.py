"""What is said where the memory does not suffice."""

from __future__ import annotations

import pytest

from tweakreg_step.core.exceptions import TooLargeError
from tweakreg_step.core.memory import Need, Shortage, ShortageError, is_shortage
from tweakreg_step.report.shortages import shortage_named, shortage_sentence


def test_the_fact_the_requirement_and_the_remedy() -> None:
    sentence = shortage_sentence(Shortage(Need.DENSE, (30_000,), 43.2e9, 24e9))
    for part in ("30000 parameters", "43.2 GB", "24.0 GB", "fewer exposures", "fitgeometry="):
        assert part in sentence
    sentence = shortage_sentence(Shortage(Need.PLACES, (10_000, 100_000), 150e9, 24e9))
    for part in ("100000 stars", "10000 groups", "150.0 GB", "24.0 GB", "fewer stars"):
        assert part in sentence
    sentence = shortage_sentence(Shortage(Need.PAIRS, (2_000_000, 800), 5e8, 1e8))
    for part in ("up to 800 sources", "2000000 pairs", "0.5 GB", "0.1 GB", "'searchrad'"):
        assert part in sentence


@pytest.mark.parametrize("need", Need)
def test_every_need_has_its_sentence(need: Need) -> None:
    assert shortage_sentence(Shortage(need, (7, 8), 2e9, 1e9)).endswith("with more memory.")


def test_foreseen_or_not() -> None:
    with pytest.raises(TooLargeError, match="have 9 sources"), shortage_named("to align"):
        raise ShortageError(Shortage(Need.DETECTIONS, (9,), 2e9, 1e9))
    found = pytest.raises(TooLargeError, match="not enough memory to align;")
    with found as raised, shortage_named("to align"):
        raise MemoryError
    assert is_shortage(raised.value)
