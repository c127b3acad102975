"""Reference catalogs from the STScI catalog web service."""

from __future__ import annotations

import http.client
import logging
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING

import numpy as np
from astropy.table import Table

from tweakreg_step.core.exceptions import ReferenceServiceError

if TYPE_CHECKING:
    from tweakreg_step.parameters import ReferenceParameters

    from .footprint import Circle

__all__ = ["RELEASES", "address", "ask", "query_of"]

log = logging.getLogger(__name__)

VARIABLE = "ASTROMETRIC_CATALOG_URL"
PUBLIC = "https://gsss.stsci.edu/webservices"
PATH = "vo/CatalogSearch.aspx"
RELEASES = {
    "GAIADR3": ("Gaia DR3", 2016.0),
    "GAIADR2": ("Gaia DR2", 2015.5),
    "GAIADR1": ("Gaia DR1", 2015.0),
    "GAIAREFCAT": ("GAIAREFCAT", 2016.0),
}
"""Catalogs of the service: their release, and the epoch of its positions [Julian year]."""

BACK_OFF = 1.0  # s before the second try, twice that before the third ...
LONGEST = 4.0  # longest time for a whole answer, in timeouts
CHUNK = 1 << 16
UNKNOWN = [(text, "nan") for text in ("", "null", "NULL", "NaN", "nan")]
NO_RECORDS = "no data records"


def address() -> str:
    """URL of the service: from the environment variable, else the public one."""
    return os.environ.get(VARIABLE, "").strip().rstrip("/") or PUBLIC


def query_of(catalog: str, circle: Circle, *, epoch: bool = False) -> str:
    """URL of a query.

    Without EPOCH, the service gives all stars with published positions and proper motions. With it,
    the service would move positions to one epoch for all images, as seen from the Earth, without
    the errors of that and without marking stars that it could not move. If it answers with an
    error, EPOCH is given, as that of the release, at which no star is moved.
    """
    where = {"RA": f"{circle.ra:.6f}", "DEC": f"{circle.dec:.6f}", "SR": f"{circle.radius:.6f}"}
    when = {"EPOCH": f"{RELEASES[catalog][1]:.3f}"} if epoch and catalog in RELEASES else {}
    return f"{address()}/{PATH}?" + urllib.parse.urlencode(
        where | {"FORMAT": "CSV", "CAT": catalog} | when
    )


def ask(catalog: str, circle: Circle, parameters: ReferenceParameters) -> Table:
    """Ask the service for the stars of a circle.

    Returns
    -------
    Table
        RA, DEC [deg ICRS], other columns as the service names them; perhaps without rows. Columns
        of the epoch and of proper motions are added if the service gives none.

    Raises
    ------
    ReferenceServiceError
        If it can't be reached, or its answer is broken, after a few tries.
    """
    url = query_of(catalog, circle)
    if urllib.parse.urlsplit(url).scheme not in {"http", "https"}:
        raise ReferenceServiceError(
            f"The address of the catalog service is '{address()}', but it must begin with http:// "
            f"or https://. Mend the environment variable {VARIABLE}."
        )
    for tried in range(parameters.refcat_retries + 1):
        try:
            return _completed(parsed(_fetch(url, parameters.refcat_timeout)), catalog)
        except _TryError as problem:
            last = problem
        if last.refused:
            url = query_of(catalog, circle, epoch=True)
        if not last.may_pass:
            break
        if tried < parameters.refcat_retries:
            pause = BACK_OFF * 2.0**tried
            log.info("The service of %s %s; asked again in %g s.", catalog, last, pause)
            time.sleep(pause)
    raise ReferenceServiceError(
        f"The catalog service at {address()} {last}, asked for {catalog} {tried + 1} "
        f"time{'s' * (tried > 0)}. It must give a table of stars. Try again later, raise "
        "'refcat_timeout' if it is slow, give another 'abs_refcat' (a file, or several after "
        f"commas), or another service in {VARIABLE}. The query was {url}"
    ) from last


class _TryError(Exception):
    """The failure of one try, as the end of a sentence.

    `may_pass`: whether another try may succeed; `refused`: whether the service returned an error.
    """

    def __init__(self, sentence: str, *, may_pass: bool = True, refused: bool = False) -> None:
        super().__init__(sentence)
        self.may_pass = may_pass
        self.refused = refused


