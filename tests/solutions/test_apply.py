"""A solution on the exposures that it was solved for, at any level, from any state."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from states import file_state, wcs_state
from stdatamodels.jwst import datamodels
from step_outputs import Aligned, models_of, opened
from tweakwcs.correctors import JWSTWCSCorrector

from tweakreg_step import TweakRegStep, cli
from tweakreg_step.api import align, apply, undo
from tweakreg_step.core.exceptions import InputError, OutputError
from tweakreg_step.core.sphere import angular_distance, directions
from tweakreg_step.simulate import Truth
from tweakreg_step.solutions import read_solution, solution_path, targets
from tweakreg_step.telescopes.gwcs_image import REFERENCE_ANGLES

EXACT = 1e-9
"""Arcsec."""


def sky(model: Any) -> np.ndarray:
    x, y = np.meshgrid(np.linspace(-0.5, 511.5, 6), np.linspace(-0.5, 511.5, 6))
    return directions(*model.meta.wcs(x, y, with_bounding_box=False))


def distance(one: Any, other: Any) -> float:
    """Largest distance [arcsec] between the places of the pixels of two models or files."""
    pair = [datamodels.open(m) if isinstance(m, Path) else m for m in (one, other)]
    return float(np.max(angular_distance(*map(sky, pair))))


def of(run: Aligned) -> Path:
    return solution_path(run.folder, "mosaic")


def test_a_pristine_file_gets_what_the_step_has_written(files: Truth, absolute: Aligned) -> None:
    path, model = files.files[1], absolute.models[1]
    assert list(apply(of(absolute), path).table["done"]) == ["applied"]
    assert distance(path, model) < EXACT
    with datamodels.open(path) as applied:
        assert applied.meta.cal_step.tweakreg == "COMPLETE"
        assert applied.meta.wcs.name == model.meta.wcs.name == "FIT-LVL3-reference.ecsv"
        written = dict(applied.meta.tweakreg_report.instance)
        assert dict(model.meta.tweakreg_report.instance).items() <= written.items()
        for word in ("s_region", "ctype1", "a_order"):
            assert applied.meta.wcsinfo.instance[word] == model.meta.wcsinfo.instance[word]


def test_models_are_changed_in_place(files: Truth, relative: Aligned) -> None:
    models = opened(files)
    before = [wcs_state(model) for model in models]
    done = apply(of(relative), models)
    assert done.exposures == tuple(models)
    assert max(map(distance, models, relative.models)) < EXACT
    for model, step in zip(models, relative.models, strict=True):
        assert model.meta.wcs.available_frames == step.meta.wcs.available_frames
    undo(models)
    assert [wcs_state(model) for model in models] == before


def test_the_sequential_method_has_a_solution_too(files: Truth) -> None:
    options = {"align_method": "sequential", "sip_approx": False}
    result = align(str(files.association), str(files.catalog), **options)
    models = opened(files)
    apply(result, models)
    assert max(map(distance, models, models_of(result.library))) < EXACT


def test_other_levels_of_processing_and_other_names(files: Truth, relative: Aligned) -> None:
    models = opened(files)[::-1]
    models[0].meta.filename = models[0].meta.filename.replace("_cal", "_a3001_crf")
    models[1].meta.filename = "mine.fits"  # known by its exposure
    done = apply(of(relative), models)
    assert list(done.table["file"])[:2] == [models[0].meta.filename, "mine.fits"]
    assert max(map(distance, models, relative.models[::-1])) < EXACT


def test_twice_is_once_and_undone_to_the_bit(files: Truth, relative: Aligned) -> None:
    path = files.files[1]
    delivered = file_state(path)
    apply(of(relative), path)
    once = path.read_bytes()
    assert list(apply(of(relative), path).table["done"]) == ["already applied"]
    assert path.read_bytes() == once
    assert list(undo(path).table["done"]) == ["undone"]
    assert file_state(path) == delivered
    assert list(undo(path).table["done"]) == ["as delivered"]


def test_what_the_step_has_written_has_it_already(absolute: Aligned, tmp_path: Path) -> None:
    step = absolute.files[1]
    done = apply(of(absolute), step, output_dir=tmp_path / "copies")
    assert list(done.table["done"]) == ["already applied"]
    assert file_state(done.exposures[0]) == file_state(step)


def test_some_of_the_exposures_into_another_folder(files: Truth, relative: Aligned) -> None:
    before = files.files[2].read_bytes()
    done = apply(of(relative), files.files[2], output_dir="new")
    assert done.exposures == (Path("new") / files.files[2].name,)
    assert distance(done.exposures[0], relative.models[2]) < EXACT
    assert files.files[2].read_bytes() == before


def test_what_a_dry_run_has_found_can_be_applied(files: Truth, absolute: Aligned) -> None:
    dry = {"apply_correction": False, "save_results": True, "output_dir": "dry"}
    TweakRegStep.call(str(files.association), abs_refcat=str(files.catalog), **dry)
    assert not list(Path("dry").glob("*.fits"))
    models = opened(files)
    apply("dry/mosaic_tweakreg_solution.asdf", models)
    assert max(map(distance, models, absolute.models)) < EXACT


def test_corrections_that_a_run_dropped_are_dropped(files: Truth, absolute: Aligned) -> None:
    given = [model.copy() for model in absolute.models]
    result = align(given, refimage=given[0].meta.filename, reset_wcs=True, sip_approx=False)
    for start in (given, opened(files)):
        apply(result, start)
        assert max(map(distance, start, models_of(result.library))) < EXACT


# ---- WCS that are not those that were solved for


def moved_elsewhere(model: Any, matrix: Any = ((1.0, 1e-5), (-1e-5, 1.0))) -> None:
    angles = {angle: getattr(model.meta.wcsinfo, angle) for angle in REFERENCE_ANGLES}
    corrector = JWSTWCSCorrector(model.meta.wcs, angles)
    corrector.set_correction(matrix=np.array(matrix), shift=[0.3, -0.2])
    model.meta.wcs = corrector.wcs


def test_files_that_were_aligned_by_something_else(files: Truth, relative: Aligned) -> None:
    models = opened(files)
    moved_elsewhere(models[1])
    before = [wcs_state(model) for model in models]
    with pytest.raises(InputError, match=r"another alignment has corrected it since") as caught:
        apply(of(relative), models)
    assert files.files[1].name in str(caught.value)
    assert "Nothing was changed" in str(caught.value)
    assert [wcs_state(model) for model in models] == before
    done = apply(of(relative), models, rebase=True)
    assert list(done.table["done"]) == ["applied", "rebased", "applied"]
    assert done.table["rebased_by"][1] == pytest.approx(361, abs=5)  # mas, as it was moved
    assert distance(models[1], relative.models[1]) < 1e-6
    assert list(apply(of(relative), models[1]).table["done"]) == ["already applied"]


def test_another_shape_can_not_be_rebased(files: Truth, absolute: Aligned) -> None:
    model = datamodels.open(files.files[1])
    moved_elsewhere(model, ((1.0, 2e-2), (0.0, 1.0)))
    with pytest.raises(InputError, match="can't be rebased"):
        apply(of(absolute), model, rebase=True)


def test_a_solution_of_another_field(files: Truth, absolute: Aligned) -> None:
    found = read_solution(of(absolute))
    before, after = (
        places + np.array([0.0, 1.0]) for places in (found.images.before, found.images.after)
    )
    other = replace(found, images=replace(found.images, before=before, after=after))
    for rebase in (False, True):
        with pytest.raises(InputError, match=r"of another field|field is another"):
            apply(other, files.files[0], rebase=rebase)


def test_exposures_that_it_does_not_know(files: Truth, absolute: Aligned) -> None:
    found = read_solution(of(absolute))
    names = tuple(name.replace("_02101_", "_09101_") for name in found.images.names)
    groups = replace(found.groups, names=tuple(f"{name}9" for name in found.groups.names))
    other = replace(found, images=replace(found.images, names=names), groups=groups)
    with pytest.raises(InputError, match="is not among the 3 exposures of the solution 'mosaic'"):
        apply(other, files.files[0])


def test_a_file_without_a_wcs_is_told_what_to_run(files: Truth, absolute: Aligned) -> None:
    path = files.folder / files.files[0].name.replace("_cal", "_rate")
    with datamodels.open(files.files[0]) as model:
        model.meta.wcs = None
        model.save(path)
    with pytest.raises(InputError, match="Run the step 'assign_wcs'"):
        apply(of(absolute), path)


def test_images_that_are_not_there(files: Truth, absolute: Aligned) -> None:
    with pytest.raises(InputError, match="not exist"):
        apply(of(absolute), [files.files[0], files.folder / "gone_cal.fits"])
    with pytest.raises(InputError, match="given twice"):
        apply(of(absolute), [files.files[0], files.files[0]])
    with pytest.raises(InputError, match="The exposures come second"):
        apply([files.files[0]], of(absolute))  # type: ignore[arg-type]


def test_an_interrupted_one_goes_on(
    files: Truth, relative: Aligned, monkeypatch: pytest.MonkeyPatch
) -> None:
    save, saved = targets._save, []

    def interrupted(model: Any, path: Path) -> None:
        if saved:
            raise KeyboardInterrupt
        saved.append(path)
        save(model, path)

    with monkeypatch.context() as patch:
        patch.setattr(targets, "_save", interrupted)
        with pytest.raises(KeyboardInterrupt):
            apply(of(relative), str(files.association))
    assert not list(files.folder.glob(".tweakreg*"))
    done = apply(of(relative), str(files.association))
    assert list(done.table["done"]) == ["already applied", "applied", "applied"]
    assert max(map(distance, files.files, relative.models)) < EXACT


def interrupted(number: int) -> Any:
    """`targets.saved_with_checksums` of a process that gets a signal in its second file."""
    save, drafts = targets.saved_with_checksums, []

    def saving(*how: Any) -> Any:
        def write(draft: Path) -> None:
            drafts.append(draft)
            if len(drafts) == 2:
                draft.write_bytes(b"half of it")
                os.kill(os.getpid(), number)
            save(*how)(draft)

        return write

    return saving


def ended_here(number: int, words: list[str]) -> int:
    """Exit status of the command in this process."""
    # a shell's process in the background ignores SIGINT, and so would all that it starts
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(targets, "saved_with_checksums", interrupted(number))
            return cli.main(words)
    except SystemExit as ended:
        return int(ended.code or 0)
    finally:
        signal.signal(signal.SIGINT, before)


KILLED = """
import sys
from tweakreg_step import cli
from tweakreg_step.solutions import targets
from test_apply import interrupted

