"""The documentation says what the code does."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from tweakreg_step import TweakRegStep
from tweakreg_step.config import STAGES
from tweakreg_step.spec import declarations

ROOT = Path(__file__).parent.parent


def test_the_page_of_parameters_is_made_from_the_code() -> None:
    page = runpy.run_path(str(ROOT / "docs" / "make_parameters.py"))["page"]()
    assert (ROOT / "docs" / "parameters.rst").read_text() == page


@pytest.mark.parametrize("path", sorted((ROOT / "config").glob("*.asdf")), ids=lambda p: p.stem)
def test_parameter_files_hold_only_what_differs_each_with_its_reason(path: Path) -> None:
    step = TweakRegStep.from_config_file(str(path))
    lines = path.read_text().split("parameters:\n")[1].splitlines()[:-1]
    reasons, settings = lines[0::2], lines[1::2]
    assert all(reason.startswith("  # ") for reason in reasons)
    defaults = {d.name: d.default for d in declarations(*STAGES.values())}
    assert settings
    for setting in settings:
        name, value = setting.strip().split(": ")
        assert getattr(step, name) == float(value) != defaults[name]
