"""The stars of the reference catalog around the images, in the form that the solver takes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.table import Table

from tweakreg_step.catalogs.reference import (
    Member,
    as_published,
    at_epoch,
    circles,
    independent_errors,
    is_moved,
    members_of,
    motion_is_known,
    place,
    position_errors,
    stars_from,
    stars_of,
    unstated_errors,
    years_of,
)
from tweakreg_step.core.detections import Reference
from tweakreg_step.core.exceptions import CatalogError, ParameterError
from tweakreg_step.core.memory import require_places
from tweakreg_step.files.names import safe_name
from tweakreg_step.files.whole_files import write_whole
from tweakreg_step.parameters import AbsoluteParameters, ReferenceParameters
from tweakreg_step.telescopes import USUAL
from tweakreg_step.telescopes.wcs import corners_of, epoch_of

from .epoch_warnings import warn_of_stale, warn_of_undated

__all__ = ["FIELD_MARGIN", "load_reference", "reference_of", "save_reference", "stars_around"]

if TYPE_CHECKING:
    from collections.abc import Sequence

    from astropy.table import Table

    from tweakreg_step.core.arrays import FloatArray
    from tweakreg_step.core.images import Image
    from tweakreg_step.telescopes import Observatory

_ABSOLUTE = AbsoluteParameters()
_REFERENCE = ReferenceParameters()
FIELD_MARGIN = 3.0
"""Margin around the images in which reference stars are read, beyond 'abs_searchrad' [arcsec]."""


def load_reference(
    abs_refcat: str | Path | Table | tuple[Member, ...],
    images: Sequence[Image],
    parameters: ReferenceParameters = _REFERENCE,
    searchrad: float = _ABSOLUTE.abs_searchrad,
    epoch: Any = None,
) -> Table:
    """Read the stars of a reference catalog around the images; columns RA, DEC [deg ICRS].

    Parameters
    ----------
    abs_refcat
        See `absolute_align`; or the result of `members_of` for it.
    images
        Their footprints, epochs and observatories count. Of several observatories, the stars are
        seen from that of the first image.
    parameters
        Parameters of the reference catalog.
    searchrad
        Largest error of the images' positions [arcsec].
    epoch
        See `absolute_align`.

    Raises
    ------
    CatalogError
        If there is no such catalog, or it can't be used.
    ParameterError
        If ``epoch`` is no time.
    ReferenceServiceError
        If a service gives no stars.
    """
    members = abs_refcat if isinstance(abs_refcat, tuple) else members_of(abs_refcat)
    when = epoch_of(images, _year(epoch))
    stars = _placed(members, images, (parameters, searchrad), when)
    warn_of_undated(images, stars, when)
    warn_of_stale(images, stars)
    return stars


def stars_around(table: Table, images: Sequence[Image], searchrad: float) -> Table:
    """The stars of a loaded catalog around some of the images, at their epoch."""
    member = Member(str(table.meta["name"]), "file", table=table)
    return _placed((member,), images, (_REFERENCE, searchrad), epoch_of(images))


def _placed(
    members: tuple[Member, ...],
    images: Sequence[Image],
    how: tuple[ReferenceParameters, float],
    when: float | None,
) -> Table:
    """The stars around the images at an epoch; `how` are the parameters and the search radius."""
    parameters, searchrad = how
    field = circles(corners_of(images), (searchrad + FIELD_MARGIN) / 3600.0)
    seen_from = images[0].observatory if images else USUAL
    return at_epoch(stars_from(members, field, parameters), when, seen_from)


def _year(epoch: Any) -> float | None:
    """The parameter 'epoch' [Julian year], None where it is not given."""
    if epoch is None:
        return None
    try:
        year = float(years_of(epoch, "'epoch'", "Leave it out where the images have times.")[0])
    except CatalogError as error:
        raise ParameterError(str(error)) from error
    return year if np.isfinite(year) else None


def save_reference(reference: Table, folder: Path) -> None:
    """Write the catalog that was used, as ``fit_<name>_ref.ecsv``."""
    stem = safe_name(Path(str(reference.meta["name"])).stem.lower())
    path = folder / f"fit_{stem or 'table'}_ref.ecsv"
    write_whole(path, lambda draft: reference.write(draft, format="ascii.ecsv"))


EPOCH_DIGITS = 4
"""Decimals of the epoch [Julian year]: groups within an hour share the stars' positions, as the
fastest star moves by 1 mas in it."""


def reference_of(
    table: Table,
    epochs: FloatArray | None = None,
    observatories: Sequence[Observatory] = (USUAL,),
) -> Reference:
    """A table of reference stars, RA, DEC [deg], in the form that the solver takes.

    Rows without a finite error are left out. Where positions were moved to an epoch by proper
    motion, they are also computed for the epoch and the observatory of each group.

    Parameters
    ----------
    table
        Result of `load_reference`.
    epochs
        (G,) epochs of the groups [Julian year]; NaN where unknown, replaced by the table's.
    observatories
        (G,) observatories of the groups, or one for all. The table is seen from the first.
    """
    if is_moved(table):
        times = np.array([np.nan]) if epochs is None else epochs
        seen_from = list(observatories)
        return _moving(table, times, seen_from if len(seen_from) > 1 else seen_from * len(times))
    errors = position_errors(table)
    good = np.isfinite(errors).all(axis=1)
    covariance = errors[:, :, None] ** 2 * np.eye(2)
    ra, dec = np.asarray(table["RA"], float), np.asarray(table["DEC"], float)
    floor = unstated_errors(table)[good]
    return Reference(ra=ra[good], dec=dec[good], covariance=covariance[good], floor=floor)


def _moving(table: Table, epochs: FloatArray, observatories: list[Observatory]) -> Reference:
    """A catalog of stars with proper motion; the covariance is the mean over the groups' epochs."""
    usual = float(table.meta["epoch"])
    stars, floor = stars_of(as_published(table)), unstated_errors(table)
    if stars is None:
        raise ValueError("A table that was moved to an epoch has no proper motions.")
    seen_from = next(iter(observatories), USUAL)
    ra, dec, covariance = place(stars, usual, seen_from)
    times = np.round(np.where(np.isfinite(epochs), epochs, usual), EPOCH_DIGITS).tolist()
    views = list(zip(times, observatories, strict=True))
    different = sorted(set(views), key=lambda view: (view[0], view[1].name))
    if different in ([(round(usual, EPOCH_DIGITS), seen_from)], []):
        return Reference(ra=ra, dec=dec, covariance=covariance, floor=floor)
    require_places(len(views), len(ra))
    placed = {view: place(stars, *view) for view in different}
    origin, at_origin, motion = independent_errors(stars, motion_is_known(as_published(table)))
    return Reference(
        ra=ra,
        dec=dec,
        covariance=np.mean([placed[view][2] for view in different], axis=0),
        epoch_ra=np.stack([placed[view][0] for view in views]),
        epoch_dec=np.stack([placed[view][1] for view in views]),
        floor=floor,
        origin=origin,
        origin_covariance=at_origin,
        motion_covariance=motion,
    )
