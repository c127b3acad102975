"""An image of an exposure: the protocol of open ones, and the view that the alignment keeps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from astropy.table import Table

    from tweakreg_step.core.arrays import FloatArray
    from tweakreg_step.core.sources import BoundingBox, Pixels

__all__ = ["OpenImage", "View"]


@dataclass(frozen=True, slots=True)
class View:
    """What the alignment needs of an image beside its catalog; sent between processes.

    Attributes
    ----------
    wcs
        The WCS to correct, of the class that the mission's correctors take.
    angles
        Angles that the corrector needs as well: for a GWCS with the frame ``v2v3``, v2_ref, v3_ref
        [arcsec] and roll_ref [deg]; empty where they need none.
    detector
        Names of the detector and the filter, None where unknown.
    epoch
        Middle of the exposure [Julian year], None where unknown.
    corrected
        Whether the WCS in its file has the correction of an earlier alignment.
    band, guide_star
        Names of the filter, with which that of the detector ends, and of the guide star; ''
        where unknown.
    members
        File names of the exposures that a mosaic was made of; empty for exposures, and where these
        are not known.
    applied
        Start of the checksum of the solution that was last put on it, '' where there was none.
    """

    wcs: Any
    angles: dict[str, float]
    detector: str | None
    epoch: float | None
    corrected: bool
    band: str = ""
    guide_star: str = ""
    members: tuple[str, ...] = ()
    applied: str = ""


class OpenImage(Protocol):
    """One image of an open exposure: its pixels and its present WCS."""

    @property
    def label(self) -> str:
        """Label of the image in its file, as ``SCI,1``; '' if it is the only one."""

    @property
    def bounding_box(self) -> BoundingBox:
        """Limits of the image in pixels, ((xmin, xmax), (ymin, ymax))."""

    @property
    def fwhm(self) -> float | None:
        """FWHM of stars [pixels], None where it is not known."""

    @property
    def full_of_hits(self) -> bool:
        """Whether cosmic rays are left in the pixels, as nothing has taken them out in reading."""

    @property
    def exposure_time(self) -> float | None:
        """Exposure time [s], None where it is not known."""

    @property
    def catalog(self) -> str:
        """Path of the source catalog in the metadata, '' for none."""

    @property
    def table(self) -> Table | None:
        """A source catalog in the memory of the model, made in this run; None for none."""

    def pixels(self, usable: int | None = None) -> Pixels:
        """The data, with unusable pixels masked.

        Parameters
        ----------
        usable
            Bits of data quality that a pixel may have; None for those of the instrument.
        """

    def cleaned_pixels(self, usable: int | None = None) -> Pixels | None:
        """The same with cosmic rays replaced, from a file beside the exposure's.

        None where the mission has no such files.
        """

    def to_sky(self, x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """RA and DEC [deg] of pixels, beyond the bounding box as well."""

    def to_pixels(self, ra: FloatArray, dec: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The pixels of positions on the sky (N,) [deg], NaN outside the bounding box."""

    def view(self, *, reset: bool = False) -> View:
        """The view of the image, with its WCS; with `reset`, the WCS as delivered."""
