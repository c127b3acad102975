"""The project's own ASDF files: trees that are written and read as wholes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import asdf

from .asdf_extensions import load_extensions

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import BinaryIO

__all__ = ["tree_in", "writer_of"]


def writer_of(
    tree: dict[str, Any], schema: str | Path | None = None
) -> Callable[[Path | BinaryIO], None]:
    """What writes a tree to a path or a stream, arrays compressed.

    Raises
    ------
    asdf.ValidationError
        If the tree is not as its `schema`, a path, has it.
    """
    load_extensions()
    file = asdf.AsdfFile(tree, custom_schema=schema)
    return lambda target: file.write_to(target, all_array_compression="zlib")


def tree_in(source: Path | BinaryIO) -> dict[str, Any]:
    """The tree of a file, all of it in memory; readers raise whatever they like on a broken one."""
    load_extensions()
    with asdf.open(source, lazy_load=False, memmap=False) as file:
        return dict(file.tree)
