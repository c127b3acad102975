"""The report: as its schema says, nothing left out, and its numbers those of the solution."""

from __future__ import annotations

import json
import math
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from astropy.table import Table
from jsonschema import Draft202012Validator
from made_results import changed, early_result, make_result, sequential_result

import tweakreg_step
from tweakreg_step.core.correction import affine
from tweakreg_step.core.evidence import Evidence
from tweakreg_step.core.exceptions import OutputError
from tweakreg_step.core.solution import Mode, MotionChoice, MotionGrounds
from tweakreg_step.parameters import Setting
from tweakreg_step.report import SCHEMA, report_of, write_report
from tweakreg_step.report import overlaps as pairs

FOLDER = Path(tweakreg_step.__file__).parent / "report" / "schemas"
TWO_DETECTORS = np.array([[-35.0, 0.0], [35.0, 0.0]])


def _schema() -> dict[str, object]:
    return json.loads((FOLDER / f"{SCHEMA.replace('/', '-')}.json").read_text())


def _moving_detectors(motion: str = "rscale"):
    return make_result(
        kind="stack",
        count=6,
        detectors=TWO_DETECTORS,
        rolls=np.arange(6) * 40.0,
        motion_shift=0.05,
        density=0.06,
        options={"detector_motion": motion},
    )


def _nan_everywhere():
    result = make_result("stack", 3)
    evidence = Evidence(3, *[math.nan] * 3, 0, *[math.nan] * 6)
    relative = tuple(replace(verdict, evidence=evidence) for verdict in result.groups.relative)
    return changed(
        result,
        relative=relative,
        corners_before=np.full_like(result.images.corners_before, np.nan),
        corners_after=np.full_like(result.images.corners_after, np.nan),
        pixel_scale=np.full(3, np.nan),
        bound_mas=np.full(3, np.nan),
        achieved_mas=np.full(3, np.inf),
        parameters=(
            Setting("limit", math.inf, "default"),
            Setting("many", (1.0, math.nan), "keyword"),
        ),
    )


RESULTS = {
    "mosaic": lambda: make_result(lost=(4,), doubtful=(2,)),
    "no reference": lambda: make_result(reference=False),
    "general": lambda: make_result("strip", 3, options={"fitgeometry": "general"}),
    "rscale": lambda: make_result("strip", 3, options={"fitgeometry": "rscale"}),
    "shift": lambda: make_result("strip", 3, options={"fitgeometry": "shift"}),
    "rigid": lambda: make_result(options={"joint": False}),
    "detectors": _moving_detectors,
    "detectors chosen": lambda: _moving_detectors("auto"),
    "nothing aligned": lambda: make_result("stack", 2, reference=False, lost=(0, 1)),
    "one group": lambda: make_result("stack", 1),
    "sequential": sequential_result,
    "ended early": early_result,
    "NaN": _nan_everywhere,
}


@pytest.mark.parametrize("kind", RESULTS)
def test_it_is_as_the_schema_says_and_plain_json(kind: str) -> None:
    text = json.dumps(report_of(RESULTS[kind]()), allow_nan=False)
    schema = _schema()
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(json.loads(text))


def _objects(schema) -> list[dict[str, object]]:
    if isinstance(schema, list):
        return [found for item in schema for found in _objects(item)]
    if not isinstance(schema, dict):
        return []
    own = [schema] if "properties" in schema and isinstance(schema["properties"], dict) else []
    return own + [found for item in schema.values() for found in _objects(item)]


def test_the_schema_allows_nothing_that_it_does_not_describe() -> None:
    every = _objects(_schema())
    assert len(every) > 15
    for item in every:
        assert item["additionalProperties"] is False
        assert item["required"] == list(item["properties"])
        for name, field in item["properties"].items():
            assert "description" in field or "$ref" in field, name
            for ending, unit in (("_mas", "mas"), ("_arcsec", "arcsec"), ("_pixels", "pixel")):
                assert not name.endswith(ending) or field["unit"] == unit, name


def test_a_field_without_documentation_is_found() -> None:
    report, validator = report_of(early_result()), Draft202012Validator(_schema())
    assert validator.is_valid(report)
    for part in (report, report["totals"], report["groups"][0]):
        part["new"] = 1
        assert not validator.is_valid(report)
        del part["new"]


def test_all_evidence_is_in_it() -> None:
    assert set(_schema()["$defs"]["evidence"]["properties"]) == {f.name for f in fields(Evidence)}


