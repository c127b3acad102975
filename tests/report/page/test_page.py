"""The page: whole, self-contained, well-formed, and true for whatever became of the run."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_results import changed, early_result, make_result, sequential_result

from tweakreg_step.alignment import ImageFits
from tweakreg_step.core.exceptions import OutputError
from tweakreg_step.core.outcome import Code, LeftOut, Outcome, Status
from tweakreg_step.report.page import page_of, write_page
from tweakreg_step.report.page.cells import number
from tweakreg_step.report.page.graph import _lines_of_names
from tweakreg_step.report.page.residuals import residual_plots
from tweakreg_step.report.page.sections import GROUPS, PAIRS, TIES
from tweakreg_step.report.result import RunResult
from tweakreg_step.report.statistics import residuals_of

VOID = {"meta", "img", "br", "link", "input"}


class _Reader(HTMLParser):
    """Collects what a page holds and checks that what is opened is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.plots: list[dict[str, str | None]] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.addresses: list[str] = []
        self.rows = 0
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        if given.get("class") == "canvas":
            self.plots.append(given)
        self.rows += tag == "tr"
        self.ids += [given["id"]] if given.get("id") else []
        self.links += [given["href"]] if tag == "a" else []
        self.addresses += [given[name] for name in ("src", "href", "action") if given.get(name)]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def _no_detections() -> RunResult:
    result = make_result("stack", 2, density=0.0, spurious=0.0)
    assert len(result.catalogs.detections) == 0
    return result


def _no_corners() -> RunResult:
    result = early_result(2)
    nowhere = np.full_like(result.images.corners_before, np.nan)
    return changed(result, corners_before=nowhere, corners_after=nowhere)


@pytest.fixture(scope="module")
def mosaic() -> RunResult:
    return make_result("mosaic", 9, lost=(4,), doubtful=(2,))


@pytest.fixture(scope="module")
def page(mosaic: RunResult) -> str:
    return page_of(mosaic)


@pytest.fixture(scope="module")
def reader(page: str) -> _Reader:
    """The whole page, BokehJS and all; those of other runs have the same script."""
    return _Reader(page)


def test_the_page_is_written_under_the_products_name(tmp_path: Path) -> None:
    path = write_page(early_result(2), tmp_path)
    assert path == tmp_path / "jw01345-o001_t021_nircam_f115w_tweakreg.html"
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    assert path.read_text(encoding="utf-8").endswith("</html>\n")


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"can't be written.*needs a folder that exists"):
        write_page(early_result(2), tmp_path / "nowhere")


def _written(text: str) -> str:
    """The page without BokehJS, which has addresses in its comments."""
    return re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL)


def test_nothing_is_fetched(page: str, reader: _Reader) -> None:
    assert all(address.startswith(("#", "data:image/")) for address in reader.addresses)
    own = _written(page)
    for word in ("http", "@import", "url("):
        assert word not in own


def test_each_link_has_its_target_once(reader: _Reader) -> None:
    assert len(set(reader.ids)) == len(reader.ids)
    assert {link.removeprefix("#") for link in reader.links} <= set(reader.ids)


def test_each_plot_has_words_and_data(page: str, reader: _Reader) -> None:
    plots = reader.plots
    # map, graph, before, after, pixels, errors; pairs, ties to the reference; groups; a detector
    assert len(plots) == 6 + PAIRS + TIES + 8 + 1
    assert all(len(plot["aria-label"] or "") > 20 for plot in plots)
    data = re.findall(r'<script type="application/json">(.*?)</script>', page)
    assert len(data) == len(plots)
    assert all(json.loads(one)["doc"]["roots"] for one in data)


@pytest.fixture(scope="module")
def clean() -> RunResult:
    return make_result("stack", 4)


def test_a_clean_run_has_no_reasons_and_few_histograms(clean: RunResult) -> None:
    text = page_of(clean)
    assert '<p class="clean">' in text
    start = text.index('aria-label="Corrections of the groups"')
    assert ">reason<" not in text[start : text.index("</thead>", start)]
    assert "3 of 6 pairs of groups have a plot" in text
    assert text.count("Offset histogram. ") == 6


def test_names_of_neighbours_stand_on_lines_of_their_own() -> None:
    places = np.array([[0.0, 0.0], [0.5, 0.2], [100.0, 0.0], [np.nan, 0.0], [0.1, 0.1], [0, 0.1]])
    lines = _lines_of_names(places, ["jw01345001001_02101_1"] * 6, 18)
    # the first two and the fifth are at one place, whose three lines are then taken
    assert lines[:3] == [18, 31, 18]
    assert np.isnan(lines[3])
    assert lines[4] == 44
    assert np.isnan(lines[5])


def test_a_finder_that_is_drawn_to_the_middle_of_pixels_shows(clean: RunResult) -> None:
    found = residuals_of(clean)
    assert found is not None
    wave = 10.0 * (found.x - np.round(found.x))
    moved = replace(found, detector=np.stack([wave, np.zeros(len(found))], axis=1))
    plots = {plot.title: plot.model for plot in residual_plots(clean, moved)}
    layers = plots["Residuals and place in the pixel"].renderers
    medians = [one.data_source.data for one in layers if type(one.glyph).__name__ == "Line"]
    x, y = medians
    assert np.allclose(x["y"], 10.0 * np.asarray(x["x"]))
    assert np.ptp(x["x"]) > 0.7
    assert not np.any(y["y"])


def test_no_number_is_minus_nothing() -> None:
    assert number(-0.001).text == "0.00"
    assert number(-0.04, "+.1f").text == "+0.0"
    assert number(-0.4, ".0f").text == "0"


