"""The table of TweakReg's parameters: all of the manual, each of which becomes what it says."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from tweakreg_step.core.exceptions import ParameterError
from tweakreg_step.drizzlepac.conversions import CONVERSIONS
from tweakreg_step.drizzlepac.table import (
    IMAGE,
    MAIN,
    PARAMETERS,
    REFERENCE,
    Needs,
    Row,
    Use,
    rows_of,
)
from tweakreg_step.drizzlepac.translation import translated
from tweakreg_step.drizzlepac.values import values_of
from tweakreg_step.parameters import STAGES, declarations

SCALE = 0.05

MANUAL = (
    "input refimage exclusions updatewcs writecat clean interactive verbose runfile updatehdr "
    "wcsname reusename headerlet attach hdrfile clobber hdrname author descrip catalog "
    "history shiftfile outshifts outwcs catfile xcol ycol fluxcol maxflux minflux fluxunits "
    "xyunits nbright refcat refxcol refycol refxyunits rfluxcol rmaxflux rminflux rfluxunits "
    "refnbright minobj searchrad searchunits use2dhist see2dplot tolerance separation xoffset "
    "yoffset fitgeometry residplot labelsize nclip sigma ylimit expand_refcat "
    "enforce_user_order "
)

FINDER = (
    "computesig skysigma conv_width fwhmpsf threshold peakmin peakmax nsigma ratio theta "
    "sharplo sharphi roundlo roundhi dqbits use_sharp_round ascend fluxmin fluxmax "
)

NEEDED: dict[Needs, dict[str, Any]] = {
    Needs.NOTHING: {},
    Needs.PIXELS: {},
    Needs.CATALOGS: {"catfile": "cats.txt"},
    Needs.STARS: {"refcat": "stars.txt"},
    Needs.NO_HISTOGRAM: {"use2dhist": False},
    Needs.SHAPES: {"use_sharp_round": True},
    Needs.SIGMA: {"computesig": False},
    Needs.ORDER: {},
    Needs.HEADERLET: {"headerlet": True},
    Needs.SHIFT_FILE: {"shiftfile": True},
    Needs.UPDATE: {"updatehdr": True},
}
"""What makes a parameter have an effect."""

EXPECTED: dict[str, Any] = {
    "searchrad": 2.0, "separation": 0.1, "tolerance": 0.1, "xoffset": 0.1, "yoffset": 0.1,
    "conv_width": 1.0, "writecat": False, "clean": False, "use_sharp_round": "dao",
    "see2dplot": True, "residplot": True, "ascend": "mag", "ylimit": pytest.approx(100.0),
}  # fmt: skip
"""Our values for those of `other` that are other numbers here, at 0.05 arcsec a pixel."""


def other(row: Row) -> Any:
    """A value that is not the default."""
    if row.kind is bool:
        return not row.default
    if row.choices:
        return next(choice for choice in row.choices if choice != row.default)
    return "another" if row.kind is str else row.kind(2)


def test_every_parameter_of_the_manual_is_there_once() -> None:
    assert set(MANUAL.split()) == set(rows_of(MAIN))
    assert set(FINDER.split()) == set(rows_of(IMAGE)) == set(rows_of(REFERENCE))
    assert len(PARAMETERS) == len(MANUAL.split()) + 2 * len(FINDER.split())
    with pytest.raises(FrozenInstanceError):
        PARAMETERS[0].name = "a"  # type: ignore[misc]


def test_our_parameters_and_conversions_are_there() -> None:
    known = {declared.name for declared in declarations(*STAGES.values())}
    for row in PARAMETERS:
        assert set(row.ours) <= known, row.name
        assert row.conversion in CONVERSIONS
        assert (row.use is Use.MAPPED) <= bool(row.ours)
        assert row.does.endswith((".", ";"))
        assert bool(row.unit) >= bool(row.unit_here)


@pytest.mark.parametrize("row", PARAMETERS, ids=lambda row: f"{row.where}-{row.name}")
def test_each_parameter_becomes_what_the_table_says(row: Row) -> None:
    value = other(row)
    own = {"align_method": "sequential"} if row.needs is Needs.ORDER else {}
    given: dict[str, Any] = dict(NEEDED[row.needs])
    finder = {name: given.pop(name) for name in list(given) if name in FINDER.split()}
    finder |= {"skysigma": 2.0} if row.name == "computesig" else {}
    finders = {IMAGE: dict(finder), REFERENCE: dict(finder)}
    if row.where == MAIN:
        given[row.name] = value
    else:
        finders[row.where][row.name] = value
    values = values_of(given, None, finders[IMAGE] or None, finders[REFERENCE] or None)
    assert values.of(row.where)[row.name] == value
    found = translated(
        values, SCALE, own, finder=row.where if row.where != MAIN else IMAGE, reference=True
    )
    if row.use is Use.MAPPED:
        ours = EXPECTED.get(row.name, value)
        if row.name == "threshold":
            ours = pytest.approx(found.parameters["snr_threshold"])
            assert found.parameters["snr_threshold"] == pytest.approx(0.5 * 0.9911078542)
        twins = [name for name in row.ours if name in {row.ours[0], f"abs_{row.ours[0]}"}]
        assert {name: found.parameters[name] for name in twins} == dict.fromkeys(twins, ours)
        assert not [remark for remark in found.remarks if f"'{row.name}'" in remark]
    elif row.use is Use.PASSED_OVER:
        assert len(found.remarks) == 1
        assert f"'{row.name}' is {value!r}, but has no effect here" in found.remarks[0]
    both = row.use is Use.MAPPED and bool(row.unit) and EXPECTED.get(row.name, value) != value
    assert sum(line.startswith(f"{row.name} = ") for line in found.numbers) >= both


@pytest.mark.parametrize(
    "row",
    [row for row in PARAMETERS if row.needs not in {Needs.NOTHING, Needs.PIXELS}],
    ids=lambda row: f"{row.where}-{row.name}",
)
def test_without_what_it_needs_a_parameter_is_remarked(row: Row) -> None:
    value = other(row)
    given = {row.name: value} if row.where == MAIN else {}
    image = {row.name: value} if row.where == IMAGE else None
    reference = {row.name: value} if row.where == REFERENCE else None
    found = translated(
        values_of(given, None, image, reference),
        SCALE,
        finder=row.where if row.where != MAIN else IMAGE,
    )
    assert [f"'{row.name}' is {value!r}, but has no effect" in one for one in found.remarks] == [
        True
    ]
    assert not set(row.ours) & set(found.parameters) - {"save_plots"}


def test_unknown_names_are_refused_with_the_one_that_may_be_meant() -> None:
    with pytest.raises(ParameterError, match=r"no parameter 'tolerence'. Did you mean 'tolerance'"):
        values_of({"tolerence": 1.0})
