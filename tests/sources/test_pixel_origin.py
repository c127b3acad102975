"""Given positions against the light in the pixels."""

from __future__ import annotations

import numpy as np
import pytest

from tweakreg_step.core.sources import Pixels, Sources
from tweakreg_step.sources import Origin, pixel_origin

SIZE = 200
RNG = np.random.default_rng(21)


def image(x: np.ndarray, y: np.ndarray, sigma: float = 1.0, flux: float = 300.0) -> Pixels:
    """Stars on a noisy sky of 5."""
    rows, columns = np.indices((SIZE, SIZE))
    data = RNG.normal(5.0, 1.0, (SIZE, SIZE))
    for px, py in zip(x, y, strict=True):
        apart = (columns - px) ** 2 + (rows - py) ** 2
        data += flux / (2 * np.pi * sigma**2) * np.exp(-0.5 * apart / sigma**2)
    return Pixels(data, np.ones_like(data), np.zeros(data.shape, bool))


def stars(count: int = 40) -> tuple[np.ndarray, np.ndarray]:
    return tuple(RNG.uniform(8.0, SIZE - 8.0, (2, count)))


@pytest.mark.parametrize("sigma", [0.5, 1.0, 2.5])
@pytest.mark.parametrize(
    ("shift", "origin"),
    [(0.0, Origin.RIGHT), (1.0, Origin.FROM_ONE), (-1.0, Origin.FROM_ZERO)],
)
def test_a_common_pixel_is_seen(shift: float, origin: Origin, sigma: float) -> None:
    x, y = stars()
    found = pixel_origin(Sources.at(x + shift, y + shift), image(x, y, sigma, 1000.0))
    assert (found.origin, found.clear) == (origin, True)
    assert found.agreeing > 0.7 * found.looked_at
    assert origin.shift == -shift


def test_errors_of_the_positions_do_not_matter() -> None:
    x, y = stars()
    noise = RNG.normal(0.0, 0.1, (2, len(x)))
    found = pixel_origin(Sources.at(x + 1.0 + noise[0], y + 1.0 + noise[1]), image(x, y))
    assert (found.origin, found.clear) == (Origin.FROM_ONE, True)


@pytest.mark.parametrize("kind", ["no light", "other places", "half a pixel", "no sources"])
def test_what_can_not_be_told(kind: str) -> None:
    x, y = stars(60)
    pixels = image(x[:0], y[:0]) if kind == "no light" else image(x, y)
    if kind == "other places":
        x, y = stars(60)
    elif kind == "half a pixel":
        x, y = x + 0.5, y + 0.5
    elif kind == "no sources":
        x, y = x[:0], y[:0]
    assert pixel_origin(Sources.at(x, y), pixels).origin is Origin.UNKNOWN


def test_few_sources_are_not_clear() -> None:
    x, y = stars(5)
    found = pixel_origin(Sources.at(x + 1.0, y + 1.0), image(x, y))
    assert (found.origin, found.clear) == (Origin.FROM_ONE, False)
    assert pixel_origin(Sources.at(x[:2] + 1.0, y[:2]), image(x, y)).origin is Origin.UNKNOWN


def test_two_lists_in_one_are_not_clear() -> None:
    x, y = stars(60)
    shift = np.where(np.arange(60) < 40, 1.0, 0.0)
    found = pixel_origin(Sources.at(x + shift, y + shift), image(x, y))
    assert (found.origin, found.clear) == (Origin.FROM_ONE, False)


def test_the_brightest_are_looked_at_and_bad_pixels_are_not() -> None:
    x, y = stars(30)
    pixels = image(x, y, flux=2000.0)
    many = RNG.uniform(8.0, SIZE - 8.0, (2, 2000))
    flux = np.concatenate([np.full(30, 100.0), np.full(2000, 1.0)])
    both = np.concatenate([[x + 1.0, y + 1.0], many], axis=1)
    found = pixel_origin(Sources.at(*both, flux=flux), pixels)
    assert found.origin is Origin.FROM_ONE
    assert found.looked_at < 200
    masked = Pixels(
        np.full_like(pixels.data, np.nan), pixels.error, np.ones(pixels.data.shape, bool)
    )
    assert pixel_origin(Sources.at(x, y), masked).looked_at == 0


def test_positions_far_away_are_harmless() -> None:
    x, y = stars()
    far = np.array([1e300, -1e300, np.nan, np.inf, 1e9])
    found = pixel_origin(
        Sources.at(np.concatenate([x, far]), np.concatenate([y, far])), image(x, y)
    )
    assert found.origin is Origin.RIGHT
