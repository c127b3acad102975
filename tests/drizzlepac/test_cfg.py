"""The .cfg files of TEAL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tweakreg_step import cli
from tweakreg_step.core.exceptions import InputError, ParameterError
from tweakreg_step.drizzlepac.cfg import read_cfg
from tweakreg_step.drizzlepac.translation import translated
from tweakreg_step.drizzlepac.values import values_of


def write(folder: Path, text: str) -> Path:
    path = folder / "tweakreg.cfg"
    path.write_text(text)
    return path


TEXT = """_task_name_ = tweakreg
input = "a_flc.fits, b_flc.fits"   # two
refimage = INDEF

[UPDATE HEADER]
updatehdr = yes
wcsname = 'MY # NAME'
[ OBJECT MATCHING PARAMETERS ]
searchrad = 2.5
nbright = None
[ _RULES_ ]
_rule1_ = string_kw(default='', code='OUT = len(VAL) > 0')
"""


def test_sections_quotes_comments_and_rules(tmp_path: Path) -> None:
    assert read_cfg(write(tmp_path, TEXT), "tweakreg") == {
        "": {"input": "a_flc.fits, b_flc.fits", "refimage": "INDEF"},
        "UPDATE HEADER": {"updatehdr": "yes", "wcsname": "MY # NAME"},
        "OBJECT MATCHING PARAMETERS": {"searchrad": "2.5", "nbright": "None"},
    }


def test_values_have_their_types_and_the_defaults_are_those_of_tweakreg(tmp_path: Path) -> None:
    values = values_of({"minobj": "7"}, write(tmp_path, TEXT))
    main = values.main
    assert main["updatehdr"] is True
    assert main["searchrad"] == 2.5
    assert main["refimage"] == ""
    assert main["nbright"] is None
    assert main["minobj"] == 7
    assert (main["fitgeometry"], main["nclip"], main["reusename"]) == ("rscale", 3, False)
    assert values.image["threshold"] == values.reference["threshold"] == 4.0


def test_mappings_with_sections_and_those_of_finders(tmp_path: Path) -> None:
    given = {
        "updatehdr": False,
        "_SOURCE FINDING PARS_": {"threshold": 200.0},
        "_REF IMAGE SOURCE FINDING PARS_": {"conv_width": 2.5},
        "OBJECT MATCHING PARAMETERS": {"searchunits": "pixels"},
    }
    values = values_of({"conv_width": 3.0}, given)
    assert values.main["searchunits"] == "pixels"
    assert (values.image["threshold"], values.image["conv_width"]) == (200.0, 3.0)
    assert (values.reference["threshold"], values.reference["conv_width"]) == (4.0, 2.5)


def test_a_file_of_ten_years_ago(tmp_path: Path) -> None:
    """Names that are no more, those of the finder in the file of the task, no sections."""
    text = "_task_name_ = tweakreg\nupdatehdr = no\nfwhmpsf = 2.2\nascend = yes\nhmin = 3\n"
    values = values_of({}, write(tmp_path, text))
    assert values.image["fwhmpsf"] == 2.2
    assert values.image["ascend"] is True
    (remark,) = values.remarks
    assert remark.startswith("'hmin' in the file of tweakreg is passed over")
    found = translated(values, 0.05)
    assert found.parameters["kernel_fwhm"] == 2.2
    assert not any("conv_width" in line for line in found.numbers)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("_task_name_ = astrodrizzle\nbuild = yes\n", "of the task 'astrodrizzle', but those of"),
        ("input = a\nnonsense\n", r"Line 2 of the parameter file .* is 'nonsense', but a name"),
    ],
)
def test_files_that_are_refused(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        values_of({}, write(tmp_path, text))


def test_files_that_are_not_there_and_things_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.cfg' can't be read.*Check the name"):
        values_of({}, tmp_path / "gone.cfg")
    with pytest.raises(InputError, match=r"are a int, but the path of a \.cfg file"):
        values_of({}, 3)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"updatehdr": "maybe"}, "'updatehdr' of TweakReg is 'maybe', but must be yes or no"),
        ({"minobj": 2.5}, "'minobj' of TweakReg is 2.5, but must be a whole number"),
        ({"searchrad": "far"}, "'searchrad' of TweakReg is 'far', but must be a number"),
        ({"fitgeometry": "affine"}, "must be one of 'shift', 'rscale'"),
        ({"nclip": True}, "must be a whole number"),
    ],
    ids=str,
)
def test_values_that_are_refused(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ParameterError, match=sentence):
        values_of(given)


def test_a_name_that_is_given_twice() -> None:
    with pytest.raises(ParameterError, match=r"'threshold' is given twice"):
        values_of({"threshold": 5.0}, imagefindcfg={"threshold": 4.0})


def test_limits_by_either_name_and_choices_in_any_case() -> None:
    values = values_of({"catfile": "c", "fluxmin": 20.0, "rfluxmax": 15.0, "fluxunits": "MAG"})
    assert values.main["minflux"] == 20.0
    assert values.main["rmaxflux"] == 15.0
    assert values.main["fluxunits"] == "mag"


def test_values_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, TEXT)
    assert cli.main(["from-cfg", str(path), "--set", "minobj"]) == 2
    assert "a name and a value are needed: --set minobj=VALUE" in capsys.readouterr().err
    assert cli.main(["from-cfg", str(path), "a_flc.fits", "--set", "minobj=few"]) == 2
    assert "'minobj' of TweakReg is 'few', but must be a whole number" in capsys.readouterr().err
