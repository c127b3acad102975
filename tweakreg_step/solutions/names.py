"""Which images of a solution an exposure is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tweakreg_step.core.exceptions import InputError
from tweakreg_step.core.wording import listed, nearest
from tweakreg_step.files.names import file_of
from tweakreg_step.telescopes.choose_mission import root_of

if TYPE_CHECKING:
    from .record import SavedSolution
    from .targets import OpenTarget

__all__ = ["detector_and_filter", "rows_of"]


def detector_and_filter(text: str | None) -> tuple[str, str]:
    """Names of the detector and the filter, from both together: '' where unknown."""
    detector, _, band = (text or "").rpartition(" ")
    return (detector, band) if detector else (band, "")


def rows_of(solution: SavedSolution, exposure: OpenTarget) -> list[int]:
    """Index of each image of an exposure in a solution.

    An exposure is known by the part of its name that all levels of processing share, or else by its
    group, its detector and its filter.

    Raises
    ------
    InputError
        If the solution has not all of its images.
    """
    root = root_of(exposure.name)
    labels = [image.label for image in exposure.images]
    own = {
        _label(name): i
        for i, name in enumerate(solution.images.names)
        if root_of(file_of(name)) == root
    }
    if not own:
        own = _by_group(solution, exposure)
    if all(label in own for label in labels):
        return [own[label] for label in labels]
    raise InputError(_missing(solution, exposure))


def _label(name: str) -> str:
    """Label of an image in its file, '' where it is the only one."""
    return name[len(file_of(name)) :].strip("[]")


def _by_group(solution: SavedSolution, exposure: OpenTarget) -> dict[str, int]:
    images, found = solution.images, {}
    for image in exposure.images:
        detector = image.view().detector
        same = [
            i
            for i, group in enumerate(images.group.tolist())
            if exposure.group
            and solution.groups.names[group] == exposure.group
            and f"{images.detectors[i]} {images.filters[i]}".strip() == detector
            and _label(images.names[i]) == image.label
        ]
        if len(same) == 1:
            found[image.label] = same[0]
    return found


def _missing(solution: SavedSolution, exposure: OpenTarget) -> str:
    files = list(dict.fromkeys(map(file_of, solution.images.names)))
    return (
        f"'{exposure.name}' is not among the {len(files)} exposures of the solution "
        f"'{solution.product}', but it must be one of them, of whatever level of processing. "
        f"{nearest(exposure.name, files)}It has: {listed(files[:3])}"
        f"{f' and {len(files) - 3} more' if len(files) > 3 else ''}. Give those, or carry the "
        "motion of its exposure or visit to it with 'transfer'."
    )
