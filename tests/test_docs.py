"""The documentation says what the code does."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from tweakreg_step import TweakRegStep
from tweakreg_step.parameters.declaration import declarations
from tweakreg_step.parameters.run import STAGES

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("name", ["parameters", "report"])
def test_pages_are_made_from_the_code(name: str) -> None:
    page = runpy.run_path(str(ROOT / "docs" / f"make_{name}.py"))["page"]()
    assert (ROOT / "docs" / f"{name}.rst").read_text() == page


def test_the_index_names_every_page() -> None:
    index = (ROOT / "docs" / "index.rst").read_text()
    pages = {path.name for path in (ROOT / "docs").glob("*.rst")} - {"index.rst"}
    assert pages
    assert not [page for page in pages if f"<{page}>" not in index]


@pytest.mark.parametrize("path", sorted((ROOT / "config").glob("*.asdf")), ids=lambda p: p.stem)
def test_parameter_files_hold_only_what_differs_each_with_its_reason(path: Path) -> None:
    step = TweakRegStep.from_config_file(str(path))
    text = path.read_text()
    assert "kernel_fwhm" not in text  # it follows the filter; one for a whole camera is worse
    if path.stem in {"nircam_short", "nircam_long", "niriss"}:
        assert "parameters: {}\n" in text
        assert step.kernel_fwhm is None
        return
    lines = text.split("parameters:\n")[1].splitlines()[:-1]
    reasons, settings = lines[0::2], lines[1::2]
    assert all(reason.startswith("  # ") for reason in reasons)
    defaults = {d.name: d.default for d in declarations(*STAGES.values())}
    assert settings
    for setting in settings:
        name, value = setting.strip().split(": ")
        assert getattr(step, name) == float(value) != defaults[name]
