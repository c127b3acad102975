"""The source catalog of one exposure: found in its pixels or given by the user, then selected."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.catalogs import (
    alignable,
    fingerprint,
    from_table,
    inside,
    is_table_file,
    read_checkpoint,
)
from tweakreg_step.core.data_quality import usable_bits
from tweakreg_step.core.exceptions import InputError
from tweakreg_step.files.names import file_of
from tweakreg_step.parameters import SelectionParameters
from tweakreg_step.sources import limits_of, select, star_stamps, stars_first, with_peaks
from tweakreg_step.sources.detect import find_sources

from .chips import check_chips, keys_of, part_of, regions_of
from .given_catalog import read_given

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from astropy.table import Table
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
    "read_checkpoints",
]

log = logging.getLogger(__name__)

MANY_HITS, AMONG_HITS = 0.2, 5
"""Share of sources that are too sharp for stars above which others will be cosmic rays as well; and
number of sources that are then looked at, relative to the number wanted: faint stars are among the
many that are fainter than these."""

INCLUDED = " (they lie in none of its include regions)"
"""What is said of sources that are dropped by a file with include regions."""


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
    given: bool = False
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
            custom=part_of(self.custom, name),
            exclusions=part_of(self.exclusions, name),
            catalog_folders=part_of(self.catalog_folders, name),
            checkpoints={
                path: kept for path, kept in self.checkpoints.items() if path.startswith(starts)
            },
        )

    def check(self, images: Sequence[str]) -> None:
        """Refuse catalogs of the user's that are not those of the images of an exposure.

        Raises
        ------
        InputError
            If they are not.
        """
        if self.parameters.catalogs.use_custom_catalogs:
            sky = self.parameters.columns.xyunits == "degrees"
            check_chips(self.custom, images, on_the_sky=sky)

    def catalog(self, image: OpenImage, name: str) -> ExposureCatalog:
        """The catalog of an open image, which is not changed."""
        return replace(self._catalog(image, name), touched=self._is_touched(image, name))

    def _is_touched(self, image: OpenImage, name: str) -> bool:
        regions = regions_of(self.exclusions, name)
        if regions is None or not regions.regions:
            return True  # no region that could miss the image
        return regions.touches(image.bounding_box, image.to_sky)

    def _catalog(self, image: OpenImage, name: str) -> ExposureCatalog:
        given = self._given(image, name)
        if given is not None:
            own = read_given(given, image, name, self.parameters)
            return self._kept_whole(own, image, name)
        table = image.table
        if table is not None:
            return self._kept_whole(self._in_memory(table, image, name), image, name)
        options, path, fingerprint, checkpoint = self.parameters, None, "", None
        pixels = self._pixels(image, name)
        if options.keeps_catalogs:
            path = catalog_path(self.folder, name, options)
            fingerprint = self._fingerprint(image, name, pixels)
            checkpoint = self.checkpoints.get(path.name)
        if checkpoint is not None and checkpoint.fingerprint == fingerprint:
            return ExposureCatalog(
                checkpoint.sources, path, checkpoint.fwhm, None, fingerprint, reused=True
            )
        found, refined = self._find(image, pixels), self.refined(image)
        # sources outside the bounding box are not counted among those found
        on_image = inside(found.sources, image.bounding_box)
        most = options.finder.brightest
        if refined and most is not None:
            on_image = stars_first(found.plane, on_image, found.fwhm, most)
        sources, stamps = self._selected(on_image, image, name, most), None
        if refined:
            stamps = star_stamps(found.plane, sources, found.fwhm)
        return ExposureCatalog(
            sources, path, (found.fwhm, found.expected_fwhm), stamps, fingerprint
        )

    def _pixels(self, image: OpenImage, name: str) -> Pixels:
        """The pixels in which sources are found."""
        usable = usable_bits(self.parameters.finder.dqbits)
        if self.parameters.catalogs.pixels_from == "exposure":
            return image.pixels(usable)
        cleaned = image.cleaned_pixels(usable)
        if cleaned is None:
            raise InputError(
                f"pixels_from='crclean', but '{name}' has no such file: only AstroDrizzle "
                "writes images without cosmic rays. Leave 'pixels_from' out."
            )
        return cleaned

    def _fingerprint(self, image: OpenImage, name: str, pixels: Pixels) -> str:
        """The fingerprint of the catalog that would be found."""
        options, box = self.parameters, image.bounding_box
        regions = regions_of(self.exclusions, name)
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

    def _kept_whole(self, sources: Sources, image: OpenImage, name: str) -> ExposureCatalog:
        """A catalog that was given: all of it, unless the user wants the brightest alone."""
        most = self.parameters.brightest_given
        return ExposureCatalog(self._selected(sources, image, name, most), given=True)

    def _in_memory(self, table: Table, image: OpenImage, name: str) -> Sources:
        """The sources of a catalog that an earlier step of the pipeline has left in the model."""
        options = self.parameters
        return from_table(
            table,
            f"in the metadata of '{name}'",
            options.columns,
            options.selection,
            image.to_pixels,
        )

    def _find(self, image: OpenImage, pixels: Pixels) -> Finding:
        options = self.parameters
        finder = options.finder
        if options.selection != SelectionParameters() or finder.peakmax is not None:
            # the brightest are taken after selection, so all must be found first
            finder = replace(finder, brightest=None)
        others = options.segmentation, image.fwhm
        found = find_sources(pixels, options.catalogs.starfinder, finder, *others)
        if finder.brightest is None or not self.refined(image):
            return found
        usable = len(alignable(found.sources))
        if usable < finder.brightest or usable > (1.0 - MANY_HITS) * len(found.sources):
            return found
        finder = replace(finder, brightest=AMONG_HITS * finder.brightest)
        return find_sources(pixels, options.catalogs.starfinder, finder, *others)

    def refined(self, image: OpenImage) -> bool:
        """Whether positions are refined with an effective PSF.

        With ``resume`` only where that is asked for, since positions then depend on all exposures.
        """
        option = self.parameters.finder.refine_centroids
        if option == "auto":
            return image.full_of_hits and not self.parameters.scale.resume
        return option == "epsf"

    def _selected(
        self, sources: Sources, image: OpenImage, name: str, brightest: int | None
    ) -> Sources:
        """The selected sources; logs how many are dropped, and why."""
        options, box = self.parameters, image.bounding_box
        all_of_them, sources = len(sources), inside(sources, box)
        limits = limits_of(
            options.selection,
            brightest,
            options.finder.peakmax,
            image.exposure_time,
            name,
        )
        if limits.peak != (None, None):
            sources = with_peaks(sources, self._pixels(image, name))
        selected, dropped = select(sources, limits, box, self._allowed(image, name, box))
        dropped = {"the bounding box": all_of_them - len(sources)} | dropped
        outside = regions_of(self.exclusions, name)
        meant = {"exclusions": INCLUDED} if outside is not None and outside.included else {}
        reasons = ", ".join(
            f"{number} by {why}{meant.get(why, '')}" for why, number in dropped.items() if number
        )
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
        exclusions = regions_of(self.exclusions, name)
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
        for key in keys_of(name):
            if key in self.custom:
                return self.custom[key]
        named = image.catalog
        if not named:
            return None
        folders = self.catalog_folders.get(file_of(name), [])
        places = [Path(named), *(folder / named for folder in folders)]
        return next((place for place in places if is_table_file(place)), places[0])
