"""The log of a run: a line for each stage, and at the end a table with a line for each group."""

from __future__ import annotations

import logging
from itertools import takewhile
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.core.outcome import Code, Standing, Status
from tweakreg_step.core.wording import counted

from .estimated_errors import errors_in_words
from .group_outcome import GroupOutcome, group_outcome
from .key_figures import Figures, figures_of
from .levels import level_rows
from .sentences import motion_reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tweakreg_step.core.images import Groups
    from tweakreg_step.core.outcome import Outcome
    from tweakreg_step.core.solution import Solution

    from .result import RunResult

__all__ = ["log_alignment", "log_catalogs", "log_end", "log_parameters", "summary_table"]

log = logging.getLogger(__name__)


MOST_LINES = 40


"""Largest number of groups with a line each; of more, those with problems are listed."""


Row = tuple[str, ...]


_BEST_FIRST = (Standing.ALIGNED, Standing.RELATIVE, Standing.DOUBTFUL, Standing.LEFT)


_WIDTH = 100
"""Columns of a usual terminal, at most."""


_LEAST_NAME = 12  # characters: what tells exposures of a visit apart is at the end


_HEADER = (
    ("group", ""),
    ("images", ""),
    ("sources", ""),
    ("matches", ""),
    ("ref", ""),
    ("shift", "mas"),
    ("roll", '"'),
    ("rms", "mas"),
    ("sigma", "mas"),
    ("ratio", ""),
    ("verdict", ""),
)


"""Titles and units. A shift is a length here; its parts are in the report."""

_SHORT = {"images": "img", "sources": "src", "matches": "match"}
"""Titles where lines would be too wide."""


_WORDS = {
    Standing.LEFT: "left",
    Standing.DOUBTFUL: "doubtful",
    Standing.RELATIVE: "relative only",
}


def summary_table(result: RunResult) -> list[str]:
    """The lines of the table: a header, the groups, and two for the whole run.

    ``sigma`` is the error of the group's images at their centres per axis [mas], ``ratio`` the
    achieved error over the achievable one. Of more than 40 groups, those that are aligned without
    doubt share one line, with sums and medians of their figures; if more than 40 others remain, 40
    are listed, those left alone first, and the rest share lines.

    Parameters
    ----------
    result
        Result of a run.
    """
    outcomes = [group_outcome(result, group) for group in range(len(result.groups))]
    standings = [outcome.standing for outcome in outcomes]
    listed, others = _listed(standings)
    rows = [_row(result, group, outcomes[group]) for group in listed]
    together = []
    for standing in _BEST_FIRST:
        members = [group for group in others if standings[group] is standing]
        together += [_others(result, members, standing.value)] if members else []
    return [*_aligned(rows, together), _sums(result), _total(result, standings)]


def _listed(standings: Sequence[Standing]) -> tuple[list[int], list[int]]:
    """Groups with a line of their own, and the others."""
    every = list(range(len(standings)))
    if len(every) <= MOST_LINES:
        return every, []
    worst = {Standing.LEFT: 0, Standing.DOUBTFUL: 1, Standing.RELATIVE: 2}
    suspect = [group for group in every if standings[group] in worst]
    first = sorted(suspect, key=lambda group: worst[standings[group]])[:MOST_LINES]
    listed = sorted(first)
    return listed, sorted(set(every) - set(listed))


def _short(names: Sequence[str], width: int) -> list[str]:
    """Names shortened to `width` characters, first by their common beginning."""
    longest = max(map(len, names), default=0)
    if longest <= width:
        return list(names)
    same = takewhile(lambda pair: pair[0] == pair[1], zip(min(names), max(names), strict=False))
    cut = min(sum(1 for _ in same), longest - width + 3)
    shorter = [f"...{name[cut:]}" if len(names) > 1 and cut > 3 else name for name in names]
    half = (width - 3) // 2
    return [
        name if len(name) <= width else f"{name[: width - 3 - half]}...{name[-half:]}"
        for name in shorter
    ]


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _cells(figures: Figures) -> Row:
    """The columns from matches to ratio."""
    shift = figures.shift_mas
    return (
        "-" if figures.matches is None else str(figures.matches),
        "-" if figures.reference_matches is None else str(figures.reference_matches),
        "-" if shift is None else f"{np.hypot(*shift):.1f}",
        _number(figures.roll_arcsec, 1),
        _number(figures.rms_mas, 2),
        _number(figures.sigma_mas, 2),
        _number(figures.ratio, 2),
    )


def _row(result: RunResult, group: int, outcome: GroupOutcome) -> Row:
    images, name = result.images.group == group, result.groups.names[group]
    took = int(images.sum())
    lost = sum(one.group == name for one in result.left_out)
    word = _WORDS.get(outcome.standing)
    verdict = outcome.standing.value if word is None else f"{word}: {outcome.code}"
    sources = int(result.images.detections[images].sum())
    cells = _cells(figures_of(result, group))
    return (name, f"{took} of {took + lost}" if lost else str(took), str(sources), *cells, verdict)


