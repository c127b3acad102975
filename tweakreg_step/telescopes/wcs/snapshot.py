"""The state of correctors before an alignment, to be restored if it fails."""

from __future__ import annotations

from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from tweakwcs.correctors import ST_V2V3_WCSCorrector

from .delivered import CORRECTED, delivered
from .packed_corrector import PackedCorrector

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tweakreg_step.core.arrays import FloatArray

__all__ = ["Snapshot", "StoredWcs", "all_or_nothing"]

_CHANGING = "matrix", "shift"
"""What changes of a packed corrector."""


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


@dataclass(frozen=True, slots=True)
class StoredWcs:
    """The WCS of a corrector at some time, cheap to store and complete to put back.

    Correctors of GWCS replace their WCS when they correct it, so a reference to it is enough; of
    packed ones it is the correction; others change it in place and are copied.

    Attributes
    ----------
    state
        The WCS, or the attributes of a corrector that changes its WCS in place, or of a packed one.
    replaced
        Whether it is the WCS.
    """

    state: Any
    replaced: bool

    @classmethod
    def of(cls, corrector: Any) -> Self:
        """The present WCS of a corrector."""
        if isinstance(corrector, ST_V2V3_WCSCorrector):
            return cls(corrector.wcs, replaced=True)
        if isinstance(corrector, PackedCorrector):
            return cls({name: getattr(corrector, name) for name in _CHANGING}, replaced=False)
        return cls(deepcopy(_without_meta(vars(corrector))), replaced=False)

    def without_correction(self) -> StoredWcs | None:
        """The WCS without the corrections of earlier alignments; None where it has none.

        Also None where corrections can't be told from the rest of the WCS.
        """
        if not self.replaced:
            return self._unpacked()
        if CORRECTED not in self.state.available_frames:
            return None
        return StoredWcs(delivered(self.state), replaced=True)

    def _unpacked(self) -> StoredWcs | None:
        """That of a packed corrector; None of others that change their WCS in place."""
        if set(self.state) != set(_CHANGING) or _is_identity(**self.state):
            return None
        return StoredWcs({"matrix": np.eye(2), "shift": np.zeros(2)}, replaced=False)

    def put_into(self, corrector: Any) -> None:
        """Give a corrector this WCS; its ``meta`` stays."""
        if not self.replaced:
            for name, value in deepcopy(self.state).items():
                setattr(corrector, name, value)
            return
        fresh = _without_meta(vars(type(corrector)(self.state, corrector.ref_angles)))
        # the WCS as it was before any correction, perhaps an earlier one
        vars(corrector).update({**fresh, "_owcs": corrector.original_wcs})


def _is_identity(matrix: FloatArray, shift: FloatArray) -> bool:
    return bool(np.array_equal(matrix, np.eye(2)) and not shift.any())


def _without_meta(attributes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if name != "_meta"}


class Snapshot:
    """The state of one corrector, its WCS and its ``meta``."""

    def __init__(self, corrector: Any) -> None:
        self.corrector = corrector
        self.meta = dict(corrector.meta)
        self.wcs = StoredWcs.of(corrector)

    def restore(self) -> None:
        """Restore the corrector's WCS and ``meta``."""
        self.wcs.put_into(self.corrector)
        self.corrector.meta.clear()
        self.corrector.meta.update(self.meta)
