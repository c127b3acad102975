"""The state of correctors before an alignment, to be restored if it fails."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tweakwcs.correctors import ST_V2V3_WCSCorrector

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Snapshot", "all_or_nothing"]


@contextmanager
def all_or_nothing(correctors: Sequence[Any]) -> Iterator[None]:
    """Restore the correctors if the block raises an exception."""
    before = [Snapshot(corrector) for corrector in correctors]
    try:
        yield
    except BaseException:
        for snapshot in before:
            snapshot.restore()
        raise


class Snapshot:
    """The state of one corrector, cheap to take and complete to restore.

    Correctors of GWCS replace their WCS when they correct it, so a reference to it is enough;
    others change it in place and are copied.
    """

    def __init__(self, corrector: Any) -> None:
        self.corrector = corrector
        self.meta = dict(corrector.meta)
        self.replaces = isinstance(corrector, ST_V2V3_WCSCorrector)
        self.state = corrector.wcs if self.replaces else vars(corrector.copy())

    def restore(self) -> None:
        """Restore the corrector's WCS and ``meta``."""
        corrector = self.corrector
        if self.replaces:
            fresh = type(corrector)(self.state, corrector.ref_angles, meta=self.meta)
            # the WCS as it was before any correction, perhaps an earlier one
            vars(corrector).update({**vars(fresh), "_owcs": corrector.original_wcs})
        else:
            vars(corrector).update(self.state)