@pytest.mark.parametrize("geometry", ["shift", "rshift", "rscale", "general"])
def test_the_correction_can_be_made_from_it(geometry: str) -> None:
    result = make_result("strip", 3, geometry=geometry, options={"fitgeometry": geometry})
    solution = result.solution
    for group, said in enumerate(report_of(result)["groups"]):
        correction = said["correction"]
        roll = correction["roll_arcsec"]
        theta = [1e-3 * value for value in correction["shift_mas"]]
        theta += [value for value in (
            None if roll is None else np.deg2rad(roll / 3600.0),
            *(correction[name] for name in ("scale", "stretch", "shear")),
        ) if value is not None]  # fmt: skip
        matrix, shift = affine(geometry, np.array(theta))
        np.testing.assert_allclose(matrix, solution.groups.matrix[group], atol=1e-12)
        np.testing.assert_allclose(shift, solution.groups.shift[group], atol=1e-12)
        np.testing.assert_array_equal(correction["matrix"], solution.groups.matrix[group])
        sigma = 1e3 * np.sqrt(np.diag(solution.groups.covariance[group])[:2])
        np.testing.assert_allclose(correction["shift_sigma_mas"], sigma)
        np.testing.assert_allclose(correction["centre"]["sigma_mas"], sigma)


def test_centre_and_corner_in_mas_and_pixels() -> None:
    result = make_result()
    for group, said in enumerate(report_of(result)["groups"]):
        centre, corner = said["correction"]["centre"], said["correction"]["worst_corner"]
        assert corner["image"] == group
        for place in (centre, corner):
            for mas, pixels in (
                ("displacement_mas", "displacement_pixels"),
                ("sigma_mas", "sigma_pixels"),
            ):
                np.testing.assert_allclose(np.array(place[mas]) / 31.0, place[pixels])
        assert max(corner["sigma_mas"]) > max(centre["sigma_mas"])


def test_groups_and_images() -> None:
    result = make_result(lost=(4,), doubtful=(2,), detectors=TWO_DETECTORS)
    said, solution = report_of(result), result.solution
    assert [g["name"] for g in said["groups"]] == list(result.groups.names)
    assert said["groups"][1]["images"] == [2, 3]
    assert said["groups"][1]["detectors"] == list(result.images.detectors[2:4])
    assert said["groups"][4]["correction"] is None
    assert said["groups"][4]["relative"]["code"] == "no_match"
    assert said["groups"][4]["fit"]["component"] is None
    assert said["groups"][2]["relative"]["decision"] == "aligned, but doubtful"
    assert [g["fit"]["matches"] for g in said["groups"]] == solution.groups.matches.tolist()
    assert said["totals"]["matches"] == solution.groups.matches.sum()
    assert said["totals"]["chi2"] == pytest.approx(solution.groups.chi2.sum())
    assert said["totals"]["left_alone"] == said["totals"]["doubtful"] == 1
    assert said["images"][8]["status"] == "FAILED"
    assert said["images"][7]["corners_after"] == result.images.corners_after[7].tolist()
    assert said["components"][0]["groups"] == [0, 1, 2, 3, 5, 6, 7, 8]
    assert said["components"][0]["anchored"]
    assert said["weak_modes"][0]["sigma_mas"] == solution.modes[0].sigma_mas


def test_the_overlap_graph() -> None:
    result = make_result("strip", 4, reference=False, density=0.06)
    overlaps, solution = report_of(result)["overlaps"], result.solution
    assert overlaps["count"] == len(solution.pairs.groups) == 3
    assert [[p["first"], p["second"]] for p in overlaps["pairs"]] == solution.pairs.groups.tolist()
    assert all(p["bridge"] and p["closure_mas"] is None for p in overlaps["pairs"])
    assert [p["matches"] for p in overlaps["pairs"]] == solution.pairs.matches.tolist()
    sigma = 1e3 * np.sqrt(solution.pairs.covariance[1, 0, 0])
    assert overlaps["pairs"][1]["relative_sigma_mas"][0] == pytest.approx(sigma)
    closed = report_of(make_result(reference=False))["overlaps"]["pairs"]
    assert not any(pair["bridge"] for pair in closed)
    errors = [pair["closure_significance"] for pair in closed]
    assert 0.0 < np.median(errors) < 1.0
    assert max(errors) < 3.0


