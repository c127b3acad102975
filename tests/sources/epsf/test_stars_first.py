"""Stars among cosmic rays that are more and brighter."""

from __future__ import annotations

import numpy as np

from tweakreg_step.core.sources import Pixels, Sources
from tweakreg_step.parameters.source_stages import FinderParameters, SegmentationParameters
from tweakreg_step.simulate import Psf, star_image
from tweakreg_step.simulate.hst import Hits, cosmic_rays
from tweakreg_step.sources import stars_first
from tweakreg_step.sources.detect import Finding, find_sources

SHAPE, FWHM, NUMBER = (320, 320), 1.25, 100


def field(hits: float) -> tuple[Finding, np.ndarray]:
    """Sources of an image with a number of hits per million pixels, and where its stars are."""
    rng = np.random.default_rng(3)
    at = rng.uniform(10.0, 310.0, (2, 60))
    flux = np.exp(rng.uniform(np.log(2000.0), np.log(50000.0), 60))
    light = star_image(*at, flux, SHAPE, Psf(FWHM, 3.5)) + cosmic_rays(SHAPE, Hits(hits), rng)
    error = np.sqrt(light + 56.0)
    image = Pixels(light + error * rng.standard_normal(SHAPE), error, np.zeros(SHAPE, bool))
    finder = FinderParameters(brightest=1000)
    return find_sources(image, "sep", finder, SegmentationParameters(), FWHM), at


def stars_in(sources: Sources, at: np.ndarray) -> np.ndarray:
    """Mask of the sources that are stars."""
    apart = np.hypot(sources.x[:, None] - at[0], sources.y[:, None] - at[1])
    return apart.min(axis=1) < 0.5


def test_stars_are_kept_and_most_others_are_not() -> None:
    found, at = field(11000.0)
    kept = stars_first(found.plane, found.sources, found.fwhm, NUMBER)
    usable = [some[some.flags & 8 == 0] for some in (found.sources, kept)]
    stars = [stars_in(some, at).sum() for some in usable]
    others = [len(some) - one for some, one in zip(usable, stars, strict=True)]
    assert stars[0] > 45
    assert stars[1] >= stars[0] - 4
    assert others[0] > 300
    assert others[1] < 0.25 * others[0]


def test_with_few_sources_or_few_stars_all_are_kept() -> None:
    found, _ = field(100.0)
    assert stars_first(found.plane, found.sources, found.fwhm, NUMBER) is found.sources
    few = found.sources[np.arange(20)]
    assert stars_first(found.plane, few, found.fwhm, 10) is few
