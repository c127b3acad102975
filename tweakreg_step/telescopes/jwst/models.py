"""JWST: imaging exposures with an assigned WCS, as stdatamodels' ImageModel."""

from __future__ import annotations

import copy
import re
import warnings
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from gwcs import WCS
from stdatamodels.jwst.datamodels import ImageModel, dqflags
from tweakwcs.correctors import JWSTWCSCorrector

from tweakreg_step.core.exceptions import InputError
from tweakreg_step.core.outcome import FITS_PREFIX
from tweakreg_step.core.sources import Pixels
from tweakreg_step.parameters import MAX_SIP_DEGREE, SipParameters
from tweakreg_step.telescopes.image import View

from .psf import stellar_fwhm

if TYPE_CHECKING:
    from collections.abc import Sequence

    from astropy.table import Table

    from tweakreg_step.core.outcome import Essential, Status
    from tweakreg_step.core.sources import BoundingBox

__all__ = ["ABSOLUTE_FIT", "JWST", "delivered", "group_of", "group_of_name"]

# Exposures taken simultaneously have the same parts of the file name up to the detector.
GROUP_KEYWORDS = (
    ("program_number", "observation_number", "visit_number"),
    ("visit_group", "sequence_id", "activity_id"),
    ("exposure_number",),
)
EXPOSURE_NAME = re.compile(r"(jw\d{11}_[0-9a-z]{5})_(\d{5})_")
CORRECTED = "v2v3corr"  # the frame that a correction inserts
ABSOLUTE_FIT = "FIT-LVL3-"  # agreed upon in the JWST calibration working group
MEMORY = "tweakreg_delivered"  # name in ``meta`` of the values that an alignment has overwritten
REFERENCE_ANGLES = ("v2_ref", "v3_ref", "roll_ref")
MJD_2000 = 51544.5  # of the epoch 2000.0
EARLIEST_MJD = 40000.0  # 1968: earlier times are unset values
# Keywords of an earlier FITS approximation that a new one must not inherit.
STALE_KEYWORD = re.compile(r"(naxis|cdelt[12]|pc[12]_[12]|[ab]p?_order|[ab]p?_\d_\d)$")


def group_of(observation: dict[str, Any]) -> str | None:
    """The group of an exposure from the keywords of its observation, None if one is missing.

    Parameters
    ----------
    observation
        ``meta.observation`` as a dict.
    """
    values = [[observation.get(keyword) for keyword in part] for part in GROUP_KEYWORDS]
    if any(value in {None, ""} for part in values for value in part):
        return None
    return "jw" + "_".join("".join(str(value) for value in part) for part in values)


def group_of_name(name: str) -> str:
    """The group of an exposure from its file name, '' if that is no name of a JWST exposure.

    For files that can't be opened.
    """
    match = EXPOSURE_NAME.match(name)
    return f"{match[1]}_{int(match[2])}" if match else ""


