"""The parameters of a run: declared once, with unit, limits and meaning."""

from __future__ import annotations

from .checks import check_fits_value, check_separation
from .declaration import Declaration, coerce, declarations, departed, spec_text
from .provenance import PIPELINE, Setting, departures, effective, unset
from .run_parameters import STAGES, Parameters, checked, is_default, is_optional, is_text, refusal
from .source_stages import (
    ColumnParameters,
    FinderParameters,
    SegmentationParameters,
    SelectionParameters,
)
from .stages import (
    MAX_SIP_DEGREE,
    AbsoluteParameters,
    MethodParameters,
    ReferenceParameters,
    RelativeParameters,
    SafetyParameters,
    SipParameters,
)
from .unused import unused, unused_in_mode

__all__ = [
    "MAX_SIP_DEGREE",
    "PIPELINE",
    "STAGES",
    "AbsoluteParameters",
    "ColumnParameters",
    "Declaration",
    "FinderParameters",
    "MethodParameters",
    "Parameters",
    "ReferenceParameters",
    "RelativeParameters",
    "SafetyParameters",
    "SegmentationParameters",
    "SelectionParameters",
    "Setting",
    "SipParameters",
    "check_fits_value",
    "check_separation",
    "checked",
    "coerce",
    "declarations",
    "departed",
    "departures",
    "effective",
    "is_default",
    "is_optional",
    "is_text",
    "refusal",
    "spec_text",
    "unset",
    "unused",
    "unused_in_mode",
]