def test_the_page_says_how_it_went(page: str, mosaic: RunResult) -> None:
    assert '<p class="headline">8 of 9 groups aligned to each other' in page
    for text in (
        "Its matches cover 12 % of its area",
        "minobj",
        "command line",
        "gaia.ecsv",
        "release: DR3",
        "finding sources",
        "tweakreg_step",
        mosaic.run.start,
    ):
        assert text in page
    assert "16 of 20 pairs of groups have a plot" in page


def test_the_table_of_corrections(page: str, mosaic: RunResult) -> None:
    start = page.index('aria-label="Corrections of the groups"')
    rows = re.findall(
        r"<tr[^>]*>(.*?)</tr>", page[start : page.index("</table>", start)], re.DOTALL
    )
    assert len(rows) == 10
    for unit in ("east [mas]", "roll [arcsec]", "shift [pixel]", "sigma corner"):
        assert unit in rows[0]
    assert "jw01345001001_02101_00005" in rows[1]
    assert "left alone" in rows[1]
    assert "scale [ppm]" not in rows[0]  # no group changes it
    # the reason is beside the verdict, where nothing cuts it off
    assert rows[0].index("reason") < rows[0].index("east [mas]")
    first = next(row for row in rows if "_00001<" in row)
    assert f"{1000.0 * mosaic.solution.groups.shift[0, 0]:+.1f}" in first
    assert f"{mosaic.solution.groups.rms_mas[0]:.2f}" in first
    assert f"{mosaic.groups.achieved_mas[0]:.2f} / {mosaic.groups.bound_mas[0]:.2f}" in first


def test_what_users_write_is_shown_not_run() -> None:
    result = changed(early_result(1), product="<script>alert(1)</script>&")
    text = page_of(result)
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&amp;" in text


def test_a_dry_run_says_so() -> None:
    text = page_of(early_result(2, dry_run=True))
    assert "Dry run, no image was changed" in text


@pytest.mark.parametrize(
    ("make", "plots", "words"),
    [
        (lambda: sequential_result(4), 2 + 6, "align_method=&#39;global&#39;"),
        (lambda: early_result(3), 2, "The reference service could not be reached."),
        (lambda: make_result("stack", 1, reference=False), 2, "There is nothing to draw"),
        (lambda: make_result("stack", 2, lost=(0, 1), reference=False), 3, "left alone"),
        (_no_detections, 2, "no two catalogs overlap"),
        (_no_corners, 0, "no image has a footprint"),
    ],
    ids=["sequential", "early", "one group", "nothing aligned", "no detections", "no corners"],
)
def test_partial_results(make: Any, plots: int, words: str) -> None:
    text = page_of(make())
    reader = _Reader(_written(text))
    assert len(reader.plots) == plots
    assert words in text


def test_a_thousand_groups_fit_on_a_page() -> None:
    """The plots are of a limited number; the table has every group."""
    few = make_result("mosaic", 16, lost=(0, 9), density=0.015)
    many, each = 1000, 8
    number_of = np.arange(many * each) % 16
    of_group = np.arange(many) % 16
    result = changed(
        few,
        group_names=tuple(f"group_{g:04d}" for g in range(many)),
        images=tuple(f"image_{i:05d}" for i in range(many * each)),
        detectors=("NRCA1",) * (many * each),
        group=np.repeat(np.arange(many), each),
        pixel_scale=np.full(many * each, 0.031),
        corners_before=few.images.corners_before[number_of],
        corners_after=few.images.corners_after[number_of],
        image_detections=few.images.detections[number_of],
        image_fits=ImageFits.empty(many * each),
        outcomes=tuple(few.images.outcomes[g] for g in number_of),
        relative=tuple(few.groups.relative[g] for g in of_group),
        absolute=None,
        solution=None,
        bound_mas=np.full(many, np.nan),
        achieved_mas=np.full(many, np.nan),
    )
    text = page_of(result)
    reader = _Reader(_written(text))
    assert len(text) < 15e6
    assert reader.rows > many
    assert len(reader.plots) <= 6 + PAIRS + TIES + GROUPS + 12
    assert "those that need a look first" in text


def test_same_input_same_page() -> None:
    result = sequential_result(2)
    assert page_of(result) == page_of(result)


def test_numbers_and_their_order() -> None:
    one = number(1.23456)
    assert (one.text, one.kind, one.key) == ("1.23", "n", "1.23456")
    assert (number(float("nan")).text, number(float("nan")).key) == ("-", "")


def test_a_clean_run_says_so() -> None:
    text = page_of(make_result("mosaic", 4, spurious=0.1, density=0.1))
    assert "All is well" in text
    assert "Look first at" not in text


def test_files_that_took_no_part_are_on_the_page() -> None:
    reason = "It has no WCS. Run assign_wcs first."
    lost = LeftOut("broken_cal.fits", Outcome(Status.FAILED, reason, code=Code.UNUSABLE))
    text = page_of(replace(make_result("stack", 2), left_out=(lost,)))
    assert "of the 3 given, 1 took no part" in text
    assert f"<li>broken_cal.fits took no part. {reason}</li>" in text
    images = text[text.index('aria-label="Images"') :]
    assert images.index("broken_cal.fits") < images.index("jw01345001001")


@pytest.mark.parametrize("count", [1, 2])
def test_nouns_agree_with_their_numbers(count: int) -> None:
    text = _written(page_of(make_result("stack", count)))
    assert not re.search(r"\b1 (images|groups|pairs|matches|stars|ties|detectors)\b", text)
