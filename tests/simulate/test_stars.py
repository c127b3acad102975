"""Simulated star fields and reference catalogs."""

import numpy as np
import pytest

from tweakreg_step.simulate import Stars, reference_catalog, scattered, star_field
from tweakreg_step.simulate.directions import direction, separation_mas
from tweakreg_step.simulate.stars import SLOPE, fluxes


@pytest.mark.parametrize("centre", [(10.0, 20.0), (0.001, -45.0), (77.0, 89.999)])
def test_field_fills_a_circle_uniformly(centre):
    stars = star_field(centre, 100.0, 4000, seed=1)
    assert len(stars) == 4000
    distance = separation_mas(direction(stars.ra, stars.dec), direction(*centre)) / 1000
    assert distance.max() <= 100.0
    # A quarter of the area lies within half the radius; four sigma of the binomial.
    inner = np.count_nonzero(distance < 50.0)
    assert inner == pytest.approx(1000, abs=4 * np.sqrt(4000 * 0.25 * 0.75))
    # The centroid is the centre: each axis scatters by radius / 2 / sqrt(n).
    mean = direction(stars.ra, stars.dec).mean(axis=0)
    offset = separation_mas(mean / np.linalg.norm(mean), direction(*centre)) / 1000
    assert offset < 4 * 50.0 / np.sqrt(4000)


def test_same_seed_same_bits():
    first, again, other = (star_field((5.0, 5.0), 60.0, 50, seed=s) for s in (3, 3, 4))
    for name in ("ra", "dec", "flux"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
        assert (getattr(first, name) != getattr(other, name)).all()


def test_fluxes_follow_the_power_law():
    drawn = fluxes(20000, np.random.default_rng(5), (1.0, 1e9))
    # Maximum likelihood for a power law (its upper limit far away): 1 + n / sum log(F / F_min),
    # with a relative error of 1 / sqrt(n).
    slope = 1.0 + drawn.size / np.log(drawn).sum()
    assert slope == pytest.approx(SLOPE, abs=4 * (SLOPE - 1) / np.sqrt(drawn.size))
    limited = fluxes(1000, np.random.default_rng(5), (3.0, 30.0))
    assert limited.min() >= 3.0
    assert limited.max() <= 30.0


def test_scatter_has_the_stated_size_near_the_pole():
    stars = star_field((77.0, 89.99), 100.0, 4000, seed=1)
    moved = scattered(stars, 5.0, seed=2)
    distance = separation_mas(direction(stars.ra, stars.dec), direction(moved.ra, moved.dec))
    # Two axes of 5 mas; the rms of 8000 normal values is good to 1/sqrt(16000).
    assert np.sqrt(np.mean(distance**2)) == pytest.approx(5 * np.sqrt(2), rel=4 / np.sqrt(16000))


def test_reference_catalog():
    stars = star_field((10.0, 20.0), 100.0, 2000, seed=1)
    catalog = reference_catalog(stars, fraction=0.3, sigma=2.0, seed=9)
    assert catalog.colnames == ["RA", "DEC", "RA_ERROR", "DEC_ERROR", "MAG"]
    assert len(catalog) == pytest.approx(600, abs=4 * np.sqrt(2000 * 0.3 * 0.7))
    assert (catalog["RA_ERROR"].to_value("mas") == 2.0).all()
    nearest = separation_mas(
        direction(catalog["RA"].to_value("deg"), catalog["DEC"].to_value("deg"))[:, None],
        direction(stars.ra, stars.dec),
    ).min(axis=1)
    # Rayleigh: beyond 5 sigma once in 270,000.
    assert nearest.max() < 10.0
    assert np.sqrt(np.mean(nearest**2)) == pytest.approx(2 * np.sqrt(2), rel=0.15)


def test_lengths_are_checked():
    with pytest.raises(ValueError, match="vectors of one length"):
        Stars(np.zeros(3), np.zeros(2), np.zeros(3))
