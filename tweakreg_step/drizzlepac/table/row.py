"""What is known of one parameter of TweakReg: its default and unit there, what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

__all__ = ["IMAGE", "MAIN", "REFERENCE", "Needs", "Row", "Use"]

MAIN, IMAGE, REFERENCE = "main", "imagefindpars", "refimagefindpars"
"""Where a parameter is: in TweakReg itself, or among those of its finder for the images or for the
reference image."""


class Use(StrEnum):
    """What becomes of a parameter."""

    MAPPED = "becomes a parameter of the step"
    DONE = "is done as there"
    PASSED_OVER = "has no effect here"
    REFUSED = "is refused"


class Needs(StrEnum):
    """What a parameter needs to have an effect, there as here."""

    NOTHING = ""
    CATALOGS = "catalogs of the images, by 'catfile'"
    PIXELS = "sources that are found in the pixels, without 'catfile'"
    STARS = "a reference catalog, by 'refcat'"
    NO_HISTOGRAM = "use2dhist=False"
    SHAPES = "use_sharp_round=True"
    SIGMA = "computesig=False, for sources that are found in the pixels"
    ORDER = "align_method='sequential'"
    HEADERLET = "headerlet=True"
    SHIFT_FILE = "shiftfile=True"
    UPDATE = "updatehdr=True"


@dataclass(frozen=True, slots=True)
class Row:
    """One parameter.

    Attributes
    ----------
    name
        Its name.
    where
        `MAIN`, `IMAGE` or `REFERENCE`.
    kind
        Type of its values: bool, int, float or str; numbers and texts may be None or ''.
    default
        Its default in TweakReg.
    use
        What becomes of it.
    does
        What it does here, as a sentence.
    ours
        Parameters of the step that it becomes.
    unit, unit_here
        Unit there and here, '' for pure numbers and texts.
    conversion
        Key of `CONVERSIONS`, how its value becomes ours.
    needs
        What it needs to have an effect.
    choices
        The allowed values, empty if there is no such list.
    section
        Section of a .cfg file.
    """

    name: str
    where: str
    kind: type
    default: Any
    use: Use
    does: str
    ours: tuple[str, ...] = ()
    unit: str = ""
    unit_here: str = ""
    conversion: str = "same"
    needs: Needs = Needs.NOTHING
    choices: tuple[str, ...] = ()
    section: str = ""
