"""Compose the page of a run from its result."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from tweakreg_step.core.exceptions import OutputError
from tweakreg_step.files.whole_files import write_whole
from tweakreg_step.report.group_outcome import headline
from tweakreg_step.report.levels import level_rows
from tweakreg_step.report.statistics import hints

from .markup import document, section
from .tables import corrections_table, images_table, parameters_table, plain_table, ties_table

if TYPE_CHECKING:
    from tweakreg_step.report.result import RunResult

__all__ = ["page_of", "write_page"]

_SECTIONS = (
    ("corrections", "Corrections"),
    ("sky", "On the sky"),
    ("ties", "Overlaps"),
    ("offsets", "Offset histograms"),
    ("residuals", "Residuals"),
    ("detectors", "Detectors"),
    ("images", "Images"),
    ("run", "The run"),
)


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
        If the folder can't be written to, or matplotlib is not installed.
    """
    text = page_of(result)
    path = Path(folder) / f"{result.run.product}_tweakreg.html"
    write_whole(path, lambda draft: draft.write_text(text, encoding="utf-8"))
    return path


def page_of(result: RunResult) -> str:
    """The page as text.

    Raises
    ------
    OutputError
        If matplotlib is not installed.
    """
    try:
        # matplotlib is optional, and takes a second to import
        from tweakreg_step.report.page import pictures  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != "matplotlib":
            raise
        raise OutputError(
            "The pictures can't be drawn: matplotlib is not installed, and 'save_plots' needs it. "
            "Install it with: pip install 'tweakreg-step[plots]', or set save_plots=False."
        ) from error
    drawn = pictures.sections(result)
    sections = (
        section("corrections", "Corrections", _CORRECTIONS, corrections_table(result)),
        section("sky", "On the sky", drawn.sky),
        section(
            "ties",
            "Overlaps",
            drawn.ties,
            "<details><summary>As a table</summary>",
            ties_table(result),
            "</details>",
        ),
        section("offsets", "Offset histograms", drawn.offsets),
        section("residuals", "Residuals", drawn.residuals),
        section("detectors", "Detectors", _levels(result), drawn.detectors),
        section("images", "Images", images_table(result)),
        section("run", "The run", *_run(result)),
    )
    return document(f"Alignment of {result.run.product}", _head(result), sections)


_CORRECTIONS = (
    '<p class="soft">A click on a head sorts. Shifts and rolls are in the plane tangent at the '
    "group's centre, axes east and north. A correction that was found but not applied is shown, "
    "too: the verdict says so.</p>\n"
)


def _head(result: RunResult) -> str:
    links = "".join(f'<a href="#{anchor}">{escape(title)}</a>' for anchor, title in _SECTIONS)
    found = hints(result)
    items = "".join(f"<li>{_hint(hint.text, hint.group)}</li>" for hint in found)
    look = (
        f"<p>Look first at:</p>\n<ol>{items}</ol>" if found else "<p>Nothing calls for a look.</p>"
    )
    return (
        f"<header><h1>Alignment of {escape(result.run.product)}</h1>\n"
        f'<p class="headline">{escape(headline(result))}</p>\n{look}\n'
        f"<nav>{links}</nav></header>\n"
    )


def _hint(text: str, group: int | None) -> str:
    inside = escape(text)
    return inside if group is None else f'<a href="#group-{group}">→</a> {inside}'


def _levels(result: RunResult) -> str:
    """What moves with what, as a table; nothing where groups move alone."""
    if result.solution is None:
        return ""
    rows = level_rows(result.solution.levels, result.groups.names)
    return plain_table(rows, "What moves with what") if rows else ""


def _run(result: RunResult) -> list[str]:
    note = result.catalogs.note
    facts = [
        ("started", result.run.start),
        ("images", f"{len(result.images)} in {len(result.groups)} groups"),
        ("dry run", "yes, no image was changed" if result.run.dry_run else "no"),
    ]
    if note is not None:
        epoch = "epoch of each image" if note.epoch is None else f"epoch {note.epoch:.3f}"
        words = [f"{note.name}: {note.size} stars, {epoch}"]
        words += [f"{name}: {value}" for name, value in note.details.items()]
        facts.append(("reference catalog", "; ".join(words)))
    times = [(name, f"{seconds:.2f} s") for name, seconds in result.run.seconds.items()]
    times.append(("in all", f"{sum(result.run.seconds.values()):.2f} s"))
    return [
        plain_table(facts, "Facts"),
        "<h3>Parameters that differ from their defaults</h3>",
        parameters_table(result, departures=True),
        "<details><summary>All parameters</summary>",
        parameters_table(result, departures=False),
        "</details><h3>Times</h3>",
        plain_table(times, "Times of the stages"),
        "<h3>Versions</h3>",
        plain_table(list(result.run.versions.items()), "Versions"),
    ]
