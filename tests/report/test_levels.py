"""The levels of motion in words and for programs."""

from __future__ import annotations

import numpy as np

from tweakreg_step.core.level_fits import EpochTie, FieldFit, Levels, LevelWidth, Placement
from tweakreg_step.report.levels import level_rows, levels_of

NAMES = "jw00001001001_02101_1", "jw00001001001_02101_2"


def _levels(**changes: object) -> Levels:
    usual = {
        "widths": (LevelWidth("exposure in a visit", 2, 4.1, float("nan")),),
        "apart_mas": np.array([[1.0, -2.0], [1200.0, 1600.0]]),
        "apart_roll": np.array([0.1, -0.5]),
        "left": np.array([False, True]),
        "placements": (Placement(0, -9.8e-5, 4e-6),),
        "field": FieldFit(np.array([-5.0, -2.5]), np.array([0.1, 0.1]), 3.0, told=True),
        "ties": (EpochTie((2022.5, 2025.5), 0.25),),
    }
    return Levels(**(usual | changes))


def test_rows_say_what_moves_with_what() -> None:
    assert level_rows(_levels(), NAMES) == [
        ("exposure in a visit, 2 units", "scatter 4.10 mas"),
        (
            f"left its visit: {NAMES[1]}",
            "2.000 arcsec and -0.5 arcsec of roll from the others of the visit",
        ),
        (
            f"placement, visit of {NAMES[0]}",
            "VA_SCALE - 1 = -0.98 +- 0.04 x 1e-4 about a common point",
        ),
        ("motion of the field", "-5.00 -2.50 +- 0.10 mas/yr, scatter 3.00 mas/yr"),
        ("epochs 2022.50 and 2025.50", "tied to 0.25 mas"),
    ]


def test_what_is_not_known_is_said() -> None:
    unknown = FieldFit(np.zeros(2), np.full(2, 7.0), 0.1, told=False)
    ties = (EpochTie((2022.5, 2025.5), float("inf")),)
    rows = dict(level_rows(_levels(field=unknown, ties=ties), NAMES))
    assert rows["motion of the field"].startswith("mean not known: no three reference stars")
    assert rows["epochs 2022.50 and 2025.50"] == "tied by nothing"


def test_groups_that_move_alone_have_no_rows() -> None:
    assert level_rows(Levels.empty(2), NAMES) == []
    assert levels_of(Levels.empty(2)) == {
        "scatter": [],
        "left_visit": [],
        "placements": [],
        "field": None,
        "epochs": [],
    }


def test_programs_find_the_same() -> None:
    found = levels_of(_levels())
    (left,) = found["left_visit"]
    assert left["group"] == 1
    assert left["apart_mas"].tolist() == [1200.0, 1600.0]
    assert found["placements"] == [{"group": 0, "scale": -9.8e-5, "sigma": 4e-6}]
    assert found["field"]["told"] is True
    assert found["epochs"] == [{"epochs": (2022.5, 2025.5), "sigma_mas": 0.25}]
