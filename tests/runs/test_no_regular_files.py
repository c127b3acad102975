"""What is no file, where a list is wanted, is refused and not waited for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from step_outputs import call

from tweakreg_step import TweakRegStep
from tweakreg_step.core.exceptions import TweakregError
from tweakreg_step.simulate import Truth


@pytest.mark.parametrize("role", ["catfile", "exclusions", "regions", "catalog", "reference"])
def test_a_pipe_as_a_file_of_the_user(files: Truth, role: str) -> None:
    os.mkfifo("pipe")
    name = files.files[0].name
    Path("list.txt").write_text(f"{name} pipe\n")
    options: dict[str, Any] = {
        "catfile": {"use_custom_catalogs": True, "catfile": "pipe"},
        "exclusions": {"exclusions": "pipe"},
        "regions": {"exclusions": "list.txt"},
        "catalog": {"use_custom_catalogs": True, "catfile": "list.txt"},
        "reference": {"abs_refcat": "pipe"},
    }[role]
    with pytest.raises(TweakregError, match=r"no regular file|does not exist"):
        call(files, **options)


@pytest.mark.parametrize("given", ["pipe.json", "@pipe.json", "pipe.json,", "pipe_cal.fits"])
def test_a_pipe_as_the_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe.json")
    os.mkfifo("pipe_cal.fits")
    with pytest.raises(TweakregError, match=r"no regular file|do not exist"):
        TweakRegStep.call(given, save_results=True, output_dir="out")
