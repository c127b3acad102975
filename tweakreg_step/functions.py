"""The functions relative_align and absolute_align, which correct tweakwcs correctors.

The correctors' ``meta`` holds ``catalog`` (a table with x, y [pixels] and perhaps x_err, y_err,
flux, weight), ``name``, ``group_id``, perhaps ``detector``, and after an alignment ``fit_info``.
Further names say what moves with what: ``visit`` (else what a group's name tells of it),
``guide_star``, and ``filter``, which ``detector`` may end with; ``epoch`` is the time of the
exposure [Julian year].
"""

from __future__ import annotations

import logging
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from astropy.table import Table
from threadpoolctl import threadpool_limits

from tweakreg_step.catalogs import within
from tweakreg_step.catalogs.reference import (
    NAMED,
)
from tweakreg_step.core.wording import listed
from tweakreg_step.parameters import (
    AbsoluteParameters,
    MethodParameters,
    ReferenceParameters,
    RelativeParameters,
    check_separation,
    checked,
    departed,
    unused_in_mode,
)
from tweakreg_step.pipeline.correctors import images_of, write_fits
from tweakreg_step.pipeline.detections import gather, warn_of_unused
from tweakreg_step.pipeline.input_checks import check_catalogs, fixed_group, warn_of_groups
from tweakreg_step.pipeline.methods.align_jointly import align_jointly
from tweakreg_step.pipeline.methods.continue_jointly import continue_jointly
from tweakreg_step.pipeline.methods.kept_start import Asked, keep_start
from tweakreg_step.pipeline.methods.stock_method import (
    absolute_sequential,
    check_enough,
    relative_sequential,
)
from tweakreg_step.pipeline.reference_stars import load_reference, save_reference
from tweakreg_step.pipeline.settings.solver_options import GIVEN_CATALOGS, options_of
from tweakreg_step.report import shortage_named
from tweakreg_step.telescopes.wcs import StoredWcs, all_or_nothing

from .core.exceptions import AlignmentError
from .core.images import Groups

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from astropy.table import Table

    from .core.outcome import Verdict
    from .core.sources import BoundingBox

__all__ = [
    "SINGLE_GROUP_REFCAT",
    "absolute_align",
    "filter_catalog_by_bounding_box",
    "relative_align",
]

log = logging.getLogger(__name__)

SINGLE_GROUP_REFCAT = list(NAMED)
"""Names that stand for reference catalogs of a service instead of a file."""

_RELATIVE = RelativeParameters()
_ABSOLUTE = AbsoluteParameters()
_METHOD = MethodParameters()
_REFERENCE = ReferenceParameters()


@contextmanager
def _limited() -> Iterator[None]:
    """One thread, and an error of memory that says what it was needed for.

    Several threads would wait for each other, and the order of their sums would change bits.
    """
    with threadpool_limits(1), shortage_named("to align the images"):
        yield


@_limited()
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
    align_method: str = _METHOD.align_method,
    refimage: str | None = None,
    detector_motion: str = _METHOD.detector_motion,
    visit_motion: str = _METHOD.visit_motion,
) -> list[Any]:
    """Align groups of images to each other.

    Parameters
    ----------
    correctors
        tweakwcs correctors; ``meta`` holds ``catalog``, ``name`` and ``group_id``.
    searchrad, separation, tolerance, xoffset, yoffset
        [arcsec] See `RelativeParameters`.
    use2dhist, enforce_user_order, expand_refcat, minobj, fitgeometry, nclip, sigma
        See `RelativeParameters`.
    clip_accum
        Whether clipped sources stay clipped in later rounds ('sequential' alone).
    align_method
        'global': all groups at once, weighted and robust. 'sequential': one after another, same
        results as the function of this name in stcal.
    refimage
        Name of an image, or group_id of a group, that stays fixed.
    detector_motion, visit_motion
        See `MethodParameters` ('global' alone).

    Returns
    -------
    list
        The correctors, with their WCS corrected; ``meta['fit_info']['status']`` says which.

    Raises
    ------
    ParameterError
        If parameters contradict each other, or there is no such ``refimage``.
    CatalogError
        If a corrector has no catalog, or none with x and y.
    AlignmentError
        If nothing could be aligned; the subclass says why, as `NoMatchError`. All correctors are
        unchanged then.
    """
    parameters = checked(
        RelativeParameters,
        enforce_user_order=enforce_user_order,
        expand_refcat=expand_refcat,
        minobj=minobj,
        fitgeometry=fitgeometry,
        nclip=nclip,
        sigma=sigma,
        searchrad=searchrad,
        use2dhist=use2dhist,
        separation=separation,
        tolerance=tolerance,
        xoffset=xoffset,
        yoffset=yoffset,
    )
    method = checked(
        MethodParameters,
        align_method=align_method,
        refimage=refimage or "",
        detector_motion=detector_motion,
        visit_motion=visit_motion,
    )
    check_separation(method.align_method, parameters)
    _warn_unused(parameters, method, clip_accum=clip_accum)
    check_catalogs(correctors)
    joint = align_method != "sequential"
    groups = Groups.of(images_of(correctors, measured=joint))
    warn_of_groups(groups)
    warn_of_unused(groups.images)
    if len(groups) < 2:
        raise AlignmentError(
            f"There are {len(correctors)} images in {len(groups)} group, but "
            "a relative alignment needs two groups. Give more exposures, or a reference catalog."
        )
    fixed = fixed_group(groups, method.refimage)
    if not joint:
        relative_sequential(correctors, parameters, fixed, clip_accum=clip_accum)
        return correctors
    options = options_of(groups, parameters, _ABSOLUTE, method, fixed)
    before = [StoredWcs.of(corrector) for corrector in correctors]
    with all_or_nothing(correctors):
        found = align_jointly(groups, gather(groups), None, options, GIVEN_CATALOGS)
        write_fits(correctors, groups, found)
        _check_any(groups, found.relative, "")
        keep_start(groups.images, before, Asked(parameters, method))
    return correctors


