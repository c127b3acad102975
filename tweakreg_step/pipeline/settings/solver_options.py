"""Options of the solver from the parameters of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.core.images import DETECTOR_SHIFT
from tweakreg_step.core.options import Options
from tweakreg_step.core.sphere import directions, frames_at, to_plane
from tweakreg_step.report import MORE_SOURCES

if TYPE_CHECKING:
    from collections.abc import Hashable

    from tweakreg_step.core.images import Groups
    from tweakreg_step.parameters import (
        AbsoluteParameters,
        MethodParameters,
        Parameters,
        RelativeParameters,
    )

__all__ = ["GIVEN_CATALOGS", "more_sources", "options_of", "options_of_run"]


def options_of(
    groups: Groups,
    relative: RelativeParameters,
    absolute: AbsoluteParameters,
    method: MethodParameters,
    refgroup: Hashable | None = None,
) -> Options:
    """Options of the solver.

    ``refgroup`` names the group that stays fixed.
    """
    return Options(
        fitgeometry=relative.fitgeometry,
        searchrad=relative.searchrad,
        start=_on_the_sky(groups, relative, refgroup),
        tolerance=relative.tolerance,
        separation=relative.separation,
        minobj=relative.minobj,
        sigma=relative.sigma,
        abs_searchrad=absolute.abs_searchrad,
        abs_tolerance=absolute.abs_tolerance,
        abs_minobj=absolute.abs_minobj,
        detector_motion=method.detector_motion,
        visit_motion=method.visit_motion,
        motion_shift_sigma=max(
            (image.detector_shift for image in groups.images), default=DETECTOR_SHIFT
        ),
        refgroup=None if refgroup is None else groups.names.index(refgroup),
        joint=method.abs_method == "joint",
    )


def options_of_run(
    groups: Groups, parameters: Parameters, refgroup: Hashable | None = None
) -> Options:
    """As `options_of`, from the parameters of a run of the step."""
    stages = parameters.relative, parameters.absolute, parameters.method
    return options_of(groups, *stages, refgroup)


def _on_the_sky(
    groups: Groups, relative: RelativeParameters, refgroup: Hashable | None
) -> tuple[float, float]:
    """First guess of the offset, east and north [arcsec].

    'xoffset' and 'yoffset' are along the tangent plane of the group that others are aligned to.
    """
    offset = relative.xoffset, relative.yoffset
    if not any(offset) or not groups.images:
        return 0.0, 0.0
    fixed = next((i for i in groups.images if i.group == refgroup), groups.images[0])
    # of the middle of the image: planes have their origin elsewhere
    (xmin, xmax), (ymin, ymax) = fixed.plane.limits
    middle = fixed.plane.from_pixels(
        np.array([0.5 * (xmin + xmax)]), np.array([0.5 * (ymin + ymax)])
    )
    ra, dec = fixed.plane.to_sky(np.concatenate([middle, middle + offset]))
    east, north = to_plane(directions(ra[1:], dec[1:]), frames_at(ra[:1], dec[:1]))[0]
    return float(east), float(north)


GIVEN_CATALOGS = "give catalogs with more sources"
"""What to do for more sources where the catalogs are the user's own."""

_SELECTING = "fluxmin", "fluxmax", "peakmin", "exclusions"


def more_sources(groups: Groups, parameters: Parameters) -> str:
    """What the user can do for more sources, as part of a sentence, from what limits their number.

    Parameters
    ----------
    groups
        The images with their selected sources.
    parameters
        The parameters of the run.
    """
    selection, finder = parameters.selection, parameters.finder
    remedies = []
    custom = parameters.catalogs.use_custom_catalogs
    most = parameters.brightest_given if custom else finder.brightest
    if most is not None and any(len(image.sources) >= most for image in groups.images):
        remedies.append(f"raise 'brightest' from {most}")
    used = [name for name in _SELECTING if getattr(selection, name) not in {None, ""}]
    used += ["peakmax"] if finder.peakmax is not None else []
    if used:
        remedies.append(f"loosen the selection ({', '.join(map(repr, used))})")
    if parameters.catalogs.use_custom_catalogs:
        remedies.append(GIVEN_CATALOGS)
    elif not remedies or used:
        remedies.append(MORE_SOURCES)
    return " or ".join(remedies)
