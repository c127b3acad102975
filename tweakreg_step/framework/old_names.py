"""Parameter names of earlier releases, translated into current ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["OLD_NAMES", "renamed"]


SWITCH = "align_to_gaia"


OLD_DEFAULT_CATALOG = "GAIADR2"


OLD_NAMES = {
    SWITCH: ("abs_refcat", "boolean"),
    "gaia_catalog": ("abs_refcat", "string"),
    "min_gaia": ("abs_minobj", "integer"),
    "save_gaia_catalog": ("save_abs_catalog", "boolean"),
    "see2dplot": ("save_plots", "boolean"),
    "residplot": ("save_plots", "string"),
}
"""Names in earlier releases of the JWST step and in DrizzlePac's tweakreg -> current name, and type
in stpipe's parameter specification."""


NO_PLOT = {"false", "no", "off", "0", "no plot", ""}
"""Values of `residplot` and `see2dplot` for no picture; other values named one of several pictures,
which are all on one page now."""


def renamed(given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Translate parameter names of earlier releases.

    Parameters
    ----------
    given
        Parameters by name, of a parameter file or keywords; None stands for not given.

    Returns
    -------
    parameters : dict
        Values of current names that replace the old ones. Current names that are given as well keep
        their value.
    warnings : dict
        One sentence for each old name.
    """
    old = [name for name in OLD_NAMES if given.get(name) is not None]
    new = {OLD_NAMES[name][0]: given[name] for name in old if name != SWITCH}
    if "save_plots" in new:
        new["save_plots"] = any(
            _asks_for_plot(given.get(name)) for name in ("see2dplot", "residplot")
        )
    if SWITCH in old or "gaia_catalog" in old:
        wanted = str(given.get(SWITCH)).lower() in {"true", "yes", "on", "1"}
        catalog = given.get("gaia_catalog") or OLD_DEFAULT_CATALOG
        new["abs_refcat"] = catalog if wanted else ""
    sentences = {name: _sentence(name) for name in old}
    return {name: value for name, value in new.items() if name not in given}, sentences


def _asks_for_plot(value: Any) -> bool:
    return value is not None and str(value).strip().lower() not in NO_PLOT


def _sentence(name: str) -> str:
    return (
        f"Parameter '{name}' is of an earlier release; it is now '{OLD_NAMES[name][0]}'. It was "
        "translated; write the new name into your parameter file."
    )
