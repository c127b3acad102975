"""New exposures join a solution."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stdatamodels.jwst import datamodels
from step_outputs import TOLERANCE_MAS, models_of, opened

from tweakreg_step import cli
from tweakreg_step.api import add, align, apply
from tweakreg_step.core.exceptions import InputError
from tweakreg_step.simulate import Truth, relative_truth_errors
from tweakreg_step.solutions import read_solution
from tweakreg_step.sources import detect

QUICK = {"sip_approx": False}


@pytest.fixture
def two(files: Truth) -> Path:
    """The solution of the first two exposures, with its state beside."""
    paths = [str(path) for path in files.files[:2]]
    dry = {"apply_correction": False, "save_state": True}  # no images are needed
    align(paths, output_dir="two", **QUICK, **dry)
    return next(Path("two").glob("*_solution.asdf"))


def test_old_exposures_stay_and_new_ones_are_on_them(files: Truth, two: Path) -> None:
    result = add(two, files.files[2], output_dir="three")
    whole, before = result.solution, read_solution(two)
    assert whole.images.names == tuple(image.file_name for image in files.images)
    assert np.array_equal(whole.images.after[:2], before.images.after)
    assert len(whole.levels[0]) == 3
    assert "joined 2 that stayed" in whole.gauge
    written = read_solution(Path("three") / two.name)
    assert written.checksum == whole.checksum
    assert written.parameter("sip_approx") is False
    assert len(list(Path("three").glob("*_solution.asdf"))) == 1
    models = opened(files)
    apply(written, models)
    errors = relative_truth_errors([model.meta.wcs for model in models], files.images)
    assert max(error.rms_mas for error in errors) < TOLERANCE_MAS
    # the state of the run goes with the solution that has grown
    with pytest.raises(InputError, match="already in the solution"):
        add(Path("three") / two.name, files.files[2])


def test_everything_moves_as_if_all_were_solved_at_once(
    files: Truth, two: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once = align(str(files.association), **QUICK)
    looked: list[Any] = []
    find = detect.find_sources

    def counting(*arguments: Any, **options: Any) -> Any:
        looked.append(arguments)
        return find(*arguments, **options)

    monkeypatch.setattr("tweakreg_step.exposures.exposure_catalog.find_sources", counting)
    old = [str(path) for path in files.files[:2]]
    result = add(two, files.files[2], move_all=old)
    assert len(looked) == 1  # the pixels of the new one
    levels = at_once.solution.levels[0], result.solution.levels[0]
    assert levels[1].units == levels[0].units
    parameters = [np.stack([*level.shift.T, level.matrix[:, 1, 0]], -1) for level in levels]
    assert np.max(np.abs(parameters[1] - parameters[0]) / levels[0].sigma) < 1e-3
    assert len(models_of(result.library)) == 3
    with pytest.raises(InputError, match="All old exposures must be given"):
        add(two, files.files[2], move_all=old[:1])


def test_without_a_state_it_says_how_to_get_one(
    files: Truth, two: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = cli.main(["add", str(two), str(files.files[2]), "--output-dir=more", "-q"])
    assert status == 0
    assert "1 of 1 group tied to sources of" in capsys.readouterr().out
    next(Path("two").glob("*_state.asdf")).unlink()
    assert cli.main(["add", str(two), str(files.files[2]), "-q"]) == 1
    assert "with save_state=True" in capsys.readouterr().err
    assert not list(Path().glob("*_tweakreg.fits"))
    with datamodels.open(files.files[2]) as model:
        assert "v2v3corr" not in model.meta.wcs.available_frames
