"""The user's lists of catalogs and of regions, and what is said of them before the work."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from tweakreg_step.catalogs import check_images, read_catfile
from tweakreg_step.core.wording import listed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tweakreg_step.parameters import Parameters
    from tweakreg_step.sources.regions import Exclusions

__all__ = ["custom_catalogs", "exclusions_of", "warn_untouched", "warn_without_catalogs"]

log = logging.getLogger(__name__)


def custom_catalogs(parameters: Parameters, names: Sequence[str]) -> dict[str, Path | None]:
    """Paths of the catalogs in the user's catfile, by image; empty without one.

    Raises
    ------
    InputError
        If it can't be used, or names an image that is not among ``names``.
    """
    catfile, wanted = parameters.catalogs.catfile, parameters.catalogs.use_custom_catalogs
    if not (catfile and wanted):
        return {}
    catalogs = read_catfile(Path(catfile).expanduser())
    check_images(catalogs, names, catfile)
    # workers on other machines may have another working folder
    return {name: path and path.absolute() for name, path in catalogs.items()}


def exclusions_of(parameters: Parameters, names: Sequence[str]) -> dict[str, Exclusions]:
    """The regions in the user's file of exclusions, by image; empty without one.

    Raises
    ------
    InputError
        If it, or a region file, can't be used, or if it names an image that is not among ``names``.
    """
    path, role = parameters.selection.exclusions, "exclusions file"
    if not path:
        return {}
    from tweakreg_step.sources.regions import read_exclusions  # noqa: PLC0415 - slow

    files = read_catfile(Path(path).expanduser(), role, "region file")
    check_images(files, names, path, role)
    different = dict.fromkeys(file for file in files.values() if file is not None)
    regions = {file: read_exclusions(file) for file in different}
    for one in regions.values():
        _tell_included(one)
    return {name: regions[file] for name, file in files.items() if file is not None}


def _tell_included(exclusions: Exclusions) -> None:
    """Say that a region file keeps only what is inside, as DS9's regions include unless told."""
    included, count = exclusions.included, len(exclusions.regions)
    if included:
        log.log(
            logging.WARNING if included == count else logging.INFO,
            "The region file '%s' has %d include regions and %d exclude regions: only sources "
            "inside of its include regions are used. To leave out what is inside instead, write "
            "'-' before each shape, or set its property 'Exclude' in DS9.",
            *(exclusions.path, included, count - included),
        )


def warn_untouched(exclusions: dict[str, Exclusions], touched: dict[str, bool]) -> None:
    """Warn of each region file whose regions lie on none of the images that it was given for.

    Parameters
    ----------
    exclusions
        The regions, by image.
    touched
        Whether they overlap the image, by image, for images that could be read.
    """
    images: dict[str, list[str]] = {}
    for name, regions in exclusions.items():
        if name in touched:
            images.setdefault(regions.path, []).append(name)
    for path, names in images.items():
        if not any(touched[name] for name in names):
            log.warning(
                "None of the regions of '%s' lies on its image: %s. They should, to leave anything "
                "out. Check their coordinates (pixels of the image, or the sky), and the lines of "
                "'exclusions'.",
                path,
                listed(names),
            )


def warn_without_catalogs(
    parameters: Parameters, catfile: dict[str, Path | None], named: Sequence[str | bool | None]
) -> None:
    """Warn if the user's catalogs are to be used, and no image has one.

    Parameters
    ----------
    parameters
        The parameters of the run.
    catfile
        Catalogs of the catfile.
    named
        (I,) whether the metadata of each image name one, or which; None where that is not known.
    """
    if not parameters.catalogs.use_custom_catalogs or any(catfile.values()):
        return
    if named and not any(name or name is None for name in named):
        log.warning(
            "use_custom_catalogs=True, but none of the %d images has a catalog: no 'catfile' names "
            "one, nor does 'tweakreg_catalog' of a member of the association or of 'meta'. "
            "The sources of all are searched. Give a 'catfile' with two columns: image, catalog.",
            len(named),
        )
