"""Reference catalogs in HATS, a partitioned format for large surveys, on disk or at a URL."""

from __future__ import annotations

import logging
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.table import Table, vstack

from tweakreg_step.core.exceptions import CatalogError, ReferenceServiceError
from tweakreg_step.core.wording import printable, without_secrets

from .columns import CORRELATED, NAMES

if TYPE_CHECKING:
    from tweakreg_step.parameters import ReferenceParameters

    from .footprint import Circle

__all__ = ["ADDRESSES", "ask", "check_folder", "check_library", "is_remote", "open_catalog"]

log = logging.getLogger(__name__)

ADDRESSES = {"GAIADR3_S3": "s3://stpubdata/gaia/gaia_dr3/public/hats/gaia/"}
"""Public catalogs by name: STScI's copy of Gaia DR3 at Amazon."""

WANTED = (
    {name for names, _ in NAMES.values() for name in names}
    | {f"{one}_{two}_corr" for one in CORRELATED for two in CORRELATED}
    | {"source_id", "objid"}
)


def check_library() -> None:
    """Raise `CatalogError` if the library that reads HATS is not installed."""
    if find_spec("hats") is None:
        raise CatalogError(
            "'abs_refcat' is a HATS catalog, but the package 'hats', which reads these, is not "
            "installed. Install it: pip install hats s3fs, or give another catalog."
        )


def check_folder(path: Path) -> None:
    """Raise `CatalogError` if a folder on this machine is no HATS catalog."""
    names = ("hats.properties", "properties", "collection.properties")
    if path.is_dir() and not any((path / name).is_file() for name in names):
        raise CatalogError(
            f"The reference catalog, '{path}', is a folder, but no HATS catalog: it must have "
            "'hats.properties' or 'collection.properties'. Give a file with a table, or the folder "
            "of a HATS catalog."
        )


def is_remote(place: str) -> bool:
    """Whether a place is a URL that is not on this machine."""
    return "://" in place and not place.startswith("file://")


def open_catalog(place: str, parameters: ReferenceParameters) -> Any:
    """Open a HATS catalog, or the main one of a collection.

    Raises
    ------
    ReferenceServiceError
        If it can't be opened.
    """
    import hats  # takes seconds to import  # noqa: PLC0415

    _refuse_elsewhere(place)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # e.g. a catalog without optional metadata
            found = hats.read_hats(
                place, read_moc=False, storage_options=storage_options(place, parameters)
            )
    except Exception as error:  # the file systems raise whatever they like
        raise _failure(place, error) from error
    return getattr(found, "main_catalog", found)


def _refuse_elsewhere(place: str) -> None:
    """Refuse a collection whose tables are not within it: no file opens another, or an address."""
    listing = Path(place.removeprefix("file://")) / "collection.properties"
    if is_remote(place) or not listing.is_file():
        return
    for line in listing.read_text(errors="replace").splitlines():
        key, _, value = line.partition("=")
        names = (
            value.split() if key.strip().startswith(("all_", "default_", "hats_primary")) else []
        )
        for name in names:
            if "://" in name or name.startswith(("/", "~")) or ".." in Path(name).parts:
                raise ReferenceServiceError(
                    f"The HATS collection '{place}' names '{printable(name[:200])}' "
                    f"('{printable(key.strip()[:40])}'), but its tables must be within its folder. "
                    "Give the folder or the address of the table itself as 'abs_refcat'."
                )