def _others(result: RunResult, members: Sequence[int], word: str) -> Row:
    """One line for several groups: sums of counts, medians of other figures."""
    every = [figures_of(result, group) for group in members]
    own = np.isin(result.images.group, members)
    together = Figures(
        matches=sum(figures.matches or 0 for figures in every),
        reference_matches=sum(figures.reference_matches or 0 for figures in every),
        rms_mas=_median([figures.rms_mas for figures in every]),
        sigma_mas=_median([figures.sigma_mas for figures in every]),
        ratio=_median([figures.ratio for figures in every]),
    )
    sources = int(result.images.detections[own].sum())
    name = f"{len(members)} others"
    return (name, str(int(own.sum())), str(sources), *_cells(together), word)


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.median(known)) if known else None


def _aligned(groups: Sequence[Row], together: Sequence[Row]) -> list[str]:
    """Rows as lines below a header; names and verdicts left-aligned, numbers right-aligned.

    Where they would be too wide they are narrow, and at last without the codes of the verdicts.
    """
    bare = [(*row[:-1], row[-1].partition(":")[0]) for row in groups]
    titles, units = zip(*_HEADER, strict=True)
    short = tuple(_SHORT.get(title, title) for title in titles)
    tries = ((titles, groups, 2), (titles, groups, 1), (short, groups, 1), (short, bare, 1))
    lines: list[str] = []
    for head, rows, gap in tries:
        lines = _lines((head, units), rows, together, gap)
        if max(map(len, lines)) <= _WIDTH:
            break
    return lines


def _lines(
    header: tuple[Row, Row], groups: Sequence[Row], together: Sequence[Row], gap: int
) -> list[str]:
    titles, units = header
    rows = [titles, units, *groups, *together]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADER))]
    room = max(_LEAST_NAME, _WIDTH - sum(widths[1:]) - gap * (len(widths) - 1))
    names = [titles[0], units[0], *_short([row[0] for row in groups], room)]
    names += [row[0] for row in together]
    widths[0] = max(map(len, names))
    lines = []
    for row, name in zip(rows, names, strict=True):
        cells = zip(row[1:-1], widths[1:-1], strict=True)
        numbers = [cell.rjust(width) for cell, width in cells]
        lines.append((gap * " ").join([name.ljust(widths[0]), *numbers, row[-1]]).rstrip())
    return lines


def _total(result: RunResult, standings: Sequence[Standing]) -> str:
    counts = [
        f"{standings.count(standing)} {standing.value}"
        for standing in _BEST_FIRST
        if standing in standings
    ]
    took = len(result.images)
    moved = sum(outcome.moved for outcome in result.images.outcomes)
    total = f"{counted(len(standings), 'group')}: {', '.join(counts) or 'nothing was done'}"
    images = f"{moved} of {counted(took, 'image')} moved"
    if result.run.dry_run:
        images = f"dry run: none of {counted(took, 'image')} was changed"
    if result.left_out:
        lost = len(result.left_out)
        images += f"; of the {took + lost} given, {lost} could take no part"
    return f"{total}; {images}."


def _sums(result: RunResult) -> str:
    """How many sources took part, and how many of them were matched: as the columns add up."""
    every = [figures_of(result, group) for group in range(len(result.groups))]
    matches = sum(figures.matches or 0 for figures in every)
    stars = [f.reference_matches for f in every if f.reference_matches is not None]
    tied = (
        f", {sum(stars)} of these with reference stars"
        if stars and result.catalogs.reference
        else ""
    )
    sources = int(result.images.detections.sum())
    return f"{counted(sources, 'source')} took part, {matches} of them are matched{tied}."


NO_SOURCES = (
    "%s has no sources inside its bounding box that are selected. Are its pixels all NaN or "
    "flagged? If not, lower 'snr_threshold'; for iraf and dao, widen 'sharplo' to 'sharphi' and "
    "'roundlo' to 'roundhi'; loosen the selection ('fluxmin', 'peakmin', 'exclusions' ...) if the "
    "lines above say that it dropped them."
)


def log_parameters(lines: Iterable[str]) -> None:
    """Log the parameters that are not the defaults, and their sources."""
    log.info("Parameters: %s", "; ".join(lines) or "defaults")


