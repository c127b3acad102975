"""Names short enough for a picture."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["shortened"]


def shortened(names: Sequence[str]) -> tuple[tuple[str, ...], str]:
    """Names without the beginning that all share, and that beginning.

    It ends with a separator, so that numbers stay whole: a_0001, a_0002 become 0001, 0002.
    """
    start = os.path.commonprefix(list(names)) if len(names) > 1 else ""
    cut = max((start.rfind(sign) for sign in "_-./ "), default=-1) + 1
    return tuple(name[cut:] or name for name in names), start[:cut]
