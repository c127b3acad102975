"""Two visits in one run, the second 3 arcsec off: what the step says, writes and refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from astropy.table import Table
from states import wcs_state
from stdatamodels.jwst import datamodels
from step_outputs import Aligned, models_of, run_results, statuses

from tweakreg_step import TweakRegStep
from tweakreg_step.core.exceptions import NotTiedError
from tweakreg_step.report.group_outcome import headline
from tweakreg_step.report.statistics import hints

STEP_PX = 3.0 / 0.0629


@pytest.fixture
def visits(relative: Aligned, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Any]:
    """The stack, and its copies as another visit, whose sources lie 3 arcsec beside."""
    monkeypatch.chdir(tmp_path)
    models, lines = [], []
    for number, image in enumerate(relative.truth.images):
        catalog = Table.read(next(relative.folder.glob(f"*_{number + 1:05d}_*cat.ecsv")))
        for visit in (1, 2):
            model = datamodels.open(relative.truth.folder / image.file_name).copy()
            name = image.file_name.replace("jw", f"jw{visit}")
            model.meta.filename = name
            model.meta.observation.visit_number = f"{visit:03d}"
            model.meta.group_id = f"visit {visit} exposure {number}"
            table = Table([catalog["x"] + STEP_PX * (visit - 1), catalog["y"]], names=["x", "y"])
            table.write(f"{visit}{number}.ecsv")
            lines.append(f"{name} {visit}{number}.ecsv")
            models.append(model)
    Path("catfile.txt").write_text("\n".join(lines) + "\n")
    return models


OPTIONS = {"use_custom_catalogs": True, "catfile": "catfile.txt", "sip_approx": False}


def run(models: list[Any], **options: Any) -> Any:
    return TweakRegStep.call(models, **OPTIONS, **options)


def test_visits_that_nothing_ties_are_aligned_in_themselves_and_named(
    visits: list[Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    kept = run_results(monkeypatch)
    library = run(visits, save_report=True, output_dir="out")
    assert statuses(library) == ["COMPLETE"] * 6
    facts = [model.meta.tweakreg_report.instance["code"] for model in models_of(library)]
    assert facts == ["not_tied_together"] * 6
    report = json.loads(next(Path("out").glob("*_tweakreg.json")).read_text())
    assert {group["code"] for group in report["groups"]} == {"not_tied_together"}
    assert {group["standing"] for group in report["groups"]} == {"doubtful"}
    assert "raise 'searchrad' from 2 to 4" in report["groups"][0]["reason"]
    assert "doubtful: not_tied_together" in caplog.text
    assert "which nothing ties to that of 'visit" in caplog.text
    assert headline(kept[0]) == (
        "6 of 6 groups aligned to each other (6 only within sets that nothing ties together)."
    )
    assert any("2 sets that are not tied to each other" in hint.text for hint in hints(kept[0]))


def test_skip_all_changes_no_image_of_such_visits(visits: list[Any]) -> None:
    before = [wcs_state(model) for model in visits]
    library = run(visits, on_failure="skip_all", save_report=True, output_dir="out")
    assert statuses(library) == ["FAILED"] * 6
    assert [wcs_state(model) for model in models_of(library)] == before
    report = json.loads(next(Path("out").glob("*_tweakreg.json")).read_text())
    group = report["groups"][0]
    assert (group["code"], group["standing"]) == ("not_tied_together", "left alone")
    assert group["relative"]["applied"] is False
    assert group["reason"].startswith("Not applied, since 'on_failure' allows no failure.")


def test_raise_names_such_visits(visits: list[Any]) -> None:
    before = [wcs_state(model) for model in visits]
    with pytest.raises(NotTiedError, match=r"6 of 6 images .*'searchrad' from 2 to 4"):
        run(visits, on_failure="raise")
    assert [wcs_state(model) for model in visits] == before


def test_one_after_another_gives_the_same_advice(visits: list[Any]) -> None:
    """The visit that is left alone is not told of its siblings' own offset, which is zero."""
    library = run(visits, align_method="sequential", save_report=True, output_dir="out")
    assert sorted(statuses(library)) == ["COMPLETE"] * 3 + ["FAILED"] * 3
    report = json.loads(next(Path("out").glob("*_tweakreg.json")).read_text())
    left = [group for group in report["groups"] if group["standing"] == "left alone"]
    assert len(left) == 3
    assert "at 3.0 arcsec; raise 'searchrad' from 2 to 4" in left[0]["reason"]
    assert all("raise 'searchrad' from 2 to" in group["reason"] for group in left)


def test_a_reference_of_one_visit_does_not_hold_the_other(
    visits: list[Any], relative: Aligned
) -> None:
    """The catalog is where the first visit is; the second matches it at 3 arcsec, out of reach."""
    options = {"abs_refcat": str(relative.truth.catalog), "abs_searchrad": 2.0}
    library = run(visits, **options)
    assert statuses(library) == ["COMPLETE"] * 6
    codes = [model.meta.tweakreg_report.instance["code"] for model in models_of(library)]
    assert sorted(codes) == ["aligned"] * 3 + ["not_tied_together"] * 3
    with pytest.raises(NotTiedError, match="3 of 6 images"):
        run(visits, on_failure="raise", **options)
