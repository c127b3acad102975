"""Results of Roman whose blocks are copied are those that roman_datamodels would have saved."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import asdf
import numpy as np
import pytest
from roman_datamodels import datamodels
from roman_exposures import exposures, undated

from tweakreg_step.telescopes.roman.copied_draft import copied_draft


def aligned(model: Any) -> None:
    """Changes of all kinds: new nodes, changed ones, another WCS."""
    model.meta.cal_step["tweakreg"] = "COMPLETE"
    model.meta["tweakreg_report"] = {"rms": 1.5}
    wcs = copy.deepcopy(model.meta.wcs)
    wcs.name = "FIT-LVL2-GAIADR3"
    model.meta["wcs"] = wcs


def with_more(model: Any) -> None:
    aligned(model)
    model["mine"] = np.arange(5000.0)
    model["few"] = np.arange(5.0)
    model["chisq"] = np.asarray(model.chisq) + np.float16(1)


def saved(path: Path, folder: Path, change: Any) -> tuple[Path, Path]:
    """A result of ours, and one of roman_datamodels."""
    ours, theirs = folder / "ours" / "a_tweakreg.asdf", folder / "theirs" / "a_tweakreg.asdf"
    for result in (ours, theirs):
        result.parent.mkdir()
    with datamodels.open(path) as model:
        change(model)
        model.save(theirs)
    draft = copied_draft(path)
    with draft.model as model:
        change(model)
        draft.save(ours)
    return ours, theirs


@pytest.mark.parametrize("change", [aligned, with_more])
def test_a_result_is_the_same_to_the_byte(tmp_path: Path, change: Any) -> None:
    ours, theirs = saved(exposures().files[0], tmp_path, change)
    assert undated(ours) == undated(theirs)
    with datamodels.open(ours) as one, datamodels.open(exposures().files[0]) as before:
        for name in ("data", "err", "dq", "var_poisson"):
            np.testing.assert_array_equal(one[name], before[name])
        assert one.meta.wcs.name == "FIT-LVL2-GAIADR3"
        assert one.validate() is None


def test_arrays_are_not_read(tmp_path: Path) -> None:
    draft = copied_draft(exposures().files[0])
    with draft.model as model:
        aligned(model)
        draft.save(tmp_path / "a.asdf")
        assert not [block for block in model._asdf._blocks.blocks if block._cached_data is not None]


def test_blocks_stay_compressed_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / exposures().files[0].name
    with datamodels.open(exposures().files[0]) as model:
        model.save(path, all_array_compression=None)
    ours, theirs = saved(path, tmp_path, aligned)
    with asdf.open(ours) as one, asdf.open(theirs) as other:
        assert {block.header["compression"] for block in one._blocks.blocks} == {b"\0\0\0\0"}
        for name in ("data", "err", "dq", "var_poisson"):
            np.testing.assert_array_equal(one["roman"][name], other["roman"][name])


@pytest.mark.parametrize("padding", [True, 0.5])
def test_a_file_with_room_in_its_blocks_goes_the_long_way(tmp_path: Path, padding: float) -> None:
    path = tmp_path / exposures().files[0].name
    with asdf.open(exposures().files[0]) as file:
        file.write_to(path, pad_blocks=padding)
    draft = copied_draft(path)
    with draft.model, pytest.raises(ValueError, match="a block has the header"):
        draft.save(tmp_path / "a.asdf")


def test_arrays_of_another_file_are_refused(tmp_path: Path) -> None:
    first, second, *_ = exposures().files
    draft = copied_draft(first)
    with draft.model as model, datamodels.open(second) as other:
        model["data"] = other._instance._data["data"]
        with pytest.raises(ValueError, match="the array is in"):
            draft.save(tmp_path / "a.asdf")
