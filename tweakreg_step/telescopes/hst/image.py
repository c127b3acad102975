"""One image of an exposure: pixels, epoch, WCS."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tweakreg_step.core.data_quality import has_other_bits
from tweakreg_step.core.sources import Pixels
from tweakreg_step.telescopes.image import View
from tweakreg_step.telescopes.wcs import pixels_within

from .errors import errors_of
from .headers import as_delivered, is_aligned
from .psf import stellar_fwhm
from .quality import COSMIC_RAYS, bits_of

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import FloatArray
    from tweakreg_step.core.sources import BoundingBox

    from .chip_wcs import ChipWCS
    from .exposure import Chip, HstExposure

__all__ = ["HstImage", "camera_of", "filter_of"]

_INPUT = re.compile(r"D\d{3}DATA$")

MJD_2000 = 51544.5  # of the epoch 2000.0
EARLIEST_MJD = 47892.0  # 1990: earlier times are unset values


@dataclass(frozen=True, slots=True)
class HstImage:
    """The `OpenImage` of a chip.

    Attributes
    ----------
    exposure
        Its exposure.
    chip
        Where its parts are.
    wcs
        Its present WCS.
    alone
        Whether it is the only one of its exposure.
    """

    exposure: HstExposure
    chip: Chip
    wcs: ChipWCS
    alone: bool

    @property
    def label(self) -> str:
        """``SCI,1``; '' if it is the only one."""
        return "" if self.alone else f"SCI,{self.chip.version}"

    @property
    def bounding_box(self) -> BoundingBox:
        """Limits of the image in pixels, ((xmin, xmax), (ymin, ymax))."""
        nx, ny = self.wcs.pixel_shape
        return ((-0.5, nx - 0.5), (-0.5, ny - 0.5))

    @property
    def table(self) -> None:
        """No catalog in memory: exposures of HST have none."""

    @property
    def fwhm(self) -> float | None:
        """FWHM of stars [pixels], None where it is not known."""
        if self.exposure.is_drizzled:  # on pixels of any size
            return None
        header = self.exposure.header()
        camera = camera_of(header)
        if camera.startswith("WFPC2"):
            camera = f"WFPC2 {self.exposure.header(self.chip.science).get('DETECTOR', '')}".strip()
        return stellar_fwhm(camera, filter_of(header))

    @property
    def full_of_hits(self) -> bool:
        """Of single exposures: drizzling takes cosmic rays out."""
        return not self.exposure.is_drizzled

    @property
    def exposure_time(self) -> float | None:
        """EXPTIME [s], None where it is not known."""
        seconds = self.exposure.header().get("EXPTIME")
        return float(seconds) if isinstance(seconds, int | float) else None

    @property
    def catalog(self) -> str:
        """Path of the source catalog that the association or an earlier run names, '' for none."""
        named = self.exposure.meta.catalog
        return named or str(self.exposure.header().get(f"TWRCAT{self.chip.version}") or "").strip()

    def pixels(self, usable: int | None = None) -> Pixels:
        """The data in their unit, with unusable pixels masked."""
        data = _native(self.exposure.array(self.chip.science))
        return self._pixels(data, usable, cleaned=False)

    def cleaned_pixels(self, usable: int | None = None) -> Pixels:
        """The data of ``<root>_crclean.fits``, which AstroDrizzle writes beside the exposure.

        Raises
        ------
        InputError
            If it is not there, or does not have this chip.
        """
        return self._pixels(_native(self.exposure.cleaned(self.chip)), usable, cleaned=True)

    def _pixels(self, data: Any, usable: int | None, *, cleaned: bool) -> Pixels:
        chip, exposure = self.chip, self.exposure
        mask, saturated = ~np.isfinite(data), None
        quality = exposure.quality(chip)
        if quality is not None and np.shape(quality) == data.shape:
            header = exposure.header()
            bits = bits_of(*_words(header, "INSTRUME", "DETECTOR"))
            if cleaned:
                quality = quality & ~COSMIC_RAYS
            mask |= bits.unusable(quality) if usable is None else has_other_bits(quality, usable)
            saturated = bits.is_saturated(quality)
        weight = exposure.weight(chip)
        if weight is not None:
            weight = _native(weight)
            mask |= ~(weight > 0)
        elif exposure.is_drizzled:
            mask |= data == 0.0  # where no exposure was
        return Pixels(data, errors_of(exposure, chip, data, weight), mask, saturated)

    def to_sky(self, x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """RA and DEC [deg] of pixels, beyond the bounding box as well."""
        x, y = np.broadcast_arrays(np.asarray(x, float), np.asarray(y, float))
        ra, dec = self.wcs.forward_transform(x.ravel(), y.ravel())
        return ra.reshape(x.shape), dec.reshape(x.shape)

    def to_pixels(self, ra: FloatArray, dec: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The pixels of positions on the sky (N,) [deg], NaN outside the bounding box."""
        return pixels_within(self.wcs, self.bounding_box, ra, dec)

    def view(self, *, reset: bool = False) -> View:
        """The view of the image, with its WCS; with `reset`, the WCS as delivered."""
        cards = self.exposure.cards(self.chip.science)
        aligned = is_aligned(cards)
        wcs = self.exposure.wcs(self.chip, as_delivered(cards)) if reset and aligned else self.wcs
        header, detector = self.exposure.header(), self._detector()
        return View(
            wcs=wcs,
            angles={},
            detector=detector,
            epoch=epoch_of(self.exposure),
            corrected=aligned,
            band=filter_of(header) if detector else "",
            guide_star=_words(header, "DGESTAR")[0],
            members=members_of(header),
            applied=str(header.get("TWRSOLN") or ""),
        )

    def _detector(self) -> str | None:
        """Camera, chip and filter; None for a drizzled image, on which all chips lie."""
        if self.exposure.is_drizzled:
            return None
        header = self.exposure.header()
        own = self.exposure.header(self.chip.science)
        which = own.get("CCDCHIP", own.get("DETECTOR", self.chip.version))
        return f"{camera_of(header)} {which} {filter_of(header)}"


