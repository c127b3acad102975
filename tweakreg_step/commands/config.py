"""The command ``tweakreg config``: the parameter files that come with the package."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import asdf

import tweakreg_step
from tweakreg_step.core.exceptions import InputError, OutputError
from tweakreg_step.core.wording import listed, nearest

from .output import say

if TYPE_CHECKING:
    import argparse

__all__ = ["parameter_file", "run_config"]

FILES = Path(tweakreg_step.__file__).parent / "config"


def run_config(options: argparse.Namespace) -> int:
    """List the parameter files, or copy one; returns the exit status."""
    known = {path.stem: path for path in sorted(FILES.glob("*.asdf"))}
    words = list(options.words)
    if words[:1] == ["copy"]:
        words = words[1:] or [""]
    if words in ([], ["list"]):
        for name, path in known.items():
            say(f"{name:16}{_description(path)}")
        say(
            "Copy one with 'tweakreg config copy NAME', and use it with 'tweakreg align "
            "--config=FILE'."
        )
        return 0
    name, target = (*words, ".")[:2]
    if len(words) > 2:
        raise InputError(
            f"'{listed(words[2:])}' is one word too many: one parameter file is copied to one "
            "place. Give its name and where to."
        )
    stem = Path(name).stem
    if stem not in known:
        raise InputError(
            f"There is no parameter file '{name}', but one of {', '.join(known)} is "
            f"needed. {nearest(stem, known)}".strip()
        )
    say(_copied(known[stem], Path(target).expanduser()))
    return 0


def _copied(path: Path, target: Path) -> Path:
    place = target / path.name if target.is_dir() else target
    if place.exists():
        raise OutputError(
            f"'{place}' exists already, and is left as it is. Give another name, or remove it."
        )
    try:
        return Path(shutil.copyfile(path, place))
    except OSError as error:
        raise OutputError(
            f"'{place}' can't be written: {error.strerror or error}. Give a folder that exists and "
            "may be written to."
        ) from error


def _description(path: Path) -> str:
    """What a parameter file is for, its first comment, and its values."""
    lines = path.read_text(encoding="utf-8").splitlines()
    about = next((line[2:].strip() for line in lines if line.startswith("# ")), "")
    with asdf.open(path) as file:
        values = dict(file.tree.get("parameters", {}))
    shown = ", ".join(f"{name}={value}" for name, value in values.items())
    return f"{about}: {shown or 'the defaults'}"


def parameter_file(name: str) -> str:
    """The path of a parameter file: of one that is there, or of one that comes with the package.

    Raises
    ------
    InputError
        If there is none.
    """
    path = Path(name).expanduser()
    if path.is_file():
        return str(path)
    known = {one.stem: one for one in FILES.glob("*.asdf")}
    if name in known:
        return str(known[name])
    raise InputError(
        f"There is no parameter file '{name}', but a file or one of {', '.join(sorted(known))} is "
        f"needed. {nearest(name, known)}".strip()
    )
