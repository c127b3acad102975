"""The recipe for fields of galaxies reaches what its users reach with SExtractor and TweakReg."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import recipe

from tweakreg_step.commands import doctor

REACHED = 0.15
"""Pixels."""


def test_the_recipe_reaches_its_accuracy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(recipe, "SCENE", replace(recipe.SCENE, shape=(260, 520)))
    monkeypatch.setattr(recipe, "POINTS", 25)
    monkeypatch.setattr(doctor, "service_reachable", lambda: "not asked")
    rows = {step: float(error) for step, error, _ in recipe.recipe(tmp_path)}
    assert "j94f16" in capsys.readouterr().out  # doctor shows both visits
    assert rows.pop("as delivered") > 4.0
    assert rows.pop("other filter, before") > 3.0
    assert len(rows) == 4
    assert max(rows.values()) < REACHED


@pytest.mark.hst
def test_stars_and_galaxies_of_the_mosaic_are_at_the_truth(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The recipe to its end, the final drizzle (``make test-hst``)."""
    pytest.importorskip("drizzlepac")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(doctor, "service_reachable", lambda: "not asked")
    step, error, remark = recipe.recipe(tmp_path)[-1]
    assert step == "mosaic, drizzled"
    assert int(remark.split()[2]) > 15
    assert float(error) < REACHED
