"""Exposures -> correctors with catalogs, and corrected WCS -> exposures."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.table import Table
from tqdm import tqdm

from .catalogs import alignable, inside, read_catalog, to_table, with_weights, write_catalog
from .catfile import read_catfile
from .detect import find_sources
from .epsf import StarSet, refined_with_epsf, star_stamps
from .exceptions import InputError
from .telescopes.library import group_ids

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .config import Parameters
    from .data import Outcome, Sources
    from .stamps import Stamps
    from .telescopes import Telescope

__all__ = ["custom_catalogs", "read_exposures", "update_exposures"]

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
    unknown = sorted(set(catalogs) - set(names))
    if unknown:
        raise InputError(
            f"The catfile '{catfile}' names {', '.join(map(repr, unknown))}, but each image in it "
            f"must be among the input: {', '.join(map(repr, names))}. Mend or remove the line."
        )
    return catalogs


@dataclass(frozen=True, slots=True)
class _Catalog:
    """The detections of an exposure on their way.

    Attributes
    ----------
    sources
        Found or given.
    path
        Where they are to be written, if at all.
    fwhm
        Width of a star that was used, and that was expected [pixels]; zeros for a given catalog.
    stamps
        Cut-outs around the sources where they are still needed.
    """

    sources: Sources
    path: Path | None = None
    fwhm: tuple[float, float] = (0.0, 0.0)
    stamps: Stamps | None = None


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

    def catalog(self, model: Any, name: str, index: int) -> _Catalog:
        """The detections of an exposure."""
        given = self._given(model, name, index)
        box = self.telescope.bounding_box(model)
        if given is not None:
            return _Catalog(inside(read_catalog(given, name), box))
        options = self.parameters
        found = find_sources(
            self.telescope.pixels(model),
            options.catalogs.starfinder,
            options.finder,
            options.segmentation,
            self.telescope.fwhm(model),
        )
        sources = inside(found.sources, box)
        path = None
        if options.catalogs.save_catalogs:
            path = self.folder / f"{Path(name).stem}_cat.{options.catalogs.catalog_format}"
            model.meta.tweakreg_catalog = path.name
        stamps = None
        if options.finder.refine_centroids == "epsf":
            stamps = star_stamps(found.plane, sources, found.fwhm)
        return _Catalog(sources, path, (found.fwhm, found.expected_fwhm), stamps)

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
    custom = custom_catalogs(parameters, names)
    reader = _Reader(telescope, parameters, custom, folder, _homes(library))
    groups = group_ids(library)
    catalogs: list[_Catalog] = []
    correctors: list[Any] = []
    with library:
        for index in tqdm(range(len(names)), "finding sources", unit="image", disable=None):
            model = library.borrow(index)
            try:
                telescope.check(model, names[index])
                catalogs.append(reader.catalog(model, names[index], index))
                correctors.append(telescope.corrector(model, Table(), names[index], groups[index]))
            except BaseException:
                library.shelve(model, index, modify=False)
                raise
            library.shelve(model, index, modify=catalogs[-1].path is not None)
            del model  # or two are open while the next one is read
    units = [corrector.meta["detector"] or corrector.meta["name"] for corrector in correctors]
    _log_widths(catalogs, units)
    detections = _refined(catalogs, units)
    for catalog, sources in zip(catalogs, detections, strict=True):
        if catalog.path is not None:
            write_catalog(sources, catalog.path, parameters.catalogs.catalog_format)
    for corrector, sources in zip(correctors, _balanced(detections), strict=True):
        corrector.meta["catalog"] = to_table(alignable(sources), corrector.meta["name"])
    return correctors


def _log_widths(catalogs: Sequence[_Catalog], units: Sequence[str]) -> None:
    """Say once for each detector and filter where the stars are not as wide as was expected."""
    for unit in dict.fromkeys(units):
        widths = [c.fwhm for c, u in zip(catalogs, units, strict=True) if u == unit]
        others = [used for used, expected in widths if used != expected]
        if others:
            log.info(
                "%s: the stars of %d of %d images have a FWHM of %.2f pixels and not the expected "
                "%.2f: theirs is used. Set kernel_fwhm to choose another.",
                unit,
                len(others),
                len(widths),
                float(np.median(others)),
                float(np.median([expected for _, expected in widths])),
            )


def _refined(catalogs: Sequence[_Catalog], units: Sequence[str]) -> list[Sources]:
    """The detections, with an effective PSF for each detector and filter where that was asked."""
    detections = [catalog.sources for catalog in catalogs]
    for unit in dict.fromkeys(units):
        members = [
            (i, StarSet(catalogs[i].sources, stamps, catalogs[i].fwhm[0]))
            for i, u in enumerate(units)
            if u == unit and (stamps := catalogs[i].stamps) is not None
        ]
        if not members:
            continue
        refined, reason = refined_with_epsf([stars for _, stars in members])
        log.log(logging.WARNING if refined is None else logging.INFO, "%s: %s", unit, reason)
        for (i, _), sources in zip(members, refined or (), strict=False):
            detections[i] = sources
    return detections


def _homes(library: Any) -> list[list[Path]]:
    """The folders of the association and of each image, where the names of catalogs may start."""
    asn_dir = vars(library).get("_asn_dir")  # of stpipe's base class; None for models in memory
    start = [] if asn_dir is None else [Path(asn_dir)]
    members = library.asn["products"][0]["members"]
    return [[*start, Path(*start, member["expname"]).parent] if start else [] for member in members]


def _balanced(detections: Sequence[Sources]) -> list[Sources]:
    """Detections with weight 1 where they have none but others do: a fit needs all or none."""
    if len({d.weight is not None for d in detections}) < 2:
        return list(detections)
    log.warning("Some catalogs have weights and others have none: these get weight 1 throughout.")
    return [with_weights(found) for found in detections]


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
                if outcome.moved:
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


def _wcs_name(present: str, outcome: Outcome, parameters: Parameters) -> str:
    """What a corrected WCS is called: after the reference catalog it was aligned to, if any.

    A name of an earlier absolute alignment is no longer true after a relative one.
    """
    if outcome.absolute:
        return f"{ABSOLUTE_FIT}{Path(parameters.absolute.abs_refcat).name}"
    return "" if str(present).startswith(ABSOLUTE_FIT) else present
