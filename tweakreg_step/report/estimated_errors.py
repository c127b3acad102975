"""The errors that nobody gave, as the solution found them, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tweakreg_step.core.image_errors import EstimatedError

    from .result import RunResult

__all__ = ["errors_in_words", "name_of_error"]

_CLEAR = 1.25
"""Factor on errors that catalogs give from which on it is worth a word."""


def name_of_error(result: RunResult, error: EstimatedError) -> str:
    """What an error is of: the reference stars, a detector and filter, or a group."""
    if error.of_stars:
        return "reference"
    if error.detector < 0:
        return result.groups.names[error.group]
    given = result.catalogs.detections
    own = [] if given is None else np.flatnonzero(given.detector == error.detector)[:1].tolist()
    return result.images.detectors[int(given.image[own[0]])] if given is not None and own else ""


def errors_in_words(errors: Sequence[EstimatedError]) -> str:
    """A sentence for each kind of error that was estimated; '' where there is nothing to say."""
    stars = [_of_stars(error) for error in errors if error.of_stars]
    return " ".join(filter(None, [*stars, _of_centroids(errors)]))


def _of_stars(error: EstimatedError) -> str:
    known = f"{error.count} reference star{'s' * (error.count != 1)}"
    if not error.estimated:
        return (
            f"{known}, too few to say how large their errors are: the {error.usual_mas:.2g} mas "
            f"per axis that {'are given' if error.given else 'are usual'} count."
        )
    if not error.given:
        return f"{known} without errors: {error.sigma_mas:.2g} mas per axis are estimated."
    ratio = error.sigma_mas / error.usual_mas
    if 1.0 / _CLEAR < ratio < _CLEAR:
        return ""
    return (
        f"{known}: the errors that are given, {error.usual_mas:.2g} mas per axis, count "
        f"{ratio:.2g} times, as residuals ask for."
    )


def _of_centroids(errors: Sequence[EstimatedError]) -> str:
    found = [error.sigma_mas for error in errors if not error.of_stars and error.estimated]
    if not found:
        return ""
    few = sum(not error.of_stars and not error.estimated for error in errors)
    low, high = f"{min(found):.2g}", f"{max(found):.2g}"
    size = low if low == high else f"{low} to {high}"
    more = f" ({few} with too few sources to say)" if few else ""
    return f"Errors of centroids, estimated: {size} mas per axis{more}."
