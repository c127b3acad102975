"""Exposures -> correctors with catalogs, and corrected WCS -> exposures."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from .catalogs import inside, read_catalog, to_table, with_weights, write_catalog
from .catfile import read_catfile
from .detect import find_sources
from .exceptions import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .config import Parameters
    from .data import Detections, Outcome
    from .telescopes import Telescope

__all__ = ["custom_catalogs", "read_exposures", "update_exposures"]

log = logging.getLogger(__name__)


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
    catalogs = read_catfile(Path(catfile))
    unknown = sorted(set(catalogs) - set(names))
    if unknown:
        raise InputError(
            f"The catfile '{catfile}' names {', '.join(map(repr, unknown))}, but each image in it "
            f"must be among the input: {', '.join(map(repr, names))}. Mend or remove the line."
        )
    return catalogs


@dataclass(frozen=True, slots=True)
class _Reader:
    """How the exposures of one run are read.

    Attributes
    ----------
    custom
        Catalogs of the catfile, by image.
    folder
        Where found catalogs are written.
    """

    telescope: Telescope
    parameters: Parameters
    custom: dict[str, Path | None]
    folder: Path

    def catalog(self, model: Any, name: str) -> tuple[Detections, bool]:
        """The detections of an exposure, and whether its metadata changed on the way."""
        given = self._given(model, name)
        box = self.telescope.bounding_box(model)
        if given is not None:
            return inside(read_catalog(given, name), box), False
        options = self.parameters
        found = find_sources(
            self.telescope.pixels(model),
            options.catalogs.starfinder,
            options.finder,
            options.segmentation,
        )
        found = inside(found, box)
        if not options.catalogs.save_catalogs:
            return found, False
        path = self.folder / f"{Path(name).stem}_cat.{options.catalogs.catalog_format}"
        write_catalog(found, path, options.catalogs.catalog_format)
        model.meta.tweakreg_catalog = path.name
        return found, True

    def _given(self, model: Any, name: str) -> Path | None:
        """The user's catalog of an image: of the catfile, else of its association or metadata.

        (A library copies the association's ``tweakreg_catalog`` into the metadata of its models.)
        """
        if not self.parameters.catalogs.use_custom_catalogs:
            return None
        if name in self.custom:
            return self.custom[name]
        named = (getattr(model.meta, "tweakreg_catalog", None) or "").strip()
        return Path(named) if named else None


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
    reader = _Reader(telescope, parameters, custom_catalogs(parameters, names), folder)
    detections: list[Detections] = []
    correctors: list[Any] = []
    with library:
        for index in tqdm(range(len(names)), "finding sources", unit="image", disable=None):
            model = library.borrow(index)
            try:
                telescope.check(model, names[index])
                found, changed = reader.catalog(model, names[index])
                detections.append(found)
                correctors.append(
                    telescope.corrector(model, to_table(found, names[index]), names[index])
                )
            except BaseException:
                library.shelve(model, index, modify=False)
                raise
            library.shelve(model, index, modify=changed)
            del model  # or two are open while the next one is read
    _balance_weights(correctors, detections)
    return correctors


def _balance_weights(correctors: Sequence[Any], detections: Sequence[Detections]) -> None:
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
    outcomes: Sequence[Outcome],
    telescope: Telescope,
    parameters: Parameters,
) -> None:
    """Put the corrected WCS into the exposures, and what became of them into their metadata.

    Parameters
    ----------
    library
        The exposures; changed.
    correctors, outcomes
        One for each exposure.
    telescope
        Their mission.
    parameters
        Of the run.
    """
    with library:
        for index in tqdm(range(len(outcomes)), "writing WCS", unit="image", disable=None):
            model, outcome = library.borrow(index), outcomes[index]
            try:
                if outcome.moved:
                    wcs = correctors[index].wcs
                    if outcome.absolute:
                        wcs.name = f"FIT-LVL3-{Path(parameters.absolute.abs_refcat).name}"
                    problem = telescope.update_wcs(model, wcs, parameters.sip)
                    if problem:
                        log.warning(
                            "%s: no FITS approximation of the WCS, its keywords are those from "
                            "before: %s",
                            correctors[index].meta["name"],
                            problem,
                        )
                telescope.record(model, outcome.status)
            finally:
                library.shelve(model, index)
            del model
