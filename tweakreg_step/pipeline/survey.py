"""What exposures there are, how they overlap, and what an alignment would do with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from astropy import units as u
from astropy.table import Column, Table
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from tweakreg_step.core.exceptions import InputError
from tweakreg_step.core.sphere import angular_distance, directions
from tweakreg_step.core.wording import listed
from tweakreg_step.solutions import OpenTarget
from tweakreg_step.telescopes.visits import visit_of_group

from .idle_groups import overlap

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from tweakreg_step.core.arrays import FloatArray, IntArray
    from tweakreg_step.solutions import Target

__all__ = ["Survey", "survey_of"]

SAME_POINTING = 0.1
"""Distance [arcsec] below which two exposures are at the same place: dithers are larger."""

DITHER = 0.5
"""Distance below which two places are dithers of one pointing, in that from the middle of an
exposure to its corners: tiles of mosaics are farther apart."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """An image that can be aligned: its group, detector and filter, time [s], corners [deg]."""

    group: str
    detector: str
    seconds: float
    corners: FloatArray
    corrected: bool


@dataclass(frozen=True, slots=True)
class Survey:
    """What was found.

    Attributes
    ----------
    table
        A row for each visit and filter.
    lines
        The table and sentences about it, as text.
    usable
        Number of images that can be aligned.
    """

    table: Table
    lines: tuple[str, ...]
    usable: int


def survey_of(targets: Sequence[Target]) -> Survey:
    """Look at exposures; only metadata and WCS are read.

    Parameters
    ----------
    targets
        The exposures; those that can't be aligned are named in the lines.
    """
    seen: list[_Seen] = []
    problems: list[str] = []
    for target in targets:
        try:
            with target.open() as model:
                seen += _seen(target, model)
        except InputError as error:
            problems.append(f"Can't be aligned: {error}")
    names = list(dict.fromkeys(one.group for one in seen))
    corners = [[one.corners for one in seen if one.group == name] for name in names]
    pairs = _pairs(corners)
    table = _table(seen, names, pairs)
    lines = [*table.pformat(max_lines=-1, max_width=-1)] if seen else []
    return Survey(table, (*lines, *problems, *_sentences(seen, names, pairs)), len(seen))


def _seen(target: Target, model: Any) -> list[_Seen]:
    exposure = OpenTarget.of(target, model)
    images = []
    for image in exposure.images:
        view = image.view()
        corners = exposure.plane(image, reset=False).corners()
        seconds = image.exposure_time
        images.append(
            _Seen(
                group=exposure.group or target.name,
                detector=view.detector or "",
                seconds=float("nan") if seconds is None else seconds,
                corners=corners,
                corrected=view.corrected,
            )
        )
    return images


def _pairs(corners: Sequence[Sequence[FloatArray]]) -> IntArray:
    """The pairs (E, 2) of groups that overlap."""
    count = len(corners)
    found = [(i, j) for i in range(count) for j in range(i) if overlap(corners[i], corners[j], 0.0)]
    return np.array(found, np.int64).reshape(-1, 2)


def _table(seen: Sequence[_Seen], names: Sequence[str], pairs: IntArray) -> Table:
    keys = list(dict.fromkeys((visit_of_group(s.group), s.detector.split(" ")[-1]) for s in seen))
    rows = [_row(key, seen, names, pairs) for key in keys]
    columns = {
        "visit": None,
        "filter": None,
        "exposures": None,
        "images": None,
        "detectors": None,
        "RA": u.deg,
        "DEC": u.deg,
        "pointings": None,
        "dithers": None,
        "overlaps": None,
        "time": u.s,
    }
    forms = {"RA": ".4f", "DEC": ".4f", "time": ".0f"}
    return Table(
        [
            Column([row[number] for row in rows], name=name, unit=unit, format=forms.get(name))
            for number, (name, unit) in enumerate(columns.items())
        ]
    )


def _row(
    key: tuple[str, str], seen: Sequence[_Seen], names: Sequence[str], pairs: IntArray
) -> list[Any]:
    visit, band = key
    own = [s for s in seen if (visit_of_group(s.group), s.detector.split(" ")[-1]) == key]
    groups = list(dict.fromkeys(one.group for one in own))
    centres = np.array([_middle([s for s in own if s.group == group]) for group in groups])
    ra, dec = _degrees(_unit(centres.sum(axis=0)))
    fields = [np.concatenate([s.corners for s in own if s.group == group]) for group in groups]
    extent = max(map(_extent, fields, centres))
    numbers = [names.index(group) for group in groups]
    inside = np.isin(pairs, numbers).all(axis=1)
    return [
        visit,
        band,
        len(groups),
        len(own),
        len({one.detector for one in own}),
        ra,
        dec,
        *_pointings(centres, extent),
        int(inside.sum()),
        float(np.nansum([own_.seconds for own_ in own])) / max(len({o.detector for o in own}), 1),
    ]


def _middle(images: Sequence[_Seen]) -> FloatArray:
    return _unit(sum(directions(*one.corners.T).sum(axis=0) for one in images))


def _unit(vector: Any) -> FloatArray:
    return np.asarray(vector / np.linalg.norm(vector))


def _degrees(vector: FloatArray) -> tuple[float, float]:
    ra = np.rad2deg(np.arctan2(vector[1], vector[0])) % 360.0
    return float(ra), float(np.rad2deg(np.arcsin(np.clip(vector[2], -1.0, 1.0))))


def _extent(corners: FloatArray, middle: FloatArray) -> float:
    """Distance [arcsec] from the middle (3,) of an exposure to its farthest corner (K, 2) [deg]."""
    return float(np.max(angular_distance(directions(*corners.T), middle)))


def _pointings(centres: FloatArray, extent: float) -> tuple[int, int]:
    """Number of pointings among directions (G, 3), and of the dithers of that which has most.

    Those within `DITHER` of an extent [arcsec] of the first one are its dithers.
    """
    places: list[FloatArray] = []
    for centre in centres:
        if all(angular_distance(centre, other) > SAME_POINTING for other in places):
            places.append(centre)
    firsts: list[FloatArray] = []
    dithers: list[int] = []
    for place in places:
        apart = [float(angular_distance(place, first)) for first in firsts]
        if apart and min(apart) < DITHER * extent:
            dithers[int(np.argmin(apart))] += 1
        else:
            firsts.append(place)
            dithers.append(1)
    return len(firsts), max(dithers, default=0)


def _sentences(seen: Sequence[_Seen], names: Sequence[str], pairs: IntArray) -> list[str]:
    """What a run would do."""
    if not seen:
        return []
    count = len(names)
    links = coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    parts, label = connected_components(links, directed=False)
    alone = [name for name, n in zip(names, np.bincount(label)[label], strict=True) if n == 1]
    lines = [
        f"A run would align {len(seen)} images in {_counted(count, 'group')}, of which "
        f"{_counted(len(pairs), 'pair')} overlap, in {_counted(parts, 'part')} that hang together "
        "by their footprints."
    ]
    if alone and count > 1:
        lines.append(
            f"These overlap no other: {listed(alone)}. Only a reference catalog (--abs-refcat) can "
            "align them."
        )
    elif count == 1:
        lines.append("One group alone needs a reference catalog (--abs-refcat).")
    elif parts > 1:
        lines.append("The parts are tied to each other by a reference catalog alone.")
    corrected = sum(one.corrected for one in seen)
    if corrected:
        lines.append(
            f"{corrected} of the images have the correction of an earlier alignment: a run starts "
            "from there, or, with --reset-wcs, from the WCS as delivered."
        )
    return lines


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
