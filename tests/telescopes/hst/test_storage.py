"""A result of HST is its file with other headers, whichever way it is copied."""

from __future__ import annotations

import gzip
import os
import re
from pathlib import Path
from typing import Any

import pytest
from astropy.io import fits

from tweakreg_step.simulate.hst import CAMERAS, template
from tweakreg_step.telescopes.hst.storage import in_file

pytestmark = pytest.mark.filterwarnings("ignore:Error validating header for HDU")  # of REST

CHECKSUM = rb"(CHECKSUM|DATASUM ) *= '\w+ *' +/ [\w ]+ updated [\d:T-]+"
"""A card that has the second in which it was written."""

REST = b"what nobody knows of"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with checksums, and with bytes behind its last HDU."""
    hdus = template(CAMERAS["ACS/WFC"], (200, 300), (5.0, 5.0, 0.0), "j94f05bgq", 100.0)
    hdus.writeto(tmp_path / "a_flc.fits", checksum=True)
    with (tmp_path / "a_flc.fits").open("ab") as file:
        file.write(REST)
    return tmp_path / "a_flc.fits"


def changed(path: Path) -> dict[int, Any]:
    """A header that fits where it was, and one that needs more room."""
    headers = in_file(path).headers
    many = {f"MINE{n}": (1.5, "of ours") for n in range(60)}
    return {0: headers[0].with_values({"EXPTIME": (7.0, "")}), 1: headers[1].with_values(many)}


def check(path: Path, result: Path) -> None:
    content = result.read_bytes()
    assert content.endswith(REST)
    result.write_bytes(content.removesuffix(REST))
    with fits.open(result, checksum=True) as new, fits.open(path) as old:
        new.verify("exception")
        assert (new[0].header["EXPTIME"], new[1].header["MINE59"]) == (7.0, 1.5)
        assert len(new) == len(old)
    before, after = in_file(path), in_file(result)
    for index in range(len(before.places)):
        assert after.content(index) == before.content(index)
        if index > 1:
            # where a file is written anew, so are the times of its checksums
            texts = (part.headers[index].texts for part in (after, before))
            new, old = (re.sub(CHECKSUM, b"", "".join(text).encode()) for text in texts)
            assert new == old


def test_only_headers_change(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copied, by_system = list[int](), os.copy_file_range

    def watched(source: int, target: int, count: int, **options: Any) -> int:
        copied.append(count)
        return by_system(source, target, count, **options)

    monkeypatch.setattr(os, "copy_file_range", watched)
    in_file(path).write(tmp_path / "new.fits", changed(path))
    assert sum(copied) > 0.9 * path.stat().st_size
    check(path, tmp_path / "new.fits")


def test_compressed_files_are_the_same_inside(path: Path, tmp_path: Path) -> None:
    in_file(path).write(tmp_path / "plain.fits", changed(path))
    packed = path.with_suffix(".fits.gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    in_file(packed).write(tmp_path / "new.fits", changed(path))
    new, plain = (
        re.sub(CHECKSUM, b"", (tmp_path / name).read_bytes()) for name in ("new.fits", "plain.fits")
    )
    assert new == plain


def test_a_file_that_became_shorter(path: Path, tmp_path: Path) -> None:
    before = in_file(path)
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(OSError, match=r"ends .* too early"):
        before.write(tmp_path / "new.fits", {})
