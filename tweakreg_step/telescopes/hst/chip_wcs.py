"""The WCS of a chip: an astropy WCS that is sent between processes to the bit."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS, FITSFixedWarning

from tweakreg_step.telescopes.wcs import put_linear

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tweakreg_step.core.arrays import FloatArray

__all__ = [
    "TABLES",
    "ChipWCS",
    "chip_wcs",
    "is_same",
    "packed",
    "packed_chip_wcs",
    "unpacked_chip_wcs",
]

TABLES = ("D2IMARR", "WCSDVARR")
"""Names of the extensions with lookup tables of distortion."""


class ChipWCS(WCS):
    """A WCS with all that it was made of.

    astropy pickles a WCS as a header, whose numbers have fewer digits: workers would not see the
    same WCS.
    """

    made_of: tuple[str, bytes] = ("", b"")
    """Text of its header, and a FITS file of the lookup tables."""

    def forward_transform(self, x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """RA and DEC [deg] of pixels, as a GWCS has it."""
        ra, dec = self.all_pix2world(x, y, 0)
        return ra, dec

    def backward_transform(self, ra: FloatArray, dec: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Pixels of RA and DEC [deg], without the distortion."""
        x, y = self.wcs_world2pix(ra, dec, 0)
        return x, y

    def __reduce__(self) -> tuple[Any, ...]:
        linear = np.array(self.wcs.crval), np.array(self.pixel_scale_matrix)
        return _remade, (*self.made_of, *linear)


def packed(tables: Sequence[fits.ImageHDU]) -> bytes:
    """A FITS file of the lookup tables of an exposure."""
    content = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), *tables]).writeto(content, output_verify="ignore")
    return content.getvalue()


def chip_wcs(text: str, tables: bytes) -> ChipWCS:
    """The WCS of a chip.

    Parameters
    ----------
    text
        Its header.
    tables
        A FITS file of the lookup tables of its exposure.

    Raises
    ------
    ValueError, KeyError
        If the header has none.
    """
    header = fits.Header.fromstring(text)
    with warnings.catch_warnings(), fits.open(io.BytesIO(tables)) as hdus:
        # of dates and units that are spelled otherwise, which astropy mends
        warnings.simplefilter("ignore", FITSFixedWarning)
        warnings.simplefilter("ignore", fits.verify.VerifyWarning)
        wcs = ChipWCS(header, hdus)
    wcs.made_of = text, tables
    return wcs


def is_same(first: WCS, second: WCS) -> bool:
    """Whether two WCS of the same chip place it on the sky alike, to the bit."""
    pairs = (
        (first.wcs.crval, second.wcs.crval),
        (first.pixel_scale_matrix, second.pixel_scale_matrix),
    )
    return all(np.array_equal(*pair) for pair in pairs)


def packed_chip_wcs(wcs: ChipWCS) -> bytes:
    """The WCS of a chip as bytes: an archive of NumPy."""
    text, tables = wcs.made_of
    content = io.BytesIO()
    np.savez_compressed(
        content,
        text=np.frombuffer(text.encode(), np.uint8),
        tables=np.frombuffer(tables, np.uint8),
        crval=np.array(wcs.wcs.crval),
        matrix=np.array(wcs.pixel_scale_matrix),
    )
    return content.getvalue()


def unpacked_chip_wcs(content: bytes) -> ChipWCS:
    """The WCS of a chip, of such bytes."""
    with np.load(io.BytesIO(content), allow_pickle=False) as parts:
        text, tables = parts["text"].tobytes().decode(), parts["tables"].tobytes()
        return _remade(text, tables, parts["crval"], parts["matrix"])


def _remade(text: str, tables: bytes, crval: FloatArray, matrix: FloatArray) -> ChipWCS:
    wcs = chip_wcs(text, tables)
    put_linear(wcs, crval, matrix)
    return wcs
