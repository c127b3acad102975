"""Rendered stars and simulated noise against their definitions."""

import numpy as np
import pytest
from scipy.integrate import dblquad

from tweakreg_step.simulate import NO_DEFECTS, Defects, Noise, Pixels, Psf, observe, star_image
from tweakreg_step.simulate.render import DO_NOT_USE, JUMP_DET, NON_SCIENCE

PSFS = [Psf(1.8), Psf(2.5), Psf(2.0, 4.0)]


def one_star(x, y, psf, size=81, flux=1000.0):
    return star_image(np.array([x]), np.array([y]), np.array([flux]), (size, size), psf)


@pytest.mark.parametrize("psf", PSFS)
@pytest.mark.parametrize("offset", [(0.0, 0.0), (0.31, -0.44), (0.5, 0.2)])
def test_flux_and_centroid(psf, offset):
    x, y = 40.0 + offset[0], 40.0 + offset[1]
    image = one_star(x, y, psf)
    rows, columns = np.indices(image.shape)
    # Pixel integrals have the first moment of the profile but for aliasing, which is
    # exp(-2 pi^2 sigma^2) / pi = 3.1e-6 pixel at fwhm 1.8; the Moffat's stamp cuts its wings.
    assert image.sum() == pytest.approx(1000.0, rel=2e-6)
    tolerance = 4e-6 if psf.beta is None else 1e-4
    assert (columns * image).sum() / image.sum() == pytest.approx(x, abs=tolerance)
    assert (rows * image).sum() / image.sum() == pytest.approx(y, abs=tolerance)


def test_gaussian_width():
    image = one_star(40.0, 40.0, Psf(2.5))
    rows = np.indices(image.shape)[0]
    variance = ((rows - 40.0) ** 2 * image).sum() / image.sum()
    # The pixel adds the variance of a unit box.
    sigma = 2.5 / np.sqrt(8 * np.log(2))
    assert variance == pytest.approx(sigma**2 + 1 / 12, rel=1e-5)


def test_moffat_against_numerical_integration():
    psf = Psf(2.0, 3.0)
    image = one_star(40.2, 39.9, psf, flux=1.0)
    scale2 = (2.0 / (2 * np.sqrt(2 ** (1 / 3) - 1))) ** 2

    def profile(y, x):
        r2 = (x - 40.2) ** 2 + (y - 39.9) ** 2
        return 2.0 / (np.pi * scale2) * (1 + r2 / scale2) ** -3

    for row, column in ((40, 40), (41, 40), (38, 43)):
        expected = dblquad(profile, column - 0.5, column + 0.5, row - 0.5, row + 0.5)[0]
        assert image[row, column] == pytest.approx(expected, rel=1e-5)


def test_order_of_the_stars_does_not_change_a_bit():
    rng = np.random.default_rng(1)
    x, y, flux = rng.uniform(0, 60, (3, 100))
    reverse = star_image(x[::-1], y[::-1], flux[::-1], (60, 60), Psf(2.0))
    np.testing.assert_array_equal(star_image(x, y, flux, (60, 60), Psf(2.0)), reverse)


def test_many_stars_are_the_sum_of_each():
    rng = np.random.default_rng(1)
    x, y, flux = rng.uniform(-5, 65, (3, 2500))
    whole = star_image(x, y, flux, (60, 60), Psf(2.0, 4.0))
    parts = sum(star_image(x[i::5], y[i::5], flux[i::5], (60, 60), Psf(2.0, 4.0)) for i in range(5))
    np.testing.assert_allclose(whole, parts, rtol=1e-12)


def test_stars_outside_reach_in_and_lost_ones_do_not():
    image = star_image(
        np.array([-1.0, np.nan, 500.0]),
        np.array([10.0, 10.0, 10.0]),
        np.ones(3),
        (20, 20),
        Psf(2.0),
    )
    assert image[10, 0] > 0.01
    assert 0 < image.sum() < 0.5


def test_noise_is_what_err_says():
    truth = one_star(100.0, 100.0, Psf(10.0), size=256, flux=1e6)
    noise = Noise()
    pixels = observe(truth, noise, seed=1)
    pull = (pixels.data - truth - noise.sky) / pixels.err
    # 65536 pixels: the mean is good to 1/256, the standard deviation to 1/362; single-precision
    # pixels add nothing at this level.
    assert pull.mean() == pytest.approx(0.0, abs=4 / 256)
    assert pull.std() == pytest.approx(1.0, abs=4 / 362)
    bright = truth > 100
    assert pull[bright].std() == pytest.approx(1.0, abs=4 / np.sqrt(2 * bright.sum()))
    rate = truth + noise.sky
    variance = rate / (noise.gain * noise.exposure_time) + noise.read**2
    np.testing.assert_allclose(pixels.err**2, variance, rtol=1e-5)
    np.testing.assert_allclose(pixels.var_poisson + pixels.var_rnoise, variance, rtol=1e-5)
    assert not pixels.dq.any()
    assert {pixels.data.dtype, pixels.err.dtype} == {np.dtype("float32")}


def test_seeds():
    flat = np.zeros((64, 64))
    first, again, other = (observe(flat, Noise(), Defects(), seed=s) for s in (1, 1, 2))
    for name in ("data", "err", "dq"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
    assert np.nanmax(np.abs(first.data - other.data)) > 0


def test_bad_pixels_and_border():
    pixels = observe(np.zeros((512, 512)), Noise(), Defects(0.01, 0.0, 0.0, 4), seed=1)
    inside = np.zeros((512, 512), dtype=bool)
    inside[4:-4, 4:-4] = True
    assert (pixels.dq[~inside] == (NON_SCIENCE | DO_NOT_USE)).all()
    assert not (pixels.dq[inside] & NON_SCIENCE).any()
    bad = (pixels.dq & DO_NOT_USE > 0) & inside
    expected = 0.01 * inside.sum()
    assert bad.sum() == pytest.approx(expected, abs=5 * np.sqrt(expected))
    lost = np.isnan(pixels.data)
    assert (pixels.dq[lost] & DO_NOT_USE).all()
    np.testing.assert_array_equal(np.isnan(pixels.err), lost)
    assert 0.3 < lost[inside].sum() / bad.sum() < 0.7
    wild = np.abs(pixels.data[bad & ~lost])
    assert np.median(wild) > 5.0  # the sky is 0.3


def test_cosmic_rays():
    flat = np.zeros((1024, 1024))
    clean = observe(flat, Noise(), NO_DEFECTS, seed=1)
    hit = observe(flat, Noise(), Defects(0.0, 300.0, 0.1, 0), seed=1)
    excess = hit.data - clean.data
    touched = excess > 0
    flagged = hit.dq & JUMP_DET > 0
    assert (flagged & ~touched).sum() == 0
    # About 300 tracks of 4.5 pixels on average, a tenth of them without a flag.
    assert 900 < flagged.sum() < 1700
    assert 50 < (touched & ~flagged).sum() < 300
    assert np.median(excess[touched & ~flagged]) > 5 * np.median(excess[flagged])
    assert not (hit.dq & DO_NOT_USE).any()


def test_shapes_are_checked():
    image = np.zeros((4, 4), np.float32)
    with pytest.raises(ValueError, match="one shape"):
        Pixels(image, image, np.zeros((4, 5), np.uint32), image, image)
