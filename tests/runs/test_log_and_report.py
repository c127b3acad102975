"""What a run says: stages, groups, a table; and what is beside the images when it ends."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.table import Table
from step_outputs import result_files

from tweakreg_step import TweakRegStep
from tweakreg_step.simulate import Truth

REPORTS = ["mosaic_tweakreg.json", "mosaic_tweakreg_matches.ecsv"]
ASIDE = ["mosaic_sources.ecsv", *REPORTS, "mosaic_tweakreg_solution.asdf"]


def ours(caplog: pytest.LogCaptureFixture, level: int) -> list[str]:
    records = [r for r in caplog.records if r.name.startswith("tweakreg_step")]
    return [record.getMessage() for record in records if record.levelno == level]


def run(files: Truth, **options: Any) -> Any:
    given = {"abs_refcat": str(files.catalog), "save_results": True, "output_dir": "out"}
    return TweakRegStep.call(str(files.association), **(given | options))


def test_a_line_for_each_stage_and_a_table_at_the_end(
    files: Truth, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    run(files, searchrad=3.0)
    lines = ours(caplog, logging.INFO)
    starts = [line.split(":")[0] for line in lines if not line.startswith(" ")]
    reference = "Reference catalog reference.ecsv"
    stages = ["CRDS is not configured", "Parameters", "Sources", reference, "Alignment"]
    assert starts[: len(stages)] == stages
    assert lines[-1] == "3 of 3 images are written, in 'out'."
    assert lines[-2] == "Solution: out/mosaic_tweakreg_solution.asdf, out/mosaic_sources.ecsv"
    assert lines[-3].startswith("Report: ")
    assert lines[-4] == "3 groups: 3 aligned; 3 of 3 images moved."
    # three groups below the line of sources, and three in the table below its two of titles
    assert sum(line.startswith("  jw") for line in lines) == 3
    assert sum(line.startswith("jw") and line.endswith("aligned") for line in lines) == 3
    saved = [line for line in lines if line.startswith("Saved model in out/")]
    assert len(saved) == 3
    levels = [line for line in lines if "scatter" in line]
    assert levels[0].startswith("exposure in a visit, 3 units")
    assert len(lines) == len(stages) + 3 + len(levels) + len(saved) + 2 + 3 + 5
    assert ours(caplog, logging.WARNING) == []
    totals = json.loads(Path("out/mosaic_tweakreg.json").read_text())["totals"]
    assert lines[2].startswith(
        f"Sources: {totals['detections']} take part, in 3 images of 3 groups; "
    )
    assert re.search(r"; \d+ take no part: \d+ (at the edge|beside bad|cosmic rays)", lines[2])
    shown = [int(line.split()[3]) for line in lines if line.startswith("  jw")]
    assert sum(shown) == totals["detections"]
    beside = sorted(path.name for path in Path("out").iterdir() if path.suffix != ".fits")
    assert beside == ASIDE


def test_a_group_that_is_left_alone_is_warned_of_once(
    files: Truth, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    rng = np.random.default_rng(4)
    Table(rng.uniform(0, 511, (50, 2)), names=["x", "y"]).write("noise.ecsv")
    Path("catfile.txt").write_text(f"{files.images[1].file_name} noise.ecsv\n")
    given = {"use_custom_catalogs": True, "catfile": "catfile.txt"}
    run(files, save_results=False, save_report=True, **given)
    warnings = ours(caplog, logging.WARNING)
    assert len(warnings) == 1
    assert warnings[0].startswith("jw00001001001_02101_2: Left as it was")
    report = json.loads(Path("out/mosaic_tweakreg.json").read_text())
    assert [image["status"] for image in report["images"]] == ["COMPLETE", "FAILED", "COMPLETE"]


def test_report_and_page_are_written_without_results_if_wanted(pair: Truth) -> None:
    run(pair, save_results=False, output_dir=None, save_report=True, save_plots=True)
    written = sorted(path.name for path in Path().glob("*.*"))
    assert written == sorted([*REPORTS, "mosaic_tweakreg.html"])
    report = json.loads(Path(REPORTS[0]).read_text())
    assert [stage["name"] for stage in report["stages"]] == [
        "opening",
        "sources",
        "alignment",
        "writing",
    ]
    assert all(stage["seconds"] > 0.0 for stage in report["stages"])
    page = Path("mosaic_tweakreg.html").read_text()
    assert "jw00001001001_02101_2" in page
    # ten with the largest residuals and the ten brightest, cut out of the images
    assert page.count('<figure class="stamp"') == 20


def test_a_report_that_cannot_be_written_costs_no_image(
    pair: Truth, caplog: pytest.LogCaptureFixture
) -> None:
    Path("out", REPORTS[0]).mkdir(parents=True)
    run(pair)
    assert len(result_files(Path("out"))) == 2
    errors = ours(caplog, logging.ERROR)
    assert len(errors) == 1
    assert "mosaic_tweakreg.json' can't be written" in errors[0]
