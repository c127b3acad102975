"""The image of a JWST model: pixels, epoch, WCS and pointing angles."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from stdatamodels.jwst.datamodels import dqflags

from tweakreg_step.core.data_quality import has_bits, has_other_bits
from tweakreg_step.core.sources import Pixels
from tweakreg_step.telescopes.gwcs_image import REFERENCE_ANGLES, GwcsImage
from tweakreg_step.telescopes.image import View
from tweakreg_step.telescopes.wcs import is_corrected, is_tan

from .psf import stellar_fwhm

__all__ = ["JwstImage", "epoch_of"]

MJD_2000 = 51544.5  # of the epoch 2000.0
EARLIEST_MJD = 40000.0  # 1968: earlier times are unset values
LATEST_MJD = 106000.0  # 2149: stars would be moved off the sky


@dataclass(frozen=True, slots=True)
class JwstImage(GwcsImage):
    """The `OpenImage` of a JWST model, which holds one alone."""

    table = None

    @property
    def fwhm(self) -> float | None:
        """FWHM of stars [pixels], None where it is not known."""
        instrument = self.model.meta.instrument
        names = (instrument.name, instrument.channel, instrument.filter, instrument.pupil)
        return stellar_fwhm(*(str(name or "") for name in names))

    @property
    def full_of_hits(self) -> bool:
        """No: the fit of the ramps takes cosmic rays out."""
        return False

    @property
    def exposure_time(self) -> float | None:
        """``meta.exposure.effective_exposure_time``, else ``exposure_time`` [s]."""
        exposure = self.model.meta.exposure
        seconds = exposure.effective_exposure_time or exposure.exposure_time
        return None if seconds is None else float(seconds)

    @property
    def catalog(self) -> str:
        """``meta.tweakreg_catalog``, '' for none."""
        return (getattr(self.model.meta, "tweakreg_catalog", None) or "").strip()

    def cleaned_pixels(self, usable: int | None = None) -> None:
        """There are no such files."""

    def pixels(self, usable: int | None = None) -> Pixels:
        """The image with DO_NOT_USE, NON_SCIENCE and NaN masked."""
        model = self.model
        unusable = dqflags.pixel["DO_NOT_USE"] | dqflags.pixel["NON_SCIENCE"]
        data = np.asarray(model.data)
        mask = ~np.isfinite(data)
        saturated = None
        if model.dq is not None:
            dq = np.asarray(model.dq)
            mask |= has_bits(dq, unusable) if usable is None else has_other_bits(dq, usable)
            saturated = has_bits(dq, dqflags.pixel["SATURATED"])
        error = np.full(data.shape, np.nan) if model.err is None else np.asarray(model.err)
        return Pixels(data=data, error=error, mask=mask, saturated=saturated)

    def view(self, *, reset: bool = False) -> View:
        """The view of the image, with its WCS; with `reset`, the WCS as delivered."""
        meta = self.model.meta
        instrument = meta.instrument
        return View(
            wcs=self.boxed_wcs(reset=reset),
            angles={}
            if is_tan(meta.wcs)
            else {angle: getattr(meta.wcsinfo, angle) for angle in REFERENCE_ANGLES},
            detector=f"{instrument.detector} {instrument.filter}" if instrument.detector else None,
            epoch=epoch_of(self.model),
            corrected=is_corrected(meta.wcs),
            band=str(instrument.filter or ""),
            guide_star=str(meta.guidestar.gs_id or ""),
            members=_members(self.model),
            applied=str(dict(meta.instance.get("tweakreg_report") or {}).get("solution") or ""),
        )


def _members(model: Any) -> tuple[str, ...]:
    """File names of the exposures that a mosaic was made of, from its table of their headers."""
    table: Any = getattr(model, "hdrtab", None)
    names = getattr(getattr(table, "dtype", None), "names", None) or ()
    column = next((name for name in names if name.upper() == "FILENAME"), None)
    if column is None:
        return ()
    texts = (t.decode() if isinstance(t, bytes) else str(t) for t in table[column])
    return tuple(text.strip() for text in texts if text.strip())


def epoch_of(model: Any) -> float | None:
    """The middle of an exposure [Julian year]; None if it is not in the metadata.

    The difference of time scales, about a minute, does not matter: the fastest star moves by
    0.02 mas in it.
    """
    times = model.meta.exposure
    ends = [time for time in (times.start_time, times.end_time) if _is_date(time)]
    date = times.mid_time if _is_date(times.mid_time) else float(np.mean(ends)) if ends else None
    if date is None:
        date = _observation_date(model)
    if date is None or not _is_date(date):
        return None
    return 2000.0 + (float(date) - MJD_2000) / 365.25


def _is_date(mjd: Any) -> bool:
    """Whether a time can be that of an exposure; one that is no number raises `TypeError`."""
    return mjd is not None and bool(np.isfinite(mjd)) and EARLIEST_MJD < mjd < LATEST_MJD


def _observation_date(model: Any) -> float | None:
    """The start of the observation [MJD] from its date and time, noon if it has no time."""
    day, clock = model.meta.observation.date, model.meta.observation.time
    if not day:
        return None
    try:
        start = datetime.fromisoformat(f"{day}T{clock}" if clock else f"{day}T12:00:00")
    except ValueError:
        return None
    since_2000 = start.replace(tzinfo=UTC) - datetime(2000, 1, 1, 12, tzinfo=UTC)
    return MJD_2000 + since_2000.total_seconds() / 86400.0
