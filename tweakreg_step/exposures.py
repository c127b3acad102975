"""Exposures -> correctors with catalogs, and corrected WCS -> exposures."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from .catalogs import inside, read_catalog, to_table, with_weights, write_catalog
from .catfile import read_catfile
from .data import Status
from .detect import find_sources
from .exceptions import InputError
from .telescopes.jwst import ABSOLUTE_FIT
from .telescopes.library import group_ids
from .verdict import Decision, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .config import Parameters
    from .data import Outcome, Sources
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
    catalogs = read_catfile(Path(catfile).expanduser())
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
    homes
        Folders where a catalog that an image names may be, for each image.
    """

    telescope: Telescope
    parameters: Parameters
    custom: dict[str, Path | None]
    folder: Path
    homes: list[list[Path]]

    def catalog(self, model: Any, name: str, index: int) -> tuple[Sources, bool]:
        """The detections of an exposure, and whether its metadata changed on the way."""
        given = self._given(model, name, index)
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
        if not options.safety.apply_correction:  # a dry run changes no image
            return found, False
        model.meta.tweakreg_catalog = path.name
        return found, True

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
        return next((place for place in places if place.is_file()), places[0])


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
    reader = _Reader(telescope, parameters, catalogs, folder, _homes(library))
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
                name = correctors[index].meta["name"]
                model.meta.filename = model.meta.filename or name
                if outcome.moved or _is_reset(outcome, parameters):
                    wcs = correctors[index].wcs
                    wcs.name = _wcs_name(wcs.name, outcome, parameters)
                    problem = telescope.update_wcs(model, wcs, parameters.sip)
                    if problem:
                        log.warning(
                            "%s: no FITS approximation of the WCS, its keywords are those from "
                            "before: %s",
                            name,
                            problem,
                        )
                telescope.record(model, outcome.status)
            finally:
                library.shelve(model, index)
            del model


def _is_reset(outcome: Outcome, parameters: Parameters) -> bool:
    """Whether an image that stays fixed has to lose the correction of an earlier alignment."""
    return parameters.safety.reset_wcs and outcome.status is Status.ALIGNED


def _wcs_name(present: str, outcome: Outcome, parameters: Parameters) -> str:
    """What a corrected WCS is called: after the reference catalog it was aligned to, if any.

    A name of an earlier absolute alignment is no longer true after a relative one.
    """
    if outcome.absolute:
        return f"{ABSOLUTE_FIT}{Path(parameters.absolute.abs_refcat).name}"
    return "" if str(present).startswith(ABSOLUTE_FIT) else present
