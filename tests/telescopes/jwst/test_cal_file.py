"""Exposures that are read without stdatamodels' reader are those that it reads."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from astropy.io import fits
from stdatamodels.jwst import datamodels

from tweakreg_step.simulate import Truth
from tweakreg_step.telescopes.choose_mission import open_exposure, open_to_read
from tweakreg_step.telescopes.jwst.cal_file import with_pixels
from tweakreg_step.telescopes.jwst.image import JwstImage

if TYPE_CHECKING:
    from collections.abc import Callable

INSTRUMENTS = {
    "NIRCAM": {"detector": "NRCB1", "channel": "SHORT", "filter": "F200W", "pupil": "CLEAR"},
    "NIRISS": {"detector": "NIS", "filter": "CLEAR", "pupil": "F200W"},
    "MIRI": {"detector": "MIRIMAGE", "filter": "F770W"},
    "FGS": {"detector": "GUIDER1"},
    "NIRSPEC": {"detector": "NRS1", "filter": "F110W", "grating": "MIRROR"},
}


def saved(source: Path, path: Path, change: Callable[[Any], object]) -> Path:
    """A file as stdatamodels writes it, of a changed model."""
    with datamodels.open(source) as model:
        change(model)
        model.save(path)
    return path


def of_instrument(name: str) -> Callable[[Any], None]:
    def change(model: Any) -> None:
        model.meta.instrument.instance.clear()
        model.meta.instrument.instance.update({"name": name, **INSTRUMENTS[name]})

    return change


def with_more(model: Any) -> None:
    """Arrays that the alignment does not use, and an extension that the schemas do not know."""
    model.area = np.ones(model.shape, np.float32)
    model.var_flat = np.full(model.shape, 0.5, np.float32)
    model.extra_fits = {
        "MINE": {"data": np.arange(6.0).reshape(2, 3), "header": [["MYKEY", 3, "of mine"]]}
    }
    model.dq[3, 4] = 2**31 + 5
    model.data[:2, :2] = [[np.nan, np.inf], [-0.0, 1e-40]]


def words(node: Any) -> Any:
    """A tree without its arrays and its WCS."""
    if isinstance(node, dict):
        kept = {k: words(v) for k, v in node.items() if k not in {"wcs", "extra_fits"}}
        return {k: v for k, v in kept.items() if not hasattr(v, "shape")}
    return node


def check_same(path: Path) -> None:
    short, long = with_pixels(path), datamodels.open(path)
    assert short is not None
    with short, long:
        assert words(short._instance["meta"]) == words(long._instance["meta"])
        for name in ("data", "err", "dq"):
            mine, theirs = getattr(short, name), getattr(long, name)
            assert mine.dtype == theirs.dtype.newbyteorder("=")
            np.testing.assert_array_equal(mine, theirs)
        ours, its = JwstImage(short), JwstImage(long)
        for name in ("fwhm", "exposure_time", "catalog", "bounding_box", "label"):
            assert getattr(ours, name) == getattr(its, name)
        x, y = np.array([0.0, 100.0, 511.0]), np.array([5.0, 300.0, 0.0])
        np.testing.assert_array_equal(ours.to_sky(x, y), its.to_sky(x, y))
        one, other = ours.view(), its.view()
        for name in ("angles", "detector", "epoch", "corrected", "band", "members", "applied"):
            assert getattr(one, name) == getattr(other, name)


@pytest.mark.parametrize("name", sorted(INSTRUMENTS))
def test_each_instrument(stack: Truth, tmp_path: Path, name: str) -> None:
    check_same(saved(stack.files[0], tmp_path / "a_cal.fits", of_instrument(name)))


def test_more_arrays_and_odd_numbers(stack: Truth, tmp_path: Path) -> None:
    check_same(saved(stack.files[0], tmp_path / "a_cal.fits", with_more))


def test_the_smallest_image(stack: Truth, tmp_path: Path) -> None:
    def change(model: Any) -> None:
        for name in ("data", "err", "dq", "var_poisson", "var_rnoise"):
            setattr(model, name, getattr(model, name)[:1, :1])

    check_same(saved(stack.files[0], tmp_path / "a_cal.fits", change))


def test_an_aligned_file(absolute: Any) -> None:
    check_same(next(absolute.folder.glob("*_tweakreg.fits")))


def changed_card(path: Path) -> None:
    with fits.open(path, mode="update") as hdus:
        hdus[0].header["TARGNAME"] = "M 92"


def appended(path: Path) -> None:
    with fits.open(path, mode="append") as hdus:
        hdus.append(fits.ImageHDU(np.ones((3, 3)), name="MORE"))


def with_table(path: Path) -> None:
    names = np.array([("a.fits",)], [("FILENAME", "S6")])

    def change(model: Any) -> None:
        model.extra_fits = {"TABLE": {"data": names}}

    saved(path, path, change)


def of_other_kind(path: Path) -> None:
    with datamodels.open(path) as model:
        datamodels.CubeModel(data=np.zeros((2, 3, 3), np.float32)).save(path)
        assert model is not None


def with_history(path: Path) -> None:
    def change(model: Any) -> None:
        model.add_history_entry("by hand")

    saved(path, path, change)


def without_asdf(path: Path) -> None:
    with fits.open(path, mode="update") as hdus:
        del hdus["ASDF"]


def compressed(path: Path) -> None:
    path.write_bytes(gzip.compress(path.read_bytes(), 1))


def scaled(path: Path) -> None:
    """Pixels as scaled integers, as `fpack` and old software leave them."""
    with fits.open(path) as hdus:
        hdus["ERR"].data = np.nan_to_num(hdus["ERR"].data)
        hdus["ERR"].scale("int16", "minmax")
        hdus.writeto(path, overwrite=True)


@pytest.mark.parametrize(
    "spoil",
    [
        changed_card, appended, with_table, of_other_kind, with_history, without_asdf, compressed,
        scaled,
    ],
)  # fmt: skip
def test_what_is_not_as_expected_goes_the_long_way(
    stack: Truth, tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    path = tmp_path / stack.files[0].name
    path.write_bytes(stack.files[0].read_bytes())
    spoil(path)
    assert with_pixels(path) is None
    with open_to_read(path) as short, open_exposure(path) as long:
        assert type(short) is type(long)
        np.testing.assert_array_equal(short.data, long.data)
        assert words(short._instance["meta"]) == words(long._instance["meta"])


def test_a_file_that_is_cut_off(stack: Truth, tmp_path: Path) -> None:
    path = tmp_path / "a_cal.fits"
    path.write_bytes(stack.files[0].read_bytes()[:-2880])
    with pytest.warns(Warning, match="truncated"):
        assert with_pixels(path) is None
