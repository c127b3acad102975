"""The exceptions of this package. Each message states the fact, the requirement and the remedy."""

from __future__ import annotations

import re

__all__ = [
    "AlignmentError",
    "AmbiguousError",
    "CatalogError",
    "ImplausibleError",
    "InputError",
    "MixedGroupError",
    "NoMatchError",
    "NoReferenceStarsError",
    "NotConnectedError",
    "NotRigidError",
    "NotTiedError",
    "OutputError",
    "ParameterError",
    "ReferenceServiceError",
    "TooFewSourcesError",
    "TooLargeError",
    "TweakregError",
    "UnguardedScriptError",
    "WorkerError",
]


_ENDLESS = re.compile(r"(\S{200})\S{100,}(\S{100})")
"""A word of 400 letters or more: no name of anything, and no path that anybody reads."""


class TweakregError(Exception):
    """Base of all errors that this package raises on purpose.

    Messages quote names, values and other libraries' words. One that never ends is cut.
    """

    def __init__(self, *args: object) -> None:
        super().__init__(*(_cut(one) if isinstance(one, str) else one for one in args))


def _cut(message: str) -> str:
    return _ENDLESS.sub(r"\1 ... \2", message)


class ParameterError(TweakregError, ValueError):
    """A parameter has a value that is not allowed, or two parameters contradict each other."""


class InputError(TweakregError):
    """The exposures, or the file that lists them, can't be used."""


class CatalogError(TweakregError):
    """A source catalog or a reference catalog can't be used."""


class ReferenceServiceError(TweakregError):
    """A reference catalog gave no stars: its service can't be reached, failed, or has none there.

    The relative alignment, which needs no reference, is done in any case.
    """


class NoReferenceStarsError(ReferenceServiceError):
    """A reference catalog could be read, but has no star in the field of the images."""


class OutputError(TweakregError):
    """A result can't be written to the requested path."""


class AlignmentError(TweakregError):
    """The catalogs could be used, but give no reliable alignment."""


class TooFewSourcesError(AlignmentError):
    """A group has fewer sources, or fewer matches, than are needed."""


class NoMatchError(AlignmentError):
    """No offset within the search radius matches more sources than expected by chance."""


class AmbiguousError(AlignmentError):
    """Several offsets match equally well, or those to the neighbours contradict each other."""


class ImplausibleError(AlignmentError):
    """The correction is larger than the search allows."""


class NotConnectedError(AlignmentError):
    """A group overlaps no other group and no reference star."""


class NotTiedError(AlignmentError):
    """Sets of groups are aligned, each in itself, but not to each other, though they overlap."""


class NotRigidError(AlignmentError):
    """An image does not move with the other images of its group."""


class MixedGroupError(AlignmentError):
    """Some images of a group were aligned before and others were not."""


class TooLargeError(TweakregError):
    """The alignment needs more memory than the machine has free."""


class WorkerError(TweakregError):
    """Worker processes, or the cluster, failed."""


class UnguardedScriptError(WorkerError, SystemExit):
    """A script starts workers where these, which import it, would start others.

    As it is the user's script that has to change, and not what it calls, Python shows the sentence
    alone where nothing catches this, no traceback.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.code = message
