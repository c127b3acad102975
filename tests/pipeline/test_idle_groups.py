"""Groups that take no part are named to those that have only them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from astropy.table import Table
from scenes import make_correctors, make_scene

from tweakreg_step import relative_align
from tweakreg_step.core.exceptions import NoMatchError, NotConnectedError
from tweakreg_step.core.images import Groups
from tweakreg_step.core.outcome import Code, Verdict
from tweakreg_step.pipeline.correctors import images_of
from tweakreg_step.pipeline.idle_groups import with_idle_groups

SIDE = 100.0 / 3600.0  # degrees


class Image:
    """A square image of 100 arcsec in a plane world around RA 10, Dec 0."""

    def __init__(self, name: str, east: float, refused: Verdict | None = None) -> None:
        self.meta = {"group_id": name, "catalog": Table({"x": [], "y": []})}
        self.refused = refused
        self.bounding_box = ((0.0, 1.0), (0.0, 1.0))
        self.wcs = None  # of another mission, without a transform of its own
        self.det_to_world = lambda x, y: (10.0 + east + SIDE * x, SIDE * y)


def groups_of(images: list[Image]) -> Groups:
    refused = [image.refused for image in images]
    given = zip(images_of(images), refused, strict=True)
    return Groups.of([replace(image, refused=verdict) for image, verdict in given])


def left(code: str) -> Verdict:
    return Verdict(Code(code), "Something else.")


ALIGNED = Verdict(Code.ALIGNED, "Aligned.")
MIXED = left("mixed_group")


@pytest.mark.parametrize("code", ["no_match", "not_connected", "too_few_matches"])
def test_only_those_that_take_no_part_are_near(code: str) -> None:
    images = [
        Image("alone", 0.0),
        Image("mixed", 0.5 * SIDE, refused=MIXED),
        Image("small", -0.9 * SIDE),
        Image("far", 40.0, refused=MIXED),
        Image("beside", 0.5 * SIDE + 1.03 * SIDE),
    ]
    given = [left(code), left(code), left("too_few_sources"), left(code), ALIGNED]
    told = with_idle_groups(given, groups_of(images), 2.0)
    assert told[0].code == "not_connected"
    assert "mixed (mixed_group), small (too_few_sources), but one is needed" in told[0].reason
    assert list(told[1:]) == given[1:]


def test_others_are_near_as_well() -> None:
    images = [Image("a", 0.0), Image("mixed", 0.0, refused=MIXED), Image("b", 1.01 * SIDE)]
    verdicts = [left("no_match"), left("not_connected"), ALIGNED]
    told = with_idle_groups(verdicts, groups_of(images), 2.0)
    assert told[0].code == "no_match"
    assert told[0].reason == (
        "Something else. It also overlaps groups that take no part: mixed (mixed_group)."
    )
    # a gap of one arcsec is none for pointings that are off by two, and one for those within 0.1
    assert with_idle_groups(verdicts, groups_of(images), 0.1)[0].code == "not_connected"


def test_other_reasons_stay() -> None:
    images = [Image("a", 0.0), Image("mixed", 0.0, refused=MIXED)]
    for verdict in (ALIGNED, left("ambiguous"), left("too_few_sources")):
        assert with_idle_groups([verdict, MIXED], groups_of(images), 2.0)[0] is verdict
    alone = groups_of(images[:1])
    assert with_idle_groups([left("no_match")], alone, 2.0)[0].reason == "Something else."


@pytest.mark.parametrize("method", ["global", "sequential"])
def test_a_pair_of_which_one_has_too_few_sources(method: str) -> None:
    correctors = make_correctors(make_scene("4 dithers", seed=5))[:2]
    correctors[1].meta["catalog"] = correctors[1].meta["catalog"][:9]
    before = np.array(correctors[0].wcs.forward_transform(5.0, 9.0))
    if method == "sequential":
        with pytest.raises(NoMatchError, match="15 of 'minobj' within 2 arcsec"):
            relative_align(correctors, align_method=method)
        return
    with pytest.raises(NotConnectedError, match=r"take no part, jw00001001001_02101_2 \(too_few_s"):
        relative_align(correctors)
    assert np.array_equal(before, correctors[0].wcs.forward_transform(5.0, 9.0))
