"""Results in the headers of an exposure; undone to the bit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tweakreg_step.core.outcome import FITS_PREFIX
from tweakreg_step.telescopes.hst.chip_wcs import is_same

from .update import Fit, as_delivered, corrected

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tweakreg_step.core.outcome import Essential
    from tweakreg_step.telescopes.change import Change
    from tweakreg_step.telescopes.hst.chip_wcs import ChipWCS
    from tweakreg_step.telescopes.hst.exposure import Chip, HstExposure

    from .cards import Cards, Value

__all__ = ["apply", "restore"]

STATUS = "S_TWKREG"
"""Keyword of the status of the step, as in the headers of JWST."""


def apply(exposure: HstExposure, change: Change) -> None:
    """Make the changes to an exposure's headers, all or none of them."""
    changed = {0: _primary(exposure, change)}
    if change.wcs:
        fit = _fit(exposure, change)
        for chip, wcs in zip(exposure.chips, change.wcs, strict=True):
            cards = changed.get(chip.science) or exposure.cards(chip.science)
            changed[chip.science] = _with_wcs(cards, exposure, chip, wcs, fit)
    exposure.changed = exposure.changed | changed


def restore(exposure: HstExposure) -> bool:
    """Restore the headers as delivered; returns whether a WCS had been corrected."""
    changed, had = {}, False
    for chip in exposure.chips:
        cards = exposure.cards(chip.science)
        changed[chip.science] = as_delivered(cards)
        had |= changed[chip.science] != cards
    if not had:
        return False
    changed[0] = _without_results(changed.get(0) or exposure.cards(0))
    exposure.changed = exposure.changed | changed
    return True


def _with_wcs(cards: Cards, exposure: HstExposure, chip: Chip, wcs: ChipWCS, fit: Fit) -> Cards:
    """The header of a chip with a WCS; as delivered, if that is the WCS as delivered."""
    before = as_delivered(cards)
    if before != cards and is_same(exposure.wcs(chip, before), wcs):
        return before
    return corrected(cards, exposure.wcs(chip, cards), wcs, fit)


def _primary(exposure: HstExposure, change: Change) -> Cards:
    cards = exposure.cards(0)
    words: dict[str, tuple[Value, str]] = {}
    if change.essentials is not None:
        cards = _without_results(cards)
        words |= {fact.keyword: (fact.value, fact.comment) for fact in change.essentials}
    if change.status is not None:
        words[STATUS] = (change.status.value, "status of the alignment")
    for chip, name in zip(exposure.chips, change.catalogs, strict=False):
        if name is not None:
            words[f"TWRCAT{chip.version}"] = (name, "catalog of sources")
    return cards.with_values(words)


def _without_results(cards: Cards) -> Cards:
    words = [word for word in cards.keywords() if word.startswith(FITS_PREFIX)]
    return cards.without([*words, STATUS])


def _fit(exposure: HstExposure, change: Change) -> Fit:
    facts: dict[str, Any] = {fact.name: fact.value for fact in _essentials(change)}
    known = facts.get("matches"), facts.get("rms_mas")
    return Fit(exposure.root, change.reference or "", *known, change.wcs_name)


def _essentials(change: Change) -> Sequence[Essential]:
    return change.essentials or ()
