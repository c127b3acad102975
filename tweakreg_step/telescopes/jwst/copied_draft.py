"""A result whose pixels are those of its input: copied from file to file, with other metadata.

What is new, headers and the ASDF extension, is made by stdatamodels, of a model whose arrays are
zeros in the place of those that are copied.
"""

from __future__ import annotations

import math
import mmap
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from stdatamodels import fits_support

from tweakreg_step.files.asdf_schemas import schemas_remembered
from tweakreg_step.files.copied_parts import Part, write_parts

from .cal_file import opened

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from typing import BinaryIO

    from numpy.typing import NDArray

    from .cal_file import Block

__all__ = ["CopiedDraft", "copied_draft"]

RECORD = 2880
"""Bytes of which the parts of a FITS file have a multiple."""


@dataclass(frozen=True, slots=True)
class CopiedDraft:
    """An exposure whose metadata alone are open.

    Attributes
    ----------
    model
        The model; its arrays are zero.
    path
        Its file.
    blocks
        Where the pixels are that each of the arrays stands for, by its address in memory.
    """

    model: Any
    path: Path
    blocks: Mapping[int, Block]

    def save(self, path: Path) -> None:
        """Write what saving the whole model would write.

        Raises
        ------
        ValueError
            If the model has arrays that are not those of the file.
        OSError
            If it can't be written.
        """
        write_parts(path, self.path, list(self._parts(path)))

    def _parts(self, path: Path) -> Iterator[bytes | Part]:
        model = self.model
        model.on_save(str(path))
        with schemas_remembered():
            hdus = fits_support.to_fits(model._instance, model._schema)  # noqa: SLF001 - as `save`
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Card is too long")
            hdus.verify("exception")
        hdus.update_extend()
        for hdu in hdus:
            yield hdu.header.tostring().encode("ascii")
            if hdu.name == "ASDF":
                content = hdu.data.tobytes()
                yield content + bytes(-len(content) % RECORD)
            elif hdu.data is not None:
                block = self._block(hdu)
                yield Part(block.start, block.size)
                yield bytes(-block.size % RECORD)

    def _block(self, hdu: Any) -> Block:
        block = self.blocks.get(_address(hdu.data))
        if block is None or block.dtype != hdu.data.dtype or block.shape != hdu.data.shape:
            raise ValueError(f"the array of {hdu.name} is not that of the file")
        return block


def copied_draft(path: Path) -> CopiedDraft | None:
    """Open the metadata of a file as stdatamodels writes it; None if it is anything else."""
    blocks: dict[int, Block] = {}

    def stand_in(_name: str, _stream: BinaryIO, block: Block) -> NDArray[Any]:
        array = _untouched(block)
        blocks[_address(array)] = block
        return array

    model = opened(path, stand_in)
    return None if model is None else CopiedDraft(model, path, blocks)


def _untouched(block: Block) -> NDArray[Any]:
    """Zeros that take neither memory nor time until they are looked at.

    Those of numpy do where memory of their size was freed before: it is cleared.
    """
    memory = mmap.mmap(-1, max(block.size, 1))
    return np.frombuffer(memory, block.dtype, math.prod(block.shape)).reshape(block.shape)


def _address(array: NDArray[Any]) -> int:
    return int(array.__array_interface__["data"][0])
