"""The pictures by their content: data, labels, units, texts for those who can't see them."""

from __future__ import annotations

import io
import itertools
import re
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree as ET

import made_results
import matplotlib as mpl
import numpy as np
import pytest
from made_results import changed, early_result, make_result, sequential_result
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.image import imread

from tweakreg_step.alignment.joint import solve_jointly
from tweakreg_step.core.options import Options
from tweakreg_step.core.outcome import Standing
from tweakreg_step.report import plots
from tweakreg_step.report.plots.canvas import STYLES
from tweakreg_step.report.result import RunResult
from tweakreg_step.report.statistics import map_unit, nice, spread
from tweakreg_step.report.statistics.offset_histogram import REFERENCE, differences_of
from tweakreg_step.report.statistics.residuals import Residuals, residuals_of
from tweakreg_step.simulate.sky import Setup, layout, make_scene


@pytest.fixture(scope="module")
def mosaic() -> RunResult:
    return make_result("mosaic", 9, lost=(4,), doubtful=(2,))


@pytest.fixture(scope="module")
def four_detectors() -> RunResult:
    places = 70.0 * np.array([[0, 0], [1, 0], [0, 1], [1, 1]])
    setup = Setup(layout("stack", 6), detectors=places, motion_shift=0.01, density=0.03)
    scene = make_scene(setup, 1)
    options = Options(detector_motion="rshift")
    solution = solve_jointly(scene.detections, 6, None, options)
    return made_results.assembled(setup, scene, solution, (), options)


def _texts(figure: Any) -> set[str]:
    return {text.get_text() for text in figure.findobj(mpl.text.Text)}


def _residuals(count: int, seed: int = 0) -> Residuals:
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(0.0, 2048.0, (2, count))
    noise = rng.normal(size=(count, 2))
    plane = np.stack([x, y], axis=1) / 30.0
    none = np.zeros(count, np.int64)
    return Residuals(
        none, none, x, y, plane, noise, noise.copy(), noise.copy(), noise.copy(), -x, none, none
    )


# ---- footprints


def test_footprints_are_where_the_corners_are(mosaic: RunResult) -> None:
    drawing = plots.draw_footprints(mosaic)
    left, right = drawing.figure.axes
    shapes = [c for c in left.collections if isinstance(c, PolyCollection)]
    corners = np.concatenate([p.vertices[:4] for p in shapes[0].get_paths()])
    # three fields of 64" with 25 per cent overlap are 160" wide
    assert np.ptp(corners, axis=0) == pytest.approx([160.0, 160.0], abs=2.0)
    assert left.get_xlim()[0] > left.get_xlim()[1]  # east is left
    assert right.get_xlim() == left.get_xlim()
    assert "east offset [arcsec]" in left.get_xlabel()


def test_corrections_are_magnified_by_the_factor_that_is_said(mosaic: RunResult) -> None:
    drawing = plots.draw_footprints(mosaic)
    right = drawing.figure.axes[1]
    factor = float(re.search(r"(\d+) times too long", right.get_title()).group(1))
    arrows = next(c for c in right.collections if isinstance(c, mpl.quiver.Quiver))
    length = np.hypot(arrows.U, arrows.V)
    moved = np.hypot(*mosaic.solution.groups.shift.T)
    assert length == pytest.approx(factor * moved, rel=0.05, abs=1e-6)
    assert length[4] < 1e-6


def test_verdicts_differ_by_more_than_colour(mosaic: RunResult) -> None:
    for name in ("colour", "line", "marker", "hatch"):
        assert len({getattr(style, name) for style in STYLES.values()}) == len(Standing)
    legend = plots.draw_footprints(mosaic).figure.legends[0]
    words = [text.get_text() for text in legend.get_texts()]
    assert words == ["as delivered", "aligned (7)", "doubtful (1)", "left alone (1)"]
    assert [p.get_hatch() for p in legend.get_patches()][2:] == ["//", "xx"]


def test_names_are_written_where_they_do_not_collide(mosaic: RunResult) -> None:
    assert {"00001", "00009"} <= _texts(plots.draw_footprints(mosaic).figure)
    stack = make_result("stack", 12, lost=(3,))
    texts = _texts(plots.draw_footprints(stack).figure)
    assert "00004" in texts
    assert "00001" not in texts


