"""Compose the page of a run from its result."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tweakreg_step.core.wording import counted
from tweakreg_step.files.whole_files import write_whole
from tweakreg_step.report.group_outcome import headline
from tweakreg_step.report.levels import level_rows
from tweakreg_step.report.statistics import common_motion, hints

from .tables import corrections_table, images_table, parameters_table, ties_table

if TYPE_CHECKING:
    from tweakreg_step.report.result import RunResult

__all__ = ["page_of", "write_page"]


def write_page(result: RunResult, folder: Path) -> Path:
    """Write ``<product>_tweakreg.html``, whole or not at all.

    Parameters
    ----------
    result
        Result of the run.
    folder
        Folder to write to; it must exist.

    Returns
    -------
    Path
        Path of the page.

    Raises
    ------
    OutputError
        If the folder can't be written to.
    """
    text = page_of(result)
    path = Path(folder) / f"{result.run.product}_tweakreg.html"
    write_whole(path, lambda draft: draft.write_text(text, encoding="utf-8"))
    return path


def page_of(result: RunResult) -> str:
    """The page as text: one HTML document that needs nothing beside it.

    Parameters
    ----------
    result
        Result of the run.
    """
    # Bokeh takes a second to import, and most runs make no page
    from .cutouts import stamps_of  # noqa: PLC0415
    from .document import document  # noqa: PLC0415
    from .sections import sections_of  # noqa: PLC0415

    return document(
        {
            "title": f"Alignment of {result.run.product}",
            "headline": headline(result),
            "took_part": _took_part(result),
            "hints": hints(result),
            "corrections": corrections_table(result),
            "ties": ties_table(result),
            "images": images_table(result),
            "levels": _levels(result),
            "departures": parameters_table(result, departures=True),
            "parameters": parameters_table(result, departures=False),
            "facts": _facts(result),
            "times": _times(result),
            "versions": list(result.run.versions.items()),
            "stamps": stamps_of(result),
            "names": list(result.groups.names),
            "sections": sections_of(result),
        }
    )


def _took_part(result: RunResult) -> str:
    """How many of the images that were given took part."""
    took, lost = len(result.images), len(result.left_out)
    groups = counted(len(result.groups), "group")
    if not lost:
        return f"{counted(took, 'image')} in {groups}."
    return f"{counted(took, 'image')} in {groups}; of the {took + lost} given, {lost} took no part."


def _levels(result: RunResult) -> list[tuple[str, str]]:
    """What moves with what; nothing where groups move alone."""
    if result.solution is None:
        return []
    return level_rows(result.solution.levels, result.groups.names)


def _facts(result: RunResult) -> list[tuple[str, str]]:
    note = result.catalogs.note
    facts = [
        ("started", result.run.start),
        ("images", _took_part(result)),
        ("dry run", "yes, no image was changed" if result.run.dry_run else "no"),
    ]
    if note is not None:
        epoch = "epoch of each image" if note.epoch is None else f"epoch {note.epoch:.3f}"
        words = [f"{note.name}: {counted(note.size, 'star')}, {epoch}"]
        words += [
            f"{name.replace('_', ' ')}: {value}"
            for name, value in note.details.items()
            if name != "sha256"  # the report has it
        ]
        facts.append(("reference catalog", "; ".join(words)))
    motion = common_motion(result)
    return [*facts, ("least certain", motion)] if motion else facts


def _times(result: RunResult) -> list[tuple[Any, str]]:
    times = [(name, f"{seconds:.2f} s") for name, seconds in result.run.seconds.items()]
    return [*times, ("in all", f"{sum(result.run.seconds.values()):.2f} s")]
