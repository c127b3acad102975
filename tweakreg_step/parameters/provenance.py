"""The source of each parameter's value: default, command line, parameter file, ..."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from tweakreg_step.core.wording import without_secrets

from .declaration import coerce

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .declaration import Declaration

__all__ = ["PIPELINE", "Setting", "departures", "effective", "unset"]

PIPELINE = "pipeline"
"""Origin of all values in a pipeline: those that its user gave, and the defaults."""


class Setting(NamedTuple):
    """The value of a parameter in a run, and its origin.

    Attributes
    ----------
    name
        Of the parameter.
    value
        As the run uses it, of the parameter's own type.
    origin
        Such as "default" or "command line".
    """

    name: str
    value: Any
    origin: str


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
            yield f"{declaration.name} = {_shown(value)!r}{unit} ({source})"


def effective(
    declared: Iterator[Declaration], values: Mapping[str, Any], sources: Mapping[str, str]
) -> Iterator[Setting]:
    """Each parameter: its name, its value, and where that came from; arguments as `departures`."""
    for declaration in declared:
        value = coerce(declaration, values[declaration.name])
        usual = value == declaration.default
        source = "default" if usual else sources.get(declaration.name, "set in Python")
        yield Setting(declaration.name, _shown(value), source)


def unset(
    declared: Iterator[Declaration], values: Mapping[str, Any], sources: Mapping[str, str]
) -> Iterator[str]:
    """The name of each parameter that was not given; arguments as `departures`.

    A default that was given counts as given, except in a pipeline, where that is not known.
    """
    for declaration in declared:
        usual = coerce(declaration, values[declaration.name]) == declaration.default
        if usual and sources.get(declaration.name, PIPELINE) == PIPELINE:
            yield declaration.name


def _shown(value: Any) -> Any:
    """A value without the passwords of addresses."""
    return without_secrets(value) if isinstance(value, str) else value