def test_of_too_many_pairs_the_bridges_and_the_weakest(monkeypatch: pytest.MonkeyPatch) -> None:
    result = make_result(reference=False)
    solution = result.solution
    bridge = np.arange(len(solution.pairs)) == 3
    ties = replace(solution.pairs, bridge=bridge)
    marked = changed(result, solution=replace(solution, pairs=ties))
    monkeypatch.setattr(pairs, "MOST_PAIRS", 5)
    overlaps = report_of(marked)["overlaps"]
    assert overlaps["count"] == len(solution.pairs.groups)
    listed = [[pair["first"], pair["second"]] for pair in overlaps["pairs"]]
    assert len(listed) == 5
    assert solution.pairs.groups[3].tolist() in listed
    variance = np.trace(solution.pairs.covariance, axis1=1, axis2=2)
    assert solution.pairs.groups[np.argmax(variance)].tolist() in listed
    assert [pair["bridge"] for pair in overlaps["pairs"]].count(True) == 1


def test_detector_motions() -> None:
    result = _moving_detectors()
    said, solution = report_of(result)["detectors"], result.solution
    assert said["geometry"] == "rscale"
    assert [motion["name"] for motion in said["motions"]] == ["NRCA1 F115W", "NRCA2 F115W"]
    np.testing.assert_allclose(said["motions"][1]["shift_mas"], 1e3 * solution.units.shift[1])
    sigma = np.sqrt(np.diag(solution.units.covariance[1]))
    assert said["motions"][1]["scale_sigma"] == pytest.approx(sigma[3])
    still = report_of(make_result("stack", 2))["detectors"]
    assert still["motions"] == []
    choice = MotionChoice(
        MotionGrounds.EVIDENCE,
        evidence={"none": 0.0, "shift": -3.0},
        reserved_rms_mas={"none": 1.0, "shift": math.nan},
    )
    result = make_result("stack", 2)
    chosen = replace(result.solution, motion=choice, modes=(Mode(1.0, (0,)),))
    said = report_of(changed(result, solution=chosen))
    assert said["detectors"]["log_evidence"] == {"none": 0.0, "shift": -3.0}
    assert said["detectors"]["reserved_rms_mas"] == {"none": 1.0, "shift": None}


def test_sequential_and_early_runs() -> None:
    said = report_of(sequential_result(3))
    assert said["method"] == "sequential"
    assert said["groups"][1]["correction"]["shift_mas"] == [100.0, -200.0]
    assert said["groups"][1]["fit"]["rms_mas"] == 2.5
    assert said["groups"][2]["correction"] is None
    said = report_of(early_result())
    assert said["method"] is None
    assert said["totals"]["left_alone"] == 3
    assert said["groups"][0]["absolute"]["code"] == "reference_unreachable"


def test_parameters_say_where_they_came_from() -> None:
    said = report_of(make_result("stack", 2))
    assert {"name": "minobj", "value": 6, "origin": "command line"} in said["parameters"]
    assert {"name": "abs_refcat", "value": "gaia.ecsv", "origin": "keyword"} in said["parameters"]
    assert said["stages"][0] == {"name": "finding sources", "seconds": 12.5}


# Files


def test_both_files(tmp_path: Path) -> None:
    result = make_result("stack", 2)
    files = write_report(result, tmp_path / "new")
    assert [path.name for path in files] == [
        "jw01345-o001_t021_nircam_f115w_tweakreg.json",
        "jw01345-o001_t021_nircam_f115w_tweakreg_matches.ecsv",
    ]
    assert json.loads(files[0].read_text()) == report_of(result)
    assert len(Table.read(files[1], format="ascii.ecsv")) == np.sum(
        result.solution.detections.source >= 0
    )
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == sorted(
        path.name for path in files
    )


def test_the_same_run_gives_the_same_bytes(tmp_path: Path) -> None:
    both = [write_report(make_result("stack", 3), tmp_path / name) for name in ("a", "b")]
    for one, other in zip(*both, strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_a_run_that_failed_has_both(tmp_path: Path) -> None:
    files = write_report(early_result(), tmp_path)
    assert all(path.exists() for path in files)


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("x")
    with pytest.raises(OutputError, match=r"into '.*taken': .*must be a folder.*alignment.*Choose"):
        write_report(early_result(), tmp_path / "taken")


def test_a_file_that_can_not_be_replaced(tmp_path: Path) -> None:
    (tmp_path / "jw01345-o001_t021_nircam_f115w_tweakreg.json").mkdir()
    with pytest.raises(OutputError, match="can't be written"):
        write_report(early_result(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [
        "jw01345-o001_t021_nircam_f115w_tweakreg.json"
    ]
