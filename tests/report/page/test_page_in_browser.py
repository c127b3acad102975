"""The page as a browser shows it: drawn, selected, at two widths, in light and in dark, printed."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from browser import dressed, opened, wait_for
from made_results import make_result

from tweakreg_step.report.page import write_page

_SELECTED = """
const out = [];
for (const doc of Bokeh.documents)
  for (const source of doc._all_models.values()) {
    const {group, first, second} = source.type === "ColumnDataSource" ? source.data : {};
    if (group || first)
      out.push([...source.selected.indices].map(i => group ? group[i] : [first[i], second[i]]));
  }
return out;
"""

_CHOSEN_ROWS = """
return [...document.querySelectorAll("#corrections tr.chosen")].map(row => row.dataset.groups)
"""

_PLOTS_FIT = """
return [...document.querySelectorAll(".canvas")].every(
  place => place.scrollWidth <= place.clientWidth + 1)
"""

_TAP = """
const [anchor, x, y] = arguments;
const place = document.querySelector(`#${anchor} .canvas`);
place.scrollIntoView({block: "center"});
const plot = Bokeh.index.roots.find(view => place.contains(view.el));
const box = plot.canvas_view.el.getBoundingClientRect();
const frame = plot.frame;
return [box.x + frame.x_scale.compute(x), box.y + frame.y_scale.compute(y)];
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    result = make_result("mosaic", 4, lost=(3,), doubtful=(1,))
    with opened(write_page(result, tmp_path_factory.mktemp("page"))) as one:
        yield one


def _errors(browser: Any) -> list[str]:
    """What the console complains about."""
    return [e["message"] for e in browser.get_log("browser") if e["level"] in {"SEVERE", "WARNING"}]


def _click(browser: Any, selector: str) -> None:
    browser.execute_script("document.querySelector(arguments[0]).click()", selector)


def _tap(browser: Any, anchor: str, x: float, y: float) -> None:
    """Tap a place of a plot, given in its own coordinates."""
    left, top = browser.execute_script(_TAP, anchor, x, y)
    for kind in ("mousePressed", "mouseReleased"):
        where = {"x": left, "y": top, "button": "left", "clickCount": 1, "type": kind}
        browser.execute_cdp_cmd("Input.dispatchMouseEvent", where)
    browser.execute_async_script("setTimeout(arguments[0], 400)")


def test_every_plot_is_drawn_without_a_complaint(browser: Any) -> None:
    counts = browser.execute_script(
        'return [document.querySelectorAll("figure.plot").length,'
        ' document.querySelectorAll("figure.plot[data-drawn]").length]'
    )
    assert counts[0] == counts[1] > 15
    assert _errors(browser) == []
    fetched = 'return performance.getEntriesByType("resource").map(one => one.name)'
    assert browser.execute_script(fetched) == []


def test_a_row_selects_everywhere(browser: Any) -> None:
    _click(browser, '#corrections tr[data-groups="1"]')
    assert browser.execute_script(_CHOSEN_ROWS) == ["1"]
    found = [set(map(str, one)) for one in browser.execute_script(_SELECTED) if one]
    assert {"1"} in found  # footprints, nodes, stars
    assert any("[" in name and "1" in name for one in found for name in one)  # edges
    assert "00002" in browser.find_element("id", "chosen").text
    _click(browser, "#chosen button")
    assert browser.execute_script(_CHOSEN_ROWS) == []
    assert not any(browser.execute_script(_SELECTED))


def test_a_footprint_selects_its_row(browser: Any) -> None:
    _tap(browser, "sky", -50.0, -50.0)  # in the corner that only the first group has
    assert browser.execute_script(_CHOSEN_ROWS) == ["0"]
    _click(browser, "#chosen button")


def test_an_edge_selects_its_pair(browser: Any) -> None:
    _tap(browser, "ties", -24.0, 0.0)  # halfway between the first two groups, in one column
    assert sorted(browser.execute_script(_CHOSEN_ROWS)) == ["0", "1"]
    pairs = 'return [...document.querySelectorAll("#ties tr.chosen")].map(r => r.dataset.groups)'
    assert browser.execute_script(pairs) == ["0 1"]
    _click(browser, "#chosen button")


def test_before_and_after_are_a_switch(browser: Any) -> None:
    shown = """
    return Bokeh.documents.flatMap(doc => [...doc._all_models.values()])
      .filter(m => ["before", "after"].includes(m.name) && m.visible).map(m => m.name)
    """
    assert set(browser.execute_script(shown)) == {"after"}
    _click(browser, '#sky button[data-layer="before"]')
    assert set(browser.execute_script(shown)) == {"before"}
    _click(browser, '#sky button[data-layer="after"]')


@pytest.mark.parametrize("width", [1400, 500])
@pytest.mark.parametrize("dark", [True, False], ids=["dark", "light"])
def test_widths_and_dresses(browser: Any, width: int, dark: bool) -> None:
    dressed(browser, width, dark=dark)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    wait_for(browser, _PLOTS_FIT)  # plots hear of a new width when the browser finds the time
    assert _errors(browser) == []
    grounds = """
    return [getComputedStyle(document.body).backgroundColor,
      ...Bokeh.documents.flatMap(doc => [...doc._all_models.values()])
      .filter(m => m.type === "Figure").map(m => m.background_fill_color)]
    """
    wanted, end = {"#16191d"} if dark else {"#ffffff"}, time.monotonic() + 30.0
    while True:  # the plots hear of the change when the browser finds the time
        body, *plots = browser.execute_script(grounds)
        if set(plots) == wanted or time.monotonic() > end:
            break
        time.sleep(0.05)
    assert (np.array([int(c) for c in body[4:-1].split(",")]) < 128).all() == dark
    assert set(plots) == wanted


def test_it_prints(browser: Any) -> None:
    made = browser.execute_cdp_cmd("Page.printToPDF", {})
    data = base64.b64decode(made["data"])
    assert data.startswith(b"%PDF")
    assert len(data) > 50_000  # with its plots
