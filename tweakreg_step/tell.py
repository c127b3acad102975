"""What a run says while it works: a line for each stage, a line for each group, and a table."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from .core.exceptions import OutputError
from .core.outcome import Status
from .page import write_page
from .phases import groups_of
from .report import summary_table, write_report
from .report.standing import ALIGNED, standing_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from .account import Account
    from .phases import Alignment

__all__ = ["tell_alignment", "tell_catalogs", "tell_end", "tell_parameters", "write_account"]

log = logging.getLogger(__name__)

MOST_LINES = 40  # groups with a line of their own; the report has all

NO_SOURCES = (
    "%s has no sources inside its bounding box that are selected. Are its pixels all NaN or "
    "flagged? If not, lower 'snr_threshold'; for iraf and dao, widen 'sharplo' to 'sharphi' and "
    "'roundlo' to 'roundhi'; loosen the selection ('fluxmin', 'peakmin', 'exclusions' ...) if the "
    "lines above say that it dropped them."
)


def tell_parameters(lines: Iterable[str]) -> None:
    """Say which parameters are not the defaults, and where they came from."""
    log.info("Parameters: %s", "; ".join(lines) or "defaults")


def tell_catalogs(correctors: Sequence[Any], seconds: float) -> None:
    """Say how many sources each group has, and warn of images without any."""
    sizes = [len(corrector.meta["catalog"]) for corrector in correctors]
    groups = groups_of(correctors)
    unused = sum(corrector.meta.get("unused", 0) for corrector in correctors)
    log.info(
        "Sources: %d take part%s, in %d images of %d groups (%.1f s)",
        sum(sizes),
        f" ({unused} more do not: hot pixels, cosmic rays, refused groups)" if unused else "",
        len(sizes),
        len(groups),
        seconds,
    )
    width = max(len(str(name)) for name in groups)
    for name, members in list(groups.items())[:MOST_LINES]:
        sources = sum(sizes[i] for i in members)
        refused = correctors[members[0]].meta.get("refused")
        why = "" if refused is None else f" ({refused.code}: none of them takes part)"
        log.info("  %-*s %4d images %6d sources%s", width, name, len(members), sources, why)
    if len(groups) > MOST_LINES:
        log.info("  ... and %d more groups", len(groups) - MOST_LINES)
    for corrector, size in zip(correctors, sizes, strict=True):
        if size == 0 and "refused" not in corrector.meta:
            log.warning(NO_SOURCES, corrector.meta["name"])


def tell_alignment(alignment: Alignment, seconds: float) -> None:
    """Say how the alignment was made."""
    solution = alignment.solution
    how = "one group after another" if alignment.fits else "nothing to align to"
    if solution is not None:
        pairs = len(solution.pairs)
        how = f"all groups at once, {pairs} pair{'s' * (pairs != 1)} of them with common sources. "
        how += solution.motion.reason
    stars = "" if alignment.table is None else f" to a catalog of {len(alignment.table)} stars,"
    log.info("Alignment:%s %s (%.1f s)", stars, how, seconds)


def tell_end(account: Account) -> None:
    """The table of the groups, and a warning for each that was left alone or is doubtful."""
    for line in summary_table(account):
        log.info("%s", line)
    _left_out(account)
    for sentence, names in _complaints(account).items():
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        log.warning("%s%s: %s", ", ".join(names[:3]), more, sentence)


def _left_out(account: Account) -> None:
    """Name every image that took no part; each was explained when it was met."""
    if account.left_out:
        names = ", ".join(f"{one.name} ({one.outcome.code})" for one in account.left_out)
        log.warning("Left out: %s", names)


def _complaints(account: Account) -> dict[str, list[str]]:
    """Groups by what is to be said of them."""
    complaints: dict[str, list[str]] = {}
    first = {int(group): image for image, group in reversed(list(enumerate(account.group)))}
    for group, name in enumerate(account.group_names):
        standing, outcome = standing_of(account, group), account.outcomes[first[group]]
        aligned = standing.word == ALIGNED or standing.code in _SAID
        if outcome.status is not Status.ALIGNED:
            complaints.setdefault(outcome.reason, []).append(name)
        elif not aligned:
            complaints.setdefault(standing.reason, []).append(name)
    return complaints


_SAID = ("reference_unreachable", "reference_empty", "bad_catalog")
"""Codes of what was said when it happened."""


def write_account(account: Account, folder: Path, *, report: bool, plots: bool) -> None:
    """Write what was asked for; what can't be written is an error in the log, and costs no image.

    Parameters
    ----------
    account
        Of the run.
    folder
        Where to.
    report, plots
        Whether the report, and the page of pictures, is wanted.
    """
    written: list[Path] = []
    try:
        if report:
            written += write_report(account, folder)
        if plots:
            written.append(write_page(account, folder))
    except OutputError as error:
        log.error("%s", error)  # noqa: TRY400 - the sentence says all, a traceback nothing more
    if written:
        log.info("Report: %s", ", ".join(map(str, written)))
