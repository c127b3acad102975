"""A user's catalogs: columns, bad rows, bad files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.table import MaskedColumn, Table

from tweakreg_step.catalogs import (
    alignable,
    inside,
    read_catalog,
    to_table,
    with_weights,
    write_catalog,
)
from tweakreg_step.data import Sources
from tweakreg_step.exceptions import CatalogError
from tweakreg_step.flags import Flag

POSITIONS = {"x": [1.5, 20.25, 300.0], "y": [4.0, 50.5, 60.0]}


@pytest.mark.parametrize(
    "names", [("x", "y"), ("xcentroid", "ycentroid"), ("x_centroid", "y_centroid")]
)
@pytest.mark.parametrize("suffix", [".ecsv", ".fits", ".csv"])
def test_position_columns_and_formats(tmp_path: Path, names: tuple[str, str], suffix: str) -> None:
    path = tmp_path / f"cat{suffix}"
    Table(list(POSITIONS.values()), names=names).write(path)
    found = read_catalog(path, "a_cal.fits")
    assert found.x.tolist() == POSITIONS["x"]
    assert found.y.tolist() == POSITIONS["y"]
    assert found.weight is None
    assert np.isnan(found.flux).all()


def test_weights_fluxes_and_errors_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "cat.ecsv"
    table = Table({**POSITIONS, "weight": [1, 2, 3], "flux": [9.0, 8.0, 7.0], "x_err": [0.1] * 3})
    table["x"].unit = "pix"
    table.write(path)
    found = read_catalog(path, "a_cal.fits")
    assert found.weight is not None
    assert found.weight.tolist() == [1.0, 2.0, 3.0]
    assert found.flux.tolist() == [9.0, 8.0, 7.0]
    assert found.x_err.tolist() == [0.1] * 3


def test_rows_without_a_position_or_weight_are_dropped(tmp_path: Path) -> None:
    path = tmp_path / "cat.ecsv"
    x = MaskedColumn([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], mask=[0, 1, 0, 0, 0, 0])
    y = [1.0, 2.0, np.nan, 4.0, 5.0, 6.0]
    Table({"x": x, "y": y, "weight": [1.0, 1.0, 1.0, 0.0, -1.0, 2.0]}).write(path)
    assert read_catalog(path, "a_cal.fits").x.tolist() == [1.0, 6.0]


def test_an_empty_catalog_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "cat.ecsv"
    Table({"x": np.empty(0), "y": np.empty(0)}).write(path)
    assert len(read_catalog(path, "a_cal.fits")) == 0


def test_missing_position_columns_are_named(tmp_path: Path) -> None:
    path = tmp_path / "cat.ecsv"
    Table({"ra": [1.0], "dec": [2.0]}).write(path)
    with pytest.raises(CatalogError, match=r"\['ra', 'dec'\].*needs 'x' and 'y', or 'xcentroid'"):
        read_catalog(path, "a_cal.fits")


def test_a_column_of_words_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cat.ecsv"
    Table({"x": ["left"], "y": [2.0]}).write(path)
    with pytest.raises(CatalogError, match=r"Column 'x' .* one number a row is needed"):
        read_catalog(path, "a_cal.fits")


@pytest.mark.parametrize("content", [None, b"", b"\x00\x01\x02nothing", b"SIMPLE  =  broken"])
def test_a_file_that_is_no_table_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "cat.fits"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CatalogError, match=r"source catalog of 'a_cal\.fits'.*must be a"):
        read_catalog(path, "a_cal.fits")


def test_the_bounding_box_is_open() -> None:
    found = Sources.at(np.array([-0.5, 0.0, 9.5, 5.0]), np.array([1.0, 1.0, 1.0, 20.0]))
    assert inside(found, ((-0.5, 9.5), (-0.5, 9.5))).x.tolist() == [0.0]
    assert inside(found, None) is found


@pytest.mark.parametrize("catalog_format", ["ecsv", "fits"])
def test_written_catalogs_read_back(tmp_path: Path, catalog_format: str) -> None:
    found = Sources.at(np.array([1.25, 2.5]), np.array([3.0, 4.0]), flux=np.array([5.0, 6.0]))
    path = tmp_path / f"a_cat.{catalog_format}"
    write_catalog(with_weights(found), path, catalog_format)
    again = read_catalog(path, "a_cal.fits")
    assert again.x.tolist() == found.x.tolist()
    assert again.flux.tolist() == found.flux.tolist()
    assert again.weight is not None
    assert again.weight.tolist() == [1.0, 1.0]
    assert str(Table.read(path)["x"].unit) in {"pix", "pixel"}


def test_columns_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match=r"different lengths: \[1, 2\]"):
        Sources.at(np.zeros(2), np.zeros(1))


def test_selected_rows_keep_all_columns() -> None:
    found = with_weights(Sources.at(np.arange(4.0), np.arange(4.0), flux=np.arange(4.0)))
    chosen = found[np.array([3, 1])]
    assert to_table(chosen, "a")["flux", "weight"].as_array().tolist() == [(3.0, 1.0), (1.0, 1.0)]


@pytest.mark.parametrize("catalog_format", ["ecsv", "fits"])
def test_flags_are_saved_and_keep_cosmic_rays_out(tmp_path: Path, catalog_format: str) -> None:
    flags = np.array([0, int(Flag.SHARP), int(Flag.EXTENDED | Flag.NEAR_BAD)], np.int32)
    found = Sources.at(np.arange(3.0), np.arange(3.0), flags=flags)
    path = tmp_path / f"a_cat.{catalog_format}"
    write_catalog(found, path, catalog_format)
    again = read_catalog(path, "a_cal.fits")
    assert again.flags is not None
    assert again.flags.tolist() == flags.tolist()
    assert alignable(again).x.tolist() == [0.0, 2.0]
    assert alignable(Sources.at(np.arange(3.0), np.arange(3.0))).x.tolist() == [0.0, 1.0, 2.0]
