"""A field that repeats is seen in its catalog, and is a doubt where another period is in reach."""

from __future__ import annotations

import numpy as np
import pytest
from star_fields import catalogs, field, noisy

from tweakreg_step.alignment.joint import solve_jointly
from tweakreg_step.alignment.matching.cross_match import Catalog, catalog_of
from tweakreg_step.alignment.matching.false_matches.periodic_fields import periods
from tweakreg_step.core.options import Options
from tweakreg_step.core.sphere import directions
from tweakreg_step.report.sentences import reason_of


def grid(period: float, size: int = 20) -> np.ndarray:
    axis = period * (np.arange(size) - 0.5 * (size - 1))
    return np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)


def catalog(place: np.ndarray) -> Catalog:
    given = catalogs(place)
    return catalog_of(directions(given.ra, given.dec), given.covariance, given.image, 0.0, 0.0)


@pytest.mark.parametrize("period", [1.5, 3.0, 5.0])
def test_the_period_of_a_grid_is_found(period: float) -> None:
    rng = np.random.default_rng(1)
    found = periods([catalog(noisy(rng, grid(period)))], 2.0, 0.12)
    assert np.hypot(*found[0]) == pytest.approx(period, abs=0.005)


def test_what_does_not_repeat_has_none() -> None:
    rng = np.random.default_rng(2)
    place = field(rng, 100)
    # of stars with one companion each half repeats: the companions have none
    doubles = np.concatenate([place, place + np.array([1.3, 0.4])])
    given = [catalog(field(rng, 300)), None, catalog(doubles), catalog(field(rng, 3000, 60.0))]
    assert np.isnan(periods(given, 2.0, 0.12)).all()


def test_any_number_of_catalogs_is_as_each_by_itself() -> None:
    """Hundreds are compared in batches."""
    rng = np.random.default_rng(3)
    given = [catalog(noisy(rng, grid(3.0, 8))), None, catalog(field(rng, 60))]
    each = np.concatenate([periods([one], 2.0, 0.12) for one in given])
    assert np.isnan(each[:, 0]).tolist() == [False, True, True]
    np.testing.assert_allclose(periods(given * 130, 2.0, 0.12), np.tile(each, (130, 1)), atol=1e-6)


@pytest.mark.parametrize(
    ("period", "searchrad", "code"), [(3.0, 2.0, "second_peak"), (3.0, 1.0, "aligned")]
)
def test_another_period_within_two_search_radii_is_a_doubt(
    period: float, searchrad: float, code: str
) -> None:
    rng = np.random.default_rng(4)
    place = grid(period)
    given = catalogs(noisy(rng, place), noisy(rng, place) + np.array([0.4, 0.0]))
    found = solve_jointly(given, 2, None, Options(searchrad=searchrad))
    assert [verdict.code for verdict in found.relative] == [code] * 2
    np.testing.assert_allclose(
        found.groups.shift[1] - found.groups.shift[0], [-0.4, 0.0], atol=0.002
    )


def test_what_is_off_by_most_of_a_period_is_not_wrong_in_silence() -> None:
    rng = np.random.default_rng(5)
    place = grid(3.0)
    given = catalogs(noisy(rng, place), noisy(rng, place) + np.array([2.6, 0.0]))
    found = solve_jointly(given, 2, None, Options())
    assert [verdict.code for verdict in found.relative] == ["second_peak"] * 2
    assert "3.00 arcsec away" in reason_of(found.relative[0])
