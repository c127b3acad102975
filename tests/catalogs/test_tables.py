"""Files of tables: FITS with one and several catalogs, formats of astropy, bad files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import MaskedColumn, Table

from tweakreg_step.catalogs.tables import file_and_extension, is_table_file, numbers, read_table
from tweakreg_step.core.exceptions import CatalogError


def ldac(path: Path, *lengths: int) -> None:
    """A FITS_LDAC file as SExtractor writes it, with a catalog of each length."""
    hdus = [fits.PrimaryHDU()]
    for length in lengths:
        cards = np.array([["SIMPLE  =                    T".ljust(80)]])
        header = fits.Column("Field Header Card", format="80A", array=cards[0])
        hdus.append(fits.BinTableHDU.from_columns([header], name="LDAC_IMHEAD"))
        columns = [
            fits.Column("X_IMAGE", format="1D", unit="pixel", array=1.0 + np.arange(length)),
            fits.Column("Y_IMAGE", format="1D", unit="pixel", array=np.arange(length) + 5.0),
            fits.Column("FLUX_APER", format="2E", unit="count", array=np.ones((length, 2))),
        ]
        hdus.append(fits.BinTableHDU.from_columns(columns, name="LDAC_OBJECTS"))
    fits.HDUList(hdus).writeto(path)


def test_the_catalog_of_an_ldac_file_is_found(tmp_path: Path) -> None:
    ldac(tmp_path / "a.cat", 3)
    table = read_table(tmp_path / "a.cat", "catalog")
    assert table["X_IMAGE"].tolist() == [1.0, 2.0, 3.0]
    assert table["FLUX_APER"].shape == (3, 2)


@pytest.mark.parametrize(
    ("extension", "length"), [("2", 3), ("4", 5), ("LDAC_OBJECTS", 3), ("LDAC_OBJECTS,2", 5)]
)
def test_one_of_several_is_chosen_in_brackets(tmp_path: Path, extension: str, length: int) -> None:
    ldac(tmp_path / "a.cat", 3, 5)
    assert len(read_table(tmp_path / f"a.cat[{extension}]", "catalog")) == length


def test_several_without_a_choice_are_refused(tmp_path: Path) -> None:
    ldac(tmp_path / "a.cat", 3, 5)
    with pytest.raises(CatalogError, match=r"2 catalogs, in the extensions \[2, 4\].*cat\[2\]"):
        read_table(tmp_path / "a.cat", "catalog")


@pytest.mark.parametrize("extension", ["1", "9", "nothing", "0"])
def test_an_extension_without_a_catalog_is_refused(tmp_path: Path, extension: str) -> None:
    ldac(tmp_path / "a.cat", 3)
    with pytest.raises(CatalogError, match=rf"extension '{extension}' holds no catalog.*LDAC_OBJ"):
        read_table(tmp_path / f"a.cat[{extension}]", "catalog")


def test_an_extension_of_a_text_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("1 2\n")
    with pytest.raises(CatalogError, match=r"'2' names an extension, but the file is not FITS"):
        read_table(tmp_path / "a.txt[2]", "catalog")


def test_an_image_is_no_catalog(tmp_path: Path) -> None:
    fits.PrimaryHDU(np.zeros((4, 4))).writeto(tmp_path / "a.fits")
    with pytest.raises(CatalogError, match=r"holds no catalog; those that do are \{\}"):
        read_table(tmp_path / "a.fits", "catalog")


def test_a_name_with_brackets_is_a_name(tmp_path: Path) -> None:
    path = tmp_path / "a[2]"
    path.write_text("1 2\n")
    assert file_and_extension(path) == (path, "")
    assert file_and_extension(tmp_path / "b[2]") == (tmp_path / "b", "2")
    assert is_table_file(path)
    assert not is_table_file(tmp_path / "b[2]")


@pytest.mark.parametrize("suffix", [".vot", ".ecsv"])
def test_formats_of_astropy(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    options = {"format": "votable"} if suffix == ".vot" else {}
    Table({"x": [1.5, 2.5], "y": [3.0, 4.0]}).write(path, **options)
    assert read_table(path, "catalog")["x"].tolist() == [1.5, 2.5]


def test_ecsv_of_another_ending(tmp_path: Path) -> None:
    Table({"x": [1.5]}).write(tmp_path / "a.txt", format="ascii.ecsv")
    assert read_table(tmp_path / "a.txt", "catalog").colnames == ["x"]


def test_numbers_are_nan_where_masked() -> None:
    table = Table({"x": MaskedColumn([1, 2], mask=[0, 1]), "n": ["a", "b"], "v": np.zeros((2, 2))})
    assert np.array_equal(numbers(table, "x", "a"), [1.0, np.nan], equal_nan=True)
    for column in ("n", "v"):
        with pytest.raises(CatalogError, match=rf"Column '{column}' of the catalog a holds"):
            numbers(table, column, "a")
