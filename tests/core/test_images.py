"""Images and the groups that they move in."""

from __future__ import annotations

import numpy as np
import pytest

from tweakreg_step.core.images import Groups, Image, indices
from tweakreg_step.core.sources import Sources
from tweakreg_step.telescopes import USUAL

NONE = np.zeros(0)


def image(group: str, detector: str | None = None, **names: str) -> Image:
    sources = Sources.at(NONE, NONE)
    return Image("i", group, detector, None, USUAL, sources, None, **names)


def test_groups_and_units_are_numbered_as_they_appear() -> None:
    given = [image("b", "NRCA1"), image("a"), image("b", "NRCA2"), image("a", "NRCA1")]
    groups = Groups.of(given)
    assert groups.names == ("b", "a")
    assert len(groups) == 2
    assert groups.of_image.tolist() == [0, 1, 0, 1]
    assert groups.units.tolist() == [0, -1, 1, 0]
    assert groups.members == [[0, 2], [1, 3]]
    assert groups.images == tuple(given)


@pytest.mark.parametrize("names", [("NRCA1 F200W", "NRCA1 F150W"), ("NRCA1", "NRCA1")])
def test_detectors_are_told_apart_by_filter_and_visit(names: tuple[str, str]) -> None:
    given = [
        image("a", names[0], band="F200W", visit="v"),
        image("b", names[1], band="F150W", visit="v", guide_star="S1"),
        image("c", names[0], band="F200W", visit="w", guide_star="S1"),
        image("d"),
    ]
    groups = Groups.of(given)
    assert groups.detectors.tolist() == [0, 0, 0, -1]
    assert groups.bands.tolist() == [0, 1, 0, -1]
    assert groups.visits.tolist() == [0, 0, 1, -1]
    assert groups.units.tolist() == [0, 1, 2, -1]
    # guided by the visit where the star is unknown
    assert groups.guides.tolist() == [0, 1, 1, -1]


def test_no_images_are_no_groups() -> None:
    none = Groups.of([])
    assert len(none) == 0
    assert none.members == []


def test_names_may_be_of_any_kind() -> None:
    np.testing.assert_array_equal(indices(["x", None, 3, "x"]), [0, -1, 1, 0])