@_limited()
def absolute_align(  # noqa: PLR0913 - the keywords of the function that it stands in for
    correctors: list[Any],
    abs_refcat: str | Path | Table,
    ref_wcs: Any = None,  # noqa: ARG001 - the footprints of the images are known better
    ref_wcsinfo: Any = None,  # noqa: ARG001 - as ref_wcs
    epoch: Any = None,
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
    timeout: float | None = None,
    align_method: str = _METHOD.align_method,
    abs_method: str = _METHOD.abs_method,
    detector_motion: str = _METHOD.detector_motion,
    visit_motion: str = _METHOD.visit_motion,
    reference: ReferenceParameters = _REFERENCE,
) -> list[Any]:
    """Align images to a reference catalog.

    Parameters
    ----------
    correctors
        tweakwcs correctors; ``meta`` holds ``catalog``, ``name`` and ``group_id``, and perhaps
        ``epoch``, the time of the exposure [Julian year].
    abs_refcat
        A table, or whatever `AbsoluteParameters` takes: a file, a service, a HATS catalog, or
        several.
    ref_wcs, ref_wcsinfo
        Not needed: the footprints of the correctors say where stars are needed.
    epoch
        Time of all exposures, if no corrector has one: Julian year, an astropy Time, or a date.
    timeout
        Longest silence of a catalog service [s], in place of that in ``reference``.
    save_abs_catalog, abs_catalog_output_dir
        Whether, and into which folder, the catalog that was used is written.
    abs_searchrad, abs_separation, abs_tolerance
        [arcsec] See `AbsoluteParameters`.
    abs_use2dhist, abs_minobj, abs_fitgeometry, abs_nclip, abs_sigma
        See `AbsoluteParameters`.
    clip_accum
        Whether clipped sources stay clipped in later rounds ('sequential' alone).
    align_method
        'global': weighted and robust. 'sequential': all images as one body, same results as the
        function of this name in stcal.
    abs_method
        'joint': each group has its own correction, from the reference and from its neighbours in
        one solution. 'rigid': the groups keep their places to each other ('global' alone).
    detector_motion, visit_motion
        See `MethodParameters` ('global' alone).
    reference
        Selection of the stars, and options of catalog services.

    Returns
    -------
    list
        The correctors, with their WCS corrected.

    Raises
    ------
    ParameterError
        If parameters contradict each other.
    CatalogError
        If the reference catalog, or that of an image, can't be used.
    ReferenceServiceError
        If a service gives no stars.
    AlignmentError
        If no image could be aligned to it; the subclass says why, as `NoMatchError`. All correctors
        are unchanged then.
    """
    parameters = checked(
        AbsoluteParameters,
        save_abs_catalog=save_abs_catalog,
        abs_minobj=abs_minobj,
        abs_fitgeometry=abs_fitgeometry,
        abs_nclip=abs_nclip,
        abs_sigma=abs_sigma,
        abs_searchrad=abs_searchrad,
        abs_use2dhist=abs_use2dhist,
        abs_separation=abs_separation,
        abs_tolerance=abs_tolerance,
    )
    method = checked(
        MethodParameters,
        align_method=align_method,
        abs_method=abs_method,
        detector_motion=detector_motion,
        visit_motion=visit_motion,
    )
    check_separation(method.align_method, parameters, "abs_")
    _warn_unused(parameters, method, clip_accum=clip_accum)
    check_catalogs(correctors)
    if not correctors:
        raise AlignmentError("There are no images, but at least one is needed. Give correctors.")
    how = reference if timeout is None else replace(reference, refcat_timeout=float(timeout))
    joint = align_method != "sequential"
    groups = Groups.of(images_of(correctors, measured=joint))
    warn_of_groups(groups)
    warn_of_unused(groups.images)

    def stars_around() -> Table:
        stars = load_reference(abs_refcat, groups.images, how, abs_searchrad, epoch)
        check_enough(stars, parameters)
        if save_abs_catalog:
            save_reference(stars, Path(abs_catalog_output_dir or "."))
        return stars

    if not joint:
        absolute_sequential(correctors, stars_around(), parameters, clip_accum=clip_accum)
        return correctors
    with all_or_nothing(correctors):
        stars, found = continue_jointly(groups, stars_around, parameters, method)
        write_fits(correctors, groups, found)
        _check_any(groups, found.absolute, f" to '{stars.meta['name']}'")
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
    return catalog[within(catalog["x"], catalog["y"], bounding_box)]


def _warn_unused(stage: Any, method: MethodParameters, *, clip_accum: bool) -> None:
    """Say which parameters differ from their defaults and are not used by the method."""
    given = departed(stage, method) | ({"clip_accum": True} if clip_accum else {})
    for sentence in unused_in_mode(given, method.align_method):
        log.warning(sentence)


def _check_any(groups: Groups, verdicts: Sequence[Verdict], where: str) -> None:
    """If no group was aligned, raise the `AlignmentError` for the most frequent verdict."""
    if any(verdict.applied for verdict in verdicts):
        return
    kinds = Counter(verdict.code.error or AlignmentError for verdict in verdicts)
    reasons: dict[str, list[str]] = {}
    for group, verdict in zip(groups.names, verdicts, strict=True):
        reasons.setdefault(verdict.reason, []).append(str(group))
    sentences = " ".join(f"{listed(names)}: {why}" for why, names in list(reasons.items())[:3])
    raise kinds.most_common(1)[0][0](f"No image could be aligned{where}. {sentences}")
