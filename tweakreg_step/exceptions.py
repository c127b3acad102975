"""What can go wrong, by name. Every message states the fact, the requirement and the remedy."""

from __future__ import annotations

__all__ = [
    "AlignmentError",
    "CatalogError",
    "InputError",
    "OutputError",
    "ParameterError",
    "ReferenceServiceError",
    "TweakregError",
]


class TweakregError(Exception):
    """Base of all errors that this package raises on purpose."""


class ParameterError(TweakregError, ValueError):
    """A parameter, or a pair of parameters, has a value that makes no sense."""


class InputError(TweakregError):
    """The exposures, or the file that lists them, can't be used."""


class CatalogError(TweakregError):
    """A source catalog or a reference catalog can't be used."""


class ReferenceServiceError(TweakregError):
    """A reference catalog gave no stars: its service is out of reach, broken, or has none there.

    No failure of the alignment: what does not need the reference is done in any case.
    """


class OutputError(TweakregError):
    """A result can't be written where it was asked for."""


class AlignmentError(TweakregError):
    """The catalogs were good, but no trustworthy alignment follows from them."""
