"""Images -> few circles: everything is covered, little besides, whatever the order."""

from __future__ import annotations

import numpy as np
import pytest

from tweakreg_step.catalogs.reference.footprint import Circle, angles, circles, directions, inside

HALF = 0.018  # deg: half a side of a NIRCam long-wavelength detector


def square(ra: float, dec: float, half: float = HALF) -> np.ndarray:
    """The corners of an image, RA and DEC [deg], also at a pole."""
    x = np.radians(half) * np.array([-1.0, 1.0, 1.0, -1.0])
    y = np.radians(half) * np.array([-1.0, -1.0, 1.0, 1.0])
    a, d = np.radians(ra), np.radians(dec)
    east = np.array([-np.sin(a), np.cos(a), 0.0])
    north = np.array([-np.sin(d) * np.cos(a), -np.sin(d) * np.sin(a), np.cos(d)])
    u = directions(np.array(ra), np.array(dec)) + x[:, None] * east + y[:, None] * north
    lon, lat = np.arctan2(u[:, 1], u[:, 0]), np.arctan2(u[:, 2], np.hypot(u[:, 0], u[:, 1]))
    return np.degrees(np.stack([lon % (2 * np.pi), lat], axis=1))


@pytest.mark.parametrize(("ra", "dec"), [(150.0, 2.0), (0.0, 0.0), (80.0, 89.99), (3.0, -90.0)])
def test_one_image(ra: float, dec: float) -> None:
    margin = 9.0 / 3600.0
    (circle,) = circles([square(ra, dec)], margin)
    assert angles(circle.centre, directions(np.array([ra]), np.array([dec])))[0] < 1e-5
    # the circle of a square, the margin, and what is rounded up
    assert HALF * np.sqrt(2.0) + margin <= circle.radius < HALF * np.sqrt(2.0) + margin + 2e-4


def test_two_visits_one_degree_apart_are_two_small_circles() -> None:
    images = [square(ra, 0.0) for ra in (359.5, 359.501, 0.5, 0.502)]
    found = circles(images, 0.0025)
    assert len(found) == 2
    assert max(circle.radius for circle in found) < 0.03


def test_dithers_and_mosaics_are_one_circle() -> None:
    dithers = [square(10.0 + 0.001 * k, 60.0) for k in range(36)]
    assert len(circles(dithers, 0.0025)) == 1
    mosaic = [square(10.0 + 0.03 * i, 0.03 * j) for i in range(4) for j in range(4)]
    assert len(circles(mosaic, 0.0025)) == 1


def test_a_long_strip_is_neither_one_circle_nor_one_for_each_image() -> None:
    strip = [square(10.0 + 0.03 * k, 0.0) for k in range(60)]
    found = circles(strip, 0.0025)
    assert 3 < len(found) < 30
    # one circle around all would have the area of 0.9 deg squared
    assert sum(circle.radius**2 for circle in found) < 0.3 * 0.9**2


def test_every_image_is_covered_and_the_order_does_not_matter() -> None:
    rng = np.random.default_rng(4)
    ra, dec = rng.uniform(0.0, 1.0, 100) - 0.5, rng.uniform(-0.5, 0.5, 100)
    images = [square(a % 360.0, d) for a, d in zip(ra, dec, strict=True)]
    found = circles(images, 0.0)
    every = np.concatenate(images)
    assert inside(every[:, 0], every[:, 1], found).all()
    assert circles([images[i] for i in rng.permutation(100)], 0.0) == found


def test_images_without_a_footprint() -> None:
    assert circles([np.full((4, 2), np.nan), np.empty((0, 2))], 0.1) == []
    assert len(circles([np.full((4, 2), np.nan), square(1.0, 2.0)], 0.1)) == 1


def test_a_circle_in_a_circle() -> None:
    assert Circle(0.0, 0.0, 0.2).holds(Circle(359.9, 0.0, 0.09))
    assert not Circle(0.0, 0.0, 0.2).holds(Circle(359.9, 0.0, 0.11))
