"""The command ``tweakreg headerlet``, and headerlets that ``tweakreg apply`` is given."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tweakreg_step.core.exceptions import InputError
from tweakreg_step.drizzlepac import (
    HeaderletOptions,
    apply_headerlet,
    is_headerlet,
    write_headerlets,
)
from tweakreg_step.drizzlepac.headerlets import images_of_solution
from tweakreg_step.files.whole_files import check_folder
from tweakreg_step.solutions import read_solution, targets_of

from .output import say

if TYPE_CHECKING:
    import argparse

__all__ = ["put_headerlet", "run_headerlet"]


def run_headerlet(options: argparse.Namespace) -> int:
    """Write the headerlets of a solution; returns the exit status."""
    path = Path(options.solution).expanduser()
    solution = read_solution(path)
    images = (
        [target.path for target in targets_of(options.exposures) if target.path is not None]
        if options.exposures
        else images_of_solution(solution, path.parent)
    )
    folder = Path(options.output_dir).expanduser()
    check_folder(folder)
    given = {word: getattr(options, word) for word in ("hdrname", "author", "descrip", "history")}
    main = given | {
        "catalog": options.catalog or str(solution.reference.get("name", "")),
        "refcat": "",
        "wcsname": "",
        "attach": options.attach,
        "hdrfile": "",
        "clobber": options.clobber,
    }
    for file in write_headerlets(solution, images, HeaderletOptions.of(main).in_folder(folder)):
        say(file)
    return 0


def put_headerlet(options: argparse.Namespace) -> int:
    """Make the WCS of a headerlet the primary one of its image; returns the exit status."""
    path = Path(options.solution).expanduser()
    if not is_headerlet(path):
        raise InputError(
            f"'{path}' is neither a solution (*_tweakreg_solution.asdf) nor a headerlet "
            "(*_hlet.fits), but one of them is needed. The exposures come second."
        )
    folder = None if options.output_dir is None else Path(options.output_dir).expanduser()
    if folder is not None:
        check_folder(folder)
    for target in targets_of(options.exposures):
        if target.path is not None:
            file = target.path if folder is None else folder / target.path.name
            apply_headerlet(path, target.path, file)
            say(f"The headerlet '{path.name}' is the WCS of {file}.")
    return 0
