"""The result of an alignment from Python: tables, texts, files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import QTable, Table
from step_outputs import TOLERANCE_MAS, Aligned, errors_mas, models_of, opened

from tweakreg_step import TweakRegStep
from tweakreg_step.api import align
from tweakreg_step.core.exceptions import CatalogError
from tweakreg_step.results import AlignmentResult, sources_of
from tweakreg_step.simulate import Truth
from tweakreg_step.solutions import read_solution


def with_coordinates(truth: Truth) -> QTable:
    """The reference catalog as a table of quantities with a column of coordinates."""
    table = QTable.read(truth.catalog)
    sky = SkyCoord(table["RA"], table["DEC"], unit="deg")
    error = np.ones(len(table)) * u.mas
    return QTable({"place": sky, "ra_error": error, "dec_error": error})


@pytest.fixture(scope="module")
def result(stack: Truth) -> AlignmentResult:
    """The stack, aligned to a table in memory. Nobody may change it."""
    with pytest.MonkeyPatch.context() as patch:
        for variable in ("CRDS_SERVER_URL", "CRDS_PATH", "CRDS_CONTEXT"):
            patch.delenv(variable, raising=False)
        return align(str(stack.association), with_coordinates(stack), sip_approx=False)


def test_a_table_with_coordinates_is_a_reference_catalog(
    result: AlignmentResult, stack: Truth
) -> None:
    assert max(errors_mas(models_of(result.library), stack)) < TOLERANCE_MAS
    assert result.ok
    assert ("abs_refcat", "table", "keyword") in result.run.run.parameters


def test_tables_have_units(result: AlignmentResult) -> None:
    groups = result.groups
    assert len(groups) == 3
    assert {groups[c].unit for c in ("shift_east", "rms", "sigma")} == {u.mas}
    assert groups["rms_pixels"].unit == u.pix
    scale = result.run.images.pixel_scale
    np.testing.assert_allclose(groups["rms_pixels"] * scale, 1e-3 * groups["rms"])
    assert set(groups["verdict"]) == {"aligned"}
    images = result.images
    assert list(images["status"]) == ["COMPLETE"] * 3
    assert np.all(images["largest_motion"] > 50.0)
    assert len(result.matches) > 100
    assert len(result.detectors) == 0
    assert result.report["totals"]["aligned"] == 3


def test_it_shows_itself(result: AlignmentResult) -> None:
    text = str(result)
    assert text.startswith("3 of 3 groups aligned to each other; 3 of 3 groups tied to table.")
    assert "sigma" in text
    html = result._repr_html_()
    assert html.startswith("<p><b>3 of 3 groups aligned to each other")
    assert html.count("#0072B2") == 3  # verdicts in colour
    assert "rms pixels [pix]" in html
    assert "3 of 3 groups" in repr(result)


def test_the_combined_catalog_has_each_source_where_it_is(
    result: AlignmentResult, stack: Truth
) -> None:
    sources = result.sources
    assert sources.colnames[:4] == ["RA", "DEC", "ra_error", "dec_error"]
    assert set(np.unique(sources["ndetections"])) <= {1, 2, 3}
    stars = Table.read(stack.catalog)
    known = sources[(sources["star"] >= 0) & (sources["ndetections"] == 3)]
    assert len(known) > 25
    there = SkyCoord(stars["RA"], stars["DEC"], unit="deg")
    here = SkyCoord(known["RA"], known["DEC"], unit="deg")
    _, off, _ = here.match_to_catalog_sky(there)
    assert np.median(off.mas) < 2.0  # the catalog's own errors are 1 mas per axis
    # nothing is there twice
    every = SkyCoord(sources["RA"], sources["DEC"], unit="deg")
    _, nearest, _ = every.match_to_catalog_sky(every, 2)
    assert np.min(nearest.arcsec) > 0.05


def test_the_combined_catalog_can_be_aligned_to(result: AlignmentResult, stack: Truth) -> None:
    again = align(opened(stack)[0], result.sources, sip_approx=False)
    one = Truth(stack.folder, stack.association, stack.catalog, stack.images[:1])
    assert max(errors_mas(models_of(again.library), one)) < TOLERANCE_MAS


def test_it_writes_what_the_step_writes(
    result: AlignmentResult, absolute: Aligned, tmp_path: Path
) -> None:
    written = result.write(tmp_path / "out")
    assert all(path.is_file() for path in written)
    names = {path.name for path in written}
    of_step = {p.name for p in absolute.folder.iterdir() if "_cat" not in p.name}
    assert names == {name for name in of_step if not name.startswith("fit_")}
    table = Table.read(tmp_path / "out" / "mosaic_sources.ecsv")
    assert table.colnames == result.sources.colnames
    np.testing.assert_allclose(table["RA"], result.sources["RA"], rtol=0.0, atol=1e-10)
    solution = read_solution(tmp_path / "out" / "mosaic_tweakreg_solution.asdf")
    assert solution.images.names == result.solution.images.names
    assert solution.checksum == result.solution.checksum


def test_no_sources_without_an_association(result: AlignmentResult) -> None:
    assert len(sources_of(replace(result.run, solution=None))) == 0


# ---- the step


def test_the_step_has_the_same_object(files: Truth) -> None:
    step = TweakRegStep()
    step.abs_refcat = with_coordinates(files)  # an attribute works as well
    with pytest.raises(ValueError, match="was not run"):
        _ = step.result
    library = step.run(str(files.association))
    assert step.result.library is library
    assert step.result is step.result
    assert step.result.ok
    assert max(errors_mas(models_of(library), files)) < TOLERANCE_MAS
    assert step.abs_refcat == "table"


@pytest.mark.parametrize("how", ["call", "constructor"])
def test_a_bad_table_is_refused_in_a_sentence(files: Truth, how: str) -> None:
    def run(table: Any) -> None:
        if how == "call":
            TweakRegStep.call(str(files.association), abs_refcat=table)
        else:
            TweakRegStep(abs_refcat=table).run(str(files.association))

    with pytest.raises(CatalogError, match="needs 'RA' and 'DEC'") as caught:
        run(Table({"x": np.arange(1000.0)}))
    assert len(str(caught.value)) < 400
    sky = SkyCoord([1.0], [2.0], unit="deg")
    with pytest.raises(CatalogError, match="only one may be meant"):
        align(str(files.association), QTable({"a": sky, "b": sky}))
