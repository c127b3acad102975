"""A packed corrector against the one of tweakwcs that it stands for."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import hst_visits
import numpy as np
import pytest
import roman_exposures
from astropy.modeling.models import AffineTransformation2D, Mapping, Polynomial2D, Shift
from astropy.table import Table
from step_outputs import Aligned

from tweakreg_step.core.sphere import directions
from tweakreg_step.simulate import Truth
from tweakreg_step.solutions.fingerprint import fingerprint
from tweakreg_step.telescopes import View
from tweakreg_step.telescopes.choose_mission import open_exposure, telescope_of
from tweakreg_step.telescopes.wcs import (
    PackedCorrector,
    Snapshot,
    StoredWcs,
    correct,
    delivered,
    packed_corrector,
    plane_of,
)

X, Y = (axis.ravel() for axis in np.meshgrid(np.linspace(-9.0, 520.0, 12), np.linspace(0.0, 600.0)))
SAME = 1e-9  # arcsec
MOTIONS = [
    (np.array([[1.0, 2e-3], [-2e-3, 1.0]]), np.array([0.3, -0.2])),
    (np.array([[1.001, 0.0], [1e-4, 1.0]]), np.array([-4.0, 9.0])),
]


def opened(path: Path) -> tuple[Any, View]:
    with open_exposure(path) as model:
        telescope = telescope_of(model)
        return telescope, telescope.images(model)[0].view()


def both(path: Path) -> tuple[PackedCorrector, Any]:
    telescope, view = opened(path)
    packed = packed_corrector(view, telescope, "an image")
    assert packed is not None
    return packed, telescope.corrector(view, Table(), "an image", "a group")


def arcsec(one: Any, other: Any) -> float:
    """Largest distance of positions on the sky."""
    return 206264.8 * float(np.abs(directions(*one) - directions(*other)).max())


def assert_same(packed: PackedCorrector, corrector: Any) -> None:
    ours, theirs = (plane_of(one, one.bounding_box) for one in (packed, corrector))
    places = theirs.from_pixels(X, Y)
    assert np.abs(ours.from_pixels(X, Y) - places).max() < SAME
    sky = theirs.to_sky(places)
    assert arcsec(ours.to_sky(places), sky) < SAME
    assert np.abs(ours.from_sky(*sky) - places).max() < SAME
    shape = (12, -1)
    found = ours.sky(X.reshape(shape), Y.reshape(shape))
    assert found[0].shape == X.reshape(shape).shape
    assert arcsec([axis.ravel() for axis in found], theirs.sky(X, Y)) < SAME
    assert ours.limits == theirs.limits
    assert ours.pixel_scale == pytest.approx(theirs.pixel_scale, rel=0.0, abs=SAME)
    assert arcsec(ours.corners().T, theirs.corners().T) < SAME
    for one, other in zip(ours.to_detector(), theirs.to_detector(), strict=True):
        assert np.abs(one - other).max() < SAME


@pytest.mark.parametrize("mission", ["jwst", "roman"])
def test_as_that_of_tweakwcs_before_and_after_corrections(mission: str, files: Truth) -> None:
    path = files.files[0] if mission == "jwst" else roman_exposures.exposures().files[0]
    packed, corrector = both(path)
    assert_same(packed, corrector)
    for motion in MOTIONS:
        for one in (packed, corrector):
            correct(plane_of(one, one.bounding_box), (80.0, -69.5), motion, motion)
        assert_same(packed, corrector)
        made = packed.wcs
        assert made.available_frames == corrector.wcs.available_frames
        assert (made.name, made.bounding_box) == (corrector.wcs.name, corrector.wcs.bounding_box)
        sky = made.forward_transform(X, Y)
        back, theirs = (
            wcs.get_transform(wcs.available_frames[-1], "v2v3")(*sky)
            for wcs in (made, corrector.wcs)
        )
        assert np.abs(np.subtract(back, theirs)).max() < SAME
        assert arcsec(made.forward_transform(X, Y), corrector.wcs.forward_transform(X, Y)) < SAME


def test_sent_to_another_process_it_is_small_and_makes_the_same_wcs(files: Truth) -> None:
    packed, _ = both(files.files[0])
    packed.set_correction(*MOTIONS[0])
    content = pickle.dumps(packed)
    assert len(content) < 20_000
    places = pickle.loads(content).wcs.forward_transform(X, Y)  # noqa: S301 - our own
    assert np.array_equal(places, packed.wcs.forward_transform(X, Y))


def test_without_a_correction_the_wcs_is_that_of_the_file(files: Truth) -> None:
    _, view = opened(files.files[0])
    packed, _ = both(files.files[0])
    assert np.array_equal(packed.wcs.forward_transform(X, Y), view.wcs.forward_transform(X, Y))
    assert not set(packed.wcs.available_frames) - set(view.wcs.available_frames)


def test_corners_and_grids_are_known_without_the_wcs(files: Truth) -> None:
    telescope, view = opened(files.files[0])
    view.wcs.bounding_box = ((-0.5, 303.5), (3.0, 500.25))
    packed = packed_corrector(view, telescope, "an image")
    assert packed is not None
    corrector = telescope.corrector(view, Table(), "an image", "a group")
    assert packed.bounding_box == corrector.bounding_box
    packed.view = replace(packed.view, wcs=None)
    ours, theirs = (plane_of(one, one.bounding_box) for one in (packed, corrector))
    for one in (ours, theirs):
        correct(one, (80.0, -69.5), MOTIONS[0], MOTIONS[1])
    assert ours.pixel_scale == pytest.approx(theirs.pixel_scale, rel=1e-9)
    assert arcsec(ours.corners().T, theirs.corners().T) < SAME
    assert arcsec(fingerprint(ours, ours.limits).T, fingerprint(theirs, theirs.limits).T) < SAME
    with pytest.raises(AttributeError):
        ours.sky(X, Y)


def test_put_back(files: Truth) -> None:
    packed, _ = both(files.files[0])
    places, before = packed.from_pixels(X, Y), Snapshot(packed)
    stored = StoredWcs.of(packed)
    packed.set_correction(*MOTIONS[0])
    moved = packed.from_pixels(X, Y)
    other = StoredWcs.of(packed)
    before.restore()
    assert np.array_equal(packed.from_pixels(X, Y), places)
    packed.set_correction(*MOTIONS[1])  # must not reach what was stored
    other.put_into(packed)
    assert np.array_equal(packed.from_pixels(X, Y), moved)
    stored.put_into(packed)
    assert np.array_equal(packed.from_pixels(X, Y), places)


def test_what_was_aligned_before_keeps_its_correction(absolute: Aligned) -> None:
    packed, corrector = both(absolute.files[0])
    _, view = opened(absolute.files[0])
    assert len(pickle.dumps(packed)) < 20_000
    assert_same(packed, corrector)
    assert np.array_equal(packed.wcs.forward_transform(X, Y), view.wcs.forward_transform(X, Y))
    before, present = Snapshot(packed), StoredWcs.of(packed)
    for one in (packed, corrector):
        correct(plane_of(one, one.bounding_box), (80.0, -69.5), *MOTIONS)
    assert_same(packed, corrector)
    assert packed.wcs.available_frames == corrector.wcs.available_frames
    assert arcsec(packed.wcs.forward_transform(X, Y), corrector.wcs.forward_transform(X, Y)) < SAME
    as_delivered = present.without_correction()
    assert as_delivered is not None
    as_delivered.put_into(packed)
    assert packed.wcs.available_frames == delivered(view.wcs).available_frames
    sky = delivered(view.wcs).forward_transform(X, Y)
    assert np.array_equal(packed.wcs.forward_transform(X, Y), sky)
    before.restore()
    assert np.array_equal(packed.wcs.forward_transform(X, Y), view.wcs.forward_transform(X, Y))


def test_a_correction_of_another_kind_is_left_to_tweakwcs(absolute: Aligned) -> None:
    telescope, view = opened(absolute.files[0])
    frames = view.wcs.available_frames
    view.wcs.insert_transform(frames[frames.index("v2v3corr") - 1], Shift(1e-5) & Shift(0.0), True)
    assert packed_corrector(view, telescope, "an image") is None


def test_what_is_of_another_kind_is_not_packed() -> None:
    telescope, view = opened(hst_visits.visit().files[0])
    assert packed_corrector(view, telescope, "an image") is None


def test_what_is_no_rotation_to_the_sky_is_not_packed(files: Truth) -> None:
    telescope, view = opened(files.files[0])
    stretched = AffineTransformation2D(np.diag([1.0, 1.0 + 1e-9]))
    view.wcs.insert_transform("v2v3vacorr", stretched, after=True)
    assert packed_corrector(view, telescope, "an image") is None


def test_angles_that_are_none_are_left_to_tweakwcs(files: Truth) -> None:
    telescope, view = opened(files.files[0])
    assert packed_corrector(replace(view, angles={}), telescope, "an image") is None


def test_what_has_no_way_back_to_v2v3_is_refused_when_it_is_read(files: Truth) -> None:
    """As tweakwcs refuses it: not after other images were changed with it."""
    telescope, view = opened(files.files[0])
    one_way = Mapping((0, 1, 0, 1)) | (Polynomial2D(1, c1_0=1.0) & Polynomial2D(1, c0_1=1.0))
    view.wcs.insert_transform("v2v3vacorr", one_way, after=True)
    assert packed_corrector(view, telescope, "an image") is None
    with pytest.raises(NotImplementedError, match="inverse"):
        telescope.corrector(view, Table(), "an image", "a group")
