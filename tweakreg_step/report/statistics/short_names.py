"""Group names shortened for pictures."""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["shortened"]


def shortened(names: Sequence[str]) -> tuple[tuple[str, ...], str]:
    """Names without their common beginning, and that beginning.

    It ends with a separator, so that numbers stay whole: a_0001, a_0002 become 0001, 0002.
    """
    start = ""
    if len(names) > 1:
        # what the first and the last in the order of the alphabet share, all share
        first, last = min(names), max(names)
        same = (a == b for a, b in zip(first, last, strict=False))
        start = first[: sum(takewhile(bool, same))]
    cut = max((start.rfind(sign) for sign in "_-./ "), default=-1) + 1
    return tuple(name[cut:] or name for name in names), start[:cut]
