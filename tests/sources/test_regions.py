"""Regions of DS9: all shapes against their equations, the order rule, bad files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import REAL_DATA
from numpy.typing import NDArray

from tweakreg_step.core.exceptions import InputError
from tweakreg_step.simulate import Pointing, detector_wcs, nircam
from tweakreg_step.simulate.directions import direction, separation_mas
from tweakreg_step.sources.regions import read_exclusions

CENTRE = (1023.5, 1023.5)
RANDOM = np.random.default_rng(11)
X, Y = RANDOM.uniform(0.0, 2047.0, (2, 20_000))


def allowed(folder: Path, text: str, wcs: Any = None, x: Any = X, y: Any = Y) -> NDArray[np.bool_]:
    path = folder / "a.reg"
    path.write_text(text)
    to_sky = None if wcs is None else wcs.forward_transform
    return read_exclusions(path).allowed(np.asarray(x), np.asarray(y), to_sky, CENTRE)


def turned(angle: float, x0: float = 999.0, y0: float = 799.0) -> NDArray[np.float64]:
    """Coordinates (2, N) along axes that are turned about the pixel 1000, 800 of DS9."""
    c, s = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    return np.array([c * (X - x0) + s * (Y - y0), -s * (X - x0) + c * (Y - y0)])


def radius(a: float = 1.0, b: float = 1.0, angle: float = 0.0) -> NDArray[np.float64]:
    u, v = turned(angle)
    return np.hypot(u / a, v / b)


def in_box(width: float, height: float, angle: float) -> NDArray[np.bool_]:
    u, v = turned(angle)
    return (np.abs(u) < width / 2) & (np.abs(v) < height / 2)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ("circle(1000,800,300)", radius() < 300),
        ("ellipse(1000,800,300,100,30)", radius(300, 100, 30) < 1),
        ("box(1000,800,300,100,30)", in_box(300, 100, 30)),
        ("annulus(1000,800,100,300)", (radius() > 100) & (radius() < 300)),
        (
            "annulus(1000,800,100,200,300,400)",
            (radius() > 100) & (radius() < 400),
        ),
        (
            "ellipse(1000,800,150,50,300,100,30)",
            (radius(150, 50, 30) > 1) & (radius(300, 100, 30) < 1),
        ),
        ("box(1000,800,150,50,300,100,30)", in_box(300, 100, 30) & ~in_box(150, 50, 30)),
        ("polygon(901,701,1101,701,1101,901,901,901)", None),
    ],
)
def test_shapes_in_image_coordinates(tmp_path: Path, shape: str, expected: Any) -> None:
    """DS9 counts pixels from 1: its pixel 1000 is our 999."""
    if expected is None:
        expected = (X > 900) & (X < 1100) & (Y > 700) & (Y < 900)
    assert 50 < expected.sum() < len(X) - 50
    assert np.array_equal(allowed(tmp_path, f"image\n{shape}\n"), expected)
    assert np.array_equal(allowed(tmp_path, f"image\n-{shape} # color=red\n"), ~expected)


def test_ds9_counts_from_one(tmp_path: Path) -> None:
    x = np.array([8.9, 9.0, 9.1])
    assert allowed(tmp_path, "image\ncircle(10,10,0.05)", x=x, y=[9.0] * 3).tolist() == [
        False, True, False,
    ]  # fmt: skip
    assert allowed(tmp_path, "10 10 0.05", x=x, y=[9.0] * 3).tolist() == [True, False, True]


@pytest.mark.parametrize("dec", [20.0, 89.99])
@pytest.mark.parametrize("frame", ["icrs", "fk5", "galactic"])
def test_circles_on_the_sky(tmp_path: Path, dec: float, frame: str) -> None:
    from astropy.coordinates import SkyCoord

    wcs = detector_wcs(nircam("NRCALONG"), Pointing(0.01, dec, 50.0), 0.9999)
    centre = SkyCoord(*wcs.forward_transform(-100.0, 900.0), unit="deg")  # off the image
    named = centre.transform_to(frame).spherical
    text = f'{frame}\ncircle({named.lon.deg:.10f},{named.lat.deg:.10f},20.5")'
    distance = separation_mas(
        direction(*wcs.forward_transform(X, Y)), direction(centre.ra.deg, centre.dec.deg)
    )
    # the plane stretches 1 arcmin from its centre by 4e-8: 1 microarcsec
    clear = np.abs(distance - 20_500.0) > 1.0
    expected = distance < 20_500.0
    assert 50 < expected.sum() < len(X) - 50
    assert np.array_equal(allowed(tmp_path, text, wcs)[clear], expected[clear])


def test_other_shapes_on_the_sky(tmp_path: Path) -> None:
    """Angles run from west over north, as DS9 draws them with north up."""
    wcs = detector_wcs(nircam("NRCALONG"), Pointing(30.0, 20.0, 50.0), 0.9999)
    ra0, dec0 = (float(v) for v in wcs.forward_transform(1000.0, 900.0))
    ra, dec = wcs.forward_transform(X, Y)
    west = -(ra - ra0) * np.cos(np.deg2rad(dec0)) * 3600.0
    north = (dec - dec0) * 3600.0
    c, s = np.cos(np.deg2rad(30.0)), np.sin(np.deg2rad(30.0))
    u, v = c * west + s * north, -s * west + c * north
    # a plane without curvature: right to 1e-3 of 20 arcsec over this image
    for shape, measure in (
        ('ellipse({},{},20",8",30)', np.hypot(u / 20.0, v / 8.0)),
        ('box({},{},40",16",30)', np.maximum(np.abs(u) / 20.0, np.abs(v) / 8.0)),
    ):
        found = allowed(tmp_path, "fk5;" + shape.format(ra0, dec0), wcs)
        clear = np.abs(measure - 1.0) > 5e-3
        assert np.array_equal(found[clear], measure[clear] < 1.0)


def test_regions_on_the_other_side_of_the_sky(tmp_path: Path) -> None:
    wcs = detector_wcs(nircam("NRCALONG"), Pointing(30.0, 20.0, 50.0))
    assert not allowed(tmp_path, 'icrs\ncircle(210,-20,100")\n', wcs).any()
    assert allowed(tmp_path, "icrs\n-polygon(209,-20,211,-20,211,-21)\n", wcs).all()


def test_the_order_of_include_and_exclude(tmp_path: Path) -> None:
    big, small = "circle(1000,800,300)", "circle(1000,800,100)"
    ring = (radius() < 300) & ~(radius() < 100)
    assert np.array_equal(allowed(tmp_path, f"image\n{big}\n-{small}"), ring)
    assert np.array_equal(allowed(tmp_path, f"image\n-{small}\n{big}"), radius() < 300)
    assert np.array_equal(allowed(tmp_path, f"image\n-{small}"), ~(radius() < 100))
    assert np.array_equal(allowed(tmp_path, f"image\n{small} # include=0"), ~(radius() < 100))


@pytest.mark.parametrize(
    "text",
    [
        "circle(1000,800,100)",
        "physical\ncircle(1000,800,100)",
        "IMAGE; Circle( 1000 , 800 , 100 ) # text={a; b} color=#ff0",
        "image\n+circle 1000 800 100",
        "image\ncircle(1000,800,100) ||\n# text(1,2) text={x}\nline(1,1,5,5)\npoint(3,3) # point=x",
        "global include=1 color=blue\nimage\ncircle(1000,800,100)\nruler(1,1,2,2)\n",
    ],
)
def test_ways_to_write_a_circle(tmp_path: Path, text: str) -> None:
    assert np.array_equal(allowed(tmp_path, text), radius() < 100)


@pytest.mark.parametrize("text", ["1000 800 100", "1000, 800, 100", "# x y r\nimage\n1e3 800. 100"])
def test_three_numbers_are_a_circle_to_leave_out(tmp_path: Path, text: str) -> None:
    assert np.array_equal(allowed(tmp_path, text), ~(radius() < 100))


def test_three_numbers_on_the_sky_have_a_radius_in_arcsec(tmp_path: Path) -> None:
    wcs = detector_wcs(nircam("NRCALONG"), Pointing(30.0, 20.0, 50.0))
    ra, dec = (float(v) for v in wcs.forward_transform(999.0, 799.0))
    same = allowed(tmp_path, f'fk5\n-circle({ra},{dec},5")', wcs)
    assert np.array_equal(allowed(tmp_path, f"fk5\n{ra} {dec} 5", wcs), same)
    assert 50 < (~same).sum() < 5000


def test_a_file_without_regions_allows_all(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert allowed(tmp_path, "# nothing\n").all()
    assert "has no regions, so it leaves nothing out" in caplog.text
    assert len(allowed(tmp_path, "image\ncircle(1,1,5)", x=[], y=[])) == 0


@pytest.mark.parametrize(
    ("region", "expected"),
    [
        ("image\n-circle(1000,1000,2)", True),
        ("image\n-circle(-30,1000,20)", False),
        ("image\n-circle(-30,1000,40)", True),
        ("image\n-circle(5000,5,20)\n-box(1000,1000,5,5,0)", True),
        ("image\npolygon(3000,1,3100,1,3100,50)", False),
        ('icrs\n-circle({ra},{dec},5")', True),
        ('icrs\n-circle({ra},{north},5")', False),
        ('icrs\n-circle(210.0,-20.0,5")', False),
        ("icrs\n-polygon(29,19,31,19,31,21,29,21)", True),  # around it
        ('icrs\n-annulus({ra},{north},5",10")', False),
    ],
)
def test_whether_regions_lie_on_the_image(tmp_path: Path, region: str, expected: bool) -> None:
    wcs = detector_wcs(nircam("NRCALONG"), Pointing(30.0, 20.0, 50.0))
    ra, dec = wcs.forward_transform(1000.0, 1000.0)
    (tmp_path / "a.reg").write_text(region.format(ra=ra, dec=dec, north=dec + 0.05))
    regions = read_exclusions(tmp_path / "a.reg")
    box = ((-0.5, 2047.5), (-0.5, 2047.5))
    assert regions.touches(box, wcs.forward_transform) is expected


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("panda(100,100,0,90,1,10,20,1)", r"Line 2 .* no region that is supported.*by a polygon"),
        ("blob(100,100,5)", "no region that is supported"),
        ("wcs; circle(100,100,5)", "'wcs', which is no region"),
        ("1 2 3 4", "no region that is supported"),
        ("circle(100,100)", r"Line 2 .*'circle \(100,100\)', can't be read"),
        ('circle(100,100,5")', "can't be read"),
        ("circle(100,hundred,5)", "can't be read"),
        ("circle(100,100,-5)", "can't be read"),
        ("polygon(1,2,3,4,5)", "can't be read"),
    ],
)
def test_lines_that_are_no_region(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        allowed(tmp_path, f"image\n{line}\n")


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00\x81"])
def test_files_that_cannot_be_read(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "a.reg").write_bytes(content)
    with pytest.raises(InputError, match=r"region file '.*a\.reg' can't be read.*'exclusions'"):
        read_exclusions(tmp_path / "a.reg")


@pytest.mark.skipif(not REAL_DATA.is_dir(), reason="the real data are not here")
def test_real_region_files() -> None:
    """Four files written by DS9: the same shapes, included and excluded in different order."""
    x, y = RANDOM.uniform(0, 1, (2, 20_000)) * [[600.0], [800.0]] + [[3300.0], [200.0]]
    circle = np.hypot(x - 3612, y - 395) < 75
    ellipse = np.hypot((x - 3511) / 26, (y - 808) / 67) < 1
    box = (np.abs(x - 3540) < 56.5) & (np.abs(y - 392) < 48)
    vertices = np.array(
        [3702, 845, 3819, 890, 3804, 797, 3734, 720, 3671, 745, 3592, 735, 3602, 770, 3660, 782]
    ).reshape(-1, 2)
    polygon = inside_polygon(x, y, vertices - 1.0)
    union = polygon | ellipse | circle
    expected = {
        "exclude": ~(union | box),
        "include": union | box,
        "include_no_box": union & ~box,
        "include_no_box_first": union,
    }
    folder = REAL_DATA / "ds9_regions"
    assert len(list(folder.glob("*.reg"))) == len(expected)
    for name, answer in expected.items():
        exclusions = read_exclusions(folder / f"jcdua3f4q_sci1_{name}.reg")
        assert len(exclusions.regions) == 4
        assert np.array_equal(exclusions.allowed(x, y, None, CENTRE), answer), name  # type: ignore[arg-type] # no region on the sky


def inside_polygon(
    x: NDArray[np.float64], y: NDArray[np.float64], vertices: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """By the number of edges that a ray to the right crosses."""
    crossings = np.zeros(len(x), int)
    for (x1, y1), (x2, y2) in zip(vertices, np.roll(vertices, -1, axis=0), strict=True):
        if y1 != y2:
            at = x1 + (y - y1) * (x2 - x1) / (y2 - y1)
            crossings += ((y1 > y) != (y2 > y)) & (x < at)
    return crossings % 2 == 1
