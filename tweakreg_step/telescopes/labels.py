"""What is known of each exposure of a library before any is opened with its pixels."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .association_file import names_group
from .choose_mission import telescope_of, telescope_of_file
from .exposure_file import file_of
from .library import entry_of, group_ids
from .telescope import Label

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stpipe.library import AbstractModelLibrary

__all__ = ["labels_of"]

UNKNOWN = Label("", "")


def labels_of(library: AbstractModelLibrary) -> list[Label]:
    """Group, detector and named catalog of each exposure, as far as known without opening it.

    Of files the header is read. It does not have the groups that a user gave to models, so files
    that seem to be of one group and one detector are opened without their pixels.
    """
    members = library.asn["products"][0]["members"]
    found = [_label(library, index, member) for index, member in enumerate(members)]
    counts = Counter((label.group, label.detector) for label in found)
    for index, (label, group) in enumerate(zip(found, group_ids(library), strict=True)):
        several = counts[label.group, label.detector] > 1
        if label.detector and several and not names_group(group):
            found[index] = _confirmed(library, index, label)
    return found


def _label(library: Any, index: int, member: Mapping[str, Any]) -> Label:
    group = member["group_id"]
    try:
        label = _own_label(library, index)
    except Exception:  # noqa: BLE001 - of metadata of any kind: the error comes when it is read
        label = UNKNOWN
    named = member.get("tweakreg_catalog") or label.catalog
    return Label(group if names_group(group) else label.group, label.detector, named)


def _own_label(library: Any, index: int) -> Label:
    """What an exposure says of itself."""
    file = file_of(library, index)
    if file is not None:
        path = Path(file.path)
        return telescope_of_file(path).label_of_file(path)
    model = vars(library).get("_loaded_models", {}).get(index)
    return UNKNOWN if model is None else telescope_of(model).label(model)


def _confirmed(library: Any, index: int, label: Label) -> Label:
    """The label with the group in the metadata of the file, if it is one."""
    file = file_of(library, index)
    if file is None:
        return label
    try:
        with file.open() as model:
            return replace(label, group=entry_of(model).group or label.group)
    except Exception:  # noqa: BLE001 - as above
        return label
