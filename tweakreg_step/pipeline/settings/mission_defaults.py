"""Defaults of parameters that depend on the mission."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tweakreg_step.core.correction import parameter_count
from tweakreg_step.parameters import Setting

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from tweakreg_step.parameters import Parameters
    from tweakreg_step.telescopes import Telescope

    Effective = list[Setting]

__all__ = ["with_mission_defaults"]


def with_mission_defaults(
    parameters: Parameters,
    effective: Effective,
    unset: Collection[str],
    telescopes: Sequence[Telescope],
) -> tuple[Parameters, Effective]:
    """The parameters of a run with the defaults of the missions of its images.

    Of several missions, the geometry with the most parameters is taken: with fewer, images that
    need them can't be aligned, and the prior constrains those of images that do not.

    Parameters
    ----------
    parameters, effective
        Parameters, typed together, and each with its origin.
    unset
        Names of the parameters that the user did not give.
    telescopes
        The missions of the exposures.
    """
    decides = max(telescopes, key=lambda telescope: parameter_count(telescope.fitgeometry))
    geometry, origin = decides.fitgeometry, f"default of {decides.name}"
    names = {name for name in ("fitgeometry", "abs_fitgeometry") if name in unset}
    settings = [
        Setting(given.name, geometry, origin)
        if given.name in names and given.value != geometry
        else given
        for given in effective
    ]
    if "fitgeometry" in names:
        relative = replace(parameters.relative, fitgeometry=geometry)
        parameters = replace(parameters, relative=relative)
    if "abs_fitgeometry" in names:
        absolute = replace(parameters.absolute, abs_fitgeometry=geometry)
        parameters = replace(parameters, absolute=absolute)
    return parameters, settings
