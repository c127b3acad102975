"""The user's lists of images and files that belong to them: an image on each line."""

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
        Columns separated by white space: image, file; or image, and a file for each of its chips
        (SCI,1), (SCI,2), ... Empty lines and lines that start with ``#`` are skipped. Paths are
        relative to the folder of this file.
    role
        Name of the list in error messages.
    second
        Name of the second column in error messages.

    Returns
    -------
    dict
        Image file name -> file, or None for an image listed without one, or with ``None`` or
        ``INDEF`` in its place. With a file for each chip, names of chips: ``a.fits[SCI,1]``.

    Raises
    ------
    InputError
        If the list can't be read, or lists an image twice.
    """
    try:
        lines = content_of(path).decode().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"The {role} '{path}' can't be read: {error}. It must be a text file with two "
            f"columns: image, {second}. Check '{role.split(maxsplit=1)[0]}'."
        ) from error
    files: dict[str, Path | None] = {}
    seen: set[str] = set()
    for number, line in enumerate(lines, start=1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        image = Path(words[0]).name
        if image in seen:
            raise InputError(
                f"Line {number} of the {role} '{path}' lists the image '{image}' a second time, "
                "but each may be listed once. Remove one of the two lines."
            )
        seen.add(image)
        given = [None if word.upper() in NOTHING else path.parent / word for word in words[1:]]
        if len(given) > 1:
            files |= {f"{image}[SCI,{chip}]": file for chip, file in enumerate(given, start=1)}
        else:
            files[image] = given[0] if given else None
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
