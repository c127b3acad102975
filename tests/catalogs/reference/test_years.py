"""Epochs of reference catalogs: understood in all their forms, or refused at reading."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import MaskedColumn, QTable, Table
from astropy.time import Time

from tweakreg_step.catalogs.reference import members_of, read_reference, stars_of
from tweakreg_step.core.exceptions import CatalogError

RA, DEC = [10.0, 10.01, 10.02], [-5.0, -5.01, -5.02]
MOVING = {"RA": RA, "DEC": DEC, "pmra": [5.0, -3.0, 8.0], "pmdec": [1.0, 2.0, -4.0]}
J2016 = Time(2016.0, format="jyear")


def epochs(table: Table) -> Any:
    found = stars_of(table)
    return None if found is None else found.epoch


def given(**more: Any) -> Table:
    """What is used of a table that is given with more columns."""
    (member,) = members_of(Table(MOVING | more))
    assert member.table is not None
    return member.table


@pytest.mark.parametrize(
    "column",
    [
        [2016.0] * 3,
        [2016] * 3,
        [2016.0, np.nan, np.nan],
        ["J2016.0"] * 3,
        ["j2016"] * 3,
        ["2016.0", "", "2016"],
        ["2016-01-01T12:00:00"] * 3,
        ["2016-01-01 12:00:00.000"] * 3,
        [b"J2016.000"] * 3,
        [dt.datetime(2016, 1, 1, 12)] * 3,  # noqa: DTZ001 - as tables have them
        np.array(["2016-01-01T12:00"] * 3, dtype="datetime64[s]"),
        Time([J2016] * 3),
        [2016.0] * 3 * u.yr,
        MaskedColumn([2016.0, 0.0, 2016.0], mask=[False, True, False]),
    ],
)
def test_a_year_is_understood_in_every_form(column: Any) -> None:
    table = given(ref_epoch=column)
    np.testing.assert_allclose(epochs(table), 2016.0, atol=1e-3)


@pytest.mark.parametrize("name", ["ref_epoch", "REF_EPOCH", "Epoch"])
def test_a_day_and_a_besselian_year(name: str) -> None:
    np.testing.assert_allclose(
        epochs(given(**{name: ["2015-07-02", "B1991.25", "1991.25"]})),
        [2015.5, 1991.25, 1991.25],
        atol=0.01,
    )


@pytest.mark.parametrize(
    ("column", "shown", "guess"),
    [
        ([57388.5] * 3, r"is 57388\.5 in 3 of 3 rows", r"the MJD of the year 2016\.00\?"),
        (["57388.5"] * 3, r"is 57388\.5 in", "MJD"),
        ([57388.5] * 3 * u.d, r"is 57388\.5 in 3 of 3 rows", r"the MJD of the year 2016\.00\?"),
        ([2457389.0] * 3, r"is 2457389\.0 in", r"the JD of the year 2016\.00\?"),
        ([1345001001] * 3, r"is 1345001001 in", ""),
        ([12] * 3, r"is 12 in", ""),
        ([2016.0, 57388.5, 2016.0], r"is 57388\.5 in 1 of 3 rows", "MJD"),
        ([16.0] * 3, r"is 16\.0 in", ""),
        ([True] * 3, r"is True in", ""),
        (["visit 1"] * 3, "is visit 1, but", ""),
        ([2016.0] * 3 * u.m, "is in 'm'", ""),
        (Time([3016.0] * 3, format="jyear"), r"is 3016\.0 in", ""),
    ],
)
def test_what_is_no_year_is_refused_at_reading(column: Any, shown: str, guess: str) -> None:
    with pytest.raises(CatalogError, match=shown) as caught:
        given(epoch=column)
    assert "(column 'epoch')" in str(caught.value)
    assert guess.replace("\\", "") in str(caught.value)
    assert "Mend" in str(caught.value)


def test_a_file_with_days_is_refused_when_its_name_is_read(tmp_path: Path) -> None:
    path = tmp_path / "stars.ecsv"
    Table(MOVING | {"ref_epoch": [57388.5] * 3}).write(path)
    with pytest.raises(CatalogError, match=r"must be a year from 1850 to 2150, .* Give that year"):
        members_of(str(path))


@pytest.mark.parametrize(
    ("name", "value"), [("ref_epoch", 2016.0), ("EPOCH", "J2016.0"), ("epoch", "2016-01-01")]
)
@pytest.mark.parametrize("suffix", ["ecsv", "fits"])
def test_an_epoch_in_the_header(
    tmp_path: Path, name: str, value: Any, suffix: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / f"stars.{suffix}"
    key = name if suffix == "ecsv" else name.replace("_", "").upper()  # of eight letters
    Table(MOVING, meta={key: value}).write(path)
    np.testing.assert_allclose(epochs(read_reference(path)), 2016.0, atol=0.01)
    assert "are not used" not in caplog.text


def test_an_equinox_is_no_epoch(caplog: pytest.LogCaptureFixture) -> None:
    (member,) = members_of(Table(MOVING, meta={"EPOCH": 2000.0}))
    assert epochs(member.table) is None
    assert "EPOCH = 2000.0, which may be the equinox of the coordinates" in caplog.text
    assert "has proper motions ('pmra', 'pmdec'), but no epoch" in caplog.text
    caplog.clear()
    (member,) = members_of(Table(MOVING, meta={"ref_epoch": 2000.0}))
    np.testing.assert_array_equal(epochs(member.table), 2000.0)
    assert not caplog.text


def test_an_epoch_in_the_header_that_is_none() -> None:
    with pytest.raises(CatalogError, match=r"\(in its header\) is 57388\.5, .* MJD"):
        members_of(Table(MOVING, meta={"REF_EPOCH": 57388.5}))


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        (MOVING, r"has proper motions ('pmra', 'pmdec'), but no epoch of its positions"),
        (MOVING | {"ref_epoch": [np.nan] * 3}, "but no epoch of its positions: they are not used"),
        (
            {k: v for k, v in MOVING.items() if k != "pmdec"} | {"epoch": [2016.0] * 3},
            "has proper motions ('pmra'), but no column 'pmdec'",
        ),
        (
            MOVING | {"ref_epoch": [2016.0, np.nan, 2016.0]},
            "1 of 3 stars have no epoch; that of the others, 2016.000, is taken",
        ),
    ],
)
def test_motions_that_are_not_used_are_said(
    columns: dict[str, Any], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    members_of(Table(columns))
    assert reason in caplog.text


def test_stars_that_stand_still_need_no_epoch(caplog: pytest.LogCaptureFixture) -> None:
    members_of(Table({"RA": RA, "DEC": DEC}))
    members_of(Table(MOVING | {"pmra": [0.0] * 3, "pmdec": [np.nan, 0.0, 0.0]}))
    members_of(Table(MOVING | {"ref_epoch": [2016.0] * 3}))
    assert not caplog.text


def test_motions_within_coordinates_need_an_epoch_too(caplog: pytest.LogCaptureFixture) -> None:
    sky = SkyCoord(
        RA * u.deg,
        DEC * u.deg,
        pm_ra_cosdec=[1.0, 2.0, 3.0] * u.mas / u.yr,
        pm_dec=[1.0, 2.0, 3.0] * u.mas / u.yr,
    )
    members_of(QTable({"sky_centroid": sky}))
    assert "Reference catalog given as a table has proper motions" in caplog.text
    assert "Add a column 'ref_epoch'" in caplog.text