def camera_of(header: Any) -> str:
    """Instrument and detector, as 'ACS WFC'."""
    return " ".join(word for word in _words(header, "INSTRUME", "DETECTOR") if word)


def filter_of(header: Any) -> str:
    """The filter, of two wheels that which is not empty."""
    names = _words(header, "FILTER", "FILTER1", "FILTER2", "FILTNAM1", "FILTNAM2")
    real = [name for name in names if name and not name.startswith(("CLEAR", "N/A"))]
    return " ".join(real)


def members_of(header: Any) -> tuple[str, ...]:
    """File names of the exposures that AstroDrizzle has made an image of, once each."""
    words = sorted(word for word in header if _INPUT.match(word))
    files = (str(header[word]).split("[", maxsplit=1)[0].strip() for word in words)
    return tuple(dict.fromkeys(filter(None, files)))


def epoch_of(exposure: HstExposure) -> float | None:
    """The middle of an exposure [Julian year], from EXPSTART and EXPEND; None if it is unknown."""
    header = exposure.header()
    times = [header.get("EXPSTART"), header.get("EXPEND")]
    known = [float(t) for t in times if isinstance(t, int | float) and t > EARLIEST_MJD]
    return 2000.0 + (float(np.mean(known)) - MJD_2000) / 365.25 if known else None


def _words(header: Any, *keywords: str) -> list[str]:
    return [str(header.get(keyword) or "").strip().upper() for keyword in keywords]


def _native(array: Any) -> Any:
    """Numbers in the byte order of this machine, as finders need them."""
    array = np.asarray(array)
    return array.astype(array.dtype.newbyteorder("="), copy=False)
