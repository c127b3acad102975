"""The source catalog of one exposure: found in its pixels or given by the user, then selected."""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

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
from tweakreg_step.core.wording import listed
from tweakreg_step.parameters import SelectionParameters
from tweakreg_step.sources import limits_of, select, star_stamps, with_peaks
from tweakreg_step.sources.detect import find_sources
from tweakreg_step.telescopes.wcs import pixels_within

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from tweakreg_step.catalogs import Checkpoint
    from tweakreg_step.core.sources import BoundingBox, Pixels, Sources
    from tweakreg_step.parameters import Parameters
    from tweakreg_step.sources import Stamps
    from tweakreg_step.sources.detect import Finding
    from tweakreg_step.sources.regions import Exclusions
    from tweakreg_step.telescopes import Telescope

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
    return folder / f"{Path(name).stem}_cat.{parameters.catalogs.catalog_format}"


def read_checkpoints(
    folder: Path, names: Sequence[str], parameters: Parameters
) -> dict[str, Checkpoint]:
    """The catalogs of an earlier run, by image, if parameters allow to resume from them.

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
    found = {name: read_checkpoint(catalog_path(folder, name, parameters)) for name in names}
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
    """

    sources: Sources
    path: Path | None = None
    fwhm: tuple[float, float] = (0.0, 0.0)
    stamps: Stamps | None = None
    fingerprint: str = ""
    reused: bool = False
    touched: bool = True


@dataclass(frozen=True, slots=True)
class Reader:
    """What is needed to read the exposures of one run.

    Attributes
    ----------
    telescope, parameters
        The mission, and the parameters of the run.
    custom
        Paths of the catalogs in the catfile, by image.
    exclusions
        The user's regions, by image.
    folder
        Folder in which found catalogs are written.
    catalog_folders
        Folders in which a catalog named by an image's metadata is searched, by image.
    checkpoints
        Catalogs of an earlier run, by image.
    """

    telescope: Telescope
    parameters: Parameters
    custom: dict[str, Path | None]
    exclusions: dict[str, Exclusions]
    folder: Path
    catalog_folders: dict[str, list[Path]]
    checkpoints: dict[str, Checkpoint]

    def only(self, name: str) -> Reader:
        """The part for one image, to be sent to a worker process."""
        return replace(
            self,
            custom=_part(self.custom, name),
            exclusions=_part(self.exclusions, name),
            catalog_folders=_part(self.catalog_folders, name),
            checkpoints=_part(self.checkpoints, name),
        )

    def catalog(self, model: Any, name: str) -> ExposureCatalog:
        """The catalog of an open exposure, which is not changed."""
        return replace(self._catalog(model, name), touched=self._is_touched(model, name))

    def _is_touched(self, model: Any, name: str) -> bool:
        regions = self.exclusions.get(name)
        if regions is None or not regions.regions:
            return True  # no region that could miss the image
        box = self.telescope.bounding_box(model)
        return regions.touches(box, model.meta.wcs.forward_transform)

    def _catalog(self, model: Any, name: str) -> ExposureCatalog:
        given = self._given(model, name)
        if given is not None:
            return ExposureCatalog(self._selected(self._read(model, given, name), model, name))
        options, path, fingerprint = self.parameters, None, ""
        pixels = self.telescope.pixels(model)
        if options.keeps_catalogs:
            path = catalog_path(self.folder, name, options)
            fingerprint = self._fingerprint(model, name, pixels)
        checkpoint = self.checkpoints.get(name)
        if checkpoint is not None and checkpoint.fingerprint == fingerprint:
            return ExposureCatalog(
                checkpoint.sources, path, checkpoint.fwhm, None, fingerprint, reused=True
            )
        found = self._find(model, pixels)
        # sources outside the bounding box are not counted among those found
        box = self.telescope.bounding_box(model)
        sources, stamps = self._selected(inside(found.sources, box), model, name), None
        if options.finder.refine_centroids == "epsf":
            stamps = star_stamps(found.plane, sources, found.fwhm)
        return ExposureCatalog(
            sources, path, (found.fwhm, found.expected_fwhm), stamps, fingerprint
        )

    def _fingerprint(self, model: Any, name: str, pixels: Pixels) -> str:
        """The fingerprint of the catalog that would be found."""
        options, box = self.parameters, self.telescope.bounding_box(model)
        regions = self.exclusions.get(name)
        corners = None  # the WCS matters for regions on the sky alone
        if regions is not None:
            corners = np.asarray(model.meta.wcs(*np.meshgrid(*box)))
        return fingerprint(
            [
                *(pixels.data, pixels.error, pixels.mask, pixels.saturated),
                *(box, self.telescope.fwhm(model), self.telescope.exposure_time(model)),
                *(options.catalogs.starfinder, options.finder, options.segmentation),
                *(options.selection, None if regions is None else regions.text, corners),
            ]
        )

    def _read(self, model: Any, path: Path, name: str) -> Sources:
        options, box = self.parameters, self.telescope.bounding_box(model)
        to_pixels = partial(pixels_within, model.meta.wcs, box)
        return read_catalog(path, name, options.columns, options.selection, to_pixels)

    def _find(self, model: Any, pixels: Pixels) -> Finding:
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
            self.telescope.fwhm(model),
        )

    def _selected(self, sources: Sources, model: Any, name: str) -> Sources:
        """The selected sources; logs how many are dropped, and why."""
        options, box = self.parameters, self.telescope.bounding_box(model)
        all_of_them, sources = len(sources), inside(sources, box)
        limits = limits_of(
            options.selection,
            options.finder.brightest,
            options.finder.peakmax,
            self.telescope.exposure_time(model),
            name,
        )
        if limits.peak != (None, None):
            sources = with_peaks(sources, self.telescope.pixels(model))
        selected, dropped = select(sources, limits, box, self._allowed(model, name, box))
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
        self, model: Any, name: str, box: BoundingBox
    ) -> Callable[[Sources], NDArray[np.bool_]] | None:
        exclusions = self.exclusions.get(name)
        if exclusions is None:
            return None
        centre = (0.5 * sum(box[0]), 0.5 * sum(box[1]))
        to_sky = model.meta.wcs.forward_transform
        return lambda sources: exclusions.allowed(sources.x, sources.y, to_sky, centre)

    def _given(self, model: Any, name: str) -> Path | None:
        """The user's catalog of an image: of the catfile, else of its association or metadata.

        (A library copies the association's ``tweakreg_catalog`` into the metadata of its models.)
        """
        if not self.parameters.catalogs.use_custom_catalogs:
            return None
        if name in self.custom:
            return self.custom[name]
        named = (getattr(model.meta, "tweakreg_catalog", None) or "").strip()
        if not named:
            return None
        places = [Path(named), *(home / named for home in self.catalog_folders.get(name, []))]
        return next((place for place in places if is_table_file(place)), places[0])


def _part(known: dict[str, T], name: str) -> dict[str, T]:
    return {name: known[name]} if name in known else {}
