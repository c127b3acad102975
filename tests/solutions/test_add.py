"""New exposures join a solution."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path
from typing import Any

import asdf
import numpy as np
import pytest
from astropy.table import Table
from states import file_state, wcs_state
from stdatamodels.jwst import datamodels
from step_outputs import TOLERANCE_MAS, Aligned, opened

from tweakreg_step import cli
from tweakreg_step.alignment.matching import known_pairs
from tweakreg_step.api import add, align, apply, undo
from tweakreg_step.core.exceptions import InputError
from tweakreg_step.core.sphere import angular_distance, directions
from tweakreg_step.simulate import Truth, relative_truth_errors
from tweakreg_step.solutions import SavedSolution, read_solution, solution_path

QUICK = {"sip_approx": False}


STATE = {"apply_correction": False, "save_state": True, **QUICK}
"""Of a run whose images nobody needs."""


def solved(stack: Truth, folder: Path, count: int, **options: Any) -> Path:
    """Folder with the solution of the first exposures, which are gone, and its state beside."""
    gone = folder / "gone"
    shutil.copytree(stack.folder, gone)
    paths = [str(gone / image.file_name) for image in stack.images[:count]]
    align(paths, output_dir=folder / "out", **STATE, **options)
    shutil.rmtree(gone)
    return folder / "out"


@pytest.fixture(scope="module")
def solution_of_two(stack: Truth, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return solved(stack, tmp_path_factory.mktemp("two"), 2)


@pytest.fixture(scope="module")
def absolute_solution_of_one(stack: Truth, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return solved(stack, tmp_path_factory.mktemp("one"), 1, abs_refcat=str(stack.catalog))


@pytest.fixture
def two(files: Truth, solution_of_two: Path) -> Path:
    """The solution of the first two exposures, with its state beside, where one works."""
    shutil.copytree(solution_of_two, "two")
    return next(Path("two").glob("*_solution.asdf"))


def solution_of(run: Aligned) -> SavedSolution:
    return read_solution(solution_path(run.folder, "mosaic"))


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
    with pytest.raises(InputError, match="already in the solution"):
        add(Path("three") / two.name, files.files[2], output_dir="four")
    assert not Path("four").exists()


@pytest.mark.parametrize("move_all", [False, True])
def test_an_exposure_at_another_level_is_no_new_one(
    files: Truth, two: Path, move_all: bool
) -> None:
    other = shutil.copy(files.files[0], str(files.files[0]).replace("_cal", "_crf"))
    with pytest.raises(InputError, match=r"_crf\.fits: already in the solution"):
        add(two, [other, files.files[2]], move_all=move_all, output_dir="three")
    assert not Path("three").exists()


def in_sigmas(one: SavedSolution, other: SavedSolution) -> float:
    """Largest difference of the groups' motions, in their errors."""
    first, second = one.levels[0], other.levels[0]
    assert first.units == second.units
    values = [np.stack([*level.shift.T, level.matrix[:, 1, 0]], -1) for level in (first, second)]
    return float(np.max(np.abs(values[1] - values[0]) / first.sigma))


def in_mas(one: SavedSolution, other: SavedSolution) -> float:
    """Largest difference of where they have pixels of the images."""
    assert one.images.names == other.images.names
    places = (directions(*found.images.after.reshape(-1, 2).T) for found in (one, other))
    return 1e3 * float(np.max(angular_distance(*places)))


def test_everything_moves_as_if_all_were_solved_at_once(
    files: Truth, two: Path, relative: Aligned, monkeypatch: pytest.MonkeyPatch
) -> None:
    matched: list[int] = []
    match = known_pairs.find_edges_around

    def counting(nodes: Any, *arguments: Any) -> Any:
        matched.append(len(nodes))
        return match(nodes, *arguments)

    monkeypatch.setattr(known_pairs, "find_edges_around", counting)
    for path in files.files[:2]:
        path.unlink()
    result = add(two, files.files[2], move_all=True, output_dir="three")
    assert sum(matched) == 2  # of three pairs, those with the new exposure
    at_once = solution_of(relative)
    assert in_sigmas(at_once, result.solution) < 1e-3
    assert in_mas(at_once, result.solution) < 1e-3
    assert "3 of 3 groups" in result.sentence
    assert [path.name for path in Path("three").glob("*.fits")] == [result_name(files.files[2])]
    written = read_solution(Path("three") / two.name)
    assert written.checksum == result.solution.checksum
    assert written.product == read_solution(two).product


def result_name(path: Path) -> str:
    return path.name.replace("_cal", "_tweakreg")


