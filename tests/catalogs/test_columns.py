"""Columns of SExtractor, DAOPHOT and users: origin, errors, fluxes and magnitudes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from astropy import units
from astropy.coordinates import SkyCoord
from astropy.table import Table

from tweakreg_step.catalogs.columns import (
    errors_of,
    flux_of,
    peak_of,
    position_columns,
    positions_of,
    with_positions_on_the_sky,
)
from tweakreg_step.core.exceptions import CatalogError, ParameterError
from tweakreg_step.parameters.source_stages import (
    ColumnParameters,
)


def positions(table: Table, **options: Any) -> tuple[list[float], list[float]]:
    parameters = ColumnParameters(**options)
    pair = position_columns(table, parameters, "a")
    x, y = positions_of(table, pair, parameters, "a")
    return x.tolist(), y.tolist()


@pytest.mark.parametrize(
    "pair",
    [
        ("X_IMAGE", "Y_IMAGE"),
        ("XWIN_IMAGE", "YWIN_IMAGE"),
        ("XPSF_IMAGE", "YPSF_IMAGE"),
        ("x_image", "y_image"),
        ("XCENTER", "YCENTER"),
    ],
)
def test_programs_count_from_one(pair: tuple[str, str]) -> None:
    table = Table([[1.0, 5.5], [2.0, 1.0]], names=pair)
    assert positions(table) == ([0.0, 4.5], [1.0, 0.0])
    assert positions(table, xyorigin=1) == ([0.0, 4.5], [1.0, 0.0])
    assert positions(table, xcol="1", ycol="2") == ([0.0, 4.5], [1.0, 0.0])


def test_tables_of_x_and_y_count_from_zero_unless_said_otherwise() -> None:
    table = Table({"x": [1.0], "y": [2.0]})
    assert positions(table) == ([1.0], [2.0])
    assert positions(table, xyorigin=1) == ([0.0], [1.0])


def test_windowed_positions_come_first_and_house_names_before_them() -> None:
    table = Table({"X_IMAGE": [9.0], "Y_IMAGE": [9.0], "XWIN_IMAGE": [3.0], "YWIN_IMAGE": [4.0]})
    assert positions(table) == ([2.0], [3.0])
    table["x"], table["y"] = [7.0], [8.0]
    assert positions(table) == ([7.0], [8.0])


def test_columns_are_chosen_by_number_or_name() -> None:
    table = Table({"id": [1.0], "b": [2.0], "a": [3.0]})
    assert positions(table, xcol="2", ycol="3") == ([2.0], [3.0])
    assert positions(table, xcol="a", ycol="B") == ([3.0], [2.0])
    assert positions(table, xcol="a", ycol="b", xyorigin=1) == ([2.0], [1.0])


@pytest.mark.parametrize("column", ["4", "0", "-1", "z", "1.5"])
def test_columns_that_do_not_exist(column: str) -> None:
    table = Table({"id": [1.0], "b": [2.0], "a": [3.0]})
    with pytest.raises(CatalogError, match=rf"'ycol' is '{column}'.* 3 columns: .*from 1 to 3"):
        positions(table, xcol="1", ycol=column)


def test_one_column_alone_is_refused() -> None:
    with pytest.raises(ParameterError, match=r"'xcol' is '1' and 'ycol' is '', but both"):
        ColumnParameters(xcol="1")


def test_the_first_two_nameless_columns_are_x_and_y_unless_they_count_rows() -> None:
    two = Table({"col1": [1.0], "col2": [2.0]}, meta={"nameless": True})
    assert positions(two) == ([1.0], [2.0])
    three = Table({"col1": [5.0], "col2": [2.0], "col3": [3.0]}, meta={"nameless": True})
    assert positions(three) == ([5.0], [2.0])
    three = Table([[1, 2], [7.0, 3.0], [8.0, 4.0]], meta={"nameless": True})
    with pytest.raises(CatalogError, match=r"none with positions.*'xcol' and 'ycol'.*1 to 3"):
        positions(three)


def test_a_saved_catalog_counts_from_0_whatever_is_said() -> None:
    table = Table({"id": [1], "x": [7.0], "y": [8.0]}, meta={"TWRFPRNT": "a"})
    assert positions(table, xyorigin=1) == ([7.0], [8.0])
    assert positions(table, xcol="2", ycol="3", xyorigin=1) == ([7.0], [8.0])


def test_positions_on_the_sky() -> None:
    table = Table({"Ra": [10.0], "dec": [-5.0]})
    assert positions(table, xyunits="degrees") == ([10.0], [-5.0])
    table["Ra"] = [0.5 * np.pi] * units.rad
    table["dec"] = [60.0] * units.arcmin
    assert positions(table, xyunits="degrees") == ([90.0], [1.0])
    sextractor = Table({"ALPHA_J2000": [10.0], "DELTA_J2000": [5.0], "X_IMAGE": [1.0]})
    assert positions(sextractor, xyunits="degrees") == ([10.0], [5.0])
    with pytest.raises(CatalogError, match="none with positions in degrees"):
        positions(Table({"x": [1.0], "y": [2.0]}), xyunits="degrees")


def test_positions_on_the_sky_in_another_unit() -> None:
    table = Table({"ra": [1.0] * units.pix, "dec": [2.0] * units.deg})
    with pytest.raises(CatalogError, match=r"Column 'ra' .* is in 'pix', but .* needs an angle"):
        positions(table, xyunits="degrees")


def test_errors_of_sextractor() -> None:
    base = {"XWIN_IMAGE": [1.0] * 3, "YWIN_IMAGE": [1.0] * 3}
    pair = ("XWIN_IMAGE", "YWIN_IMAGE")
    variances = Table(
        {**base, "ERRX2WIN_IMAGE": [0.04, 0.01, 0.0], "ERRY2WIN_IMAGE": [0.09, 1.0, 1.0],
         "ERRX2_IMAGE": [9.0] * 3, "ERRY2_IMAGE": [9.0] * 3}
    )  # fmt: skip
    x_err, y_err = errors_of(variances, pair, "a")
    np.testing.assert_allclose(x_err, [0.2, 0.1, np.nan], rtol=1e-15)
    np.testing.assert_allclose(y_err, [0.3, 1.0, 1.0], rtol=1e-15)
    ellipse = Table({**base, "ERRAWIN_IMAGE": [0.2] * 3, "ERRBWIN_IMAGE": [0.1] * 3})
    ellipse["ERRTHETAWIN_IMAGE"] = [0.0, 90.0, 30.0]
    x_err, y_err = errors_of(ellipse, pair, "a")
    x2 = 0.04 * 0.75 + 0.01 * 0.25
    np.testing.assert_allclose(x_err, [0.2, 0.1, np.sqrt(x2)], rtol=1e-12)
    np.testing.assert_allclose(y_err, [0.1, 0.2, np.sqrt(0.05 - x2)], rtol=1e-12)
    del ellipse["ERRTHETAWIN_IMAGE"]
    np.testing.assert_allclose(errors_of(ellipse, pair, "a"), np.sqrt(0.025), rtol=1e-12)
    # errors of other positions are not those of these
    assert np.isnan(errors_of(variances, ("XCENTER", "YCENTER"), "a")[0]).all()


def test_errors_of_others() -> None:
    table = Table({"x": [1.0] * 3, "y": [1.0] * 3, "x_err": [0.1, 0.0, -1.0], "y_err": [0.2] * 3})
    x_err, y_err = errors_of(table, ("x", "y"), "a")
    np.testing.assert_allclose(x_err, [0.1, np.nan, np.nan], rtol=1e-15)
    np.testing.assert_allclose(y_err, [0.2] * 3, rtol=1e-15)
    iraf = Table({"XCENTER": [1.0], "YCENTER": [1.0], "XERR": [0.3], "YERR": [0.0]})
    x_err, y_err = errors_of(iraf, ("XCENTER", "YCENTER"), "a")
    np.testing.assert_allclose((x_err[0], y_err[0]), (0.3, np.nan), rtol=1e-15)


def test_coordinates_in_one_column() -> None:
    sky = SkyCoord([150.0], [2.0], unit="deg", frame="icrs").fk5
    table = Table({"xcentroid": [5.0], "sky_centroid": sky})
    result = with_positions_on_the_sky(table)
    np.testing.assert_allclose(positions(result, xyunits="degrees"), [[150.0], [2.0]], rtol=1e-14)
    assert table.colnames == ["xcentroid", "sky_centroid"]
    without = Table({"RA": [1.0]})
    assert with_positions_on_the_sky(without) is without


def test_fluxes_and_their_order() -> None:
    table = Table({"FLUX_APER": [[5.0, 6.0], [7.0, 8.0]], "MAG_AUTO": [-1.0, 99.0]})
    flux, column, magnitudes = flux_of(table, "", "counts", "a")
    assert (flux.tolist(), column, magnitudes) == ([5.0, 7.0], "FLUX_APER", False)
    flux, column, magnitudes = flux_of(table, "", "mag", "a")
    np.testing.assert_allclose(flux, [10**0.4, np.nan], rtol=1e-15)
    assert (column, magnitudes) == ("MAG_AUTO", True)
    table["FLUX_AUTO"] = [1.0, 2.0]
    assert flux_of(table, "", "counts", "a")[1] == "FLUX_AUTO"
    assert flux_of(table, "1", "counts", "a")[1] == "FLUX_APER"
    assert np.isnan(flux_of(Table({"x": [1.0]}), "", "counts", "a")[0]).all()


@pytest.mark.parametrize(
    ("name", "unit", "fluxunits", "magnitude"),
    [
        ("col3", None, "mag", True),
        ("col3", None, "counts", False),
        ("flux", None, "mag", False),
        ("mag_f200w", None, "counts", True),
        ("brightness", units.mag, "counts", True),
        ("brightness", units.ABmag, "cps", True),
        ("brightness", units.Jy, "mag", False),
    ],
)
def test_what_a_chosen_column_holds(name: str, unit: Any, fluxunits: str, magnitude: bool) -> None:
    table = Table({name: [20.0]})
    table[name].unit = unit
    flux, _, is_magnitude = flux_of(table, name, fluxunits, "a")
    assert is_magnitude == magnitude
    assert flux[0] == pytest.approx(1e-8 if magnitude else 20.0)


def test_peaks() -> None:
    assert peak_of(Table({"x": [1.0]}), "a") is None
    peak = peak_of(Table({"FLUX_MAX": [3.0]}), "a")
    assert peak is not None
    assert peak.tolist() == [3.0]


def test_a_column_of_words_is_refused() -> None:
    with pytest.raises(CatalogError, match="Column 'flux'"):
        flux_of(Table({"flux": ["bright"]}), "", "counts", "a")


def test_columns_of_one_name_in_other_letters() -> None:
    options = ColumnParameters(xyunits="degrees")
    same = Table({"RA": [1.0, 2.0], "ra": [1.0, 2.0], "DEC": [3.0, 4.0]})
    assert position_columns(same, options, "'a'") == ("RA", "DEC")
    same["ra"] += 0.1
    with pytest.raises(CatalogError, match=r"columns \['RA', 'ra'\], which differ, .* 'xcol'"):
        position_columns(same, options, "'a'")
    chosen = ColumnParameters(xyunits="degrees", xcol="ra", ycol="DEC")
    assert position_columns(same, chosen, "'a'") == ("ra", "DEC")
