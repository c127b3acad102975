"""Which reference stars are used: quality, brightness, rows that are repeated."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from astropy.table import MaskedColumn, Table

from tweakreg_step.catalogs.reference.select import select
from tweakreg_step.core.exceptions import CatalogError
from tweakreg_step.parameters.stages import ReferenceParameters

COUNT = 6
ALL = np.ones(COUNT, bool)


def table(**columns: Any) -> Table:
    return Table({"RA": np.arange(COUNT) + 0.5, "DEC": np.zeros(COUNT)} | columns)


def chosen(stars: Table, inside: np.ndarray = ALL, **options: Any) -> list[int]:
    """The indices of the stars that are left."""
    left = select(stars, ReferenceParameters(**options), inside)
    return [int(ra) for ra in left["RA"]]


MAG = [15.0, 20.0, 99.0, 18.0, np.nan, 17.0]


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({"rfluxmin": 16.0, "rfluxmax": 19.0}, [3, 5]),
        ({"rfluxmin": 19.0, "rfluxmax": 16.0}, [3, 5]),  # magnitudes, in either order
        ({"rfluxmax": 18.0}, [0, 3, 5]),
        ({"rfluxmin": 18.0}, [1, 3]),  # 99 is no magnitude
        ({"refnbright": 2}, [0, 5]),
        ({"refnbright": 100}, [0, 1, 3, 5]),
        ({"rfluxmin": 16.0, "refnbright": 1}, [5]),
    ],
)
def test_magnitudes(limits: dict[str, Any], expected: list[int]) -> None:
    assert chosen(table(mag=MAG), **limits) == expected


def test_fluxes() -> None:
    stars = table(flux=[1.0, 5.0, 3.0, np.nan, 2.0, 4.0])
    assert chosen(stars, rfluxunits="cps", rfluxmin=2.0, rfluxmax=4.0) == [2, 4, 5]
    assert chosen(stars, rfluxunits="counts", refnbright=2) == [1, 5]
    assert chosen(table(F606W=MAG), rfluxcol="F606W", rfluxmax=16.0) == [0]


def test_the_brightest_are_counted_in_the_field() -> None:
    inside = np.array([False, True, True, True, True, True])
    assert chosen(table(mag=MAG), inside, refnbright=2) == [3, 5]


def test_doubtful_stars() -> None:
    ruwe = MaskedColumn([1.0, 1.5, 1.4, 9.0, 1.0, 1.0], mask=[0, 0, 0, 0, 1, 0])
    assert chosen(table(ruwe=ruwe)) == [0, 2, 4, 5]
    for flags in ([False] * 5 + [True], ["false"] * 5 + ["True"], [0] * 5 + [1]):
        assert chosen(table(duplicated_source=flags)) == [0, 1, 2, 3, 4]


def test_repeated_rows_count_once() -> None:
    stars = table()
    stars["RA"][3] = stars["RA"][1]
    assert chosen(stars) == [0, 1, 2, 4, 5]


@pytest.mark.parametrize(
    ("columns", "options", "message"),
    [
        ({}, {"refnbright": 3}, "need magnitudes among them"),
        ({"mag": MAG}, {"rfluxmin": 1.0, "rfluxunits": "cps"}, "need fluxes among them"),
        ({"mag": MAG}, {"rfluxmin": 1.0, "rfluxcol": "V"}, "need 'V' among them"),
        ({"mag": [1e3, 1e4, 1e5, 2e3, 5e3, 9e3]}, {"rfluxmin": 1.0}, "Are they fluxes"),
        ({"mag": ["a"] * COUNT}, {"rfluxmin": 1.0}, "must hold numbers"),
    ],
)
def test_columns_that_do_not_fit(
    columns: dict[str, Any], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(CatalogError, match=message):
        chosen(table(**columns), **options)
