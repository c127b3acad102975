"""The truth of simulated HST exposures, and how far a WCS is from it."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS, FITSFixedWarning

from tweakreg_step.simulate.directions import direction, separation_mas
from tweakreg_step.simulate.truth import pixel_grid

if TYPE_CHECKING:
    from pathlib import Path

    from tweakreg_step.core.arrays import FloatArray

__all__ = ["ExposureTruth", "HstTruth", "errors_mas"]


@dataclass(frozen=True, slots=True)
class ExposureTruth:
    """What is true of an exposure.

    Attributes
    ----------
    path
        The file as delivered.
    headers
        The true header of each chip.
    hits
        Charge of cosmic rays (ny, nx) on each chip [electrons].
    """

    path: Path
    headers: tuple[fits.Header, ...]
    hits: tuple[FloatArray, ...]


@dataclass(frozen=True, slots=True)
class HstTruth:
    """A simulated visit.

    Attributes
    ----------
    folder
        Where the files are.
    catalog
        The reference catalog.
    exposures
        The exposures.
    """

    folder: Path
    catalog: Path
    exposures: tuple[ExposureTruth, ...]

    @property
    def files(self) -> tuple[Path, ...]:
        """Paths of the exposures."""
        return tuple(exposure.path for exposure in self.exposures)


def errors_mas(path: str | Path, truth: ExposureTruth) -> list[float]:
    """The rms distance [mas] of each chip's WCS in a file from the true one, over the chip."""
    with warnings.catch_warnings(), fits.open(path) as hdus:
        warnings.simplefilter("ignore", FITSFixedWarning)
        chips = [hdu for hdu in hdus if hdu.name == "SCI"]
        return [
            _distance(WCS(chip.header, hdus), WCS(header, hdus), chip.shape)
            for chip, header in zip(chips, truth.headers, strict=True)
        ]


def _distance(found: WCS, true: WCS, shape: tuple[int, int]) -> float:
    pixels = pixel_grid(shape)
    first, second = (direction(*wcs.all_pix2world(*pixels, 0)) for wcs in (found, true))
    return float(np.sqrt(np.mean(separation_mas(first, second) ** 2)))
