"""Pictures and the page of a result, as notebooks and scripts ask for them."""

from __future__ import annotations

import builtins
import sys
from dataclasses import replace
from typing import Any

import pytest
from made_results import early_result, make_result

from tweakreg_step.core.exceptions import OutputError, ParameterError
from tweakreg_step.parameters import Setting
from tweakreg_step.report import RunResult
from tweakreg_step.report.page.residuals import residual_plots
from tweakreg_step.report.statistics import residuals_of
from tweakreg_step.results.plot import Page, Pictures


@pytest.fixture(scope="module")
def run() -> RunResult:
    return make_result("stack", 3)


def test_each_picture_is_a_figure_that_can_be_saved(run: RunResult, tmp_path: Any) -> None:
    pictures, name = Pictures(run), run.groups.names[0]
    drawn = [
        pictures.sky(),
        pictures.graph(),
        pictures.residuals(),
        pictures.errors(),
        pictures.vectors(name),
        pictures.offsets(name),
        pictures.offsets(name, run.groups.names[1]),
    ]
    for figure in drawn:
        assert figure.axes
    drawn[0].savefig(tmp_path / "sky.png")
    assert (tmp_path / "sky.png").stat().st_size > 10_000


def test_limit_and_size_of_labels_are_those_of_the_run(run: RunResult) -> None:
    given = (Setting("plot_limit", 3.5, "Python"), Setting("plot_labelsize", 17.0, "Python"))
    own = replace(run, run=replace(run.run, parameters=given))
    axes = Pictures(own).residuals().axes[0]
    assert axes.get_ylim() == (-3.5, 3.5)
    assert axes.yaxis.label.get_size() == 17.0
    assert axes.get_yticklabels()[0].get_size() == 17.0
    plots = residual_plots(own, residuals_of(own))
    frames = [plot.model.y_range.renderers[0].data_source.data["x"] for plot in plots[:2]]
    assert frames == [[-3.5, 3.5], [-3.5, 3.5]]
    assert Pictures(run).residuals().axes[0].get_ylim() != (-3.5, 3.5)


def test_what_can_not_be_drawn_is_said(run: RunResult) -> None:
    with pytest.raises(OutputError, match="no detector moves by itself"):
        Pictures(run).motions()
    with pytest.raises(OutputError, match="no residuals of single stars"):
        Pictures(early_result(2)).residuals()
    with pytest.raises(
        ParameterError, match="There is no group 'jw01345001001_02101_0001'; there "
    ):
        Pictures(run).vectors("jw01345001001_02101_0001")


def test_without_matplotlib_the_remedy_is_named(
    run: RunResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in list(sys.modules):
        if name.startswith(("matplotlib", "tweakreg_step.report.plots")):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr("tweakreg_step.report.plots", raising=False)
    real = builtins.__import__

    def absent(name: str, *args: Any, **options: Any) -> Any:
        if name.startswith("matplotlib"):
            raise ModuleNotFoundError(f"No module named '{name}'", name=name)
        return real(name, *args, **options)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(OutputError, match="pip install matplotlib"):
        Pictures(run).sky()
    assert len(Page.of(run).html) > 1e6  # the page needs it not


def test_a_notebook_shows_the_page_in_a_frame_of_its_own(run: RunResult) -> None:
    page = Page.of(run)
    shown = page._repr_html_()
    assert shown.startswith('<iframe srcdoc="&lt;!DOCTYPE html&gt;')
    assert "<script" not in shown
    assert "MB" in repr(page)
