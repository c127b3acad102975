"""The table of all parameters of DrizzlePac's TweakReg: code and documentation are made of it."""

from __future__ import annotations

from .lookup import PARAMETERS, SYNONYMS, defaults, row_of, rows_of
from .row import IMAGE, MAIN, REFERENCE, Needs, Row, Use

__all__ = [
    "IMAGE",
    "MAIN",
    "PARAMETERS",
    "REFERENCE",
    "SYNONYMS",
    "Needs",
    "Row",
    "Use",
    "defaults",
    "row_of",
    "rows_of",
]