def _fetch(url: str, timeout: float) -> str:
    """The text of an answer; `timeout` is the longest silence [s]."""
    try:
        # the scheme was checked
        with urllib.request.urlopen(url, timeout=timeout) as answer:  # noqa: S310
            return _read(answer, timeout).decode("utf-8", errors="replace")
    except urllib.error.HTTPError as error:
        may_pass = error.code >= 500 or error.code in {400, 408, 422, 429}
        sentence = f"answered with the error {error.code} ({error.reason})"
        error.close()
        raise _TryError(sentence, may_pass=may_pass, refused=True) from error
    except http.client.IncompleteRead as error:
        raise _TryError(f"sent a truncated answer: {_missing(error)}") from error
    except TimeoutError as error:
        raise _TryError(f"was silent for {timeout:g} s") from error
    except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, TimeoutError):
            raise _TryError(f"was silent for {timeout:g} s") from error
        text = str(reason) or type(error).__name__
        raise _TryError(f"can't be reached ({text})") from error


def _missing(error: http.client.IncompleteRead) -> str:
    more = f", {error.expected} bytes more were promised" if error.expected else ""
    return f"{len(error.partial)} bytes came last{more}"


def _read(answer: http.client.HTTPResponse, timeout: float) -> bytes:
    """Read an answer to its end, within `LONGEST` timeouts in total.

    An answer that is shorter than announced is an `IncompleteRead`, as for a single read.
    """
    start, promised, parts = time.monotonic(), answer.length, []
    while part := answer.read1(CHUNK):
        parts.append(part)
        if time.monotonic() - start > LONGEST * timeout:
            raise _TryError(f"had sent only a part of its answer after {LONGEST * timeout:g} s")
    body = b"".join(parts)
    if promised is not None and len(body) < promised:
        raise http.client.IncompleteRead(body, promised - len(body))
    return body


def parsed(text: str) -> Table:
    """The table in an answer: comment lines, a line of column names, a line for each star."""
    if not text.strip():
        raise _TryError("sent an answer without any text")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if not lines or lines[0].strip().lower().startswith(NO_RECORDS):
        return _empty()
    header = next((i for i, line in enumerate(lines[:5]) if _is_header(line)), None)
    if header is None:
        raise _TryError(f"sent no table but '{lines[0].strip()[:80]}'")
    rows = lines[header:]
    _check_rows(rows)
    if len(rows) == 1:
        return _empty()
    table = Table.read("\n".join(rows), format="ascii.csv", guess=False, fill_values=UNKNOWN)
    names = {name.lower(): name for name in reversed(table.colnames)}
    table.rename_columns([names["ra"], names["dec"]], ["RA", "DEC"])
    for name in table.colnames:
        if np.ma.getmaskarray(np.ma.asarray(table[name])).all():
            table[name] = np.full(len(table), np.nan)  # columns without values have no type
    _check_positions(table)
    return table


def _check_positions(table: Table) -> None:
    ra, dec = (np.ma.asarray(table[name]) for name in ("RA", "DEC"))
    if any(position.dtype.kind not in "fi" for position in (ra, dec)):
        raise _TryError("sent positions that are no numbers")
    if np.any(np.abs(dec) > 90.0) or np.any(ra > 360.0) or np.any(ra < -180.0):
        raise _TryError("sent positions that are out of range")


def _empty() -> Table:
    return Table({"RA": np.empty(0), "DEC": np.empty(0)})


def _is_header(line: str) -> bool:
    return {"ra", "dec"} <= {name.strip().strip('"').lower() for name in line.split(",")}


def _check_rows(rows: list[str]) -> None:
    """Raise if a line has fewer fields than the header: the answer was truncated."""
    wanted = rows[0].count(",")
    short = next((row for row in rows if row.count(",") < wanted), None)
    if short is not None:
        raise _TryError(
            f"sent a truncated answer: the line '{short[:60]}' has {short.count(',') + 1} fields "
            f"instead of {wanted + 1}"
        )


def _completed(table: Table, catalog: str) -> Table:
    """The answer with columns of proper motions (NaN) and epoch added if it has none."""
    lower = {name.lower() for name in table.colnames}
    for name in ("pmra", "pmdec"):
        if name not in lower:
            table[name] = np.full(len(table), np.nan)
    if not lower & {"epoch", "ref_epoch"}:
        table["epoch"] = np.full(len(table), RELEASES[catalog][1])
    return table
