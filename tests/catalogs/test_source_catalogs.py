"""A user's catalogs: columns, bad rows, bad files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.table import MaskedColumn, Table

from tweakreg_step.catalogs.source_catalogs import (
    alignable,
    from_table,
    inside,
    read_catalog,
    to_table,
    with_weights,
    write_catalog,
)
from tweakreg_step.core.exceptions import CatalogError
from tweakreg_step.core.sources import Sources
from tweakreg_step.parameters.source_stages import (
    ColumnParameters,
    SelectionParameters,
)
from tweakreg_step.sources.flags import Flag

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


# ---- catalogs of other programs, bad rows, fluxes

SEXTRACTOR = {
    "XWIN_IMAGE": [11.0, 21.0, 31.0, 41.0, 51.0, 11.0],
    "YWIN_IMAGE": [1.0, 2.0, 3.0, 4.0, 5.0, 1.0],
    "FLUX_AUTO": [10.0, 20.0, 30.0, 40.0, 50.0, 10.0],
    "FLAGS": [0, 3, 4, 8, 19, 0],
}


def test_sextractor_rows_that_are_of_no_use_are_dropped_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "a.fits"
    Table(SEXTRACTOR).write(path)
    found = read_catalog(path, "a_cal.fits")
    assert found.x.tolist() == [10.0, 20.0, 50.0]  # blended ones stay
    assert found.flux.tolist() == [10.0, 20.0, 50.0]
    assert "3 of 6 rows are not used: 2 saturated or truncated, 1 repeated." in caplog.text


def test_flags_of_others_are_not_those_of_sextractor(tmp_path: Path) -> None:
    table = Table(SEXTRACTOR)
    table.rename_columns(["XWIN_IMAGE", "YWIN_IMAGE"], ["x", "y"])
    assert len(from_table(table, "a")) == 5


def test_every_dropped_row_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    x = MaskedColumn([1.0, 2.0, 2.0, 4.0, np.nan], mask=[1, 0, 0, 0, 0])
    table = Table({"x": x, "y": [1.0, 2.0, 2.0, 4.0, 5.0], "weight": [1.0, 1.0, 1.0, 0.0, 1.0]})
    assert from_table(table, "'a.cat'").x.tolist() == [2.0]
    assert (
        "Catalog 'a.cat': 4 of 5 rows are not used: 2 without a position, 1 repeated, "
        "1 without a positive weight." in caplog.text
    )


def test_neighbours_are_not_repeated_rows() -> None:
    table = Table({"x": [1.0, 1.0, 1.000001], "y": [2.0, 3.0, 2.0]})
    assert len(from_table(table, "a")) == 3


def test_flux_limits_without_fluxes_are_refused() -> None:
    table = Table({"x": [1.0], "y": [2.0]})
    with pytest.raises(CatalogError, match=r"catalog a has no fluxes.*\['x', 'y'\].*'fluxcol'"):
        from_table(table, "a", selection=SelectionParameters(fluxmin=1.0))
    assert len(from_table(table, "a")) == 1


@pytest.mark.parametrize("units", ["counts", "cps"])
def test_limits_in_counts_of_magnitudes_are_refused(units: str) -> None:
    table = Table({"X_IMAGE": [1.0], "Y_IMAGE": [2.0], "MAG_AUTO": [20.0]})
    limits = SelectionParameters(fluxmin=18.0, fluxmax=24.0, fluxunits=units)
    with pytest.raises(CatalogError, match=rf"are in {units}.*'MAG_AUTO'.*fluxunits='mag'"):
        from_table(table, "a", selection=limits)


@pytest.mark.parametrize(
    ("flux", "suspicious"),
    [
        (np.linspace(18.0, 24.0, 30), True),
        (np.linspace(-12.0, -4.0, 30), True),
        (np.linspace(1.0, 3000.0, 30), False),
        (np.linspace(5.5, 39.0, 30), False),
        (np.full(30, 10.0), False),
        (np.linspace(18.0, 24.0, 9), False),
        (np.linspace(-1000.0, 10.0, 30), False),
        (np.full(30, np.nan), False),
    ],
)
def test_magnitudes_given_as_fluxes_are_noticed(
    flux: Any, suspicious: bool, caplog: pytest.LogCaptureFixture
) -> None:
    positions = np.arange(len(flux), dtype=float)
    found = from_table(Table({"x": positions, "y": positions, "flux": flux}), "'a.cat'")
    assert len(found) == len(flux)
    assert ("look like magnitudes" in caplog.text) == suspicious


def test_positions_on_the_sky_go_through_the_wcs(caplog: pytest.LogCaptureFixture) -> None:
    def to_pixels(ra: Any, dec: Any) -> Any:
        x = (ra - 10.0) * 3600.0
        return np.where(x < 100.0, x, np.nan), np.where(x < 100.0, dec, np.nan)

    degrees = ColumnParameters(xyunits="degrees")
    ra = [10.0, 10.01, 10.1, np.nan]
    table = Table({"RA": ra, "DEC": [1.0, 2.0, 3.0, 4.0], "flux": [1.0, 2.0, 3.0, 4.0]})
    found = from_table(table, "a", degrees, to_pixels=to_pixels)
    np.testing.assert_allclose(found.x, [0.0, 36.0], rtol=0, atol=1e-9)
    assert found.flux.tolist() == [1.0, 2.0]
    assert "2 of 4 rows are not used: 1 without a position, 1 off the image" in caplog.text
    with pytest.raises(CatalogError, match=r"None of the 1 positions .* hours, .* swapped"):
        from_table(table[2:], "a", degrees, to_pixels=to_pixels)
    assert len(from_table(table[:0], "a", degrees, to_pixels=to_pixels)) == 0
    with pytest.raises(CatalogError, match=r"in degrees, but there is no WCS"):
        from_table(table, "a", degrees)


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
