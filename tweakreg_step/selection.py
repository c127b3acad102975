"""Which sources of an image take part: Sources -> Sources, for found and given catalogs alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .choose import brightest_of
from .core.exceptions import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tweakreg_step.core.arrays import BoolArray, FloatArray

    from .core.sources import BoundingBox, Sources
    from .parameters.stages import SelectionParameters


__all__ = ["Limits", "flux_limits", "limits_of", "select"]

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