def test_images_without_corners(mosaic: RunResult) -> None:
    corners = mosaic.images.corners_before.copy()
    corners[:5] = np.nan
    assert plots.draw_footprints(changed(mosaic, corners_before=corners)) is not None
    nothing = changed(mosaic, corners_before=np.full_like(corners, np.nan))
    assert plots.draw_footprints(nothing) is None
    assert plots.draw_overlaps(nothing) is None


# ---- overlaps


def test_each_tie_has_its_number(mosaic: RunResult) -> None:
    drawing = plots.draw_overlaps(mosaic)
    lines = [c for c in drawing.figure.axes[0].collections if isinstance(c, LineCollection)]
    tied = sum(len(c.get_segments()) for c in lines[1:])
    assert tied == len(mosaic.solution.pairs.groups)
    assert {str(count) for count in mosaic.solution.pairs.matches} <= _texts(drawing.figure)
    assert "overlap without a match" in _texts(drawing.figure)


def test_bridges_are_dashed_and_named() -> None:
    result = make_result("strip", 4, reference=False)
    drawing = plots.draw_overlaps(result)
    loose, plain, bridges = drawing.figure.axes[0].collections[:3]
    assert len(bridges.get_segments()) == 3
    assert not plain.get_segments()
    assert not loose.get_segments()
    assert bridges.get_linestyle() != plain.get_linestyle()
    assert "bridge: nothing checks it" in _texts(drawing.figure)
    assert "3 of them are bridges" in drawing.alt


def test_no_number_hides_another_or_a_node() -> None:
    figure = plots.draw_overlaps(make_result("stack", 9)).figure
    figure.canvas.draw()
    boxes = [
        text.get_window_extent()
        for text in figure.axes[0].texts
        if re.fullmatch(r"\d{1,4}", text.get_text())
    ]
    assert len(boxes) > 20
    for first, second in itertools.combinations(boxes, 2):
        assert not first.overlaps(second)


def test_groups_at_one_place_stand_on_a_ring() -> None:
    drawing = plots.draw_overlaps(make_result("stack", 6))
    assert "on a ring" in drawing.caption
    assert not drawing.figure.axes[0].axison


# ---- offset histograms


def test_the_histogram_holds_all_differences(mosaic: RunResult) -> None:
    found = differences_of(mosaic, 1, 2)
    drawing = plots.draw_differences(mosaic, found)
    wide, close = drawing.figure.axes[:2]
    inside = (np.abs(found.offsets) <= found.reach).all(axis=1)
    assert wide.images[0].get_array().sum() == inside.sum()
    peak, solution = wide.lines
    assert peak.get_xydata()[0] == pytest.approx(found.peak)
    assert solution.get_xydata()[0] == pytest.approx(found.expected)
    assert wide.get_xlim() == (3.0, -3.0)
    assert "difference [arcsec]" in wide.get_xlabel()
    assert "[mas]" in close.get_xlabel()
    assert "Peak of" in drawing.caption


def test_names_of_exposures_stand_above_the_panels(mosaic: RunResult) -> None:
    names = tuple(
        f"jw01345001{number:03}_02101_00001_nrcblong" for number in range(len(mosaic.groups))
    )
    named = changed(mosaic, names=names)
    figure = plots.draw_differences(named, differences_of(named, 1, 2)).figure
    figure.canvas.draw()
    title = figure._suptitle
    assert title.get_text() == f"{names[1]} - {names[2]}"
    box = title.get_window_extent()
    assert figure.bbox.x0 <= box.x0
    assert box.x1 <= figure.bbox.x1
    assert not any(axes.get_tightbbox().overlaps(box) for axes in figure.axes)


def test_a_pair_without_a_peak_says_so(mosaic: RunResult) -> None:
    drawing = plots.draw_differences(mosaic, differences_of(mosaic, 1, 4))
    assert "No significant peak within 3" in drawing.caption
    assert not drawing.figure.axes[0].lines
    assert any(text.startswith("No peak stands out") for text in _texts(drawing.figure))


def test_a_peak_outside_the_circle_is_pointed_at() -> None:
    result = make_result("stack", 2, reference=False)
    moved = np.where(result.catalogs.detections.group == 1, 2.5 / 3600.0, 0.0)
    far = replace(result.catalogs.detections, dec=result.catalogs.detections.dec + moved)
    result = changed(result, detections=far)
    drawing = plots.draw_differences(result, differences_of(result, 0, 1))
    assert 'beyond the search radius of 2"' in drawing.caption


