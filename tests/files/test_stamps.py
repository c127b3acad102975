"""A file that was changed is noticed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tweakreg_step.core.exceptions import InputError
from tweakreg_step.files.stamps import check_unchanged, stamp_of


def test_a_file_that_stays(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"12345")
    before = stamp_of(path)
    check_unchanged(path, before)
    check_unchanged(path, None)
    path.chmod(0o400)
    check_unchanged(path, before)


def test_a_file_that_is_changed(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"12345")
    before = stamp_of(path)
    path.write_bytes(b"123456")
    with pytest.raises(InputError, match=r"now 6 bytes, and had 5.*run the step again"):
        check_unchanged(path, before)
    path.write_bytes(b"54321")
    os.utime(path, ns=(0, 17))
    with pytest.raises(InputError, match="was changed by something else while the step ran"):
        check_unchanged(path, before)


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"12345")
    before = stamp_of(path)
    path.unlink()
    assert stamp_of(path) is None
    with pytest.raises(InputError, match="it is gone"):
        check_unchanged(path, before)
