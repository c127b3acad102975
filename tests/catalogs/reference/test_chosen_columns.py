"""Columns of a reference catalog that the user has chosen, and lists without names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.table import Table

from tweakreg_step.catalogs.reference import read_reference, with_chosen_columns
from tweakreg_step.core.exceptions import CatalogError, ParameterError
from tweakreg_step.parameters import ReferenceParameters


def chosen(given: Any, to_sky: Any = None, **options: Any) -> Any:
    return with_chosen_columns(given, ReferenceParameters(**options), to_sky)


def write(folder: Path, text: str) -> Path:
    path = folder / "stars.txt"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    "line",
    ["150.25 -2.5 18.0", "10:01:00 -02:30:00 18.0", "10:01 -2:30 18"],
)
def test_the_first_columns_of_a_list_without_names(tmp_path: Path, line: str) -> None:
    table = read_reference(write(tmp_path, f"# my stars, by hand\n{line}\n{line}\n"))
    np.testing.assert_allclose(table["RA"], 150.25, atol=1e-12)
    np.testing.assert_allclose(table["DEC"], -2.5, atol=1e-12)


@pytest.mark.parametrize(
    ("columns", "line"),
    [
        (("2", "3"), "7 150.25 -2.5"),
        (("1,2,3", "4,5,6"), "10 1 0.0 -02 30 0.0"),
        (("1,2,3", "4,5,6"), "10 1 0.0 -2 30 0.0"),
    ],
)
def test_columns_by_number(tmp_path: Path, columns: tuple[str, str], line: str) -> None:
    path = write(tmp_path, f"{line}\n{line}\n")
    table = chosen(path, refxcol=columns[0], refycol=columns[1])
    np.testing.assert_allclose(table["RA"], 150.25, atol=1e-12)
    np.testing.assert_allclose(table["DEC"], -2.5, atol=1e-12)
    assert table.meta["name"] == "stars.txt"


def test_a_small_negative_declination_of_three_columns(tmp_path: Path) -> None:
    table = chosen(write(tmp_path, "10 1 0.0 -0.0 30 0\n"), refxcol="1,2,3", refycol="4,5,6")
    assert table["DEC"][0] == -0.5


def test_columns_by_name_and_brightness_by_number() -> None:
    given = Table({"a": [1.0], "b": [2.0], "m": [17.0], "ra": [9.0], "dec": [9.0]})
    table = chosen(given, refxcol="A", refycol="b", rfluxcol="3")
    assert (table["RA"][0], table["DEC"][0], table["3"][0]) == (1.0, 2.0, 17.0)
    assert given.colnames == ["a", "b", "m", "ra", "dec"]


def test_pixels_count_from_1(tmp_path: Path) -> None:
    path = write(tmp_path, "101.0 51.0\n")

    def to_sky() -> Any:
        return lambda x, y: (x / 10.0, y / 10.0)

    table = chosen(path, to_sky, refxyunits="pixels")
    assert (table["RA"][0], table["DEC"][0]) == (10.0, 5.0)
    with pytest.raises(ParameterError, match=r"no image whose pixels they are\. Give 'refimage'"):
        chosen(path, refxyunits="pixels")


def test_what_is_refused_and_what_is_not_touched(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(tmp_path, "1 2\n3 4\n")
    with pytest.raises(CatalogError, match=r"'refycol' is '3', but .* has 2 columns.*from 1 to 2"):
        chosen(path, refxcol="1", refycol="3")
    with pytest.raises(ParameterError, match=r"'refxcol' is '1,2', which are 2 columns, but one"):
        chosen(path, refxcol="1,2", refycol="3")
    assert chosen(path) is path
    assert chosen("GAIADR3", refxcol="1", refycol="2") == "GAIADR3"
    assert "no effect: 'GAIADR3' is no file" in caplog.text
