"""The whole result of a run as a file."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import asdf
import numpy as np
import pytest
from made_results import early_result, sequential_result
from step_outputs import Aligned

from tweakreg_step import cli
from tweakreg_step.core.exceptions import InputError
from tweakreg_step.exposures import KnownRun
from tweakreg_step.report import RunResult, matches_of, report_of
from tweakreg_step.results import RunState, read_state, sources_of, write_state
from tweakreg_step.results.state import KEY


def bare(result: RunResult) -> RunState:
    """The state of a result alone."""
    return RunState(result, KnownRun(), sources_of(result))


def test_reports_and_matches_of_it_are_the_same(absolute: Aligned, tmp_path: Path) -> None:
    path = write_state(bare(absolute.result), tmp_path / "a.asdf")
    found = read_state(path).result
    assert report_of(found) == report_of(absolute.result)
    one, other = matches_of(found), matches_of(absolute.result)
    for name in one.colnames:
        assert np.array_equal(one[name], other[name])
    assert found.run.parameters == absolute.result.run.parameters
    assert path.stat().st_size < 100_000


@pytest.mark.parametrize("kind", [sequential_result, early_result])
def test_results_of_all_kinds(kind: Any, tmp_path: Path) -> None:
    result = kind()
    found = read_state(write_state(bare(result), tmp_path / "a.asdf")).result
    assert report_of(found) == report_of(result)


def test_the_page_is_made_of_a_report_with_its_state(
    absolute: Aligned, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = shutil.copy(absolute.folder / "mosaic_tweakreg.json", tmp_path)
    assert cli.main(["page", str(report)]) == 1
    assert "with save_state=True" in capsys.readouterr().err
    write_state(bare(absolute.result), tmp_path / "mosaic_tweakreg_state.asdf")
    assert cli.main(["page", str(report), f"--output-dir={tmp_path / 'new'}"]) == 0
    page = tmp_path / "new" / "mosaic_tweakreg.html"
    assert capsys.readouterr().out.strip() == str(page)
    assert "3 of 3 groups tied to reference.ecsv" in page.read_text()
    assert cli.main(["page", str(tmp_path / "gone.json")]) == 1
    assert "can't be read" in capsys.readouterr().err


def test_what_is_refused(absolute: Aligned, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="with save_state=True"):
        read_state(tmp_path / "none.asdf")
    path = write_state(bare(absolute.result), tmp_path / "a.asdf")
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(InputError, match="can't be read"):
        read_state(path)
    for change in ({"schema": "tweakreg-state/9"}, {"result": {"class": "system"}}):
        other = write_state(bare(absolute.result), tmp_path / "b.asdf")
        with asdf.open(other, lazy_load=False, memmap=False) as file:
            tree: dict[str, Any] = {KEY: dict(file.tree[KEY]) | change}
        asdf.AsdfFile(tree).write_to(other)
        with pytest.raises(InputError, match=r"b\.asdf"):
            read_state(other)
