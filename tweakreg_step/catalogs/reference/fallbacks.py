"""The reference catalogs named by the user, tried in turn until one has stars in the field."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from astropy.table import Table, vstack

from tweakreg_step.catalogs.reference import hats
from tweakreg_step.catalogs.reference.web.cache import Cache, Entry
from tweakreg_step.catalogs.tables import is_table_file
from tweakreg_step.core.exceptions import (
    CatalogError,
    NoReferenceStarsError,
    ReferenceServiceError,
    TweakregError,
)
from tweakreg_step.core.wording import nearest, without_secrets

from .columns import column_named
from .epoch import as_published
from .file import read_reference, sky_table
from .footprint import Circle, inside
from .origin import with_selection
from .remote_hats import ask_apart
from .select import select
from .stars import BEST, REFERENCE_SIGMA, WORST, bad_errors, unbelieved_errors
from .web import service
from .years import with_years

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from tweakreg_step.parameters import ReferenceParameters

__all__ = ["Member", "members_of", "stars_from"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Member:
    """One reference catalog of a chain.

    Attributes
    ----------
    name
        Name in the log and in the WCS.
    kind
        'file', 'service' or 'hats'.
    place
        Folder or URL of a HATS catalog.
    table
        Content of a file, or the table given by the caller.
    """

    name: str
    kind: str
    place: str = ""
    table: Table | None = None


def members_of(abs_refcat: str | Path | Table) -> tuple[Member, ...]:
    """The catalogs named by ``abs_refcat``; those in files are read.

    Raises
    ------
    CatalogError
        If none of them can be used, as far as that is known without the field.
    """
    if isinstance(abs_refcat, Table):
        table = with_years(sky_table(abs_refcat, "given as a table"), "given as a table")
        table.meta.setdefault("name", "table")
        return (Member(str(table.meta["name"]), "file", table=table),)
    text = str(abs_refcat).strip()
    names = [name for part in text.split(",") if (name := part.strip())]
    if Path(text).expanduser().is_file():
        names = [text]  # file names may contain commas
    if not names:
        raise CatalogError(
            f"'abs_refcat' is '{abs_refcat}', which names no catalog. Give one, or leave it out."
        )
    members: list[Member] = []
    refused: list[CatalogError] = []
    for name in names:
        try:
            members.append(_member(name))
        except CatalogError as error:
            refused.append(error)
    if not members:
        raise refused[-1]
    for problem in refused:
        log.warning("%s The next reference catalog is tried.", problem)
    return tuple(members)


def _member(name: str) -> Member:
    upper = name.upper()
    if upper in service.RELEASES:
        return Member(upper, "service")
    path = Path(name).expanduser()
    if upper in hats.ADDRESSES or "://" in name or path.is_dir():
        hats.check_library()
        hats.check_folder(path)
        listed = upper in hats.ADDRESSES
        place = hats.ADDRESSES[upper] if listed else name if "://" in name else str(path)
        label = upper if listed else Path(without_secrets(name).rstrip("/")).name
        return Member(label, "hats", place=place)
    if not is_table_file(path):
        known = (*service.RELEASES, *hats.ADDRESSES)
        raise CatalogError(
            f"The reference catalog, '{without_secrets(name)}', does not exist. It must be a "
            "file with a table, the folder or the address of a HATS catalog, or one of the names "
            f"{', '.join(known)}. "
            f"{nearest(name, known)}Check the name and the folder."
        )
    table = read_reference(path)
    return Member(str(table.meta["name"]), "file", table=table)


def stars_from(
    members: Sequence[Member], field: Sequence[Circle], parameters: ReferenceParameters
) -> Table:
    """The stars of the first catalog that has any in a field.

    Parameters
    ----------
    members
        The catalogs, in the order in which they are tried.
    field
        Circles that cover the images; empty if that is not known.
    parameters
        Selection of stars, and options of services.

    Returns
    -------
    Table
        RA, DEC [deg ICRS] as published, other columns; query and date in ``meta``.

    Raises
    ------
    NoReferenceStarsError
        If all catalogs could be read, and none has stars in the field.
    ReferenceServiceError
        If none has stars in the field, and some could not be read.
    CatalogError
        If a file lacks columns that the parameters need, or its RA is in hours.
    """
    failures: list[str] = []
    empty = True
    for index, member in enumerate(members):
        try:
            return _guarded(member, field, parameters, last=index == len(members) - 1)
        except (ReferenceServiceError, CatalogError) as error:
            if len(members) == 1:
                raise
            log.warning("Reference catalog %s: %s", member.name, error)
            failures.append(f"{member.name}: {error}")
            empty &= isinstance(error, NoReferenceStarsError)
    raise (NoReferenceStarsError if empty else ReferenceServiceError)(
        f"None of the {len(members)} reference catalogs could be used. " + " ".join(failures)
    )


def _guarded(
    member: Member, field: Sequence[Circle], parameters: ReferenceParameters, *, last: bool
) -> Table:
    """The stars of one catalog, whose faults of any kind are those of a catalog."""
    try:
        return _stars(member, field, parameters, last=last)
    except (TweakregError, MemoryError):
        raise
    except Exception as error:
        kind = CatalogError if member.kind == "file" else ReferenceServiceError
        log.debug("%s", member.name, exc_info=error)
        raise kind(
            f"{member.name} can't be used: {type(error).__name__}: {without_secrets(str(error))}. "
            "It must be a table of stars whose columns hold what their names say. Mend it, or give "
            "another 'abs_refcat'."
        ) from error


def _stars(
    member: Member, field: Sequence[Circle], parameters: ReferenceParameters, *, last: bool
) -> Table:
    table = _given(member, field, last=last) if member.table is not None else None
    if table is None:
        if not field:
            raise ReferenceServiceError(
                f"{member.name} can't be asked for, as no image has a footprint on the sky, which "
                "is needed to know where. Check the WCS of the images, or give a file."
            )
        table = _queried(member, field, parameters)
    chosen = select(table, parameters, inside(table["RA"], table["DEC"], field))
    if len(chosen) == 0 < len(table):
        raise CatalogError(
            f"None of the {len(table)} stars of {member.name} is left to be used, but some are "
            "needed. Widen 'rfluxmin' to 'rfluxmax', or use another catalog."
        )
    log.info("Reference catalog %s: %d stars.", member.name, len(chosen))
    _log_missing_errors(chosen, member.name)
    return with_selection(chosen, parameters, len(table))


def _log_missing_errors(table: Table, name: str) -> None:
    """Log for how many stars the catalog gives no usable error, and what is used instead."""
    if number := bad_errors(table):
        weighted = "that of their weight" if "weight" in table.colnames else _usual()
        log.warning(
            "Reference catalog %s: %d of %d stars have an error of their position that is zero, "
            "negative or not a number; it must be positive, and %s stands in.",
            name,
            number,
            len(table),
            weighted,
        )
    elif number := unbelieved_errors(table):
        log.warning(
            "Reference catalog %s: the errors of %d of %d stars, or those of their weights, are "
            "not believed: no position on the sky is known better than %g mas, and the worst count "
            "as %g arcsec.",
            *(name, number, len(table), 1e3 * BEST, WORST),
        )
    elif column_named(table, "ra_error") is None and "weight" not in table.colnames:
        log.info("Reference catalog %s gives no errors: %s is taken for all.", name, _usual())


def _usual() -> str:
    return f"{1e3 * REFERENCE_SIGMA:g} mas per axis"


def _given(member: Member, field: Sequence[Circle], *, last: bool) -> Table:
    """The table of a file, after a check that it has stars in the field."""
    assert member.table is not None  # noqa: S101 - of the caller
    table = as_published(member.table)
    ra, dec = np.asarray(table["RA"], float), np.asarray(table["DEC"], float)
    if not field or len(table) == 0 or inside(ra, dec, field).any():
        return table
    if np.max(ra) <= 24.0 and np.min(ra) >= 0.0 and inside(15.0 * ra, dec, field).any():
        raise CatalogError(
            f"The RA of {member.name}, {np.min(ra):.3f} to {np.max(ra):.3f}, are in hours: none of "
            f"its {len(table)} stars is in the field, {_centres(field)}, as they are, but some are "
            "when multiplied by 15. RA must be in degrees. Multiply the column by 15, or give it "
            "the unit 'hourangle'."
        )
    if not last:
        raise NoReferenceStarsError(
            f"{member.name} has no star in the field, {_centres(field)}: the next one is tried."
        )
    return table


def _centres(field: Sequence[Circle]) -> str:
    return ", ".join(f"({c.ra:.4f}, {c.dec:.4f}) deg" for c in field[:3])


def _queried(member: Member, field: Sequence[Circle], parameters: ReferenceParameters) -> Table:
    """The stars of a service or a HATS catalog; they do not depend on which circles were cached."""
    query = _CachedQuery(member, parameters)
    entries = [query.entry(circle) for circle in field]
    filled = [entry.table for entry in entries if len(entry.table)]
    # rows in an order that does not depend on how the field was divided into circles
    table = vstack(filled, metadata_conflicts="silent") if filled else entries[0].table
    table = table[inside(table["RA"], table["DEC"], field)]
    if len(table) == 0:
        raise NoReferenceStarsError(
            f"{member.name} answered, but its answer is empty: it has no star in the field, "
            f"{_centres(field)}, and some are needed. Use another or a deeper catalog, e.g. a file "
            "of galaxies, or name several after commas."
        )
    table.sort(["DEC", "RA"])
    table.meta.clear()
    table.meta |= {
        "name": member.name,
        "query": [entry.query for entry in entries],
        "release": entries[0].release,
        "date": max(entry.date for entry in entries),
    }
    return with_years(sky_table(table, member.name), member.name)


class _CachedQuery:
    """Queries of one catalog, circle by circle, answered from the cache where it covers them."""

    def __init__(self, member: Member, parameters: ReferenceParameters) -> None:
        self._member, self._parameters = member, parameters
        remote = member.kind == "service" or hats.is_remote(member.place)
        self._cache = Cache.at(parameters.refcat_cache) if remote else None
        self._catalog: Any = None

    def entry(self, circle: Circle) -> Entry:
        name, where = self._member.name, self._member.place or service.address()
        kept = self._cache.find(name, where, circle) if self._cache else None
        if kept is not None:
            return kept
        if self._cache and self._parameters.offline:
            raise ReferenceServiceError(
                f"offline=True, and nothing is kept of {name} that covers {circle.radius:.4f} deg "
                f"around ({circle.ra:.4f}, {circle.dec:.4f}) in '{self._cache.folder}', but that "
                "is needed. Run once with offline=False, set 'refcat_cache' to the folder of an "
                "earlier run, or give a file."
            )
        entry = self._ask(circle)
        if self._cache and len(entry.table):
            self._cache.keep(name, where, circle, entry)
        return entry

    def _ask(self, circle: Circle) -> Entry:
        member, now = self._member, datetime.now(UTC).isoformat(timespec="seconds")
        if member.kind == "service":
            table = service.ask(member.name, circle, self._parameters)
            query = without_secrets(service.query_of(member.name, circle))
            return Entry(table, query, service.RELEASES[member.name][0], now)
        table, release = self._hats(circle)
        table = table[inside(table["RA"], table["DEC"], [circle])]
        query = (
            f"{without_secrets(member.place)} RA={circle.ra} DEC={circle.dec} SR={circle.radius}"
        )
        return Entry(_with_motions(table), query, release, now)

    def _hats(self, circle: Circle) -> tuple[Table, str]:
        """The stars of a HATS catalog near a circle, and its release."""
        place = self._member.place
        if hats.is_remote(place):
            return ask_apart(place, circle, self._parameters)
        self._catalog = self._catalog or hats.open_catalog(place, self._parameters)
        return hats.ask(self._catalog, circle), hats.release_of(self._catalog)


def _with_motions(table: Table) -> Table:
    """The table with columns for proper motions added, NaN, if it has an epoch but no motions."""
    if column_named(table, "epoch") is not None:
        for name in ("pmra", "pmdec"):
            if column_named(table, name) is None:
                table[name] = np.full(len(table), np.nan)
    return table
