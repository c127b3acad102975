"""All parameters of one run, checked; the classes of each stage are in `stages`."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, TypeVar

from tweakreg_step.core.exceptions import ParameterError

from .checks import check_separation
from .declaration import coerce, declarations, departed
from .source_stages import (
    CatalogParameters,
    ColumnParameters,
    FinderParameters,
    SegmentationParameters,
    SelectionParameters,
)
from .stages import (
    AbsoluteParameters,
    GeneralParameters,
    MethodParameters,
    ReferenceParameters,
    RelativeParameters,
    ReportParameters,
    SafetyParameters,
    ScaleParameters,
    SipParameters,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "STAGES",
    "Parameters",
    "checked",
    "is_default",
    "is_optional",
    "is_text",
    "keywords",
    "refusal",
]

T = TypeVar("T")


STAGES: dict[str, type] = {
    "catalogs": CatalogParameters,
    "columns": ColumnParameters,
    "selection": SelectionParameters,
    "finder": FinderParameters,
    "segmentation": SegmentationParameters,
    "method": MethodParameters,
    "relative": RelativeParameters,
    "absolute": AbsoluteParameters,
    "reference": ReferenceParameters,
    "sip": SipParameters,
    "report": ReportParameters,
    "general": GeneralParameters,
    "safety": SafetyParameters,
    "scale": ScaleParameters,
}


@dataclass(frozen=True, slots=True)
class Parameters:
    """All parameters of one run, checked.

    Beside the stages: ``given``, names of the parameters that the user gave; at least those that
    differ from their defaults.
    """

    catalogs: CatalogParameters
    columns: ColumnParameters
    selection: SelectionParameters
    finder: FinderParameters
    segmentation: SegmentationParameters
    method: MethodParameters
    relative: RelativeParameters
    absolute: AbsoluteParameters
    reference: ReferenceParameters
    sip: SipParameters
    report: ReportParameters
    general: GeneralParameters
    safety: SafetyParameters
    scale: ScaleParameters
    given: frozenset[str] = frozenset()

    @classmethod
    def of(cls, step: Any) -> Parameters:
        """Collect the parameters from the attributes of a step, or of any object that has them.

        Raises
        ------
        ParameterError
            If a value is not allowed, or two values contradict each other.
        """
        result = cls(**{stage: _collect(kind, step) for stage, kind in STAGES.items()})
        for stage, prefix in ((result.relative, ""), (result.absolute, "abs_")):
            check_separation(result.method.align_method, stage, prefix)
        stages = [getattr(result, stage) for stage in STAGES]
        return replace(result, given=frozenset(departed(*stages)))

    @property
    def brightest_given(self) -> int | None:
        """The largest number of sources of a catalog that is given; None for all."""
        return self.finder.brightest if "brightest" in self.given else None

    @property
    def keeps_catalogs(self) -> bool:
        """Whether found catalogs are written."""
        return self.catalogs.save_catalogs or self.scale.resume

    @property
    def matching_absolute(self) -> bool:
        """Whether an alignment to a reference catalog was asked for."""
        return bool(self.absolute.abs_refcat)


def _collect(cls: type[T], step: Any) -> T:
    return checked(cls, **{d.name: getattr(step, d.name, d.default) for d in declarations(cls)})


def checked(cls: type[T], **given: Any) -> T:
    """The parameters of a stage, converted to their declared types and checked.

    Raises
    ------
    ParameterError
        If a value is not allowed, or two values contradict each other.
    """
    declared = {d.name: d for d in declarations(cls)}
    values = {name: coerce(declared[name], value) for name, value in given.items()}
    return cls(**{name: v.strip() if isinstance(v, str) else v for name, v in values.items()})


def keywords(parameters: Any) -> dict[str, Any]:
    """The parameters of one stage as keyword arguments of its function."""
    return {field.name: getattr(parameters, field.name) for field in fields(parameters)}


def refusal(given: Mapping[str, Any]) -> str:
    """Message about the first value that is not allowed; '' if all are allowed.

    Parameters
    ----------
    given
        Values by name, as a user gave them; unknown names are ignored.
    """
    for declaration in declarations(*STAGES.values()):
        if declaration.name in given:
            try:
                coerce(declaration, given[declaration.name])
            except ParameterError as error:
                return str(error)
    return ""


def is_default(name: str, value: Any) -> bool:
    """Whether a value is the default of a parameter."""
    declared = {d.name: d.default for d in declarations(*STAGES.values())}
    return name in declared and bool(value == declared[name])


def is_text(name: str) -> bool:
    """Whether stpipe needs a parameter as a string, even if a user may give a number.

    A column may be 3 or 'x', and stpipe compares choices as strings, also those of numbers.
    """
    return any(
        d.name == name and (d.kind == "string" or bool(d.choices))
        for d in declarations(*STAGES.values())
    )


def is_optional(name: str) -> bool:
    """Whether None is allowed for a parameter."""
    return any(d.name == name and d.optional for d in declarations(*STAGES.values()))
