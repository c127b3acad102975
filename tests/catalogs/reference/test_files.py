"""Reference catalogs from files."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from astropy import units
from astropy.coordinates import SkyCoord
from astropy.table import QTable, Table

from tweakreg_step.catalogs.reference import read_reference
from tweakreg_step.catalogs.reference.file import sky_table
from tweakreg_step.core.exceptions import CatalogError

RA, DEC = [10.5, 11.0, 359.5], [-20.0, 0.0, 89.0]


@pytest.mark.parametrize("names", [("RA", "DEC"), ("ra", "dec"), ("Ra", "Dec")])
def test_any_letter_case(tmp_path: Path, names: tuple[str, str]) -> None:
    path = tmp_path / "ref.ecsv"
    Table([RA, DEC, [1.0, 2.0, 3.0]], names=[*names, "weight"]).write(path)
    table = read_reference(path)
    assert table.colnames == ["RA", "DEC", "weight"]
    assert table["RA"].tolist() == RA
    assert table["DEC"].tolist() == DEC
    assert table.meta["name"] == "ref.ecsv"


def test_sky_centroid_in_another_frame(tmp_path: Path) -> None:
    path = tmp_path / "ref.ecsv"
    sky = SkyCoord(RA, DEC, unit="deg")
    QTable({"sky_centroid": sky.galactic}).write(path)
    table = read_reference(path)
    got = SkyCoord(table["RA"], table["DEC"], unit="deg")
    assert np.max(got.separation(sky).mas) < 1e-3
    assert table.colnames == ["RA", "DEC"]


def test_units_are_honoured(tmp_path: Path) -> None:
    path = tmp_path / "ref.ecsv"
    QTable({"RA": [1.5] * units.hourangle, "DEC": [30.0] * units.arcmin}).write(path)
    table = read_reference(path)
    assert table["RA"][0] == pytest.approx(22.5, abs=1e-12)
    assert table["DEC"][0] == pytest.approx(0.5, abs=1e-12)


def test_rows_without_position_are_dropped(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "ref.ecsv"
    Table({"RA": [1.0, np.nan, 3.0], "DEC": [1.0, 2.0, np.nan]}).write(path)
    assert read_reference(path)["RA"].tolist() == [1.0]
    assert "2 of 3 rows are not used: 2 without a finite position." in caplog.text


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"alpha": [1.0]}, r"\['alpha'\], but it needs 'RA' and 'DEC'"),
        ({"RA": [1.0], "ra": [1.1], "DEC": [1.0]}, r"only one may be meant by 'ra'"),
        ({"RA": [1.0], "DEC": [95.0]}, r"1 of 1 positions .* out of range.*swapped"),
        ({"RA": ["noon"], "DEC": [5.0]}, r"can't be turned into degrees"),
    ],
)
def test_bad_columns_are_named(
    tmp_path: Path, columns: dict[str, list[object]], message: str
) -> None:
    path = tmp_path / "ref.ecsv"
    Table(columns).write(path)
    with pytest.raises(CatalogError, match=message):
        read_reference(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=r"nowhere\.ecsv', does not exist"):
        read_reference(tmp_path / "nowhere.ecsv")


@pytest.mark.parametrize(
    ("rows", "fact"),
    [
        ({"RA": np.empty(0), "DEC": np.empty(0)}, "has 0 rows, but"),
        (
            {"RA": [np.nan, 1.0], "DEC": [1.0, np.nan]},
            r"has 2 rows, all of no use \(2 without a finite position\), but",
        ),
        (
            {"RA": [np.nan, 1.0], "DEC": [1.0, 1.0], "weight": [1.0, 0.0]},
            r"\(1 without a finite position, 1 without a positive weight\)",
        ),
    ],
)
def test_a_catalog_without_a_usable_row_is_refused(
    tmp_path: Path, rows: dict[str, list[float]], fact: str
) -> None:
    path = tmp_path / "ref.ecsv"
    Table(rows).write(path)
    with pytest.raises(CatalogError, match=f"{fact}.*one with a position|{fact}"):
        read_reference(path)


def test_a_file_says_which_it_is(tmp_path: Path) -> None:
    path = tmp_path / "ref.ecsv"
    Table({"RA": RA, "DEC": DEC}).write(path)
    meta = read_reference(path).meta
    assert (meta["source"], meta["rows_read"]) == (str(path), 3)
    assert meta["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


def test_equal_columns_of_one_name_are_one(tmp_path: Path) -> None:
    path = tmp_path / "ref.ecsv"
    Table({"RA": RA, "ra": RA, "Dec": DEC, "DEC": np.array(DEC) + 1e-12, "mag": [1, 2, 3]}).write(
        path
    )
    table = read_reference(path)
    assert table.colnames == ["RA", "DEC", "mag"]
    assert table["RA"].tolist() == RA


def test_columns_of_one_name_in_other_units_are_not_one() -> None:
    table = QTable({"RA": RA * units.deg, "ra": RA * units.hourangle, "DEC": DEC * units.deg})
    with pytest.raises(CatalogError, match=r"\['RA', 'ra'\], which differ"):
        sky_table(table, "given")


def test_other_columns_of_one_name_that_differ_are_refused() -> None:
    table = Table({"RA": RA, "DEC": DEC, "RA_ERROR": [1.0] * 3, "ra_error": [1.0] * 3})
    assert sky_table(table, "given")["RA"].tolist() == RA
    table["ra_error"] = 2.0
    with pytest.raises(CatalogError, match=r"\['RA_ERROR', 'ra_error'\], which differ"):
        sky_table(table, "given")
    table.replace_column("ra_error", ["bad"] * 3)
    with pytest.raises(CatalogError, match="which differ"):
        sky_table(table, "given")
