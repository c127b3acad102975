"""Declaration of parameters as fields of frozen dataclasses, and stpipe's ``spec`` from them.

A parameter is declared once, as a field made with `parameter`. Its default, unit, limits and
meaning are used by the step (`spec_text`), by the documentation and by the checks of values
(`check_limits`).
"""

from __future__ import annotations

import dataclasses
import types
import typing
from functools import cache
from typing import Any

from tweakreg_step.core.exceptions import ParameterError

if typing.TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "Declaration",
    "check_limits",
    "coerce",
    "declarations",
    "departed",
    "parameter",
    "spec_text",
]

_TRUTHS = {"true": True, "yes": True, "on": True, "1": True} | {
    "false": False, "no": False, "off": False, "0": False
}  # fmt: skip
_KINDS = {bool: "boolean", int: "integer", float: "float", str: "string", tuple: "float_list"}


@dataclasses.dataclass(frozen=True, slots=True)
class Declaration:
    """The declaration of one parameter.

    Attributes
    ----------
    name, kind, default, meaning, unit
        ``kind`` is the type in stpipe's specification: boolean, integer, float, string, float_list.
    optional
        Whether None is allowed.
    choices
        The allowed values, empty if there is no such list.
    low, high
        Inclusive limits of the value, or of the length for a list.
    """

    name: str
    kind: str
    default: Any
    meaning: str
    unit: str
    optional: bool
    choices: tuple[Any, ...]
    low: float | None
    high: float | None

    @property
    def spec(self) -> str:
        """The parameter as one line of an stpipe spec."""
        arguments = [repr(choice) for choice in self.choices]
        if self.low is not None:
            arguments.append(f"min={self.low}")
        if self.high is not None:
            arguments.append(f"max={self.high}")
        arguments.append(f"default={self.default!r}")
        kind = "option" if self.choices else self.kind
        comment = f"{self.meaning} [{self.unit}]" if self.unit else self.meaning
        return f"{self.name} = {kind}({', '.join(arguments)}) # {comment}"

    @property
    def requirement(self) -> str:
        """The allowed values, as the end of a sentence."""
        if self.choices:
            return "one of " + ", ".join(repr(choice) for choice in self.choices)
        noun = {"boolean": "True or False", "integer": "a whole number", "float": "a number"}.get(
            self.kind, "a text" if self.kind == "string" else "a list of numbers"
        )
        limits = [
            f"{word} {limit}"
            for word, limit in (("at least", self.low), ("at most", self.high))
            if limit is not None
        ]
        if self.kind == "float_list":
            limits = [f"of length {self.low} to {self.high}"]
        none = " (or None)" if self.optional else ""
        return " ".join([noun, " and ".join(limits)]).strip() + none


def parameter(
    default: Any,
    meaning: str,
    *,
    unit: str = "",
    choices: tuple[Any, ...] = (),
    low: float | None = None,
    high: float | None = None,
) -> Any:
    """A dataclass field that is a parameter of the step.

    Parameters
    ----------
    default
        The default value.
    meaning
        Description for users in one line, without the unit.
    unit
        E.g. ``arcsec``; empty for pure numbers.
    choices
        The allowed values, empty if there is no such list.
    low, high
        Inclusive limits.

    Returns
    -------
    dataclasses.Field
        To be assigned in a class body.
    """
    metadata = {"meaning": meaning, "unit": unit, "choices": choices, "low": low, "high": high}
    return dataclasses.field(default=default, metadata=metadata)


def declarations(*classes: type) -> Iterator[Declaration]:
    """Each parameter of the classes, in the order in which they were declared."""
    for cls in classes:
        yield from _declared(cls)


@cache
def _declared(cls: type) -> tuple[Declaration, ...]:
    """The parameters of a class; a run asks some hundred times for them."""
    hints = typing.get_type_hints(cls)
    return tuple(_declaration(field, hints[field.name]) for field in dataclasses.fields(cls))


def _declaration(field: dataclasses.Field[Any], hint: Any) -> Declaration:
    kinds = _types(hint)
    return Declaration(
        name=field.name,
        kind=next(_KINDS[k] for k in kinds if k is not type(None)),
        default=field.default,
        optional=type(None) in kinds,
        **field.metadata,
    )


def _types(hint: Any) -> tuple[type, ...]:
    members = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    return tuple(typing.get_origin(member) or member for member in members)


def spec_text(*classes: type) -> str:
    """The stpipe ``spec`` of a step with the parameters of these classes."""
    return "\n".join(declaration.spec for declaration in declarations(*classes)) + "\n"


def coerce(declaration: Declaration, value: Any) -> Any:
    """A value, given by stpipe or a user, converted to the declared type.

    Raises
    ------
    ParameterError
        If it can't be converted, or is outside its limits.
    """
    try:
        result = _converted(declaration, value)
    except (KeyError, TypeError, ValueError):
        raise _refusal(declaration, value) from None
    check_limits(declaration, result)
    return result


def _converted(declaration: Declaration, value: Any) -> Any:
    if declaration.kind == "string" and value is None:
        return ""  # stpipe passes an empty text as None
    if value is None or (declaration.optional and value == "None"):
        if declaration.optional:
            return None
        raise ValueError
    if declaration.kind == "float_list":
        return tuple(float(item) for item in value)
    if declaration.choices:
        return type(declaration.choices[0])(value)
    if declaration.kind == "boolean":
        return value if isinstance(value, bool) else _TRUTHS[str(value).lower()]
    return {"integer": int, "float": float, "string": str}[declaration.kind](value)


def check_limits(declaration: Declaration, value: Any) -> None:
    """Raise `ParameterError` if a value of the declared type is outside its limits."""
    if value is None:
        return
    if declaration.choices and value not in declaration.choices:
        raise _refusal(declaration, value)
    if declaration.kind in {"integer", "float"} or declaration.kind == "float_list":
        size = len(value) if declaration.kind == "float_list" else value
        # written so that NaN, which compares false with everything, is refused as well
        low = declaration.low is None or size >= declaration.low
        high = declaration.high is None or size <= declaration.high
        if not (low and high and size == size):  # noqa: PLR0124 - the test for NaN
            raise _refusal(declaration, value)


def _refusal(declaration: Declaration, value: Any) -> ParameterError:
    unit = f" {declaration.unit}" if declaration.unit else ""
    return ParameterError(
        f"Parameter '{declaration.name}' is {value!r}{unit}, but it must be "
        f"{declaration.requirement}. Its default is {declaration.default!r}: leave it out, "
        "or give an allowed value."
    )


def departed(*stages: Any) -> dict[str, Any]:
    """The values of stages that differ from their defaults, by name."""
    return {
        field.name: getattr(stage, field.name)
        for stage in stages
        for field in dataclasses.fields(stage)
        if getattr(stage, field.name) != field.default
    }
