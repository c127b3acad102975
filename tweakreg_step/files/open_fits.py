"""FITS files are opened here: a header that asks for more than a file can hold is refused first.

Readers take such a number at its word: astropy looks for a billion axes one after another.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from astropy.io import fits
from astropy.utils.data import get_readable_fileobj

if TYPE_CHECKING:
    from typing import BinaryIO

__all__ = ["first_header", "open_fits"]

BLOCK, CARD = 2880, 80

MOST = {b"NAXIS": 999, b"ZNAXIS": 999, b"TFIELDS": 999, b"WCSAXES": 99}
"""Largest values of counts: of axes and columns as the FITS standard has them, of axes of a WCS
what their keywords have digits for."""

MOST_OF_SIP = 20
"""Largest order of a SIP polynomial; the convention ends at 9."""

LONGEST = 5000
"""Largest number of blocks of a header, 180,000 cards; long ones have 50."""

FEW = 100
"""Number of blocks of other than text that readers may take for cards of a header, as they do with
what follows the last extension of some files. They take long for each."""

FARTHEST = 2**63 - 1
"""Last byte that a file can have: a system counts no farther."""

TEXT = bytes(range(0x20, 0x7F))

_COUNT = re.compile(rb"(NAXIS|ZNAXIS|TFIELDS|WCSAXES[A-Z]?|[AB]P?_ORDER) *= *\+?(\d+) *(?:/|$)")
_NUMBER = re.compile(rb"(NAXIS\d{1,3}|BITPIX|PCOUNT|GCOUNT|NAXIS) *= *([+-]?\d+) *(?:/|$)")


def open_fits(source: Path | BinaryIO, **options: Any) -> fits.HDUList:
    """Open a FITS file, see `astropy.io.fits.open`.

    Parameters
    ----------
    source
        Its path, or its content from the start.
    **options
        Of `astropy.io.fits.open`.

    Raises
    ------
    ValueError
        If a header asks for more axes, columns, coefficients or data than there can be.
    OSError
        If it is none.
    """
    _refuse_endless(source, 10_000)
    return fits.open(source, **options)


def first_header(path: Path) -> fits.Header:
    """The first header of a FITS file; raises as `open_fits`."""
    _refuse_endless(path, 1)
    return fits.getheader(path, 0)


def _refuse_endless(source: Path | BinaryIO, headers: int) -> None:
    if isinstance(source, Path):
        with get_readable_fileobj(source, encoding="binary") as stream:
            _look_through(stream, headers)
    else:
        start = source.tell()
        _look_through(source, headers)
        source.seek(start)


def _look_through(stream: BinaryIO, headers: int) -> None:
    place = stream.tell()
    for _ in range(headers):
        stream.seek(place)
        header = _header(stream)
        if not header:
            return
        _check(header)
        place += len(header) + _data_size(header)
        if place > FARTHEST:
            raise ValueError("its header says that its data are longer than a file can be")


def _header(stream: BinaryIO) -> bytes:
    """The blocks of the header that begins here, none where none does.

    What has another beginning is read as a header by astropy, too, card by card up to its end.
    """
    blocks: list[bytes] = []
    odd = 0
    while len(blocks) < LONGEST:
        block = stream.read(BLOCK)
        blocks.append(block)
        odd += len(block.translate(None, TEXT)) > BLOCK // 20
        if odd > FEW:
            raise ValueError("a header in it has no end, or its data are not as long as it says")
        if _has_end(block):
            found = b"".join(blocks)
            return found if found.startswith((b"SIMPLE", b"XTENSION")) else b""
        if len(block) < BLOCK:
            break
    return b""


def _has_end(block: bytes) -> bool:
    return any(block[n : n + 8] == b"END     " for n in range(0, len(block), CARD))


def _check(header: bytes) -> None:
    for start in range(0, len(header), CARD):
        found = _COUNT.match(header[start : start + CARD])
        if found is None:
            continue
        name, value = found[1], int(found[2][:30])
        most = MOST.get(name[:7] if name.startswith(b"WCSAXES") else name, MOST_OF_SIP)
        if value > most:
            raise ValueError(
                f"its header says {name.decode()} = {value}, but there are {most} at most"
            )


def _data_size(header: bytes) -> int:
    """Size of the data of a header in whole blocks [bytes], as its numbers have it."""
    numbers: dict[bytes, int] = {}
    for start in range(0, len(header), CARD):
        found = _NUMBER.match(header[start : start + CARD])
        if found is not None:
            numbers.setdefault(found[1], int(found[2][:30]))
    axes = [numbers.get(b"NAXIS%d" % (n + 1), 0) for n in range(numbers.get(b"NAXIS", 0))]
    if axes and axes[0] == 0:  # random groups
        axes = axes[1:]
    size = 1 if axes else 0
    for axis in axes:
        size *= axis
    size = (
        abs(numbers.get(b"BITPIX", 8))
        // 8
        * numbers.get(b"GCOUNT", 1)
        * (numbers.get(b"PCOUNT", 0) + size)
    )
    return -(-max(size, 0) // BLOCK) * BLOCK
