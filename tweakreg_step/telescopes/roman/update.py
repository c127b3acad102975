"""Write a corrected WCS, and the results of an alignment, into a Roman model; undo it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tweakreg_step.core.wording import printable
from tweakreg_step.telescopes.gwcs_image import bounding_box_of
from tweakreg_step.telescopes.wcs import CORRECTED, delivered, region

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tweakreg_step.core.outcome import Essential

__all__ = [
    "REPORT",
    "annotate",
    "drop_tables",
    "record_status",
    "restore",
    "update_wcs",
    "wcs_name",
]

ABSOLUTE_FIT = "FIT-LVL2-"
"""What the name of a WCS begins with that was aligned to a reference catalog."""

MEMORY = "tweakreg_delivered"
"""Name in ``meta`` of the values that an alignment has overwritten."""

REPORT = "tweakreg_report"
"""Name in ``meta`` of the essential results. The schemas allow branches of their own there, and
keep them when a file is saved."""

FIT_RESULTS = "wcs_fit_results"
"""Name in ``meta`` of what the mission's own step tells of a fit."""

THEIR_NAMES = {"nmatches": "matches", "n_detector": "group_images"}
"""Names of the mission's own step in `FIT_RESULTS` -> names of ours; 0 where we have none."""

UNDONE = "INCOMPLETE"
"""Status of a step that has not been run; the schemas allow no other word for it."""


def wcs_name(present: str | None, reference: str | None) -> str:
    """Name of a corrected WCS: that of the reference catalog it was aligned to, if any.

    After a relative alignment, the name of an earlier absolute one is dropped.
    """
    if reference is not None:
        return f"{ABSOLUTE_FIT}{printable(reference)}"
    return "" if str(present).startswith(ABSOLUTE_FIT) else str(present or "")


def update_wcs(model: Any, wcs: Any) -> None:
    """Put a corrected WCS into a model, with its footprint."""
    meta = model.meta
    if CORRECTED not in meta.wcs.available_frames:  # else 'assign_wcs' was not run since
        region_before = meta.wcsinfo.get("s_region")
        meta[MEMORY] = {"name": meta.wcs.name or "", "s_region": region_before or ""}
    meta["wcs"] = wcs
    polygon = region(wcs, bounding_box_of(model))
    if polygon:
        meta.wcsinfo["s_region"] = polygon


def record_status(model: Any, status: str) -> None:
    """Put the status of the alignment into ``meta.cal_step``."""
    if model.meta.get("cal_step") is None:
        model.meta["cal_step"] = {}
    model.meta.cal_step["tweakreg"] = status


def annotate(model: Any, essentials: Sequence[Essential], status: str) -> None:
    """Write the essential results into ``meta.tweakreg_report`` and ``meta.wcs_fit_results``.

    The second is where the mission's own step writes a dictionary, with the names of `THEIR_NAMES`.
    """
    facts = {fact.name: fact.value for fact in essentials}
    model.meta[REPORT] = facts
    theirs = {name: facts.get(ours, 0) for name, ours in THEIR_NAMES.items()}
    result = {"status": "SUCCESS" if status == "COMPLETE" else "FAILED"}
    model.meta[FIT_RESULTS] = result | theirs | facts


def drop_tables(model: Any) -> None:
    """Remove the source catalogs in memory: files have no place for them."""
    for section in (model.meta, model.meta.get("source_catalog")):
        held = None if section is None else section.get("tweakreg_catalog")
        if held is not None and not isinstance(held, str):
            del section["tweakreg_catalog"]


def restore(model: Any) -> bool:
    """Restore a model's WCS as delivered, with its footprint.

    Returns
    -------
    bool
        Whether it had a correction.
    """
    meta = model.meta
    if CORRECTED not in meta.wcs.available_frames:
        return False
    wcs, memory = delivered(meta.wcs), meta.get(MEMORY)
    wcs.name = memory["name"] if memory else wcs_name(wcs.name, None)
    meta["wcs"] = wcs
    before = memory["s_region"] if memory else region(wcs, bounding_box_of(model))
    if before:
        meta.wcsinfo["s_region"] = before
    record_status(model, UNDONE)
    for name in (MEMORY, REPORT, FIT_RESULTS):
        if name in meta:
            del meta[name]
    return True
