"""The image of a Roman model: pixels, epoch, WCS and pointing angles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from astropy.table import Table

from tweakreg_step.core.data_quality import has_bits, has_other_bits
from tweakreg_step.core.sources import Pixels
from tweakreg_step.telescopes.gwcs_image import REFERENCE_ANGLES, GwcsImage
from tweakreg_step.telescopes.image import View
from tweakreg_step.telescopes.wcs import CORRECTED

from .psf import stellar_fwhm
from .update import REPORT

__all__ = ["RomanImage", "epoch_of", "known", "word"]


# Bits of the array ``dq``, see `roman_datamodels.dqflags`
DO_NOT_USE, SATURATED, NON_SCIENCE = 1, 2, 512

UNSET = -999999
"""What a number that is not known is set to in Roman's metadata; words are set to '?'."""

UNSET_TIME = "2020-01-01T00:00:00.000"
"""What a time that is not known is set to."""


@dataclass(frozen=True, slots=True)
class RomanImage(GwcsImage):
    """The `OpenImage` of a Roman model, which holds one alone."""

    @property
    def fwhm(self) -> float | None:
        """FWHM of stars [pixels], None where it is not known."""
        return stellar_fwhm(word(self.model, "instrument", "optical_element"))

    @property
    def full_of_hits(self) -> bool:
        """No: the fit of the ramps takes cosmic rays out."""
        return False

    @property
    def exposure_time(self) -> float | None:
        """``meta.exposure.effective_exposure_time``, else ``exposure_time`` [s]."""
        exposure = self.model.meta.exposure
        times = (exposure.get(name) for name in ("effective_exposure_time", "exposure_time"))
        return next((float(time) for time in times if known(time) and time > 0), None)

    @property
    def catalog(self) -> str:
        """The name of a catalog in the metadata, '' for none.

        ``meta.tweakreg_catalog`` where an association has put it, else
        ``meta.source_catalog.tweakreg_catalog_name``, which the step 'source_catalog' writes.
        """
        named = self.model.meta.get("tweakreg_catalog")
        if isinstance(named, str) and named.strip():
            return named.strip()
        return word(self.model, "source_catalog", "tweakreg_catalog_name")

    @property
    def table(self) -> Table | None:
        """The catalog in memory that the step 'source_catalog' has put into the metadata."""
        section = self.model.meta.get("source_catalog") or {}
        for held in (self.model.meta.get("tweakreg_catalog"), section.get("tweakreg_catalog")):
            if held is not None and not isinstance(held, str):
                return Table(held)
        return None

    def cleaned_pixels(self, usable: int | None = None) -> None:
        """There are no such files."""

    def pixels(self, usable: int | None = None) -> Pixels:
        """The image with DO_NOT_USE, NON_SCIENCE and values that are not finite masked."""
        model = self.model
        data = np.asarray(model.data, dtype=np.float32)
        mask = ~np.isfinite(data)
        error, saturated = np.full(data.shape, np.nan, np.float32), None
        if model.get("dq") is not None:
            dq = np.asarray(model.dq)
            unusable = DO_NOT_USE | NON_SCIENCE
            mask |= has_bits(dq, unusable) if usable is None else has_other_bits(dq, usable)
            saturated = has_bits(dq, SATURATED)
        if model.get("err") is not None:
            # half precision: above 65504 it is infinite, where the error is not known
            error = np.array(model.err, dtype=np.float32)
            error[~np.isfinite(error)] = np.nan
        return Pixels(data=data, error=error, mask=mask, saturated=saturated)

    def view(self, *, reset: bool = False) -> View:
        """The view of the image, with its WCS; with `reset`, the WCS as delivered."""
        meta = self.model.meta
        names = [word(self.model, "instrument", name) for name in ("detector", "optical_element")]
        return View(
            wcs=self.boxed_wcs(reset=reset),
            angles={angle: float(meta.wcsinfo[angle]) for angle in REFERENCE_ANGLES},
            detector=" ".join(filter(None, names)) if names[0] else None,
            epoch=epoch_of(self.model),
            corrected=CORRECTED in meta.wcs.available_frames,
            band=names[1] or "",
            applied=str((meta.get(REPORT) or {}).get("solution") or ""),
        )


def known(value: Any) -> bool:
    """Whether a value of the metadata was set."""
    if isinstance(value, str):
        return value.strip() not in {"", "?"}
    try:
        return value is not None and bool(np.isfinite(value)) and value != UNSET
    except TypeError:
        return False


def word(model: Any, section: str, name: str) -> str:
    """A word in a section of the metadata, '' where it was not set."""
    value = (model.meta.get(section) or {}).get(name)
    return str(value).strip() if value is not None and known(str(value)) else ""


def epoch_of(model: Any) -> float | None:
    """The middle of an exposure [Julian year], None where its times were not set."""
    exposure = model.meta.exposure
    times = (exposure.get(name) for name in ("start_time", "end_time"))
    years = [float(t.jyear) for t in times if hasattr(t, "jyear") and t.isot != UNSET_TIME]
    return float(np.mean(years)) if years and np.isfinite(years).all() else None
