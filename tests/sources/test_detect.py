"""Finders on stars at known positions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tweakreg_step.catalogs.source_catalogs import alignable
from tweakreg_step.core.exceptions import InputError
from tweakreg_step.core.sources import Pixels, Sources
from tweakreg_step.parameters.source_stages import (
    FinderParameters,
    SegmentationParameters,
)
from tweakreg_step.simulate import Noise, Psf, observe, star_image
from tweakreg_step.sources import measure as measure_room
from tweakreg_step.sources.detect import find_sources
from tweakreg_step.sources.finders import bridge, candidates
from tweakreg_step.sources.flags import Flag
from tweakreg_step.sources.measure import as_stars, floor

SHAPE = (400, 300)
FWHM = 2.5


@pytest.fixture(scope="module")
def truth() -> np.ndarray:
    """x and y (2, 60) of stars on a loose grid, with random pixel phases."""
    rng = np.random.default_rng(4)
    x, y = np.meshgrid(np.arange(25.0, 290.0, 40.0), np.arange(30.0, 380.0, 40.0))
    return np.stack([x.ravel(), y.ravel()])[:, :60] + rng.uniform(-3.0, 3.0, (2, 60))


@pytest.fixture(scope="module")
def image(truth: np.ndarray) -> Pixels:
    flux = np.geomspace(300.0, 3000.0, truth.shape[1])  # DN/s: S/N 100 and more
    stars = star_image(*truth, flux, SHAPE, Psf(FWHM))
    pixels = observe(stars, Noise(), seed=8)
    return Pixels(pixels.data, pixels.err, np.zeros(SHAPE, bool))


def find(image: Pixels, starfinder: str = "sep", **options: Any) -> Sources:
    finder = FinderParameters(**{"kernel_fwhm": FWHM, **options})
    return find_sources(image, starfinder, finder, SegmentationParameters()).sources


def flags_of(found: Sources) -> np.ndarray:
    assert found.flags is not None
    return found.flags


def errors(found: Sources, truth: np.ndarray) -> np.ndarray:
    """Distance (N, 2) of each source from the nearest star [pixels]."""
    offset = np.stack([found.x, found.y])[:, :, None] - truth[:, None, :]
    nearest = np.argmin(np.hypot(*offset), axis=1)
    return np.asarray(offset[:, np.arange(len(found)), nearest].T)


@pytest.mark.parametrize(
    ("starfinder", "rms_px"),
    # all are refined in the same way, to the photon noise
    [("sep", 0.015), ("iraf", 0.015), ("dao", 0.015), ("segmentation", 0.015)],
)
def test_every_star_is_found_where_it_is(
    image: Pixels, truth: np.ndarray, starfinder: str, rms_px: float
) -> None:
    options = {"roundlo": -1.0, "roundhi": 1.0, "sharplo": 0.0} if starfinder != "sep" else {}
    found = find(image, starfinder, **options)
    assert len(found) == truth.shape[1]
    assert np.sqrt(np.mean(errors(found, truth) ** 2)) < rms_px
    assert np.all(np.diff(found.flux) <= 0.0)  # brightest first


@pytest.mark.parametrize("starfinder", ["sep", "iraf", "dao", "segmentation"])
def test_the_errors_of_positions_are_true(
    image: Pixels, truth: np.ndarray, starfinder: str
) -> None:
    options = {"roundlo": -1.0, "roundhi": 1.0, "sharplo": 0.0} if starfinder != "sep" else {}
    found = find(image, starfinder, **options)
    noise2 = np.stack([found.x_err, found.y_err], axis=1) ** 2 - floor(FWHM) ** 2
    pulls = errors(found, truth) / np.sqrt(noise2)
    assert 0.85 < np.sqrt(np.mean(pulls**2)) < 1.15  # 120 values know it to 6.5 %


def test_unrefined_positions_are_the_finders_and_have_its_errors(
    image: Pixels, truth: np.ndarray
) -> None:
    rough, fine = find(image, "iraf", refine_centroids="none", roundhi=1.0), find(image)
    assert np.sqrt(np.mean(errors(rough, truth) ** 2)) > 0.02
    assert rough.x_err.min() > 0.06 > fine.x_err.min()


@pytest.mark.parametrize("starfinder", ["sep", "iraf", "segmentation"])
def test_masked_and_nan_pixels_are_not_used(
    image: Pixels, truth: np.ndarray, starfinder: str
) -> None:
    options = {"roundhi": 1.0} if starfinder == "iraf" else {}
    x, y = np.rint(truth[:, :2]).astype(int)
    mask = image.mask.copy()
    mask[y[0] - 6 : y[0] + 7, x[0] - 6 : x[0] + 7] = True
    data = image.data.copy()
    data[y[1] - 6 : y[1] + 7, x[1] - 6 : x[1] + 7] = np.nan
    found = find(replace(image, data=data, mask=mask), starfinder, **options)
    assert len(found) == truth.shape[1] - 2
    for k in (0, 1):
        assert np.min(np.hypot(found.x - truth[0, k], found.y - truth[1, k])) > 6.0


@pytest.mark.parametrize("starfinder", ["sep", "iraf", "dao", "segmentation"])
def test_brightest_and_peakmax_select(image: Pixels, starfinder: str) -> None:
    options = {"roundlo": -1.0, "roundhi": 1.0, "sharplo": 0.0}
    every = find(image, starfinder, **options)
    some = find(image, starfinder, brightest=7, **options)
    np.testing.assert_allclose(np.sort(some.flux), np.sort(every.flux[:7]))
    faint = find(image, starfinder, peakmax=150.0, **options)
    assert 0 < len(faint) < len(every)
    assert faint.flux.max() < np.median(every.flux[: len(every) - len(faint) + 1])


@pytest.mark.parametrize("starfinder", ["sep", "iraf", "dao", "segmentation"])
@pytest.mark.parametrize("kind", ["all masked", "all NaN", "constant", "pure noise"])
def test_images_without_stars_give_empty_catalogs(starfinder: str, kind: str) -> None:
    data = np.full((64, 64), np.nan if kind == "all NaN" else 1.0, np.float32)
    if kind == "pure noise":
        data += np.random.default_rng(1).normal(0.0, 0.1, data.shape).astype(np.float32)
    mask = np.full(data.shape, kind == "all masked")
    found = find(Pixels(data, np.ones_like(data), mask), starfinder)
    assert len(found) == 0


def test_a_lone_hot_pixel_is_flagged_as_sharp(image: Pixels, truth: np.ndarray) -> None:
    data = image.data.copy()
    data[200, 45] += 5000.0
    found = find(replace(image, data=data))
    near = np.hypot(found.x - 45.0, found.y - 200.0) < 3.0
    assert flags_of(found)[near].tolist() == [int(Flag.SHARP)]
    assert len(alignable(found)) == truth.shape[1]


def test_undersampled_stars_are_not_taken_for_hot_pixels(truth: np.ndarray) -> None:
    stars = star_image(*truth, np.full(truth.shape[1], 1000.0), SHAPE, Psf(1.0))
    pixels = observe(stars, Noise(), seed=9)
    found = find(Pixels(pixels.data, pixels.err, np.zeros(SHAPE, bool)), kernel_fwhm=1.0)
    assert len(found) == truth.shape[1]


def test_arrays_of_different_shape_are_refused() -> None:
    with pytest.raises(ValueError, match=r"one shape, but they have data \(3, 4\)"):
        Pixels(np.zeros((3, 4)), np.zeros((3, 4)), np.zeros((4, 3), bool))


def test_without_a_given_width_that_of_the_stars_is_used(image: Pixels) -> None:
    finder = FinderParameters()
    right = find_sources(image, "sep", finder, SegmentationParameters(), 2.4)
    assert right.fwhm == right.expected_fwhm == 2.4
    wrong = find_sources(image, "sep", finder, SegmentationParameters(), 1.6)
    assert wrong.expected_fwhm == 1.6
    assert wrong.fwhm == pytest.approx(FWHM, rel=0.05)
    given = find_sources(image, "sep", FinderParameters(kernel_fwhm=1.6), SegmentationParameters())
    assert given.fwhm == 1.6


@pytest.mark.parametrize("kernel", [1.7, 2.5, 4.0])
def test_stars_are_stars_whatever_width_was_given(image: Pixels, kernel: float) -> None:
    found = find(image, kernel_fwhm=kernel)
    assert np.mean(flags_of(found) & int(Flag.SHARP | Flag.EXTENDED) == 0) > 0.95


def test_errors_that_are_missing_come_from_the_background(image: Pixels, truth: np.ndarray) -> None:
    found = find(replace(image, error=np.full(SHAPE, np.nan)))
    assert len(found) == truth.shape[1]
    assert np.all(np.isfinite(found.x_err) & (found.x_err > 0.0))
    faint = slice(-15, None)  # where the background's noise dominates
    np.testing.assert_allclose(found.x_err[faint], find(image).x_err[faint], rtol=0.5)


def test_bad_and_saturated_pixels_and_edges_are_flagged(image: Pixels, truth: np.ndarray) -> None:
    x, y = np.rint(truth).astype(int)
    mask, saturated = image.mask.copy(), np.zeros(SHAPE, bool)
    mask[y[0], x[0] + 1] = True
    saturated[y[1], x[1]] = True
    data = image.data.copy()
    data[mask] = 1e6
    half = x[2] + 1
    cut = Pixels(data[:, :half], image.error[:, :half], mask[:, :half], saturated[:, :half])
    whole = find(replace(image, data=data, mask=mask, saturated=saturated))
    clean = find(image)
    for star, flag, found in (
        (0, Flag.NEAR_BAD, whole),
        (1, Flag.SATURATED, whole),
        (2, Flag.EDGE, find(cut)),
    ):
        (row,) = np.flatnonzero(np.hypot(found.x - truth[0, star], found.y - truth[1, star]) < 1.0)
        assert flags_of(found)[row] == int(flag)
        (before,) = np.flatnonzero(
            np.hypot(clean.x - truth[0, star], clean.y - truth[1, star]) < 1.0
        )
        error = np.hypot(found.x[row] - truth[0, star], found.y[row] - truth[1, star])
        assert error < 4.0 * np.hypot(found.x_err[row], found.y_err[row])
        if flag is not Flag.SATURATED:
            assert found.x_err[row] > clean.x_err[before]


def test_a_star_without_its_core_is_one_source(image: Pixels, truth: np.ndarray) -> None:
    bright = int(np.argmax(np.arange(truth.shape[1])))
    x, y = np.rint(truth[:, bright]).astype(int)
    mask = image.mask.copy()
    mask[y - 1 : y + 2, x - 1 : x + 2] = True
    found = find(replace(image, mask=mask))
    near = np.hypot(found.x - truth[0, bright], found.y - truth[1, bright]) < 6.0
    assert near.sum() == 1
    assert flags_of(found)[near][0] & int(Flag.NEAR_BAD)
    pull = (found.x[near] - truth[0, bright]) / found.x_err[near]
    assert abs(pull[0]) < 4.0


def galaxies(seed: int) -> tuple[Pixels, np.ndarray, np.ndarray]:
    """4 stars and 40 galaxies: x and y (2, 44), and which are galaxies."""
    rng = np.random.default_rng(seed)
    x, y = np.meshgrid(np.arange(25.0, 290.0, 40.0), np.arange(30.0, 380.0, 40.0))
    at = (np.stack([x.ravel(), y.ravel()]) + rng.uniform(-3.0, 3.0, (2, 63)))[:, :44]
    wide = np.arange(44) >= 4
    scene = star_image(*at[:, :4], np.full(4, 300.0), SHAPE, Psf(FWHM))
    for k in np.flatnonzero(wide):
        scene += star_image(
            at[0, k : k + 1], at[1, k : k + 1], np.array([900.0]), SHAPE, Psf(4.0 + 0.1 * k, 3.0)
        )
    seen = observe(scene, Noise(), seed=seed)
    return Pixels(seen.data, seen.err, np.zeros(SHAPE, bool)), at, wide


def test_galaxies_are_kept_with_larger_errors_and_those_are_true() -> None:
    pulls = []
    for seed in range(3):
        image, at, wide = galaxies(seed)
        result = find_sources(image, "sep", FinderParameters(), SegmentationParameters(), FWHM)
        found = alignable(result.sources)
        assert result.fwhm == FWHM  # 40 galaxies of different widths are not a star's width
        assert len(found) == 44
        off = np.hypot(found.x[:, None] - at[0], found.y[:, None] - at[1])
        star = np.argmin(off, axis=1)
        extended = flags_of(found) & int(Flag.EXTENDED) != 0
        np.testing.assert_array_equal(extended, wide[star])
        assert found.x_err[extended].min() > found.x_err[~extended].max()
        pulls.append(errors(found[extended], at) / found.x_err[extended][:, None])
    # symmetric galaxies are better than the error for their morphology says
    assert 0.1 < np.sqrt(np.mean(np.concatenate(pulls) ** 2)) < 1.1


def test_neighbours_are_flagged_as_blended() -> None:
    x, y = np.array([50.2, 55.7, 150.3]), np.array([60.0, 60.4, 60.1])
    stars = star_image(x, y, np.array([300.0, 1500.0, 300.0]), (120, 200), Psf(FWHM))
    seen = observe(stars, Noise(), seed=2)
    found = find(Pixels(seen.data, seen.err, np.zeros((120, 200), bool)))
    order = np.argsort(found.x)
    blended = (flags_of(found)[order] & int(Flag.BLENDED)) != 0
    assert blended.tolist() == [True, False, False]
    assert found.x_err[order][0] > 2.0 * found.x_err[order][2]
    pulls = np.abs(found.x[order] - x) / found.x_err[order]
    assert pulls.max() < 4.0


def test_a_hundred_thousand_sources() -> None:
    line = np.arange(4.0, 1920.0, 6.0)
    x, y = (a.ravel() for a in np.meshgrid(line, line))
    stars = star_image(x, y, np.full(x.size, 50.0), (1920, 1920), Psf(1.2))
    seen = observe(stars, Noise(), seed=3)
    image = Pixels(seen.data, seen.err, np.zeros(seen.data.shape, bool))
    # the stars themselves are most of what looks like noise in such a crowd
    assert len(find(image, kernel_fwhm=1.2, snr_threshold=2.0)) == 200


def test_an_image_that_is_one_blend_has_a_named_outcome(
    image: Pixels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tweakreg_step.sources.finders.PIXEL_STACKS", (300,))
    with pytest.raises(InputError, match=r"gave up on an image of 300 x 400.*Raise"):
        find(image, snr_threshold=0.5)


def test_gaps_are_bridged_and_edges_are_not() -> None:
    data, good = np.full((9, 9), 2.0), np.ones((9, 9), bool)
    good[4, 3:6], good[:, 8] = False, False
    filled = np.where(good, data, np.nan)
    unknown = bridge(filled, good, 1)
    assert np.all(filled[4, 3:6] == 2.0)
    assert not unknown[4].any() or unknown[4].tolist() == [False] * 8 + [True]
    assert np.isfinite(filled).all()


def test_minarea_leaves_small_peaks_out() -> None:
    rng = np.random.default_rng(4)
    image = rng.standard_normal((120, 120)).astype(np.float32)
    image[30:33, 30:33] += 60.0  # nine pixels
    image[80:86, 80:86] += 60.0  # thirty-six
    pixels = Pixels(image, np.ones_like(image), np.zeros(image.shape, bool))
    assert [len(find(pixels, minarea=least, kernel_fwhm=1.5)) for least in (3, 30)] == [2, 1]


def test_sources_measured_before_are_not_measured_again(
    image: Pixels, monkeypatch: pytest.MonkeyPatch
) -> None:
    plane, every = candidates(image, "sep", FWHM, FinderParameters(), SegmentationParameters())
    few, all_rows = np.arange(7, 25)[::-1], np.arange(len(every))
    at_once = as_stars(plane, all_rows, every, FWHM)
    before = as_stars(plane, few, every, FWHM)
    counted: list[int] = []
    measure = measure_room._measure_chunk

    def counting(plane: Any, at: Sources, *rest: Any) -> Any:
        counted.append(len(at))
        return measure(plane, at, *rest)

    monkeypatch.setattr(measure_room, "_measure_chunk", counting)
    again = as_stars(plane, all_rows, every, FWHM, before)
    assert counted == [len(every) - len(few)]
    assert again.usable == at_once.usable
    for one, other in ((again, at_once), (again.measurement.found, at_once.measurement.found)):
        for field in set(type(one).__slots__) - {"measurement"}:
            np.testing.assert_array_equal(getattr(one, field), getattr(other, field))
