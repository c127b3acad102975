"""Names and defaults are those that users of the JWST step know; bad pairs are refused."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from tweakreg_step.core.exceptions import ParameterError, TweakregError
from tweakreg_step.parameters.declaration import declarations
from tweakreg_step.parameters.run_parameters import STAGES, Parameters

# From the documentation of the JWST step; starfinder, align_method and kernel_fwhm=None are ours.
DEFAULTS = {
    "save_catalogs": False, "use_custom_catalogs": False, "catalog_format": "ecsv", "catfile": "",
    "starfinder": "sep", "snr_threshold": 10.0, "kernel_fwhm": None, "bkg_boxsize": 400,
    "minsep_fwhm": 0.0, "sigma_radius": 1.5, "sharplo": 0.5, "sharphi": 2.0, "roundlo": 0.0,
    "roundhi": 0.2, "brightest": 200, "peakmax": None, "npixels": 10, "connectivity": 8,
    "nlevels": 32, "contrast": 0.001, "multithresh_mode": "exponential", "localbkg_width": 0,
    "apermask_method": "correct", "kron_params": None, "deblend": True,
    "enforce_user_order": False, "expand_refcat": False, "minobj": 15, "fitgeometry": "rshift",
    "nclip": 3, "sigma": 3.0, "searchrad": 2.0, "use2dhist": True, "separation": 1.0,
    "tolerance": 0.7, "xoffset": 0.0, "yoffset": 0.0, "abs_refcat": "",
    "save_abs_catalog": False, "abs_minobj": 15, "abs_fitgeometry": "rshift", "abs_nclip": 3,
    "abs_sigma": 3.0, "abs_searchrad": 6.0, "abs_use2dhist": True, "abs_separation": 1.0,
    "abs_tolerance": 0.7, "sip_approx": True, "sip_max_pix_error": 0.01, "sip_degree": None,
    "sip_max_inv_pix_error": 0.01, "sip_inv_degree": None, "sip_npoints": 12,
    "output_use_model": True, "in_memory": None, "refimage": "",
}  # fmt: skip


def test_names_and_defaults() -> None:
    declared = {d.name: d.default for d in declarations(*STAGES.values())}
    assert {name: declared[name] for name in DEFAULTS} == DEFAULTS


def test_every_parameter_has_a_meaning_and_belongs_to_one_stage() -> None:
    declared = list(declarations(*STAGES.values()))
    assert all(d.meaning for d in declared)
    assert len({d.name for d in declared}) == len(declared)


def test_parameters_of_a_step_are_its_attributes() -> None:
    parameters = Parameters.of(SimpleNamespace(searchrad="3.5", connectivity="4", abs_refcat=None))
    assert parameters.relative.searchrad == 3.5
    assert parameters.segmentation.connectivity == 4
    assert not parameters.matching_absolute


@pytest.mark.parametrize("prefix", ["", "abs_"])
def test_separation_must_exceed_the_tolerance_in_the_sequential_mode(prefix: str) -> None:
    early = {f"{prefix}separation": 0.5, f"{prefix}tolerance": 1.0}  # defaults of old documents
    Parameters.of(SimpleNamespace(**early))
    with pytest.raises(ParameterError, match=rf"'{prefix}separation' is 0\.5 .*align_method='glob"):
        Parameters.of(SimpleNamespace(align_method="sequential", **early))


def test_parameter_errors_can_be_caught_as_value_errors_of_this_package() -> None:
    with pytest.raises(ValueError, match="starfinder") as caught:
        Parameters.of(SimpleNamespace(starfinder="eyes"))
    assert isinstance(caught.value, TweakregError)


def test_the_number_of_brightest_of_given_catalogs() -> None:
    assert Parameters.of(SimpleNamespace()).brightest_given is None
    assert Parameters.of(SimpleNamespace(brightest=None)).brightest_given is None
    assert Parameters.of(SimpleNamespace(brightest="None")).finder.brightest is None
    assert Parameters.of(SimpleNamespace(brightest=50)).brightest_given == 50
    usual = Parameters.of(SimpleNamespace(brightest=200))
    assert usual.brightest_given is None  # the default, unless it is known to be the user's
    assert replace(usual, given=frozenset({"brightest"})).brightest_given == 200
