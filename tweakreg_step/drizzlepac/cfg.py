"""Read the .cfg files of TEAL, the editor of parameters of HST's software.

They have a line for each parameter, ``name = value``, in sections, perhaps with a comment; after
the section ``_RULES_`` come the rules of the editor, which are passed over.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tweakreg_step.core.exceptions import InputError
from tweakreg_step.files.whole_files import content_of

__all__ = ["NOTHING", "read_cfg"]

NOTHING = {"", "NONE", "INDEF"}
"""Words, in capitals, for no value."""

TASK = "_task_name_"

_SECTION = re.compile(r"\[+\s*(.*?)\s*\]+\s*(?:#.*)?")
_VALUE = re.compile(r"""\s*(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<plain>[^#]*))""")

Sections = dict[str, dict[str, Any]]


def read_cfg(given: Any, task: str) -> Sections | None:
    """The values of a task by section and name, '' for those in no section.

    Parameters
    ----------
    given
        Path of a .cfg file, or a mapping, perhaps with sections; None for none.
    task
        Name of the task: tweakreg, imagefindpars or refimagefindpars.

    Raises
    ------
    InputError
        If the file can't be read, or is of another task.
    """
    if given is None:
        return None
    if isinstance(given, Mapping):
        sections = _of_mapping(given)
        name = "configobj" if task == "tweakreg" else "the mapping"
    elif isinstance(given, str | Path):
        name = f"'{given}'"
        sections = _of_text(_text_of(Path(given).expanduser()), name)
    else:
        raise InputError(
            f"The parameters of {task} are a {type(given).__name__}, but the path of a .cfg file "
            "or a dictionary is needed. Give one."
        )
    _check_task(sections, task, name)
    return {section: values for section, values in sections.items() if values}


def _check_task(sections: Sections, task: str, name: str) -> None:
    """Take the name of the task out; refuse another one."""
    said = str(sections.get("", {}).pop(TASK, "") or task).strip()
    if said != task and {said, task} != {"imagefindpars", "refimagefindpars"}:
        raise InputError(
            f"{name[0].upper()}{name[1:]} has the parameters of the task '{said}', but those of "
            f"'{task}' are needed. Give the file of that task."
        )


def _text_of(path: Path) -> str:
    try:
        return content_of(path).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"The parameter file '{path}' can't be read: {error}. It must be a .cfg file that "
            "TweakReg has written. Check the name."
        ) from error


def _of_mapping(given: Mapping[str, Any]) -> Sections:
    sections: Sections = {"": {}}
    for name, value in given.items():
        if isinstance(value, Mapping):
            if name.strip() != "_RULES_":
                sections[name] = dict(value)
        else:
            sections[""][name] = value
    return sections


def _of_text(text: str, name: str) -> Sections:
    section, sections = "", {"": {}}  # type: tuple[str, Sections]
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip().lstrip("\ufeff")
        if not stripped or stripped.startswith("#"):
            continue
        heading = _SECTION.fullmatch(stripped)
        if heading:
            section = heading[1]
            sections.setdefault(section, {})
            continue
        word, separator, rest = stripped.partition("=")
        if not separator or not word.strip():
            raise InputError(
                f"Line {number} of the parameter file {name} is '{stripped[:60]}', but a name, "
                "'=' and a value, or a section in brackets, is needed. Mend or remove it."
            )
        if section != "_RULES_":
            sections[section][word.strip().strip("\"'")] = _value(rest)
    sections.pop("_RULES_", None)
    return sections


def _value(text: str) -> str:
    """The value in a line, without quotes and comment."""
    match = _VALUE.match(text)
    if match is None:
        return text.strip()
    found = next((match[kind] for kind in ("double", "single") if match[kind] is not None), None)
    return match["plain"].strip() if found is None else found