@pytest.mark.parametrize("move_all", [(True, True), (False, True), (True, False), (False, False)])
def test_one_after_the_other(
    files: Truth,
    absolute_solution_of_one: Path,
    absolute: Aligned,
    move_all: tuple[bool, bool],
) -> None:
    solution = next(absolute_solution_of_one.glob("*_solution.asdf"))
    for number, everything in enumerate(move_all, 1):
        folder = Path(f"more{number}")
        result = add(solution, files.files[number], move_all=everything, output_dir=folder)
        assert len(result.solution.images) == number + 1
        solution = folder / solution.name
    if move_all[1]:  # the last one has all that was found
        assert in_sigmas(solution_of(absolute), result.solution) < 1e-3
    models = opened(files)
    apply(solution, models)
    errors = relative_truth_errors([model.meta.wcs for model in models], files.images)
    assert max(error.rms_mas for error in errors) < TOLERANCE_MAS


def test_old_files_that_are_named_get_their_new_wcs(files: Truth) -> None:
    align([str(path) for path in files.files[:2]], output_dir="two", save_state=True, **QUICK)
    solution = next(Path("two").glob("*_solution.asdf"))
    aligned = Path("two") / result_name(files.files[0])
    before = aligned.read_bytes(), files.files[1].read_bytes()
    old = [aligned, files.files[1]]  # one as it was aligned before, one as it was delivered
    result = add(solution, files.files[2], move_all=old, output_dir="three")
    assert (aligned.read_bytes(), files.files[1].read_bytes()) == before
    written = [Path("three") / result_name(path) for path in files.files]
    models = opened(files)
    apply(result, models)
    for path, model in zip(written, models, strict=True):
        assert list(apply(result, path).table["done"]) == ["already applied"]
        places = [np.frombuffer(s["places"]) for s in (file_state(path), wcs_state(model))]
        assert np.max(np.abs(places[1] - places[0])) < 1e-9 / 3600.0  # degrees
    undo(written)
    assert [file_state(path) for path in written] == [file_state(path) for path in files.files]


def test_old_files_of_something_else_are_refused_before_the_work(
    files: Truth, two: Path, absolute: Aligned
) -> None:
    path = files.folder / "moved" / files.files[0].name
    path.parent.mkdir()
    shutil.copy(absolute.folder / result_name(files.files[0]), path)
    with pytest.raises(InputError, match="another alignment has corrected it since"):
        add(two, files.files[2], move_all=path, output_dir="three")
    with pytest.raises(InputError, match="not exist"):
        add(two, files.files[2], move_all=[files.folder / "gone_cal.fits"], output_dir="three")
    assert not Path("three").exists()


def test_a_state_of_another_run_is_refused(files: Truth, two: Path) -> None:
    state = next(Path("two").glob("*_state.asdf"))
    tree = asdf.open(state, lazy_load=False, memmap=False).tree
    tree["tweakreg_state"]["result"]["run"]["start"] = "2020-01-01T00:00:00+00:00"
    asdf.AsdfFile(dict(tree)).write_to(state)
    with pytest.raises(InputError, match="is of a run that started at 2020-01-01"):
        add(two, files.files[2], output_dir="three")
    assert not Path("three").exists()


def test_the_command_says_what_becomes_of_old_files(
    files: Truth, two: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    two = two.parent.rename("the folder of both") / two.name
    words = ["add", str(two), str(files.files[2]), f"--output-dir={two.parent}", "-q", "--move-all"]
    assert cli.main([*words, str(files.files[0])]) == 0
    said = capsys.readouterr().out
    assert "1 of 2 old exposures were not named" in said
    command = shlex.split(said.splitlines()[-1].split(" with: ")[1])
    assert command[-1] == "FILES"
    assert cli.main([*command[1:-1], str(files.files[1])]) == 0
    assert "1 applied" in capsys.readouterr().out


def test_a_catalog_that_was_a_table_is_asked_for(
    files: Truth, capsys: pytest.CaptureFixture[str]
) -> None:
    table, paths = Table.read(files.catalog), [str(path) for path in files.files]
    align(paths[:2], table, output_dir="two", save_state=True, apply_correction=False, **QUICK)
    words = ["add", str(next(Path("two").glob("*_solution.asdf"))), paths[2], "-q"]
    words.append("--output-dir=three")
    assert cli.main([*words, "--move-all"]) == 1
    assert "give it with 'abs_refcat' (--abs-refcat)" in capsys.readouterr().err
    assert cli.main([*words, f"--abs-refcat={files.catalog}"]) == 2
    assert "new ones are aligned to their sources" in capsys.readouterr().err
    assert not Path("three").exists()
    assert cli.main([*words, "--move-all", f"--abs-refcat={files.catalog}"]) == 0
    assert "3 of 3 groups tied to reference.ecsv" in capsys.readouterr().out


def test_the_sequential_method_moves_all_or_none(files: Truth) -> None:
    paths, options = [str(path) for path in files.files], {"align_method": "sequential", **QUICK}
    at_once = align(paths, **options)
    align(paths[:2], output_dir="two", save_state=True, apply_correction=False, **options)
    solution = next(Path("two").glob("*_solution.asdf"))
    with pytest.raises(InputError, match="the sequential method makes none"):
        add(solution, paths[2], output_dir="three")
    assert not Path("three").exists()
    result = add(solution, paths[2], move_all=True)
    assert in_mas(at_once.solution, result.solution) < 1e-6


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
