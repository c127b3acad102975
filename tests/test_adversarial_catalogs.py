"""Catalogs of any content: none takes much longer than an honest one, none ends raw.

They are of 1000 sources, and with ``make fuzz``, which sets FUZZ, of 20,000.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from astropy.table import Table
from tweakwcs.correctors import JWSTWCSCorrector

from tweakreg_step import relative_align
from tweakreg_step.core import memory
from tweakreg_step.core.exceptions import AlignmentError, TooLargeError
from tweakreg_step.core.sources import Sources
from tweakreg_step.pipeline.detections import usable
from tweakreg_step.simulate import Pointing, detector_wcs, nircam, pointing_at

COUNT = 20_000 if "FUZZ" in os.environ else 1000
RNG = np.random.default_rng(17)
HONEST = RNG.uniform(0.0, 2048.0, (2, COUNT))


def half(value: float, add: bool = False) -> np.ndarray:
    result = HONEST.copy()
    result[:, ::2] = result[:, ::2] + value if add else value
    return result


def around(place: np.ndarray, each: int, spread: float) -> np.ndarray:
    return np.repeat(place, each, axis=1) + RNG.normal(0.0, spread, (2, each * place.shape[1]))


EVEN = np.linspace(0.0, 2047.0, COUNT)
SIDE = np.linspace(0.0, 2047.0, int(COUNT**0.5))
GRID = np.stack(np.meshgrid(SIDE, SIDE)).reshape(2, -1)
TURNS = 1024.0 + 1000.0 * np.stack([np.cos(0.06 * EVEN), np.sin(0.06 * EVEN)])
CATALOGS = {
    "half 1e5 pixels off": half(1e5, add=True),
    "half -1e5 pixels off": half(-1e5, add=True),
    "half 1e7 pixels off": half(1e7, add=True),
    "half at 1e300": half(1e300),
    "half infinite": half(np.inf),
    "half unknown": half(np.nan),
    "all off": HONEST + 1e5,
    "over a hundred images": RNG.uniform(-1e5, 1e5, (2, COUNT)),
    "over the next images": RNG.uniform(-2048.0, 4096.0, (2, COUNT)),
    "in one point": np.full((2, COUNT), 1000.0),
    "almost in one point": np.full((2, COUNT), 1000.0) + RNG.normal(0.0, 1e-6, (2, COUNT)),
    "in a clump of a pixel": around(HONEST[:, :1], COUNT, 1.0),
    "60 clumps of 6": around(HONEST[:, :60], 6, 3.0),
    "60 points of 6": np.repeat(HONEST[:, :60], 6, axis=1),
    "300 clumps of 6": around(HONEST[:, :300], 6, 0.5),
    "a dense cluster": around(HONEST[:, :1], COUNT, 20.0),
    "half in a dense cluster": np.concatenate(
        [HONEST[:, ::2], around(HONEST[:, :1], COUNT // 2, 5.0)], axis=1
    ),
    "two clumps": around(HONEST[:, :2], COUNT // 2, 2.0),
    "on a line": np.stack([EVEN, np.full(COUNT, 1000.0)]),
    "half on a line": np.concatenate(
        [HONEST[:, ::2], np.stack([EVEN, np.full(COUNT, 1000.0)])[:, ::2]], axis=1
    ),
    "on two lines": np.stack([EVEN, np.tile([500.0, 600.0], COUNT // 2)]),
    "on a diagonal": np.stack([EVEN, EVEN]),
    "on a circle": TURNS,
    "on two points": np.repeat(HONEST[:, :2], COUNT // 2, axis=1),
    "on a grid": GRID,
    "on a grid, nearly": GRID + RNG.normal(0.0, 0.2, GRID.shape),
    "half on a grid": np.concatenate([HONEST[:, ::2], GRID[:, ::2]], axis=1),
    "in a corner": HONEST / 8.0,
    "none": np.empty((2, 0)),
    "one": HONEST[:, :1],
}


def corrector(positions: np.ndarray, name: str, east: float, box: bool = True) -> Any:
    detector, pointing = nircam("NRCALONG"), Pointing(0.01 + east / 3600.0, 30.0, 50.0)
    roll = pointing_at(pointing, detector.v2_ref, detector.v3_ref).roll
    wcs = detector_wcs(detector, pointing, 0.99995)
    if not box:
        wcs.bounding_box = None
    table = Table({"x": positions[0], "y": positions[1]})
    angles = {"v2_ref": detector.v2_ref, "v3_ref": detector.v3_ref, "roll_ref": roll}
    return JWSTWCSCorrector(wcs, angles, meta={"catalog": table, "name": name, "group_id": name})


def pair(positions: np.ndarray, *, box: bool = True) -> list[Any]:
    noisy = positions + RNG.normal(0.0, 0.05, positions.shape)
    return [corrector(positions, "a", 0.0, box), corrector(noisy, "b", 0.3, box)]


@pytest.fixture(scope="module")
def honest_seconds() -> float:
    relative_align(pair(HONEST[:, :100]))  # what is loaded and made once
    start = time.process_time()
    relative_align(pair(HONEST))
    return time.process_time() - start


@pytest.mark.parametrize(
    ("kind", "box"),
    [(kind, True) for kind in CATALOGS]
    + [(kind, False) for kind in ("half 1e7 pixels off", "half at 1e300", "all off")],
)
def test_no_catalog_takes_ten_times_as_long(kind: str, box: bool, honest_seconds: float) -> None:
    start = time.process_time()
    with suppress(AlignmentError):
        relative_align(pair(CATALOGS[kind], box=box))
    assert time.process_time() - start < 10.0 * honest_seconds + 1.0  # s


def test_what_is_far_off_or_repeated_is_said(caplog: pytest.LogCaptureFixture) -> None:
    positions = np.concatenate([HONEST, HONEST[:, :5], np.full((2, 7), 1e5)], axis=1)
    relative_align(pair(positions))
    said = f"a: 12 of {COUNT + 12} sources are not used: 7 are farther off the image"
    assert said in caplog.text
    assert "than its size, 5 repeat the position of another" in caplog.text


def test_sources_near_the_image_stay() -> None:
    x = np.array([-2000.0, -2100.0, 4000.0, 4200.0])

    def kept(box: Any) -> list[float]:
        plane = SimpleNamespace(bounding_box=box)
        return list(usable(SimpleNamespace(sources=Sources.at(x, 0.0 * x + 5.0), plane=plane)).x)

    assert kept(((-0.5, 2047.5), (-0.5, 2047.5))) == [-2000.0, 4000.0]
    assert kept(None) == x.tolist()
    assert kept(((-np.inf, np.inf), (0.0, np.nan))) == x.tolist()


def test_half_a_million_sources_are_refused_before_the_memory_is_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(memory, "free_memory", lambda: 0.5e9)
    many = RNG.uniform(0.0, 2048.0, (2, 500_000))
    start = time.process_time()
    with pytest.raises(TooLargeError, match=r"have 1000000 sources: 1\.0 GB .*'brightest'"):
        relative_align(pair(many))
    assert time.process_time() - start < 10.0


def test_pairs_that_do_not_fit_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "free_memory", lambda: 0.26e9)
    crowded = RNG.uniform(0.0, 2048.0, (2, 30_000))
    with pytest.raises(TooLargeError, match=r"have \d+ pairs within the search.*'searchrad'"):
        relative_align(pair(crowded), searchrad=10.0)


def test_memory_that_ends_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(*_: Any, **__: Any) -> None:
        raise MemoryError

    monkeypatch.setattr("tweakreg_step.functions.align_jointly", exhausted)
    with pytest.raises(TooLargeError, match=r"not enough memory to align .*in_memory=False"):
        relative_align(pair(HONEST[:, :100]))
