"""A group that lies off the reference stars that it sees is doubted, whatever else it has."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from moving_fields import Sky, moving_field
from star_fields import catalogs, field, noisy, problem_of, stars

from tweakreg_step.alignment.solver.iteration import converge
from tweakreg_step.alignment.verdict.rejected_stars import rejected_stars
from tweakreg_step.core.options import Options
from tweakreg_step.core.outcome import Code


def test_a_group_whose_stars_are_rejected_is_doubted() -> None:
    """Epochs that are not known: the sources, moving by 15 mas, tie them where they are not."""
    for seed in range(3):
        scene = moving_field(seed, Sky(-5.0, 0.0, exposures=3))
        unknown = replace(scene.detections, epoch=np.full(len(scene.detections), np.nan))
        blind = replace(scene, detections=unknown)
        found = blind.solved()
        wrong = np.hypot(*blind.errors(found).T) > 0.005
        assert wrong.any()
        doubted = np.array([one.code is not Code.ALIGNED for one in found.absolute])
        assert doubted[wrong].all()


def _rejected(wrong: float, extra: int = 0, elsewhere: int = 0) -> list[int]:
    """Two exposures of 40 sources, of which 20 are stars; `wrong` of these lie 42 mas off.

    They see as many `extra` detections each, and the catalog has stars `elsewhere`, 10 arcmin away.
    """
    rng = np.random.default_rng(5)
    places = field(rng, 40)
    seen = [noisy(rng, np.concatenate([places, field(rng, extra)])) for _ in range(2)]
    told = noisy(rng, places[:20])
    told[rng.random(20) < wrong] += 0.030 * rng.choice([-1.0, 1.0], 2)
    told = np.concatenate([told, field(rng, elsewhere) + 600.0])
    problem, start = problem_of(catalogs(*seen), stars(told), Options())
    found = converge(problem, start, 0.02)
    assert found is not None
    return rejected_stars(problem, found).tolist()


def test_stars_that_are_matched_are_no_doubt() -> None:
    assert _rejected(0.0) == [0, 0]
    assert _rejected(0.25) == [0, 0]


def test_a_crowd_around_the_stars_is_no_doubt() -> None:
    assert _rejected(0.0, extra=2000) == [0, 0]


def test_stars_that_no_group_sees_are_no_excuse() -> None:
    """Of a catalog for a whole mosaic, those of the group's own field may be met by chance."""
    assert all(_rejected(1.0, extra=200, elsewhere=20_000))
