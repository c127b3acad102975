"""Where an image would match that matches much less than its group: among stars that move."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from star_fields import POLE, catalogs, field, noisy, stars

from tweakreg_step.alignment.joint import solve_jointly
from tweakreg_step.core.detections import Detections, Reference
from tweakreg_step.core.options import Options
from tweakreg_step.core.solution import Solution
from tweakreg_step.core.sphere import frames_at, from_plane, ra_dec

OFF = np.array([0.9, -1.1])
CENTRES = np.array([[x, y] for x in (-30.0, 30.0) for y in (-30.0, 30.0)])


def exposures(motion: float, count: int) -> tuple[Detections, Reference]:
    """Exposures of four images, the last of which is off, among stars that move [arcsec].

    The stars are where the catalog has them at its epoch, and have moved since, each by itself.
    """
    rng = np.random.default_rng(5)
    home = field(rng, 240, 120.0)
    path = rng.normal(0.0, motion, home.shape)
    parts, image = [], []
    for exposure in range(count):
        for number, centre in enumerate(CENTRES):
            own = np.abs(home - centre).max(axis=1) < 30.0
            seen = noisy(rng, (home + path)[own])
            parts.append(seen + OFF * (number == 3 and exposure == count - 1))
            image.append(np.full(len(seen), 4 * exposure + number))
    given = catalogs(np.concatenate(parts))
    labels = np.concatenate(image)
    given = replace(given, image=labels, group=labels // 4)
    ra, dec = ra_dec(from_plane(home + path, frames_at(*POLE)))
    there = np.tile(ra, (count, 1)), np.tile(dec, (count, 1))
    still = stars(home)
    return given, Reference(still.ra, still.dec, still.covariance, *there)


def solved(given: Detections, reference: Reference | None) -> Solution:
    return solve_jointly(given, int(given.group.max()) + 1, reference, Options())


@pytest.mark.parametrize("motion", [0.0, 0.3])
def test_reference_stars_are_compared_at_the_epoch_of_the_image(motion: float) -> None:
    """One exposure, so that the stars alone tell where its image is."""
    solution = solved(*exposures(motion, 1))
    assert [one.image for one in solution.apart] == [3]
    one = solution.apart[0]
    assert one.matches > 40
    assert one.offset_mas == pytest.approx(tuple(1e3 * OFF), abs=3.0)
    assert one.offset_sigma_mas < 1.0


def test_other_exposures_are_compared_where_nothing_else_is() -> None:
    given, _ = exposures(0.0, 3)
    solution = solved(given, None)
    assert [one.image for one in solution.apart] == [11]
    assert solution.apart[0].offset_mas == pytest.approx(tuple(1e3 * OFF), abs=3.0)
