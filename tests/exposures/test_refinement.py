"""Whose positions are refined with an effective PSF."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tweakreg_step.exposures.exposure_catalog import Reader
from tweakreg_step.parameters import STAGES, Parameters, declarations


def reader(**given: Any) -> Reader:
    """A reader with some parameters."""
    values = {one.name: one.default for one in declarations(*STAGES.values())} | given
    return Reader(Parameters.of(SimpleNamespace(**values)), {}, {}, Path(), {}, {})


def image(**known: Any) -> Any:
    """An open image."""
    return SimpleNamespace(**known)


@pytest.mark.parametrize(
    ("given", "with_hits", "without"),
    [
        ({}, True, False),
        ({"resume": True}, False, False),  # positions would depend on all exposures
        ({"refine_centroids": "window"}, False, False),
        ({"refine_centroids": "none"}, False, False),
        ({"refine_centroids": "epsf"}, True, True),
        ({"refine_centroids": "epsf", "resume": True}, True, True),
    ],
)
def test_unless_told_it_is_those_with_cosmic_rays(
    given: dict[str, Any], with_hits: bool, without: bool
) -> None:
    one = reader(**given)
    assert one.refined(image(full_of_hits=True)) == with_hits
    assert one.refined(image(full_of_hits=False)) == without
