"""Cut-outs (stamps) around sources, in which positions and widths are measured."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tweakreg_step.core.arrays import BoolArray, FloatArray


__all__ = ["Plane", "Stamps", "cut", "noise_law"]


@dataclass(frozen=True, slots=True)
class Plane:
    """An image without its background.

    Attributes
    ----------
    data, error
        (ny, nx) in the image's unit; ``data`` is finite where ``good``.
    good, saturated
        (ny, nx) masks of usable and of saturated pixels.
    noise
        Used in place of errors that are not positive numbers.
    """

    data: NDArray[Any]
    error: NDArray[Any]
    good: BoolArray
    saturated: BoolArray
    noise: float


@dataclass(frozen=True, slots=True)
class Stamps:
    """Squares of k x k pixels around n sources, k odd.

    Attributes
    ----------
    data, variance
        (n, k, k) in the image's unit, and its square; zero where a pixel is not good.
    good, saturated
        (n, k, k) masks of usable and of saturated pixels.
    outside
        (n, k, k) mask of pixels beyond the image.
    column, row
        (n,) indices of the central pixel.
    """

    data: NDArray[Any]
    variance: NDArray[Any]
    good: BoolArray
    saturated: BoolArray
    outside: BoolArray
    column: NDArray[np.int64]
    row: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.column)

    def __getitem__(self, rows: NDArray[np.bool_] | NDArray[np.int64] | slice) -> Self:
        """The chosen stamps."""
        return type(self)(*(getattr(self, field.name)[rows] for field in fields(self)))

    def compact(self) -> Self:
        """The stamps in single precision, to save memory while other images are read."""
        return replace(
            self, data=self.data.astype(np.float32), variance=self.variance.astype(np.float32)
        )

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Concatenation of the stamps of several images, all of the same size."""
        return cls(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(cls)))

    def offsets(self, x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Offsets (n, k) of the pixels along x and along y from positions (n,) [pixels]."""
        size = self.data.shape[1]
        steps = np.arange(size) - size // 2
        dx = steps[None, :] - (x - self.column)[:, None]
        dy = steps[None, :] - (y - self.row)[:, None]
        return dx, dy


def cut(plane: Plane, x: FloatArray, y: FloatArray, half: int) -> Stamps:
    """Stamps of 2 half + 1 pixels around positions (n,) [pixels], local background subtracted.

    The local background is the median of the stamp's outermost pixels: that of the image is smooth
    on a scale of hundreds of pixels, nebulae are not.
    """
    ny, nx = plane.data.shape
    steps = np.arange(-half, half + 1)
    column = np.clip(np.rint(x), 0, nx - 1).astype(np.int64)
    row = np.clip(np.rint(y), 0, ny - 1).astype(np.int64)
    rows, columns = row[:, None] + steps, column[:, None] + steps
    within_rows, within_columns = (rows >= 0) & (rows < ny), (columns >= 0) & (columns < nx)
    inside = within_rows[:, :, None] & within_columns[:, None, :]
    pick = (np.clip(rows, 0, ny - 1)[:, :, None], np.clip(columns, 0, nx - 1)[:, None, :])
    good = inside & plane.good[pick]
    data = np.where(good, plane.data[pick], 0.0).astype(np.float64)
    error = plane.error[pick].astype(np.float64)
    error = np.where(np.isfinite(error) & (error > 0), error, plane.noise)
    return Stamps(
        data=np.where(good, data - _rim_level(data, good)[:, None, None], 0.0),
        variance=np.where(good, error**2, 0.0),
        good=good,
        saturated=inside & plane.saturated[pick],
        outside=~inside,
        column=column,
        row=row,
    )


def _rim_level(data: FloatArray, good: BoolArray) -> FloatArray:
    """Median (n,) of the good outermost pixels of stamps (n, k, k); 0 where there are few."""
    size = data.shape[1]
    rim = np.ones((size, size), bool)
    rim[1:-1, 1:-1] = False
    values = np.where(good[:, rim], data[:, rim], np.nan)
    enough = np.isfinite(values).sum(axis=1) >= size
    level = np.zeros(len(data))
    if enough.any():
        level[enough] = np.nanmedian(values[enough], axis=1)
    return level


def noise_law(stamps: Stamps) -> tuple[FloatArray, FloatArray]:
    """B and c (n,) of the noise model V = B + c I, V the variance of pixels of intensity I."""
    # a fifth of the good pixels lies below the level; sorting puts the others at the end
    size = stamps.data.shape[1]
    values = np.where(stamps.good, stamps.variance, np.inf).reshape(len(stamps), size * size)
    values.sort(axis=1)
    count = stamps.good.sum(axis=(1, 2))
    fifth = values[np.arange(len(stamps)), np.maximum(count - 1, 0) // 5]
    level = np.where(count > 0, fifth, 0.0)
    excess = np.where(stamps.good, stamps.variance - level[:, None, None], 0.0).sum(axis=(1, 2))
    total = stamps.data.sum(axis=(1, 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = np.where(total > 0, np.maximum(excess, 0.0) / total, 0.0)
    return level, slope
