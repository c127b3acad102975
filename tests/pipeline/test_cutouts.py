"""The images around stars, as they are cut for the page."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from made_results import changed, make_result

from tweakreg_step.exposures import Member
from tweakreg_step.pipeline.cutouts import with_cutouts
from tweakreg_step.report import RunResult
from tweakreg_step.report.page.cutouts import stamps_of
from tweakreg_step.report.statistics import chosen_stars

SIDE = 2065


@dataclass
class _Library:
    """Exposures whose pixels are their column number, of which one can't be opened."""

    broken: int = -1
    opened: int = 0

    def __enter__(self) -> _Library:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def borrow(self, index: int) -> int:
        if index == self.broken:
            raise OSError("its disk is gone")
        self.opened += 1
        return index

    def shelve(self, model: int, index: int, *, modify: bool) -> None:
        assert not modify
        assert model == index
        self.opened -= 1


def _telescope() -> Any:
    row = np.linspace(0.0, 100.0, SIDE)
    data = np.broadcast_to(row, (SIDE, SIDE))
    image = SimpleNamespace(pixels=lambda: SimpleNamespace(data=data))
    return SimpleNamespace(images=lambda _: [image])


@pytest.fixture(scope="module")
def run() -> RunResult:
    result = make_result("stack", 3)
    rng = np.random.default_rng(0)
    detections = result.catalogs.detections
    return changed(result, detections=replace(detections, flux=rng.uniform(1, 9, len(detections))))


MEMBERS = [Member(f"{i}.fits", _telescope(), i, (i,)) for i in range(3)]


def test_the_worst_and_the_brightest_are_chosen_once_each(run: RunResult) -> None:
    worst, brightest = chosen_stars(run)
    found = run.solution.detections
    assert len(worst) == len(brightest) == 10
    size = np.hypot(*found.residual.T)
    assert size[worst[0]] == np.nanmax(np.where(found.source >= 0, size, np.nan))
    assert len(set(found.source[worst].tolist())) == 10
    assert run.catalogs.detections.flux[brightest[0]] == run.catalogs.detections.flux.max()


def test_cutouts_are_where_the_stars_are(run: RunResult) -> None:
    library = _Library()
    found = with_cutouts(run, library, MEMBERS)
    assert library.opened == 0
    assert len(found.cutouts) >= 10
    for one in found.cutouts:
        assert abs(one.column + 20 - run.catalogs.x[one.detection]) <= 0.5
        assert abs(one.row + 20 - run.catalogs.y[one.detection]) <= 0.5
        inside = one.pixels[:, np.arange(41) + one.column >= 0]
        assert (inside.max(axis=0) > 0).all()
        # to the right it is brighter, as in the image
        assert (np.diff(inside[20].astype(int)) >= 0).all()


def test_beyond_the_image_there_is_nothing(run: RunResult) -> None:
    x = np.full(len(run.catalogs.x), 3.0)
    found = with_cutouts(changed(run, x=x), _Library(), MEMBERS)
    one = found.cutouts[0]
    assert one.column == -17
    assert (one.pixels[:, :17] == 0).all()


def test_a_file_that_is_gone_costs_its_cutouts_alone(
    run: RunResult, caplog: pytest.LogCaptureFixture
) -> None:
    found = with_cutouts(run, _Library(broken=1), MEMBERS)
    images = run.catalogs.detections.image[[one.detection for one in found.cutouts]]
    assert set(images.tolist()) == {0, 2}
    assert "No cut-outs of 1.fits: its disk is gone" in caplog.text


def test_the_page_circles_the_star_in_the_middle(run: RunResult) -> None:
    (title, worst), (_, brightest) = stamps_of(with_cutouts(run, _Library(), MEMBERS))
    assert title == "The largest residuals"
    assert len(worst) == len(brightest) == 10
    x, y, kind = worst[0].circles[0]
    assert x == pytest.approx(20.5, abs=0.6)
    assert y == pytest.approx(20.5, abs=0.6)
    assert kind in {"used", "rejected"}
    assert "mas" in worst[0].caption
    assert "mag" in brightest[0].caption
