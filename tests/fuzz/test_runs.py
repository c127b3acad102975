"""A fixed part of the whole runs on hostile input whose table is docs/tables/reliability.rst."""

from __future__ import annotations

from pathlib import Path

import pytest
from fuzz.runs import KINDS, run_case

from tweakreg_step.simulate import Truth, simulate_mosaic

SHARE = {
    "service faults": 10,
    "damaged images": 15,
    "broken associations": 20,
    "broken catalogs": 20,
}
"""Every how many of the cases of that table; test_fuzz.py reads more of the last two."""


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    """Three small exposures; a case that spoils one puts it back."""
    return simulate_mosaic(
        tmp_path_factory.mktemp("input"),
        seed=3,
        tiles=(1, 1),
        dithers=3,
        shape=(192, 192),
        stars_per_image=30,
        flux_limits=(20.0, 3000.0),
        reference_fraction=0.8,
    )


@pytest.mark.parametrize("kind", KINDS)
def test_hostile_input_ends_no_run_raw(kind: str, truth: Truth, tmp_path: Path) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    found = {
        seed: run_case(kind, seed, truth, folder) for seed in range(KINDS[kind][1] // SHARE[kind])
    }
    assert not {seed: run.what for seed, run in found.items() if run.what}
    assert "hang" not in {run.outcome for run in found.values()}
    assert not {seed: run.outside for seed, run in found.items() if run.outside}
    assert not {seed: run.lost for seed, run in found.items() if run.lost}
    assert "done" in {run.outcome for run in found.values()}
