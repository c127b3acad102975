"""Files made of new bytes and of parts of another file."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from tweakreg_step.files import copied_parts
from tweakreg_step.files.copied_parts import Part, write_parts


def unknown(*_: Any, **_options: Any) -> int:
    raise OSError(errno.EXDEV, "Invalid cross-device link")


def useless(*_: Any, **_options: Any) -> int:
    return 0


@pytest.mark.parametrize("copy", [None, unknown, useless])
def test_new_bytes_and_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, copy: Any) -> None:
    monkeypatch.setattr(copied_parts, "CHUNK", 7)
    if copy is not None:
        monkeypatch.setattr(os, "copy_file_range", copy, raising=False)
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_bytes(bytes(range(200)))
    write_parts(new, old, [b"start", Part(20, 50), b"", Part(190, 10), b"end"])
    assert new.read_bytes() == b"start" + bytes(range(20, 70)) + bytes(range(190, 200)) + b"end"


def test_systems_without_such_a_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "copy_file_range", raising=False)
    (tmp_path / "old").write_bytes(b"0123456789")
    write_parts(tmp_path / "new", tmp_path / "old", [Part(2, 3)])
    assert (tmp_path / "new").read_bytes() == b"234"


def test_an_input_that_ends_too_early(tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(b"0123456789")
    with pytest.raises(OSError, match="the input ends 5 bytes too early"):
        write_parts(tmp_path / "new", tmp_path / "old", [Part(5, 10)])


def test_other_errors_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **_options: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "copy_file_range", full, raising=False)
    (tmp_path / "old").write_bytes(b"0123456789")
    with pytest.raises(OSError, match="No space left"):
        write_parts(tmp_path / "new", tmp_path / "old", [Part(5, 5)])
