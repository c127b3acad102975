"""The console command: what it writes, and its exit status."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from spoiled import with_noise
from stdatamodels.jwst import datamodels
from step_outputs import Aligned

from tweakreg_step import api, cli
from tweakreg_step.catalogs.reference.web import service
from tweakreg_step.catalogs.reference.web.download import DownloadError
from tweakreg_step.simulate import Truth

ROOT = Path(__file__).parents[1]


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    """Status, standard output and standard error."""
    try:
        status = cli.main([str(word) for word in words])
    except SystemExit as end:
        status = int(end.code or 0)
    out, err = capsys.readouterr()
    return status, out, err


def test_it_is_installed_as_a_command() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    assert tomllib.loads(text)["project"]["scripts"] == {"tweakreg": "tweakreg_step.cli:main"}


def test_the_help_is_quick_and_names_the_commands() -> None:
    code = "import sys, tweakreg_step.cli as c\ntry:\n c.main(['--help'])\nfinally:\n"
    code += " assert not {'astropy', 'stpipe', 'scipy'} & set(sys.modules), sorted(sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for word in ("align", "apply", "undo", "show", "config", "doctor", "Exit status"):
        assert word in done.stdout


def test_align_apply_undo_show(
    pair: Truth, absolute: Aligned, capsys: pytest.CaptureFixture[str]
) -> None:
    words = (pair.association, f"--abs-refcat={pair.catalog}", "--output-dir=out", "--no_such=1")
    assert run(capsys, "align", *words)[0] == 2
    status, out, err = run(capsys, "align", *words[:-1], "--sip-approx=false")
    assert status == 0
    assert out.startswith("2 of 2 groups aligned to each other; 2 of 2 groups tied to reference")
    assert out.count("verdict") == 1
    assert "Solution: out/mosaic_tweakreg_solution.asdf" in err
    assert "sip_approx = False" in err
    assert "verdict" not in err  # the table is there once
    assert "Traceback" not in err
    assert len(list(Path("out").glob("*_tweakreg.fits"))) == 2
    solution = "out/mosaic_tweakreg_solution.asdf"
    status, out, _ = run(capsys, "apply", solution, pair.files[0], "--output-dir", "again")
    assert status == 0
    assert "The solution 'mosaic' on 1 image: 1 applied." in out
    status, out, _ = run(capsys, "undo", *Path("again").glob("*.fits"))
    assert status == 0
    assert "1 undone." in out
    status, out, err = run(capsys, "show", solution)
    assert status == 0
    assert "2 of 2 images in 2 groups are to be corrected" in out
    assert "jw00001001001_02101_1" in out
    assert "sip_approx=False" in out


def test_a_dry_run_says_how_to_go_on(pair: Truth, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, "align", pair.association, "--dry-run", "-q")
    assert status == 0
    assert "Sources:" not in err  # warnings alone
    assert f"tweakreg apply mosaic_tweakreg_solution.asdf {pair.association}" in out
    assert not list(Path().glob("*.fits"))


def test_what_could_not_be_aligned_has_status_3(
    files: Truth, capsys: pytest.CaptureFixture[str]
) -> None:
    noise = [f"--{name.replace('_', '-')}={value}" for name, value in with_noise(files, 1).items()]
    status, out, err = run(capsys, "align", files.association, "--sip-approx=no", *noise)
    assert status == 3
    assert "2 of 3 groups aligned to each other" in out
    assert "Warning: jw00001001001_02101_2: Left as it was" in err


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        ([], 2, "usage: tweakreg"),
        (["align"], 1, "There are no exposures"),
        (["align", "gone_asn.json"], 1, "can't be read"),
        (["align", "gone_cal.fits"], 1, "not exist"),
        (["align", "a.fits", "--minobj=x"], 2, "'minobj' is 'x'"),
        (["align", "a.fits", "--serchrad=3"], 2, "Did you mean '--searchrad'?"),
        (["align", "a.fits", "--config=gone"], 1, "There is no parameter file 'gone'"),
        (["apply"], 2, "the following arguments are required: solution, exposures"),
        (["apply", "gone.asdf", "a.fits"], 1, "There is no solution 'gone.asdf'"),
        (["undo", "gone.fits"], 1, "not exist"),
        (["show", "gone.asdf"], 1, "There is no solution"),
        (["fly"], 2, "invalid choice: 'fly'"),
        (["config", "miri_log"], 1, "Did you mean 'miri_long'?"),
    ],
)
def test_errors_are_a_sentence_and_a_status(
    words: list[str],
    status: int,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    found, out, err = run(capsys, *words)
    assert (found, out) == (status, "")
    assert message in err
    assert "?." not in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["nothing*.fits"], 1),
        (["gone_cal.fits"], 1),
        (["bad_cal.fits"], 1),
        (["bad_asn.json"], 1),
        (["{association}", "--abs-refcat=bad.ecsv"], 1),
        (["{association}", "--refimage=nobody"], 2),
    ],
)
@pytest.mark.parametrize("folder", ["new/er", "."])
def test_a_refused_input_writes_nothing(
    files: Truth, words: list[str], status: int, folder: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("bad_cal.fits", "bad_asn.json", "bad.ecsv"):
        Path(name).write_text("bad")
    before = sorted(Path().rglob("*"))
    given = [word.format(association=files.association) for word in words]
    more = ["--save-plots", "--save-state", "--save-report", f"--output-dir={folder}"]
    assert run(capsys, "align", *given, *more)[0] == status
    assert sorted(Path().rglob("*")) == before


def test_nobody_has_to_read_to_the_end(absolute: Aligned) -> None:
    code = "import sys; from tweakreg_step import cli; sys.exit(cli.main(sys.argv[1:]))"
    path = absolute.folder / "mosaic_tweakreg_solution.asdf"
    with subprocess.Popen(
        [sys.executable, "-c", code, "show", str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
    assert (process.returncode, said) == (0, b"")


def test_the_unexpected_has_no_traceback_unless_asked_for(
    files: Truth, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_arguments: Any) -> None:
        raise RuntimeError("something")

    monkeypatch.setattr(api, "targets_of", fails)
    status, _, err = run(capsys, "undo", "a.fits")
    assert status == 1
    assert "RuntimeError: something. This should not happen" in err
    with pytest.raises(RuntimeError):
        cli.main(["undo", "a.fits", "--debug"])

    def interrupted(*_arguments: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(api, "targets_of", interrupted)
    status, _, err = run(capsys, "undo", "a.fits")
    assert status == 130
    assert "the files that were written are whole" in err


def test_parameter_files_are_listed_copied_and_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    status, out, _ = run(capsys, "config")
    assert status == 0
    assert "miri_long" in out
    assert "minobj=6" in out
    assert run(capsys, "config", "list")[:2] == (0, out)
    assert run(capsys, "config", "copy", "niriss", "own.asdf")[:2] == (0, "own.asdf\n")
    assert run(capsys, "config", "copy")[0] == 1
    assert "one word too many" in run(capsys, "config", "niriss", "a.asdf", "b")[2]
    assert run(capsys, "config", "miri_long")[:2] == (0, "miri_long.asdf\n")
    assert Path("miri_long.asdf").is_file()
    status, _, err = run(capsys, "config", "miri_long")
    assert status == 1
    assert "exists already" in err
    status, _, err = run(capsys, "align", "gone.fits", "--config=miri_long", "--minobj=9")
    assert "snr_threshold = 5.0 (parameter file miri_long.asdf)" in err
    assert "minobj = 9" in err


def test_all_parameters_are_options(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "align", "--help-parameters")
    assert status == 0
    for word in ("--sip-max-pix-error", "--refcat-timeout", "Parameters of the whole run"):
        assert word in out
    assert "--refcat-timeout" not in run(capsys, "align", "--help")[1]


# ---- doctor


@pytest.fixture
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_arguments: Any) -> str:
        raise DownloadError("can't be reached (no route)")

    monkeypatch.setattr(service, "download", fails)


@pytest.mark.usefixtures("_offline")
def test_the_doctor_looks_at_the_installation(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, _ = run(capsys, "doctor")
    assert status == 0
    assert "numpy" in out
    assert "Extra 'plots' (pictures in files)" in out
    assert "CRDS: not configured" in out
    assert "can't be reached; a file can be given instead" in out
    assert "GB are free" in out
    monkeypatch.setattr(service, "download", lambda *_: "ra,dec")
    assert "answers" in run(capsys, "doctor")[1]


@pytest.mark.usefixtures("_offline")
def test_the_doctor_looks_at_exposures(files: Truth, capsys: pytest.CaptureFixture[str]) -> None:
    rate = files.folder / "jw00001001001_02101_00009_nrcalong_rate.fits"
    with datamodels.open(files.files[0]) as model:
        model.meta.wcs = None
        model.save(rate)
    status, out, _ = run(capsys, "doctor", *files.files, rate)
    assert status == 0
    lines = out.splitlines()
    head = next(number for number, line in enumerate(lines) if "pointings" in line)
    row = dict(zip(lines[head].split(), lines[head + 3].split(), strict=True))
    assert (row["visit"], row["exposures"]) == ("jw00001001001", "3")
    assert (row["pointings"], row["dithers"], row["overlaps"]) == ("1", "3", "3")
    assert "A run would align 3 images in 3 groups, of which 3 pairs overlap, in 1 part" in out
    assert "Run the step 'assign_wcs'" in out
    status, out, _ = run(capsys, "doctor", files.files[0])
    assert "One group alone needs a reference catalog" in out
    status, out, err = run(capsys, "doctor", rate)
    assert status == 1
    assert "None of the exposures can be aligned" in err


def test_a_solution_of_a_copy_in_another_folder(
    files: Truth, relative: Aligned, capsys: pytest.CaptureFixture[str]
) -> None:
    solution = shutil.copy(relative.folder / "mosaic_tweakreg_solution.asdf", "here.asdf")
    other = files.folder / "jw00009009009_02101_00009_nrcblong_cal.fits"
    with datamodels.open(files.files[0]) as model:
        model.meta.observation.program_number = "00009"
        model.save(other)
    status, _, err = run(capsys, "apply", solution, other)
    assert status == 1
    assert "is not among the 3 exposures of the solution 'mosaic'" in err


def test_simulated_exposures_are_aligned_by_the_command_that_is_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tweakreg_step.commands.simulate.SIDE", 360)
    status, out, _ = run(capsys, "simulate", "my sky", "--mission=hst")
    assert status == 0
    assert out.startswith("4 images with pointing errors")
    words = shlex.split(out.splitlines()[1])
    assert words[:2] == ["tweakreg", "align"]
    status, out, err = run(capsys, *words[1:])
    assert status == 0
    assert max(map(len, out.splitlines())) <= 100
    assert "Saved model" not in err
    assert "4 of 4 images are written, in 'aligned'." in err
    assert not re.search(r"\d{4}-\d\d-\d\d|tweakreg_step\.| - INFO|\b1 images", err)
    assert len(list(Path("aligned").glob("*_flc.fits"))) == 4
    assert len(list(Path("aligned").glob("*_tweakreg.html"))) == 1
    status, _, err = run(capsys, "simulate", "my sky")
    assert status == 1
    assert "The folder 'my sky' is not empty" in err


def test_a_package_that_the_alignment_needs_is_named_where_exposures_are_made(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tweakreg_step.commands.simulate.SIDE", 64)
    monkeypatch.setitem(sys.modules, "stwcs", None)
    status, out, _ = run(capsys, "simulate", "sky", "--mission=hst")
    assert status == 0
    assert "To align them the package stwcs is needed, which is not installed: pip install" in out
