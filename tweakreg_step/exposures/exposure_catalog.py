"""The source catalog of one exposure: found in its pixels or given by the user, then selected."""

from __future__ import annotations

import logging
import re
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from tweakreg_step.catalogs import (
    check_images,
    fingerprint,
    inside,
    is_table_file,
    read_catalog,
    read_catfile,
    read_checkpoint,
)
from tweakreg_step.core.names import file_of
from tweakreg_step.core.wording import listed
from tweakreg_step.parameters import SelectionParameters
from tweakreg_step.sources import limits_of, select, star_stamps, with_peaks
from tweakreg_step.sources.detect import find_sources

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from tweakreg_step.catalogs import Checkpoint
    from tweakreg_step.core.sources import BoundingBox, Pixels, Sources
    from tweakreg_step.parameters import Parameters
    from tweakreg_step.sources import Stamps
    from tweakreg_step.sources.detect import Finding
    from tweakreg_step.sources.regions import Exclusions
    from tweakreg_step.telescopes import OpenImage

__all__ = [
    "ExposureCatalog",
    "Reader",
    "custom_catalogs",
    "exclusions_of",
    "read_checkpoints",
    "warn_untouched",
]

log = logging.getLogger(__name__)

T = TypeVar("T")


def custom_catalogs(parameters: Parameters, names: Sequence[str]) -> dict[str, Path | None]:
    """Paths of the catalogs in the user's catfile, by image; empty without one.

    Raises
    ------
    InputError
        If it can't be used, or names an image that is not among ``names``.
    """
    catfile, wanted = parameters.catalogs.catfile, parameters.catalogs.use_custom_catalogs
    if catfile and not wanted:
        log.warning("'catfile' is given but not used: set use_custom_catalogs=True to use it.")
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
    return {name: regions[file] for name, file in files.items() if file is not None}


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


def catalog_path(folder: Path, name: str, parameters: Parameters) -> Path:
    """Path of the catalog that is found in an image."""
    label = re.sub(r"\W+", "", name.removeprefix(file_of(name)))
    which = f"{_stem(name)}_{label}" if label else _stem(name)
    return folder / f"{which}.{parameters.catalogs.catalog_format}"


def _stem(name: str) -> str:
    """The start of the names of the catalogs of a file."""
    return f"{Path(file_of(name)).stem.removesuffix('.fits')}_cat"  # also of a_cal.fits.gz


def read_checkpoints(
    folder: Path, names: Sequence[str], parameters: Parameters
) -> dict[str, Checkpoint]:
    """The catalogs of an earlier run, by file name, if parameters allow to resume from them.

    They are searched by name: how many images an exposure holds is known when it is opened.


    Positions refined by an effective PSF depend on all exposures, which the fingerprint of one
    catalog does not cover: they are measured again.
    """
    if not parameters.scale.resume:
        return {}
    if parameters.finder.refine_centroids == "epsf":
        log.warning(
            "'resume' has no effect with refine_centroids='epsf', as the positions in each catalog "
            "depend on all exposures. Choose 'window' to resume."
        )
        return {}
    starts = tuple(_stem(name) + end for name in names for end in "._")
    there = sorted(folder.glob(f"*.{parameters.catalogs.catalog_format}"))
    found = {path.name: read_checkpoint(path) for path in there if path.name.startswith(starts)}
    return {name: checkpoint for name, checkpoint in found.items() if checkpoint is not None}


@dataclass(frozen=True, slots=True)
class ExposureCatalog:
    """The source catalog of an exposure.

    Attributes
    ----------
    sources
        Sources, found or of the user's catalog, after selection.
    path
        Path to write them to, None if they are not written.
    fwhm
        FWHM of stars that was used, and that was expected [pixels]; zeros for a user's catalog.
    stamps
        Cut-outs around the sources, for an effective PSF.
    fingerprint
        Fingerprint of pixels, parameters and software; '' where it is not needed.
    reused
        Whether the catalog is that of an earlier run.
    touched
        Whether the user's regions for the image, if any, overlap it.
    unused
        Number of further sources, which can't be used; counted when all catalogs are there.
    left_out
        These sources; None until then.
    """

    sources: Sources
    path: Path | None = None
    fwhm: tuple[float, float] = (0.0, 0.0)
    stamps: Stamps | None = None
    fingerprint: str = ""
    reused: bool = False
    touched: bool = True
    unused: int = 0
    left_out: Sources | None = None


