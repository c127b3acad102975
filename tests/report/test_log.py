"""The table at the end of the log: readable, whole, and about what a person should look at."""

from __future__ import annotations

import logging
from types import SimpleNamespace

import numpy as np
import pytest
from made_results import changed, early_result, make_result, sequential_result

from tweakreg_step.core.outcome import Code, LeftOut, Outcome, Status, Verdict
from tweakreg_step.report import report_of
from tweakreg_step.report.key_figures import figures_of
from tweakreg_step.report.log import log_catalogs, summary_table

WIDTH = 100


def _lines_of_groups(lines: list[str]) -> list[str]:
    return lines[2:-2]


def test_each_group_has_a_line_with_its_figures() -> None:
    result = make_result(lost=(4,), doubtful=(2,))
    lines = summary_table(result)
    groups = _lines_of_groups(lines)
    assert max(map(len, lines)) <= WIDTH
    found = [line.split()[0].removeprefix("...") for line in groups]
    assert len(set(found)) == 9
    assert all(map(str.endswith, result.groups.names, found))
    cells, figures = groups[0].split(), figures_of(result, 0)
    assert cells[1:5] == ["1", str(result.images.detections[0]), str(figures.matches),
                          str(figures.reference_matches)]  # fmt: skip
    assert cells[5] == f"{np.hypot(*figures.shift_mas):.1f}"
    assert cells[7] == f"{result.solution.groups.rms_mas[0]:.2f}"
    assert cells[10] == "aligned"
    assert groups[2].endswith("doubtful: poor_coverage")
    assert groups[4].endswith("left: no_match")
    assert lines[-1] == "9 groups: 7 aligned, 1 doubtful, 1 left alone; 8 of 9 images moved."


def test_columns_are_aligned() -> None:
    result = make_result(lost=(4,))
    lines = summary_table(result)
    ends = [line.index("verdict") for line in lines[:1]]
    for line in _lines_of_groups(lines):
        assert line[ends[0] - 2 : ends[0]] == "  "
        assert line[ends[0]] != " "


@pytest.mark.parametrize("result", [early_result(), sequential_result()], ids=["early", "seq"])
def test_what_is_not_known_is_a_dash(result) -> None:
    lines = summary_table(result)
    assert "-" in lines[-3].split()
    assert "nan" not in "".join(lines).lower()


def test_a_dry_run_says_so() -> None:
    assert summary_table(make_result("stack", 2, dry_run=True))[-1].endswith(
        "dry run: none of 2 images was changed."
    )


def test_not_tied_to_the_reference() -> None:
    result = make_result("stack", 2)
    left = Verdict(Code.NO_REFERENCE_MATCH, "Two stars match, 15 are needed.")
    lines = summary_table(changed(result, absolute=(result.groups.absolute[0], left)))
    assert lines[-3].endswith("relative only: no_reference_match")
    assert max(map(len, lines)) <= WIDTH
    assert "1 aligned, 1 relative only" in lines[-1]


def test_long_names_stay_apart_and_the_lines_short() -> None:
    result = make_result("stack", 3, doubtful=(1,))
    names = tuple("a" * 60 + f"_visit_{n}" for n in range(3))
    lines = summary_table(changed(result, group_names=names))
    assert max(map(len, lines)) <= WIDTH
    found = [line.split()[0] for line in _lines_of_groups(lines)]
    assert len(set(found)) == 3
    assert [name[-1] for name in found] == ["0", "1", "2"]


def test_names_that_differ_at_both_ends() -> None:
    result = make_result("stack", 2)
    names = ("first_" + "a" * 100 + "_1", "second_" + "a" * 100 + "_2")
    found = [line.split()[0] for line in _lines_of_groups(
        summary_table(changed(result, group_names=names)))]  # fmt: skip
    assert [(name[:3], name[-2:]) for name in found] == [("fir", "_1"), ("sec", "_2")]


def test_one_group_with_a_long_name() -> None:
    result = changed(make_result("stack", 1), group_names=("x" * 200,))
    assert max(map(len, summary_table(result))) <= WIDTH


