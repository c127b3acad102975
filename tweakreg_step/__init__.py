"""Alignment of space-telescope images: an stpipe step and the functions that it is made of."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api import add, align, apply, transfer, undo
    from .core.exceptions import TweakregError
    from .drizzlepac import TweakReg
    from .functions import (
        SINGLE_GROUP_REFCAT,
        absolute_align,
        filter_catalog_by_bounding_box,
        relative_align,
    )
    from .pipeline.mosaic_check import check_mosaic
    from .solutions.undo import remove_correction
    from .step import TweakRegStep

__all__ = [
    "SINGLE_GROUP_REFCAT",
    "TweakReg",
    "TweakRegStep",
    "TweakregError",
    "absolute_align",
    "add",
    "align",
    "apply",
    "check_mosaic",
    "filter_catalog_by_bounding_box",
    "relative_align",
    "remove_correction",
    "transfer",
    "undo",
]

__version__ = version("tweakreg-step")

_HOMES = {
    "TweakReg": "drizzlepac",
    "TweakRegStep": "step",
    "TweakregError": "core.exceptions",
    "add": "api",
    "align": "api",
    "apply": "api",
    "check_mosaic": "pipeline.mosaic_check",
    "remove_correction": "solutions.undo",
    "transfer": "api",
    "undo": "api",
}


def __getattr__(name: str) -> Any:
    # stpipe imports the package of every step to list it; that must not load astropy and all.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES.get(name, 'functions')}", __name__), name)
