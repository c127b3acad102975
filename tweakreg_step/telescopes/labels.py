"""Group and detector of each exposure of a library, before any is opened with its pixels."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tweakreg_step.core.exceptions import InputError

from .association_file import names_group
from .choose_mission import telescope_of, telescope_of_file
from .library import entry_of, group_ids
from .telescope import Label

if TYPE_CHECKING:
    from stpipe.library import AbstractModelLibrary

__all__ = ["labels_of"]

UNKNOWN = Label("", "")


def labels_of(library: AbstractModelLibrary) -> list[Label]:
    """Group and detector of each exposure, '' where they can't be told without opening it.

    Of files the header is read. It does not have the groups that a user gave to models, so files
    that seem to be of one group and one detector are opened without their pixels.
    """
    found = [_label(library, index, group) for index, group in enumerate(group_ids(library))]
    counts = Counter(found)
    for index, (label, group) in enumerate(zip(found, group_ids(library), strict=True)):
        if label.detector and counts[label] > 1 and not names_group(group):
            found[index] = _confirmed(library, index, label)
    return found


def _label(library: Any, index: int, group: str) -> Label:
    label = UNKNOWN
    with suppress(InputError):  # the error comes when it is read
        place = _place(library, index)
        if place is not None:
            path = Path(place.path)
            label = telescope_of_file(path).label_of_file(path)
        elif (model := vars(library).get("_loaded_models", {}).get(index)) is not None:
            label = telescope_of(model).label(model)
    return Label(group, label.detector) if names_group(group) else label


def _place(library: Any, index: int) -> Any:
    place_of = getattr(library, "place", None)
    return None if place_of is None else place_of(index)


def _confirmed(library: Any, index: int, label: Label) -> Label:
    """The label with the group in the metadata of the file, if it is one."""
    place = _place(library, index)
    if place is None:
        return label
    with suppress(InputError), place.open() as model:
        return Label(entry_of(model).group or label.group, label.detector)
    return label