def _of_many(words: list[str]):
    result = make_result("stack", 4)
    count = len(words)
    verdicts = {
        "a": Verdict(Code.ALIGNED, "Aligned."),
        "d": Verdict(Code.POOR_COVERAGE, "Covers little."),
        "l": Verdict(Code.NO_MATCH, "Nothing matches."),
    }
    return changed(
        result,
        images=result.images.names[:1] * count,
        detectors=result.images.detectors[:1] * count,
        group_names=tuple(f"group {number}" for number in range(count)),
        group=np.arange(count),
        image_detections=np.full(count, 10),
        outcomes=result.images.outcomes[:1] * count,
        relative=tuple(verdicts[word] for word in words),
        absolute=None,
        solution=None,
        fits=(None,) * count,
    )


def test_of_a_thousand_groups_those_to_look_at() -> None:
    words = ["a"] * 1000
    words[17], words[400], words[999] = "d", "l", "d"
    lines = summary_table(_of_many(words))
    names = [line.split("  ")[0] for line in _lines_of_groups(lines)]
    assert names == ["group 17", "group 400", "group 999", "997 others"]
    assert lines[-3].split()[2:4] == ["997", "9970"]
    assert lines[-1].startswith("1000 groups: 997 aligned, 2 doubtful, 1 left alone")


def test_of_a_thousand_bad_groups_the_worst() -> None:
    words = ["d"] * 970 + ["l"] * 30
    lines = summary_table(_of_many(words))
    assert len(_lines_of_groups(lines)) == 41
    assert sum("left:" in line for line in lines) == 30
    assert lines[-3].startswith("960 others")
    assert lines[-3].endswith("doubtful")


def test_no_groups() -> None:
    result = _of_many([])
    assert summary_table(result)[-1].startswith("0 groups")


@pytest.mark.parametrize("lost", [0, 2])
def test_the_numbers_of_the_log_are_those_of_the_report(lost: int) -> None:
    result = make_result(lost=(4,), doubtful=(2,))
    name = result.groups.names[0]
    bad = Outcome(Status.FAILED, "No WCS.", code="unusable")
    gone = tuple(LeftOut(f"{n}.fits", bad, name) for n in range(lost))
    result = changed(result, left_out=gone)
    totals, lines = report_of(result)["totals"], summary_table(result)
    columns = [line.split() for line in _lines_of_groups(lines)]
    assert columns[0][1:4] == (["1", "of", "3"] if lost else ["1", *columns[0][2:4]])
    if lost:
        columns[0][1:4] = ["1"]
    sums = [sum(int(row[column]) for row in columns if row[column] != "-") for column in (2, 3, 4)]
    assert sums == [totals["detections"], totals["matches"], totals["reference_matches"]]
    assert lines[-2] == (
        f"{sums[0]} sources took part, {sums[1]} of them are matched, {sums[2]} of these with "
        "reference stars."
    )
    moved = f"{totals['images_moved']} of {totals['images']} images moved"
    more = "; of the 11 given, 2 could take no part" if lost else ""
    assert lines[-1].endswith(f"; {moved}{more}.")
    assert totals["images"] + totals["images_left_out"] == 9 + lost
    assert totals["groups"] == sum(
        totals[key] for key in ("aligned", "relative_only", "doubtful", "left_alone")
    )


def test_the_code_of_a_verdict_goes_where_there_is_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tweakreg_step.report.log._WIDTH", 75)
    lines = summary_table(make_result("stack", 3, doubtful=(1,)))
    assert max(map(len, lines[:-2])) <= 75
    assert lines[3].endswith(" doubtful")


def test_one_of_each_is_no_plural() -> None:
    lines = summary_table(make_result("stack", 1))
    assert lines[-1] == "1 group: 1 aligned; 1 of 1 image moved."


def test_what_takes_no_part_is_said_by_reason(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    image = SimpleNamespace(sources=[0] * 40, unused=30, refused=None, name="a.fits")
    groups = SimpleNamespace(images=[image], names=["a"], members=[(0,)])
    log_catalogs(_Sized(groups), {"cosmic rays or hot pixels": 25, "at the edge": 2}, 1.0)
    assert caplog.messages[0] == (
        "Sources: 40 take part, in 1 image of 1 group; 30 take no part: 25 cosmic rays or hot "
        "pixels, 2 at the edge, 3 in refused groups (1.0 s)"
    )
    assert "1 image " in caplog.messages[1]


class _Sized:
    """Groups of made-up images."""

    def __init__(self, groups: SimpleNamespace) -> None:
        self.images, self.names, self.members = groups.images, groups.names, groups.members

    def __len__(self) -> int:
        return len(self.names)
