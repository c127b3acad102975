"""Images and the groups that they move in."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from tweakreg_step.core.images import Groups, indices


def image(group: str, detector: str | None = None) -> Any:
    return SimpleNamespace(group=group, detector=detector, visit="")


def test_groups_and_units_are_numbered_as_they_appear() -> None:
    given = [image("b", "NRCA1"), image("a"), image("b", "NRCA2"), image("a", "NRCA1")]
    groups = Groups.of(given)
    assert groups.names == ("b", "a")
    assert len(groups) == 2
    assert groups.of_image.tolist() == [0, 1, 0, 1]
    assert groups.units.tolist() == [0, -1, 1, 0]
    assert groups.members == [[0, 2], [1, 3]]
    assert groups.images == tuple(given)


def test_no_images_are_no_groups() -> None:
    none = Groups.of([])
    assert len(none) == 0
    assert none.members == []


def test_names_may_be_of_any_kind() -> None:
    np.testing.assert_array_equal(indices(["x", None, 3, "x"]), [0, -1, 1, 0])
