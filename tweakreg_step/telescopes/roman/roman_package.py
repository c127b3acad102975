"""The package roman_datamodels, an extra: imported where it is needed, and asked for by name."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from tweakreg_step.core.exceptions import InputError

__all__ = ["is_roman_model", "roman_datamodels"]

PACKAGE = "roman_datamodels"


def roman_datamodels(name: str) -> Any:
    """The package's module of models.

    Parameters
    ----------
    name
        Of the file that needs it, for the error.

    Raises
    ------
    InputError
        If it is not installed.
    """
    try:
        return import_module(f"{PACKAGE}.datamodels")
    except ImportError as error:
        raise InputError(
            f"'{name}' is a Roman image, but Roman's files are read and written by the package "
            f"{PACKAGE}, which is not installed ({error}). Install it: "
            "pip install 'roman_datamodels>=1.1'."
        ) from error


def is_roman_model(model: Any) -> bool:
    """Whether an object is a model of roman_datamodels; the package is not imported for it."""
    return any(kind.__module__.split(".")[0] == PACKAGE for kind in type(model).__mro__)
