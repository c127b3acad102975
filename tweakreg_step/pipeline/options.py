"""Options of the solver from the parameters of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tweakreg_step.core.groups import group_names, indices
from tweakreg_step.core.options import Options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tweakreg_step.parameters import (
        AbsoluteParameters,
        MethodParameters,
        Parameters,
        RelativeParameters,
    )

__all__ = ["more_sources", "options_of", "options_of_run"]


def options_of(
    correctors: list[Any],
    relative: RelativeParameters,
    absolute: AbsoluteParameters,
    method: MethodParameters,
    refgroup: Any = None,
    more_sources: str = "give catalogs with more sources",
) -> Options:
    """Options of the solver.

    ``refgroup`` names the group that stays fixed; ``more_sources`` is part of a sentence that says
    what the user can do for more sources.
    """
    names = group_names(correctors)
    return Options(
        fitgeometry=relative.fitgeometry,
        searchrad=relative.searchrad,
        tolerance=relative.tolerance,
        separation=relative.separation,
        minobj=relative.minobj,
        nclip=relative.nclip,
        sigma=relative.sigma,
        abs_searchrad=absolute.abs_searchrad,
        abs_tolerance=absolute.abs_tolerance,
        abs_minobj=absolute.abs_minobj,
        detector_motion=method.detector_motion,
        refgroup=None if refgroup is None else int(indices(names)[names.index(refgroup)]),
        joint=method.abs_method == "joint",
        more_sources=more_sources,
    )


def options_of_run(correctors: list[Any], parameters: Parameters, refgroup: Any = None) -> Options:
    """As `options_of`, from the parameters of a run of the step."""
    stages = parameters.relative, parameters.absolute, parameters.method
    return options_of(correctors, *stages, refgroup, more_sources(correctors, parameters))


_SELECTING = "fluxmin", "fluxmax", "peakmin", "exclusions"


def more_sources(correctors: Sequence[Any], parameters: Parameters) -> str:
    """What the user can do for more sources, as part of a sentence, from what limits their number.

    Parameters
    ----------
    correctors
        Correctors with their selected catalogs.
    parameters
        The parameters of the run.
    """
    selection, finder = parameters.selection, parameters.finder
    remedies = []
    if any(len(item.meta["catalog"]) >= finder.brightest for item in correctors):
        remedies.append(f"raise 'brightest' from {finder.brightest}")
    used = [name for name in _SELECTING if getattr(selection, name) not in {None, ""}]
    used += ["peakmax"] if finder.peakmax is not None else []
    if used:
        remedies.append(f"loosen the selection ({', '.join(map(repr, used))})")
    if parameters.catalogs.use_custom_catalogs:
        remedies.append("give catalogs with more sources")
    elif not remedies or used:
        remedies.append("lower 'snr_threshold' to find more sources")
    return " or ".join(remedies)
