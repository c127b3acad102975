"""Exposures in files as stdatamodels writes them, opened without what the alignment has no use for.

stdatamodels stays the authority. It takes the metadata from the ASDF extension alone if the headers
are those that it wrote itself, which it knows by their hash; then so can we, and read only the
pixels that are asked for, once and in the byte order of this machine. A file with anything else in
it is none of ours: `opened` says so by None, and it is opened by stdatamodels.
"""

from __future__ import annotations

import hashlib
import io
import re
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import asdf
import numpy as np
from asdf.schema import load_schema
from asdf.tags.core import NDArrayType
from astropy.io import fits
from stdatamodels import fits_support
from stdatamodels.jwst import datamodels

from tweakreg_step.files.asdf_extensions import load_extensions
from tweakreg_step.files.open_fits import open_fits
from tweakreg_step.telescopes.external_references import refers_to_nothing_else

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import BinaryIO

    from numpy.typing import NDArray

__all__ = ["Block", "opened", "pixels_of", "with_pixels"]

KIND = "ImageModel"
USED = ("data", "err", "dq")
"""Arrays that the alignment uses."""

SIGN = {(16, 2**15): np.uint16, (32, 2**31): np.uint32}
"""Unsigned integers, which FITS holds as signed ones with an offset, by BITPIX and BZERO."""

PLAIN = {8: np.uint8, 16: np.int16, 32: np.int32, 64: np.int64, -32: np.float32, -64: np.float64}
"""Other numbers, by BITPIX."""


@dataclass(frozen=True, slots=True)
class Block:
    """An array in a FITS file.

    Attributes
    ----------
    start, size
        Where its bytes are in the file, without padding.
    shape
        Shape of the array.
    dtype
        Its numbers, in the byte order of this machine.
    offset
        Whether they are unsigned integers, in the file less half of their range.
    """

    start: int
    size: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    offset: bool


def with_pixels(path: Path) -> Any:
    """A model with the arrays that the alignment uses, and no others; None as `opened`."""

    def array_of(name: str, stream: BinaryIO, block: Block) -> NDArray[Any] | None:
        return pixels_of(stream, block) if name in USED else None

    return opened(path, array_of)


def opened(
    path: Path, array_of: Callable[[str, BinaryIO, Block], NDArray[Any] | None]
) -> datamodels.ImageModel | None:
    """Open a file that holds an image as stdatamodels writes it.

    Parameters
    ----------
    path
        The file.
    array_of
        The array to put into the model, None for none, of its name in the tree, the open file and
        its place there.

    Returns
    -------
    ImageModel or None
        None if the file is anything else. Damaged files may also raise anything.
    """
    with _parts(path) as parts:
        if parts is None:
            return None
        stream, hdus = parts
        text = hdus["ASDF"].data.tobytes()
        if not refers_to_nothing_else(text, fits_support._FITS_SOURCE_PREFIX):  # noqa: SLF001
            return None
        load_extensions()
        tree = asdf.open(io.BytesIO(text), mode="rw", ignore_missing_extensions=True)
        if tree.tree.get(fits_support.FITS_HASH_KEY) != _hash(stream, hdus):
            return None
        places = list(_links(tree.tree))
        if len(places) != len(
            re.findall(rb"\bfits:", text)
        ):  # some are where stdatamodels puts none
            return None
        for home, name, (extension, version) in places:
            block = _block(hdus[extension, version])
            array = None if block is None else array_of(name, stream, block)
            if block is None:
                return None
            home.pop(name) if array is None else home.update({name: array})
    model = datamodels.ImageModel(tree, schema=_schema())
    model.meta.filename = path.name
    return model


@cache
def _schema() -> dict[str, Any]:
    """The schema of images, which a model copies each time if it is left to it."""
    url = datamodels.ImageModel.schema_url
    found: dict[str, Any] = load_schema(url, resolve_references=True)
    return found


@contextmanager
def _parts(path: Path) -> Iterator[tuple[BinaryIO, fits.HDUList] | None]:
    """The open file and its headers; None if these are not of images and one ASDF extension."""
    with path.open("rb", buffering=0) as stream:
        if stream.read(6) != b"SIMPLE":  # compressed, or no FITS
            yield None
            return
        stream.seek(0)
        with open_fits(stream, memmap=False) as hdus:
            yield (stream, hdus) if _are_as_written(hdus, path.stat().st_size) else None


def _are_as_written(hdus: fits.HDUList, size: int) -> bool:
    primary = hdus[0].header
    if primary.get("DATAMODL") != KIND or "HISTORY" in primary or hdus[-1].name != "ASDF":
        return False
    places = hdus.info(output=False) and hdus[-1].fileinfo()
    images = all(type(hdu) is fits.ImageHDU for hdu in hdus[1:-1])
    return images and places["datLoc"] + hdus[-1].size <= size


def _hash(stream: BinaryIO, hdus: fits.HDUList) -> str:
    """What `fits_support.fits_hash` gives for the headers as they are in the file."""
    found = hashlib.sha256()
    for hdu in hdus[:-1]:
        place = hdu.fileinfo()
        stream.seek(place["hdrLoc"])
        found.update(stream.read(place["datLoc"] - place["hdrLoc"]))
    return found.hexdigest()


def _links(tree: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str, tuple[str, int]]]:
    """The arrays of a tree that are in other extensions: where they stand, and the extension."""
    homes = [tree, *(part for part in (tree.get("extra_fits") or {}).values())]
    for home in homes:
        for name, node in list(home.items()):
            # the attribute is what stdatamodels itself looks at
            source = node._source if isinstance(node, NDArrayType) else None  # noqa: SLF001
            if isinstance(source, str):
                extension, _, version = source.removeprefix("fits:").rpartition(",")
                yield home, name, (extension, int(version))


def _block(hdu: Any) -> Block | None:
    """Where the array of an extension is; None if it has none, or scaled values."""
    header = hdu.header
    kind = header["BITPIX"], header.get("BZERO", 0)
    if header.get("BSCALE", 1) != 1 or "BLANK" in header or not hdu.shape:
        return None
    dtype = SIGN.get(kind, PLAIN.get(kind[0]) if kind[1] == 0 else None)
    if dtype is None:
        return None
    return Block(hdu.fileinfo()["datLoc"], hdu.size, hdu.shape, np.dtype(dtype), kind in SIGN)


def pixels_of(stream: BinaryIO, block: Block) -> NDArray[Any]:
    """The array of a block, in the byte order of this machine.

    Raises
    ------
    ValueError
        If the file ends before the array does.
    """
    stream.seek(block.start)
    count = block.size // block.dtype.itemsize
    array: NDArray[Any] = np.fromfile(stream, block.dtype.newbyteorder("="), count)
    if sys.byteorder == "little":
        array.byteswap(inplace=True)
    if block.offset:
        array ^= block.dtype.type(1 << (8 * block.dtype.itemsize - 1))
    return array.reshape(block.shape)
