"""Alignment of space-telescope images: an stpipe step and the functions that it is made of."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .core.exceptions import TweakregError
    from .functions import (
        SINGLE_GROUP_REFCAT,
        absolute_align,
        filter_catalog_by_bounding_box,
        relative_align,
    )
    from .pipeline.mosaic_check import check_mosaic
    from .pipeline.undo import remove_correction
    from .step import TweakRegStep

__all__ = [
    "SINGLE_GROUP_REFCAT",
    "TweakRegStep",
    "TweakregError",
    "absolute_align",
    "check_mosaic",
    "filter_catalog_by_bounding_box",
    "relative_align",
    "remove_correction",
]

__version__ = version("tweakreg-step")

_HOMES = {
    "TweakRegStep": "step",
    "TweakregError": "core.exceptions",
    "check_mosaic": "pipeline.mosaic_check",
    "remove_correction": "pipeline.undo",
}


def __getattr__(name: str) -> Any:
    # stpipe imports the package of every step to list it; that must not load astropy and all.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES.get(name, 'functions')}", __name__), name)
