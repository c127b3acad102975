"""The effective PSF against truth, and when it is not used."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tweakreg_step.core.sources import Pixels
from tweakreg_step.parameters.source_stages import (
    FinderParameters,
    SegmentationParameters,
)
from tweakreg_step.simulate import Noise, Psf, observe, star_image
from tweakreg_step.sources.cutouts import Plane
from tweakreg_step.sources.detect import find_sources
from tweakreg_step.sources.epsf.effective_psf import StarSet, refined_with_epsf, star_stamps

SHAPE = (400, 400)
PLANE = Plane(np.zeros(SHAPE), np.ones(SHAPE), np.ones(SHAPE, bool), np.zeros(SHAPE, bool), 1.0)


def exposure(fwhm: float, seed: int, side: int = 12) -> tuple[StarSet, np.ndarray]:
    """Moffat stars of S/N 100 or so, as found, and where they are (2, n)."""
    rng, line = np.random.default_rng(seed), np.linspace(20.0, 380.0, side)
    at = np.stack([a.ravel() for a in np.meshgrid(line, line)])
    at = at + rng.uniform(-3.0, 3.0, at.shape)
    stars = star_image(*at, np.full(at.shape[1], 60.0), SHAPE, Psf(fwhm, 3.0))
    seen = observe(stars, Noise(), seed=seed)
    image = Pixels(seen.data, seen.err, np.zeros(SHAPE, bool))
    found = find_sources(image, "sep", FinderParameters(), SegmentationParameters(), fwhm)
    stamps = star_stamps(found.plane, found.sources, found.fwhm)
    return StarSet(found.sources, stamps, found.fwhm), at


def test_undersampled_stars_are_at_least_a_third_better() -> None:
    sets, truths = zip(*[exposure(1.0, seed) for seed in (1, 2)], strict=True)
    refined, reason = refined_with_epsf(sets)
    assert refined is not None
    assert "effective PSF of " in reason
    rms, pulls = [], []
    for catalogs in ([s.sources for s in sets], refined):
        both = []
        for found, at in zip(catalogs, truths, strict=True):
            off = np.stack([found.x, found.y])[:, :, None] - at[:, None, :]
            star = np.argmin(np.hypot(*off), axis=1)
            error = off[:, np.arange(len(found)), star][:, found.flags == 0]
            both.append(error)
            pulls.append(error / np.stack([found.x_err, found.y_err])[:, found.flags == 0])
        rms.append(np.sqrt(np.mean(np.concatenate(both, axis=1) ** 2)))
    assert rms[1] < 0.67 * rms[0]
    assert 0.7 < np.sqrt(np.mean(np.concatenate(pulls[2:], axis=1) ** 2)) < 1.2
    for before, after in zip(sets, refined, strict=True):
        assert len(before.sources) == len(after)
        assert after.flux.tolist() == before.sources.flux.tolist()


@pytest.mark.parametrize(
    ("fwhm", "side", "reason"), [(1.2, 4, "there are 16"), (2.5, 12, "gains nothing")]
)
def test_too_few_or_wide_stars_keep_their_windowed_positions(
    fwhm: float, side: int, reason: str
) -> None:
    refined, sentence = refined_with_epsf([exposure(fwhm, 3, side)[0]])
    assert refined is None
    assert reason in sentence


def test_images_without_sources_are_no_trouble() -> None:
    stars, _ = exposure(1.0, 4)
    empty = StarSet(stars.sources[:0], stars.stamps[:0], stars.fwhm)
    refined, _ = refined_with_epsf([stars, empty])
    assert refined is not None
    assert [len(sources) for sources in refined] == [len(stars.sources), 0]


def test_an_image_whose_stars_are_too_wide_keeps_its_positions() -> None:
    stars, _ = exposure(1.0, 4)
    wide = replace(stars, stamps=star_stamps(PLANE, stars.sources, 2.5), fwhm=2.5)
    refined, _ = refined_with_epsf([stars, wide, stars])
    assert refined is not None
    assert refined[1] is wide.sources
    assert refined[0].x.tolist() == refined[2].x.tolist()
    assert refined[0].x.tolist() != stars.sources.x.tolist()


def test_an_image_without_sources_stays_as_it_is() -> None:
    stars, _ = exposure(1.0, 1)
    none = StarSet(stars.sources[:0], stars.stamps[np.arange(0)], stars.fwhm)
    refined, reason = refined_with_epsf([none])
    assert refined is None
    assert "there are 0 in 1 images" in reason
