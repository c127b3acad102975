"""The brightest pixel of a source above its background."""

from __future__ import annotations

import numpy as np

from tweakreg_step.core.sources import Pixels, Sources
from tweakreg_step.sources.peak_pixels import AT_ONCE, with_peaks


def image(background: float = 5.0) -> Pixels:
    data = np.full((60, 80), background)
    data[20, 30], data[20, 31] = 105.0, 55.0
    return Pixels(data, np.ones_like(data), np.zeros(data.shape, bool))


def peak(pixels: Pixels, x: float, y: float) -> float:
    found = with_peaks(Sources.at(np.array([x]), np.array([y])), pixels).peak
    assert found is not None
    return float(found[0])


def test_the_peak_is_above_the_background() -> None:
    assert peak(image(), 30.2, 19.7) == 100.0
    assert peak(image(), 31.4, 20.4) == 100.0  # the 3 x 3 pixels around (31, 20)
    assert peak(image(), 32.4, 20.4) == 50.0
    assert peak(image(), 70.0, 50.0) == 0.0


def test_masked_pixels_do_not_count() -> None:
    pixels = image()
    pixels.mask[20, 30] = True
    assert peak(pixels, 30.0, 20.0) == 50.0
    pixels.mask[18:23, 28:33] = True
    assert np.isnan(peak(pixels, 30.0, 20.0))


def test_neighbours_do_not_move_the_background() -> None:
    pixels = image()
    pixels.data[10, 25:36] = 1e4  # a part of the ring
    assert peak(pixels, 30.0, 20.0) == 100.0


def test_at_the_edge_and_off_the_image() -> None:
    assert peak(image(), 0.0, 0.0) == 0.0
    assert np.isnan(peak(image(), -50.0, 10.0))


def test_the_median_of_an_even_number_of_pixels() -> None:
    pixels = image(0.0)
    pixels.data[:, 30:] = 2.0  # half of the ring is at 0 and half at 2, but for one column
    data = pixels.data
    ring = [data[y, x] for y in range(30, 51) for x in range(20, 41)
            if max(abs(y - 40), abs(x - 30)) == 10]  # fmt: skip
    assert peak(pixels, 30.0, 40.0) == 2.0 - np.median(ring)


def test_many_sources_and_none() -> None:
    number = AT_ONCE + 3
    many = with_peaks(Sources.at(np.full(number, 30.0), np.full(number, 20.0)), image()).peak
    assert many is not None
    assert (many == 100.0).all()
    assert len(many) == number
    none = with_peaks(Sources.at(np.empty(0), np.empty(0)), image()).peak
    assert none is not None
    assert len(none) == 0


def test_peaks_of_a_catalog_are_kept() -> None:
    given = Sources.at(np.array([30.0]), np.array([20.0]), peak=np.array([7.0]))
    assert with_peaks(given, image()) is given
