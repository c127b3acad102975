"""The user's lists of images and files that belong to them: text files with two columns."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tweakreg_step.core.exceptions import InputError
from tweakreg_step.files.names import file_of
from tweakreg_step.files.whole_files import content_of

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["check_images", "read_catfile"]

NOTHING = {"NONE", "INDEF"}
"""Words, in any letter case, for an image without a file in the second column."""


def read_catfile(
    path: Path, role: str = "catfile", second: str = "catalog"
) -> dict[str, Path | None]:
    """Read which file belongs to which image.

    Parameters
    ----------
    path
        Two columns separated by white space: image, file. Empty lines and lines that start with
        ``#`` are skipped. Paths in the second column are relative to the folder of this file.
    role
        Name of the list in error messages.
    second
        Name of the second column in error messages.

    Returns
    -------
    dict
        Image file name -> file, or None for an image listed without one, or with ``None`` or
        ``INDEF`` in its place.

    Raises
    ------
    InputError
        If the list can't be read, has another number of columns, or lists an image twice.
    """
    try:
        lines = content_of(path).decode().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"The {role} '{path}' can't be read: {error}. It must be a text file with two "
            f"columns: image, {second}. Check '{role.split(maxsplit=1)[0]}'."
        ) from error
    files: dict[str, Path | None] = {}
    for number, line in enumerate(lines, start=1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        where = f"Line {number} of the {role} '{path}'"
        if len(words) > 2:
            raise InputError(
                f"{where} has {len(words)} columns, but two are needed: image, {second}. Remove "
                "the others; names must not contain blanks, and each image is of one detector."
            )
        image = Path(words[0]).name
        if image in files:
            raise InputError(
                f"{where} lists the image '{image}' a second time, but each may be listed once. "
                "Remove one of the two lines."
            )
        given = words[1:] if words[1:] and words[1].upper() not in NOTHING else []
        files[image] = path.parent / given[0] if given else None
    return files


def check_images(
    files: dict[str, Path | None], names: Sequence[str], path: str, role: str = "catfile"
) -> None:
    """Refuse a list that names an image which is not among ``names``, those of files.

    Raises
    ------
    InputError
        If one is not.
    """
    known = set(names)
    unknown = sorted(name for name in files if name not in known and file_of(name) not in known)
    if unknown:
        raise InputError(
            f"The {role} '{path}' names {', '.join(map(repr, unknown))}, but each image in it "
            f"must be among the input: {', '.join(map(repr, names))}. Mend or remove the line."
        )
