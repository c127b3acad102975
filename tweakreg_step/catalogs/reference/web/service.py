"""Reference catalogs from the STScI catalog web service."""

from __future__ import annotations

import logging
import os
import time
import urllib.parse
from typing import TYPE_CHECKING

import numpy as np
from urllib3.exceptions import MaxRetryError
from urllib3.util import Retry

from tweakreg_step.catalogs.reference.footprint import Circle
from tweakreg_step.core.exceptions import ReferenceServiceError
from tweakreg_step.core.wording import HIDDEN, without_secrets

from .download import MEGABYTE, DownloadError, Limits, download
from .service_answer import AnswerError, parsed

if TYPE_CHECKING:
    from astropy.table import Table

    from tweakreg_step.parameters import ReferenceParameters

__all__ = ["RELEASES", "address", "ask", "query_of", "service_reachable"]

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

BACK_OFF = 1.0  # the second try comes at once, the third after twice this [s], then four times ...
LONGEST = 4.0  # a question may take this many timeouts, with all its tries


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


def service_reachable(seconds: float = 5.0) -> str:
    """Whether the service answers a small question within a time [s], as a sentence."""
    limits = Limits(seconds, time.monotonic() + seconds, MEGABYTE)
    where = without_secrets(address())
    try:
        download(query_of("GAIADR3", Circle(0.0, 0.0, 0.01)), limits)
    except DownloadError as error:
        reason = without_secrets(str(error)).partition(" (")[0]
        return f"the service at {where} {reason}; a file can be given instead ('abs_refcat')"
    return f"the service at {where} answers"


def ask(catalog: str, circle: Circle, parameters: ReferenceParameters) -> Table:
    """Ask the service for the stars of a circle.

    All tries together have one time, `LONGEST` timeouts, which nothing that is sent can stretch.

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
    _check_address()
    url, until = query_of(catalog, circle), time.monotonic() + LONGEST * parameters.refcat_timeout
    retry = Retry(parameters.refcat_retries, backoff_factor=BACK_OFF)
    limits = Limits(parameters.refcat_timeout, until, parameters.refcat_max_size * MEGABYTE)
    while True:
        try:
            return _completed(parsed(download(url, limits)), catalog)
        except AnswerError as problem:
            last = DownloadError(*problem.args)
        except DownloadError as problem:
            last = problem
        if last.refused:
            url = query_of(catalog, circle, epoch=True)
        again = _next(retry, last, limits)
        if again is None:
            break
        retry = again
        pause = retry.get_backoff_time()
        sentence = _without_password(str(last))
        log.info("The service of %s %s; asked again in %g s.", catalog, sentence, pause)
        time.sleep(pause)
    raise _failure(catalog, last, tries=len(retry.history) + 1, url=url) from last


def _check_address() -> None:
    try:
        scheme = urllib.parse.urlsplit(address()).scheme
    except ValueError:  # such as a bracket that is not closed
        scheme = ""
    if scheme not in {"http", "https"}:
        raise ReferenceServiceError(
            f"The address of the catalog service is '{without_secrets(address())}', but it must "
            f"begin with http:// or https:// and name a host. Mend the environment variable "
            f"{VARIABLE}."
        )


def _next(retry: Retry, problem: DownloadError, limits: Limits) -> Retry | None:
    """The state of the tries before another one; None if it makes no sense, or has no time left."""
    if not problem.may_pass:
        return None
    try:
        again = retry.increment("GET", error=problem)
    except MaxRetryError:
        return None
    return again if again.get_backoff_time() < limits.left else None


def _failure(
    catalog: str, problem: DownloadError, *, tries: int, url: str
) -> ReferenceServiceError:
    return ReferenceServiceError(
        f"The catalog service at {without_secrets(address())} {_without_password(str(problem))}, "
        f"asked for {catalog} {tries} time{'s' * (tries > 1)}. It must give a table of stars. Try "
        "again later, raise 'refcat_timeout' if it is slow, give another 'abs_refcat' (a file, or "
        f"several after commas), or another service in {VARIABLE}. The query was "
        f"{without_secrets(url)}"
    )


def _without_password(text: str) -> str:
    """A text of a library that may name parts of the address."""
    for secret in _passwords():
        text = text.replace(secret, HIDDEN)
    return without_secrets(text)


def _passwords() -> set[str]:
    authority = address().partition("://")[2]
    _, colon, password = authority.rpartition("@")[0].partition(":")
    return {password, urllib.parse.unquote(password)} if colon and password else set()


def _completed(table: Table, catalog: str) -> Table:
    """The answer with columns of proper motions (NaN) and epoch added if it has none."""
    lower = {name.lower() for name in table.colnames}
    for name in ("pmra", "pmdec"):
        if name not in lower:
            table[name] = np.full(len(table), np.nan)
    if not lower & {"epoch", "ref_epoch"}:
        table["epoch"] = np.full(len(table), RELEASES[catalog][1])
    return table
