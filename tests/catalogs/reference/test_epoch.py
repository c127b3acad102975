"""Stars at an epoch: against astropy's own computation, with errors against sampling."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import Distance, SkyCoord, get_body_barycentric
from astropy.table import MaskedColumn, Table
from astropy.time import Time
from conftest import REAL_DATA

from tweakreg_step.catalogs.reference import as_published, at_epoch, place, stars_of
from tweakreg_step.catalogs.reference.epoch import with_known_motion
from tweakreg_step.catalogs.reference.observer import barycentric
from tweakreg_step.catalogs.reference.stars import motion_dispersion
from tweakreg_step.simulate.directions import direction, separation_mas
from tweakreg_step.telescopes import EARTH, L2, Observatory

# the fastest star (Barnard's), a near one, one at the pole, one at RA 0, one that stands still
STARS: dict[str, Any] = {
    "RA": [269.4485, 217.3923, 100.0, 359.99999, 45.0],
    "DEC": [4.7394, -62.6761, 89.999, 0.0, -30.0],
    "parallax": [546.98, 768.07, 10.0, 3.0, 0.0],
    "pmra": [-801.6, -3781.7, 50.0, 20.0, 0.0],
    "pmdec": [10362.4, 769.5, -60.0, -10.0, 0.0],
    "ref_epoch": [2016.0] * 5,
}


def stars(**columns: Any) -> Any:
    found = stars_of(Table(STARS | columns))
    assert found is not None
    return found


@pytest.mark.parametrize(("seen_from", "distance_from_sun"), [(L2, 1.01), (EARTH, 1.0)])
@pytest.mark.parametrize("epoch", [2000.0, 2016.0, 2022.37, 2030.9])
def test_places_are_those_of_astropy(
    epoch: float, seen_from: Observatory, distance_from_sun: float
) -> None:
    """astropy moves the stars in space and looks at them from there, by vectors in parsecs."""
    time = Time(epoch, format="jyear", scale="tdb")
    earth = get_body_barycentric("earth", time, ephemeris="builtin").xyz.to_value("au")
    sun = get_body_barycentric("sun", time, ephemeris="builtin").xyz.to_value("au")
    observatory = sun + distance_from_sun * (earth - sun)
    np.testing.assert_allclose(barycentric(epoch, seen_from), observatory, atol=1e-7)
    far = np.maximum(STARS["parallax"], 1e-3)
    sky = SkyCoord(
        STARS["RA"] * u.deg,
        STARS["DEC"] * u.deg,
        pm_ra_cosdec=STARS["pmra"] * u.mas / u.yr,
        pm_dec=STARS["pmdec"] * u.mas / u.yr,
        distance=Distance(parallax=far * u.mas),
        radial_velocity=np.zeros(5) * u.km / u.s,
        obstime=Time(2016.0, format="jyear", scale="tdb"),
    )
    moved = sky.apply_space_motion(time).cartesian.xyz.to_value("au").T - observatory
    ra, dec, _ = place(stars(), epoch, seen_from)
    distance = separation_mas(
        direction(ra, dec), moved / np.linalg.norm(moved, axis=1, keepdims=True)
    )
    # erfa's starpm adds the light time's change, some 1e-2 mas for Barnard's star in 16 years
    assert np.max(distance) < 0.1
    assert np.max(distance[2:]) < 1e-3


def test_parallax_alone_is_an_ellipse_of_the_parallax() -> None:
    still = stars(pmra=[0.0] * 5, pmdec=[0.0] * 5, parallax=[100.0] * 5)
    paths = np.array([direction(*place(still, 2022.0 + t)[:2]) for t in np.linspace(0, 1, 25)])
    swing = [separation_mas(paths[k], paths[k + 12]) for k in range(12)]
    # the longest diameter is twice the parallax at 1.01 au, within the orbit's 1.7 per cent
    assert np.max(swing, axis=0) == pytest.approx(2.0 * 101.0, rel=0.02)


def test_errors_are_those_of_sampled_stars() -> None:
    sigma = {"ra_error": 0.3, "dec_error": 0.5, "parallax_error": 0.4}
    sigma |= {"pmra_error": 0.2, "pmdec_error": 0.3}
    table = Table({name: [values[3]] for name, values in STARS.items()})
    for name, value in sigma.items():
        table[name] = [value]
    table["ra_pmra_corr"], table["parallax_pmdec_corr"] = [0.6], [-0.5]
    found = stars_of(table)
    assert found is not None
    rng = np.random.default_rng(7)
    draws = rng.multivariate_normal(np.zeros(5), found.covariance[0], 20000)
    many = Table(
        {
            "RA": table["RA"][0] + draws[:, 0] / 3.6e6,
            "DEC": table["DEC"][0] + draws[:, 1] / 3.6e6,
            "parallax": table["parallax"][0] + draws[:, 2],
            "pmra": table["pmra"][0] + draws[:, 3],
            "pmdec": table["pmdec"][0] + draws[:, 4],
            "ref_epoch": np.full(len(draws), 2016.0),
        }
    )
    sampled = stars_of(many)
    assert sampled is not None
    ra, dec, _ = place(sampled, 2024.3)
    expected = place(found, 2024.3)[2][0]
    offsets = np.stack([(ra - ra[0] + 180) % 360 - 180, dec - dec[0]]) * 3600.0
    # 5 standard deviations of a covariance from 20,000 draws
    np.testing.assert_allclose(np.cov(offsets), expected, atol=0.05 * np.max(expected))


def test_unknown_motions_are_kept_with_their_error() -> None:
    mask = [False, True, False, False, False]
    table = Table(STARS | {"phot_g_mean_mag": [9.5, 20.0, 15.0, 15.0, 15.0]})
    table["ra_error"] = table["dec_error"] = np.full(5, 0.2)
    for name in ("pmra", "pmdec", "parallax"):
        table[name] = MaskedColumn(table[name], mask=mask)
    found = stars_of(table)
    assert found is not None
    ra, dec, covariance = place(found, 2024.0)
    assert (
        separation_mas(direction(ra, dec), direction(*(np.array(STARS[n]) for n in ("RA", "DEC"))))[
            1
        ]
        < 1e-6
    )
    sigma = 1e3 * np.sqrt(covariance[1, 0, 0])
    assert sigma == pytest.approx(8.0 * motion_dispersion(np.array([20.0]))[0], rel=0.02)
    assert 1e3 * np.sqrt(covariance[2, 0, 0]) == pytest.approx(0.2, rel=1e-9)


def test_catalogs_without_motions_or_epoch_are_as_they_are() -> None:
    table = Table({"RA": [1.0], "DEC": [2.0]})
    assert at_epoch(table, 2022.0) is table
    moving = Table({**{n: v[:1] for n, v in STARS.items()}})
    assert at_epoch(moving, None) is moving
    del moving["ref_epoch"]
    assert at_epoch(moving, 2022.0) is moving


def test_units_of_motions_and_epochs() -> None:
    other = Table(STARS)
    for name in ("pmra", "pmdec"):
        other[name] = np.array(STARS[name]) / 1000.0
        other[name].unit = "arcsec / yr"
    other["ref_epoch"] = Time(STARS["ref_epoch"], format="jyear", scale="tdb")
    found = stars_of(other)
    assert found is not None
    for got, expected in zip(place(found, 2022.0)[:2], place(stars(), 2022.0)[:2], strict=True):
        np.testing.assert_allclose(got, expected, atol=1e-12)


def test_moved_and_back_is_the_same_to_the_bit() -> None:
    table = Table(STARS)
    moved = at_epoch(table, 2023.4)
    assert moved.meta["epoch"] == 2023.4
    assert moved["RA"][0] != table["RA"][0]
    back = as_published(moved)
    assert back.colnames == table.colnames
    for name in table.colnames:
        np.testing.assert_array_equal(back[name], table[name])


def test_fits_without_weights_take_known_motions_alone() -> None:
    table = Table(STARS)
    table["pmra"] = MaskedColumn(table["pmra"], mask=[False, True, False, False, False])
    assert with_known_motion(table) is table
    known = with_known_motion(at_epoch(table, 2023.4))
    assert known["catalog_RA"].tolist() == [STARS["RA"][k] for k in (0, 2, 3, 4)]


def ngc188() -> tuple[Table, SkyCoord, np.ndarray]:
    folder = REAL_DATA / "gaia_ngc188"
    gaia, tmass = (
        Table.read(folder / "gaia_results.fits"),
        Table.read(folder / "2MASS_results.ecsv"),
    )
    gaia.rename_columns(["ra", "dec"], ["RA", "DEC"])
    gaia["ref_epoch"] = 2015.5
    good = np.array([str(flag)[0] == "A" for flag in tmass["Qflg"]])
    sky = SkyCoord(tmass["RAJ2000"][good], tmass["DEJ2000"][good], unit="deg")
    return gaia, sky, Time([str(d) for d in tmass["Date"][good]]).jyear


@pytest.mark.skipif(not REAL_DATA.is_dir(), reason="../shared/data is absent")
def test_real_proper_motions_bring_gaia_to_2mass() -> None:
    """Gaia DR2 of 2015.5 against 2MASS of 1999: what remains must be 2MASS's own error."""
    gaia, tmass, dates = ngc188()
    epoch = float(np.median(dates))
    moved = at_epoch(gaia, epoch)
    before, after = (SkyCoord(t["RA"], t["DEC"], unit="deg") for t in (gaia, moved))
    index, apart, _ = tmass.match_to_catalog_sky(after)
    near = np.asarray(apart.arcsec) < 1.0
    index, tmass = index[near], tmass[near]
    motion = np.hypot(gaia["pmra"], gaia["pmdec"])[index]
    fast = np.asarray(np.ma.filled(motion > 20.0, fill_value=False))
    assert np.count_nonzero(fast) > 100
    rms = {
        name: float(np.sqrt(np.mean(sky[index][fast].separation(tmass[fast]).mas ** 2)))
        for name, sky in (("before", before), ("after", after))
    }
    travelled = float(np.sqrt(np.mean((motion[fast] * (2015.5 - epoch)) ** 2)))
    # 2MASS is good to 70 to 100 mas per axis
    assert rms["after"] < 200.0
    assert rms["before"] == pytest.approx(np.hypot(rms["after"], travelled), rel=0.05)
    assert rms["before"] > 2.0 * rms["after"]
