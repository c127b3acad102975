"""A result whose arrays are those of its input: their blocks are copied from file to file.

roman_datamodels saves the model with a few bytes in the place of each array that is in the file
alone, which say where its block is. Then the tree is as it shall be, and the blocks are put in.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import asdf
import numpy as np
from asdf.extension import Converter, ExtensionProxy, ManifestExtension
from asdf.tags.core.ndarray import NDArrayType, numpy_dtype_to_asdf_datatype

from tweakreg_step.files.asdf_extensions import load_extensions
from tweakreg_step.files.copied_parts import Part, write_parts
from tweakreg_step.telescopes.external_references import refuse_external

from .roman_package import roman_datamodels

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["CopiedDraft", "copied_draft"]

MAGIC = b"\xd3BLK"
"""How a block begins."""

HEADER = struct.Struct(">HI4sQQQ16s")
"""What follows, see "Block header" in the ASDF standard: size of the rest, flags, compression,
room for the content, size of the content and of the array [bytes], checksum."""

BLOCKS = b"\n...\n" + MAGIC
"""Between the tree and the first block."""

INDEX = b"#ASDF BLOCK INDEX\n%YAML 1.1\n---\n"
"""How the list of blocks begins that is at the end of a file."""

STAND_IN = b"tweakreg_step: as in the file, the block at "
"""How the bytes begin that stand for a block; its place in the file follows, and the file."""


@dataclass(frozen=True, slots=True)
class CopiedDraft:
    """An exposure whose arrays are in its file.

    Attributes
    ----------
    model
        The model.
    path
        Its file.
    """

    model: Any
    path: Path

    def save(self, path: Path) -> None:
        """Write what saving the model would write, but blocks compressed as they were.

        Raises
        ------
        ValueError
            If the file has blocks of another kind than those that asdf writes.
        OSError
            If it can't be written.
        """
        with asdf.config_context() as config:
            config.add_extension(_extension())
            self.model.save(path)
        tree, blocks = _split(path.read_bytes())
        with self.path.open("rb") as stream:
            places = [self._place(stream, block) for block in blocks]
        write_parts(path, self.path, _with_index(tree, places))

    def _place(self, stream: Any, block: bytes) -> bytes | Part:
        """A block as it is, or where the one is that it stands for."""
        content = block[len(MAGIC) + HEADER.size :]
        if not content.startswith(STAND_IN):
            return block
        start, _, uri = content.removeprefix(STAND_IN).partition(b" ")
        if uri.decode() != self.path.resolve().as_uri():
            raise ValueError(f"the array is in {uri!r}")
        stream.seek(int(start) - len(MAGIC))
        return Part(stream.tell(), _size(stream.read(len(MAGIC) + HEADER.size), 0))


def copied_draft(path: Path) -> CopiedDraft:
    """Open the metadata of a file."""
    refuse_external(path)
    load_extensions()
    return CopiedDraft(roman_datamodels(path.name).open(path.resolve()), path)


class _Places(Converter):
    """Writes where arrays are that are in a file alone, and others as asdf does."""

    def __init__(self, usual: Converter) -> None:
        self._usual = usual

    @property
    def tags(self) -> list[str]:
        return list(self._usual.tags)

    @property
    def types(self) -> list[type]:
        return [NDArrayType]

    def to_yaml_tree(self, obj: NDArrayType, tag: str, ctx: Any) -> Any:
        place = _place_of(obj)
        if place is None:
            return self._usual.to_yaml_tree(obj, tag, ctx)
        source = ctx.find_available_block_index(lambda: np.frombuffer(place, np.uint8))
        kind, order = numpy_dtype_to_asdf_datatype(obj.dtype)
        return {"shape": list(obj.shape), "source": source, "datatype": kind, "byteorder": order}

    def from_yaml_tree(self, node: Any, tag: str, ctx: Any) -> Any:
        return self._usual.from_yaml_tree(node, tag, ctx)


@cache
def _extension() -> ExtensionProxy:
    """The extension of asdf itself with a converter of ours; files tell nothing of it."""
    usual = asdf.AsdfFile().extension_manager.get_converter_for_type(NDArrayType)
    own = usual.extension
    manifest = own.extension_uri.replace("/extensions/", "/manifests/")
    extension = ManifestExtension.from_uri(manifest, converters=[_Places(usual.delegate)])
    return ExtensionProxy(extension, own.package_name, own.package_version)


def _place_of(array: NDArrayType) -> bytes | None:
    """What stands for the block of an array; None if it must be written as asdf does.

    That is so where it is in memory, as it may have been changed there; where it is small, and goes
    into the tree; and where it is but a part of a block. Its attributes say so, which are asdf's.
    """
    config, state = asdf.get_config(), vars(array)
    simple = isinstance(state["_source"], int) and state["_array"] is None
    simple = simple and not (state["_offset"] or state["_strides"] or state["_mask"] is not None)
    small = config.array_inline_threshold
    if not simple or config.all_array_storage is not None or "*" in array.shape:
        return None
    if small is not None and np.prod(array.shape) < small:
        return None
    block = state["_data_callback"]
    stream = block(_attr="_fd")()
    if stream is None or not stream.uri:
        return None
    return STAND_IN + f"{block(_attr='offset')} {stream.uri}".encode()


def _split(content: bytes) -> tuple[bytes, list[bytes]]:
    """The tree, and the blocks, of a file that asdf has written."""
    place = content.find(BLOCKS) + len(BLOCKS) - len(MAGIC)
    if place < len(MAGIC):
        raise ValueError("the file has no blocks")
    tree, blocks = content[:place], list[bytes]()
    while content.startswith(MAGIC, place):
        size = _size(content, place)
        blocks.append(content[place : place + size])
        place += size
    if not content.startswith(INDEX, place):
        raise ValueError("the file has no list of its blocks")
    return tree, blocks


def _size(content: bytes, place: int) -> int:
    """Bytes of a block, from its first one."""
    if not content.startswith(MAGIC, place):
        raise ValueError("there is no block")
    header = HEADER.unpack_from(content, place + len(MAGIC))
    length, flags, _, room, size, *_ = header
    if length != HEADER.size - 2 or flags or room != size:
        raise ValueError(f"a block has the header {header}")
    return len(MAGIC) + HEADER.size + int(size)


def _with_index(tree: bytes, blocks: list[bytes | Part]) -> Iterator[bytes | Part]:
    place, index = len(tree), INDEX
    yield tree
    for block in blocks:
        index += b"- %d\n" % place
        place += block.size if isinstance(block, Part) else len(block)
        yield block
    yield index + b"...\n"
