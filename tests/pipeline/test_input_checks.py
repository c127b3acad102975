"""What callers of the library functions give is checked, and named, before any work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from astropy.table import Table
from scenes import Scene, make_correctors, make_scene

from tweakreg_step import absolute_align, relative_align
from tweakreg_step.core.exceptions import (
    AlignmentError,
    CatalogError,
    NoMatchError,
    ParameterError,
    TooFewSourcesError,
)
from tweakreg_step.core.images import Groups
from tweakreg_step.pipeline.correctors import images_of
from tweakreg_step.pipeline.input_checks import (
    check_refimage,
    fixed_group,
    warn_of_one_group,
    warn_of_shared_groups,
)

NAME = "jw00001001001_02101_00002_nrcalong_cal.fits"


@pytest.fixture(scope="module")
def scene() -> Scene:
    return make_scene("4 dithers", seed=5)


def sky(corrector: Any) -> np.ndarray:
    return np.array(corrector.wcs.forward_transform(np.array([0.0, 2047.0]), np.array([5.0, 99.0])))


BAD_CATALOGS: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "none": (lambda meta: meta.pop("catalog"), r"is not among \['detector', .*astropy Table"),
    "None": (lambda meta: meta.update(catalog=None), "is a NoneType"),
    "a path": (lambda meta: meta.update(catalog="a.ecsv"), "is a str"),
    "sky": (
        lambda meta: meta.update(catalog=Table({"RA": [1.0], "DEC": [2.0]})),
        r"columns \['RA', 'DEC'\], but 'x' and 'y' are needed.*world_to_det",
    ),
    "no y": (lambda meta: meta["catalog"].remove_column("y"), "but 'y' is needed"),
    "texts": (
        lambda meta: meta.update(catalog=Table({"x": ["a"], "y": [2.0]})),
        "Column 'x' of the catalog of the corrector",
    ),
}


@pytest.mark.parametrize("method", ["global", "sequential"])
@pytest.mark.parametrize("kind", BAD_CATALOGS)
def test_a_corrector_without_a_catalog_is_named(scene: Scene, kind: str, method: str) -> None:
    spoil, sentence = BAD_CATALOGS[kind]
    correctors = make_correctors(scene)
    spoil(correctors[1].meta)
    with pytest.raises(CatalogError, match=f"corrector '{NAME}'") as relative:
        relative_align(correctors, align_method=method)
    with pytest.raises(CatalogError, match=sentence) as absolute:
        absolute_align(correctors, scene.reference, align_method=method)
    assert str(relative.value) == str(absolute.value)


def test_a_corrector_without_a_name_is_numbered(scene: Scene) -> None:
    correctors = make_correctors(scene)
    del correctors[2].meta["name"], correctors[2].meta["catalog"]
    with pytest.raises(CatalogError, match="corrector 'number 2'"):
        relative_align(correctors)


@pytest.mark.parametrize("method", ["global", "sequential"])
def test_sources_without_a_position_keep_nobody_from_being_aligned(
    scene: Scene, method: str
) -> None:
    correctors = make_correctors(scene)[:2]
    catalog = correctors[1].meta["catalog"]
    catalog["x"][3] = np.nan
    relative_align(correctors, align_method=method)
    # the sequential mode matches 13 of this scene's stars
    absolute_align(correctors, scene.reference, align_method=method, abs_minobj=10)
    assert correctors[1].meta["fit_info"]["status"] == "SUCCESS"
    assert correctors[1].meta["catalog"] is catalog


def references(scene: Scene) -> Iterator[tuple[Table, str]]:
    far, other = scene.reference.copy(), scene.reference.copy()
    far["RA"] += 1.0
    yield far, r"nearest reference star is 0\.\d+ degrees away"
    noise = np.random.default_rng(3).normal(0.0, 2e-3, (2, len(other)))  # degrees: 7 arcsec
    other["RA"] += noise[0]
    other["DEC"] += noise[1]
    yield other, "no significant peak up to 30 arcsec"


def test_a_reference_that_does_not_match_is_an_error_that_says_why(scene: Scene) -> None:
    for reference, sentence in references(scene):
        correctors = make_correctors(scene)[:2]
        before = [sky(corrector) for corrector in correctors]
        with pytest.raises(NoMatchError, match=sentence) as error:
            absolute_align(correctors, reference)
        assert "aligned to 'reference'" in str(error.value)
        assert "jw00001001001_02101_1" in str(error.value)
        # aligned to each other they might be, but that was not asked for
        for corrector, old in zip(correctors, before, strict=True):
            assert np.array_equal(sky(corrector), old)
            assert "fit_info" not in corrector.meta
        with pytest.raises(NoMatchError, match=r"15 of 'abs_minobj' within 6 arcsec"):
            absolute_align(correctors, reference, align_method="sequential")


def test_empty_catalogs_are_too_few_sources_in_both_phases(scene: Scene) -> None:
    correctors = make_correctors(scene)
    for corrector in correctors:
        corrector.meta["catalog"] = corrector.meta["catalog"][:0]
    with pytest.raises(TooFewSourcesError, match="has 0 sources, 15 are needed"):
        relative_align(correctors)
    with pytest.raises(TooFewSourcesError, match="has 0 sources, 15 are needed"):
        absolute_align(correctors, scene.reference)


@pytest.mark.parametrize("method", ["global", "sequential"])
def test_nothing_at_all(scene: Scene, method: str) -> None:
    with pytest.raises(AlignmentError, match="0 images"):
        relative_align([], align_method=method)
    with pytest.raises(AlignmentError, match="no images"):
        absolute_align([], scene.reference, align_method=method)


def test_groups_are_looked_at_only_if_no_image_has_the_name() -> None:
    def groups() -> Iterator[str]:
        yield "one"
        yield "two"
        raise AssertionError

    check_refimage("", ["a.fits"], groups())
    check_refimage("a", ["a.fits"], groups())
    check_refimage("two", ["a.fits"], groups())
    with pytest.raises(ParameterError, match=r"group 'tow'.*mean 'two'\? Images are: a.fits\. Gr"):
        check_refimage("tow", ["a.fits"], iter(["one", "two"]))


def test_the_group_that_stays_is_named_by_an_image_or_itself(scene: Scene) -> None:
    correctors = make_correctors(scene)
    groups, group = Groups.of(images_of(correctors)), correctors[1].meta["group_id"]
    for name in (NAME, NAME.removesuffix(".fits"), group):
        assert fixed_group(groups, name) == group
    assert fixed_group(groups, "") is None
    with pytest.raises(ParameterError, match="no image or group 'other'"):
        fixed_group(groups, "other")


def test_a_detector_twice_in_one_group_is_said(caplog: pytest.LogCaptureFixture) -> None:
    names = ["a1", "b1", "a2", "b2"]
    warn_of_shared_groups(names, ["g", "g", "h", "h"], ["A", "B", "A", "B"])
    warn_of_shared_groups(names, ["g"] * 4, [None, None, "A", "B"])
    warn_of_shared_groups(names, [None] * 4, ["A"] * 4)
    assert not caplog.text
    warn_of_shared_groups(names, ["g"] * 4, ["A", "B", "A", "C"])
    assert "All 4 images are in the group 'g', in which A occurs more than once" in caplog.text
    assert "(a1, a2); but the images of a group are of one exposure" in caplog.text
    assert "'group_id' each, in the association" in caplog.text
    caplog.clear()
    warn_of_shared_groups(names, ["g", "g", "h", "i"], ["A", "A", "A", "A"])
    assert caplog.text.count("more than once") == 1
    assert "Images are in the group 'g'" in caplog.text


def test_one_group_without_a_reference_is_said(caplog: pytest.LogCaptureFixture) -> None:
    warn_of_one_group(["g", "g"], reference=True)
    warn_of_one_group(["g", "h"], reference=False)
    warn_of_one_group(["g"], reference=False)
    warn_of_one_group([None, None], reference=False)
    assert not caplog.text
    warn_of_one_group(["g", "g"], reference=False)
    assert "All 2 images are in the group 'g', and two groups are needed" in caplog.text
