"""Parameters that have a value of the user's and no effect on the run, and why."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from typing import TYPE_CHECKING, Any

from .declaration import departed
from .source_stages import (
    ColumnParameters,
    SegmentationParameters,
)
from .stages import (
    AbsoluteParameters,
    ReferenceParameters,
    SipParameters,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .run_parameters import Parameters

__all__ = ["NOT_GLOBAL", "NOT_SEQUENTIAL", "unused", "unused_in_mode"]

_SEQUENTIAL = "Leave it out, or set align_method='sequential'."
_OUTLIERS = "outliers lose their weight by their residuals, see 'sigma'"
_SEARCH = "each pair of groups has a search of its own"

NOT_GLOBAL = {
    "use2dhist": _SEARCH,
    "abs_use2dhist": _SEARCH,
    "enforce_user_order": "there is no order, as all groups are aligned at once",
    "expand_refcat": "each source of each group takes part",
    "nclip": _OUTLIERS,
    "abs_nclip": _OUTLIERS,
    "clip_accum": _OUTLIERS,
}
"""Parameters that the global mode does not need, and why."""

NOT_SEQUENTIAL = {
    "detector_motion": "each group moves as it is",
    "abs_method": "all aligned groups move as one body",
}
"""Parameters that the sequential mode does not know, and what it does instead."""

_OF_RELATIVE = {
    "abs_fitgeometry": "fitgeometry",
    "abs_sigma": "sigma",
    "abs_separation": "separation",
}
"""Parameters of the absolute alignment in whose place the global mode, which solves once, takes
those of the relative one."""

_FINDERS = (
    "minsep_fwhm", "sigma_radius", "sharplo", "sharphi", "roundlo", "roundhi",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Rule:
    """Parameters that are not used where something holds.

    Attributes
    ----------
    names
        The parameters.
    holds
        Whether they are not used.
    why, remedy
        The end of a sentence that begins with "but", and a sentence.
    """

    names: tuple[str, ...]
    holds: Callable[[Parameters], bool]
    why: str
    remedy: str


def _names(stage: type, *others: str) -> tuple[str, ...]:
    return tuple(field.name for field in fields(stage) if field.name not in others)


_RULES = (
    _Rule(
        (*_names(AbsoluteParameters, "abs_refcat"), *_names(ReferenceParameters), "abs_method"),
        lambda p: not p.matching_absolute,
        "there is no reference catalog",
        "Give 'abs_refcat', or leave it out.",
    ),
    _Rule(
        _FINDERS,
        lambda p: p.catalogs.starfinder not in {"iraf", "dao"},
        "only the starfinders 'iraf' and 'dao' use it",
        "Set 'starfinder' to one of them, or leave it out.",
    ),
    _Rule(
        ("ratio", "theta"),
        lambda p: p.catalogs.starfinder not in {"sep", "dao"},
        "only the starfinders 'sep' and 'dao' use it",
        "Set 'starfinder' to one of them, or leave it out.",
    ),
    _Rule(
        ("minarea",),
        lambda p: p.catalogs.starfinder != "sep",
        "only starfinder='sep' uses it",
        "Set that, or leave it out.",
    ),
    _Rule(
        _names(SegmentationParameters),
        lambda p: p.catalogs.starfinder != "segmentation",
        "only starfinder='segmentation' uses it",
        "Set that, or leave it out.",
    ),
    _Rule(
        ("catfile", *_names(ColumnParameters)),
        lambda p: not p.catalogs.use_custom_catalogs,
        "catalogs of your own are not used",
        "Set use_custom_catalogs=True to use it.",
    ),
    _Rule(
        _names(SipParameters, "sip_approx"),
        lambda p: not p.sip.sip_approx,
        "with sip_approx=False no FITS WCS is fitted",
        "Set sip_approx=True, or leave it out.",
    ),
)


def unused(parameters: Parameters) -> Iterator[str]:
    """A sentence on each parameter that differs from its default and has no effect.

    Parameters
    ----------
    parameters
        All parameters of a run.
    """
    stages = (getattr(parameters, field.name) for field in fields(parameters))
    values = departed(*filter(is_dataclass, stages))
    for rule in _RULES:
        if rule.holds(parameters):
            for name in rule.names:
                if name in values:
                    yield f"{_given(name, values.pop(name))}, but {rule.why}. {rule.remedy}"
    mode = parameters.method.align_method
    yield from unused_in_mode(values, mode)
    if mode == "global":
        for name, other in _OF_RELATIVE.items():
            taken = getattr(parameters.relative, other)
            if name in values and values[name] != taken:
                yield (
                    f"{_given(name, values[name])}, but with align_method='global' there is one "
                    f"solution, and '{other}' = {taken!r} holds for all of it. Set '{other}', or "
                    "align_method='sequential'."
                )


def unused_in_mode(values: dict[str, Any], mode: str) -> Iterator[str]:
    """A sentence on each parameter, of those that differ from their defaults, not used in a mode.

    Parameters
    ----------
    values
        Values by name.
    mode
        'global' or 'sequential'.
    """
    known = NOT_GLOBAL if mode == "global" else NOT_SEQUENTIAL
    remedy = _SEQUENTIAL if mode == "global" else "Leave it out, or set align_method='global'."
    for name, instead in known.items():
        if name in values:
            yield (
                f"{_given(name, values[name])}, but align_method='{mode}' does not use it: "
                f"{instead}. {remedy}"
            )


def _given(name: str, value: Any) -> str:
    return f"Parameter '{name}' is {value!r}"