targets.saved_with_checksums = interrupted(9)
sys.exit(cli.main(sys.argv[1:]))
"""


def ended_elsewhere(_number: int, words: list[str]) -> int:
    """Exit status of the command in a process of its own, which nobody can keep from its end."""
    paths = [str(Path(__file__).parent), *sys.path]
    done = subprocess.run(
        [sys.executable, "-c", KILLED, *words],
        capture_output=True,
        check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
    )
    return done.returncode


@pytest.mark.parametrize(
    ("number", "run", "status"),
    [
        (signal.SIGINT, ended_here, 130),
        (signal.SIGTERM, ended_here, 128 + 15),
        (signal.SIGKILL, ended_elsewhere, -9),
    ],
)
def test_a_signal_leaves_whole_files_and_the_command_goes_on(
    files: Truth,
    relative: Aligned,
    number: int,
    run: Callable[[int, list[str]], int],
    status: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = files.folder.rename(files.folder.with_name("with blanks in it"))
    paths = sorted(folder.glob("*_cal.fits"))
    before = [path.read_bytes() for path in paths]
    words = ["apply", str(of(relative)), *map(str, paths)]
    assert run(number, words) == status
    assert [path.read_bytes() == old for path, old in zip(paths, before, strict=True)] == [
        False,
        True,
        True,
    ]
    left = [path.name for path in folder.iterdir() if path.name.startswith(".tweakreg")]
    assert len(left) == (number == signal.SIGKILL)  # nothing can be done about that
    assert cli.main(words) == 0
    assert "1 already applied, 2 applied" in capsys.readouterr().out
    assert max(map(distance, paths, relative.models)) < EXACT


def test_files_that_can_not_be_written_keep_no_others_back(
    files: Truth, relative: Aligned, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = targets.write_whole

    def full(path: Path, write: Any) -> None:
        if path == files.files[1]:
            raise OutputError(f"'{path}' can't be written: no room.")
        save(path, write)

    monkeypatch.setattr(targets, "write_whole", full)
    with pytest.raises(OutputError, match=r"1 of 3 files could not be written.*no room"):
        apply(of(relative), str(files.association))
    assert distance(files.files[2], relative.models[2]) < EXACT