class JWST:
    """The `Telescope` of JWST."""

    name = "JWST"

    def check(self, model: Any, file_name: str) -> None:
        """Raise `InputError` if a model can't be aligned."""
        if not isinstance(model, ImageModel):
            raise InputError(
                f"'{file_name}' is a {type(model).__name__}, but only images can be aligned. Give "
                "calibrated imaging exposures (ImageModel, usually *_cal.fits)."
            )
        mission = model.meta.telescope or "JWST"
        if mission != "JWST":
            raise InputError(
                f"'{file_name}' is of {mission}, but this step aligns images of JWST, and of one "
                "mission at a time. Remove it from the input."
            )
        wcs = getattr(model.meta, "wcs", None)
        if wcs is None:
            raise InputError(
                f"'{file_name}' has no WCS, but 'meta.wcs' is needed. Run the step 'assign_wcs' "
                "on it first, or take the *_cal.fits file of the archive."
            )
        frames = list(getattr(wcs, "available_frames", ()))
        if "v2v3" not in frames:
            raise InputError(
                f"The WCS of '{file_name}' has the frames {frames}, but a correction needs "
                "'v2v3'. Resampled images (*_i2d.fits) can't be aligned: give the exposures that "
                "they were made of."
            )
        _check_angles(model, file_name)
        _check_arrays(model, file_name)

    def pixels(self, model: Any) -> Pixels:
        """The image with DO_NOT_USE, NON_SCIENCE and NaN masked."""
        unusable = dqflags.pixel["DO_NOT_USE"] | dqflags.pixel["NON_SCIENCE"]
        data = np.asarray(model.data)
        mask = ~np.isfinite(data)
        saturated = None
        if model.dq is not None:
            dq = np.asarray(model.dq)
            mask |= (dq & unusable) != 0
            saturated = (dq & dqflags.pixel["SATURATED"]) != 0
        error = np.full(data.shape, np.nan) if model.err is None else np.asarray(model.err)
        return Pixels(data=data, error=error, mask=mask, saturated=saturated)

    def fwhm(self, model: Any) -> float | None:
        """FWHM of stars in a model [pixels], None where it is not known."""
        instrument = model.meta.instrument
        names = (instrument.name, instrument.channel, instrument.filter, instrument.pupil)
        return stellar_fwhm(*(str(name or "") for name in names))

    def bounding_box(self, model: Any) -> BoundingBox:
        """Limits of the image in pixels, ((xmin, xmax), (ymin, ymax))."""
        box = model.meta.wcs.bounding_box
        if box is None:
            ny, nx = model.data.shape
            return ((-0.5, nx - 0.5), (-0.5, ny - 0.5))
        (xmin, xmax), (ymin, ymax) = (tuple(float(v) for v in limits) for limits in box)
        return ((xmin, xmax), (ymin, ymax))

    def exposure_time(self, model: Any) -> float | None:
        """``meta.exposure.effective_exposure_time``, else ``exposure_time`` [s]."""
        exposure = model.meta.exposure
        seconds = exposure.effective_exposure_time or exposure.exposure_time
        return None if seconds is None else float(seconds)

    def is_corrected(self, model: Any) -> bool:
        """Whether the WCS of a model has a correction of an earlier alignment."""
        return CORRECTED in model.meta.wcs.available_frames

    def view(self, model: Any, *, reset: bool = False) -> View:
        """The view of a model, with its WCS; with `reset`, the WCS as delivered."""
        wcs = delivered(model.meta.wcs) if reset else model.meta.wcs
        if wcs.bounding_box is None:  # tweakwcs and footprints need one
            wcs = copy.deepcopy(wcs)  # that of the model is not changed before it is aligned
            wcs.bounding_box = self.bounding_box(model)
        instrument = model.meta.instrument
        return View(
            wcs=wcs,
            angles={angle: getattr(model.meta.wcsinfo, angle) for angle in REFERENCE_ANGLES},
            detector=f"{instrument.detector} {instrument.filter}" if instrument.detector else None,
            epoch=epoch_of(model),
            corrected=self.is_corrected(model),
        )

    def corrector(self, view: View, catalog: Table, name: str, group: str) -> Any:
        """The tweakwcs corrector of an exposure."""
        meta = {
            "catalog": catalog,
            "name": name,
            "group_id": group,
            "detector": view.detector,
            "epoch": view.epoch,
        }
        try:
            return JWSTWCSCorrector(view.wcs, view.angles, meta=meta)
        except ValueError as error:
            raise InputError(
                f"The WCS of '{name}' can't be corrected: {error} It must have the frames of a "
                "JWST image and, if it was aligned before, a correction made by tweakwcs. Run "
                "'assign_wcs' on it again."
            ) from error

    def update_wcs(self, model: Any, wcs: Any, sip: SipParameters) -> str:
        """Put a corrected WCS into a model, with its footprint and its FITS approximation.

        Returns
        -------
        str
            Problem with the approximation, '' if there was none. The WCS itself is written in any
            case.
        """
        _remember(model)
        _put(model, wcs)
        region = _region(wcs, self.bounding_box(model))
        if region:
            model.meta.wcsinfo.s_region = region
        if not sip.sip_approx:
            return ""
        try:
            _update_header(model, sip)
        except (TypeError, ValueError, RuntimeError) as error:
            return str(error)
        return ""

    def record(self, model: Any, status: Status) -> None:
        """Write ``meta.cal_step.tweakreg``."""
        model.meta.cal_step.tweakreg = status.value

    def restore(self, model: Any) -> bool:
        """Restore a model's WCS as delivered, with the footprint and keywords made from it.

        Returns
        -------
        bool
            Whether it had a correction.
        """
        if not self.is_corrected(model):
            return False
        wcs, memory = delivered(model.meta.wcs), model.meta.instance.pop(MEMORY, None)
        if memory is None:  # aligned by other software: footprint and keywords are computed again
            wcs.name = "" if str(wcs.name).startswith(ABSOLUTE_FIT) else wcs.name
            self.update_wcs(model, wcs, SipParameters())
            model.meta.instance.pop(MEMORY, None)
        else:
            wcs.name = memory["name"]
            _put(model, wcs)
            info = model.meta.wcsinfo.instance
            info.clear()
            info.update(memory["wcsinfo"])
        model.meta.cal_step.tweakreg = None
        self.annotate(model, ())
        model.meta.instance.pop("tweakreg_report", None)
        return True

    def annotate(self, model: Any, essentials: Sequence[Essential]) -> None:
        """Write the essential results into ``meta.tweakreg_report`` and the primary FITS header.

        The JWST schemas have no entries for them. stdatamodels keeps header cards that its schemas
        do not know in ``extra_fits``, which, unlike a schema extension, needs none of our code when
        the file is opened. Those of an earlier run are replaced, or removed if there are none now.
        """
        model.meta.tweakreg_report = {fact.name: fact.value for fact in essentials}
        cards = [card for card in _extra_cards(model) if not card[0].startswith(FITS_PREFIX)]
        cards += [[fact.keyword, fact.value, fact.comment] for fact in essentials]
        model.extra_fits.PRIMARY.header = cards


