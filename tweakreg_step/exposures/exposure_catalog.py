"""One exposure -> its catalog: found, or given by the user, and selected."""

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
    "kept_catalogs",
    "tell_untouched",
]

log = logging.getLogger(__name__)

T = TypeVar("T")


def custom_catalogs(parameters: Parameters, names: Sequence[str]) -> dict[str, Path | None]:
    """The catalogs that the user's catfile gives, by image; empty without one.

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
    """The regions that the user's file of exclusions gives, by image; empty without one.

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


def tell_untouched(exclusions: dict[str, Exclusions], touched: dict[str, bool]) -> None:
    """Warn of each region file whose regions lie on none of the images that it was given for.

    Parameters
    ----------
    exclusions
        The regions, by image.
    touched
        Whether they lie on the image, by image, of those that could be read.
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
    """Where the found catalog of an image is kept."""
    return folder / f"{Path(name).stem}_cat.{parameters.catalogs.catalog_format}"


def kept_catalogs(
    folder: Path, names: Sequence[str], parameters: Parameters
) -> dict[str, Checkpoint]:
    """The catalogs of an earlier run that may be used, by image.

    Positions that an effective PSF refines depend on all exposures, so that one of them proves
    nothing: they are found again.
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
    return {name: kept for name, kept in found.items() if kept is not None}


@dataclass(frozen=True, slots=True)
class ExposureCatalog:
    """The sources of an exposure on their way.

    Attributes
    ----------
    sources
        Found or given, and selected.
    path
        Where they are to be written, if at all.
    fwhm
        Width of a star that was used, and that was expected [pixels]; zeros for a given catalog.
    stamps
        Cut-outs around the sources where they are still needed.
    mark
        Fingerprint of what a found catalog is made of; '' where nobody needs it.
    reused
        Whether it was found by an earlier run.
    touched
        Whether the regions that the user gave for the image, if any, lie on it.
    """

    sources: Sources
    path: Path | None = None
    fwhm: tuple[float, float] = (0.0, 0.0)
    stamps: Stamps | None = None
    mark: str = ""
    reused: bool = False
    touched: bool = True


@dataclass(frozen=True, slots=True)
class Reader:
    """How the exposures of one run are read.

    Attributes
    ----------
    custom
        Catalogs of the catfile, by image.
    exclusions
        The user's regions, by image.
    folder
        Where found catalogs are written.
    homes
        Folders where a catalog that an image names may be, by image.
    kept
        Catalogs of an earlier run, by image.
    """

    telescope: Telescope
    parameters: Parameters
    custom: dict[str, Path | None]
    exclusions: dict[str, Exclusions]
    folder: Path
    homes: dict[str, list[Path]]
    kept: dict[str, Checkpoint]

    def only(self, name: str) -> Reader:
        """What is needed for one image alone: this travels between processes."""
        return replace(
            self,
            custom=_part(self.custom, name),
            exclusions=_part(self.exclusions, name),
            homes=_part(self.homes, name),
            kept=_part(self.kept, name),
        )

    def catalog(self, model: Any, name: str) -> ExposureCatalog:
        """The catalog of an exposure, which is left as it is."""
        return replace(self._catalog(model, name), touched=self._is_touched(model, name))

    def _is_touched(self, model: Any, name: str) -> bool:
        regions = self.exclusions.get(name)
        if regions is None or not regions.regions:
            return True  # there is nothing that should have touched it
        box = self.telescope.bounding_box(model)
        return regions.touches(box, model.meta.wcs.forward_transform)

    def _catalog(self, model: Any, name: str) -> ExposureCatalog:
        given = self._given(model, name)
        if given is not None:
            return ExposureCatalog(self._selected(self._read(model, given, name), model, name))
        options, path, mark = self.parameters, None, ""
        pixels = self.telescope.pixels(model)
        if options.keeps_catalogs:
            path = catalog_path(self.folder, name, options)
            mark = self._mark(model, name, pixels)
        kept = self.kept.get(name)
        if kept is not None and kept.mark == mark:
            return ExposureCatalog(kept.sources, path, kept.fwhm, None, mark, reused=True)
        found = self._find(model, pixels)
        # that a finder sees something off the image's box is nothing to tell
        box = self.telescope.bounding_box(model)
        sources, stamps = self._selected(inside(found.sources, box), model, name), None
        if options.finder.refine_centroids == "epsf":
            stamps = star_stamps(found.plane, sources, found.fwhm)
        return ExposureCatalog(sources, path, (found.fwhm, found.expected_fwhm), stamps, mark)

    def _mark(self, model: Any, name: str, pixels: Pixels) -> str:
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
            # the brightest are wanted of those that are selected, so all are needed
            finder = replace(finder, brightest=sys.maxsize // 4)
        return find_sources(
            pixels,
            options.catalogs.starfinder,
            finder,
            options.segmentation,
            self.telescope.fwhm(model),
        )

    def _selected(self, sources: Sources, model: Any, name: str) -> Sources:
        """The sources that take part; the log says how many do not, and why."""
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
        places = [Path(named), *(home / named for home in self.homes.get(name, []))]
        return next((place for place in places if is_table_file(place)), places[0])


def _part(known: dict[str, T], name: str) -> dict[str, T]:
    return {name: known[name]} if name in known else {}
