"""Files are written whole or not at all."""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest

from tweakreg_step.core.exceptions import OutputError
from tweakreg_step.files.whole_files import (
    check_folder,
    content_of,
    drafts,
    no_empty_folder,
    remove_hidden_folders,
    write_whole,
)


def test_a_file_is_made_under_its_own_name(tmp_path: Path) -> None:
    seen = []

    def write(draft: Path) -> None:
        seen.append(draft)
        draft.write_text("whole")

    write_whole(tmp_path / "a.txt", write)
    assert seen[0].name == "a.txt"
    assert (tmp_path / "a.txt").read_text() == "whole"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError("bug")])
def test_a_failure_leaves_what_was_there(tmp_path: Path, error: Exception) -> None:
    target = tmp_path / "a.txt"
    target.write_text("before")

    def write(draft: Path) -> None:
        draft.write_text("hal")
        raise error

    expected = OutputError if isinstance(error, OSError) else RuntimeError
    with pytest.raises(expected, match=error.args[-1]):
        write_whole(target, write)
    assert target.read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"nowhere.*can't be written.*Nothing was left"):
        write_whole(tmp_path / "nowhere" / "a.txt", lambda draft: draft.write_text("x"))


def test_an_output_folder_is_made(tmp_path: Path) -> None:
    check_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
    assert not list((tmp_path / "a" / "b").iterdir())


def test_a_file_is_no_output_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"output folder.*file.*Choose another 'output_dir'"):
        check_folder(tmp_path / "file")


@pytest.mark.parametrize("name", ["x" * 300, "a\0b", "new/" + "x" * 300])
def test_what_no_folder_can_be_named_is_none(tmp_path: Path, name: str) -> None:
    with (
        pytest.raises(OutputError, match=r"output folder.*Choose another 'output_dir'"),
        no_empty_folder(tmp_path / name),
    ):
        check_folder(tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("moment", ["made", "removed"])
def test_what_a_signal_leaves_is_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """A signal may come right after the hidden folder was made, or while it is removed."""
    make, remove = Path.mkdir, shutil.rmtree

    def stopped(*_: object, **__: object) -> None:
        raise SystemExit(143)

    def made_and_stopped(path: Path, **options: Any) -> None:
        make(path, **options)
        monkeypatch.setattr(shutil, "rmtree", stopped)
        stopped()

    if moment == "made":
        monkeypatch.setattr(Path, "mkdir", made_and_stopped)
    else:
        monkeypatch.setattr(shutil, "rmtree", stopped)
    with pytest.raises(SystemExit):
        write_whole(tmp_path / "a.txt", lambda draft: draft.write_text("x"))
    monkeypatch.setattr(shutil, "rmtree", remove)
    assert list(tmp_path.glob(".tweakreg-*"))
    remove_hidden_folders()
    assert not list(tmp_path.glob(".tweakreg-*"))


def test_the_folders_of_other_threads_are_not_swept(tmp_path: Path) -> None:
    with drafts(tmp_path) as folder:
        thread = threading.Thread(target=remove_hidden_folders)
        thread.start()
        thread.join()
        assert folder.is_dir()
    assert not folder.exists()


def test_pipes_devices_and_folders_are_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    kinds = {pipe: "no regular", Path("/dev/zero"): "no regular", tmp_path: "a folder"}
    for path, reason in kinds.items():
        with pytest.raises(OSError, match=reason):
            content_of(path)
    with pytest.raises(FileNotFoundError):
        content_of(tmp_path / "gone")
    file = tmp_path / "list.txt"
    file.write_bytes(b"x" * 11)
    assert content_of(file) == b"x" * 11
    with pytest.raises(OSError, match="no more than 0 MB"):
        content_of(file, 10)