def log_catalogs(groups: Groups, idle: Mapping[str, int], seconds: float) -> None:
    """Log the number of sources of each group, and warn of images without any.

    Parameters
    ----------
    groups
        The images.
    idle
        Number of sources that take no part, by what they are.
    seconds
        Wall time of finding them [s].
    """
    sizes = [len(image.sources) for image in groups.images]
    unused = sum(image.unused for image in groups.images)
    log.info(
        "Sources: %d take part, in %s of %s%s (%.1f s)",
        sum(sizes),
        counted(len(sizes), "image"),
        counted(len(groups), "group"),
        f"; {unused} take no part: {_by_reason(idle, unused)}" if unused else "",
        seconds,
    )
    width = max(len(str(name)) for name in groups.names)
    for name, members in list(zip(groups.names, groups.members, strict=True))[:MOST_LINES]:
        sources = sum(sizes[image] for image in members)
        refused = groups.images[members[0]].refused
        why = "" if refused is None else f" ({refused.code}: none of them takes part)"
        images = counted(len(members), "image")
        log.info("  %-*s %10s %6d sources%s", width, name, images, sources, why)
    if len(groups) > MOST_LINES:
        log.info("  ... and %d more groups", len(groups) - MOST_LINES)
    for image, size in zip(groups.images, sizes, strict=True):
        if size == 0 and image.refused is None:
            log.warning(NO_SOURCES, image.name)


def _by_reason(idle: Mapping[str, int], unused: int) -> str:
    """How many sources take no part, by what they are; the rest are those of refused groups."""
    counts = dict(idle) | {"in refused groups": unused - sum(idle.values())}
    return ", ".join(f"{count} {what}" for what, count in counts.items() if count > 0)


def log_alignment(
    solution: Solution | None, stars: int | None, seconds: float, *, sequential: bool
) -> None:
    """Log the method of the alignment.

    Parameters
    ----------
    solution
        Solution of all groups at once, None where there was none.
    stars
        Number of stars in the reference catalog, None where there is none.
    seconds
        Wall time of the alignment [s].
    sequential
        Whether groups were aligned one after another.
    """
    how = "one group after another" if sequential else "nothing to align to"
    if solution is not None:
        pairs = len(solution.pairs)
        how = f"all groups at once, {pairs} pair{'s' * (pairs != 1)} of them with common sources. "
        how += motion_reason(solution.motion)
        if said := errors_in_words(solution.errors):
            how += f" {said}"
        if len(solution.artefacts):
            how += (
                f" {len(solution.artefacts)} sources are at the pixels of an exposure before, "
                "though the telescope moved: they are taken for hot pixels or persistence, and "
                "take no part."
            )
    where = "" if stars is None else f" to a catalog of {stars} stars,"
    log.info("Alignment:%s %s (%.1f s)", where, how, seconds)


def log_end(result: RunResult) -> None:
    """Log the table of the groups, and a warning for each one left alone or doubtful."""
    _levels(result)
    for line in summary_table(result):
        log.info("%s", line)
    _left_out(result)
    for sentence, names in _complaints(result).items():
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        log.warning("%s%s: %s", ", ".join(names[:3]), more, sentence)


def _levels(result: RunResult) -> None:
    """Log what moves with what, and what does not though it should."""
    if result.solution is None:
        return
    levels = result.solution.levels
    for what, how in level_rows(levels, result.groups.names):
        log.info("%s: %s", what, how)
    left = [result.groups.names[group] for group in np.flatnonzero(levels.left).tolist()]
    if left:
        more = f" and {len(left) - 3} more" if len(left) > 3 else ""
        log.warning(
            "%s%s: not where the other exposures of the visit are. That is taken as it is; look at "
            "the guide star, or at the sources.",
            *(", ".join(left[:3]), more),
        )


def _left_out(result: RunResult) -> None:
    """Log the names of the images that were left out; the reasons were logged before."""
    if result.left_out:
        names = ", ".join(f"{one.name} ({one.outcome.code})" for one in result.left_out)
        log.warning("Left out: %s", names)


def _complaints(result: RunResult) -> dict[str, list[str]]:
    """Images and groups by what is to be said of them."""
    complaints: dict[str, list[str]] = {}
    images = result.images
    first: dict[int, Outcome] = {}
    for name, number, outcome in zip(images.names, images.group, images.outcomes, strict=True):
        if outcome.code in _OF_IMAGES:
            complaints.setdefault(outcome.reason, []).append(name)
        else:
            first.setdefault(int(number), outcome)
    for group, name in enumerate(result.groups.names):
        found, image = group_outcome(result, group), first.get(group)
        aligned = found.standing is Standing.ALIGNED or found.code in _SAID
        if image is not None and image.status is not Status.ALIGNED:
            complaints.setdefault(image.reason, []).append(name)
        elif not aligned:
            complaints.setdefault(found.reason, []).append(name)
    return complaints


_OF_IMAGES = (Code.IMAGE_APART, Code.NOT_CORRECTED)
"""Codes of single images, whose group may be aligned."""

_SAID = (Code.REFERENCE_UNREACHABLE, Code.REFERENCE_EMPTY, Code.BAD_CATALOG)
"""Codes of problems that were logged when they occurred."""
