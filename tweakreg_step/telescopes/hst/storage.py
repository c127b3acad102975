"""Where an exposure is: a FITS file, read in parts and copied to the bit, or HDUs in memory."""

from __future__ import annotations

import gzip
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, cast

import numpy as np
from astropy.io import fits

from tweakreg_step.files.copied_parts import Part, write_parts
from tweakreg_step.files.open_fits import open_fits

from .headers import Cards, cards_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = ["InFile", "InMemory", "Storage", "in_file", "in_memory"]

_CHUNK = 1 << 22

_AS_IT_IS: dict[str, Any] = {
    "memmap": False,
    "do_not_scale_image_data": True,
    "disable_image_compression": True,
}


class Storage(Protocol):
    """HDUs, their headers as delivered, and their arrays."""

    @property
    def headers(self) -> tuple[Cards, ...]:
        """Of each HDU."""

    def array(self, index: int) -> Any:
        """The array of an HDU, None where it has none."""

    def content(self, index: int) -> bytes:
        """The bytes of an HDU's data, nothing where they are not in a file."""

    def write(self, target: Path, changed: Mapping[int, Cards]) -> None:
        """Write all HDUs, some with another header."""

    def hdus(self, changed: Mapping[int, Cards]) -> fits.HDUList:
        """All HDUs in memory, some with another header."""


@dataclass(frozen=True, slots=True)
class InFile:
    """The HDUs of a file.

    Attributes
    ----------
    path
        The file; it is open only while something is read.
    headers
        Of each HDU.
    places
        First byte of each HDU's header, of its data, and of what follows.
    """

    path: Path
    headers: tuple[Cards, ...]
    places: tuple[tuple[int, int, int], ...]

    def array(self, index: int) -> Any:
        """The array of an HDU, None where it has none."""
        start, _, end = self.places[index]
        with _opened(self.path) as file:
            file.seek(start)
            kind = fits.PrimaryHDU if index == 0 else fits.ImageHDU
            return kind.fromstring(file.read(end - start)).data

    def content(self, index: int) -> bytes:
        """The bytes of an HDU's data."""
        _, data, end = self.places[index]
        with _opened(self.path) as file:
            file.seek(data)
            return file.read(end - data)

    def write(self, target: Path, changed: Mapping[int, Cards]) -> None:
        """Write all HDUs, some with another header; all other bytes are those of the file."""
        if _is_packed(self.path) or target.suffix == ".gz":
            self._write_packed(target, changed)
        else:
            write_parts(target, self.path, self._parts(changed))
        _with_checksums(target, changed)

    def _parts(self, changed: Mapping[int, Cards]) -> Iterator[bytes | Part]:
        for index, (start, data, end) in enumerate(self.places):
            if index in changed:
                yield changed[index].text.encode("ascii")
            first = data if index in changed else start
            yield Part(first, end - first)
        last = self.places[-1][2]
        yield Part(last, self.path.stat().st_size - last)

    def _write_packed(self, target: Path, changed: Mapping[int, Cards]) -> None:
        with _opened(self.path) as source, _created(target) as copy:
            for index, (start, data, end) in enumerate(self.places):
                if index in changed:
                    copy.write(changed[index].text.encode("ascii"))
                _copy(source, copy, data if index in changed else start, end)
            shutil.copyfileobj(source, copy)

    def hdus(self, changed: Mapping[int, Cards]) -> fits.HDUList:
        """All HDUs in memory, some with another header."""
        with open_fits(self.path, memmap=False, lazy_load_hdus=False) as hdus:
            return _copied(hdus, changed)


@dataclass(frozen=True, slots=True)
class InMemory:
    """HDUs in memory.

    Attributes
    ----------
    given
        The HDUs.
    headers
        Of each.
    """

    given: fits.HDUList
    headers: tuple[Cards, ...]

    def array(self, index: int) -> Any:
        """The array of an HDU, None where it has none."""
        return self.given[index].data

    def content(self, index: int) -> bytes:  # noqa: ARG002 - the protocol's
        """Nothing: they are not in a file."""
        return b""

    def write(self, target: Path, changed: Mapping[int, Cards]) -> None:
        """Write all HDUs, some with another header."""
        self.hdus(changed).writeto(target, output_verify="ignore")
        _with_checksums(target, changed)

    def hdus(self, changed: Mapping[int, Cards]) -> fits.HDUList:
        """All HDUs, copied, some with another header."""
        return _copied(self.given, changed)


def in_file(path: Path) -> InFile:
    """The HDUs of a file.

    Raises
    ------
    OSError
        If it is no FITS file, or is cut off.
    """
    with open_fits(path, lazy_load_hdus=False, **_AS_IT_IS) as hdus:
        places = tuple(_place(hdu) for hdu in hdus)
    headers = []
    with _opened(path) as file:
        for start, data, _ in places:
            file.seek(start)
            headers.append(Cards.of(file.read(data - start).decode("ascii", "replace")))
        _check_whole(file, places[-1][2], path)
    return InFile(path, tuple(headers), places)


def in_memory(hdus: fits.HDUList) -> InMemory:
    """HDUs in memory."""
    return InMemory(hdus, tuple(cards_of(hdu.header) for hdu in hdus))


def _place(hdu: Any) -> tuple[int, int, int]:
    info = hdu.fileinfo()
    return info["hdrLoc"], info["datLoc"], info["datLoc"] + info["datSpan"]


def _check_whole(file: BinaryIO, end: int, path: Path) -> None:
    file.seek(end - 1)
    if len(file.read(1)) < 1:
        raise OSError(f"'{path.name}' is cut off: it must have {end} bytes")


def _opened(path: Path) -> BinaryIO:
    return cast("BinaryIO", gzip.open(path)) if _is_packed(path) else path.open("rb")


def _is_packed(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def _created(path: Path) -> BinaryIO:
    return cast("BinaryIO", gzip.open(path, "wb")) if path.suffix == ".gz" else path.open("wb")


def _copy(source: BinaryIO, copy: BinaryIO, start: int, end: int) -> None:
    source.seek(start)
    while start < end:
        chunk = source.read(min(_CHUNK, end - start))
        if not chunk:
            raise OSError("the input file became shorter while it was read")
        copy.write(chunk)
        start += len(chunk)


def _copied(hdus: fits.HDUList, changed: Mapping[int, Cards]) -> fits.HDUList:
    copies = [hdu.copy() for hdu in hdus]
    for copy, hdu in zip(copies, hdus, strict=True):
        if hdu.data is not None and isinstance(hdu.data, np.ndarray):
            copy.data = hdu.data.copy()
    for index, cards in changed.items():
        copies[index].header = cards.header.copy()
    return fits.HDUList(copies)


def _with_checksums(path: Path, changed: Mapping[int, Cards]) -> None:
    """Make the checksums of changed headers anew, where there are any."""
    stale = [index for index, cards in changed.items() if "CHECKSUM" in cards]
    if not stale:
        return
    with fits.open(path, mode="update", output_verify="ignore", **_AS_IT_IS) as hdus:
        for index in stale:
            hdus[index].add_checksum()
