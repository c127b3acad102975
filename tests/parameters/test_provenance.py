"""Parameters: where they came from, and what they were called earlier."""

from __future__ import annotations

import pytest

from tweakreg_step.framework.old_names import renamed
from tweakreg_step.parameters.declaration import declarations
from tweakreg_step.parameters.provenance import departures, effective
from tweakreg_step.parameters.stages import AbsoluteParameters, RelativeParameters


def test_departures_name_value_unit_and_source() -> None:
    values = {d.name: d.default for d in declarations(RelativeParameters)}
    values |= {"searchrad": 3.0, "minobj": "9"}
    lines = departures(declarations(RelativeParameters), values, {"searchrad": "command line"})
    assert list(lines) == ["minobj = 9 (set in Python)", "searchrad = 3.0 arcsec (command line)"]


def test_passwords_of_addresses_are_hidden() -> None:
    values = {d.name: d.default for d in declarations(AbsoluteParameters)}
    values |= {"abs_refcat": "https://user:pass@host/hats"}
    (line,) = departures(declarations(AbsoluteParameters), values, {})
    assert line == "abs_refcat = 'https://***@host/hats' (set in Python)"
    shown = {n: v for n, v, _ in effective(declarations(AbsoluteParameters), values, {})}
    assert shown["abs_refcat"] == "https://***@host/hats"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"align_to_gaia": True, "gaia_catalog": "GAIADR3"}, {"abs_refcat": "GAIADR3"}),
        ({"align_to_gaia": "True"}, {"abs_refcat": "GAIADR2"}),
        ({"align_to_gaia": False, "gaia_catalog": "GAIADR3"}, {"abs_refcat": ""}),
        ({"gaia_catalog": "GAIADR3"}, {"abs_refcat": ""}),  # the switch was off by default
        ({"min_gaia": 5}, {"abs_minobj": 5}),
        ({"save_gaia_catalog": True}, {"save_abs_catalog": True}),
        ({"min_gaia": 5, "abs_minobj": 7}, {}),  # today's name wins
        ({"searchrad": 3.0}, {}),
        ({"see2dplot": True}, {"save_plots": True}),
        ({"see2dplot": False}, {"save_plots": False}),
        ({"residplot": "both"}, {"save_plots": True}),
        ({"residplot": "vector"}, {"save_plots": True}),
        ({"residplot": "No plot"}, {"save_plots": False}),
        ({"see2dplot": "True", "residplot": "No plot"}, {"save_plots": True}),
        ({"see2dplot": "False", "residplot": "residuals"}, {"save_plots": True}),
        ({"see2dplot": True, "save_plots": False}, {}),
    ],
)
def test_old_names_are_translated(given: dict[str, object], expected: dict[str, object]) -> None:
    assert renamed(given)[0] == expected


def test_each_old_name_gets_one_sentence() -> None:
    given = {"align_to_gaia": True, "gaia_catalog": "A", "min_gaia": 5, "save_gaia_catalog": True}
    sentences = renamed(given)[1]
    assert len(sentences) == 4
    assert sentences["min_gaia"].startswith(
        "Parameter 'min_gaia' is of an earlier release; it is now"
    )
