"""As users run it: strun, parameter files, CRDS or none, a terminal or a log file."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import termios
import threading
import warnings
from contextlib import redirect_stderr, suppress
from pathlib import Path

import pytest
import strun_here
from stdatamodels.jwst import datamodels

from tweakreg_step import TweakRegStep
from tweakreg_step.simulate import Truth

BIN = Path(sys.executable).parent
CONFIG = Path(__file__).parents[2] / "tweakreg_step" / "config"


def strun(*arguments: object) -> str:
    """Run strun in a process of its own, and return its log."""
    command = [str(BIN / "strun"), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout + done.stderr


def test_strun_aligns_and_says_where_values_came_from(files: Truth, tmp_path: Path) -> None:
    log = strun(
        "tweakreg_step.TweakRegStep",
        files.association,
        "--searchrad=3",
        f"--abs_refcat={files.catalog}",
        "--save_catalogs=true",
        f"--output_dir={tmp_path / 'out'}",
    )
    assert log.count("CRDS") == 1
    assert "CRDS is not configured: built-in parameters are used." in log
    assert "searchrad = 3.0 arcsec (command line)" in log
    assert "save_catalogs = True (command line)" in log
    assert "3 groups: 3 aligned; 3 of 3 images moved." in log
    assert "finding sources" not in log  # no progress bar in a log file
    assert "Traceback" not in log
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    stems = [image.file_name.removesuffix("_cal.fits") for image in files.images]
    report = ["mosaic_tweakreg.json", "mosaic_tweakreg_matches.ecsv"]
    report += ["mosaic_tweakreg_solution.asdf", "mosaic_sources.ecsv", "mosaic_catfile.txt"]
    assert names == sorted(
        [f"{s}{end}" for s in stems for end in ("_tweakreg.fits", "_cal_cat.ecsv", "_cal_cat.reg")]
        + report
    )
    with datamodels.open(tmp_path / "out" / f"{stems[0]}_tweakreg.fits") as model:
        assert model.meta.cal_step.tweakreg == "COMPLETE"


def test_parameter_file_and_saved_parameters(files: Truth, tmp_path: Path) -> None:
    saved = tmp_path / "saved.asdf"
    options = ("--minobj=9", f"--save-parameters={saved}")
    _, log = strun_here.strun(CONFIG / "miri_short.asdf", files.files[0], *options)
    assert "abs_minobj = 10 (parameter file miri_short.asdf)" in log
    assert "minobj = 9 (command line)" in log
    _, log = strun_here.strun(saved, files.files[0])
    assert "minobj = 9 (parameter file saved.asdf)" in log


def test_the_step_is_listed_under_an_alias_of_its_own() -> None:
    listed = subprocess.run(
        [str(BIN / "stpipe"), "list"], capture_output=True, text=True, check=True
    )
    assert "tweakreg_step.TweakRegStep (tweakreg_step)" in listed.stdout


def test_listing_steps_loads_nothing_heavy() -> None:
    code = "import sys, tweakreg_step.integration as i; i.get_steps(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"astropy", "numpy", "stpipe", "gwcs"} & set(done.stdout.split())


def test_names_of_earlier_releases_get_one_warning_each(pair: Truth, tmp_path: Path) -> None:
    path = tmp_path / "old.asdf"
    path.write_text(
        (CONFIG / "miri_short.asdf")
        .read_text()
        .replace(
            "  abs_minobj: 10",
            f"  align_to_gaia: true\n  gaia_catalog: {pair.catalog}\n  min_gaia: 9\n"
            "  save_gaia_catalog: true",
        )
    )
    lists = ("--kron_params=2.5,1.4", "--peakmax=None")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # as outside of pytest
        _, log = strun_here.strun(
            path, pair.association, f"--output_dir={tmp_path / 'out'}", *lists
        )
    for name in ("align_to_gaia", "gaia_catalog", "min_gaia", "save_gaia_catalog"):
        assert log.count(f"Parameter '{name}' is of an earlier release") == 1
    assert "abs_minobj = 9 (parameter file old.asdf)" in log
    assert "kron_params = (2.5, 1.4) (command line or keyword)" in log
    assert "peakmax =" not in log
    assert (tmp_path / "out" / "fit_reference_ref.ecsv").is_file()
    assert "2 groups: 2 aligned; 2 of 2 images moved." in log


def test_a_wrong_value_is_explained(files: Truth) -> None:
    status, said = strun_here.strun("tweakreg_step", files.association, "--starfinder=eyes")
    assert status != 0
    words = " ".join(said.split())
    assert "Parameter 'starfinder' is 'eyes', but it must be one of 'sep', 'iraf', 'dao'" in words


def test_a_progress_bar_on_a_terminal(pair: Truth) -> None:
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 100))  # a terminal without a width shows no bar
    shown: list[bytes] = []

    def read() -> None:  # meanwhile, or a full terminal would hold the run up
        with suppress(OSError):  # how Linux says that the other end was closed
            while chunk := os.read(ours, 4096):
                shown.append(chunk)

    reader = threading.Thread(target=read)
    reader.start()
    with open(theirs, "w") as terminal, redirect_stderr(terminal):  # noqa: PTH123 - no path
        TweakRegStep.call(str(pair.association))
    reader.join()
    os.close(ours)
    assert b"finding sources: 100%" in b"".join(shown)


@pytest.fixture
def crds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A configured CRDS, whose only reference file is the one returned here."""
    path = tmp_path / "pars-tweakregstep.asdf"
    path.write_text((CONFIG / "miri_long.asdf").read_text())
    monkeypatch.setenv("CRDS_PATH", str(tmp_path))
    return path


def test_parameters_from_crds_apply(
    pair: Truth, crds: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asked = []

    def reference_file(parameters: dict[str, object], reftype: str, observatory: str) -> str:
        asked.append((parameters["meta.instrument.name"], reftype, observatory))
        return str(crds)

    monkeypatch.setattr("stpipe.crds_client.get_reference_file", reference_file)
    with caplog.at_level("INFO"):
        TweakRegStep.call(str(pair.association), minobj=8, configure_log=False)
    assert asked == [("NIRCAM", "pars-tweakregstep", "jwst")]
    assert "snr_threshold = 5.0 (CRDS)" in caplog.text
    assert "minobj = 8 (keyword)" in caplog.text


@pytest.mark.parametrize("error", [ConnectionError, SystemExit])  # CRDS does both
def test_a_crds_that_fails_does_not_stop_the_alignment(
    pair: Truth,
    crds: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: type[BaseException],
) -> None:
    def refuse(*_arguments: object) -> str:
        message = "no route to server"
        raise error(message)

    monkeypatch.setattr("stpipe.crds_client.get_reference_file", refuse)
    with caplog.at_level("INFO"):
        TweakRegStep.call(str(pair.association), configure_log=False)
    assert "CRDS failed, built-in parameters are used: no route to server" in caplog.text
    assert "2 groups: 2 aligned; 2 of 2 images moved." in caplog.text


def test_a_crds_without_a_server_does_not_end_strun(pair: Truth, crds: Path) -> None:
    _, log = strun_here.strun("tweakreg_step", pair.association)
    assert "CRDS failed, built-in parameters are used" in log
    assert "2 groups: 2 aligned; 2 of 2 images moved." in log
