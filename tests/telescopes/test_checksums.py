"""Checksums of results are right where their input had some."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
from astropy.io import fits
from step_outputs import call, result_files

from tweakreg_step import undo
from tweakreg_step.simulate import Truth


def check_right(path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # astropy warns of one that is wrong
        with fits.open(path, checksum=True) as hdus:
            for hdu in hdus:
                assert {"CHECKSUM", "DATASUM"} <= set(hdu.header)
                assert hdu.data is None or hdu.data.size


@pytest.mark.parametrize("in_memory", [True, False])
def test_checksums_are_made_anew(pair: Truth, in_memory: bool) -> None:
    for path in pair.files:
        with fits.open(path) as hdus:
            hdus.writeto(path, overwrite=True, checksum=True)
    call(pair, save_results=True, output_dir="out", in_memory=in_memory)
    results = [Path("out") / name for name in result_files(Path("out"))]
    assert len(results) == 2
    for path in results:
        check_right(path)
    undo(results)
    for path in results:
        check_right(path)


def test_files_without_checksums_get_none(pair: Truth) -> None:
    call(pair, save_results=True, output_dir="out")
    for name in result_files(Path("out")):
        with fits.open(Path("out") / name) as hdus:
            assert not any("CHECKSUM" in hdu.header for hdu in hdus)
