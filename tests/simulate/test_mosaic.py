"""Simulated mosaics, and the judgement of a WCS against their truth."""

import json
from dataclasses import replace

import numpy as np
import pytest
from astropy.table import QTable
from stdatamodels.jwst import datamodels

from tweakreg_step.simulate import (
    DetectorOffset,
    ImageTruth,
    Mosaic,
    Pointing,
    claimed_wcs,
    load_truth,
    perturbed,
    pixel_of,
    pointing_at,
    relative_truth_errors,
    simulate_mosaic,
    true_wcs,
    truth_error,
)
from tweakreg_step.simulate.directions import direction, separation_mas
from tweakreg_step.simulate.mosaic import mosaic_images, mosaic_stars

SMALL = {
    "tiles": (1, 2),
    "dithers": 1,
    "detectors": ("NRCA1", "NRCALONG"),
    "shape": (256, 256),
    "stars_per_image": 20,
}
CENTRES = [(214.9, 53.0), (0.0, 10.0), (30.0, 89.995)]


@pytest.fixture(scope="module")
def truth(tmp_path_factory):
    return simulate_mosaic(tmp_path_factory.mktemp("mosaic"), seed=7, **SMALL)


def image_at(ra, dec, detector="NRCALONG"):
    pointing = Pointing(ra, dec, 30.0, 86.0, -493.6)
    return ImageTruth("a.fits", "a", detector, (2048, 2048), pointing, pointing)


def test_files(truth):
    assert [path.name for path in truth.files] == [
        "jw00001001001_02101_00001_nrca1_cal.fits",
        "jw00001001001_02101_00001_nrcalong_cal.fits",
        "jw00001002001_02101_00001_nrca1_cal.fits",
        "jw00001002001_02101_00001_nrcalong_cal.fits",
    ]
    association = json.loads(truth.association.read_text())
    assert association["asn_type"] == "image3"
    members = association["products"][0]["members"]
    assert [m["expname"] for m in members] == [path.name for path in truth.files]
    assert {m["exptype"] for m in members} == {"science"}
    assert [image.group for image in truth.images][::2] == [
        "jw00001001001_02101_1",
        "jw00001002001_02101_1",
    ]
    assert load_truth(truth.folder / "truth.json") == truth


def test_files_claim_the_wrong_wcs_and_show_the_true_one(truth):
    stars = mosaic_stars(Mosaic(seed=7, **SMALL), truth.images)
    for path, image in zip(truth.files, truth.images, strict=True):
        with datamodels.open(path) as model:
            claimed = truth_error(model.meta.wcs, image)
            assert claimed == truth_error(claimed_wcs(image), image)
            assert claimed.rms_mas > 10.0
            data = np.where(model.dq == 0, model.data, 0.0)
        x, y = pixel_of(true_wcs(image), stars.ra, stars.dec)
        inside = (x > 8) & (x < 247) & (y > 8) & (y < 247) & (stars.flux > 20)
        assert inside.any()
        columns, rows = np.rint(x[inside]).astype(int), np.rint(y[inside]).astype(int)
        peak = [
            data[row - 1 : row + 2, column - 1 : column + 2].max()
            for row, column in zip(rows, columns, strict=True)
        ]
        # At fwhm 2 a pixel next to the centre holds at least 8 % of the flux, in MJy/sr after
        # 0.45; the noise is 0.01.
        assert (np.array(peak) > 0.08 * 0.45 * stars.flux[inside]).all()


def test_catalog_lists_the_stars(truth):
    catalog = QTable.read(truth.catalog)
    stars = mosaic_stars(Mosaic(seed=7, **SMALL), truth.images)
    listed = direction(catalog["RA"].to_value("deg"), catalog["DEC"].to_value("deg"))
    distance = separation_mas(listed[:, None], direction(stars.ra, stars.dec)).min(axis=1)
    assert distance.max() < 6.0  # errors of 1 mas per axis
    assert len(catalog) == pytest.approx(len(stars) / 2, abs=2.5 * np.sqrt(len(stars)))


def test_number_of_stars_on_an_image():
    mosaic = Mosaic(seed=3, shape=(1024, 1024), stars_per_image=200)
    images = mosaic_images(mosaic)
    stars = mosaic_stars(mosaic, images)
    counts = []
    for image in images:
        x, y = pixel_of(true_wcs(image), stars.ra, stars.dec)
        counts.append(np.count_nonzero((abs(x - 511.5) < 512) & (abs(y - 511.5) < 512)))
    # Poisson; dithers of a tile see the same stars, so four independent numbers.
    assert np.mean(counts) == pytest.approx(200, abs=4 * np.sqrt(200 / 4))


def test_tiles_overlap_as_asked():
    mosaic = Mosaic(seed=1, tiles=(1, 2), dithers=1, dither_size=0.0, overlap=0.25)
    left, right = (image.true for image in mosaic_images(mosaic))
    step = separation_mas(direction(left.ra, left.dec), direction(right.ra, right.dec)) / 1000
    # V2 is a longitude: an arcsec of it is shorter by cos(V3), 3e-6 at the detector.
    assert step == pytest.approx(0.75 * 2048 * 0.0629, rel=1e-5)


