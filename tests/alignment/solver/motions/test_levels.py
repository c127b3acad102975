"""A third level, that of visits, is an entry of a list; and what a level is refused for."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from star_fields import catalogs, field, noisy, problem_of, stars

from tweakreg_step.alignment.solver.hierarchy import Motions
from tweakreg_step.alignment.solver.iteration import converge, with_levels
from tweakreg_step.alignment.solver.motions.levels import Level
from tweakreg_step.core.options import Options
from tweakreg_step.core.sphere import directions, frames_at, plane_jacobian, to_plane

EXPOSURE, VISIT = 1.0 / 0.005**2, 1.0 / 0.5**2  # inverse variances: 5 mas, 0.5 arcsec


def test_a_visit_moves_all_its_exposures() -> None:
    """Exposures with three stars each are held by their visit, of which they are a part."""
    rng = np.random.default_rng(4)
    visit = np.repeat([0, 1], 8)
    truth = np.array([[0.120, -0.080], [-0.060, 0.090]])
    own = rng.normal(0.0, 0.005, (16, 2))
    places = [field(rng, 3) for _ in visit]
    seen = [noisy(rng, p - truth[v] - o, 0.02) for p, v, o in zip(places, visit, own, strict=True)]
    options = Options(fitgeometry="shift", abs_minobj=1, minobj=1)
    detections = catalogs(*seen, sigma=0.02)
    problem, start = problem_of(detections, stars(np.concatenate(places)), options)
    problem.model.prior[:] = EXPOSURE
    vectors = directions(detections.ra, detections.dec)
    frame = frames_at(150.0, 30.0)
    local = frames_at(detections.ra, detections.dec)
    place = to_plane(vectors, frame)
    to_sky = plane_jacobian(place, np.broadcast_to(frame, local.shape), local)
    level = Level("visit", visit[detections.group], place, to_sky, "shift", np.full((2, 2), VISIT))
    problem, start = with_levels(problem, start, level)
    found = converge(problem, start, 0.5)
    assert found is not None
    # 24 stars of 20 mas and eight exposures of 5 mas: 4.4 mas per axis
    np.testing.assert_allclose(found.fit.motions.phi[0], truth, atol=3.5 * 0.0044)
    total = found.fit.motions.phi[0][visit] + found.fit.motions.theta
    assert np.std(total - truth[visit] - own) < 0.0075  # three stars alone leave 12 mas


def test_a_level_moves_nothing_that_has_no_unit() -> None:
    level = Level(
        "visit",
        np.array([0, -1]),
        np.ones((2, 2)),
        np.broadcast_to(np.eye(2), (2, 2, 2)),
        "shift",
        np.ones((1, 2)),
    )
    links = SimpleNamespace(detection=np.array([0, 1, -1]))
    moved = level.offset(links, np.array([[0.3, -0.1]]))
    assert moved.tolist() == [[0.3, -0.1], [0.0, 0.0], [0.0, 0.0]]
    assert level.moves(links).tolist() == [0, -1, -1]


def test_a_prior_of_another_geometry_is_refused() -> None:
    with pytest.raises(ValueError, match=r"prior of level 'visit'.*\(units, 3\) is needed"):
        Level(
            "visit", np.zeros(1, int), np.ones((1, 2)), np.eye(2)[None], "rshift", np.ones((1, 2))
        )


def test_levels_of_a_name_are_replaced_and_others_stay() -> None:
    rng = np.random.default_rng(1)
    detections = catalogs(field(rng, 5), field(rng, 5))
    problem, start = problem_of(detections, None, Options())
    square = np.broadcast_to(np.eye(2), (10, 2, 2))
    one, two = (
        Level(name, detections.group, np.zeros((10, 2)), square, "shift", np.ones((2, 2)))
        for name in ("visit", "detector")
    )
    problem, motions = with_levels(problem, start, one, two)
    motions = Motions(motions.theta, (np.ones((2, 2)), np.ones((2, 2))))
    problem, motions = with_levels(problem, motions, two, without=("detector",))
    assert [level.name for level in problem.model.levels] == ["visit", "detector"]
    assert [phi.sum() for phi in motions.phi] == [4.0, 0.0]
    assert problem.model.start_of(1) == problem.model.prior.size + 4
    assert len(problem.model.precision) == motions.flat.size
