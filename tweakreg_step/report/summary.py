"""The end of the log: one line for each group, aligned in columns, and one for all."""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING

import numpy as np

from .figures import Figures, figures_of
from .standing import ALIGNED, DOUBTFUL, LEFT, RELATIVE, Standing, standing_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tweakreg_step.account import Account

__all__ = ["summary_table"]

MOST_LINES = 40
"""Groups up to which each has a line; of more, those that a person should look at."""

Row = tuple[str, ...]

_WIDTH = 118
_LEAST_NAME = 16  # characters
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

_WORDS = {LEFT: "left", DOUBTFUL: "doubtful", RELATIVE: "relative only"}


def summary_table(account: Account) -> list[str]:
    """The lines of the table: a header, the groups, and two for the whole run.

    ``sigma`` is the error of the correction at the group's centre per axis [mas], ``ratio`` the
    achieved error over the achievable one. Of more than 40 groups those that are aligned in every
    respect share one line, with sums and medians of their figures; should more than 40 others
    remain, 40 are listed, those that were left alone first, and the rest share lines.

    Parameters
    ----------
    account
        Of any run.
    """
    standings = [standing_of(account, group) for group in range(len(account.group_names))]
    listed, others = _listed(standings)
    rows = [_row(account, group, standings[group]) for group in listed]
    together = []
    for word in (ALIGNED, RELATIVE, DOUBTFUL, LEFT):
        members = [group for group in others if standings[group].word == word]
        together += [_others(account, members, word)] if members else []
    return [*_aligned(rows, together), _sums(account), _total(account, standings)]


def _listed(standings: Sequence[Standing]) -> tuple[list[int], list[int]]:
    """Groups with a line of their own, and the others."""
    every = list(range(len(standings)))
    if len(every) <= MOST_LINES:
        return every, []
    worst = {LEFT: 0, DOUBTFUL: 1, RELATIVE: 2}
    suspect = [group for group in every if standings[group].word in worst]
    first = sorted(suspect, key=lambda group: worst[standings[group].word])[:MOST_LINES]
    listed = sorted(first)
    return listed, sorted(set(every) - set(listed))


def _short(names: Sequence[str], width: int) -> list[str]:
    """Names of at most `width` characters, cut first where they all say the same."""
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


def _row(account: Account, group: int, standing: Standing) -> Row:
    images, name = account.group == group, account.group_names[group]
    took = int(images.sum())
    lost = sum(one.group == name for one in account.left_out)
    word = _WORDS.get(standing.word)
    verdict = standing.word if word is None else f"{word}: {standing.code}"
    sources = int(account.image_detections[images].sum())
    cells = _cells(figures_of(account, group))
    return (name, f"{took} of {took + lost}" if lost else str(took), str(sources), *cells, verdict)


def _others(account: Account, members: Sequence[int], word: str) -> Row:
    """One line for several groups: sums, and medians of what is no number of things."""
    every = [figures_of(account, group) for group in members]
    own = np.isin(account.group, members)
    together = Figures(
        matches=sum(figures.matches or 0 for figures in every),
        reference_matches=sum(figures.reference_matches or 0 for figures in every),
        rms_mas=_median([figures.rms_mas for figures in every]),
        sigma_mas=_median([figures.sigma_mas for figures in every]),
        ratio=_median([figures.ratio for figures in every]),
    )
    sources = int(account.image_detections[own].sum())
    name = f"{len(members)} others"
    return (name, str(int(own.sum())), str(sources), *_cells(together), word)


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.median(known)) if known else None


def _aligned(groups: Sequence[Row], together: Sequence[Row]) -> list[str]:
    """Rows as lines below a header: names and verdicts to the left, numbers to the right."""
    titles, units = zip(*_HEADER, strict=True)
    rows = [titles, units, *groups, *together]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADER))]
    room = max(_LEAST_NAME, _WIDTH - sum(widths[1:]) - 2 * (len(widths) - 1))
    names = [titles[0], units[0], *_short([row[0] for row in groups], room)]
    names += [row[0] for row in together]
    widths[0] = max(map(len, names))
    lines = []
    for row, name in zip(rows, names, strict=True):
        cells = zip(row[1:-1], widths[1:-1], strict=True)
        numbers = [cell.rjust(width) for cell, width in cells]
        lines.append("  ".join([name.ljust(widths[0]), *numbers, row[-1]]).rstrip())
    return lines


def _total(account: Account, standings: Sequence[Standing]) -> str:
    words = [standing.word for standing in standings]
    counts = [
        f"{words.count(word)} {word}"
        for word in (ALIGNED, RELATIVE, DOUBTFUL, LEFT)
        if word in words
    ]
    took = len(account.images)
    moved = sum(outcome.moved for outcome in account.outcomes)
    total = f"{len(words)} groups: {', '.join(counts) or 'nothing was done'}"
    images = f"{moved} of {took} images moved"
    if account.dry_run:
        images = f"dry run: none of {took} images was changed"
    if account.left_out:
        lost = len(account.left_out)
        images += f"; of the {took + lost} given, {lost} could take no part"
    return f"{total}; {images}."


def _sums(account: Account) -> str:
    """How many sources took part, and how many of them were matched: as the columns add up."""
    every = [figures_of(account, group) for group in range(len(account.group_names))]
    matches = sum(figures.matches or 0 for figures in every)
    stars = [f.reference_matches for f in every if f.reference_matches is not None]
    tied = f", {sum(stars)} of these with reference stars" if stars and account.reference else ""
    sources = int(account.image_detections.sum())
    return f"{sources} sources took part, {matches} of them are matched{tied}."
