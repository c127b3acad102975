"""Solutions of Roman's images: applied, carried to another detector, and taken back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from joining import joined_without_old_files
from roman_exposures import copied, exposures, largest_error, opened

from tweakreg_step.api import align, apply, transfer, undo
from tweakreg_step.simulate import truth_error

TOLERANCE_MAS = 1.0


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_solution_is_applied_once_and_taken_back(tmp_path: Path) -> None:
    truth = exposures()
    align(list(map(str, truth.files)), str(truth.catalog), output_dir="out")
    paths = copied(truth, tmp_path / "again")
    (solution,) = (tmp_path / "out").glob("*_solution.asdf")
    apply(solution, list(map(str, paths)))
    assert largest_error(paths, truth) < TOLERANCE_MAS
    before = [path.read_bytes() for path in paths]
    again = apply(solution, list(map(str, paths)))
    assert set(again.table["done"]) == {"already applied"}
    assert [path.read_bytes() for path in paths] == before
    undo(list(map(str, paths)))
    x = y = np.linspace(0.0, 359.0, 5)
    for path, given in zip(paths, truth.files, strict=True):
        np.testing.assert_array_equal(opened(path).meta.wcs(x, y), opened(given).meta.wcs(x, y))


def test_the_motion_of_an_exposure_is_carried_to_its_other_detector(tmp_path: Path) -> None:
    truth = exposures()
    seen = [path for path in truth.files if "wfi01" in path.name]
    other = [n for n, path in enumerate(truth.files) if "wfi02" in path.name]
    align(list(map(str, seen)), str(truth.catalog), output_dir="out")
    paths = [copied(truth, tmp_path / "again")[n] for n in other]
    (solution,) = (tmp_path / "out").glob("*_solution.asdf")
    carried = transfer(solution, list(map(str, paths)))
    errors = [
        truth_error(opened(path).meta.wcs, truth.images[n]).rms_mas
        for path, n in zip(paths, other, strict=True)
    ]
    claimed = np.hypot(carried.table["error_east"], carried.table["error_north"])
    assert np.all(np.array(errors) < 4.0 * np.array(claimed) + TOLERANCE_MAS)
    report = opened(paths[0]).meta.tweakreg_report
    assert report["solution"]
    assert report["carried_from"]


def test_exposures_that_join_without_the_old_files(tmp_path: Path) -> None:
    truth = exposures()
    paths = copied(truth, tmp_path / "in")
    new = max(path.name.split("_")[1] for path in paths)
    later = [path for path in paths if path.name.split("_")[1] == new]
    earlier = [path for path in paths if path not in later]
    result = joined_without_old_files(earlier, later, truth.catalog, tmp_path)
    again = copied(truth, tmp_path / "again")
    apply(result, list(map(str, again)))
    assert largest_error(again, truth) < TOLERANCE_MAS