def test_the_reference_is_called_so(mosaic: RunResult) -> None:
    drawing = plots.draw_differences(mosaic, differences_of(mosaic, REFERENCE, 2))
    assert drawing.title == "reference - 00003"


# ---- residuals


def test_four_panels_with_units() -> None:
    drawing = plots.draw_residuals(_residuals(400), "all")
    panels = drawing.figure.axes
    assert [axes.get_ylabel() for axes in panels] == ["dx [mas]", "", "dy [mas]", ""]
    assert [axes.get_xlabel() for axes in panels][2:] == ["x [pixel]", "y [pixel]"]
    assert len(panels[0].lines[0].get_xdata()) == 400


def test_points_beyond_the_panels_are_marked_and_counted() -> None:
    residuals = _residuals(400)
    residuals.detector[:3, 0] = 50.0
    drawing = plots.draw_residuals(residuals, "all")
    panel = drawing.figure.axes[0]
    assert len(panel.lines[1].get_xdata()) == 3
    assert panel.get_ylim()[1] < 10.0
    assert "3 beyond" in drawing.caption


def test_the_medians_show_a_distortion() -> None:
    residuals = _residuals(4000)
    residuals.detector[:, 1] += (residuals.x - 1024.0) / 1024.0
    panel = plots.draw_residuals(residuals, "all").figure.axes[2]
    x, y = panel.containers[0].lines[0].get_data()
    # medians of 400 values of spread 1 are known to 0.06
    assert y == pytest.approx((x - 1024.0) / 1024.0, abs=0.3)
    assert y[-1] - y[0] > 1.4


def test_residuals_without_axes_are_left_out_and_counted() -> None:
    residuals = _residuals(50)
    residuals.detector[:7] = np.nan
    assert "7 of images with too few" in plots.draw_residuals(residuals, "all").caption
    residuals.detector[:] = np.nan
    assert plots.draw_residuals(residuals, "all") is None
    assert plots.draw_vectors(residuals, "all") is None
    assert plots.draw_vectors(residuals, "all", sky=True) is not None


def test_arrows_are_coloured_by_brightness_where_it_is_known() -> None:
    residuals = _residuals(50)
    drawing = plots.draw_vectors(residuals, "all")
    arrows = drawing.figure.axes[0].collections[0]
    np.testing.assert_array_equal(arrows.get_array(), residuals.magnitude)
    assert arrows.get_clim()[0] == residuals.magnitude.min()
    assert "Dark arrows are of bright sources" in drawing.caption
    residuals.magnitude[3] = np.nan
    drawing = plots.draw_vectors(residuals, "all")
    assert drawing.figure.axes[0].collections[0].get_array() is None
    assert "Dark" not in drawing.caption


def test_residuals_that_are_all_zero_are_drawn() -> None:
    residuals = replace(_residuals(5), detector=np.zeros((5, 2)))
    for drawing in (plots.draw_residuals(residuals, "z"), plots.draw_vectors(residuals, "z")):
        assert plots.rendered(drawing).data


def test_the_expected_curve_has_the_area_of_the_histogram() -> None:
    drawing = plots.draw_histogram(_residuals(1000), "all")
    axes = drawing.figure.axes[0]
    curve = axes.lines[0]
    assert curve.get_label() == "expected"
    # one bin of 0.25 holds that part of 1000 detections
    area = np.trapezoid(curve.get_ydata(), curve.get_xdata())
    assert area == pytest.approx(250.0, rel=1e-3)
    assert axes.get_xlabel() == "residual / its error"
    assert (
        plots.draw_histogram(replace(_residuals(3), normalised=np.full((3, 2), np.nan)), "") is None
    )


def test_what_lies_outside_is_in_the_last_bin() -> None:
    residuals = _residuals(1000)
    residuals.normalised[:4, 0] = 30.0
    patch = plots.draw_histogram(residuals, "all").figure.axes[0].patches[0]
    assert patch.get_xy()[-2, 1] == 4.0


