"""Input of the alignment: detections of all images, and the stars of a reference catalog.

Units: degrees ICRS; arcsec in tangent planes with the axes east and north; covariances in arcsec^2;
mas only in reports.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .arrays import BoolArray, FloatArray, IntArray


def _same_length(
    count: int, arrays: dict[str, tuple[NDArray[np.generic], tuple[int, ...]]]
) -> None:
    for name, (array, tail) in arrays.items():
        if array.shape != (count, *tail):
            raise ValueError(f"{name} has the shape {array.shape}, but {(count, *tail)} is needed.")


@dataclass(frozen=True, slots=True)
class Detections:
    """The N detections of all images of a run.

    Attributes
    ----------
    ra, dec
        (N,) positions through the input WCS [deg].
    covariance
        (N, 2, 2) of the positions, east and north [arcsec^2].
    group, image
        (N,) index of the exposure group and of the image; a group has one or more images.
    unit
        (N,) index of the unit of detector motion, -1 where there is none: a detector with a filter
        in a visit, as far as filters and visits are told apart.
    unit_xy
        (N, 2) position in the detector's V2-V3 tangent plane, from the detector's centre [arcsec].
    unit_to_sky
        (N, 2, 2) derivative of (east, north) with respect to the position in that plane.
    flux
        (N,) in any unit, NaN where unknown; used only to rank detections.
    detector
        (N,) index of the detector, which has a unit for each filter and visit; -1 where there is
        none. Left out, each unit is a detector of its own.
    band, visit, guide
        (N,) index of the filter, of the visit, and of what the telescope was guided by (a guide
        star, or a visit); -1 where unknown. Left out, nothing is known of them.
    epoch
        (N,) middle of the exposure [Julian year], NaN where unknown or left out.
    floor
        (N,) the part of the error per axis that nobody gave [arcsec]: as it is usual, contained in
        `covariance`, its true size estimated with the solution. 0 where all is given, or left out.
    """

    ra: FloatArray
    dec: FloatArray
    covariance: FloatArray
    group: IntArray
    image: IntArray
    unit: IntArray
    unit_xy: FloatArray
    unit_to_sky: FloatArray
    flux: FloatArray
    detector: IntArray = field(default_factory=lambda: np.zeros(0, np.int64))
    band: IntArray = field(default_factory=lambda: np.zeros(0, np.int64))
    visit: IntArray = field(default_factory=lambda: np.zeros(0, np.int64))
    guide: IntArray = field(default_factory=lambda: np.zeros(0, np.int64))
    epoch: FloatArray = field(default_factory=lambda: np.zeros(0))
    floor: FloatArray = field(default_factory=lambda: np.zeros(0))

    def __post_init__(self) -> None:
        left_out = {"band": -1, "visit": -1, "guide": -1, "epoch": np.nan, "floor": 0.0}
        for name, unknown in left_out.items():
            if len(getattr(self, name)) == 0:  # of a frozen class
                object.__setattr__(self, name, np.full(len(self.ra), unknown))
        if len(self.detector) != len(self.unit) or ((self.unit >= 0) & (self.detector < 0)).any():
            object.__setattr__(self, "detector", self.unit)  # of a frozen class
        shapes: dict[str, tuple[int, ...]] = {"covariance": (2, 2), "unit_to_sky": (2, 2)}
        shapes["unit_xy"] = (2,)
        names = [name for name in self.__slots__ if name != "ra"]
        arrays = {name: (getattr(self, name), shapes.get(name, ())) for name in names}
        _same_length(len(self.ra), arrays)

    def __len__(self) -> int:
        return len(self.ra)

    @classmethod
    def simple(
        cls,
        ra: FloatArray,
        dec: FloatArray,
        group: IntArray,
        sigma: float | FloatArray,
        image: IntArray | None = None,
    ) -> Detections:
        """Detections without detector motions; errors `sigma` [arcsec per axis], uncorrelated."""
        count = len(ra)
        variance = np.broadcast_to(np.asarray(sigma, float) ** 2, (count,))
        return cls(
            ra=np.asarray(ra, float),
            dec=np.asarray(dec, float),
            covariance=variance[:, None, None] * np.eye(2),
            group=np.asarray(group, np.int64),
            image=np.asarray(group if image is None else image, np.int64),
            unit=np.full(count, -1, np.int64),
            unit_xy=np.zeros((count, 2)),
            unit_to_sky=np.broadcast_to(np.eye(2), (count, 2, 2)).copy(),
            flux=np.full(count, np.nan),
        )

    def take(self, index: IntArray | BoolArray) -> Detections:
        """The detections selected by an index or a mask."""
        if index.dtype == bool and index.all():
            return self  # arrays are never changed: no copy of all that is needed
        return Detections(**{name: getattr(self, name)[index] for name in self.__slots__})


@dataclass(frozen=True, slots=True)
class Reference:
    """The M stars of a reference catalog.

    Attributes
    ----------
    ra, dec
        (M,) positions at the catalog's epoch [deg ICRS].
    covariance
        (M, 2, 2) of the positions at the epoch of observation, east and north [arcsec^2].
    epoch_ra, epoch_dec
        (G, M) positions at the epoch of each group [deg], None if one epoch is used for all.
    floor
        (M,) the part of the error per axis that nobody gave [arcsec], see `Detections`; None where
        all errors are given.
    origin
        (M,) epoch [Julian year] at which the errors of a star's position and of its motion are
        independent; None where the catalog says nothing of motions.
    origin_covariance, motion_covariance
        (M, 2, 2) of the positions then [arcsec^2], and of the motions [arcsec^2 / yr^2], NaN where
        the motion is unknown.
    """

    ra: FloatArray
    dec: FloatArray
    covariance: FloatArray
    epoch_ra: FloatArray | None = None
    epoch_dec: FloatArray | None = None
    floor: FloatArray | None = None
    origin: FloatArray | None = None
    origin_covariance: FloatArray | None = None
    motion_covariance: FloatArray | None = None

    def __post_init__(self) -> None:
        count = len(self.ra)
        if self.floor is not None:
            _same_length(count, {"floor": (self.floor, ())})
        _same_length(count, {"dec": (self.dec, ()), "covariance": (self.covariance, (2, 2))})
        for name in ("epoch_ra", "epoch_dec"):
            array = getattr(self, name)
            if array is not None and (array.ndim != 2 or array.shape[1] != count):
                raise ValueError(f"{name} has the shape {array.shape}, but (G, {count}) is needed.")
        if (self.epoch_ra is None) != (self.epoch_dec is None):
            raise ValueError("epoch_ra and epoch_dec must be given together.")

    def __len__(self) -> int:
        return len(self.ra)

    @property
    def at_epochs(self) -> tuple[FloatArray, FloatArray] | None:
        """Positions (G, M) at the epoch of each group, if there are any [deg]."""
        if self.epoch_ra is None or self.epoch_dec is None:
            return None
        return self.epoch_ra, self.epoch_dec

    def seen_by(self, group: int) -> tuple[FloatArray, FloatArray]:
        """Positions (M,) at the epoch of a group, or at that of the catalog [deg]."""
        if self.at_epochs is None:
            return self.ra, self.dec
        ra, dec = self.at_epochs
        return ra[group], dec[group]

    def for_groups(self, index: IntArray) -> Reference:
        """The same stars for other groups, each at the epoch of the one that `index` (K,) says."""
        if self.at_epochs is None:
            return self
        ra, dec = self.at_epochs
        return replace(self, epoch_ra=ra[index], epoch_dec=dec[index])

    def take(self, index: IntArray | BoolArray) -> Reference:
        """The stars selected by an index or a mask."""
        values: dict[str, Any] = {name: getattr(self, name) for name in self.__slots__}
        for name, array in values.items():
            if array is not None:
                values[name] = array[:, index] if name.startswith("epoch_") else array[index]
        return Reference(**values)
