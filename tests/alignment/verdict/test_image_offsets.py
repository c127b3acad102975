"""Single images against all their possible partners: stars that move, and crowds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from star_fields import POLE, catalogs, field, noisy, problem_of, stars

from tweakreg_step.alignment.joint import solve_jointly
from tweakreg_step.alignment.solver import common_directions, converge
from tweakreg_step.alignment.verdict import image_offsets as module
from tweakreg_step.core.detections import Reference
from tweakreg_step.core.options import Options
from tweakreg_step.core.outcome import Code
from tweakreg_step.core.solution import Solution
from tweakreg_step.core.sphere import frames_at, from_plane, ra_dec

EPOCHS = 0.0, 1.0, 3.0  # times the motion


def cluster(motion: np.ndarray, torn: float = 0.0) -> Solution:
    """Three groups that see the same stars at three epochs, each star with its own motion (N, 2).

    Half of the stars of the last group are displaced by `torn` [arcsec], as an image of its own.
    """
    rng = np.random.default_rng(7)
    true = field(rng, len(motion), 60.0)
    seen = [noisy(rng, true + time * motion) for time in EPOCHS]
    half = true[:, 0] > 0.0
    seen[2][half] += torn
    given = catalogs(*seen)
    split = (given.group == 2) & np.tile(half, 3)
    still = stars(true)
    axes = frames_at(*POLE)
    later = [ra_dec(from_plane(true + time * motion, axes)) for time in EPOCHS]
    epochs = np.array([ra for ra, _ in later]), np.array([dec for _, dec in later])
    reference = Reference(still.ra, still.dec, still.covariance, *epochs)
    images = replace(given, image=np.where(split, 3, given.image))
    return solve_jointly(images, 3, reference, Options())


@pytest.mark.parametrize("scatter", [0.0, 0.05])
def test_stars_that_move_together_are_no_doubt(scatter: float) -> None:
    """A cluster that has moved by 0.08 and 0.24 arcsec at the later epochs."""
    motion = np.array([0.08, -0.03]) + np.random.default_rng(1).normal(0.0, scatter, (150, 2))
    solution = cluster(motion)
    assert {found.code for found in (*solution.relative, *solution.absolute)} == {Code.ALIGNED}
    assert {found.evidence.images_off for found in solution.absolute} == {0}


def test_an_image_that_is_off_shows_among_stars_that_move() -> None:
    motion = np.array([0.08, -0.03]) + np.random.default_rng(1).normal(0.0, 0.02, (150, 2))
    solution = cluster(motion, torn=0.1)
    assert solution.absolute[2].code is Code.IMAGE_OFF
    assert {found.code for found in solution.absolute[:2]} == {Code.ALIGNED}


def test_of_many_detections_some_hundred_show_an_image_that_is_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_MOST", 40)
    compared, another = [], module._another

    def watched(difference, *rest):
        compared.append(len(difference))
        return another(difference, *rest)

    monkeypatch.setattr(module, "_another", watched)
    motion = np.array([0.08, -0.03]) + np.random.default_rng(1).normal(0.0, 0.02, (150, 2))
    solution = cluster(motion, torn=0.1)
    assert 10 < max(compared) < 100
    assert solution.absolute[2].code is Code.IMAGE_OFF
    assert {found.code for found in solution.absolute[:2]} == {Code.ALIGNED}


def test_of_many_detections_all_are_compared_if_few_have_partners() -> None:
    rng = np.random.default_rng(2)
    place = rng.uniform(-90.0, 90.0, (6000, 2))
    vectors = from_plane(place, frames_at(*POLE))
    shared = place[:, 0] > 86.0
    sources = from_plane(place[shared] + [0.1, 0.0], frames_at(*POLE))
    count = int(shared.sum())
    partners = module.Partners(sources, np.ones(count, np.int64), np.full(count, -1))
    found, _ = module._differences(vectors, 0, partners, 1.0)
    gap = found - np.array([-0.1, 0.0])  # to the difference of the axes there
    assert np.sum(np.hypot(*gap.T) < 1e-4) == count > 100
    everywhere = module.Partners(vectors, np.ones(6000, np.int64), np.full(6000, -1))
    found, _ = module._differences(vectors, 0, everywhere, 1.0)
    assert 0 < np.sum(np.hypot(*found.T) < 1e-6) < module._MOST


@pytest.mark.parametrize("absolute", [False, True])
def test_crowds_are_compared_in_part(absolute: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """3000 sources in 4 x 4 arcsec have 1.7 million pairs within an arcsecond."""
    rng = np.random.default_rng(2)
    true = field(rng, 3000, 4.0)
    given = catalogs(noisy(rng, true), noisy(rng, true), sigma=0.002)
    problem, start = problem_of(given, stars(true), Options())
    associated = converge(problem, start, 0.01)
    assert associated is not None
    compared, another = [], module._another

    def counted(difference: np.ndarray, *how: object) -> object:
        compared.append(len(difference))
        return another(difference, *how)

    monkeypatch.setattr(module, "_another", counted)
    common = None if absolute else common_directions(problem, associated)
    found = module.image_offsets(problem, associated, common)
    assert 0.3 * module._MOST_PAIRS < max(compared) <= 1.05 * module._MOST_PAIRS
    assert not found.disagree.any()
    axes = frames_at(*POLE)
    ra, dec = ra_dec(from_plane(true + 0.1, axes))
    there = replace(problem, reference=Reference(ra, dec, stars(true).covariance))
    off = module.image_offsets(there, associated, None)
    assert off.disagree.all()
    assert off.offset == pytest.approx(np.full((2, 2), -0.1), abs=0.003)
