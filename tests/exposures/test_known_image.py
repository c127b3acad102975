"""The WCS of images of each mission, as it is written into a state, and read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import hst_visits
import numpy as np
import pytest
import roman_exposures
from step_outputs import Aligned

from tweakreg_step.core.exceptions import InputError
from tweakreg_step.core.sources import Sources
from tweakreg_step.exposures import KnownImage
from tweakreg_step.exposures.known_image import image_of
from tweakreg_step.simulate import Truth
from tweakreg_step.telescopes import View
from tweakreg_step.telescopes.choose_mission import open_exposure, telescope_of


def views(path: Path) -> list[tuple[Any, Any]]:
    with open_exposure(path) as model:
        telescope = telescope_of(model)
        return [(telescope, image.view()) for image in telescope.images(model)]


def places(wcs: Any) -> np.ndarray:
    x, y = np.meshgrid(np.linspace(-0.5, 300.0, 5), np.linspace(-0.5, 300.0, 5))
    if hasattr(wcs, "all_pix2world"):
        return np.stack(wcs.all_pix2world(x.ravel(), y.ravel(), 0))
    return np.stack(wcs(x, y, with_bounding_box=False))


def assert_same(path: Path) -> None:
    for telescope, view in views(path):
        content = telescope.packed_wcs(view.wcs)
        found = telescope.unpacked_wcs(content)
        assert np.array_equal(places(found), places(view.wcs))
        assert telescope.packed_wcs(found) == content


def test_as_delivered_and_as_aligned(files: Truth, absolute: Aligned) -> None:
    assert_same(files.files[0])
    assert_same(absolute.files[0])


def test_of_chips_with_tables_of_distortion() -> None:
    assert_same(hst_visits.visit().files[0])


@pytest.mark.parametrize("mission", ["JWST", "HST", "ROMAN"])
def test_broken_bytes_are_of_the_state_and_of_an_image(mission: str) -> None:
    view = View(np.frombuffer(b"something else", np.uint8), {}, None, None, False)
    known = KnownImage(
        "a_cal.fits", "a", mission, view, Sources.at(np.zeros(0), np.zeros(0)), 0, None
    )
    with pytest.raises(InputError, match=r"state's WCS of 'a_cal\.fits' can't be read.*Run the"):
        image_of(known)


def test_of_roman() -> None:
    assert_same(roman_exposures.exposures().files[0])
