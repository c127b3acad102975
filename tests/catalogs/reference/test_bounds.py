"""Numbers of a reference catalog that can't be: bounded, and said."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from astropy.table import Table

from tweakreg_step.catalogs.reference import as_published, at_epoch, position_errors, stars_of
from tweakreg_step.catalogs.reference.fallbacks import _log_missing_errors
from tweakreg_step.catalogs.reference.stars import BEST, WORST, bounded_covariance
from tweakreg_step.pipeline.reference_stars import reference_of

COLUMNS = (
    "ra_error",
    "dec_error",
    "parallax",
    "parallax_error",
    "pmra",
    "pmra_error",
    "pmdec",
    "pmdec_error",
    "ref_epoch",
    "ra_dec_corr",
    "pmra_pmdec_corr",
    "ra_pmra_corr",
)
NUMBERS = (1e300, -1e300, 1e-300, 5e-324, np.inf, -np.inf, np.nan, 0.0, 1e-9, 1e20, 2.5, -2.5)


def catalog(count: int = 5, **columns: Any) -> Table:
    table = Table({"RA": 10.0 + 0.01 * np.arange(count), "DEC": np.full(count, -5.0)})
    for name in COLUMNS:
        usual = 2016.0 if name == "ref_epoch" else 0.0 if name.endswith("corr") else 0.5
        table[name] = np.full(count, usual)
    for name, values in columns.items():
        table[name] = values
    return table


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_of_any_size_leaves_errors_that_can_be(column: str, number: float) -> None:
    for values in (np.full(5, number), [number, *catalog()[column][1:]]):
        moved = at_epoch(catalog(**{column: values}), 2026.5)
        reference = reference_of(moved, np.array([2020.0, 2026.5]))
        assert np.isfinite(reference.ra).all()
        eigenvalues = np.linalg.eigvalsh(reference.covariance)
        assert (eigenvalues > 0.0).all()
        assert (np.sqrt(np.diagonal(reference.covariance, 0, 1, 2)) >= BEST).all()
        assert (np.sqrt(np.diagonal(reference.covariance, 0, 1, 2)) <= WORST).all()


@pytest.mark.parametrize("weight", [1e300, 1e-300, 5e-324, 1e20])
def test_one_weight_of_any_size(weight: float) -> None:
    table = catalog(weight=[weight, 1.0, 1.0, 2.0, 1.0])
    table.remove_columns(["ra_error", "dec_error"])
    errors = position_errors(table)
    assert ((errors >= BEST) & (errors <= WORST)).all()
    np.testing.assert_allclose(errors[1:, 0], 0.005 / np.sqrt([1.0, 1.0, 2.0, 1.0]), rtol=1e-14)


def test_what_is_not_believed_is_said(caplog: pytest.LogCaptureFixture) -> None:
    _log_missing_errors(catalog(ra_error=[1e-9, 0.1, 0.1, 1e12, 0.1]), "stars")
    assert "stars: the errors of 2 of 5 stars, or those of their weights, are not" in caplog.text
    caplog.clear()
    _log_missing_errors(catalog(), "stars")
    assert "not believed" not in caplog.text


def test_what_can_be_is_left_to_the_bit() -> None:
    covariance = np.array([[[2.0, 0.5], [0.5, 1.0]], [[1e-6, 9e-7], [9e-7, 1e-6]]])
    np.testing.assert_array_equal(bounded_covariance(covariance), covariance)
    stars = stars_of(as_published(catalog(pmra=np.full(5, 10_400.0), parallax=np.full(5, 768.0))))
    assert stars is not None
    assert stars.pmra.tolist() == [10_400.0] * 5
    assert stars.parallax.tolist() == [768.0] * 5
