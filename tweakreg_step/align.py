"""relative_align and absolute_align, on tweakwcs correctors.

The only module that reads and writes the correctors' ``meta``: ``catalog`` (a table with x, y and
perhaps weight), ``name``, ``group_id`` and, after an alignment, ``fit_info``.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.table import Table
from tweakwcs.correctors import ST_V2V3_WCSCorrector
from tweakwcs.imalign import align_wcs
from tweakwcs.matchutils import XYXYMatch

from .config import AbsoluteParameters, RelativeParameters, check_separation
from .data import Outcome, Status
from .exceptions import AlignmentError, CatalogError, ParameterError
from .reference import read_reference
from .reference.file import sky_table
from .whole_file import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .data import BoundingBox

log = logging.getLogger(__name__)

__all__ = [
    "SINGLE_GROUP_REFCAT",
    "absolute_align",
    "filter_catalog_by_bounding_box",
    "outcomes",
    "relative_align",
]

SINGLE_GROUP_REFCAT = ["GAIAREFCAT", "GAIADR3", "GAIADR2", "GAIADR1", "GAIADR3_S3"]
"""Names that stand for reference catalogs of a service instead of a file."""

# tweakwcs reports through its log what `outcomes` reads from its results; without a handler of its
# own, Python would print it unasked.
logging.getLogger("tweakwcs").addHandler(logging.NullHandler())

_RELATIVE = RelativeParameters()
_ABSOLUTE = AbsoluteParameters()

# All images move together in an absolute alignment, whatever their groups.
_ONE_GROUP = "all images"


def relative_align(  # noqa: PLR0913 - the keywords of the function that it stands in for
    correctors: list[Any],
    searchrad: float = _RELATIVE.searchrad,
    separation: float = _RELATIVE.separation,
    use2dhist: bool = _RELATIVE.use2dhist,
    tolerance: float = _RELATIVE.tolerance,
    xoffset: float = _RELATIVE.xoffset,
    yoffset: float = _RELATIVE.yoffset,
    enforce_user_order: bool = _RELATIVE.enforce_user_order,
    expand_refcat: bool = _RELATIVE.expand_refcat,
    minobj: int = _RELATIVE.minobj,
    fitgeometry: str = _RELATIVE.fitgeometry,
    nclip: int = _RELATIVE.nclip,
    sigma: float = _RELATIVE.sigma,
    clip_accum: bool = False,
    refimage: str = "",
) -> list[Any]:
    """Align groups of images to each other, one after another.

    Same keywords, defaults and results as the function of this name in stcal. Other than there, a
    failure leaves every corrector as it was.

    Parameters
    ----------
    correctors
        tweakwcs correctors; ``meta`` holds ``catalog``, ``name`` and ``group_id``.
    searchrad, separation, tolerance, xoffset, yoffset
        [arcsec] See `RelativeParameters`.
    use2dhist, enforce_user_order, expand_refcat, minobj, fitgeometry, nclip, sigma
        See `RelativeParameters`.
    clip_accum
        Whether clipped sources stay clipped in later rounds.
    refimage
        Name of an image, or group_id of a group, that stays fixed; the others then follow in the
        order of the input.

    Returns
    -------
    list
        The correctors, with their WCS corrected; ``outcomes`` tells which.

    Raises
    ------
    ParameterError
        If parameters contradict each other, or there is no such ``refimage``.
    AlignmentError
        If nothing could be aligned, or corrections are implausibly large.
    """
    check_separation("separation", separation, "tolerance", tolerance)
    match = XYXYMatch(
        searchrad=searchrad,
        separation=separation,
        use2dhist=use2dhist,
        tolerance=tolerance,
        xoffset=xoffset,
        yoffset=yoffset,
    )
    guess = 0.0 if use2dhist else max(abs(xoffset), abs(yoffset))
    limit = 2.0 * ((searchrad if use2dhist else guess) + tolerance)
    with _all_or_nothing(correctors), _without_lines(correctors):
        _align(
            _reference_first(correctors, refimage),
            refcat=None,
            enforce_user_order=enforce_user_order or bool(refimage),
            expand_refcat=expand_refcat,
            minobj=minobj,
            match=match,
            fitgeom=fitgeometry,
            nclip=nclip,
            sigma=(sigma, "rmse"),
            clip_accum=clip_accum,
        )
        _check_small(correctors, limit)
    return correctors


def absolute_align(  # noqa: PLR0913 - the keywords of the function that it stands in for
    correctors: list[Any],
    abs_refcat: str | Path | Table,
    ref_wcs: Any = None,  # noqa: ARG001 - footprint of a catalog service's query; files need none
    ref_wcsinfo: Any = None,  # noqa: ARG001 - as ref_wcs
    epoch: Any = None,  # noqa: ARG001 - of a catalog with proper motions
    save_abs_catalog: bool = _ABSOLUTE.save_abs_catalog,
    abs_catalog_output_dir: str | Path | None = None,
    abs_searchrad: float = _ABSOLUTE.abs_searchrad,
    abs_separation: float = _ABSOLUTE.abs_separation,
    abs_use2dhist: bool = _ABSOLUTE.abs_use2dhist,
    abs_tolerance: float = _ABSOLUTE.abs_tolerance,
    abs_minobj: int = _ABSOLUTE.abs_minobj,
    abs_fitgeometry: str = _ABSOLUTE.abs_fitgeometry,
    abs_nclip: int = _ABSOLUTE.abs_nclip,
    abs_sigma: float = _ABSOLUTE.abs_sigma,
    clip_accum: bool = False,
    timeout: float | None = None,  # noqa: ARG001 - of a catalog service
) -> list[Any]:
    """Align all images, as one body, to a reference catalog.

    Same keywords, defaults and results as the function of this name in stcal. Other than there,
    a failure leaves every corrector as it was, and ``group_id`` keeps its value.

    Parameters
    ----------
    correctors
        tweakwcs correctors; ``meta`` holds ``catalog``, ``name`` and ``group_id``.
    abs_refcat
        A file, or a table, with RA, DEC [deg ICRS] or ``sky_centroid``.
    ref_wcs, ref_wcsinfo, epoch, timeout
        Not needed for catalogs from a file.
    save_abs_catalog, abs_catalog_output_dir
        Whether, and into which folder, the catalog that was used is written.
    abs_searchrad, abs_separation, abs_tolerance
        [arcsec] See `AbsoluteParameters`.
    abs_use2dhist, abs_minobj, abs_fitgeometry, abs_nclip, abs_sigma
        See `AbsoluteParameters`.
    clip_accum
        Whether clipped sources stay clipped in later rounds.

    Returns
    -------
    list
        The correctors, with their WCS corrected.

    Raises
    ------
    ParameterError
        If parameters contradict each other.
    CatalogError
        If the catalog can't be used.
    AlignmentError
        If the images could not be aligned to it.
    """
    check_separation("abs_separation", abs_separation, "abs_tolerance", abs_tolerance)
    reference = load_reference(abs_refcat)
    if len(reference) < abs_minobj:
        raise AlignmentError(
            f"The reference catalog '{reference.meta['name']}' has {len(reference)} sources, "
            f"{abs_minobj} are needed. Lower 'abs_minobj' or use a deeper catalog."
        )
    if save_abs_catalog:
        _save_reference(reference, Path(abs_catalog_output_dir or "."))
    match = XYXYMatch(
        searchrad=abs_searchrad,
        separation=abs_separation,
        use2dhist=abs_use2dhist,
        tolerance=abs_tolerance,
        xoffset=0.0,
        yoffset=0.0,
    )
    with _all_or_nothing(correctors), _without_lines(correctors), _as_one_group(correctors):
        _align(
            correctors,
            refcat=reference,
            enforce_user_order=True,
            expand_refcat=False,
            minobj=abs_minobj,
            match=match,
            fitgeom=abs_fitgeometry,
            nclip=abs_nclip,
            sigma=(abs_sigma, "rmse"),
            clip_accum=clip_accum,
        )
    return correctors


def filter_catalog_by_bounding_box(catalog: Table, bounding_box: BoundingBox | None) -> Table:
    """The rows of a catalog with columns x, y [pixels] that lie within a bounding box.

    Parameters
    ----------
    catalog
        Columns x and y.
    bounding_box
        ((xmin, xmax), (ymin, ymax)) [pixels]; None: all rows are kept.
    """
    if bounding_box is None:
        return catalog
    (xmin, xmax), (ymin, ymax) = bounding_box
    x, y = catalog["x"], catalog["y"]
    return catalog[(x > xmin) & (x < xmax) & (y > ymin) & (y < ymax)]


def load_reference(abs_refcat: str | Path | Table) -> Table:
    """The reference catalog that ``abs_refcat`` stands for, with RA, DEC [deg ICRS].

    Raises
    ------
    CatalogError
        If there is none, or it can't be used.
    """
    if isinstance(abs_refcat, Table):
        table = sky_table(abs_refcat, "given as a table")
        table.meta.setdefault("name", "table")
        return table
    if str(abs_refcat).strip().upper() in SINGLE_GROUP_REFCAT:
        raise CatalogError(
            f"'{abs_refcat}' is the catalog of a service, and this release reads reference "
            "catalogs from files alone. Fetch the catalog, save it as a table with RA and DEC, "
            "and give its path as 'abs_refcat'."
        )
    return read_reference(Path(str(abs_refcat).strip()))


def _save_reference(reference: Table, folder: Path) -> None:
    path = folder / f"fit_{Path(reference.meta['name']).stem.lower()}_ref.ecsv"
    write_whole(path, lambda draft: reference.write(draft, format="ascii.ecsv"))


def outcomes(correctors: Sequence[Any], minobj: int) -> list[Outcome]:
    """What the last alignment did to each corrector.

    The reference image counts as aligned if at least one other group was aligned to it.

    Parameters
    ----------
    correctors
        After an alignment.
    minobj
        The number of matches that it required.
    """
    statuses = [c.meta.get("fit_info", {}).get("status", "FAILED: not tried") for c in correctors]
    any_aligned = "SUCCESS" in statuses
    return [_outcome(status, any_aligned, minobj) for status in statuses]


def _outcome(status: str, any_aligned: bool, minobj: int) -> Outcome:
    if status == "SUCCESS":
        return Outcome(Status.ALIGNED, "aligned to the other images", moved=True)
    if status == "REFERENCE":
        if any_aligned:
            return Outcome(Status.ALIGNED, "reference of the relative alignment, left in place")
        return Outcome(Status.FAILED, "no other group could be aligned to this one")
    if "not enough matches" in status:
        reason = (
            f"fewer than the {minobj} matches needed; lower the least number of matches, widen "
            "the search radius or find more sources"
        )
    elif "empty" in status:
        reason = "it has no sources; lower 'snr_threshold' or give a catalog"
    else:
        reason = "it overlaps no image that was aligned before; 'expand_refcat' may help"
    return Outcome(Status.FAILED, reason)


def _align(correctors: list[Any], **options: Any) -> None:
    """Run tweakwcs; its complaints about the data become errors with a name."""
    try:
        align_wcs(correctors, **options)
    except (ValueError, RuntimeError, ArithmeticError) as error:
        raise AlignmentError(_explained(str(error))) from error


def _explained(message: str) -> str:
    if message.startswith("Too few input images"):
        return (
            "Fewer than two groups have sources, but two are needed for a relative alignment, one "
            "for an absolute one. Lower 'snr_threshold', or give catalogs of your own."
        )
    if message.startswith("Number of output coordinates exceeded allocation"):
        return (
            "Several sources match one reference source within the match radius. Lower "
            "'tolerance' or raise 'separation'."
        )
    return f"The alignment failed: {message.rstrip('.')}. Check the catalogs of the images."


def _reference_first(correctors: list[Any], refimage: str) -> list[Any]:
    if not refimage:
        return correctors
    chosen = next((c.meta.get("group_id") for c in correctors if _is_named(c, refimage)), None)
    if chosen is None:
        names = ", ".join(sorted({str(c.meta.get("name")) for c in correctors}))
        raise ParameterError(
            f"There is no image or group '{refimage}', but 'refimage' must name one of the input. "
            f"Images are: {names}."
        )
    return sorted(correctors, key=lambda corrector: corrector.meta.get("group_id") != chosen)


def _is_named(corrector: Any, name: str) -> bool:
    image = str(corrector.meta.get("name"))
    return name in {image, Path(image).stem, str(corrector.meta.get("group_id"))} or (
        Path(name).stem == Path(image).stem
    )


def _check_small(correctors: Sequence[Any], limit: float) -> None:
    """Refuse corrections that the search could not have found [arcsec]: a fit gone astray."""
    for corrector in correctors:
        before, after = (_corners(wcs) for wcs in (corrector.original_wcs, corrector.wcs))
        largest = float(np.max(before.separation(after).arcsec))
        if not largest < limit:
            raise AlignmentError(
                f"The correction of '{corrector.meta.get('name')}' moves a corner by "
                f"{largest:.2f} arcsec, but no more than {limit:.2f} arcsec is plausible for the "
                "given search. No image was changed. Raise 'searchrad' if the pointing is that "
                "far off, or use fitgeometry='shift'."
            )


def _corners(wcs: Any) -> SkyCoord:
    ra, dec = wcs.footprint(axis_type="spatial").T
    return SkyCoord(ra=ra, dec=dec, unit="deg")


@contextmanager
def _without_lines(correctors: Sequence[Any]) -> Iterator[None]:
    """Hide catalogs whose sources lie on one line: tweakwcs can't make a footprint of them.

    One such catalog would otherwise keep all images from being aligned.
    """
    hidden = [(c, c.meta["catalog"]) for c in correctors if _on_a_line(c.meta["catalog"])]
    for corrector, catalog in hidden:
        log.warning("The sources of %s lie on one line: not used.", corrector.meta.get("name"))
        corrector.meta["catalog"] = catalog[:0]
    try:
        yield
    finally:
        for corrector, catalog in hidden:
            corrector.meta["catalog"] = catalog


def _on_a_line(catalog: Table) -> bool:
    """Whether three or more sources span less than a thousandth of a pixel across."""
    if len(catalog) < 3:
        return False
    positions = np.stack([np.asarray(catalog[axis], float) for axis in ("x", "y")])
    spread = np.linalg.svd(positions - positions.mean(axis=1, keepdims=True), compute_uv=False)
    return bool(spread[-1] < 1e-3)


@contextmanager
def _as_one_group(correctors: Sequence[Any]) -> Iterator[None]:
    groups = [corrector.meta.get("group_id") for corrector in correctors]
    for corrector in correctors:
        corrector.meta["group_id"] = _ONE_GROUP
        # a REFERENCE of the relative alignment is to be aligned now
        corrector.meta.pop("fit_info", None)
    try:
        yield
    finally:
        for corrector, group in zip(correctors, groups, strict=True):
            corrector.meta["group_id"] = group


@contextmanager
def _all_or_nothing(correctors: Sequence[Any]) -> Iterator[None]:
    """Put the correctors back as they were if anything is raised."""
    before = [_Snapshot(corrector) for corrector in correctors]
    try:
        yield
    except BaseException:
        for snapshot in before:
            snapshot.restore()
        raise


class _Snapshot:
    """The state of a corrector, cheap to take and complete to restore.

    Correctors of GWCS replace their WCS when they correct it, so a reference to it is enough;
    others change it in place and are copied.
    """

    def __init__(self, corrector: Any) -> None:
        self.corrector = corrector
        self.meta = dict(corrector.meta)
        self.replaces = isinstance(corrector, ST_V2V3_WCSCorrector)
        self.state = corrector.wcs if self.replaces else vars(corrector.copy())

    def restore(self) -> None:
        corrector = self.corrector
        if self.replaces:
            fresh = type(corrector)(self.state, corrector.ref_angles, meta=self.meta)
            # the WCS as it was before any correction, perhaps an earlier one
            vars(corrector).update({**vars(fresh), "_owcs": corrector.original_wcs})
        else:
            vars(corrector).update(self.state)