def delivered(wcs: Any) -> Any:
    """A WCS without the correction of an alignment; the same object where it has none."""
    frames = list(wcs.available_frames)
    if CORRECTED not in frames:
        return wcs
    place = frames.index(CORRECTED)
    steps = [(step.frame, step.transform) for step in wcs.pipeline]
    # the correction is the transform from the frame before; the one that follows is kept
    steps[place - 1 : place + 1] = [(steps[place - 1][0], steps[place][1])]
    result = WCS(copy.deepcopy(steps), name=wcs.name)
    result.bounding_box = wcs.bounding_box
    return result


def _put(model: Any, wcs: Any) -> None:
    """Put a WCS into a model.

    An assignment to ``meta.wcs`` would convert the whole WCS to ASDF, to check against the schema
    that it is one, and saving does so again: as much time as opening the file.
    """
    model.meta.instance["wcs"] = wcs


def _remember(model: Any) -> None:
    """Save the values that an alignment will overwrite, so that it can be undone exactly.

    Values saved by an earlier alignment are replaced where 'assign_wcs' was run since.
    """
    if CORRECTED not in model.meta.wcs.available_frames:
        words = dict(model.meta.wcsinfo.instance)
        model.meta.instance[MEMORY] = {"name": model.meta.wcs.name, "wcsinfo": words}


def _extra_cards(model: Any) -> list[Any]:
    """The cards of the primary header that the schemas do not know; created if there are none.

    Models of files that never were FITS have no ``extra_fits``.
    """
    if not hasattr(model, "extra_fits"):
        model.extra_fits = {}
    if not hasattr(model.extra_fits, "PRIMARY"):
        model.extra_fits.PRIMARY = {}
    return [list(card) for card in getattr(model.extra_fits.PRIMARY, "header", [])]


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
    return None if date is None else 2000.0 + (float(date) - MJD_2000) / 365.25


def _is_date(mjd: Any) -> bool:
    return mjd is not None and bool(np.isfinite(mjd)) and mjd > EARLIEST_MJD


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


def _check_angles(model: Any, file_name: str) -> None:
    missing = [a for a in REFERENCE_ANGLES if getattr(model.meta.wcsinfo, a, None) is None]
    if missing:
        raise InputError(
            f"'{file_name}' lacks {', '.join(missing)} in 'meta.wcsinfo', but a correction needs "
            f"{', '.join(REFERENCE_ANGLES)}. Run the step 'assign_wcs' on it again."
        )


def _check_arrays(model: Any, file_name: str) -> None:
    """Raise `InputError` unless an image has data, and err and dq, if any, of the same shape."""
    shapes = {n: np.shape(a) for n in ("data", "err", "dq") if (a := getattr(model, n)) is not None}
    data = shapes.get("data", ())
    if len(data) != 2 or set(shapes.values()) != {data}:
        raise InputError(
            f"'{file_name}' has arrays of the shapes {shapes}, but 'data' is needed, of two "
            "dimensions, and 'err' and 'dq' of the same shape if there are any. Make the file "
            "again."
        )


def _region(wcs: Any, bounding_box: BoundingBox) -> str:
    """The corners of an image as an STC-S polygon [deg ICRS], '' where they are not finite."""
    corners = wcs.footprint(bounding_box, center=False, axis_type="spatial")
    if not np.isfinite(corners).all():
        return ""
    corners = np.column_stack([corners[:, 0] % 360.0, corners[:, 1]])
    return "POLYGON ICRS  " + " ".join(f"{angle:.9f}" for angle in corners.ravel())


def _update_header(model: Any, sip: SipParameters) -> None:
    """Replace the FITS keywords of ``meta.wcsinfo`` by a SIP approximation of ``meta.wcs``."""
    degrees = range(1, MAX_SIP_DEGREE)
    info = model.meta.wcsinfo.instance
    crpix = [info.get("crpix1"), info.get("crpix2")]
    with warnings.catch_warnings():
        # gwcs solves in quadruple precision, which SciPy 1.18 takes but deprecates
        warnings.filterwarnings("ignore", "Calling _?lu_", DeprecationWarning)
        header = model.meta.wcs.to_fits_sip(
            bounding_box=JWST().bounding_box(model),
            max_pix_error=sip.sip_max_pix_error,
            degree=sip.sip_degree or degrees,
            max_inv_pix_error=sip.sip_max_inv_pix_error,
            inv_degree=sip.sip_inv_degree or degrees,
            npoints=sip.sip_npoints,
            crpix=None if None in crpix else crpix,
        )
    for keyword in [k for k in info if STALE_KEYWORD.match(k)]:
        del info[keyword]
    info.update({k.lower(): v for k, v in header.items() if not k.startswith("NAXIS")})
