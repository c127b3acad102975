"""The 2-D histogram: all differences of two catalogs' positions, and the peak among them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.patches import Circle

from tweakreg_step.digest.differences import REFERENCE
from tweakreg_step.digest.names import shortened
from tweakreg_step.plots.canvas import Drawing, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tweakreg_step.account import Account
    from tweakreg_step.digest.differences import Differences

__all__ = ["draw_differences"]

_BINS = 72


@styled
def draw_differences(account: Account, found: Differences) -> Drawing:
    """The histogram of the differences of two catalogs through the input WCS.

    Parameters
    ----------
    account
        Of the run.
    found
        The differences.
    """
    names = _name(account, found.first), _name(account, found.second)
    figure = new_figure(4.3, 3.9)
    axes = figure.subplots()
    edges = np.linspace(-found.reach, found.reach, _BINS + 1)
    counts, _, _ = np.histogram2d(*found.offsets.T, bins=(edges, edges))
    limits = (-found.reach, found.reach, -found.reach, found.reach)
    # what happened once must be seen: the darkest colours are left out
    image = axes.imshow(
        counts.T, origin="lower", extent=limits, cmap="cividis", vmin=0.0,
        vmax=max(float(counts.max()), 2.0), interpolation="nearest",
    )  # fmt: skip
    figure.colorbar(image, ax=axes, label="pairs per bin", shrink=0.85)
    _marks(axes, found)
    axes.grid(visible=False)
    axes.set_xlim(found.reach, -found.reach)
    axes.set_xlabel("← east      difference [arcsec]")
    axes.set_ylabel("difference [arcsec]      north →")
    axes.set_title(f"{names[0]} − {names[1]}")
    alt = f"Histogram of all position differences {names[0]} minus {names[1]}. {_said(found)}"
    return Drawing(figure, f"{names[0]} − {names[1]}", _said(found), alt, dense=True)


def _name(account: Account, number: int) -> str:
    return "reference" if number == REFERENCE else shortened(account.group_names)[0][number]


def _marks(axes: Axes, found: Differences) -> None:
    circle = Circle((0.0, 0.0), found.radius, fill=False, color="white", linestyle="--")
    axes.add_patch(circle)
    axes.annotate(
        "search radius", (0.0, -found.radius), color="white", fontsize=7, ha="center", va="top"
    )
    if np.isfinite(found.expected).all():
        axes.plot(
            *found.expected, "+", color="white", markersize=13, markeredgewidth=1.6, label="solution"
        )
    if found.significant:
        axes.plot(
            *found.peak, "s", markersize=11, markerfacecolor="none", markeredgecolor="#56B4E9",
            markeredgewidth=1.6, label="peak",
        )  # fmt: skip
    if found.significant or np.isfinite(found.expected).all():
        legend = axes.legend(loc="upper right", fontsize=7, facecolor="#303030", labelcolor="white")
        legend.get_frame().set_alpha(0.8)


def _said(found: Differences) -> str:
    parts = []
    if found.significant:
        east, north = found.peak
        text = (
            f'Peak of {found.count} stars at {east:+.3f}" east, {north:+.3f}" north; chance would '
            f"give {found.chance:.2g}, and does as well with a probability of "
            f"10^{found.log10_chance:.0f}."
        )
        parts.append(text)
        if found.beyond:
            parts.append(f'It lies beyond the search radius of {found.radius:g}".')
    else:
        parts.append(
            f'No significant peak within {found.reach:g}": the fullest bin has {found.count} '
            f"stars, chance gives {found.chance:.2g} on the average."
        )
    for (used, total), which in zip(found.size, ("first", "second"), strict=True):
        if used < total:
            parts.append(f"{used} of the {total} positions of the {which} catalog take part.")
    return " ".join(parts)
