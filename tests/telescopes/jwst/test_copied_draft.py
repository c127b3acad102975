"""Results whose pixels are copied are those that stdatamodels would have saved."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from astropy.io import fits
from stdatamodels.jwst import datamodels
from telescopes.jwst.test_cal_file import INSTRUMENTS, of_instrument, saved, with_more

from tweakreg_step.simulate import Truth
from tweakreg_step.telescopes.jwst.copied_draft import copied_draft

if TYPE_CHECKING:
    from collections.abc import Callable


def aligned(model: Any) -> None:
    """Changes of all kinds: new cards, changed ones, ones that the schemas do not know."""
    model.meta.cal_step.tweakreg = "COMPLETE"
    model.meta.tweakreg_catalog = "a_cat.ecsv"
    model.meta.wcsinfo.s_region = "POLYGON ICRS  1.0 2.0 3.0 4.0 5.0 6.0"
    model.meta.tweakreg_report = {"rms": 1.5}
    model.extra_fits.PRIMARY = {"header": [["TWKRMS", 1.5, "[mas]"]]}
    model.meta.wcs.name = "FIT-LVL3-GAIADR3"


def undated(path: Path) -> bytes:
    """The file without the time when it was written, and without the hash of that."""
    content = re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:[\d.]{6}", b"now", path.read_bytes())
    return re.sub(rb"_fits_hash: [0-9a-f]{64}", b"hash", content)


def check_same(path: Path, folder: Path) -> None:
    ours, theirs = folder / "ours" / "a_tweakreg.fits", folder / "theirs" / "a_tweakreg.fits"
    for result in (ours, theirs):
        result.parent.mkdir()
    with datamodels.open(path) as model:
        model.extra_fits = getattr(model, "extra_fits", {})
        aligned(model)
        model.save(theirs)
    draft = copied_draft(path)
    assert draft is not None
    with draft.model as model:
        model.extra_fits = getattr(model, "extra_fits", {})
        aligned(model)
        draft.save(ours)
    assert undated(ours) == undated(theirs)
    with fits.open(ours) as hdus:
        hdus.verify("exception")
    with datamodels.open(ours) as one, datamodels.open(theirs) as other:
        for name in ("data", "err", "dq", "var_poisson"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
        assert one.meta.wcs.name == "FIT-LVL3-GAIADR3"


@pytest.mark.parametrize("name", sorted(INSTRUMENTS))
def test_each_instrument(stack: Truth, tmp_path: Path, name: str) -> None:
    check_same(saved(stack.files[0], tmp_path / "a_cal.fits", of_instrument(name)), tmp_path)


@pytest.mark.parametrize("change", [with_more])
def test_more_arrays(stack: Truth, tmp_path: Path, change: Callable[[Any], None]) -> None:
    check_same(saved(stack.files[0], tmp_path / "a_cal.fits", change), tmp_path)


def test_a_model_with_another_array_is_not_copied(stack: Truth, tmp_path: Path) -> None:
    draft = copied_draft(stack.files[0])
    assert draft is not None
    with draft.model as model:
        model.data = np.ones(model.shape, np.float32)
        with pytest.raises(ValueError, match="SCI is not that of the file"):
            draft.save(tmp_path / "a.fits")
