"""Exposures -> correctors with catalogs, and corrected WCS -> exposures."""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from .catalogs import inside, read_catalog, to_table, with_weights, write_catalog
from .catfile import check_images, read_catfile
from .config import SelectionParameters
from .data import Status
from .detect import find_sources
from .inverse import pixels_within
from .peaks import with_peaks
from .report import essentials_of
from .selection import limits_of, select
from .tables import is_table_file
from .telescopes.library import group_ids
from .verdict import Decision, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from .account import Account
    from .config import Parameters
    from .data import BoundingBox, Outcome, Sources
    from .exclusions import Exclusions
    from .telescopes import Telescope

__all__ = ["custom_catalogs", "exclusions_of", "read_exposures", "update_exposures"]

log = logging.getLogger(__name__)

ABSOLUTE_FIT = "FIT-LVL3-"  # agreed upon in the JWST calibration working group


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
    return catalogs


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
    from .exclusions import read_exclusions  # noqa: PLC0415 - regions is slow to import

    files = read_catfile(Path(path).expanduser(), role, "region file")
    check_images(files, names, path, role)
    return {name: read_exclusions(file) for name, file in files.items() if file is not None}


@dataclass(frozen=True, slots=True)
class _Reader:
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
        Folders where a catalog that an image names may be, for each image.
    """

    telescope: Telescope
    parameters: Parameters
    custom: dict[str, Path | None]
    exclusions: dict[str, Exclusions]
    folder: Path
    homes: list[list[Path]]

    def catalog(self, model: Any, name: str, index: int) -> tuple[Sources, bool]:
        """The sources of an exposure, and whether its metadata changed on the way."""
        given = self._given(model, name, index)
        if given is not None:
            return self._selected(self._read(model, given, name), model, name), False
        found = self._selected(self._find(model), model, name)
        options = self.parameters
        if not options.catalogs.save_catalogs:
            return found, False
        path = self.folder / f"{Path(name).stem}_cat.{options.catalogs.catalog_format}"
        write_catalog(found, path, options.catalogs.catalog_format)
        model.meta.tweakreg_catalog = path.name
        return found, True

    def _read(self, model: Any, path: Path, name: str) -> Sources:
        options, box = self.parameters, self.telescope.bounding_box(model)
        to_pixels = partial(pixels_within, model.meta.wcs, box)
        return read_catalog(path, name, options.columns, options.selection, to_pixels)

    def _find(self, model: Any) -> Sources:
        options = self.parameters
        finder = options.finder
        if options.selection != SelectionParameters() or finder.peakmax is not None:
            # the brightest are wanted of those that are selected, so all are needed
            finder = replace(finder, brightest=sys.maxsize)
        return find_sources(
            self.telescope.pixels(model), options.catalogs.starfinder, finder, options.segmentation
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
            log.log(level, "%s: %d of %d sources: %s", name, len(selected), all_of_them, reasons)
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

    def _given(self, model: Any, name: str, index: int) -> Path | None:
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
        places = [Path(named), *(home / named for home in self.homes[index])]
        return next((place for place in places if is_table_file(place)), places[0])


def read_exposures(
    library: Any,
    names: Sequence[str],
    telescope: Telescope,
    parameters: Parameters,
    folder: Path,
) -> list[Any]:
    """Make or read the catalog of each exposure, one exposure at a time.

    Parameters
    ----------
    library
        The exposures.
    names
        Their names.
    telescope
        Their mission.
    parameters
        Of the run.
    folder
        Where found catalogs are written if that was asked for.

    Returns
    -------
    list
        A tweakwcs corrector for each exposure, with its catalog in ``meta``.

    Raises
    ------
    InputError, CatalogError, OutputError
        If an exposure or its catalog can't be used.
    """
    catalogs = custom_catalogs(parameters, names)
    exclusions = exclusions_of(parameters, names)
    reader = _Reader(telescope, parameters, catalogs, exclusions, folder, _homes(library))
    groups = group_ids(library)
    detections: list[Sources] = []
    correctors: list[Any] = []
    corrected: list[bool] = []
    reset = parameters.safety.reset_wcs
    with library:
        for index in tqdm(range(len(names)), "finding sources", unit="image", disable=None):
            model = library.borrow(index)
            try:
                telescope.check(model, names[index])
                found, changed = reader.catalog(model, names[index], index)
                detections.append(found)
                table = to_table(found, names[index])
                corrected.append(telescope.is_corrected(model))
                corrector = telescope.corrector(
                    model, table, names[index], groups[index], reset=reset
                )
                correctors.append(corrector)
            except BaseException:
                library.shelve(model, index, modify=False)
                raise
            library.shelve(model, index, modify=changed)
            del model  # or two are open while the next one is read
    _balance_weights(correctors, detections)
    if not reset:
        _refuse_mixed(correctors, corrected)
    return correctors


def _refuse_mixed(correctors: Sequence[Any], corrected: Sequence[bool]) -> None:
    """Refuse groups of which some images were aligned before and others were not.

    One correction for all would move the aligned ones twice. Their catalogs are hidden, and
    ``meta['refused']`` says why.
    """
    groups: dict[Any, list[int]] = {}
    for index, corrector in enumerate(correctors):
        groups.setdefault(corrector.meta["group_id"], []).append(index)
    for name, members in groups.items():
        aligned = [correctors[i].meta["name"] for i in members if corrected[i]]
        if len(aligned) in {0, len(members)}:
            continue
        reason = (
            f"{len(aligned)} of the {len(members)} images of group {name} were aligned before "
            f"({', '.join(aligned)}), but a group moves as one, so all or none must be. Set "
            "reset_wcs=True to align all of them from the WCS as delivered."
        )
        for i in members:
            correctors[i].meta["catalog"] = correctors[i].meta["catalog"][:0]
            correctors[i].meta["refused"] = Verdict(Decision.LEFT, "mixed_group", reason)


def _homes(library: Any) -> list[list[Path]]:
    """The folders of the association and of each image, where the names of catalogs may start."""
    asn_dir = vars(library).get("_asn_dir")  # of stpipe's base class; None for models in memory
    start = [] if asn_dir is None else [Path(asn_dir)]
    members = library.asn["products"][0]["members"]
    return [[*start, Path(*start, member["expname"]).parent] if start else [] for member in members]


def _balance_weights(correctors: Sequence[Any], detections: Sequence[Sources]) -> None:
    """Give weight 1 to detections without one if others have weights: a fit needs all or none."""
    weighted = {d.weight is not None for d in detections}
    if len(weighted) < 2:
        return
    log.warning("Some catalogs have weights and others have none: these get weight 1 throughout.")
    for corrector, found in zip(correctors, detections, strict=True):
        corrector.meta["catalog"] = to_table(with_weights(found), corrector.meta["name"])


def update_exposures(
    library: Any,
    correctors: Sequence[Any],
    account: Account,
    telescope: Telescope,
    parameters: Parameters,
) -> None:
    """Put the corrected WCS into the exposures, and what became of them into their metadata.

    Parameters
    ----------
    library
        The exposures; changed.
    correctors
        One for each exposure.
    account
        What became of them.
    telescope
        Their mission.
    parameters
        Of the run.
    """
    with library:
        for index in tqdm(range(len(correctors)), "writing WCS", unit="image", disable=None):
            model, outcome = library.borrow(index), account.outcomes[index]
            try:
                name = correctors[index].meta["name"]
                model.meta.filename = model.meta.filename or name
                if outcome.moved or _is_reset(outcome, parameters):
                    wcs = correctors[index].wcs
                    refcat = correctors[index].meta.get("abs_refcat", "")
                    wcs.name = _wcs_name(wcs.name, outcome, refcat)
                    problem = telescope.update_wcs(model, wcs, parameters.sip)
                    if problem:
                        log.warning(
                            "%s: no FITS approximation of the WCS, its keywords are those from "
                            "before: %s",
                            name,
                            problem,
                        )
                telescope.record(model, outcome.status)
                telescope.annotate(model, essentials_of(account, index))
            finally:
                library.shelve(model, index)
            del model


def _is_reset(outcome: Outcome, parameters: Parameters) -> bool:
    """Whether an image that stays fixed has to lose the correction of an earlier alignment."""
    return parameters.safety.reset_wcs and outcome.status is Status.ALIGNED


def _wcs_name(present: str, outcome: Outcome, refcat: str) -> str:
    """What a corrected WCS is called: after the reference catalog it was aligned to, if any.

    A name of an earlier absolute alignment is no longer true after a relative one.
    """
    if outcome.absolute:
        return f"{ABSOLUTE_FIT}{refcat}"
    return "" if str(present).startswith(ABSOLUTE_FIT) else present
