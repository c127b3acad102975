"""One image of Roman as its exposure pipeline leaves it, before the alignment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.time import Time

from tweakreg_step.simulate.optics import pointing_at

if TYPE_CHECKING:
    from gwcs import WCS

    from tweakreg_step.simulate.exposure import Settings
    from tweakreg_step.simulate.optics import Detector, Pointing
    from tweakreg_step.simulate.render import Pixels

__all__ = ["RomanIdentity", "roman_model"]

STEPS = (
    *("assign_wcs", "dark", "dark_decay", "dq_init", "flat_field", "linearity", "photom"),
    *("ramp_fit", "refpix", "saturation", "source_catalog", "wfi18_transient"),
)
LATER_STEPS = ("flux", "outlier_detection", "skymatch", "tweakreg")


@dataclass(frozen=True, slots=True)
class RomanIdentity:
    """The numbers that name an exposure of Roman; all its detectors share them.

    Parameters
    ----------
    program, plan, pass_, segment, observation, visit, exposure : int
        As in a file name, rPPPPPCCAAASSSOOOVVV_EEEE.
    element : str
        Optical element.
    """

    program: int = 1
    plan: int = 1
    pass_: int = 1
    segment: int = 1
    observation: int = 1
    visit: int = 1
    exposure: int = 1
    element: str = "F158"

    @property
    def visit_id(self) -> str:
        """Programme, plan, pass, segment, observation, visit."""
        return (
            f"{self.program:05d}{self.plan:02d}{self.pass_:03d}{self.segment:03d}"
            f"{self.observation:03d}{self.visit:03d}"
        )

    @property
    def group_id(self) -> str:
        """The identifier of the exposure, which the mission groups by."""
        return f"{self.visit_id}{self.exposure:04d}"

    def file_name(self, detector: str) -> str:
        """Name of the cal file of one detector."""
        ending = f"{detector.lower()}_{self.element.lower()}_cal.asdf"
        return f"r{self.visit_id}_{self.exposure:04d}_{ending}"


def roman_model(
    pixels: Pixels,
    wcs: WCS,
    detector: Detector,
    pointing: Pointing,
    identity: RomanIdentity,
    settings: Settings,
) -> Any:
    """Put pixels and a WCS into the model that Roman's alignment reads.

    Parameters
    ----------
    pixels : Pixels
        Arrays in DN/s, rendered through the *true* WCS.
    wcs : gwcs.WCS
        The WCS that the file *claims*, with its pointing error.
    detector : Detector
        Name, reference point and orientation as the file claims them.
    pointing : Pointing
        The attitude as the file claims it, at any field point.
    identity : RomanIdentity
        Of the exposure.
    settings : Settings
        Times, velocity aberration.

    Returns
    -------
    roman_datamodels.datamodels.ImageModel
        Not yet written.
    """
    from roman_datamodels.datamodels import ImageModel  # noqa: PLC0415 - an extra

    model = ImageModel.create_fake_data(shape=pixels.data.shape)
    model["data"] = pixels.data.astype(np.float32)
    model["err"] = pixels.err.astype(np.float16)
    model["dq"] = pixels.dq.astype(np.uint32)
    model["var_poisson"] = pixels.var_poisson.astype(np.float16)
    meta, reference = model.meta, pointing_at(pointing, detector.v2_ref, detector.v3_ref)
    meta["filename"] = identity.file_name(detector.name)
    meta["wcs"] = wcs
    meta["cal_step"] = dict.fromkeys(STEPS, "COMPLETE") | dict.fromkeys(LATER_STEPS, "INCOMPLETE")
    meta.instrument["detector"] = detector.name
    meta.instrument["optical_element"] = identity.element
    meta.observation["observation_id"] = identity.group_id
    meta.observation["visit_id"] = identity.visit_id
    meta.observation["exposure"] = identity.exposure
    start = Time(settings.start_mjd, format="mjd", scale="utc")
    meta.exposure["start_time"] = Time(start.isot, format="isot", scale="utc")
    end = Time(settings.start_mjd + settings.exposure_time / 86400.0, format="mjd", scale="utc")
    meta.exposure["end_time"] = Time(end.isot, format="isot", scale="utc")
    for name in ("exposure_time", "effective_exposure_time"):
        meta.exposure[name] = float(settings.exposure_time)
    meta["wcsinfo"] = dict(meta.wcsinfo) | {
        "v2_ref": detector.v2_ref,
        "v3_ref": detector.v3_ref,
        "vparity": detector.parity,
        "v3yangle": detector.v3_idl_yangle,
        "ra_ref": reference.ra,
        "dec_ref": reference.dec,
        "roll_ref": reference.roll,
        "aperture_name": f"{detector.name}_FULL",
    }
    return model
