"""Errors that nobody gave are found with the solution."""

from __future__ import annotations

import numpy as np
import pytest
from unknown_errors import MAS, fitted

from tweakreg_step.alignment.solver import robust


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
    found = [_errors(fitted(seed, star_mas=star_mas)) for seed in range(6)]
    first, second, star = (np.mean([one[k, False] for one in found]) for k in (0, 1, -1))
    # 6 times 450 differences of each detector, 6 times 120 of stars, less what the fit takes
    assert first == pytest.approx(1.0, rel=0.05)
    assert second == pytest.approx(3.0, rel=0.05)
    if star_mas > 1.0:
        assert star == pytest.approx(star_mas, rel=0.12)
    else:  # it hides behind sources known to 0.5 and 1.5 mas: that it is small is all that shows
        assert star < 1.4


def test_what_the_estimate_gives_up_for_outliers_is_small() -> None:
    found = [_errors(fitted(seed, bad=60)) for seed in range(6)]
    # a tenth of the detections is up to 60 mas off
    assert np.mean([one[0, False] for one in found]) == pytest.approx(1.0, rel=0.15)
    assert np.mean([one[1, False] for one in found]) == pytest.approx(3.0, rel=0.15)
    assert np.mean([one[-1, False] for one in found]) == pytest.approx(2.0, rel=0.15)


def test_given_errors_that_are_right_stay_and_wrong_ones_do_not() -> None:
    right = [_errors(fitted(seed, given=1.0, stars=100)) for seed in range(6)]
    assert np.mean([one[-1, True] for one in right]) == pytest.approx(2.0, rel=0.05)
    assert np.std([one[-1, True] for one in right]) < 0.1
    fit = fitted(3, stars=100, star_mas=20.0, given=1.0)
    links_sigma = np.sqrt(fit.components.variance[fit.components.given[fit.components.label]])
    assert links_sigma == pytest.approx(20.0 * MAS, rel=0.15)


def test_of_half_the_errors_given_the_others_are_estimated() -> None:
    found = [_errors(fitted(seed, stars=100, star_mas=1.5, given=0.5)) for seed in range(6)]
    assert np.mean([one[-1, True] for one in found]) == pytest.approx(1.5, rel=0.08)
    assert np.mean([one[-1, False] for one in found]) == pytest.approx(1.5, rel=0.25)


def test_four_stars_keep_the_usual_error() -> None:
    found = fitted(1, stars=4, star_mas=1.0)
    assert _errors(found)[-1, False] == pytest.approx(5.0, rel=1e-9)
    parts = found.components
    assert parts.estimated[parts.detector >= 0].all()
    assert not parts.estimated[parts.reference].any()


def test_squares_over_degrees_of_freedom_are_one_where_errors_were_wrong() -> None:
    ratios = []
    for seed in range(6):
        fit = fitted(seed, detector_mas=(0.3, 0.3))
        ratios.append(fit.square[fit.square > 0.0].mean() / 2.0)
    assert np.mean(ratios) == pytest.approx(1.0, abs=0.05)
