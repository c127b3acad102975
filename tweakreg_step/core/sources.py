"""Pixels and sources of an image, passed between the stages.

Positions are in pixels, the centre of the first pixel at (0, 0).
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .arrays import BoolArray, FloatArray


__all__ = ["BoundingBox", "Pixels", "Sources"]

BoundingBox = tuple[tuple[float, float], tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Pixels:
    """The image in the form that a source finder takes.

    Attributes
    ----------
    data, error
        (ny, nx) in the image's own unit; ``error`` is one standard deviation per pixel.
    mask
        (ny, nx), True where a pixel must not be used.
    saturated
        (ny, nx), True where a pixel was saturated at the end of its exposure, which may still be
        usable; None if no pixel was.
    """

    data: NDArray[Any]
    error: NDArray[Any]
    mask: BoolArray
    saturated: BoolArray | None = None

    def __post_init__(self) -> None:
        arrays = {"data": self.data, "error": self.error, "mask": self.mask}
        if self.saturated is not None:
            arrays["saturated"] = self.saturated
        if len({array.shape for array in arrays.values()}) > 1:
            shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
            raise ValueError(f"The arrays of an image must have one shape, but they have {shapes}.")


@dataclass(frozen=True, slots=True)
class Sources:
    """Sources found in one image.

    Attributes
    ----------
    x, y
        (N,) in pixels, the centre of the first pixel at 0.
    flux
        (N,) in the image's unit times pixels; NaN where unknown.
    x_err, y_err
        (N,) standard deviations of x and y in pixels; NaN where unknown.
    weight
        (N,) the user's weights in a fit, None if there are none.
    peak
        (N,) value of the brightest pixel above the background, in the image's unit, None if it was
        not measured.
    flags
        (N,) bits of `tweakreg_step.sources.Flag`, None if unknown.
    """

    x: FloatArray
    y: FloatArray
    flux: FloatArray
    x_err: FloatArray
    y_err: FloatArray
    weight: FloatArray | None = None
    peak: FloatArray | None = None
    flags: NDArray[np.int32] | None = None

    def __post_init__(self) -> None:
        lengths = {len(column) for column in self._columns().values()}
        if len(lengths) > 1:
            raise ValueError(f"Columns of one catalog have different lengths: {sorted(lengths)}.")

    def _columns(self) -> dict[str, NDArray[Any]]:
        columns = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: column for name, column in columns.items() if column is not None}

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, rows: NDArray[Any] | slice) -> Self:
        """The chosen rows."""
        return replace(self, **{name: column[rows] for name, column in self._columns().items()})

    def joined(self, others: Self) -> Self:
        """These rows and those of another catalog of the same columns."""
        mine, theirs = self._columns(), others._columns()
        if set(mine) != set(theirs):
            raise ValueError(
                f"Catalogs of the columns {sorted(mine)} and {sorted(theirs)} can't be joined: "
                "they must be the same. Add or drop the others."
            )
        return replace(self, **{name: np.concatenate([mine[name], theirs[name]]) for name in mine})

    @classmethod
    def at(cls, x: FloatArray, y: FloatArray, **columns: NDArray[Any] | None) -> Self:
        """Sources at given positions; other columns are optional."""
        unknown = np.full(len(x), np.nan)
        known = {"flux": unknown, "x_err": unknown, "y_err": unknown} | columns
        return cls(x=x, y=y, **known)  # type: ignore[arg-type] # None is allowed for some
