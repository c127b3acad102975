"""From which WCS an alignment starts, and which of two results is taken."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scenes import make_correctors, make_scene

from tweakreg_step.core.images import Groups
from tweakreg_step.core.outcome import Code, Verdict
from tweakreg_step.pipeline.correctors import images_of
from tweakreg_step.pipeline.methods.try_starts import Start, present, try_starts, with_delivered


def found(codes: list[Code], matches: int = 50) -> Any:
    """A result for two groups of one image, of so many matches each."""
    image = np.repeat([0, 1], matches)
    groups = SimpleNamespace(
        status=[Code.ALIGNED if code.error is None else code for code in codes]
    )
    used = np.ones(2 * matches, bool)
    return SimpleNamespace(
        solution=SimpleNamespace(groups=groups, detections=SimpleNamespace(used=used)),
        detections=SimpleNamespace(image=image),
        absolute=tuple(Verdict(code, "") for code in codes),
        uncorrected={},
    )


GOOD, DOUBT, BAD = Code.ALIGNED, Code.SECOND_PEAK, Code.NO_MATCH


@pytest.fixture(scope="module")
def groups() -> Groups:
    """Two images with corrections."""
    correctors = make_correctors(make_scene("4 dithers", seed=31))[:2]
    for number, corrector in enumerate(correctors):
        corrector.set_correction(shift=[0.1 + number, 0.2])
    return Groups.of(images_of(correctors))


def places(groups: Groups) -> np.ndarray:
    return np.array([image.plane.sky(np.zeros(1), np.zeros(1)) for image in groups.images])


@pytest.mark.parametrize(
    ("first", "second", "taken"),
    [
        (found([GOOD, GOOD]), None, 0),  # no other start is tried
        (found([GOOD, BAD]), found([GOOD, GOOD]), 1),
        (found([GOOD, DOUBT]), found([GOOD, GOOD]), 1),
        (found([GOOD, DOUBT]), found([GOOD, BAD]), 0),
        (found([GOOD, DOUBT]), found([GOOD, DOUBT]), 0),
        (found([GOOD, DOUBT], 9), found([GOOD, DOUBT], 9), 1),
        (found([GOOD, BAD]), found([GOOD, BAD]), 1),  # what may have been aligned since stays
        (found([GOOD, GOOD], 9), found([GOOD, GOOD], 9), 1),  # few stars do not replace many
        (found([GOOD, GOOD], 9), found([GOOD, DOUBT], 9), 0),
        (found([BAD, BAD]), found([BAD, BAD]), 1),
    ],
)
def test_a_guess_must_be_better(groups: Groups, first: Any, second: Any, taken: int) -> None:
    here = present(groups)
    starts = with_delivered(here)
    assert [start.guess for start in starts] == [True, False]
    results, seen = [first, second], []

    def align() -> Any:
        seen.append(places(groups))
        return results[len(seen) - 1]

    before = places(groups)
    result, start = try_starts(groups, starts, align)
    assert result is results[taken]
    assert start is starts[taken]
    assert len(seen) == (1 if second is None else 2)
    assert 3600.0 * np.abs(seen[0] - before).max() > 0.1  # without the corrections
    if second is not None:
        assert np.array_equal(seen[1], before)
    expected = seen[taken]
    for number, verdict in enumerate(result.absolute):
        kept = expected if verdict.applied else before
        assert np.array_equal(places(groups)[number], kept[number])
    Start(here).wcs[0].put_into(groups.images[0].plane.corrector)
    Start(here).wcs[1].put_into(groups.images[1].plane.corrector)


def test_a_start_that_is_known_stays_unless_another_aligns_more(groups: Groups) -> None:
    last = Start(present(groups))
    cases = (
        (Start(present(groups)), found([BAD, GOOD]), 0),
        (Start(present(groups), superseded=True), found([BAD, GOOD]), 1),
        (Start(present(groups)), found([GOOD, GOOD]), 1),
    )
    for first, second, taken in cases:
        starts = [first, last]
        results = iter([found([GOOD, BAD]), second])
        result, start = try_starts(groups, starts, lambda results=results: next(results))
        assert start is starts[taken]
        assert (result is second) == bool(taken)


def test_images_without_corrections_have_one_start() -> None:
    plain = Groups.of(images_of(make_correctors(make_scene("4 dithers", seed=31))[:1]))
    assert [start.guess for start in with_delivered(present(plain))] == [False]
