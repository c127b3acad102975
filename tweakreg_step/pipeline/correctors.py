"""tweakwcs correctors at the edges: images of those that users give, results in their ``meta``."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np

from tweakreg_step.catalogs import numbers, to_table
from tweakreg_step.catalogs.reference import years_of
from tweakreg_step.core.exceptions import CatalogError, InputError
from tweakreg_step.core.images import Image
from tweakreg_step.core.outcome import Code
from tweakreg_step.core.sources import Sources
from tweakreg_step.telescopes import USUAL
from tweakreg_step.telescopes.visits import visit_of_group
from tweakreg_step.telescopes.wcs import box_of, plane_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from astropy.table import Table

    from tweakreg_step.core.arrays import FloatArray
    from tweakreg_step.core.images import Groups

    from .methods.align_jointly import JointAlignment

__all__ = ["correctors_of", "group_names", "images_of", "is_moved", "write_fits"]

log = logging.getLogger(__name__)

MOVED = "SUCCESS"
"""What tweakwcs says in ``meta['fit_info']['status']`` of an image that it has corrected."""

_POSITIONS = "x", "y", "weight"
_MEASURED = *_POSITIONS, "flux", "x_err", "y_err"


def group_names(correctors: Sequence[Any]) -> list[Any]:
    """The group of each corrector; one without ``group_id`` is a group of its own."""
    return [
        index if corrector.meta.get("group_id") is None else corrector.meta["group_id"]
        for index, corrector in enumerate(correctors)
    ]


def images_of(correctors: Sequence[Any], *, measured: bool = True) -> tuple[Image, ...]:
    """The images of correctors.

    Parameters
    ----------
    correctors
        ``meta`` holds ``catalog``, a table with x, y [pixels] and perhaps x_err, y_err [pixels],
        flux and weight; perhaps ``name``, ``group_id``, ``detector``, ``filter``, ``visit``,
        ``guide_star``, ``epoch`` [Julian year] and ``observatory``.
    measured
        Whether more than positions and weights is read of the catalogs.

    Raises
    ------
    CatalogError
        If a column of a catalog has no numbers.
    InputError
        If the epoch of an image is no time.
    """
    columns = _MEASURED if measured else _POSITIONS
    return tuple(
        _image(corrector, group, columns)
        for corrector, group in zip(correctors, group_names(correctors), strict=True)
    )


def _image(corrector: Any, group: Any, columns: Iterable[str]) -> Image:
    meta = corrector.meta
    sources = _sources(meta["catalog"], columns)
    return Image(
        name=str(meta.get("name")),
        group=group,
        detector=meta.get("detector"),
        epoch=_year(meta.get("epoch"), str(meta.get("name"))),
        observatory=meta.get("observatory", USUAL),
        sources=sources,
        plane=plane_of(corrector, box_of(corrector, sources.x, sources.y)),
        visit=str(meta.get("visit") or visit_of_group(group)),
        band=str(meta.get("filter") or ""),
        guide_star=str(meta.get("guide_star") or ""),
    )


def _year(epoch: Any, name: str) -> float | None:
    """The time of an image [Julian year], however it is given; None where it is not known."""
    if epoch is None:
        return None
    try:
        year = float(years_of(epoch, f"meta['epoch'] of the corrector '{name}'", "Mend it.")[0])
    except CatalogError as error:
        raise InputError(str(error)) from error
    return year if np.isfinite(year) else None


def _sources(catalog: Table, columns: Iterable[str]) -> Sources:
    name = f"'{catalog.meta.get('name', 'of an image')}'"
    there = [column for column in columns if column in catalog.colnames]
    values: dict[str, FloatArray] = {column: numbers(catalog, column, name) for column in there}
    return Sources.at(**values)


def correctors_of(groups: Groups) -> list[Any]:
    """The correctors of images, with their sources as catalogs, as tweakwcs takes them."""
    for image in groups.images:
        image.plane.corrector.meta["catalog"] = to_table(image.sources, image.name)
    return [image.plane.corrector for image in groups.images]


def is_moved(corrector: Any) -> bool:
    """Whether a corrector says that its WCS was corrected."""
    return bool(corrector.meta.get("fit_info", {}).get("status") == MOVED)


def write_fits(correctors: Sequence[Any], groups: Groups, found: JointAlignment) -> None:
    """Put the results of a joint alignment into ``meta['fit_info']`` of its correctors.

    Keys that tweakwcs writes as well have its names and units.
    """
    for image, corrector in enumerate(correctors):
        group = int(groups.of_image[image])
        info = _fit_info(found, group, moved=found.moved[image])
        if image in found.uncorrected:
            why = found.uncorrected[image]
            info = {"status": f"FAILED: {why.code}", "reason": why.reason}
            log.warning("%s: %s", groups.images[image].name, why.reason)
        corrector.meta["fit_info"] = info
    for name, verdict in zip(groups.names, found.relative, strict=True):
        if verdict.applied and verdict.code.error is not None:
            log.warning("%s: %s", name, verdict.reason)


def _fit_info(found: JointAlignment, group: int, *, moved: bool) -> dict[str, Any]:
    solution = found.solution.groups
    status = solution.status[group]
    if status is not Code.ALIGNED:
        return {"status": f"FAILED: {status}", "reason": found.relative[group].reason}
    return {
        "status": MOVED if moved else "REFERENCE",
        "nmatches": int(solution.matches[group]),
        "rmse": float(solution.rms_mas[group]) / 1000.0 * np.sqrt(2.0),
        "covariance": solution.covariance[group],
        "component": int(solution.component[group]),
        "anchored": bool(solution.anchored[group]),
        "relative": found.relative[group],
        "absolute": found.absolute[group] if found.absolute else None,
    }
