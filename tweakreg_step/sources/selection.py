"""Selection of sources: within the user's limits, the brightest ones spread over the detector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.core.exceptions import InputError

from .flags import excluded

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from tweakreg_step.core.arrays import BoolArray, FloatArray
    from tweakreg_step.core.sources import BoundingBox, Sources
    from tweakreg_step.parameters import SelectionParameters

__all__ = ["Limits", "brightest_evenly", "brightest_of", "flux_limits", "limits_of", "select"]

PER_CELL = 5
"""Average number of sources per cell: few enough to spread them evenly, enough that the fragments
of one bright galaxy do not fill the share of a cell."""


def brightest_evenly(
    x: FloatArray, y: FloatArray, flux: FloatArray, shape: tuple[float, float], number: int
) -> NDArray[np.int64]:
    """Indices of at most ``number`` sources, brightest first.

    The detector is divided into equal cells. The brightest of each cell are taken, up to an equal
    share of the number; the rest are the brightest of all others. If there are no more than
    ``number`` sources, all are taken.

    Parameters
    ----------
    x, y, flux
        (n,) positions [pixels] and fluxes. Sources of equal flux keep their order.
    shape
        (ny, nx) of the image.
    """
    order = np.argsort(-flux, kind="stable")
    if len(order) <= number:
        return order
    side = max(1, int(np.sqrt(number / PER_CELL)))
    column, row = (
        np.clip(((position[order] + 0.5) * side / size).astype(int), 0, side - 1)
        for position, size in ((x, shape[1]), (y, shape[0]))
    )
    cell = row * side + column
    by_cell = np.argsort(cell, kind="stable")
    first = np.searchsorted(cell[by_cell], cell[by_cell], side="left")
    rank = np.empty(len(order), int)
    rank[by_cell] = np.arange(len(order)) - first
    # first the shares, then all others, both in order of descending flux
    queue = np.argsort(np.where(rank < number // side**2, 0, 1), kind="stable")
    return np.asarray(order[np.sort(queue[:number])])


def brightest_of(sources: Sources, number: int, box: BoundingBox) -> Sources:
    """At most ``number`` usable sources, and the unusable ones brighter than the faintest of these.

    Unusable are sources that their flags exclude; they do not count for the number. Sorted by
    descending flux if there were more than wanted, else in the order of the input; all if no flux
    is known.

    Parameters
    ----------
    sources
        Sources of one image. Those of unknown flux come last, those of equal flux keep their order.
    number
        Number of sources wanted.
    box
        ((xmin, xmax), (ymin, ymax)) of the image [pixels].
    """
    out = np.zeros(len(sources), bool)
    if sources.flags is not None:
        out = excluded(sources.flags)
    usable = sources[~out]
    if len(usable) <= number or not np.isfinite(sources.flux).any():
        return sources
    (xmin, xmax), (ymin, ymax) = box
    size = ymax - ymin, xmax - xmin
    x, y = usable.x - xmin - 0.5, usable.y - ymin - 0.5
    kept = usable[brightest_evenly(x, y, usable.flux, size, number)]
    bright = out & (sources.flux >= np.nanmin(kept.flux, initial=np.inf))
    if not bright.any():
        return kept
    both = kept.joined(sources[bright])
    return both[np.argsort(-both.flux, kind="stable")]


SLACK = 1e-12
"""Relative tolerance of a limit given as a magnitude, for the rounding error of 10^(-0.4 m): a
source of exactly that magnitude is inside."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits for sources; None is no limit.

    Attributes
    ----------
    flux
        Smallest and largest flux, both inclusive, in the unit of the catalog.
    peak
        Smallest (inclusive) and largest (exclusive) value of the brightest pixel above the
        background [image units].
    border
        Smallest distance from the edges [pixels].
    brightest
        Largest number of sources.
    """

    flux: tuple[float | None, float | None] = (None, None)
    peak: tuple[float | None, float | None] = (None, None)
    border: int = 0
    brightest: int | None = None


def limits_of(
    selection: SelectionParameters,
    brightest: int | None,
    peakmax: float | None,
    exposure_time: float | None,
    name: str,
) -> Limits:
    """The limits for an image, in the units of its catalog; see `flux_limits`."""
    return Limits(
        flux=flux_limits(selection, exposure_time, name),
        peak=(selection.peakmin, peakmax),
        border=selection.border,
        brightest=brightest,
    )


def flux_limits(
    selection: SelectionParameters, exposure_time: float | None, name: str
) -> tuple[float | None, float | None]:
    """The smallest and the largest flux, in the unit of the catalog.

    'counts' are the catalog's fluxes, 'cps' these divided by the exposure time, and a magnitude m
    is the flux 10^(-0.4 m). Both ends of a range of magnitudes may be given in either order; of one
    alone, ``fluxmin`` is the faintest and ``fluxmax`` the brightest.

    Parameters
    ----------
    selection
        The parameters fluxmin, fluxmax and fluxunits.
    exposure_time
        Exposure time of the image [s], None where unknown.
    name
        Name of the image, for errors.

    Raises
    ------
    InputError
        If limits are in 'cps' and the exposure time is unknown.
    """
    low, high = selection.fluxmin, selection.fluxmax
    if selection.fluxunits == "mag":
        if low is not None and high is not None:
            low, high = max(low, high), min(low, high)  # the larger magnitude is the fainter one
        return _flux(low, 1.0 - SLACK), _flux(high, 1.0 + SLACK)
    if selection.fluxunits == "cps" and selection.limits_flux:
        if not exposure_time or not exposure_time > 0:
            raise InputError(
                f"'{name}' has the exposure time {exposure_time}, but flux limits in cps need one "
                "in seconds. Mend 'meta.exposure.effective_exposure_time', or give the limits in "
                "counts or mag."
            )
        return tuple(  # type: ignore[return-value] # two of them
            None if limit is None else limit * exposure_time for limit in (low, high)
        )
    return low, high


def _flux(magnitude: float | None, factor: float) -> float | None:
    return None if magnitude is None else factor * 10.0 ** (-0.4 * magnitude)


def select(
    sources: Sources,
    limits: Limits,
    box: BoundingBox,
    allowed: Callable[[Sources], BoolArray] | None = None,
) -> tuple[Sources, dict[str, int]]:
    """Select the sources of an image within limits.

    Parameters
    ----------
    sources
        Sources of the image; with ``peak`` if that is limited.
    limits
        The limits.
    box
        ((xmin, xmax), (ymin, ymax)), the image [pixels].
    allowed
        Function that gives the mask (N,) of sources that the user's regions allow.

    Returns
    -------
    sources
        The selected sources, in their order; sorted by descending flux if there were more than
        wanted.
    dropped
        Number of sources dropped by each parameter; a source counts for the first that drops it.
    """
    tests: dict[str, Callable[[Sources], BoolArray]] = {
        "exclusions": allowed or (lambda s: np.ones(len(s), bool)),
        "border": lambda s: _off_the_border(s, box, limits.border),
        "fluxmin, fluxmax": lambda s: _in_range(s.flux, limits.flux),
        "peakmin, peakmax": lambda s: _below_peak(s, limits.peak),
    }
    dropped = {}
    for name, test in tests.items():
        kept = sources[test(sources)]
        dropped[name] = len(sources) - len(kept)
        sources = kept
    if limits.brightest is not None:
        kept = brightest_of(sources, limits.brightest, box)
        dropped["brightest"] = len(sources) - len(kept)
        sources = kept
    return sources, {name: number for name, number in dropped.items() if number}


def _off_the_border(sources: Sources, box: BoundingBox, border: int) -> BoolArray:
    """Mask (N,) of sources that lie at least ``border`` pixels inside the box."""
    if border == 0:
        return np.ones(len(sources), bool)
    (xmin, xmax), (ymin, ymax) = box
    x, y = sources.x, sources.y
    return np.asarray(
        (x >= xmin + border)
        & (x <= xmax - border)
        & (y >= ymin + border)
        & (y <= ymax - border)
    )  # fmt: skip


def _in_range(values: FloatArray, limits: tuple[float | None, float | None]) -> BoolArray:
    """Mask (N,) of values within limits; without limits NaN is inside as well."""
    low, high = limits
    inside = np.ones(len(values), bool)
    if low is not None:
        inside &= values >= low
    if high is not None:
        inside &= values <= high
    return inside


def _below_peak(sources: Sources, limits: tuple[float | None, float | None]) -> BoolArray:
    low, high = limits
    if sources.peak is None or (low is None and high is None):
        return np.ones(len(sources), bool)
    below = np.ones(len(sources), bool) if high is None else sources.peak < high
    return np.asarray(_in_range(sources.peak, (low, None)) & below)
