"""A canonical order of the input, so that the same catalogs give the same bits in any order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.alignment.linalg import first_rows

if TYPE_CHECKING:
    from tweakreg_step.alignment.matching import KnownPairs
    from tweakreg_step.core.arrays import BoolArray, FloatArray, IntArray
    from tweakreg_step.core.detections import Detections, Reference


__all__ = ["Canonical", "canonical", "check_groups"]


@dataclass(frozen=True, slots=True)
class Canonical:
    """Detections and reference in canonical order, with their indices in the input.

    Attributes
    ----------
    detections, reference
        The n detections and M stars with finite positions and errors, sorted by declination and
        right ascension. Groups, images and units are numbered by their first detection.
    position
        (n,) index of each detection in the input.
    total
        Number of detections of the input.
    group, unit, image, detector
        (G,), (U,), (I,), (D,) canonical number of each of them in the input.
    star
        (M,) index of each star in the input.
    star_total
        Number of stars of the input.
    known
        Pairs of groups whose motions are known; None: all are matched.
    """

    detections: Detections
    reference: Reference | None
    position: IntArray
    total: int
    group: IntArray
    unit: IntArray
    image: IntArray
    detector: IntArray
    star: IntArray
    star_total: int
    known: KnownPairs | None = None

    def take(self, keep: BoolArray) -> Canonical:
        """The same with the detections of a mask (n,) alone; all keep their numbers."""
        return replace(self, detections=self.detections.take(keep), position=self.position[keep])


def _numbers(label: IntArray, count: int) -> IntArray:
    """Canonical number (count,) of each label, in order of first appearance; unused labels last."""
    first = first_rows(label[label >= 0], count)
    number = np.empty(count, np.int64)
    number[np.argsort(first, kind="stable")] = np.arange(count)
    return number


def _renumbered(label: IntArray) -> IntArray:
    """Labels (N,) numbered by their first appearance, -1 stays."""
    number = _numbers(label, int(label.max(initial=-1)) + 1)
    return np.where(label >= 0, np.append(number, -1)[label], -1)


def _finite(detections: Detections) -> IntArray:
    fine = np.isfinite(detections.ra) & np.isfinite(detections.dec)
    flat = detections.covariance.reshape(len(detections), 4)
    fine &= np.isfinite(flat).all(axis=1)
    with np.errstate(invalid="ignore"):
        determinant = flat[:, 0] * flat[:, 3] - flat[:, 1] * flat[:, 2]
        fine &= (determinant > 0.0) & (flat[:, 0] > 0.0)
    return np.flatnonzero(fine)


def check_groups(detections: Detections, count: int) -> None:
    """Raise `ValueError` if the index of a group is not in 0 ... count - 1."""
    if len(detections) and not 0 <= detections.group.min() <= detections.group.max() < count:
        raise ValueError(
            f"Groups are numbered {detections.group.min()} to {detections.group.max()}, but 0 to "
            f"{count - 1} are needed."
        )


def canonical(detections: Detections, count: int, reference: Reference | None) -> Canonical:
    """The canonical form of a problem of `count` groups.

    Raises
    ------
    ValueError
        If a group index is not in 0 ... count - 1.
    """
    check_groups(detections, count)
    fine = _finite(detections)
    # Detections at equal positions are ordered by covariance, whatever the numbers of their groups.
    keys = (detections.covariance[fine, 0, 0], detections.ra[fine], detections.dec[fine])
    order = fine[np.lexsort(keys)]
    part = detections.take(order)
    units = int(detections.unit.max(initial=-1)) + 1
    group, unit = _numbers(part.group, count), _numbers(part.unit, units)
    image = _numbers(part.image, int(detections.image.max(initial=-1)) + 1)
    detector = _numbers(part.detector, int(detections.detector.max(initial=-1)) + 1)
    part = replace(
        part,
        group=group[part.group],
        image=image[part.image],
        unit=np.where(part.unit >= 0, np.append(unit, -1)[part.unit], -1),
        detector=np.where(part.detector >= 0, np.append(detector, -1)[part.detector], -1),
        band=_renumbered(part.band),
        visit=_renumbered(part.visit),
        guide=_renumbered(part.guide),
    )
    # Identical detections are ordered by the new numbers of group and image: any order will do.
    if _has_twins(part):
        same = np.lexsort((part.image, part.group, *keys_of(part)))
        part, order = part.take(same), order[same]
    stars, catalog = _sorted_reference(reference, group)
    return Canonical(
        detections=part,
        reference=catalog,
        position=order,
        total=len(detections),
        group=group,
        unit=unit,
        image=image,
        detector=detector,
        star=stars,
        star_total=0 if reference is None else len(reference),
    )


def _has_twins(part: Detections) -> bool:
    """Whether two of the detections, which are in the order of their keys, have the same keys."""
    twins = [key[1:] == key[:-1] for key in keys_of(part)]
    return bool(np.logical_and.reduce(twins).any())


def keys_of(part: Detections) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Sort keys (N,) of detections, the most important last, as `numpy.lexsort` takes them."""
    return part.covariance[:, 0, 0], part.ra, part.dec


def _sorted_reference(
    reference: Reference | None, group: IntArray
) -> tuple[IntArray, Reference | None]:
    if reference is None:
        return np.zeros(0, np.int64), None
    flat = reference.covariance.reshape(len(reference), 4)
    fine = np.isfinite(reference.ra) & np.isfinite(reference.dec) & np.isfinite(flat).all(axis=1)
    kept = np.flatnonzero(fine)
    order = kept[np.lexsort((reference.ra[kept], reference.dec[kept]))]
    return order, reference.take(order).for_groups(np.argsort(group))
