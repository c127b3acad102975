"""Numbers that pages tell in words are those of the tables that scripts have written."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from tables import read_table

ROOT = Path(__file__).parents[1]
Row = dict[str, str]


def text_of(page: str) -> str:
    """A page without the ends of its lines."""
    return re.sub(r"\s+", " ", (ROOT / page).read_text())


def rows(table: str, **cells: str) -> list[Row]:
    """The rows of a table that have some cells, whose column is named with _ for a blank."""
    named = {name.replace("_", " "): value for name, value in cells.items()}
    return [row for row in read_table(table) if named.items() <= row.items()]


def row(table: str, **cells: str) -> Row:
    """The one row that has them."""
    (found,) = rows(table, **cells)
    return found


def numbers(found: list[Row], column: str) -> list[float]:
    """The numbers of a column, of cells that have one."""
    cells = [re.search(r"-?[\d,]*\.?\d+", one[column]) for one in found]
    return [float(cell[0].replace(",", "")) for cell in cells if cell]


def least_and_most(found: list[Row], column: str, digits: int = 2) -> str:
    values = numbers(found, column)
    return f"{min(values):.{digits}f} to {max(values):.{digits}f}"


def counted(table: str, column: str) -> tuple[int, int]:
    """Sums over all rows of 'this of that'."""
    pairs = [re.findall(r"\d+", one[column]) for one in read_table(table)]
    return sum(int(this) for this, _ in pairs), sum(int(that) for _, that in pairs)


CASE = {"geometry": "rshift", "spurious": "30 %", "reference": "no"}


def of_accuracy() -> list[str]:
    ours = {one["scene"]: float(one["rms"]) for one in rows("accuracy", **CASE)}
    theirs = {one["scene"]: one["median"] for one in rows("accuracy_stcal", **CASE)}
    names = ("8 dithers", "3x3 mosaic, 20 % overlap", "strip of 8, 30 % overlap")
    stcal = [float(theirs[name].partition(" ")[0]) for name in names]
    images = {one["run"]: one["median [mas]"] for one in read_table("ceers_images")}
    sequential = [float(images[f"one group per {what}, sequential (step)"])
                  for what in ("detector", "exposure")]  # fmt: skip
    speed, survey = row("align", scene="36 dithers"), row("survey", run="one run")
    return [
        f"{least_and_most(read_table('accuracy'), 'ratio')} times its rms",
        f"{ours[names[0]]:.2f} mas for eight dithers, {ours[names[1]]:.1f} mas for a 3x3 mosaic "
        f"with 20 % overlap and {ours[names[2]]:.1f} mas for a strip of eight",
        f"medians of stcal are {stcal[0]:.1f}, {stcal[1]:.1f} and {stcal[2]:.0f} mas",
        f"to {images['one group per detector, global (step)']} mas (median) with a group for each "
        f"detector and to {images['one group per exposure, global (step)']} mas",
        f"leaves {sequential[0]:.0f} and {sequential[1]:.0f} mas. As delivered they are off by "
        f"{float(images['as delivered']):.0f} mas",
        f"median {survey['median']} mas, 95 % within {survey['95 %']} mas",
        f"take {float(speed['solve [s]']):.1f} s for 36 dithers and "
        f"{float(row('align_growth', groups='1000')['seconds']):.0f} s for a mosaic",
    ]


def of_performance() -> list[str]:
    steps = {one["exposures"]: one for one in read_table("step_exposures")}
    faster = {
        number: float(one["wall [s]"]) / float(two["wall [s]"])
        for number in (36, 100)
        for one, two in [
            [row("step", exposures=f"{number}, mosaic", step="ours", workers=k) for k in ("1", "2")]
        ]
    }
    stack = row("step", exposures="36, stack", step="ours", workers="1")["processor [s]"]
    cost = {one["part"]: one["ms"] for one in read_table("step_costs")}
    start = {one["what"]: float(one["processor [s]"]) for one in read_table("startup")}
    return [
        f"{steps['9']['stock / ours']} times less processor time than the stock step",
        f"for 9 exposures, {steps['36']['stock / ours']} times for 36, "
        f"{steps['100']['stock / ours']} times for 100",
        f"An exposure takes {steps['36']['ours [s]']} s of 36, start and imports included; "
        f"{steps['36']['floor [s]']} s are copying",
        f"each more takes {steps['36']['each more / floor']} times that",
        f"A stack of 36 takes {float(stack):.0f} s",
        f"Two workers are {faster[36]:.1f} times faster than one process for a mosaic of 36 "
        f"exposures, {faster[100]:.1f} times for 100",
        f"it takes {float(steps['36']['stock [s]']):.1f} s for each of 36 and "
        f"{float(steps['100']['stock [s]']):.1f} for each of 100",
        f"It is {start['strun, until the first file is read']:.1f} s of processor time",
        f"written in {cost['write a result of Roman, 4088^2']} ms "
        f"({cost['write it by roman_datamodels']} by roman_datamodels), one of JWST in "
        f"{cost['write the result, from file']} ms "
        f"({cost['open and save it by stdatamodels']} by stdatamodels",
    ]


def of_verdicts() -> list[str]:
    unrelated = [counted("verdicts", f"unrelated {what}: accepted")
                 for what in ("groups", "references")]  # fmt: skip
    true = [counted("verdicts", f"true, {what}: accepted") for what in ("two groups", "reference")]
    silence, peaks = read_table("silence"), read_table("second_peaks")
    assert not sum(numbers(peaks, "another offset"))
    assert not sum(numbers(silence, "wrong in silence") + numbers(silence, "doubted in vain"))
    assert not sum(one for one, _ in unrelated)
    pulls: dict[str, list[float]] = {"fields": [], "visits": [], "relative": []}
    for one in read_table("claims_pulls"):
        visit = one["scenes"].startswith("visit")
        kind = (
            "relative"
            if one["scenes"] == "visit 002, relative"
            else "visits"
            if visit
            else "fields"
        )
        if one["scenes"] != "visit 001, relative":
            pulls[kind] += [numbers([one], name)[0] for name in ("width, centre", "of corners")]
    return [
        f"None of {sum(one for _, one in unrelated)} alignments of unrelated catalogs",
        f"of {sum(one for _, one in true)} true ones with 15 shared and 15 spurious sources "
        f"{sum(one for one, _ in true)} were",
        f"of {sum(numbers(silence, 'trials')):.0f} scenes with and without such faults none was",
        f"none of {sum(numbers(silence, 'nothing wrong')):.0f} without a fault",
        f"None of {sum(numbers(peaks, 'aligned')):.0f} groups",
        f"Of simulated fields it is {min(pulls['fields']):.2f} to {max(pulls['fields']):.2f}; of "
        f"visits of real geometry with a reference {min(pulls['visits']):.2f} to "
        f"{max(pulls['visits']):.2f}",
        f"better than most ({min(pulls['relative']):.2f})",
    ]


def of_scale() -> list[str]:
    mosaic, stack = row("scale_mosaics", groups="10,000"), row("scale_stacks", groups="3000")
    few, many = (row("scale_cameras", groups=groups) for groups in ("16", "100"))
    files = {one["run"]: one for one in read_table("scale_files")}
    cost = {one["part"]: float(one["ms"]) for one in read_table("step_costs")}
    return [
        f"are aligned in {float(mosaic['processor [s]']) + 0.01:.0f} s of one core with "
        f"{float(mosaic['peak [GB]']):.1f} GB; a stack of 3000 groups in "
        f"{float(stack['processor [s]']):.0f} s with {float(stack['peak [GB]']):.1f} GB",
        f"aligned in {float(few['processor [s]']):.0f} s with {float(few['peak [GB]']):.1f} GB",
        f"in {float(many['processor [s]']):.0f} s with {float(many['peak [GB]']):.1f} GB",
        f"{files['one process']['processor, per image']} s of one core for an image",
        f"{files['two workers, resumed']['wall, per image']} s an image instead of "
        f"{files['two workers']['wall, per image']} s",
        f"{cost['corrected WCS, to be written'] / 1e3:.2f} s for each image",
    ]


def of_centroids() -> list[str]:
    bound = row("centroids_bound", profile="Moffat 3", FWHM="2.5")["S/N 100"].partition(",")[0]
    of = {(one["scene"], one["finder"]): one
          for one in rows("centroids_scenes", FWHM="2.5", **{"S/N": "100"})}  # fmt: skip
    window = row("centroids_epsf", profile="Moffat 3", FWHM="1", **{"S/N": "100"})
    wide = row("widths", filter="F070W")
    return [
        f"{bound} at FWHM 2.5 and S/N 100",
        f"they stay there ({of['defects', 'sep']['error']}), with "
        f"{of['defects', 'sep']['outliers'].rstrip('%')} % of outliers",
        f"the stock finder's settings give {of['defects', 'stock']['error']}",
        f"In a crowd it is {of['crowded', 'sep']['error']}",
        f"leaves {row('centroids_grid', profile='Moffat 3', FWHM='1')['x 1']} for Moffat stars",
        f"at S/N 100 from {window['window']} to {window['epsf']}",
        f"a mosaic in F070W ends {wide['automatic'].split(', ')[2]} mas from the truth",
    ]


def of_roman() -> list[str]:
    ours = rows("roman", sources="catalogs", tool="this step")
    theirs = numbers(rows("roman", sources="catalogs", tool="romancal"), "rms / bound")
    return [
        f"{least_and_most(ours, 'rms / bound')} times the bound",
        f"those of romancal {min(theirs):.1f} to {max(theirs):.0f} times",
    ]


def of_hst() -> list[str]:
    ours, theirs = (rows("hst", tool=tool) for tool in ("this step", "TweakReg"))
    better = sum(
        one < other
        for one, other in zip(numbers(ours, "rms of all"), numbers(theirs, "rms of all"),
                              strict=True)
    )  # fmt: skip
    full, others = (
        [one for one in tool if (one["sources"], one["cosmic rays"]) == ("pixels", "95 %")]
        for tool in (ours, theirs)
    )
    easy = [one for one in ours if one not in full]
    assert better == len(ours)
    return [
        f"nearer to the truth than TweakReg in each of the {better} cases",
        f"it is within {max(numbers(easy, 'rms / bound')):.2f} of the bound",
        f"it is at {least_and_most(full, 'rms / bound')} times the bound, "
        f"TweakReg at {least_and_most(others, 'rms / bound')} times",
    ]


def of_peers() -> list[str]:
    of = {tuple(list(one.values())[:3]): one for one in read_table("peers")}
    error = {
        (mission, tool): one["rms [mas]"]
        for (mission, scene, tool), one in of.items()
        if scene == "50 reference stars"
    }
    time = {
        tools: least_and_most([one for key, one in of.items() if key[2] in tools], "time / ours", 1)
        for tools in (("jwst", "romancal"), ("JHAT", "SCAMP"), ("TweakReg",))
    }
    other = {tool: one for (_, scene, tool), one in of.items() if scene.endswith("another field")}
    kept = {tool for tool, one in other.items() if one["wrong"] == one["doubted"] == "0"}
    assert kept == {"this step", "this step, general", "romancal", "JHAT"}
    assert {tool for tool, one in other.items() if one["doubted"] != "0"} == {"SCAMP"}
    assert {one["wrong"] for tool, one in other.items() if tool not in kept} == {"4", "12"}
    wrong = {key: (one["wrong"], int(one["wrong"]) + int(one["right"])) for key, one in of.items()
             if one["wrong"] != "0" and not key[1].endswith("another field")}  # fmt: skip
    few, off = ("HST", "10 reference stars", "TweakReg"), ("Roman", "off by 1.5 arcsec", "romancal")
    assert wrong.keys() == {few, off}
    return [
        f"errors are {error['JWST', 'this step']} mas for this step, {error['JWST', 'jwst']} mas "
        f"for that of jwst, {error['JWST', 'JHAT']} mas for JHAT and {error['JWST', 'SCAMP']} mas",
        f"they are {error['JWST', 'this step, general']} mas for this step",
        f"Roman: {error['Roman', 'this step']} mas, and {error['Roman', 'romancal']} mas",
        f"HST: {error['HST', 'this step']} mas, and {error['HST', 'TweakReg']} mas",
        f"take {time['jwst', 'romancal']} times the processor time of this one, JHAT and SCAMP "
        f"{time['JHAT', 'SCAMP']} times, TweakReg {time[('TweakReg',)]} times",
        "{} of {} images by TweakReg with ten reference stars, ".format(*wrong[few])
        + "{} of {} by romancal off by 1.5 arcsec".format(*wrong[off]),
    ]


def of_changes() -> list[str]:
    silence, cost = read_table("silence"), read_table("scale_mosaics")
    steps = {one["exposures"]: one["stock / ours"] for one in read_table("step_exposures")}
    return [
        f"Of {sum(numbers(silence, 'trials')):.0f} simulated scenes with visits, images or "
        f"populations that move apart, and without, none was wrong in silence, and none of the "
        f"{sum(numbers(silence, 'nothing wrong')):.0f} without a fault was doubted",
        f"{steps['9']} times less processor time",
        f"{steps['36']} times for 36",
        f"1000 groups of 500 sources in {numbers(cost, 'processor [s]')[2]:.0f} s",
        *of_catalogs(),
    ]


def of_catalogs() -> list[str]:
    """What CHANGES tells of catalogs and detectors."""
    visits = row("visits", run="both visits in one run")
    moved = counted("moved_detectors", "over 5 mas")
    dithered = [one for one in read_table("deceptions")
                if re.search(r"(68|100|160) hot pixels, dither 1.8", one["catalogs"])]  # fmt: skip
    known, unknown = ([one for one in dithered if one["catalogs"].endswith(f" {how}")]
                      for how in ("known", "unknown"))  # fmt: skip
    few, many = (row("scale_cameras", groups=groups) for groups in ("16", "100"))
    own = [one for one in read_table("own_motions")
           if one["what moves"].startswith("images, 0.5 mas")]  # fmt: skip
    now, before = ([one[name].split(" of ") for one in own]
                   for name in ("chosen", "chosen, not allowing"))  # fmt: skip
    rolled = [
        numbers([one], "width")[0]
        for one in read_table("own_motions")
        if re.search("arcsec|the same", one["what moves"])
    ]
    widths = [numbers([one], name)[0] for one in read_table("claims_pulls")
              if one["scenes"].startswith("visit") and "relative" not in one["scenes"]
              for name in ("width, centre", "of corners")]  # fmt: skip
    return [
        f"errors are {min(widths):.2f} to {max(widths):.2f} times those claimed",
        f"errors are {min(rolled):.2f} to {max(rolled):.2f} times those claimed",
        f"in {sum(int(one) for one, _ in now)} of {sum(int(one) for _, one in now)} simulated "
        f"scenes, {sum(int(one) for one, _ in before)} if it is not allowed for",
        f"aligned in {float(many['processor [s]']):.0f} s of one core with "
        f"{float(many['peak [GB]']):.1f} GB",
        f"{visits['median']} mas per axis off (median; {visits['95 %']} at 95 %) in one run",
        f"takes {visits['time']} times as long with the motions of detectors and visits as without",
        f"{moved[0]} of {moved[1]} end more than 5 mas off",
        f"{sum(numbers(known, 'aligned')):.0f} of {sum(numbers(known, 'trials')):.0f} simulated "
        f"pairs are aligned rightly where the detector is known, and where it is not, "
        f"{sum(numbers(unknown, 'doubtful')):.0f} are doubtful",
        f"a detector in {float(few['processor [s]']):.0f} s with {float(few['peak [GB]']):.1f} GB",
    ]


def of_readme() -> list[str]:
    shown = {
        "eight dithers": "8 dithers",
        "3x3 mosaic, 50 % overlap": "3x3 mosaic, 50 % overlap",
        "3x3 mosaic, 20 % overlap": "3x3 mosaic, 20 % overlap",
        "strip of eight, 30 % overlap": "strip of 8, 30 % overlap",
    }
    found = []
    for told, scene in shown.items():
        one = row("accuracy", scene=scene, **CASE)
        ours, bound = (f"{float(one[name]):.2g}" for name in ("rms", "bound"))
        found.append(f"| {told} | {ours} | {bound} |")
    return found


PAGES: dict[str, Callable[[], list[str]]] = {
    "docs/accuracy.rst": of_accuracy,
    "docs/performance.rst": of_performance,
    "docs/verdicts.rst": of_verdicts,
    "docs/scale.rst": of_scale,
    "docs/centroids.rst": of_centroids,
    "docs/roman.rst": of_roman,
    "docs/hst.rst": of_hst,
    "docs/peers.rst": of_peers,
    "CHANGES.rst": of_changes,
    "README.md": of_readme,
}


@pytest.mark.parametrize("page", PAGES)
def test_findings_are_those_of_the_tables(page: str) -> None:
    text = text_of(page)
    assert [said for said in PAGES[page]() if said not in text] == []
