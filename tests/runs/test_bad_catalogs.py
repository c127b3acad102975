"""Catalogs that are no good: a clear error, or an image that fails while the others are aligned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.table import Table
from states import wcs_state
from stdatamodels.jwst import datamodels
from step_outputs import call, models_of, opened, statuses

from tweakreg_step import TweakRegStep
from tweakreg_step.core.exceptions import (
    CatalogError,
    InputError,
)
from tweakreg_step.simulate import Truth

USELESS: dict[str, dict[str, Any]] = {
    "empty": {"x": [], "y": []},
    "NaN": {"x": [np.nan] * 30, "y": [np.nan] * 30},
    "one source": {"x": [250.0], "y": [260.0]},
    "outside": {"x": [1e6] * 30, "y": [5.0] * 30},
    "collinear": {"x": np.linspace(10.0, 500.0, 30), "y": np.full(30, 256.0)},
}


@pytest.fixture(scope="module")
def given(stack: Truth, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Any], str]:
    """Two good images, one with each of the useless catalogs, and the list of these."""
    folder, lines, models = tmp_path_factory.mktemp("useless"), [], opened(stack)[:2]
    for number, rows in enumerate(USELESS.values()):
        table = Table({name: np.asarray(column, float) for name, column in rows.items()})
        table.write(folder / f"bad{number}.ecsv")
        bad = datamodels.open(stack.files[2])
        bad.meta.filename, bad.meta.group_id = f"bad{number}_cal.fits", f"bad {number}"
        models.append(bad)
        lines.append(f"{bad.meta.filename} bad{number}.ecsv")
    (folder / "catfile.txt").write_text("\n".join(lines) + "\n")
    return models, str(folder / "catfile.txt")


@pytest.mark.parametrize("absolute", [False, True])
def test_useless_catalogs(stack: Truth, given: tuple[list[Any], str], absolute: bool) -> None:
    models, catfile = given
    before = [wcs_state(model) for model in models]
    reference = str(stack.catalog) if absolute else ""
    options = {"catfile": catfile, "abs_refcat": reference, "sip_approx": False}
    library = TweakRegStep.call(models, use_custom_catalogs=True, **options)
    found = dict(zip(["good", "good too", *USELESS], statuses(library), strict=True))
    assert found == {"good": "COMPLETE", "good too": "COMPLETE"} | dict.fromkeys(USELESS, "FAILED")
    for model, old in zip(models_of(library)[2:], before[2:], strict=True):
        assert wcs_state(model) == old
    assert [wcs_state(model) for model in models] == before


def test_a_reference_of_another_field_keeps_the_relative_alignment(pair: Truth) -> None:
    table = Table.read(pair.catalog)
    table["DEC"] -= 1.0
    table.write("elsewhere.ecsv")
    library = call(pair, abs_refcat="elsewhere.ecsv")
    assert statuses(library) == ["COMPLETE"] * 2
    with library:
        for index, model in enumerate(library):
            assert not str(model.meta.wcs.name).startswith("FIT-LVL3")
            library.shelve(model, index, modify=False)


def test_a_catalog_without_position_columns(files: Truth) -> None:
    Table({"alpha": [1.0], "delta": [2.0]}).write("bad.ecsv")
    Path("catfile.txt").write_text(f"{files.images[0].file_name} bad.ecsv\n")
    with pytest.raises(CatalogError, match=r"\['alpha', 'delta'\], but none with positions"):
        call(files, use_custom_catalogs=True, catfile="catfile.txt")


def test_a_catfile_that_names_an_unknown_image(files: Truth) -> None:
    Path("catfile.txt").write_text("unknown_cal.fits some.ecsv\n")
    with pytest.raises(
        InputError, match=r"names 'unknown_cal\.fits', but each image in it must be"
    ):
        call(files, use_custom_catalogs=True, catfile="catfile.txt")


def test_a_catfile_with_two_catalogs_for_one_image(files: Truth) -> None:
    Path("catfile.txt").write_text(f"{files.images[0].file_name} some.ecsv 3\n")
    with pytest.raises(CatalogError, match=r"has 2 catalogs for .*, but it has 1 image"):
        call(files, use_custom_catalogs=True, catfile="catfile.txt")


def test_a_catalog_that_does_not_exist(files: Truth) -> None:
    Path("catfile.txt").write_text(f"{files.images[0].file_name} gone.ecsv\n")
    with pytest.raises(CatalogError, match=r"source catalog of .*gone\.ecsv', does not exist"):
        call(files, use_custom_catalogs=True, catfile="catfile.txt")


@pytest.mark.parametrize("weight", [0.0, -1.0, np.nan])
def test_a_reference_without_a_positive_weight_is_refused(files: Truth, weight: float) -> None:
    table = Table.read(files.catalog)
    table["weight"] = weight
    table.write("weightless.ecsv")
    with pytest.raises(CatalogError, match=rf"'weightless.ecsv' has {len(table)} rows, all of no"):
        call(files, abs_refcat="weightless.ecsv")


def test_an_empty_reference_is_refused_before_the_work(
    files: Truth, caplog: pytest.LogCaptureFixture
) -> None:
    Table.read(files.catalog)[:0].write("empty.ecsv")
    with pytest.raises(CatalogError, match=r"'empty\.ecsv' has 0 rows, but at least one"):
        call(files, abs_refcat="empty.ecsv")
    assert "Sources:" not in caplog.text


def test_a_typo_in_the_name_of_a_service(files: Truth) -> None:
    with pytest.raises(CatalogError, match=r"names GAIADR3, .*Did you mean 'GAIADR3'\?"):
        call(files, abs_refcat="GAIA_DR3")


@pytest.mark.parametrize("method", ["global", "sequential"])
@pytest.mark.parametrize("geometry", ["rshift", "general"])
def test_too_few_matches_for_the_geometry(pair: Truth, method: str, geometry: str) -> None:
    options = {"minobj": 1, "brightest": 2, "fitgeometry": geometry, "align_method": method}
    found = statuses(call(pair, **options))  # and no exception
    assert set(found) <= ({"FAILED"} if method == "sequential" else {"FAILED", "COMPLETE"})


def test_a_reference_catalog_that_does_not_exist(files: Truth) -> None:
    with pytest.raises(CatalogError, match=r"reference catalog, 'gone\.ecsv', does not exist"):
        call(files, abs_refcat="gone.ecsv")
