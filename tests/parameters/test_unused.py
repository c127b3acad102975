"""Parameters that are given and have no effect are said, one by one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tweakreg_step.parameters import Parameters, declarations, unused, unused_in_mode
from tweakreg_step.parameters.run_parameters import STAGES


def said(**given: Any) -> dict[str, str]:
    """Sentences by parameter."""
    found = list(unused(Parameters.of(SimpleNamespace(**given))))
    return {sentence.split("'")[1]: sentence for sentence in found}


@pytest.mark.parametrize(
    "given",
    [
        {"nclip": 5},
        {"use2dhist": False},
        {"enforce_user_order": True},
        {"expand_refcat": True},
        {"abs_refcat": "a", "abs_nclip": 0},
        {"abs_refcat": "a", "abs_use2dhist": False},
        {"abs_refcat": "a", "abs_separation": 2.0},
        {"abs_refcat": "a", "abs_sigma": 2.0},
        {"abs_refcat": "a", "abs_fitgeometry": "shift"},
        {"align_method": "sequential", "detector_motion": "shift"},
        {"align_method": "sequential", "abs_method": "rigid", "abs_refcat": "a"},
        {"abs_searchrad": 9.0},
        {"abs_minobj": 5},
        {"abs_method": "rigid"},
        {"refnbright": 100},
        {"offline": True},
        {"save_abs_catalog": True},
        {"sharplo": 0.1},
        {"starfinder": "segmentation", "roundhi": 1.0},
        {"npixels": 5},
        {"starfinder": "dao", "minarea": 5},
        {"starfinder": "iraf", "deblend": False},
        {"starfinder": "iraf", "ratio": 0.5, "theta": 30.0},
        {"xcol": "1", "ycol": "2"},
        {"xyorigin": 1},
        {"xyunits": "degrees"},
        {"catfile": "cats.txt"},
        {"sip_approx": False, "sip_degree": 3},
    ],
    ids=str,
)
def test_what_has_no_effect_is_said(given: dict[str, Any]) -> None:
    values = {k: v for k, v in given.items() if k not in {"abs_refcat", "align_method", "ycol"}}
    values = {k: v for k, v in values.items() if k not in {"starfinder", "sip_approx"}}
    sentences = said(**given)
    assert set(values) <= set(sentences)
    for name, value in values.items():
        assert f"Parameter '{name}' is {value!r}, but" in sentences[name]
        assert any(word in sentences[name] for word in ("Leave it out", "Set ", "Give "))


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"searchrad": 5.0, "separation": 0.5, "tolerance": 1.0, "sigma": 4.0, "minobj": 3},
        {"abs_refcat": "a", "abs_searchrad": 9.0, "abs_tolerance": 1.0, "abs_minobj": 3},
        {"abs_refcat": "a", "fitgeometry": "shift", "abs_fitgeometry": "shift"},
        {"abs_refcat": "a", "sigma": 2.0, "abs_sigma": 2.0, "offline": True, "rfluxmin": 10.0},
        {"abs_refcat": "a", "abs_method": "rigid", "detector_motion": "none"},
        {"align_method": "sequential", "nclip": 5, "expand_refcat": True, "use2dhist": False},
        {"align_method": "sequential", "abs_refcat": "a", "abs_fitgeometry": "shift"},
        {"align_method": "sequential", "abs_refcat": "a", "abs_nclip": 1, "abs_separation": 2.0},
        {"starfinder": "dao", "sharplo": 0.1, "minsep_fwhm": 2.0},
        {"starfinder": "segmentation", "npixels": 5},
        {"use_custom_catalogs": True, "catfile": "c", "xyorigin": 1, "xcol": "1", "ycol": "2"},
        {"sip_degree": 3, "xoffset": 3.0, "yoffset": 1.0, "brightest": 50, "refimage": "a"},
    ],
    ids=str,
)
def test_what_is_used_is_not_said(given: dict[str, Any]) -> None:
    assert said(**given) == {}


def test_each_parameter_is_said_once() -> None:
    found = list(
        unused(Parameters.of(SimpleNamespace(abs_nclip=1, abs_method="rigid", abs_sigma=2.0)))
    )
    assert len(found) == 3
    assert all("there is no reference catalog" in sentence for sentence in found)


def test_the_rules_name_parameters_that_there_are() -> None:
    known = {declaration.name for declaration in declarations(*STAGES.values())} | {"clip_accum"}
    every = dict.fromkeys(known, 0)
    for mode, count in (("global", 7), ("sequential", 2)):
        assert len(list(unused_in_mode(every, mode))) == count
