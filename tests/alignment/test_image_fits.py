"""Matches, residuals, offset and roll of each image."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from star_fields import SIGMA, catalogs, field, noisy, stars

from tweakreg_step.alignment import ImageFits, image_fits, solve_jointly
from tweakreg_step.core.options import Options


def fits(rng: np.random.Generator, last: np.ndarray | None = None) -> ImageFits:
    """Three groups of two halves of a field each, the last half displaced."""
    place = field(rng, 160)
    given = catalogs(*(noisy(rng, place) for _ in range(3)))
    right = np.tile(place[:, 0] > 0.0, 3)
    given = replace(given, image=2 * given.group + right)
    if last is not None:
        ours = given.image == 5
        dec = given.dec + ours * last[1] / 3600.0
        ra = given.ra + ours * last[0] / 3600.0 / np.cos(np.deg2rad(given.dec))
        given = replace(given, ra=ra, dec=dec)
    reference = stars(noisy(rng, place[:60]))
    solution = solve_jointly(given, 3, reference, Options())
    return image_fits(given, reference, solution, 6)


def test_where_nothing_is_wrong_offsets_are_within_their_errors() -> None:
    found = [fits(np.random.default_rng(seed)) for seed in range(6)]
    offset = np.concatenate([one.offset_mas for one in found])
    sigma = np.concatenate([one.offset_sigma_mas for one in found])
    pull = offset / sigma[:, None]
    assert 0.5 < np.sqrt(np.mean(pull**2)) < 1.3  # the fit has taken a part of each offset
    roll = np.concatenate([one.roll_arcsec / one.roll_sigma_arcsec for one in found])
    assert 0.4 < np.sqrt(np.mean(roll**2)) < 1.3
    for one in found:
        assert one.matches.min() > 60
        assert one.rms_mas == pytest.approx(1e3 * SIGMA, rel=0.3)


def test_an_image_that_is_a_little_off_shows_it() -> None:
    """By 6 mas, three errors of a detection: its group takes half of it."""
    found = fits(np.random.default_rng(9), np.array([0.006, 0.0]))
    others = np.hypot(*found.offset_mas[:4].T)
    assert others.max() < 2.5
    difference = found.offset_mas[5] - found.offset_mas[4]
    assert difference == pytest.approx([6.0, 0.0], abs=1.5)


def test_nothing_is_known_of_images_without_matches() -> None:
    empty = ImageFits.empty(2)
    assert empty.matches.tolist() == [0, 0]
    assert np.isnan(empty.offset_mas).all()
