"""The stock method: tweakwcs aligns one group after another, as it does for stcal.

Same inputs and parameters give the same WCS as the functions of stcal, which drive tweakwcs in this
way. Other than there, a failure leaves every corrector as it was.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.coordinates import SkyCoord
from tweakwcs.imalign import align_wcs
from tweakwcs.linearfit import NotEnoughPointsError, SingularMatrixError
from tweakwcs.matchutils import XYXYMatch

from tweakreg_step.catalogs.reference import with_known_motion
from tweakreg_step.core.exceptions import (
    AlignmentError,
    ImplausibleError,
    NoMatchError,
    TooFewSourcesError,
)
from tweakreg_step.pipeline.correctors import images_of
from tweakreg_step.pipeline.detections import rows_of
from tweakreg_step.telescopes.wcs import all_or_nothing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from astropy.table import Table

    from tweakreg_step.parameters import AbsoluteParameters, RelativeParameters

__all__ = ["absolute_sequential", "check_enough", "relative_sequential"]

log = logging.getLogger(__name__)

# tweakwcs logs what its results contain as well; without a handler Python would print it.
logging.getLogger("tweakwcs").addHandler(logging.NullHandler())

_TWEAKWCS_ERRORS = (
    ValueError,
    RuntimeError,
    ArithmeticError,
    NotEnoughPointsError,
    SingularMatrixError,
)

_TOO_FEW = "Too few input images"  # what tweakwcs says where fewer than two have sources

# All images move together in an absolute alignment, whatever their groups.
_ONE_GROUP = "all images"


def relative_sequential(
    correctors: list[Any],
    parameters: RelativeParameters,
    refgroup: Any,
    *,
    clip_accum: bool = False,
) -> None:
    """Align groups to each other.

    Parameters
    ----------
    correctors
        Changed.
    parameters
        Parameters of the relative alignment.
    refgroup
        ``group_id`` of the group that stays fixed, the others then follow in the order of the
        input; None: tweakwcs chooses.
    clip_accum
        Whether clipped sources stay clipped in later rounds.

    Raises
    ------
    AlignmentError
        If nothing could be aligned, or corrections are implausibly large.
    """
    p = parameters
    match = _MatchFromStart(
        searchrad=p.searchrad,
        separation=p.separation,
        use2dhist=p.use2dhist,
        tolerance=p.tolerance,
        xoffset=p.xoffset,
        yoffset=p.yoffset,
    )
    reach = (p.searchrad if p.use2dhist else 0.0) + max(abs(p.xoffset), abs(p.yoffset))
    with all_or_nothing(correctors), _usable(correctors):
        _align(
            _first(correctors, refgroup),
            refcat=None,
            enforce_user_order=p.enforce_user_order or refgroup is not None,
            expand_refcat=p.expand_refcat,
            minobj=p.minobj,
            match=match,
            fitgeom=p.fitgeometry,
            nclip=p.nclip,
            sigma=(p.sigma, "rmse"),
            clip_accum=clip_accum,
        )
        _check_small(correctors, 2.0 * (reach + p.tolerance))
    _check_moved(
        correctors, "another", f"{p.minobj} of 'minobj' within {p.searchrad:g} arcsec ('searchrad')"
    )


class _MatchFromStart(XYXYMatch):
    """The matching of tweakwcs, whose histogram starts at the offset that is given, too."""

    def __call__(self, refcat: Table, imcat: Table, *args: Any, **options: Any) -> Any:
        """Indices of matched sources in both catalogs, columns TPx and TPy [arcsec]."""
        start = (self._xoffset, self._yoffset) if self._use2dhist else (0.0, 0.0)
        if any(start):
            imcat = imcat.copy()
            imcat["TPx"] -= start[0]
            imcat["TPy"] -= start[1]
        return super().__call__(refcat, imcat, *args, **options)


def absolute_sequential(
    correctors: list[Any],
    reference: Table,
    parameters: AbsoluteParameters,
    *,
    clip_accum: bool = False,
) -> None:
    """Align all images, as one body, to a reference catalog.

    Parameters
    ----------
    correctors
        Changed; ``group_id`` keeps its value.
    reference
        Columns RA, DEC [deg ICRS] and perhaps weight.
    parameters
        Parameters of the absolute alignment.
    clip_accum
        Whether clipped sources stay clipped in later rounds.

    Raises
    ------
    AlignmentError
        If the images could not be aligned to it; the subclass says why.
    """
    p = parameters
    check_enough(reference, p)
    known = with_known_motion(reference)  # tweakwcs can't give the other stars larger errors
    match = XYXYMatch(
        searchrad=p.abs_searchrad,
        separation=p.abs_separation,
        use2dhist=p.abs_use2dhist,
        tolerance=p.abs_tolerance,
        xoffset=0.0,
        yoffset=0.0,
    )
    with all_or_nothing(correctors), _usable(correctors), _as_one_group(correctors):
        _align(
            correctors,
            refcat=known,
            enforce_user_order=True,
            expand_refcat=False,
            minobj=p.abs_minobj,
            match=match,
            fitgeom=p.abs_fitgeometry,
            nclip=p.abs_nclip,
            sigma=(p.abs_sigma, "rmse"),
            clip_accum=clip_accum,
        )
    needed = f"{p.abs_minobj} of 'abs_minobj' within {p.abs_searchrad:g} arcsec ('abs_searchrad')"
    _check_moved(correctors, f"'{reference.meta['name']}'", needed)


def check_enough(stars: Table, parameters: AbsoluteParameters) -> None:
    """Raise `TooFewSourcesError` if a reference catalog has fewer stars than are asked for."""
    if len(stars) < parameters.abs_minobj:
        raise TooFewSourcesError(
            f"The reference catalog '{stars.meta['name']}' has {len(stars)} sources, "
            f"{parameters.abs_minobj} are needed. Lower 'abs_minobj' or use a deeper catalog."
        )


def _align(correctors: list[Any], **options: Any) -> None:
    """Run tweakwcs; its errors become subclasses of `AlignmentError`."""
    try:
        align_wcs(correctors, **options)
    except _TWEAKWCS_ERRORS as error:
        few = str(error).startswith(_TOO_FEW)
        kind = TooFewSourcesError if few else AlignmentError
        raise kind(_explained(str(error))) from error


def _explained(message: str) -> str:
    if message.startswith(_TOO_FEW):
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


def _first(correctors: list[Any], group: Any) -> list[Any]:
    if group is None:
        return correctors
    return sorted(correctors, key=lambda corrector: corrector.meta.get("group_id") != group)


def _check_small(correctors: Sequence[Any], limit: float) -> None:
    """Refuse corrections that move a corner by more than `limit` [arcsec], beyond the search."""
    for corrector in correctors:
        box = corrector.original_wcs.bounding_box or corrector.bounding_box
        before, after = (_corners(wcs, box) for wcs in (corrector.original_wcs, corrector.wcs))
        largest = float(np.max(before.separation(after).arcsec))
        if not largest < limit:
            raise ImplausibleError(
                f"The correction of '{corrector.meta.get('name')}' moves a corner by "
                f"{largest:.2f} arcsec, but no more than {limit:.2f} arcsec is plausible for the "
                "given search. No image was changed. Raise 'searchrad' if the pointing is that "
                "far off, or use fitgeometry='shift'."
            )


def _corners(wcs: Any, box: Any) -> SkyCoord:
    ra, dec = wcs.footprint(box, axis_type="spatial").T
    return SkyCoord(ra=ra, dec=dec, unit="deg")


@contextmanager
def _usable(correctors: Sequence[Any]) -> Iterator[None]:
    """Hide sources on which tweakwcs fails, so that one image does not stop all others.

    They are sources that no method can use, and catalogs whose sources lie on one line, of which
    tweakwcs can't make a footprint.
    """
    catalogs = [corrector.meta["catalog"] for corrector in correctors]
    images = images_of(correctors, measured=False)
    for corrector, catalog, image in zip(correctors, catalogs, images, strict=True):
        good = rows_of(image).usable
        usable = catalog if good.all() else catalog[good]
        if _on_a_line(usable):
            log.warning("The sources of %s lie on one line: not used.", corrector.meta.get("name"))
            usable = usable[:0]
        corrector.meta["catalog"] = usable
    try:
        yield
    finally:
        for corrector, catalog in zip(correctors, catalogs, strict=True):
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


def _check_moved(correctors: Sequence[Any], where: str, needed: str) -> None:
    """Raise `NoMatchError` if tweakwcs has found no match for any image."""
    infos = [corrector.meta.get("fit_info", {}) for corrector in correctors]
    if not any(info.get("status") == "SUCCESS" for info in infos):
        raise NoMatchError(
            f"No image could be aligned to {where}: fewer matches than the {needed}. Raise the "
            "search radius if the pointing is that far off, lower the number, or give catalogs of "
            "the same stars."
        )
