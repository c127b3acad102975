"""Sources on their images, as regions of DS9; and the list of catalogs, to be given back."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.core.exceptions import OutputError
from tweakreg_step.files.whole_files import write_whole

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tweakreg_step.core.sources import Sources
    from tweakreg_step.report import RunResult

__all__ = ["save_catfile", "save_regions"]

log = logging.getLogger(__name__)

USED, CLIPPED, ALONE, NO_OBJECT = "used", "residual too large", "no match", "no object on the sky"
COLOURS = {USED: "green", CLIPPED: "red", ALONE: "blue", NO_OBJECT: "magenta"}
"""What became of a source, and its colour."""

RADIUS = 6
"""Of the circles [pixels]."""


def save_regions(
    result: RunResult, catalogs: Sequence[str | None], left_out: Sequence[Sources], folder: Path
) -> None:
    """Write ``<catalog>.reg`` beside each catalog; a failure is logged and stops nothing.

    Parameters
    ----------
    result
        Result of the run.
    catalogs
        (I,) file name of each image's catalog, None where none was written.
    left_out
        (I,) the sources of each image that could not take part: hot pixels, cosmic rays.
    folder
        Folder of the catalogs.
    """
    for image, (catalog, others) in enumerate(zip(catalogs, left_out, strict=True)):
        if catalog is None:
            continue
        lines = "\n".join(_lines(result, image, others)) + "\n"
        path = folder / f"{catalog.rpartition('.')[0]}.reg"
        _write(path, lines)


def save_catfile(
    images: Sequence[str], catalogs: Sequence[str | None], product: str, folder: Path
) -> None:
    """Write ``<product>_catfile.txt``, which names the catalog of each image.

    It can be given as 'catfile', with use_custom_catalogs=True.

    Parameters
    ----------
    images
        (I,) names of the images.
    catalogs
        (I,) file name of each image's catalog, None where none was written.
    product
        Name of the product.
    folder
        Folder of the catalogs.
    """
    pairs = [(n, c) for n, c in zip(images, catalogs, strict=True) if c is not None]
    plain = [(name, catalog) for name, catalog in pairs if " " not in name + catalog]
    if plain:
        lines = ["# image catalog", *(f"{name} {catalog}" for name, catalog in plain)]
        _write(folder / f"{product}_catfile.txt", "\n".join(lines) + "\n")


def _write(path: Path, text: str) -> None:
    try:
        write_whole(path, lambda draft: draft.write_text(text, encoding="ascii", errors="replace"))
    except OutputError as error:
        log.error("%s", error)  # noqa: TRY400 - the sentence says all, a traceback nothing more


def _lines(result: RunResult, image: int, others: Sources) -> list[str]:
    """The regions of an image, and what their colours mean."""
    lines = [
        "# Region file format: DS9 version 4.1",
        *(f"# {colour}: {meaning}" for meaning, colour in COLOURS.items()),
        "image",
    ]
    detections, solution = result.catalogs.detections, result.solution
    if detections is not None:
        own = np.flatnonzero(detections.image == image)
        source = np.zeros(len(own)) if solution is None else solution.detections.source[own]
        used = np.ones(len(own), bool) if solution is None else solution.detections.used[own]
        words = np.select([used, source >= 0], [USED, CLIPPED], ALONE)
        places = zip(result.catalogs.x[own], result.catalogs.y[own], words, strict=True)
        lines += [_circle(x, y, str(word)) for x, y, word in places]
    lines += [_circle(x, y, NO_OBJECT) for x, y in zip(others.x, others.y, strict=True)]
    return lines


def _circle(x: float, y: float, word: str) -> str:
    """A circle; DS9 counts pixels from 1."""
    return f"circle({x + 1.0:.3f},{y + 1.0:.3f},{RADIUS}) # color={COLOURS[word]} tag={{{word}}}"
