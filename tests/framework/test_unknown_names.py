"""Names that are no parameters, given as keywords, in a file, or as attributes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from stpipe.exceptions import ValidationError

from tweakreg_step import TweakRegStep
from tweakreg_step.core.exceptions import InputError


@pytest.mark.parametrize(
    ("given", "near"),
    [
        ({"fit_geometry": "shift"}, "Did you mean 'fitgeometry'? "),
        ({"search_radius": 3.0}, "Did you mean 'searchrad'? "),
        ({"Tolerance": 1.0}, "Did you mean 'tolerance'? "),
        ({"frobnicate": 1}, ""),
    ],
)
def test_a_keyword_that_is_no_parameter(given: dict[str, Any], near: str) -> None:
    (name,) = given
    expected = f"no parameter '{name}', but each name must be that of a parameter. {near}See docs"
    with pytest.raises(ValidationError) as caught:
        TweakRegStep.call("gone_cal.fits", **given)
    assert expected in str(caught.value)


def test_a_name_in_a_parameter_file_that_is_no_parameter(tmp_path: Path) -> None:
    path = tmp_path / "mine.asdf"
    step = TweakRegStep()
    step.export_config(path)
    path.write_text(path.read_text().replace(" searchrad:", " search_rad:"))
    with pytest.raises(ValidationError, match="Did you mean 'searchrad'"):
        TweakRegStep.call("gone_cal.fits", config_file=str(path))


def run(step: TweakRegStep) -> None:
    with pytest.raises(InputError, match="do not exist"):
        step.run("gone_cal.fits")


def test_an_attribute_that_is_no_parameter(caplog: pytest.LogCaptureFixture) -> None:
    step = TweakRegStep(searchrad=3.0)
    step.fitgeometry, step.output_dir, step.report_written = "shift", ".", False
    run(step)
    assert "There is no parameter" not in caplog.text
    step.fit_geometry, step._own, step.frobnicate = "shift", 1, 2
    run(step)
    assert "no parameter 'fit_geometry', but each name must be that of a parameter." in caplog.text
    assert "Did you mean 'fitgeometry'? Setting 'fit_geometry' of the step has no" in caplog.text
    assert "Setting 'frobnicate' of the step has no effect." in caplog.text
    assert caplog.text.count("There is no parameter") == 2


def test_an_attribute_of_an_earlier_release(caplog: pytest.LogCaptureFixture) -> None:
    step = TweakRegStep()
    step.min_gaia, step.align_to_gaia = 4, True
    run(step)
    assert (step.abs_minobj, step.abs_refcat) == (4, "GAIADR2")
    assert "'min_gaia' is of an earlier release; it is now 'abs_minobj'" in caplog.text
    step.abs_minobj, step.abs_refcat = 9, ""
    caplog.clear()
    run(step)
    assert (step.abs_minobj, step.abs_refcat) == (9, "")
    assert "earlier release" not in caplog.text


def test_the_current_name_wins_over_the_old_one() -> None:
    step = TweakRegStep()
    step.min_gaia, step.abs_minobj = 4, 7
    run(step)
    assert step.abs_minobj == 7


def test_a_step_that_is_made_by_hand_says_so_too() -> None:
    with pytest.raises(ValidationError, match=r"no parameter 'serchrad'.*Did you mean 'searchrad'"):
        TweakRegStep(serchrad=3.0)
