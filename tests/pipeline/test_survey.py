"""Pointings and dithers, as the doctor counts them."""

from __future__ import annotations

import numpy as np
import pytest

from tweakreg_step.core.sphere import directions
from tweakreg_step.pipeline.survey import _pointings

EXTENT = 90.0  # arcsec from the middle to a corner, of a detector of 2.1 arcmin
TILE = 115.0  # arcsec from tile to tile, with a tenth of overlap


@pytest.mark.parametrize(
    ("tiles", "dithers", "found"),
    [
        ([0.0], [0.0], (1, 1)),
        ([0.0], [0.0, 0.02], (1, 1)),  # the same place again
        ([0.0], [0.0, 8.0, -8.0, 30.0], (1, 4)),
        ([0.0, TILE], [0.0, 8.0, -8.0], (2, 3)),
        ([0.0, TILE, 2.0 * TILE], [0.0], (3, 1)),
    ],
)
def test_tiles_are_pointings_and_small_moves_their_dithers(
    tiles: list[float], dithers: list[float], found: tuple[int, int]
) -> None:
    north = np.array([tile + dither for dither in dithers for tile in tiles])
    centres = directions(np.full(len(north), 150.0), 2.0 + north / 3600.0)
    assert _pointings(centres, EXTENT) == found
