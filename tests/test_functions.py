"""relative_align and absolute_align against truth and bound, and what they leave alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from astropy.table import Table, vstack
from scenes import Scene, make_correctors, make_judge, make_scene
from threadpoolctl import threadpool_info, threadpool_limits

from tweakreg_step import TweakregError, absolute_align, relative_align
from tweakreg_step.alignment import solve_jointly
from tweakreg_step.core.exceptions import AlignmentError, CatalogError, ParameterError
from tweakreg_step.pipeline.methods import align_jointly
from tweakreg_step.simulate import perturbed

# One scene: the rms of a few dozen parameters scatters by some 15 % around its expectation; and
# with spurious sources up to 1.25 x the bound are allowed.
SLACK = 1.6


def sky(corrector: Any) -> np.ndarray:
    return np.array(corrector.wcs.forward_transform(np.array([0.0, 2047.0]), np.array([5.0, 99.0])))


@pytest.mark.parametrize("kind", ["8 dithers", "3x3 mosaic, 20 % overlap"])
def test_relative_alignment_is_near_the_bound(kind: str) -> None:
    scene = make_scene(kind, seed=21)
    judge = make_judge(scene, "rshift", reference=False)
    correctors = make_correctors(scene)
    before = judge.relative(correctors)
    aligned = relative_align(correctors)
    assert aligned is correctors
    assert before > 30 * SLACK * judge.relative_bound
    assert judge.relative(aligned) < SLACK * judge.relative_bound
    for corrector in aligned:
        info = corrector.meta["fit_info"]
        assert info["status"] == "SUCCESS"
        assert not info["anchored"]
        assert info["nmatches"] > 30
        assert corrector.wcs.available_frames.count("v2v3corr") == 1


@pytest.mark.parametrize("kind", ["8 dithers", "3x3 mosaic, 20 % overlap"])
def test_joint_absolute_alignment_is_near_the_bound(kind: str) -> None:
    scene = make_scene(kind, seed=22)
    judge = make_judge(scene, "rshift", reference=True)
    aligned = absolute_align(make_correctors(scene), scene.reference)
    assert judge.absolute(aligned) < SLACK * judge.absolute_bound
    assert all(corrector.meta["fit_info"]["anchored"] for corrector in aligned)


def test_rigid_absolute_alignment_keeps_the_images_places_to_each_other() -> None:
    scene = make_scene("3x3 mosaic, 20 % overlap", seed=23)
    judge = make_judge(scene, "rshift", reference=True)
    aligned = relative_align(make_correctors(scene))
    relative = judge.relative(aligned)
    absolute_align(aligned, scene.reference, abs_method="rigid")
    # one motion for all: the relative error is what it was
    assert judge.relative(aligned) == pytest.approx(relative, abs=0.02)
    # nine images together on the reference: no better than the relative solution, far from 300 mas
    assert judge.absolute(aligned) < 3.0


def test_threads_do_not_wait_for_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    scene, threads = make_scene("8 dithers", seed=21), []

    def watched(*given: Any) -> Any:
        threads.append({library["num_threads"] for library in threadpool_info()})
        return solve_jointly(*given)

    monkeypatch.setattr(align_jointly, "solve_jointly", watched)
    with threadpool_limits(2):
        relative_align(make_correctors(scene))
        absolute_align(make_correctors(scene), scene.reference)
    assert threads == [{1}, {1}]


def test_the_reference_image_stays_bit_for_bit() -> None:
    scene = make_scene("4 dithers", seed=24)
    judge = make_judge(scene, "rshift", reference=False)
    correctors = make_correctors(scene)
    before = sky(correctors[2])
    relative_align(correctors, refimage=scene.images[2].file_name)
    np.testing.assert_allclose(sky(correctors[2]), before, rtol=0, atol=1e-12)  # degrees
    assert judge.relative(correctors) < SLACK * judge.relative_bound


@pytest.mark.parametrize("searchrad", [2.0, 25.0])
def test_twenty_arcsec_and_two_degrees_are_found_if_the_search_allows_it(searchrad: float) -> None:
    scene = make_scene("4 dithers", seed=5)
    images = list(scene.images)
    images[2] = replace(images[2], claimed=perturbed(images[2].true, 15.0, -13.0, 7200.0))
    scene = replace(scene, images=tuple(images))
    judge = make_judge(scene, "rshift", reference=False)
    correctors = make_correctors(scene)
    before = sky(correctors[2])
    relative_align(correctors, searchrad=searchrad)
    statuses = [corrector.meta["fit_info"]["status"] for corrector in correctors]
    if searchrad > 20.0:
        assert statuses == ["SUCCESS"] * 4
        assert judge.relative(correctors) < SLACK * judge.relative_bound
    else:
        assert statuses == ["SUCCESS", "SUCCESS", "FAILED: no_match", "SUCCESS"]
        assert "raise 'searchrad'" in correctors[2].meta["fit_info"]["reason"]
        assert np.array_equal(sky(correctors[2]), before)


def test_aligned_images_stay_where_they_are() -> None:
    scene = make_scene("4 dithers", seed=25)
    correctors = relative_align(make_correctors(scene))
    before = [sky(corrector) for corrector in correctors]
    relative_align(correctors)
    for corrector, old in zip(correctors, before, strict=True):
        assert np.max(np.abs(sky(corrector) - old)) * 3.6e6 < 0.1  # mas; the noise is 0.3


def test_the_order_of_the_input_does_not_matter() -> None:
    scene = make_scene("4 dithers", seed=26)
    forward = relative_align(make_correctors(scene))
    turned = Scene(scene.images[::-1], scene.catalogs[::-1], scene.reference)
    backward = relative_align(make_correctors(turned))
    for one, two in zip(forward, backward[::-1], strict=True):
        assert np.max(np.abs(sky(one) - sky(two))) * 3.6e6 < 1e-3  # mas
    again = relative_align(make_correctors(scene))
    for one, two in zip(forward, again, strict=True):
        assert np.array_equal(sky(one), sky(two))


def test_a_failure_of_tweakwcs_leaves_the_correctors_as_they_were(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from tweakreg_step.pipeline.methods import stock_method as sequential

    align_wcs = sequential.align_wcs

    def fail_late(correctors: list[Any], **options: Any) -> None:
        align_wcs(correctors, **options)
        assert any("v2v3corr" in corrector.wcs.available_frames for corrector in correctors)
        message = "some polygon"
        raise ValueError(message)

    monkeypatch.setattr(sequential, "align_wcs", fail_late)
    scene = make_scene("4 dithers", seed=27)
    correctors = make_correctors(scene)
    before = [sky(corrector) for corrector in correctors]
    with pytest.raises(AlignmentError, match="some polygon"):
        relative_align(correctors, align_method="sequential")
    with pytest.raises(AlignmentError, match="some polygon"):
        absolute_align(correctors, scene.reference, align_method="sequential")
    for corrector, old in zip(correctors, before, strict=True):
        assert "v2v3corr" not in corrector.wcs.available_frames
        assert np.array_equal(sky(corrector), old)
        assert "fit_info" not in corrector.meta
    monkeypatch.undo()
    relative_align(correctors)  # they are as good as new
    assert all(c.wcs.available_frames.count("v2v3corr") == 1 for c in correctors)


@pytest.mark.parametrize("method", ["global", "sequential"])
def test_what_is_far_off_or_repeated_is_said_and_left_out(
    method: str, caplog: pytest.LogCaptureFixture
) -> None:
    scene = make_scene("4 dithers", seed=27)
    plain, given = make_correctors(scene), make_correctors(scene)
    for corrector in given:
        table = corrector.meta["catalog"]
        far = Table({"x": np.full(7, 1e5), "y": np.arange(7.0)})
        none = Table({"x": np.full(3, np.nan), "y": np.zeros(3)})
        corrector.meta["catalog"] = vstack([table, table[:5], far, none])
    for correctors in (plain, given):
        relative_align(correctors, align_method=method)
    for one, other in zip(plain, given, strict=True):
        assert np.array_equal(sky(one), sky(other))
        size = len(one.meta["catalog"])
        assert len(other.meta["catalog"]) == size + 15
        said = f"{one.meta['name']}: 12 of {size + 15} sources are not used: 7 are farther off"
        assert caplog.text.count(said) == 1
        assert "than its size, 5 repeat the position of another" in caplog.text


def test_unrelated_catalogs_are_not_aligned() -> None:
    scene = make_scene("4 dithers", seed=28)
    rng = np.random.default_rng(1)
    random = tuple(Table(rng.uniform(5.0, 2040.0, (250, 2)), names=["x", "y"]) for _ in range(4))
    correctors = make_correctors(replace(scene, catalogs=random))
    before = [sky(corrector) for corrector in correctors]
    with pytest.raises(TweakregError, match="No image could be aligned"):
        relative_align(correctors)
    with pytest.raises(TweakregError, match="No image could be aligned"):
        absolute_align(correctors, scene.reference)
    for corrector, old in zip(correctors, before, strict=True):
        assert np.array_equal(sky(corrector), old)


@pytest.mark.parametrize("method", ["global", "sequential"])
def test_one_group_is_refused(method: str) -> None:
    correctors = make_correctors(make_scene("4 dithers", seed=29))
    for corrector in correctors:
        corrector.meta["group_id"] = "one"
    with pytest.raises(AlignmentError, match=r"4 images in 1 group.*needs two"):
        relative_align(correctors, align_method=method)


def test_contradicting_parameters_are_refused() -> None:
    correctors = make_correctors(make_scene("4 dithers", seed=29))
    with pytest.raises(ParameterError, match="'separation'"):
        relative_align(correctors, tolerance=1.0, align_method="sequential")
    with pytest.raises(ParameterError, match="'abs_separation'"):
        absolute_align(correctors, "x", abs_tolerance=1.0, align_method="sequential")
    with pytest.raises(ParameterError, match="no image or group 'nobody'"):
        relative_align(correctors, refimage="nobody")
    with pytest.raises(CatalogError, match="does not exist"):
        absolute_align(correctors, "nowhere.ecsv")
    short = Table({"RA": [1.0], "DEC": [2.0]})
    with pytest.raises(AlignmentError, match=r"has 1 sources, 15 are needed"):
        absolute_align(correctors, short)


def test_parameters_without_effect_are_said(caplog: pytest.LogCaptureFixture) -> None:
    correctors = make_correctors(make_scene("4 dithers", seed=29))
    relative_align(correctors, nclip=5, use2dhist=False, clip_accum=True, tolerance=1.0)
    names = [record.getMessage().split("'")[1] for record in caplog.records]
    assert [name for name in names if name in {"nclip", "use2dhist", "clip_accum"}] == [
        "use2dhist",
        "nclip",
        "clip_accum",
    ]
    assert "'nclip' is 5, but align_method='global' does not use it: outliers" in caplog.text
    caplog.clear()
    relative_align(correctors, nclip=5, align_method="sequential", detector_motion="none")
    assert "'detector_motion' is 'none', but align_method='sequential'" in caplog.text
    assert "'nclip'" not in caplog.text


@pytest.mark.parametrize(
    "how", [{}, {"align_method": "sequential"}, {"align_method": "sequential", "use2dhist": False}]
)
def test_a_first_guess_of_the_offset_starts_the_search(how: dict[str, Any]) -> None:
    """The second image is 12 arcsec off along x of the tangent plane, and 5 along y."""

    def pair() -> list[Any]:
        first, second, *_ = make_correctors(make_scene("4 dithers", seed=29))
        second.set_correction(np.eye(2), np.array([12.0, 5.0]))
        return [first, second]

    given = how | {"fitgeometry": "shift", "minobj": 10, "enforce_user_order": True}
    with pytest.raises(AlignmentError):
        relative_align(pair(), **given)
    aligned = relative_align(pair(), xoffset=12.0, yoffset=5.0, **given)
    x, y = np.array([100.0, 1000.0]), np.array([300.0, 900.0])
    right = relative_align(make_correctors(make_scene("4 dithers", seed=29))[:2], **given)

    def apart(correctors: list[Any]) -> Any:
        (ra, dec), (other_ra, other_dec) = (c.wcs(x, y) for c in correctors)
        return 3600.0 * np.array([ra - other_ra, dec - other_dec])

    np.testing.assert_allclose(apart(aligned), apart(right), atol=0.01)
