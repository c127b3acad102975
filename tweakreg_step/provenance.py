"""Where the value of each parameter came from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .spec import coerce

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .spec import Declaration

__all__ = ["OLD_NAMES", "departures", "effective", "renamed"]

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
"""Names of earlier releases of the JWST step, and of DrizzlePac's tweakreg, -> today's, and
stpipe's word for their type."""

NO_PLOT = {"false", "no", "off", "0", "no plot", ""}
"""Values of `residplot` and `see2dplot` that ask for nothing; the others ask for one of several
pictures, which are all on one page now."""


def departures(
    declared: Iterator[Declaration], values: Mapping[str, Any], sources: Mapping[str, str]
) -> Iterator[str]:
    """Each parameter that differs from its default, with where it came from.

    Parameters
    ----------
    declared
        The parameters.
    values
        Their values in this run.
    sources
        Where values came from, by parameter; what is not named was set in Python.

    Yields
    ------
    str
        Such as ``searchrad = 3.0 arcsec (command line)``.
    """
    for declaration in declared:
        value = coerce(declaration, values[declaration.name])
        if value != declaration.default:
            unit = f" {declaration.unit}" if declaration.unit else ""
            source = sources.get(declaration.name, "set in Python")
            yield f"{declaration.name} = {value!r}{unit} ({source})"


def effective(
    declared: Iterator[Declaration], values: Mapping[str, Any], sources: Mapping[str, str]
) -> Iterator[tuple[str, Any, str]]:
    """Each parameter: its name, its value, and where that came from; arguments as `departures`."""
    for declaration in declared:
        value = coerce(declaration, values[declaration.name])
        usual = value == declaration.default
        source = "default" if usual else sources.get(declaration.name, "set in Python")
        yield declaration.name, value, source


def renamed(given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Translate parameter names of earlier releases.

    Parameters
    ----------
    given
        Parameters by name, of a parameter file or a keyword list; None stands for not given.

    Returns
    -------
    parameters : dict
        What today's names have to be set to in their place. Names of today that are given as
        well keep their value.
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
