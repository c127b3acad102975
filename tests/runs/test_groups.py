"""Groups that are none are said before sources are found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from spoiled import edit
from step_outputs import call, opened

from tweakreg_step import TweakRegStep
from tweakreg_step.core.exceptions import TweakregError
from tweakreg_step.simulate import Truth
from tweakreg_step.telescopes.inputs import open_library
from tweakreg_step.telescopes.labels import labels_of
from tweakreg_step.telescopes.library import group_ids


@pytest.fixture
def alike(files: Truth, monkeypatch: pytest.MonkeyPatch) -> Truth:
    """Images with the keywords of one exposure; finding their sources ends the run."""

    for path in files.files:
        edit(path, **{"observation.exposure_number": "1", "group_id": None})

    def stop(*_: Any, **__: Any) -> None:
        raise TweakregError("Sources are searched.")

    monkeypatch.setattr("tweakreg_step.exposures.exposure_catalog.find_sources", stop)
    return files


@pytest.mark.parametrize("kind", ["files", "files, one at a time", "models"])
def test_images_with_the_same_keywords(
    alike: Truth, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    given = opened(alike) if kind == "models" else [str(path) for path in alike.files]
    with pytest.raises(TweakregError, match="Sources are searched"):
        TweakRegStep.call(given, in_memory=kind != "files, one at a time")
    assert caplog.text.count("occurs more than once") == 1
    assert "All 3 images are in the group" in caplog.text
    assert "and two groups are needed" in caplog.text


@pytest.mark.parametrize("where", ["association", "metadata"])
def test_groups_that_are_named_are_taken(alike: Truth, where: str) -> None:
    paths = [Path(path) for path in alike.files]
    for number, path in enumerate(paths):
        if where == "metadata":
            edit(path, group_id=f"g{number}")
    members = [
        {"expname": str(path), "exptype": "science"}
        | ({"group_id": f"g{number}"} if where == "association" else {})
        for number, path in enumerate(paths)
    ]
    library = open_library(
        {"products": [{"name": "a", "members": members}]}, in_memory=True, owned=False
    )
    assert [label.group for label in labels_of(library)] == ["g0", "g1", "g2"]
    assert {label.detector for label in labels_of(library)} == {"NRCALONG"}


def test_usual_images_are_of_groups_of_their_own(
    files: Truth, caplog: pytest.LogCaptureFixture
) -> None:
    call(files, minobj=10_000)
    assert "more than once" not in caplog.text


@pytest.mark.parametrize("error", [ValueError, AttributeError, OSError])
def test_a_header_that_fails_costs_no_run(
    files: Truth, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def fails(*_: Any) -> None:
        raise error("of a header")

    monkeypatch.setattr("tweakreg_step.telescopes.labels.telescope_of_file", fails)
    library = open_library([str(p) for p in files.files], in_memory=True, owned=False)
    assert [(label.group, label.detector) for label in labels_of(library)] == [("", "")] * 3


def test_the_name_of_a_group_is_one_line(files: Truth) -> None:
    models = opened(files)
    models[1].meta.group_id = "a\n/../b"
    library = open_library(models, in_memory=True, owned=False)
    assert group_ids(library)[1] == labels_of(library)[1].group == "a\\n/../b"