def test_vectors_are_the_residuals_in_a_key_of_mas() -> None:
    residuals = _residuals(40)
    drawing = plots.draw_vectors(residuals, "chip")
    axes = drawing.figure.axes[0]
    arrows = next(c for c in axes.collections if isinstance(c, mpl.quiver.Quiver))
    assert np.allclose(arrows.U, residuals.detector[:, 0])
    key = next(a for a in axes.artists if isinstance(a, mpl.quiver.QuiverKey))
    assert key.text.get_text() == f"{key.U:g} mas"
    assert axes.get_xlabel() == "x [pixel]"


def test_many_vectors_are_averaged_in_cells() -> None:
    drawing = plots.draw_vectors(_residuals(5000), "chip")
    assert drawing.caption.startswith("100 arrows, means of 5000 in cells")


def test_vectors_on_the_sky_have_east_to_the_left() -> None:
    axes = plots.draw_vectors(_residuals(40), "group", sky=True).figure.axes[0]
    assert axes.get_xlim()[0] > axes.get_xlim()[1]
    assert "[arcsec]" in axes.get_xlabel()


# ---- detectors


def test_motions_with_errors_names_and_units(four_detectors: RunResult) -> None:
    drawing = plots.draw_motions(four_detectors)
    panels = drawing.figure.axes
    labels = [axes.get_xlabel() for axes in panels]
    assert labels == ["shift in V2 [mas]", "shift in V3 [mas]", "roll [arcsec]"]
    value = panels[0].containers[0].lines[0].get_xdata()
    assert value == pytest.approx(1000.0 * four_detectors.solution.units.shift[:, 0])
    assert {"NRCA1 F115W", "NRCA4 F115W"} <= _texts(drawing.figure)


def test_no_motions(mosaic: RunResult) -> None:
    assert plots.draw_motions(mosaic) is None
    assert plots.draw_motions(sequential_result(3)) is None


# ---- what all share


def test_small_pictures_are_lines_and_dense_ones_pixels(mosaic: RunResult) -> None:
    small = plots.rendered(plots.draw_footprints(mosaic))
    root = ET.fromstring(small.data)  # noqa: S314 - our own
    assert root.tag.endswith("svg")
    assert (small.kind, small.width) == ("image/svg+xml", 1056)
    dense = plots.rendered(plots.draw_differences(mosaic, differences_of(mosaic, 1, 2)))
    assert imread(io.BytesIO(dense.data)).shape[:2] == (363, 693)


@pytest.mark.parametrize("dense", [False, True])
def test_same_input_same_bytes(mosaic: RunResult, dense: bool) -> None:
    drawings = [replace(plots.draw_overlaps(mosaic), dense=dense) for _ in range(2)]
    assert plots.rendered(drawings[0]).data == plots.rendered(drawings[1]).data


def test_the_users_settings_are_neither_used_nor_changed(mosaic: RunResult) -> None:
    ours = plots.rendered(plots.draw_overlaps(mosaic)).data
    with mpl.rc_context({"font.size": 30.0, "axes.facecolor": "red"}):
        assert plots.rendered(plots.draw_overlaps(mosaic)).data == ours
        assert mpl.rcParams["font.size"] == 30.0


def test_no_window_is_opened_and_no_figure_is_kept(mosaic: RunResult) -> None:
    import matplotlib.pyplot as plt

    plots.rendered(plots.draw_footprints(mosaic))
    assert plt.get_fignums() == []


@pytest.mark.parametrize("make", [sequential_result, early_result])
def test_partial_results_have_a_map_and_a_graph(make: Any) -> None:
    result = make(3)
    for drawing in (plots.draw_footprints(result), plots.draw_overlaps(result)):
        assert plots.rendered(drawing).data
        assert drawing.alt
    assert residuals_of(result) is None


def test_units_of_maps_and_round_numbers() -> None:
    assert [map_unit(extent)[0] for extent in (100.0, 1000.0, 20000.0)] == [
        "arcsec",
        "arcmin",
        "deg",
    ]
    assert [nice(value) for value in (0.3, 1.0, 4.9, 5.0, 87.0, 1e4, np.inf)] == [
        1.0, 1.0, 2.0, 5.0, 50.0, 1e4, 1.0,
    ]  # fmt: skip


def test_the_spread_is_that_of_a_normal_law_and_withstands_outliers() -> None:
    values = np.random.default_rng(1).normal(size=20000)
    values[:200] = 1e6
    assert spread(values) == pytest.approx(1.0, abs=0.03)
    assert np.isnan(spread(np.array([np.nan])))
