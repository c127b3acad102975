"""The user's list of images and their catalogs: a text file with two columns."""

from __future__ import annotations

from pathlib import Path

from .exceptions import InputError

__all__ = ["read_catfile"]


def read_catfile(path: Path) -> dict[str, Path | None]:
    """Read which catalog belongs to which image.

    Parameters
    ----------
    path
        Two columns separated by white space: image, catalog. Empty lines and lines that start
        with ``#`` are passed over. Paths of catalogs start at the folder of this file.

    Returns
    -------
    dict
        Image file name -> catalog, or None for an image listed without one.

    Raises
    ------
    InputError
        If the file can't be read, has another number of columns, or lists an image twice.
    """
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"The catfile '{path}' can't be read: {error}. It must be a text file with two "
            "columns: image, catalog. Check 'catfile'."
        ) from error
    catalogs: dict[str, Path | None] = {}
    for number, line in enumerate(lines, start=1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        where = f"Line {number} of the catfile '{path}'"
        if len(words) > 2:
            raise InputError(
                f"{where} has {len(words)} columns, but two are needed: image, catalog. Remove "
                "the others; names must not contain blanks."
            )
        image = Path(words[0]).name
        if image in catalogs:
            raise InputError(
                f"{where} lists the image '{image}' a second time, but each may be listed once. "
                "Remove one of the two lines."
            )
        catalogs[image] = path.parent / words[1] if len(words) == 2 else None
    return catalogs
