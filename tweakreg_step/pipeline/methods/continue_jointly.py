"""An absolute alignment that goes on from where the relative one before it started.

Two solutions in a row are not one: the second would take what the first has left for errors of the
pointing, and weigh it once more against the same sources. So both are solved together, from the WCS
before the first.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tweakreg_step.core.outcome import Code
from tweakreg_step.parameters import MethodParameters, RelativeParameters
from tweakreg_step.pipeline.detections import gather
from tweakreg_step.pipeline.reference_stars import reference_of
from tweakreg_step.pipeline.solver_options import GIVEN_CATALOGS, options_of
from tweakreg_step.telescopes.wcs import Snapshot, StoredWcs, group_epochs, group_observatories

from .align_jointly import align_jointly
from .kept_start import common_start, keep_start

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from astropy.table import Table

    from tweakreg_step.core.images import Groups
    from tweakreg_step.core.options import Options
    from tweakreg_step.parameters import AbsoluteParameters

    from .align_jointly import JointAlignment
    from .kept_start import Asked

__all__ = ["continue_jointly"]

log = logging.getLogger(__name__)

_ANY_MOTION = MethodParameters().detector_motion


def continue_jointly(
    groups: Groups,
    stars_around: Callable[[], Table],
    parameters: AbsoluteParameters,
    method: MethodParameters,
) -> tuple[Table, JointAlignment]:
    """Align groups to reference stars and to each other in one solution.

    It starts from the WCS before the last alignment, with what a relative one was asked for, if the
    images are as that has left them, else from where they are. Where groups are not aligned to the
    reference then, and more of them are from where they are, that is the result.

    Parameters
    ----------
    groups
        The images; those of groups that are aligned get a corrected WCS, the others stay as they
        are.
    stars_around
        Gives the reference stars around the images, wherever they are.
    parameters, method
        Of the absolute alignment.

    Returns
    -------
    stars, found
        The reference stars, and the result.
    """
    correctors = [image.plane.corrector for image in groups.images]
    here = [StoredWcs.of(corrector) for corrector in correctors]
    start = common_start(groups.images)
    wcs, asked = start or (here, None)
    options = _options(groups, asked, parameters, method)
    if start is not None:
        log.info("Solved together with the alignment before, from the WCS before that.")
        _put(wcs, correctors)
    stars = stars_around()
    reference = reference_of(stars, group_epochs(groups), group_observatories(groups))

    def aligned() -> JointAlignment:
        return align_jointly(groups, gather(groups), reference, options, GIVEN_CATALOGS)

    found = aligned()
    _put_back(groups, found, here)
    if start is not None and _held(found) < len(groups):
        first = [Snapshot(corrector) for corrector in correctors]
        _put(here, correctors)
        second = aligned()
        if _held(second) > _held(found):
            found, wcs = second, here
        else:
            for snapshot in first:
                snapshot.restore()
    keep_start(groups.images, wcs, asked)
    return stars, found


def _options(
    groups: Groups, asked: Asked | None, parameters: AbsoluteParameters, method: MethodParameters
) -> Options:
    """Options of the solver; what ties groups to each other is as the relative alignment had it."""
    if asked is None:
        return options_of(groups, _as_relative(parameters), parameters, method)
    relative = asked.relative
    if parameters.abs_fitgeometry != relative.fitgeometry:
        log.warning(
            "'abs_fitgeometry' is '%s', but the relative alignment had the 'fitgeometry' '%s', and "
            "one solution has one geometry: '%s' is used. Give both functions the same.",
            *(parameters.abs_fitgeometry, relative.fitgeometry, relative.fitgeometry),
        )
    if method.detector_motion == _ANY_MOTION:
        method = replace(method, detector_motion=asked.detector_motion)
    fixed = asked.refgroup if asked.refgroup in groups.names else None
    return options_of(groups, relative, parameters, method, fixed)


def _as_relative(parameters: AbsoluteParameters) -> RelativeParameters:
    """Parameters of the matches between groups in an absolute alignment, taken from its own."""
    return RelativeParameters(
        minobj=parameters.abs_minobj,
        fitgeometry=parameters.abs_fitgeometry,
        nclip=parameters.abs_nclip,
        sigma=parameters.abs_sigma,
        separation=parameters.abs_separation,
        tolerance=parameters.abs_tolerance,
    )


def _put(wcs: Sequence[StoredWcs], correctors: Sequence[Any]) -> None:
    for one, corrector in zip(wcs, correctors, strict=True):
        one.put_into(corrector)


def _put_back(groups: Groups, found: JointAlignment, here: Sequence[StoredWcs]) -> None:
    """Give the images that could not be aligned the WCS with which they came."""
    status = found.solution.groups.status
    for image, (group, wcs) in enumerate(zip(groups.of_image.tolist(), here, strict=True)):
        if status[group] is not Code.ALIGNED or image in found.uncorrected:
            wcs.put_into(groups.images[image].plane.corrector)


def _held(found: JointAlignment) -> int:
    """Number of groups that are aligned to the reference."""
    return sum(verdict.applied for verdict in found.absolute)
