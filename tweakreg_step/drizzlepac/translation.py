"""From the values of TweakReg to a run of the step: its parameters, and what is said of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .conversions import CONVERSIONS, Scene
from .table import IMAGE, MAIN, Needs, Use, rows_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from .table import Row
    from .values import Values

__all__ = ["Translation", "translated"]


@dataclass(frozen=True, slots=True)
class Translation:
    """A run of the step in the words of the step.

    Attributes
    ----------
    parameters
        Of `TweakRegStep`, by name.
    numbers
        A line for each value that is another number here: both, with their units.
    remarks
        A sentence for each value that was given and has no effect.
    """

    parameters: dict[str, Any]
    numbers: tuple[str, ...]
    remarks: tuple[str, ...]


def translated(
    values: Values,
    pixel_scale: float,
    own: Mapping[str, Any] | None = None,
    *,
    finder: str = IMAGE,
    reference: bool = False,
) -> Translation:
    """The parameters of the step for the values of TweakReg.

    Parameters
    ----------
    values
        The values.
    pixel_scale
        Of the reference image, or the first one [arcsec].
    own
        Parameters of the step that TweakReg does not have.
    finder
        The finder whose parameters hold.
    reference
        Whether the images are aligned to reference stars.
    """
    own = own or {}
    scene = Scene(pixel_scale, values.main, values.of(finder))
    met = _met(values, own, finder)
    parameters: dict[str, Any] = {}
    numbers: list[str] = []
    remarks = list(values.remarks)
    for row in [*rows_of(MAIN).values(), *rows_of(finder).values()]:
        value = values.of(row.where)[row.name]
        departs = (row.where, row.name) in values.given and value != row.default
        if row.use is Use.PASSED_OVER or not met(row.needs):
            remarks += list(_remark(row, value)) if departs else []
            continue
        if row.use is not Use.MAPPED or value is None or value == "":
            continue
        if row.name == "conv_width" and scene.finder["fwhmpsf"] is not None:
            continue  # the FWHM of stars is given itself, as files of earlier releases do
        ours = CONVERSIONS[row.conversion](value, scene)
        names = _names(row, reference=reference)
        parameters |= dict.fromkeys(names, ours)
        if row.unit and ours != value:
            numbers.append(
                f"{row.name} = {value:g} {_unit(row, values)} of TweakReg is "
                f"{' and '.join(names)} = {ours:.6g} {row.unit_here} here"
                f"{_scale(row, pixel_scale)}."
            )
    parameters |= _others(values, parameters)
    return Translation(parameters | dict(own), tuple(numbers), tuple(remarks))


def _met(values: Values, own: Mapping[str, Any], finder: str) -> Callable[[Needs], bool]:
    """Whether what parameters need is given."""
    main = values.main
    catalogs = bool(main["catfile"]) and finder == IMAGE
    holds = {
        Needs.NOTHING: True,
        Needs.CATALOGS: catalogs,
        Needs.PIXELS: not catalogs,
        Needs.STARS: bool(main["refcat"]),
        Needs.NO_HISTOGRAM: not main["use2dhist"],
        Needs.SHAPES: bool(values.of(finder)["use_sharp_round"]) and not catalogs,
        Needs.SIGMA: not (catalogs or values.of(finder)["computesig"]),
        Needs.ORDER: own.get("align_method") == "sequential",
        Needs.HEADERLET: main["headerlet"],
        Needs.SHIFT_FILE: main["shiftfile"],
        Needs.UPDATE: main["updatehdr"],
    }
    return holds.__getitem__


def _remark(row: Row, value: Any) -> Iterator[str]:
    """Why a value has no effect."""
    start = f"TweakReg's parameter '{row.name}' is {value!r}, but has no effect"
    if row.use is Use.PASSED_OVER:
        yield f"{start} here: {row.does[0].lower()}{row.does[1:]}"
    elif row.needs is Needs.ORDER:
        yield f"{start}: all images are aligned at once. {row.does}"
    else:
        yield f"{start}: it needs {row.needs}."


def _names(row: Row, *, reference: bool) -> tuple[str, ...]:
    """Names of our parameters; those of the absolute alignment where there is a reference."""
    first = row.ours[0]
    twin = f"abs_{first}"
    return (first, twin) if reference and twin in row.ours else (first,)


def _scale(row: Row, pixel_scale: float) -> str:
    """Where a value comes from that was converted by the size of a pixel."""
    by_pixels = row.conversion in {"pixels", "search", "mas"}
    return f" ({pixel_scale:.6g} arcsec a pixel)" if by_pixels else ""


def _unit(row: Row, values: Values) -> str:
    return str(values.main["searchunits"]) if row.unit == "searchunits" else row.unit


def _others(values: Values, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """What follows from more than one value."""
    others: dict[str, Any] = {"update_inputs": values.main["updatehdr"]}
    if "catfile" in parameters:
        others |= {"use_custom_catalogs": True, "xyorigin": 1}
    return others
