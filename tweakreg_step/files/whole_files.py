"""Files: small ones read whole, of a kind that ends; written whole or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
import threading
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tweakreg_step.core.exceptions import OutputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = [
    "check_folder",
    "content_of",
    "drafts",
    "hidden_name",
    "no_empty_folder",
    "remove_hidden_folders",
    "write_whole",
]

_HIDDEN_FOLDERS: dict[Path, int] = {}
"""Hidden folders that exist or are about to be made, with the identifier of their thread."""


LARGEST_LIST = 100_000_000
"""Bytes of an association, a list of files, or of regions: others have far fewer."""


def content_of(path: Path, most: int = LARGEST_LIST) -> bytes:
    """The content of a small file of the user.

    Raises
    ------
    OSError
        If it can't be read, is larger, or is no file that ends, as a pipe or a device: to read
        these would wait for ever.
    """
    if path.exists() and not path.is_file():
        raise OSError("it is no regular file" if not path.is_dir() else "it is a folder")
    size = path.stat().st_size
    if size > most:
        raise OSError(f"it has {size / 1e6:.0f} MB, and no more than {most / 1e6:.0f} MB are read")
    return path.read_bytes()


def write_whole(path: Path, write: Callable[[Path], object], *, within: Path | None = None) -> None:
    """Let ``write`` make a file; put it at ``path`` only once it is complete.

    The file is made under its final name in a hidden folder beside ``path`` and then moved, which
    is atomic on one file system: other programs see the old file or the new one, never a part.

    Parameters
    ----------
    path
        Where the file shall be. Its folder must exist.
    write
        Called with the path to write to.
    within
        A folder on the same file system for the hidden one, instead of that of ``path``. Removing
        it also removes what a killed process has left.

    Raises
    ------
    OutputError
        If the file can't be written; what stood at ``path`` is untouched.
    """
    try:
        with _hidden(within or path.parent) as folder:
            draft = folder / path.name
            write(draft)
            draft.replace(path)
    except OSError as error:
        raise OutputError(
            f"'{path}' can't be written: {error.strerror or error}. It needs a folder that exists, "
            "may be written to and has room. Nothing was left half-written; mend the folder or "
            "choose another 'output_dir'."
        ) from error


@contextmanager
def drafts(folder: Path) -> Iterator[Path]:
    """A hidden folder inside ``folder`` for `write_whole`, removed at the end in any case."""
    with ExitStack() as stack:
        try:
            path = stack.enter_context(_hidden(folder))
        except OSError as error:
            raise _unusable(folder, error) from error
        yield path


@contextmanager
def _hidden(home: Path) -> Iterator[Path]:
    """A hidden folder inside ``home``, removed at the end.

    It is registered from before it is made until it is removed, since a signal may come between any
    two lines.
    """
    folder = hidden_name(home)
    _HIDDEN_FOLDERS[folder] = threading.get_ident()
    try:
        folder.mkdir(mode=0o700)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        _HIDDEN_FOLDERS.pop(folder, None)


def hidden_name(home: Path) -> Path:
    """A unique path inside ``home`` for a temporary folder."""
    return home / f".tweakreg-{secrets.token_hex(4)}"


def remove_hidden_folders() -> None:
    """Remove the hidden folders of this thread that an interrupted run has left."""
    own = threading.get_ident()
    for folder in [folder for folder, thread in _HIDDEN_FOLDERS.items() if thread == own]:
        shutil.rmtree(folder, ignore_errors=True)
        _HIDDEN_FOLDERS.pop(folder, None)


def check_folder(folder: Path) -> None:
    """Check that files can be written into a folder; it is made if it does not exist.

    Raises
    ------
    OutputError
        If they can't.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # os.access knows nothing of full or read-only file systems: try it
        handle, name = tempfile.mkstemp(dir=folder, prefix=".tweakreg-")
        os.close(handle)
        Path(name).unlink()
    except (OSError, ValueError) as error:  # ValueError: of a name with NUL
        raise _unusable(folder, error) from error


@contextmanager
def no_empty_folder(folder: Path) -> Iterator[None]:
    """After an error, remove a folder that was made for results and has got none."""
    # False, where pathlib raises, of what no folder can be named
    before = [one for one in (folder, *folder.parents) if not os.path.exists(one)]  # noqa: PTH110
    try:
        yield
    except BaseException:
        for one in before:
            with suppress(OSError, ValueError):  # of one that is not empty, or was not made
                one.rmdir()
        raise


def _unusable(folder: Path, error: OSError | ValueError) -> OutputError:
    why = getattr(error, "strerror", None) or error
    return OutputError(
        f"The output folder {str(folder)!r} can't be used: {why}. It must be a "
        "folder that may be written to. Choose another 'output_dir'; nothing was done so far."
    )
