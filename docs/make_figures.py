"""Draw the figures of the pages of measurements from the tables that the benchmarks have written.

``conf.py`` calls it when the site is made, so that a figure shows what its table says. No number is
typed here.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))

from tables import read_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes

DOCS = Path(__file__).parent
FIGURES = DOCS / "figures"
OURS, OTHER, THIRD, GREY = "#0072B2", "#D55E00", "#009E73", "#999999"
"""Colours of Okabe and Ito, as on the page of pictures."""

Rows = list[dict[str, str]]


def number(text: str) -> float:
    """The first number of a cell; not a number for one that has none."""
    found = re.match(r"-?[\d,]*\.?\d+", text)
    return float(found[0].replace(",", "")) if found else float("nan")


def column(rows: Rows, name: str) -> list[float]:
    """The numbers of a column."""
    return [number(row[name]) for row in rows]


def panel(width: float = 6.5, height: float = 3.6) -> tuple[Figure, Axes]:
    """A figure with one pair of axes."""
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def plain(axes: Axes, sides: str) -> None:
    """Logarithmic axes with numbers as they are written: 1, 2, 5, 10 ..., not as powers."""
    for side in sides:
        axis = getattr(axes, f"{side}axis")
        axes.set(**{f"{side}scale": "log"})
        low, high = axis.get_view_interval()
        steps = (1, 2, 5) if high / low < 100 else (1,)
        axis.set_major_locator(LogLocator(subs=steps))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())


def pairs(axes: Axes, labels: list[str], series: dict[str, tuple[list[float], str]]) -> None:
    """A line for each label, with a point for each of the series; the first label on top."""
    ends = [values for values, _ in series.values()]
    axes.hlines(labels, [*map(min, *ends)], [*map(max, *ends)], color=GREY, zorder=0)
    for name, (values, colour) in series.items():
        axes.plot(values, labels, "o", color=colour, label=name)
    axes.invert_yaxis()
    plain(axes, "x")
    axes.get_figure().legend(frameon=False, ncols=len(series), loc="outside upper center")


def stacked(axes: Axes, labels: list[str], series: dict[str, tuple[list[float], str]]) -> None:
    """Horizontal bars one behind another, the first label on top."""
    left = [0.0] * len(labels)
    for name, (values, colour) in series.items():
        axes.barh(labels, values, left=left, color=colour, label=name)
        left = [old + new for old, new in zip(left, values, strict=True)]
    axes.invert_yaxis()
    axes.get_figure().legend(frameon=False, ncols=3, loc="outside upper center")


def accuracy() -> Figure:
    """Errors against the bound of all scenes."""
    rows = read_table("accuracy")
    figure, axes = panel()
    bound = column(rows, "bound")
    stcal = column(read_table("accuracy_stcal"), "median")
    axes.plot(bound, stcal, "s", color=OTHER, label="stcal, median")
    axes.plot(bound, column(rows, "rms"), "o", color=OURS, label="tweakreg_step, rms")
    axes.plot(sorted(bound), sorted(bound), "-", color=GREY, label="the bound itself", zorder=0)
    axes.set(xlabel="bound of the scene [mas]", ylabel="error of its images [mas]")
    plain(axes, "xy")
    axes.legend(frameon=False)
    return figure


def performance() -> Figure:
    """Processor time for each exposure against their number, files on disk."""
    rows = [row for row in read_table("step_exposures") if row["in memory"] == "no"]
    figure, axes = panel(height=3.0)
    for name, label, colour in (
        ("stock [s]", "stock step", OTHER),
        ("ours [s]", "tweakreg_step", OURS),
        ("floor [s]", "copying the file, and sep on its pixels", GREY),
    ):
        axes.plot(column(rows, "exposures"), column(rows, name), "o-", color=colour, label=label)
    axes.set(xlabel="exposures", ylabel="processor time for each [s]")
    plain(axes, "xy")
    axes.set_xticks(column(rows, "exposures"))
    axes.legend(frameon=False)
    return figure


def reliability() -> Figure:
    """How runs on hostile input ended."""
    rows = read_table("reliability")
    figure, axes = panel(height=3.0)
    series = {
        "done": (column(rows, "done"), OURS),
        "ended with a sentence": (column(rows, "refused or ended"), THIRD),
        "raw errors and hangs": (
            [number(row["raw errors"]) + number(row["hangs over 60 s"]) for row in rows],
            OTHER,
        ),
    }
    stacked(axes, [row["what is thrown in"] for row in rows], series)
    axes.set(xlabel="runs")
    return figure


def scale() -> Figure:
    """Time and memory of mosaics and stacks."""
    figure = Figure(figsize=(6.5, 3.2), layout="constrained")
    panels = figure.subplots(1, 2)
    for name, label, colour in (
        ("scale_mosaics", "mosaics", OURS),
        ("scale_stacks", "stacks", OTHER),
    ):
        rows = read_table(name)
        groups = column(rows, "groups")
        for axes, quantity in zip(panels, ("processor [s]", "peak [GB]"), strict=True):
            axes.plot(groups, column(rows, quantity), "o-", color=colour, label=label)
            axes.set(xlabel="exposure groups", ylabel=quantity)
            axes.spines[["top", "right"]].set_visible(False)
    for axes in panels:
        plain(axes, "xy")
    panels[0].legend(frameon=False)
    return figure


def verdicts() -> Figure:
    """What became of scenes with faults."""
    rows = read_table("silence")
    figure, axes = panel(height=2.6)
    trials, silent, doubted, right, vain = (
        column(rows, name)
        for name in (
            "trials", "wrong in silence", "wrong and doubted", "nothing wrong", "doubted in vain",
        )
    )  # fmt: skip
    rest = [a - b - c - d for a, b, c, d in zip(trials, silent, doubted, right, strict=True)]
    kept = [a - b for a, b in zip(right, vain, strict=True)]
    series = {
        "no fault": (kept, OURS),
        "a fault, and right": (rest, THIRD),
        "wrong and doubted": (doubted, GREY),
        "doubted in vain": (vain, "#E69F00"),
        "wrong in silence": (silent, OTHER),
    }
    stacked(axes, [row["scenes"] for row in rows], series)
    axes.set(xlabel="scenes")
    return figure


def centroids() -> Figure:
    """Errors of positions against the photon bound."""
    rows = [row for row in read_table("centroids_bound") if row["profile"] == "Moffat 3"]
    figure, axes = panel()
    widths = column(rows, "FWHM")
    names = [name for name in rows[0] if name.startswith("S/N")]
    for name, colour in zip(names, (GREY, THIRD, OURS, OTHER), strict=True):
        label = name.split(":")[0]
        axes.plot(widths, column(rows, name), "o", color=colour, label=label)
        bound = [number(row[name].partition(", ")[2]) for row in rows]
        axes.plot(widths, bound, "-", color=colour)
    axes.set(xlabel="FWHM [pixel]", ylabel="error per axis [pixel]; lines: bound")
    plain(axes, "xy")
    axes.legend(frameon=False, ncols=2)
    return figure


def roman() -> Figure:
    """Both steps on the same catalogs."""
    rows = [row for row in read_table("roman") if row["sources"] == "catalogs"]
    labels = list(dict.fromkeys(row["exposures"] for row in rows))
    figure, axes = panel(height=3.0)
    series = {
        label: ([number(row["rms"]) for row in rows if row["tool"] == tool], colour)
        for tool, label, colour in (
            ("romancal", "romancal", OTHER),
            ("this step", "tweakreg_step", OURS),
        )
    }
    pairs(axes, labels, series)
    axes.set(xlabel="rms error [mas]")
    return figure


def hst() -> Figure:
    """Errors of both tools over the bound, from catalogs and from pixels."""
    rows = read_table("hst")
    ratio: dict[str, dict[str, float]] = {"TweakReg": {}, "this step": {}}
    for row in rows:
        sources = "cosmic rays" if row["cosmic rays"] != "0 %" else "no cosmic rays"
        label = f"{row['camera']}, {row['exposures']}, {row['sources']}, {sources}"
        ratio[row["tool"]][label] = number(row["rms / bound"])
    labels = list(ratio["this step"])
    figure, axes = panel(width=7.5, height=4.6)
    series = {
        "TweakReg": ([ratio["TweakReg"][label] for label in labels], OTHER),
        "tweakreg_step": ([ratio["this step"][label] for label in labels], OURS),
    }
    pairs(axes, labels, series)
    axes.set(xlabel="rms error of aligned exposures over the bound")
    return figure


def peers() -> Figure:
    """Errors of images that were aligned rightly over the bound, by scene and program."""
    rows = read_table("peers")
    figure, axes = panel(height=4.2)
    looks = {
        "this step": ("tweakreg_step", "o", OURS),
        "this step, general": ("the same, general", "s", OURS),
        "jwst": ("jwst", "v", OTHER),
        "romancal": ("romancal", "P", OTHER),
        "TweakReg": ("TweakReg", "X", OTHER),
        "SCAMP": ("SCAMP", "^", THIRD),
        "JHAT": ("JHAT", "D", THIRD),
    }
    for tool, (label, marker, colour) in looks.items():
        own = [row for row in rows if row["tool"] == tool and row["right"] != "0"]
        places = [f"{row['mission']}, {row['four dithers']}" for row in own]
        style = {"color": colour, "label": label}
        axes.plot(column(own, "rms / bound"), places, marker, markersize=7, **style)
    axes.axvline(1.0, color=GREY, zorder=0)
    axes.margins(0.1)
    axes.invert_yaxis()
    plain(axes, "x")
    axes.set(xlabel="rms error of images aligned rightly, over the bound")
    figure.legend(frameon=False, ncols=4, loc="outside upper center")
    return figure


PICTURES: dict[str, Callable[[], Figure]] = {
    page.__name__: page
    for page in (accuracy, performance, reliability, scale, verdicts, centroids, roman, hst, peers)
}
"""Pages of ``docs``, and what draws the figure of each."""


def draw(folder: Path = FIGURES) -> None:
    """Write all of them."""
    folder.mkdir(exist_ok=True)
    for name, picture in PICTURES.items():
        picture().savefig(folder / f"{name}.svg", metadata={"Date": None})


if __name__ == "__main__":
    draw()
    sys.stdout.write(f"{len(PICTURES)} figures in {FIGURES}\n")
