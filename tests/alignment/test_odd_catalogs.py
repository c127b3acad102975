"""Catalogs that are odd: few sources, none, not finite, on a line, on a grid, a short reference."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tweakreg_step.alignment.joint import solve_jointly
from tweakreg_step.core import sphere
from tweakreg_step.core.detections import Detections, Reference
from tweakreg_step.core.options import Options
from tweakreg_step.simulate.sky import Setup, layout, make_scene


def _codes(solution) -> list[str]:
    return [status.value for status in solution.groups.status]


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_catalogs_with_few_sources(count: int) -> None:
    scene = make_scene(Setup(layout("stack", 3)), 4)
    last = np.flatnonzero(scene.detections.group == 2)
    kept = np.delete(np.arange(len(scene.detections)), last[count:])
    solution = solve_jointly(scene.detections.take(kept), 3, None, Options())
    assert _codes(solution) == ["aligned", "aligned", "too_few_sources"]


def test_nothing_at_all() -> None:
    nothing = Detections.simple(*np.zeros((2, 0)), np.zeros(0, np.int64), 0.001)
    solution = solve_jointly(nothing, 2, None, Options())
    assert _codes(solution) == ["too_few_sources"] * 2
    assert solve_jointly(nothing, 0, None, Options()).groups.status == ()


def test_positions_that_are_not_finite_are_left_out() -> None:
    scene = make_scene(Setup(layout("stack", 3)), 4)
    ra = scene.detections.ra.copy()
    ra[::7] = np.nan
    solution = solve_jointly(replace(scene.detections, ra=ra), 3, None, Options())
    assert _codes(solution) == ["aligned"] * 3
    assert not solution.detections.used[::7].any()


@pytest.mark.parametrize("geometry", ["rshift", "general"])
def test_sources_on_a_line_fall_back_on_the_prior(geometry: str) -> None:
    scene = make_scene(Setup(layout("stack", 3), density=1.0, missing=0.0), 4)
    xy = sphere.to_plane(
        sphere.directions(scene.detections.ra, scene.detections.dec), sphere.frames_at(150.0, 30.0)
    )
    line = scene.detections.take(np.abs(xy[:, 1]) < 0.7)
    solution = solve_jointly(line, 3, None, Options(fitgeometry=geometry, minobj=10))
    assert _codes(solution) == ["aligned"] * 3
    assert np.isfinite(solution.groups.covariance).all()
    assert np.abs(solution.groups.matrix - np.eye(2)).max() < 2e-3


def test_a_grid_of_stars_is_ambiguous() -> None:
    x, y = np.meshgrid(np.arange(-30.0, 30.0, 1.5), np.arange(-30.0, 30.0, 1.5))
    places = np.stack([x.ravel(), y.ravel()], axis=1)
    frame = sphere.frames_at(20.0, 20.0)
    rng = np.random.default_rng(1)
    both = np.concatenate([places, places]) + 0.001 * rng.normal(size=(2 * len(places), 2))
    ra, dec = sphere.ra_dec(sphere.from_plane(both, frame))
    detections = Detections.simple(ra, dec, np.repeat([0, 1], len(places)), 0.001)
    assert _codes(solve_jointly(detections, 2, None, Options())) == ["ambiguous"] * 2


def test_a_reference_with_too_few_stars_anchors_nothing() -> None:
    scene = make_scene(Setup(layout("stack", 3), reference_fraction=0.5), 4)
    few = np.arange(len(scene.reference)) < 12
    old = scene.reference
    reference = Reference(old.ra[few], old.dec[few], old.covariance[few])
    solution = solve_jointly(scene.detections, 3, reference, Options(abs_minobj=40))
    assert _codes(solution) == ["aligned"] * 3
    assert not solution.groups.anchored.any()
    assert (solution.star_inflation == 1.0).all()
    assert len(solution.star_inflation) == len(reference)


def test_an_index_out_of_range_is_named() -> None:
    scene = make_scene(Setup(layout("stack", 2)), 4)
    with pytest.raises(ValueError, match="0 to 0 are needed"):
        solve_jointly(scene.detections, 1, None, Options())