def ask(catalog: Any, circle: Circle, most: int | None = None) -> Table:
    """The stars of the partitions that overlap a circle.

    Parameters
    ----------
    catalog
        Catalog from `open_catalog`.
    circle
        The circle. Rows are limited to its range of declinations, not to the circle itself.
    most
        Largest size of all rows together [bytes]; None for any.

    Returns
    -------
    Table
        RA, DEC [deg ICRS] and those columns that `tweakreg_step.catalogs.reference.columns` knows.

    Raises
    ------
    ReferenceServiceError
        If they can't be read.
    """
    try:
        chosen = catalog.filter_by_cone(circle.ra, circle.dec, circle.radius * 3600.0)
        parts, size = [], 0
        for pixel in chosen.get_healpix_pixels():
            parts.append(_rows(catalog, pixel, circle))
            size += sum(parts[-1][name].nbytes for name in parts[-1].colnames)
            _check_size(size, most, str(catalog.catalog_path))
    except ReferenceServiceError:
        raise
    except Exception as error:
        raise _failure(str(catalog.catalog_path), error) from error
    log.info("%d partitions of %s read.", len(parts), catalog.catalog_name)
    if not parts:
        return Table({"RA": np.empty(0), "DEC": np.empty(0)})
    return vstack(parts, metadata_conflicts="silent")


def _check_size(size: int, most: int | None, place: str) -> None:
    if most is not None and size > most:
        raise ReferenceServiceError(
            f"The HATS catalog '{without_secrets(place)}' sent more than {most / 1e6:g} MB, the "
            "most that is read ('refcat_max_size'). Raise that, or align fewer images at a time."
        )


def _rows(catalog: Any, pixel: Any, circle: Circle) -> Table:
    from hats.io.paths import pixel_catalog_file  # noqa: PLC0415 - as above
    from pyarrow import parquet  # noqa: PLC0415 - as above

    info = catalog.catalog_info
    positions = {info.ra_column: "RA", info.dec_column: "DEC"}
    others = [n for n in catalog.schema.names if n.lower() in WANTED and n not in positions]
    path = pixel_catalog_file(catalog.catalog_path, pixel, npix_suffix=info.npix_suffix)
    low, high = circle.dec - circle.radius, circle.dec + circle.radius
    rows = parquet.read_table(
        path.path,
        filesystem=path.fs,
        columns=[*positions, *others],
        filters=[(info.dec_column, ">=", low), (info.dec_column, "<=", high)],
        partitioning=None,
    )
    return Table({positions.get(name, name): _values(rows[name]) for name in rows.column_names})


def _values(column: Any) -> Any:
    """A column as an array; missing numbers are NaN."""
    values = column.to_pandas().to_numpy()
    if values.dtype == object:
        values = np.array([str(value) for value in values])
    return values


def storage_options(place: str, parameters: ReferenceParameters) -> dict[str, Any]:
    """Options of a URL's file system: timeouts and number of retries."""
    timeout, retries = parameters.refcat_timeout, parameters.refcat_retries
    if place.startswith("s3://"):
        limits = {"connect_timeout": timeout, "read_timeout": timeout}
        attempts = {"retries": {"total_max_attempts": retries + 1}}
        return {"anon": True, "config_kwargs": limits | attempts}
    if place.startswith(("http://", "https://")):
        from aiohttp import ClientTimeout  # noqa: PLC0415 - comes with hats

        limits = {"timeout": ClientTimeout(sock_connect=timeout, sock_read=timeout)}
        return {"client_kwargs": limits}
    return {}


def release_of(catalog: Any) -> str:
    """Name of a catalog, and its date if it has one."""
    extra = catalog.catalog_info.model_dump()
    dates = [extra.get(key) for key in ("hats_release_date", "hats_creation_date")]
    return " ".join([str(catalog.catalog_name), *(str(date) for date in dates if date)][:2])


def _failure(place: str, error: Exception) -> ReferenceServiceError:
    text = (str(error) or type(error).__name__).splitlines()[0].rstrip(".")
    return ReferenceServiceError(
        f"The HATS catalog '{without_secrets(place)}' can't be read: {type(error).__name__}: "
        f"{without_secrets(text)}. It must be a "
        "folder or URL with 'hats.properties' or 'collection.properties' that can be reached now. "
        "Check the address and the network, or give another 'abs_refcat' (several after commas)."
    )
