"""One image as the archive delivers it: a JWST ``cal`` datamodel with its metadata."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from astropy.time import Time
from stdatamodels.jwst.datamodels import ImageModel

from tweakreg_step.simulate.directions import ARCSEC, angular_axes, direction
from tweakreg_step.simulate.optics import Detector, Pointing, pointing_at

if TYPE_CHECKING:
    from gwcs import WCS

    from tweakreg_step.core.arrays import FloatArray
    from tweakreg_step.simulate.render import Pixels

_SECONDS_PER_DAY = 86400.0
_DONE = ("assign_wcs", "flat_field", "photom")


@dataclass(frozen=True, slots=True)
class Identity:
    """The numbers that name an exposure; all detectors of one exposure share them.

    Parameters
    ----------
    program, observation, visit, visit_group, sequence, activity, exposure : int
        As in a JWST file name, jwPPPPPOOOVVV_GGSAA_EEEEE.
    """

    program: int = 1
    observation: int = 1
    visit: int = 1
    visit_group: int = 2
    sequence: int = 1
    activity: int = 1
    exposure: int = 1

    @property
    def visit_name(self) -> str:
        """Programme, observation and visit: PPPPPOOOVVV."""
        return f"{self.program:05d}{self.observation:03d}{self.visit:03d}"

    @property
    def group_name(self) -> str:
        """Visit group, sequence and activity: GGSAA."""
        return f"{self.visit_group:02d}{self.sequence:d}{self.activity:02d}"

    @property
    def group_id(self) -> str:
        """The group that the JWST rule builds from the keywords of the observation."""
        return f"jw{self.visit_name}_{self.group_name}_{self.exposure:d}"

    def file_name(self, detector: str) -> str:
        """Name of the cal file of one detector."""
        root = f"jw{self.visit_name}_{self.group_name}_{self.exposure:05d}"
        return f"{root}_{detector.lower()}_cal.fits"


@dataclass(frozen=True, slots=True)
class Settings:
    """How the exposure was taken and calibrated.

    Parameters
    ----------
    filter, pupil : str
        Optical elements.
    start_mjd : float
        Start of the exposure, UTC, days.
    exposure_time : float
        Seconds.
    n_groups : int
        Groups of the ramp.
    bunit : str
        'MJy/sr' or 'DN/s', the unit of the arrays in the file.
    photmjsr : float
        MJy/sr per DN/s.
    velocity_aberration : float, optional
        The scale factor in the WCS; None if it has none.
    """

    filter: str = "F356W"
    pupil: str = "CLEAR"
    start_mjd: float = 60000.0
    exposure_time: float = 311.4
    n_groups: int = 6
    bunit: str = "MJy/sr"
    photmjsr: float = 0.45
    velocity_aberration: float | None = 0.99995

    def __post_init__(self) -> None:
        if self.bunit not in {"MJy/sr", "DN/s"}:
            raise ValueError(f"The unit is '{self.bunit}'; choose 'MJy/sr' or 'DN/s'.")


def cal_model(
    pixels: Pixels,
    wcs: WCS,
    detector: Detector,
    pointing: Pointing,
    identity: Identity = Identity(),
    settings: Settings = Settings(),
) -> ImageModel:
    """Put pixels and a WCS into the datamodel that alignment and Image3Pipeline read.

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
    identity : Identity
        Programme, observation, ... exposure number.
    settings : Settings
        Filter, times, units.

    Returns
    -------
    stdatamodels.jwst.datamodels.ImageModel
        Not yet written; ``model.save(model.meta.filename)`` writes it.
    """
    factor = np.float32(settings.photmjsr if settings.bunit == "MJy/sr" else 1.0)
    model = ImageModel(
        data=pixels.data * factor,
        err=pixels.err * factor,
        dq=pixels.dq,
        var_poisson=pixels.var_poisson * factor**2,
        var_rnoise=pixels.var_rnoise * factor**2,
        validate_on_assignment=False,  # a hundred times; all of it is when it is written
    )
    reference = pointing_at(pointing, detector.v2_ref, detector.v3_ref)
    model.update(
        {
            "meta": {
                "telescope": "JWST",
                "filename": identity.file_name(detector.name),
                "bunit_data": settings.bunit,
                "bunit_err": settings.bunit,
                "cal_step": dict.fromkeys(_DONE, "COMPLETE"),
                **_instrument(detector, settings),
                **_observation(identity, settings),
                **_exposure(settings),
                **_pointing(pointing, reference),
                **_velocity(reference, settings),
                "photometry": _photometry(wcs, detector, settings),
                "wcsinfo": _wcsinfo(wcs, detector, reference),
            }
        }
    )
    model.meta.wcs = wcs
    return model


def _instrument(detector: Detector, settings: Settings) -> dict[str, object]:
    """Instrument, aperture and read-out window."""
    ny, nx = detector.shape
    full = detector.shape == (2048, 2048)
    return {
        "instrument": {
            "name": "NIRCAM",
            "detector": detector.name,
            "channel": detector.channel,
            "module": detector.name[3],
            "filter": settings.filter,
            "pupil": settings.pupil,
        },
        "aperture": {"name": f"{detector.name}_{'FULL' if full else 'SUB'}"},
        "subarray": {
            "name": "FULL" if full else "GENERIC",
            "xstart": (2048 - nx) // 2 + 1,
            "ystart": (2048 - ny) // 2 + 1,
            "xsize": nx,
            "ysize": ny,
            "fastaxis": -1,
            "slowaxis": 2,
        },
    }


def _observation(identity: Identity, settings: Settings) -> dict[str, object]:
    """Keywords from which the group of the image is built, as strings of fixed width."""
    date, time = Time(settings.start_mjd, format="mjd", scale="utc").isot.split("T")
    return {
        "date": f"{date}T{time}",
        "observation": {
            "program_number": f"{identity.program:05d}",
            "observation_number": f"{identity.observation:03d}",
            "visit_number": f"{identity.visit:03d}",
            "visit_id": identity.visit_name,
            "visit_group": f"{identity.visit_group:02d}",
            "sequence_id": f"{identity.sequence:d}",
            "activity_id": f"{identity.activity:02d}",
            "exposure_number": f"{identity.exposure:d}",
            "date": date,
            "time": time,
        },
        "visit": {"tsovisit": False},
        "program": {"title": "Simulated mosaic", "category": "GO"},
    }


def _exposure(settings: Settings) -> dict[str, object]:
    """Times and ramp of the exposure."""
    seconds = settings.exposure_time
    start, days = settings.start_mjd, seconds / _SECONDS_PER_DAY
    return {
        "exposure": {
            "type": "NRC_IMAGE",
            "readpatt": "MEDIUM8",
            "nints": 1,
            "ngroups": settings.n_groups,
            "nframes": 8,
            "groupgap": 2,
            "frame_time": 10.73677,
            "group_time": seconds / settings.n_groups,
            "exposure_time": seconds,
            "effective_exposure_time": seconds,
            "elapsed_exposure_time": seconds,
            "measurement_time": seconds,
            "integration_time": seconds,
            "duration": seconds,
            "start_time": start,
            "mid_time": start + days / 2.0,
            "end_time": start + days,
        }
    }


def _pointing(pointing: Pointing, reference: Pointing) -> dict[str, object]:
    """Boresight and target as the file claims them."""
    axis = pointing_at(pointing, 0.0, 0.0)
    return {
        "pointing": {"ra_v1": axis.ra, "dec_v1": axis.dec, "pa_v3": axis.roll},
        "target": {
            "catalog_name": "SIMULATED",
            "proposer_name": "SIMULATED",
            "type": "FIXED",
            "ra": reference.ra,
            "dec": reference.dec,
        },
    }


def _velocity(reference: Pointing, settings: Settings) -> dict[str, object]:
    """Differential velocity aberration, where the WCS has it."""
    scale = settings.velocity_aberration
    if scale is None:
        return {}
    centre = {"va_ra_ref": reference.ra, "va_dec_ref": reference.dec}
    return {"velocity_aberration": {"scale_factor": scale, **centre}}


def _photometry(wcs: WCS, detector: Detector, settings: Settings) -> dict[str, object]:
    """Flux conversion and the nominal area of a pixel."""
    area = abs(float(np.linalg.det(_jacobian(wcs, detector))))
    factor = settings.photmjsr
    return {
        "conversion_megajanskys": factor,
        "conversion_microjanskys": factor * (1.0e12 * np.radians(ARCSEC) ** 2),
        "pixelarea_arcsecsq": area / ARCSEC**2,
        "pixelarea_steradians": area * float(np.radians(1.0)) ** 2,
    }


def _wcsinfo(wcs: WCS, detector: Detector, reference: Pointing) -> dict[str, object]:
    """Reference angles, footprint, and the linear FITS approximation of the WCS."""
    x_ref, y_ref = detector.reference_pixel
    ra, dec = (float(a) for a in wcs.forward_transform(x_ref, y_ref))
    scales = _jacobian(wcs, detector)
    return {
        "v2_ref": detector.v2_ref,
        "v3_ref": detector.v3_ref,
        "v3yangle": detector.v3_idl_yangle,
        "vparity": detector.parity,
        "ra_ref": reference.ra,
        "dec_ref": reference.dec,
        "roll_ref": reference.roll,
        "s_region": s_region(wcs, detector.shape),
        "wcsaxes": 2,
        "ctype1": "RA---TAN",
        "ctype2": "DEC--TAN",
        "cunit1": "deg",
        "cunit2": "deg",
        "crpix1": x_ref + 1.0,
        "crpix2": y_ref + 1.0,
        "crval1": ra,
        "crval2": dec,
        # CDi_j = CDELTi PCi_j: the scale belongs to the row.
        "cdelt1": float(np.hypot(*scales[0])),
        "cdelt2": float(np.hypot(*scales[1])),
        **{
            f"pc{i + 1}_{j + 1}": float(scales[i, j] / np.hypot(*scales[i]))
            for i in (0, 1)
            for j in (0, 1)
        },
        "radesys": "ICRS",
        "velosys": 0.0,
    }


def _jacobian(wcs: WCS, detector: Detector) -> FloatArray:
    """d(xi, eta)/d(x, y) at the reference pixel, degrees per pixel, shape (2, 2)."""
    x, y = detector.reference_pixel
    half = np.array([[0.5, -0.5, 0.0, 0.0], [0.0, 0.0, 0.5, -0.5]])
    points = direction(*wcs.forward_transform(x + half[0], y + half[1]))
    east, north = angular_axes(*wcs.forward_transform(x, y))
    along_x, along_y = points[0] - points[1], points[2] - points[3]
    matrix = np.array([[along_x @ east, along_y @ east], [along_x @ north, along_y @ north]])
    degrees: FloatArray = np.degrees(matrix)
    return degrees


def s_region(wcs: WCS, shape: tuple[int, int]) -> str:
    """Footprint of an image, shape (ny, nx), as an STC-S polygon through its outer corners."""
    ny, nx = shape
    corners = np.array([[-0.5, nx - 0.5, nx - 0.5, -0.5], [-0.5, -0.5, ny - 0.5, ny - 0.5]])
    sky = np.stack(wcs.forward_transform(*corners), axis=1).ravel()
    return "POLYGON ICRS  " + " ".join(f"{value:.9f}" for value in sky)
