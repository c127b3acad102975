"""What users of DrizzlePac's TweakReg know: its parameters, .cfg files, shift files, headerlets."""

from __future__ import annotations

from .headerlets import (
    HeaderletOptions,
    apply_headerlet,
    is_headerlet,
    write_headerlets,
)
from .table import PARAMETERS, Needs, Row, Use, row_of
from .translation import translated
from .tweakreg import TweakReg
from .values import values_of

__all__ = [
    "PARAMETERS",
    "HeaderletOptions",
    "Needs",
    "Row",
    "TweakReg",
    "Use",
    "apply_headerlet",
    "is_headerlet",
    "row_of",
    "translated",
    "values_of",
    "write_headerlets",
]
