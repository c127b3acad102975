"""Progress of long work over images, shown on a terminal and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from tqdm import tqdm

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["progress"]

Item = TypeVar("Item")


def progress(work: Iterable[Item], doing: str, total: int) -> Iterable[Item]:
    """Show how much of some work is done, while its items are passed on.

    Parameters
    ----------
    work
        An item for each image.
    doing
        What is done, as "finding sources".
    total
        The number of images.
    """
    return _Bar(work, doing, total=total, unit="image", miniters=1, disable=None)


class _Bar(tqdm):
    """A bar without the thread that sees to bars whose work has become slow.

    A process with threads can't be forked, and its workers would begin seconds later. Without the
    thread, a bar must look at the time at each image (``miniters=1``).
    """

    monitor_interval = 0
