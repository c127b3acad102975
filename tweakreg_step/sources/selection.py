"""Which sources of an image take part: those within its limits, the brightest of them evenly."""

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
"""Sources of a cell of the detector that a share is made for: few enough to spread them, and enough
that a cell of one bright galaxy's parts is not all that is seen there."""


def brightest_evenly(
    x: FloatArray, y: FloatArray, flux: FloatArray, shape: tuple[float, float], number: int
) -> NDArray[np.int64]:
    """Indices of at most ``number`` sources, brightest first.

    The detector is divided into equal cells, of which each gives its brightest in equal shares;
    what crowded cells can't give and empty ones don't have is filled up by the brightest of the
    rest. If there are no more than ``number`` sources, all are kept.

    Parameters
    ----------
    x, y, flux
        (n,) positions [pixels] and fluxes. Sources of the same flux keep their order.
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
    # the shares first, then everyone, both brightest first
    queue = np.argsort(np.where(rank < number // side**2, 0, 1), kind="stable")
    return np.asarray(order[np.sort(queue[:number])])


def brightest_of(sources: Sources, number: int, box: BoundingBox) -> Sources:
    """At most ``number`` sources that can be aligned, and those brighter than the faintest of them.

    The latter, which their flags exclude, cost the others no place. Brightest first where there
    were more than wanted, else as they came; all where no flux is known.

    Parameters
    ----------
    sources
        Of one image. Those of unknown flux come last, those of the same flux keep their order.
    number
        How many are wanted.
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
"""Relative. A limit given as a magnitude comes back from 10^(-0.4 m) with a rounding error, and a
source of just this magnitude is in the range."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a source must meet; None is no limit.

    Attributes
    ----------
    flux
        Least and largest, in the unit of the catalog; both are inside.
    peak
        Least, which is inside, and largest, which is not, of the brightest pixel above the
        background [image units].
    border
        Distance from the edges [pixels].
    brightest
        Number of sources that are kept.
    """

    flux: tuple[float | None, float | None] = (None, None)
    peak: tuple[float | None, float | None] = (None, None)
    border: int = 0
    brightest: int | None = None


def limits_of(
    selection: SelectionParameters,
    brightest: int,
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
    """The least and the largest flux, in the unit of the catalog.

    'counts' are the catalog's numbers as they are, 'cps' these divided by the exposure time, and a
    magnitude m is the flux 10^(-0.4 m). Of a range of magnitudes the ends may be given in either
    order; one alone is what its name says: ``fluxmin`` the faintest, ``fluxmax`` the brightest.

    Parameters
    ----------
    selection
        Its fluxmin, fluxmax and fluxunits.
    exposure_time
        Of the image [s], None where unknown.
    name
        Of the image, for errors.

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
    """The sources that take part.

    Parameters
    ----------
    sources
        Of one image; with ``peak`` if there are limits of it.
    limits
        What they must meet.
    box
        ((xmin, xmax), (ymin, ymax)), the image [pixels].
    allowed
        Which sources (N,) the user's regions allow.

    Returns
    -------
    sources
        In the order in which they came; brightest first where there were more than wanted.
    dropped
        How many sources each parameter dropped; a source counts where it failed first.
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
    """Which sources (N,) lie at least ``border`` pixels inside the box."""
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
    """Which values (N,) lie within limits; NaN does if there are none."""
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
