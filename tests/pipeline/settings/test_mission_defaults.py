"""What a user leaves open is as the mission has it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tweakreg_step.parameters import STAGES, Parameters, declarations, effective, unset
from tweakreg_step.pipeline.settings.mission_defaults import with_mission_defaults
from tweakreg_step.telescopes.jwst import JWST

GEOMETRIES = ("fitgeometry", "abs_fitgeometry")


def mission(name: str, fitgeometry: str) -> Any:
    return SimpleNamespace(name=name, fitgeometry=fitgeometry)


def run_with(
    telescopes: list[Any], sources: dict[str, str], **given: str
) -> tuple[tuple[str, str], dict[str, tuple[object, str]]]:
    """The geometries of a run, and what is said of them."""
    declared = list(declarations(*STAGES.values()))
    values = {one.name: one.default for one in declared} | given
    parameters, triples = with_mission_defaults(
        Parameters.of(SimpleNamespace(**values)),
        list(effective(iter(declared), values, sources)),
        set(unset(iter(declared), values, sources)),
        telescopes,
    )
    said = {name: (value, origin) for name, value, origin in triples if name in GEOMETRIES}
    return (parameters.relative.fitgeometry, parameters.absolute.abs_fitgeometry), said


def test_of_jwst_they_are_those_of_the_parameters() -> None:
    assert run_with([JWST()], {}) == (
        ("rshift", "rshift"),
        dict.fromkeys(GEOMETRIES, ("rshift", "default")),
    )


@pytest.mark.parametrize("order", [1, -1])
def test_of_several_missions_the_one_that_needs_most_decides(order: int) -> None:
    both = [JWST(), mission("OTHER", "rscale")][::order]
    assert run_with(both, {}) == (
        ("rscale", "rscale"),
        dict.fromkeys(GEOMETRIES, ("rscale", "default of OTHER")),
    )


@pytest.mark.parametrize(
    ("value", "source", "used"),
    [
        ("shift", "command line", "shift"),
        ("rshift", "command line", "rshift"),
        ("shift", "pipeline", "shift"),
        ("rshift", "pipeline", "general"),  # a pipeline hands on all defaults
    ],
)
def test_what_is_given_counts(value: str, source: str, used: str) -> None:
    found, said = run_with(
        [mission("OTHER", "general")], {"fitgeometry": source}, fitgeometry=value
    )
    assert found == (used, "general")
    assert said["fitgeometry"][0] == used