@dataclass(frozen=True, slots=True)
class Reader:
    """What is needed to read the exposures of one run.

    Attributes
    ----------
    parameters
        The parameters of the run.
    custom
        Paths of the catalogs in the catfile, by image or by file.
    exclusions
        The user's regions, by image or by file.
    folder
        Folder in which found catalogs are written.
    catalog_folders
        Folders in which a catalog named by an image's metadata is searched, by file.
    checkpoints
        Catalogs of an earlier run, by the name of the catalog's file.
    """

    parameters: Parameters
    custom: dict[str, Path | None]
    exclusions: dict[str, Exclusions]
    folder: Path
    catalog_folders: dict[str, list[Path]]
    checkpoints: dict[str, Checkpoint]

    def only(self, name: str) -> Reader:
        """The part for one file, to be sent to a worker process."""
        starts = _stem(name) + ".", _stem(name) + "_"
        return replace(
            self,
            custom=_part(self.custom, name),
            exclusions=_part(self.exclusions, name),
            catalog_folders=_part(self.catalog_folders, name),
            checkpoints={
                path: kept for path, kept in self.checkpoints.items() if path.startswith(starts)
            },
        )

    def catalog(self, image: OpenImage, name: str) -> ExposureCatalog:
        """The catalog of an open image, which is not changed."""
        return replace(self._catalog(image, name), touched=self._is_touched(image, name))

    def _is_touched(self, image: OpenImage, name: str) -> bool:
        regions = _of(self.exclusions, name)
        if regions is None or not regions.regions:
            return True  # no region that could miss the image
        return regions.touches(image.bounding_box, image.to_sky)

    def _catalog(self, image: OpenImage, name: str) -> ExposureCatalog:
        given = self._given(image, name)
        if given is not None:
            return ExposureCatalog(self._selected(self._read(image, given, name), image, name))
        options, path, fingerprint, checkpoint = self.parameters, None, "", None
        pixels = image.pixels()
        if options.keeps_catalogs:
            path = catalog_path(self.folder, name, options)
            fingerprint = self._fingerprint(image, name, pixels)
            checkpoint = self.checkpoints.get(path.name)
        if checkpoint is not None and checkpoint.fingerprint == fingerprint:
            return ExposureCatalog(
                checkpoint.sources, path, checkpoint.fwhm, None, fingerprint, reused=True
            )
        found = self._find(image, pixels)
        # sources outside the bounding box are not counted among those found
        on_image = inside(found.sources, image.bounding_box)
        sources, stamps = self._selected(on_image, image, name), None
        if options.finder.refine_centroids == "epsf":
            stamps = star_stamps(found.plane, sources, found.fwhm)
        return ExposureCatalog(
            sources, path, (found.fwhm, found.expected_fwhm), stamps, fingerprint
        )

    def _fingerprint(self, image: OpenImage, name: str, pixels: Pixels) -> str:
        """The fingerprint of the catalog that would be found."""
        options, box = self.parameters, image.bounding_box
        regions = _of(self.exclusions, name)
        corners = None  # the WCS matters for regions on the sky alone
        if regions is not None:
            corners = np.asarray(image.to_sky(*np.meshgrid(*box)))
        return fingerprint(
            [
                *(pixels.data, pixels.error, pixels.mask, pixels.saturated),
                *(box, image.fwhm, image.exposure_time),
                *(options.catalogs.starfinder, options.finder, options.segmentation),
                *(options.selection, None if regions is None else regions.text, corners),
            ]
        )

    def _read(self, image: OpenImage, path: Path, name: str) -> Sources:
        options = self.parameters
        return read_catalog(path, name, options.columns, options.selection, image.to_pixels)

    def _find(self, image: OpenImage, pixels: Pixels) -> Finding:
        options = self.parameters
        finder = options.finder
        if options.selection != SelectionParameters() or finder.peakmax is not None:
            # the brightest are taken after selection, so all must be found first
            finder = replace(finder, brightest=sys.maxsize // 4)
        return find_sources(
            pixels,
            options.catalogs.starfinder,
            finder,
            options.segmentation,
            image.fwhm,
        )

    def _selected(self, sources: Sources, image: OpenImage, name: str) -> Sources:
        """The selected sources; logs how many are dropped, and why."""
        options, box = self.parameters, image.bounding_box
        all_of_them, sources = len(sources), inside(sources, box)
        limits = limits_of(
            options.selection,
            options.finder.brightest,
            options.finder.peakmax,
            image.exposure_time,
            name,
        )
        if limits.peak != (None, None):
            sources = with_peaks(sources, image.pixels())
        selected, dropped = select(sources, limits, box, self._allowed(image, name, box))
        dropped = {"the bounding box": all_of_them - len(sources)} | dropped
        reasons = ", ".join(f"{number} by {why}" for why, number in dropped.items() if number)
        if reasons:
            level = logging.INFO if len(selected) else logging.WARNING
            log.log(
                level,
                "%s: %d of %d sources are kept; dropped are %s",
                *(name, len(selected), all_of_them, reasons),
            )
        return selected

    def _allowed(
        self, image: OpenImage, name: str, box: BoundingBox
    ) -> Callable[[Sources], NDArray[np.bool_]] | None:
        exclusions = _of(self.exclusions, name)
        if exclusions is None:
            return None
        centre = (0.5 * sum(box[0]), 0.5 * sum(box[1]))
        return lambda sources: exclusions.allowed(sources.x, sources.y, image.to_sky, centre)

    def _given(self, image: OpenImage, name: str) -> Path | None:
        """The user's catalog of an image: of the catfile, else of its association or metadata.

        (A library copies the association's ``tweakreg_catalog`` into the metadata of its models.)
        """
        if not self.parameters.catalogs.use_custom_catalogs:
            return None
        for key in (name, file_of(name)):
            if key in self.custom:
                return self.custom[key]
        named = image.catalog
        if not named:
            return None
        folders = self.catalog_folders.get(file_of(name), [])
        places = [Path(named), *(folder / named for folder in folders)]
        return next((place for place in places if is_table_file(place)), places[0])


def _of(known: dict[str, T], name: str) -> T | None:
    """The entry of an image, else that of its file."""
    return known.get(name, known.get(file_of(name)))


def _part(known: dict[str, T], name: str) -> dict[str, T]:
    """The entries of a file and of its images."""
    return {key: value for key, value in known.items() if name in (key, file_of(key))}
