"""The table of matches: complete, with units, and the same when it is read again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from astropy import units as u
from astropy.table import Table
from made_results import changed, early_result, make_result, sequential_result

from tweakreg_step.report.match_table import matches_of, write_matches


def _read(path: Path) -> Table:
    return Table.read(path, format="ascii.ecsv")


def test_each_match_is_a_row() -> None:
    result = make_result(lost=(4,))
    table, solution = matches_of(result), result.solution
    assert len(table) == np.sum(solution.detections.source >= 0)
    assert np.sum(table["use"] != "clipped: residual") == np.sum(solution.detections.used)
    assert result.groups.names[4] not in set(table["group"])
    per_group = [np.sum(table["group"] == name) for name in result.groups.names]
    linked = result.catalogs.detections.group[solution.detections.source >= 0]
    np.testing.assert_array_equal(per_group, np.bincount(linked, minlength=9))


def test_what_is_said_of_a_detection() -> None:
    result = make_result(detectors=np.array([[-35.0, 0.0], [35.0, 0.0]]), count=4)
    table, catalog = matches_of(result), result.catalogs.detections
    for row in (0, len(table) // 2, len(table) - 1):
        place = np.flatnonzero(
            (catalog.ra == table["ra"][row]) & (catalog.dec == table["dec"][row])
        )
        assert len(place) == 1
        image = catalog.image[place[0]]
        assert table["image"][row] == result.images.names[image]
        assert table["detector"][row] == result.images.detectors[image]
        assert table["group"][row] == result.groups.names[result.images.group[image]]
        assert table["x"][row] == result.catalogs.x[place[0]]
        residual = 1e3 * result.solution.detections.residual[place[0]]
        assert (table["residual_east"][row], table["residual_north"][row]) == tuple(residual)
        assert table["source"][row] == result.solution.detections.source[place[0]]
        sigma = 1e3 * np.sqrt(catalog.covariance[place[0], 0, 0])
        inflation = result.solution.detections.inflation[place[0]]
        assert table["sigma"][row] == pytest.approx(sigma * np.sqrt(inflation))


def test_reference_stars_are_named_by_their_row() -> None:
    result = make_result()
    table = matches_of(result)
    tied = table[(table["star"] >= 0) & (table["use"] == "used")]
    assert len(tied) > 50
    reference = result.catalogs.reference
    step = 3600.0 * np.hypot(
        (tied["ra"] - reference.ra[tied["star"]]) * np.cos(np.deg2rad(tied["dec"])),
        tied["dec"] - reference.dec[tied["star"]],
    )
    # through the input WCS they are a pointing error away, and 'before' says how far
    before = np.hypot(tied["before_east"], tied["before_north"]) / 1e3
    np.testing.assert_allclose(step, before, atol=0.02)
    assert before.max() > 0.1


def test_why_a_match_was_not_used() -> None:
    result = make_result(kind="stack", count=4, reference=False)
    solution = result.solution
    weight, used = solution.detections.weight.copy(), solution.detections.used.copy()
    full = np.flatnonzero(weight > 0.9999)
    named, seen = np.unique(solution.detections.source[full], return_counts=True)
    sources = named[seen >= 3][:3]
    of = [np.flatnonzero(solution.detections.source == source) for source in sources]
    weight[of[0][0]] = 0.5
    weight[of[1][0]], used[of[1][0]] = 0.01, False
    weight[of[2][1:]], used[of[2][1:]] = 0.01, False
    fits = replace(solution.detections, weight=weight, used=used)
    table = matches_of(changed(result, solution=replace(solution, detections=fits)))
    uses = [list(table["use"][table["source"] == source]) for source in sources]
    assert uses[0][0] == "downweighted"
    assert uses[1][0] == "clipped: residual"
    assert uses[1][1] == "used"
    assert uses[2][0] == "alone"
    assert set(uses[2][1:]) == {"clipped: residual"}


def test_columns_have_units_and_descriptions() -> None:
    table = matches_of(make_result("stack", 2))
    assert table["residual_east"].unit == u.mas
    assert table["ra"].unit == u.deg
    assert table["x"].unit == u.pix
    assert all(column.description for column in table.columns.values())


@pytest.mark.parametrize("result", [early_result(), sequential_result()], ids=["early", "seq"])
def test_without_a_solution_it_has_no_rows_but_all_columns(result, tmp_path: Path) -> None:
    table = matches_of(result)
    write_matches(table, tmp_path / "a.ecsv")
    read = _read(tmp_path / "a.ecsv")
    assert len(read) == 0
    assert read.colnames == table.colnames == matches_of(make_result("stack", 2)).colnames


def test_nothing_aligned() -> None:
    result = make_result("stack", 2, reference=False, lost=(0, 1))
    assert len(matches_of(result)) == 0


def test_the_file_says_the_same(tmp_path: Path) -> None:
    result = make_result()
    table = matches_of(result)
    write_matches(table, tmp_path / "a.ecsv")
    read = _read(tmp_path / "a.ecsv")
    table.write(tmp_path / "b.ecsv", format="ascii.ecsv")
    other = _read(tmp_path / "b.ecsv")
    assert read.colnames == other.colnames
    assert read.meta == other.meta == {"product": result.run.product, "start": result.run.start}
    for name in read.colnames:
        assert read[name].unit == other[name].unit
        assert read[name].description == other[name].description
        assert read[name].dtype == other[name].dtype
        if read[name].dtype.kind == "f":
            # half of the last digit written; the sky to 1e-10 deg = 0.4 microarcsec
            step = 0.6e-10 if name in {"ra", "dec"} else 0.6e-4
            np.testing.assert_allclose(read[name], other[name], atol=step, rtol=0.0)
        else:
            np.testing.assert_array_equal(read[name], other[name])


def test_names_that_need_quotes_and_those_that_are_empty(tmp_path: Path) -> None:
    """As from astropy's own writer, whose reader takes an empty text for a missing one."""
    names = ('a, "b" c.fits', "", "d.fits")
    result = changed(make_result("stack", 3), images=names, detectors=("",) * 3)
    table = matches_of(result)
    write_matches(table, tmp_path / "a.ecsv")
    table.write(tmp_path / "b.ecsv", format="ascii.ecsv")
    read, other = _read(tmp_path / "a.ecsv"), _read(tmp_path / "b.ecsv")
    for name in ("image", "detector"):
        np.testing.assert_array_equal(read[name].filled(""), table[name])
        np.testing.assert_array_equal(read[name].mask, other[name].mask)
