"""The solution as a file: what is in it, and what is refused."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import asdf
import numpy as np
import pytest
import yaml
from made_solutions import large_solution
from step_outputs import Aligned

from tweakreg_step.core.exceptions import InputError
from tweakreg_step.solutions import SavedSolution, read_solution, solution_path, write_solution
from tweakreg_step.solutions.file import KEY, SCHEMA


def written(run: Aligned, folder: Path) -> Path:
    return Path(shutil.copy(solution_path(run.folder, "mosaic"), folder / "copy.asdf"))


def same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray):
        return bool(np.array_equal(one, other, equal_nan=one.dtype.kind == "f"))
    if isinstance(one, tuple) and one and hasattr(one[0], "__dataclass_fields__"):
        return all(map(same, one, other))
    if hasattr(one, "__dataclass_fields__"):
        return all(same(getattr(one, f.name), getattr(other, f.name)) for f in fields(one))
    return bool(one == other)


def test_it_comes_back_as_it_was(tmp_path: Path) -> None:
    solution = large_solution(5)
    path = write_solution(solution, tmp_path / "a.asdf")
    found = read_solution(path)
    assert same(replace(found, checksum=""), solution)
    assert len(found.checksum) == 64


@pytest.mark.skipif(not yaml.__with_libyaml__, reason="PyYAML has no compiled reader here")
@pytest.mark.parametrize(
    "work", ["write_solution(large_solution(2), Path(sys.argv[1]))", "read_solution(sys.argv[1])"]
)
def test_where_it_is_the_first_asdf_file_none_is_read_in_python(work: str, tmp_path: Path) -> None:
    path = tmp_path / "a.asdf"
    write_solution(large_solution(2), path)
    script = (
        "import sys, yaml\nfrom pathlib import Path\n"
        "sys.path.insert(0, sys.argv[2])\n"
        "from made_solutions import large_solution\n"
        "from tweakreg_step.solutions import read_solution, write_solution\n"
        "def never(*_): raise AssertionError('read by the reader in Python')\n"
        "yaml.SafeLoader.__init__ = never\n" + work
    )
    tests = str(Path(__file__).parents[1])
    subprocess.run([sys.executable, "-c", script, str(path), tests], check=True)


def test_it_names_the_image_its_wcs_and_what_was_held_fixed(absolute: Aligned) -> None:
    found = read_solution(solution_path(absolute.folder, "mosaic"))
    images = absolute.truth.images
    assert found.images.names == tuple(image.file_name for image in images)
    assert found.groups.names == tuple(image.group for image in images)
    assert set(found.images.detectors) == {"NRCALONG"}
    assert set(found.images.filters) == {"F356W"}
    assert set(found.images.visits) == {"jw00001001001"}
    assert np.all(found.images.moved)
    assert np.all(found.images.absolute)
    assert np.all(found.groups.anchored)
    assert found.gauge == "3 of 3 groups are tied to the reference catalog 'reference.ecsv'."
    assert found.reference["size"] == absolute.result.catalogs.note.size  # type: ignore[union-attr]
    assert len(found.reference["details"]["sha256"]) == 64
    assert ("on_failure", "raise", "keyword") in found.parameters
    assert {"tweakreg_step", "numpy", "stdatamodels"} <= set(found.versions)
    level = found.level("group")
    assert level is not None
    assert level.covariance.shape == (3, 3, 3)
    assert np.all(np.linalg.eigvalsh(level.covariance) > 0.0)


def test_without_a_reference_the_gauge_is_the_mean_of_the_groups(relative: Aligned) -> None:
    found = read_solution(solution_path(relative.folder, "mosaic"))
    assert "mean correction" in found.gauge
    assert found.reference == {}
    assert found.groups.absolute == ()
    # the weights are those of the mean that is zero
    level = found.level("group")
    assert level is not None
    mean = np.sum(found.groups.gauge[:, :2] * level.shift, axis=0) / found.groups.gauge.sum(0)[:2]
    assert np.max(np.abs(mean)) < 1e-3


def test_any_reader_of_asdf_can_read_it(absolute: Aligned) -> None:
    with asdf.open(solution_path(absolute.folder, "mosaic")) as file:
        tree = file.tree[KEY]
        assert tree["schema"] == SCHEMA
        assert isinstance(tree["images"]["names"], list)
        assert np.asarray(tree["images"]["matrix"]).shape == (3, 2, 2)
        kinds = {type(value).__module__.split(".")[0] for value in tree.values()}
    assert "tweakreg_step" not in kinds


def test_a_thousand_images_are_small(tmp_path: Path) -> None:
    path = write_solution(large_solution(1000), tmp_path / "a.asdf")
    assert path.stat().st_size < 2e6
    assert len(read_solution(path).images) == 1000


# ---- what is refused


def test_none_at_all(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no solution"):
        read_solution(tmp_path / "a.asdf")


@pytest.mark.parametrize("part", [0.0, 0.02, 0.5, 0.95])
def test_a_truncated_one(absolute: Aligned, tmp_path: Path, part: float) -> None:
    path = written(absolute, tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[: int(part * len(content))])
    with pytest.raises(InputError, match=r"copy\.asdf"):
        read_solution(path)


def test_one_that_was_edited_by_hand(absolute: Aligned, tmp_path: Path) -> None:
    path = written(absolute, tmp_path)
    content = path.read_bytes()
    name = absolute.truth.images[0].file_name.encode()
    assert name in content
    path.write_bytes(content.replace(name, name.replace(b"00001_nrc", b"00007_nrc"), 1))
    with pytest.raises(InputError, match="was changed after it was written"):
        read_solution(path)


def with_tree(solution: SavedSolution, path: Path, change: Any) -> Path:
    write_solution(solution, path)
    with asdf.open(path, lazy_load=False, memmap=False) as file:
        tree = dict(file.tree)
    change(tree)
    asdf.AsdfFile(tree).write_to(path)
    return path


def test_one_of_a_newer_schema(tmp_path: Path) -> None:
    def newer(tree: dict[str, Any]) -> None:
        tree[KEY]["schema"] = "tweakreg-solution/2"
        tree[KEY]["versions"]["tweakreg_step"] = "9.1"

    path = with_tree(large_solution(2), tmp_path / "a.asdf", newer)
    with pytest.raises(InputError, match=r"of tweakreg_step 9\.1, but this version reads"):
        read_solution(path)


def test_one_of_another_form(tmp_path: Path) -> None:
    path = with_tree(
        large_solution(2), tmp_path / "a.asdf", lambda tree: tree[KEY]["images"].pop("before")
    )
    with pytest.raises(InputError, match="does not have the form of a solution"):
        read_solution(path)
    path = with_tree(large_solution(2), tmp_path / "b.asdf", lambda tree: tree.pop(KEY))
    with pytest.raises(InputError, match="no solution"):
        read_solution(path)
    path.write_text("no ASDF")
    with pytest.raises(InputError, match="can't be read"):
        read_solution(path)
