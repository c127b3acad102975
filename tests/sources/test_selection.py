"""The selection of sources: flux, peak, border, regions, the brightest, evenly spread."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tweakreg_step.core.exceptions import InputError
from tweakreg_step.core.sources import Sources
from tweakreg_step.parameters.source_stages import (
    SelectionParameters,
)
from tweakreg_step.sources.selection import (
    Limits,
    brightest_evenly,
    brightest_of,
    flux_limits,
    limits_of,
    select,
)

BOX = ((-0.5, 99.5), (-0.5, 99.5))
SHAPE = (1000, 1000)


def sources(**columns: Any) -> Sources:
    arrays = {name: np.asarray(values, float) for name, values in columns.items()}
    number = len(next(iter(arrays.values())))
    middle = {"x": np.full(number, 50.0), "y": np.full(number, 50.0)}
    return Sources.at(**(middle | arrays))


def fluxes(magnitudes: list[float], **options: Any) -> list[float]:
    """The magnitudes that pass."""
    found = sources(flux=10.0 ** (-0.4 * np.array(magnitudes)))
    limits = Limits(flux=flux_limits(SelectionParameters(**options), 100.0, "a"))
    chosen, _ = select(found, limits, BOX)
    return np.round(-2.5 * np.log10(chosen.flux), 6).tolist()


@pytest.mark.parametrize(("first", "second"), [(20.0, 22.0), (22.0, 20.0)])
def test_a_range_of_magnitudes_in_either_order(first: float, second: float) -> None:
    magnitudes = [19.999, 20.0, 21.3, 22.0, 22.001]
    assert fluxes(magnitudes, fluxmin=first, fluxmax=second, fluxunits="mag") == [20.0, 21.3, 22.0]


def test_one_magnitude_alone_is_what_its_name_says() -> None:
    magnitudes = [19.0, 20.0, 21.0]
    assert fluxes(magnitudes, fluxmin=20.0, fluxunits="mag") == [19.0, 20.0]
    assert fluxes(magnitudes, fluxmax=20.0, fluxunits="mag") == [20.0, 21.0]


@given(st.floats(-30.0, 40.0))
def test_a_source_of_just_the_limit_is_inside(magnitude: float) -> None:
    chosen = fluxes([magnitude], fluxmin=magnitude, fluxmax=magnitude, fluxunits="mag")
    assert len(chosen) == 1


def test_counts_and_counts_per_second() -> None:
    found = sources(flux=[1.0, 2.0, 3.0, np.nan])
    limits = Limits(flux=flux_limits(SelectionParameters(fluxmin=2.0, fluxmax=3.0), None, "a"))
    assert select(found, limits, BOX)[0].flux.tolist() == [2.0, 3.0]
    rates = SelectionParameters(fluxmin=0.015, fluxmax=0.02, fluxunits="cps")
    limits = Limits(flux=flux_limits(rates, 100.0, "a"))
    assert select(found, limits, BOX)[0].flux.tolist() == [2.0]
    assert flux_limits(SelectionParameters(fluxunits="cps"), None, "a") == (None, None)


@pytest.mark.parametrize("seconds", [None, 0.0, -1.0, np.nan])
def test_rates_need_an_exposure_time(seconds: float | None) -> None:
    rates = SelectionParameters(fluxmin=0.02, fluxunits="cps")
    with pytest.raises(InputError, match=r"'a_cal' has the exposure time .*counts or mag"):
        flux_limits(rates, seconds, "a_cal")


def test_peaks() -> None:
    found = sources(peak=[1.0, 2.0, 3.0, np.nan])
    assert select(found, Limits(peak=(2.0, 3.0)), BOX)[0].peak.tolist() == [2.0]  # type: ignore[union-attr] # peaks were given
    assert len(select(found, Limits(), BOX)[0]) == 4
    assert len(select(sources(flux=[1.0]), Limits(peak=(2.0, 3.0)), BOX)[0]) == 1  # none known


def test_the_border_is_in_pixels_from_the_edges() -> None:
    found = sources(x=[1.4, 1.5, 50.0, 97.5, 97.6], y=[50.0] * 5)
    assert select(found, Limits(border=2), BOX)[0].x.tolist() == [1.5, 50.0, 97.5]
    across = sources(x=[50.0] * 3, y=[0.0, 1.5, 99.0])
    assert select(across, Limits(border=2), BOX)[0].y.tolist() == [1.5]
    assert len(select(found, Limits(), BOX)[0]) == 5


def test_the_brightest_are_chosen_last_of_what_is_left() -> None:
    found = sources(flux=[5.0, 9.0, 7.0, 8.0, 6.0], x=[50.0, 0.0, 50.0, 50.0, 50.0])
    limits = Limits(flux=(None, 7.5), border=1, brightest=2)
    chosen, dropped = select(found, limits, BOX, lambda s: s.flux != 7.0)
    assert chosen.flux.tolist() == [5.0, 6.0]
    assert dropped == {"exclusions": 1, "border": 1, "fluxmin, fluxmax": 1}
    chosen, dropped = select(found, Limits(brightest=2), BOX)
    assert chosen.flux.tolist() == [9.0, 8.0]
    assert dropped == {"brightest": 3}


def test_sources_of_unknown_flux_come_last() -> None:
    found = sources(flux=[np.nan, 2.0, np.nan, 3.0], x=[0.0, 1.0, 2.0, 3.0])
    assert brightest_of(found, 3, BOX).x.tolist() == [3.0, 1.0, 0.0]
    unknown = sources(flux=[np.nan] * 4)
    assert brightest_of(unknown, 2, BOX) is unknown
    assert brightest_of(found, 4, BOX) is found


def test_every_source_is_kept_or_counted_once() -> None:
    random = np.random.default_rng(1)
    x, y = random.uniform(0.0, 99.0, (2, 500))
    found = sources(x=x, y=y, flux=random.lognormal(size=500), peak=random.lognormal(size=500))
    limits = Limits(flux=(0.5, 3.0), peak=(0.5, 3.0), border=10, brightest=20)
    chosen, dropped = select(found, limits, BOX, lambda s: s.x < 80.0)
    assert len(chosen) + sum(dropped.values()) == 500
    assert len(chosen) == 20
    assert len(dropped) == 5


def test_limits_are_collected_from_the_parameters() -> None:
    selection = SelectionParameters(fluxmin=1.0, peakmin=2.0, border=3)
    limits = limits_of(selection, 4, 5.0, None, "a")
    assert limits == Limits(flux=(1.0, None), peak=(2.0, 5.0), border=3, brightest=4)


# ---- the brightest, evenly over the detector


def test_few_sources_are_all_kept_brightest_first() -> None:
    flux = np.array([3.0, 9.0, 3.0, 5.0])
    chosen = brightest_evenly(np.arange(4.0), np.arange(4.0), flux, SHAPE, 10)
    assert chosen.tolist() == [1, 3, 0, 2]


def test_a_bright_cluster_does_not_take_all_places() -> None:
    rng = np.random.default_rng(2)
    x = np.r_[rng.uniform(0, 999, 500), rng.normal(500, 20, 500)]
    y = np.r_[rng.uniform(0, 999, 500), rng.normal(500, 20, 500)]
    flux = np.r_[rng.uniform(1, 2, 500), rng.uniform(100, 200, 500)]
    chosen = brightest_evenly(x, y, flux, SHAPE, 200)
    assert len(chosen) == 200
    assert np.all(np.diff(flux[chosen]) <= 0)
    # 36 cells of 5: the cluster touches 4 of them and fills up the 20 places that are left
    column, row = (((a[chosen] + 0.5) * 6 / 1000).astype(int).clip(0, 5) for a in (x, y))
    cell = row * 6 + column
    assert np.bincount(cell, minlength=36).min() >= 5
    assert np.sum(chosen >= 500) <= 20 + 4 * 5


def test_within_a_cell_the_brightest_are_taken_and_ties_keep_their_order() -> None:
    x, flux = np.full(30, 10.0), np.r_[np.full(15, 2.0), np.full(15, 7.0)]
    assert brightest_evenly(x, x, flux, SHAPE, 17).tolist() == [*range(15, 30), 0, 1]
