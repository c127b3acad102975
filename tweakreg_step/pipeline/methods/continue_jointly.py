"""An absolute alignment that goes on from where the relative one before it started.

Two solutions in a row are not one: the second would take what the first has left for errors of the
pointing, and weigh it once more against the same sources. So both are solved together, from the WCS
before the first.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from tweakreg_step.core.exceptions import ParameterError
from tweakreg_step.parameters import MethodParameters, RelativeParameters
from tweakreg_step.pipeline.detections import gather
from tweakreg_step.pipeline.input_checks import fixed_group
from tweakreg_step.pipeline.reference_stars import reference_of
from tweakreg_step.pipeline.settings.solver_options import GIVEN_CATALOGS, options_of
from tweakreg_step.telescopes.wcs import group_epochs, group_observatories

from .align_jointly import align_jointly
from .kept_start import common_start, keep_start
from .try_starts import Start, present, try_starts, with_delivered

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from astropy.table import Table

    from tweakreg_step.core.images import Groups
    from tweakreg_step.core.options import Options
    from tweakreg_step.parameters import AbsoluteParameters

    from .align_jointly import JointAlignment
    from .kept_start import Asked

__all__ = ["continue_jointly"]

log = logging.getLogger(__name__)

_USUAL = MethodParameters()

_MOTIONS = "detector_motion", "visit_motion"
"""What the first call was asked for counts also where the second is not asked for it."""


def continue_jointly(
    groups: Groups,
    stars_around: Callable[[], Table],
    parameters: AbsoluteParameters,
    method: MethodParameters,
) -> tuple[Table, JointAlignment]:
    """Align groups to reference stars and to each other in one solution.

    It starts from the WCS before the last alignment, with what a relative one was asked for, if the
    images are as that has left them; else from the WCS as delivered, or from where the images are.

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
    kept = common_start(groups.images)
    asked = None if kept is None else kept[1]
    options = _options(groups, asked, parameters, method)
    around: list[Table] = []

    def align() -> JointAlignment:
        around[:] = around or [stars_around()]
        stars = reference_of(around[0], group_epochs(groups), group_observatories(groups))
        return align_jointly(groups, gather(groups), stars, options, GIVEN_CATALOGS)

    here = present(groups)
    first = here if kept is None else kept[0]
    starts = with_delivered(first) if options.joint else [Start(first)]
    if kept is not None:
        log.info("Solved together with the alignment before, from the WCS before that.")
        starts[-1] = replace(starts[-1], superseded=kept[2])
        starts.append(Start(here))
    found, start = try_starts(groups, starts, align)
    keep_start(groups.images, start.wcs, asked, absolute=True)
    return around[0], found


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
    unsaid = [name for name in _MOTIONS if getattr(method, name) == getattr(_USUAL, name)]
    method = replace(method, **{name: getattr(asked.method, name) for name in unsaid})
    return options_of(groups, relative, parameters, method, _fixed(groups, asked.method.refimage))


def _fixed(groups: Groups, refimage: str) -> Hashable | None:
    """The group that stays fixed; None if it is not among those that are aligned now."""
    with suppress(ParameterError):
        return fixed_group(groups, refimage)
    return None


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
