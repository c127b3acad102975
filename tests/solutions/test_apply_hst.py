"""Solutions of exposures of two chips with a FITS WCS."""

from __future__ import annotations

from pathlib import Path

import pytest
from hst_visits import align, copied, largest_error, results, visit

from tweakreg_step.api import apply, undo
from tweakreg_step.solutions import read_solution


def test_applied_and_undone_to_the_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    truth = visit()
    align([str(path) for path in truth.files], truth, save_results=True, output_dir="out")
    solution = next(Path("out").glob("*_solution.asdf"))
    names = read_solution(solution).images
    assert set(names.filters) != {""}
    assert len(set(names.detectors)) == 2  # chips
    copies = copied(truth, tmp_path / "in")
    before = [path.read_bytes() for path in copies]
    given = [str(path) for path in copies]
    assert list(apply(solution, given).table["done"]) == ["applied"] * 6
    errors = [largest_error(paths, truth) for paths in (copies, results(truth, Path("out")))]
    assert errors[0] == pytest.approx(errors[1], abs=1e-6)  # mas
    assert list(apply(solution, given).table["done"]) == ["already applied"] * 6
    undo(given)
    assert [path.read_bytes() for path in copies] == before
