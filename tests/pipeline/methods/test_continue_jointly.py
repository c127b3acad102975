"""relative_align and then absolute_align are one solution, unless somebody interferes."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from astropy.table import Table
from scenes import Scene, make_correctors, make_judge, make_scene
from tweakwcs.correctors import JWSTWCSCorrector

from tweakreg_step import absolute_align, relative_align
from tweakreg_step.core.exceptions import AlignmentError
from tweakreg_step.core.images import Groups
from tweakreg_step.parameters import (
    AbsoluteParameters,
    MethodParameters,
    ReferenceParameters,
    RelativeParameters,
)
from tweakreg_step.pipeline.correctors import images_of
from tweakreg_step.pipeline.detections import gather
from tweakreg_step.pipeline.input_checks import fixed_group
from tweakreg_step.pipeline.methods.align_jointly import align_jointly
from tweakreg_step.pipeline.methods.continue_jointly import _options
from tweakreg_step.pipeline.methods.kept_start import Asked
from tweakreg_step.pipeline.reference_stars import load_reference, reference_of
from tweakreg_step.pipeline.settings.solver_options import options_of

TIGHT = 2e-4  # mas: 1e-3 of the errors of these scenes
MINOBJ = RelativeParameters().minobj


@cache
def all_four() -> Scene:
    return make_scene("4 dithers", seed=31, stars=250)


@cache
def scene() -> Scene:
    """Three of them: what is told of a third image is true of a fourth."""
    four = all_four()
    return replace(four, images=four.images[:3], catalogs=four.catalogs[:3])


@cache
def two_images() -> Scene:
    """Two of them, for what is told of one parameter or change."""
    return replace(scene(), images=scene().images[:2], catalogs=scene().catalogs[:2])


@cache
def at_once(minobj: int = MINOBJ) -> list[Any]:
    """All three images in one solution, to which many ways lead; nobody may change it."""
    return step_like(make_correctors(scene()), scene().reference, minobj=minobj)


def sky(correctors: list[Any]) -> np.ndarray:
    x, y = np.array([0.0, 2047.0, 0.0]), np.array([5.0, 99.0, 2040.0])
    return np.array([corrector.wcs.forward_transform(x, y) for corrector in correctors])


def apart(one: list[Any], other: list[Any]) -> float:
    """Largest difference of two sets of WCS [mas], large scale."""
    return float(np.max(np.abs(sky(one) - sky(other)))) * 3.6e6


def step_like(correctors: list[Any], stars: Table, **options: Any) -> list[Any]:
    """The joint solution as a run of the step makes it, parameters by their names."""
    kinds = (RelativeParameters, AbsoluteParameters, MethodParameters)
    relative, absolute, method = (
        kind(**{k: v for k, v in options.items() if k in kind.__slots__}) for kind in kinds
    )
    groups = Groups.of(images_of(correctors))
    fixed = fixed_group(groups, method.refimage)
    table = load_reference(stars, groups.images, ReferenceParameters(), absolute.abs_searchrad)
    wanted = options_of(groups, relative, absolute, method, fixed)
    align_jointly(groups, gather(groups), reference_of(table), wanted, "")
    return correctors


def two_calls(correctors: list[Any], stars: Table, **options: Any) -> list[Any]:
    """Each function gets the parameters that are its own."""
    shared = {k: options[k] for k in ("detector_motion",) if k in options}
    second = {k: v for k, v in options.items() if k.startswith("abs_")}
    first = {k: v for k, v in options.items() if k not in second}
    relative_align(correctors, **first)
    return absolute_align(correctors, stars, **second, **shared)


def rebuilt(correctors: list[Any]) -> list[Any]:
    """Correctors as they are made of saved results."""
    names = ("catalog", "name", "group_id", "detector")
    return [
        JWSTWCSCorrector(
            one.wcs, one.ref_angles, meta={k: one.meta[k] for k in names if k in one.meta}
        )
        for one in correctors
    ]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"fitgeometry": "general"},
        {"fitgeometry": "shift", "abs_fitgeometry": "rshift"},
        {"refimage": "the second"},
        {"searchrad": 5.0, "minobj": 20, "sigma": 4.0, "separation": 0.4, "tolerance": 0.2},
        {"abs_searchrad": 3.0, "abs_minobj": 5, "abs_tolerance": 0.2, "abs_separation": 0.4},
        {"abs_method": "rigid", "refimage": "the second"},
        {"detector_motion": "none"},
    ],
    ids=lambda options: " ".join(options) or "defaults",
)
def test_two_calls_are_one_solution(options: dict[str, Any]) -> None:
    if "refimage" in options:
        options = options | {"refimage": two_images().images[1].file_name}
    one = step_like(make_correctors(two_images()), two_images().reference, **options)
    both = two_calls(make_correctors(two_images()), two_images().reference, **options)
    assert apart(one, both) < TIGHT
    assert all(corrector.meta["fit_info"]["anchored"] for corrector in both)


def test_detectors_that_move_are_one_solution() -> None:
    five = make_scene("4 dithers of 5 detectors", seed=5, stars=100)
    pairs = zip(five.images, five.catalogs, strict=True)
    two = [pair for pair in pairs if pair[0].detector in {"NRCA1", "NRCALONG"}]
    some = replace(five, images=tuple(i for i, _ in two), catalogs=tuple(c for _, c in two))
    one = step_like(make_correctors(some), some.reference, detector_motion="shift")
    both = make_correctors(some)
    relative_align(both, detector_motion="shift")
    absolute_align(both, some.reference)  # with the motion that the first was asked for
    assert apart(one, both) < TIGHT


@pytest.mark.parametrize(("second", "used"), [("auto", "rshift"), ("none", "none")])
def test_the_second_call_may_ask_for_another_motion(second: str, used: str) -> None:
    groups = Groups.of(images_of(make_correctors(scene())[:2]))
    first = MethodParameters(detector_motion="rshift", refimage="not among them.fits")
    asked = Asked(RelativeParameters(), first)
    method = MethodParameters(detector_motion=second)
    options = _options(groups, asked, AbsoluteParameters(), method)
    assert (options.detector_motion, options.refgroup) == (used, None)
    named = replace(asked, method=replace(first, refimage=groups.images[1].name))
    assert _options(groups, named, AbsoluteParameters(), method).refgroup == 1


def test_a_part_of_the_images_is_one_solution() -> None:
    one = step_like(make_correctors(scene())[1:], scene().reference, minobj=20)
    both = make_correctors(scene())
    relative_align(both, minobj=20, refimage=scene().images[0].file_name)
    first = sky(both[:1])
    absolute_align(both[1:], scene().reference)
    assert apart(one, both[1:]) < TIGHT
    assert np.array_equal(sky(both[:1]), first)


def test_parts_that_were_aligned_by_themselves_are_one_solution() -> None:
    one = step_like(make_correctors(all_four()), scene().reference)
    parts = make_correctors(all_four())
    relative_align(parts[:2])
    relative_align(parts[2:])
    assert apart(one, absolute_align(parts, scene().reference)) < TIGHT
    new = make_correctors(all_four())
    relative_align(new[:3])  # the fourth joins later
    assert apart(one, absolute_align(new, scene().reference)) < TIGHT


def test_again_and_with_another_reference() -> None:
    other = scene().reference[np.arange(len(scene().reference)) % 4 > 0]
    correctors = two_calls(make_correctors(scene()), scene().reference, minobj=20)
    before = sky(correctors)
    absolute_align(correctors, scene().reference)
    assert np.array_equal(sky(correctors), before)
    absolute_align(correctors, other)
    one = step_like(make_correctors(scene()), other, minobj=20)
    assert apart(one, correctors) < TIGHT
    alone = absolute_align(make_correctors(scene()), scene().reference)
    assert apart(step_like(make_correctors(scene()), other), absolute_align(alone, other)) < TIGHT


def test_a_smaller_search_goes_on_from_where_the_images_are() -> None:
    """Coarse to fine: from the start nothing is within reach."""
    correctors = make_correctors(scene())[:1]
    absolute_align(correctors, scene().reference)
    before = sky(correctors)
    moved = 3600.0 * np.max(np.abs(before - sky(make_correctors(scene())[:1])))
    assert moved > 0.2
    absolute_align(correctors, scene().reference, abs_searchrad=0.05)
    assert np.max(np.abs(sky(correctors) - before)) * 3.6e6 < 0.5  # mas, the errors


def changed_wcs(corrector: Any) -> None:
    corrector.set_correction(shift=[0.05, -0.02])


def changed_catalog(corrector: Any) -> None:
    corrector.meta["catalog"] = corrector.meta["catalog"][:-1]


def changed_positions(corrector: Any) -> None:
    corrector.meta["catalog"]["x"][0] += 0.1


def changed_group(corrector: Any) -> None:
    corrector.meta["group_id"] = "another"


@pytest.mark.parametrize("change", [changed_wcs, changed_catalog, changed_positions, changed_group])
def test_a_change_in_between_is_a_fresh_start(
    change: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    correctors = make_correctors(two_images())
    relative_align(correctors, fitgeometry="rscale")
    change(correctors[1])
    fresh = absolute_align(rebuilt(correctors), two_images().reference)
    assert "starts anew" not in caplog.text
    absolute_align(correctors, two_images().reference)
    assert f"group of {correctors[1].meta['name']} changed since" in caplog.text
    assert apart(fresh, correctors) < TIGHT
    judge = make_judge(two_images(), "rshift", reference=True)
    assert judge.absolute(correctors) < 1.6 * judge.absolute_bound


def test_rebuilt_correctors_are_as_good() -> None:
    judge = make_judge(scene(), "rshift", reference=True)
    one = absolute_align(make_correctors(scene()), scene().reference)
    again = rebuilt(relative_align(make_correctors(scene())))
    rigid = rebuilt(again)
    places = judge.relative(rigid)
    absolute_align(again, scene().reference)
    assert judge.absolute(again) < 1.1 * judge.absolute(one)
    assert apart(one, again) < TIGHT  # since their corrections are told from the WCS as delivered
    absolute_align(rigid, scene().reference, abs_method="rigid")
    assert judge.relative(rigid) == pytest.approx(places, abs=0.02)  # mas


def with_a_bad_catalog() -> Scene:
    rng = np.random.default_rng(4)
    noise = Table(rng.uniform(5.0, 2040.0, (150, 2)), names=["x", "y"])
    noise["star"] = -1
    return replace(scene(), catalogs=(*scene().catalogs[:2], noise))


def test_a_group_that_fails_stays_and_does_not_disturb() -> None:
    bad = with_a_bad_catalog()
    one = step_like(make_correctors(bad), bad.reference)
    both = make_correctors(bad)
    delivered = sky(both[2:])
    relative_align(both)
    absolute_align(both, bad.reference)
    assert apart(one, both) < TIGHT
    assert np.array_equal(sky(both[2:]), delivered)
    statuses = [corrector.meta["fit_info"]["status"] for corrector in both]
    assert statuses == ["SUCCESS"] * 2 + ["FAILED: no_match"]


def test_an_error_keeps_the_relative_alignment_and_its_start() -> None:
    correctors = relative_align(make_correctors(scene()), minobj=20)
    before, infos = sky(correctors), [corrector.meta["fit_info"] for corrector in correctors]
    rng = np.random.default_rng(1)
    wrong = scene().reference.copy()
    wrong["RA"] = wrong["RA"] + rng.uniform(-30.0, 30.0, len(wrong)) / 3600.0
    with pytest.raises(AlignmentError, match="No image could be aligned to"):
        absolute_align(correctors, wrong)
    assert np.array_equal(sky(correctors), before)
    assert [corrector.meta["fit_info"] for corrector in correctors] == infos
    assert apart(at_once(20), absolute_align(correctors, scene().reference)) < TIGHT


def test_one_geometry_is_said(caplog: pytest.LogCaptureFixture) -> None:
    relative_align(correctors := make_correctors(scene()), fitgeometry="shift")
    absolute_align(correctors, scene().reference)
    assert "'abs_fitgeometry' is 'rshift', but the relative alignment had the" in caplog.text
    assert "'fitgeometry' 'shift'" in caplog.text


def test_copies_of_correctors_keep_the_start() -> None:
    copies = [c.copy() for c in relative_align(make_correctors(scene()))]
    assert apart(at_once(), absolute_align(copies, scene().reference)) < TIGHT


def test_the_sequential_method_starts_from_where_the_images_are() -> None:
    sequential = {"align_method": "sequential"}
    plain = rebuilt(relative_align(make_correctors(scene())))
    absolute_align(plain, scene().reference, **sequential)
    both = relative_align(make_correctors(scene()))
    absolute_align(both, scene().reference, **sequential)
    assert np.array_equal(sky(plain), sky(both))
