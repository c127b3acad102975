"""Errors that nobody gave are found with the solution."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tweakreg_step.alignment.solver import error_components, robust
from tweakreg_step.alignment.solver.hierarchy import Model, Motions
from tweakreg_step.alignment.solver.links import link
from tweakreg_step.core.detections import Detections, Reference
from tweakreg_step.core.sphere import frames_at, from_plane, ra_dec

MAS = 1e-3
POLE = 30.0, 60.0
GROUPS = 4


def _sky(places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return ra_dec(from_plane(places, frames_at(*POLE)))


def _fit(
    seed: int,
    stars: int = 60,
    *,
    star_mas: float = 2.0,
    detector_mas: tuple[float, float] = (1.0, 3.0),
    bad: int = 0,
    given: float = 0.0,
) -> robust.Fit:
    """Four exposures of two detectors and a reference; 150 sources, the first are in it.

    Usual errors are 5 mas for stars and 1.5 mas for detections, all of it unknown. `bad`
    detections are anywhere, a share `given` of the stars has true errors.
    """
    rng = np.random.default_rng(seed)
    places = rng.uniform(-30.0, 30.0, (150, 2))
    detector = np.tile(np.where(places[:, 0] < 0.0, 0, 1), GROUPS)
    noise = MAS * np.array(detector_mas)[detector][:, None] * rng.normal(size=(150 * GROUPS, 2))
    noise[rng.choice(len(noise), bad, replace=False)] = 0.03 * rng.normal(size=(bad, 2))
    ra, dec = _sky(np.tile(places, (GROUPS, 1)) + noise)
    group = np.repeat(np.arange(GROUPS), 150)
    detections = Detections.simple(ra, dec, group, 1.5 * MAS)
    usual = np.full(len(ra), 1.5 * MAS)
    detections = replace(detections, detector=detector, floor=usual, image=2 * group + detector)
    seen = places[:stars] + star_mas * MAS * rng.normal(size=(stars, 2))
    known = rng.random(stars) < given
    sigma = np.where(known, star_mas, 5.0) * MAS
    reference = Reference(
        *_sky(seen), (sigma**2)[:, None, None] * np.eye(2), floor=np.where(known, 0.0, sigma)
    )
    star = np.full(150, -1)
    star[:stars] = np.arange(stars)
    links, _ = link(detections, np.tile(np.arange(150), GROUPS), reference, star)
    frames = frames_at(np.full(GROUPS, POLE[0]), np.full(GROUPS, POLE[1]))
    prior = np.broadcast_to([10.0, 10.0, 4e6], (GROUPS, 3))
    start = robust.Start(Motions(np.zeros((GROUPS, 3))))
    return robust.fit(links, Model(frames, "rshift", prior), start)


def _errors(found: robust.Fit) -> dict[tuple[int, bool], float]:
    """Error per axis [mas] of each component, by detector, -1 for stars, and whether given."""
    parts = found.components
    sigma = 1e3 * np.sqrt(parts.variance)
    return {
        (int(parts.detector[k]), bool(parts.given[k])): float(sigma[parts.label == k][0])
        for k in range(len(parts.count))
    }


@pytest.mark.parametrize("star_mas", [0.5, 2.0, 20.0, 70.0])
def test_errors_of_stars_and_of_two_detectors_are_found(star_mas: float) -> None:
    found = [_errors(_fit(seed, star_mas=star_mas)) for seed in range(6)]
    first, second, star = (np.mean([one[k, False] for one in found]) for k in (0, 1, -1))
    # 6 times 450 differences of each detector, 6 times 120 of stars, less what the fit takes
    assert first == pytest.approx(1.0, rel=0.05)
    assert second == pytest.approx(3.0, rel=0.05)
    if star_mas > 1.0:
        assert star == pytest.approx(star_mas, rel=0.12)
    else:  # it hides behind sources known to 0.5 and 1.5 mas: that it is small is all that shows
        assert star < 1.4


def test_what_the_estimate_gives_up_for_outliers_is_small() -> None:
    found = [_errors(_fit(seed, bad=60)) for seed in range(6)]
    # a tenth of the detections is up to 60 mas off
    assert np.mean([one[0, False] for one in found]) == pytest.approx(1.0, rel=0.15)
    assert np.mean([one[1, False] for one in found]) == pytest.approx(3.0, rel=0.15)
    assert np.mean([one[-1, False] for one in found]) == pytest.approx(2.0, rel=0.15)


def test_given_errors_that_are_right_stay_and_wrong_ones_do_not() -> None:
    right = [_errors(_fit(seed, given=1.0, stars=100)) for seed in range(6)]
    assert np.mean([one[-1, True] for one in right]) == pytest.approx(2.0, rel=0.05)
    assert np.std([one[-1, True] for one in right]) < 0.1
    fit = _fit(3, stars=100, star_mas=20.0, given=1.0)
    links_sigma = np.sqrt(fit.components.variance[fit.components.given[fit.components.label]])
    assert links_sigma == pytest.approx(20.0 * MAS, rel=0.15)


def test_of_half_the_errors_given_the_others_are_estimated() -> None:
    found = [_errors(_fit(seed, stars=100, star_mas=1.5, given=0.5)) for seed in range(6)]
    assert np.mean([one[-1, True] for one in found]) == pytest.approx(1.5, rel=0.08)
    assert np.mean([one[-1, False] for one in found]) == pytest.approx(1.5, rel=0.25)


def test_four_stars_keep_the_usual_error() -> None:
    found = _fit(1, stars=4, star_mas=1.0)
    assert _errors(found)[-1, False] == pytest.approx(5.0, rel=1e-9)
    parts = found.components
    assert parts.estimated[parts.detector >= 0].all()
    assert not parts.estimated[parts.reference].any()


def test_squares_over_degrees_of_freedom_are_one_where_errors_were_wrong() -> None:
    ratios = []
    for seed in range(6):
        fit = _fit(seed, detector_mas=(0.3, 0.3))
        ratios.append(fit.square[fit.square > 0.0].mean() / 2.0)
    assert np.mean(ratios) == pytest.approx(1.0, abs=0.05)


def test_sampled_variances_of_fitted_positions_are_the_computed_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    exact = _fit(2)
    monkeypatch.setattr(error_components, "_EXACT", 0)
    monkeypatch.setattr(error_components, "_ROUNDS_OF_SAMPLES", 1000)
    np.testing.assert_allclose(
        _fit(2).components.log_factor, exact.components.log_factor, atol=0.01
    )


def test_dense_matrices_are_the_sparse_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    fits = [_fit(3, bad=60)]
    monkeypatch.setattr(error_components, "_DENSE", 0)
    fits.append(_fit(3, bad=60))
    made = []
    for fit in fits:
        shares = fit.weight / np.bincount(fit.links.source, fit.weight)[fit.links.source]
        made.append(error_components._differences(fit.linear, fit.links, shares))
        monkeypatch.setattr(error_components, "_DENSE", 200_000)
    assert isinstance(made[1], np.ndarray)
    assert not isinstance(made[0], np.ndarray)
    np.testing.assert_allclose(made[0].toarray(), made[1], atol=1e-9)
    dense, sparse = (fit.components.log_factor for fit in fits)
    np.testing.assert_allclose(sparse, dense, atol=1e-10)


def test_displacements_of_some_detections_after_another_are_those_of_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fit = _fit(2)
    weight = fit.weight / fit.components.variance
    monkeypatch.setattr(error_components, "_EXACT", 0)
    whole = error_components.motion_variance(fit.linear, fit.links, fit.step, weight)
    monkeypatch.setattr(error_components, "_AT_ONCE", 50)
    assert len(list(fit.links.pieces(50))) > 5
    parts = error_components.motion_variance(fit.linear, fit.links, fit.step, weight)
    np.testing.assert_allclose(parts, whole, rtol=1e-9)


def test_where_detections_are_many_four_samples_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their mean is that of many samples; here, of few motions, to a third."""
    monkeypatch.setattr(error_components, "_EXACT", 0)
    fit = _fit(2)
    weight = fit.weight / fit.components.variance
    some = error_components.motion_variance(fit.linear, fit.links, fit.step, weight)
    monkeypatch.setattr(error_components, "_MANY", 0)
    few = error_components.motion_variance(fit.linear, fit.links, fit.step, weight)
    assert not np.array_equal(few, some)
    assert few.mean() == pytest.approx(some.mean(), rel=0.3)
