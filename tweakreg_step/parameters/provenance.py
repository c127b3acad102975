"""The source of each parameter's value: default, command line, parameter file, ..."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .declaration import coerce

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .declaration import Declaration

__all__ = ["departures", "effective"]


def departures(
    declared: Iterator[Declaration], values: Mapping[str, Any], sources: Mapping[str, str]
) -> Iterator[str]:
    """Each parameter that differs from its default, with the source of its value.

    Parameters
    ----------
    declared
        The parameters.
    values
        Their values in this run.
    sources
        Source of the value, by parameter; those not named were set in Python.

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
    """Name, value and source of the value of each parameter; arguments as for `departures`."""
    for declaration in declared:
        value = coerce(declaration, values[declaration.name])
        usual = value == declaration.default
        source = "default" if usual else sources.get(declaration.name, "set in Python")
        yield declaration.name, value, source