def test_detectors_of_an_exposure_move_as_one():
    detectors = ("NRCA1", "NRCB4", "NRCBLONG")
    images = mosaic_images(Mosaic(seed=5, tiles=(1, 1), dithers=2, detectors=detectors))
    assert [image.group for image in images[:3]] == [images[0].group] * 3
    assert images[3].group != images[0].group
    # One rotation of the sky takes the whole exposure back to the truth.
    group = images[:3]
    errors = relative_truth_errors([claimed_wcs(image) for image in group], group)
    assert max(error.max_mas for error in errors) < 1e-4
    assert truth_error(claimed_wcs(images[0]), images[0]).max_mas > 10.0


def test_pointing_errors_have_the_stated_size():
    images = mosaic_images(Mosaic(seed=2, tiles=(20, 20), dithers=5))
    shift = np.array(
        [
            separation_mas(direction(i.true.ra, i.true.dec), direction(i.claimed.ra, i.claimed.dec))
            for i in images
        ]
    )
    roll = np.array([(i.claimed.roll - i.true.roll + 180) % 360 - 180 for i in images]) * 3600
    # 2000 draws: 2 axes of shift and one roll, good to 1/sqrt(8000) and 1/sqrt(4000).
    assert np.sqrt(np.mean(shift**2)) == pytest.approx(300.0, rel=4 / np.sqrt(8000))
    assert np.sqrt(np.mean(roll**2)) == pytest.approx(100.0, rel=4 / np.sqrt(4000))


def test_detector_offsets_are_shared_by_the_exposures():
    rms = DetectorOffset(0.02, 0.02, 20.0, 1e-4)
    mosaic = Mosaic(seed=1, detectors=("NRCA1", "NRCA2"), detector_offset=rms)
    images = mosaic_images(mosaic)
    by_detector = {
        name: {i.offset for i in images if i.detector == name} for name in mosaic.detectors
    }
    assert all(len(offsets) == 1 for offsets in by_detector.values())
    assert by_detector["NRCA1"] != by_detector["NRCA2"]
    # No one motion of the exposure removes them.
    group = images[:2]
    errors = relative_truth_errors([claimed_wcs(image) for image in group], group)
    assert max(error.max_mas for error in errors) > 2.0
    reversed_order = replace(mosaic, detectors=("NRCA2", "NRCA1"))
    assert {i.offset for i in mosaic_images(reversed_order)} == {i.offset for i in images}


def test_seeds(truth, tmp_path):
    again = simulate_mosaic(tmp_path / "again", seed=7, **SMALL)
    other = simulate_mosaic(tmp_path / "other", seed=8, **SMALL)
    assert again.images == truth.images
    assert again.catalog.read_bytes() == truth.catalog.read_bytes()
    for mine, theirs, different in zip(truth.files, again.files, other.files, strict=True):
        with (
            datamodels.open(mine) as first,
            datamodels.open(theirs) as second,
            datamodels.open(different) as third,
        ):
            for name in ("data", "err", "dq"):
                np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
            assert np.nanmedian(np.abs(first.data - third.data)) > 0


@pytest.mark.parametrize(("ra", "dec"), CENTRES)
def test_error_of_the_truth_is_zero(ra, dec):
    image = image_at(ra, dec)
    assert truth_error(true_wcs(image), image).max_mas == 0.0


@pytest.mark.parametrize(("ra", "dec"), CENTRES)
def test_error_of_a_known_shift_is_that_shift(ra, dec):
    image = image_at(ra, dec)
    moved = replace(image, true=perturbed(image.true, 0.006, -0.008, 0.0))
    error = truth_error(true_wcs(moved), image)
    # Over 90 arcsec a shift shrinks by the cosine, 1e-7; rounding is 1e-6 mas.
    assert error.rms_mas == pytest.approx(10.0, abs=1e-4)
    assert error.max_mas == pytest.approx(10.0, abs=1e-4)


def test_error_of_a_known_roll_grows_to_the_corner():
    image = image_at(214.9, 53.0)
    at_reference = pointing_at(image.true, 85.88, -493.59)
    moved = replace(image, true=perturbed(at_reference, 0.0, 0.0, 20.0))
    error = truth_error(true_wcs(moved), image)
    corner = 1023.5 * 0.0629 * np.sqrt(2) * np.radians(20 / 3600) * 1000
    assert error.max_mas == pytest.approx(corner, rel=0.02)  # distortion moves the corners by 1 %
    assert error.rms_mas < 0.7 * error.max_mas


@pytest.mark.parametrize(("ra", "dec"), CENTRES)
def test_relative_errors_forget_the_common_motion_only(ra, dec):
    images = [image_at(ra, dec), image_at(ra, dec, "NRCBLONG")]
    common = [true_wcs(replace(i, true=perturbed(i.true, 0.3, 0.1, 100.0))) for i in images]
    assert max(e.max_mas for e in relative_truth_errors(common, images)) < 1e-4
    # One image moved by 10 mas across the line that joins them, seen after the best rotation:
    # some of it is left in each.
    east = replace(images[1], true=perturbed(images[1].true, 0.01, 0.0, 0.0))
    errors = relative_truth_errors([common[0], true_wcs(east)], images)
    assert errors[0].rms_mas > 1.0
    assert errors[1].rms_mas > 1.0


def test_same_images_needed():
    image = image_at(10.0, 10.0)
    with pytest.raises(ValueError, match="zip"):
        relative_truth_errors([], [image])
