"""Associations: JSON files that list the exposures of a product."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tweakreg_step.core.exceptions import InputError
from tweakreg_step.core.wording import printable
from tweakreg_step.files.names import (
    REPORT_ROOM,
    check_letters,
    check_name,
    is_representable,
    representable,
)
from tweakreg_step.files.whole_files import content_of

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["association_of", "check_exist", "names_group", "read_association", "science_only"]

# stpipe's name for an image that has no group; it must not make a group of unrelated images later
PLACEHOLDER = re.compile(r"exposure\d{4,}$")

log = logging.getLogger(__name__)

RECORDED = ("table_name", "asn_pool")
"""Words of an association that the headers of its exposures record."""

_FILES = ("expname", "tweakreg_catalog", "name")
"""Words that name files, the last one those of the reports."""

_KINDS = {
    dict: "an object",
    list: "a list",
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    type(None): "null",
}
"""What JSON calls values."""

_Scalar = str | int | float | bool | None


def names_group(group: str | None) -> bool:
    """Whether a text names a group, and does not stand for an image that has none."""
    return bool(group) and not PLACEHOLDER.match(str(group))


def read_association(path: Path) -> dict[str, Any]:
    """Read the science exposures of an association.

    Parameters
    ----------
    path
        JSON with ``products[0].members``, each with ``expname`` and perhaps ``exptype``,
        ``group_id`` and ``tweakreg_catalog``.

    Returns
    -------
    dict
        The association with only its science members, paths made absolute.

    Raises
    ------
    InputError
        If it is not an association, has no science member, or names files that do not exist.
    """
    loaded = _load(path)
    if isinstance(loaded, dict):
        loaded = loaded | {"table_name": path.name}
    return science_only(loaded, path.parent, f"'{printable(str(path))}'")


def science_only(association: Any, folder: Path, name: str) -> dict[str, Any]:
    """The association with only its science members, paths made absolute; see above.

    Parameters
    ----------
    association
        Content of the JSON file.
    folder
        Folder that its paths are relative to.
    name
        Name of the association in error messages.
    """
    top = _Node(association, f"The association {name}")
    product = top.child("products", list).first()
    members = product.child("members", list).items()
    for key in ("name", *RECORDED):
        (product if key == "name" else top).text(key)
    science = [m for m in members if (m.text("exptype") or "science").lower() == "science"]
    located = [_located(member, folder) for member in science]
    _check_members(located, name)
    return _recorded(top.scalars(), name) | {
        "products": [product.scalars() | {"members": located}],
    }


def _load(path: Path) -> Any:
    try:
        return json.loads(content_of(path))
    except RecursionError as error:
        raise InputError(
            f"The association '{path}' can't be read: its lists and objects are nested too deeply. "
            "It must be a JSON file with 'products'. Make the file again."
        ) from error
    except (OSError, ValueError) as error:  # such as a number of thousands of digits
        raise InputError(
            f"The association '{printable(str(path))}' can't be read: {error}. It must be a JSON "
            "file. Check the name, or make the file again."
        ) from error


class _Node:
    """A value of an association, and where it is in the file."""

    def __init__(self, value: Any, where: str, inside: str = "") -> None:
        self.value, self._where, self._inside = value, where, inside

    def child(self, key: str, kind: type) -> _Node:
        """What an object has under a key."""
        self.check(dict)
        place = f"{self._inside}.{key}" if self._inside else key
        if key not in self.value:
            raise InputError(
                f"{self._where} has no '{place}'. {_NEEDED} Add it, or make the file again."
            )
        node = _Node(self.value[key], self._where, place)
        node.check(kind)
        return node

    def first(self) -> _Node:
        """The first of a list."""
        if not self.value:
            raise InputError(
                f"{self._where} has an empty list as '{self._inside}'. {_NEEDED} Make it again."
            )
        return next(iter(self.items()))

    def items(self) -> list[_Node]:
        """Those of a list, which must be objects."""
        nodes = [_Node(v, self._where, f"{self._inside}[{i}]") for i, v in enumerate(self.value)]
        for node in nodes:
            node.check(dict)
        return nodes

    def text(self, key: str) -> str:
        """A text, or a whole number as one; '' if it is not there."""
        value = self.value.get(key)
        if value is None:
            return ""
        place = f"{self._inside}.{key}" if self._inside else key
        if isinstance(value, bool) or not isinstance(value, str | int) or _is_huge(value):
            raise InputError(
                f"{self._where} has {_shown(value)} as '{place}', but a text is needed there. Mend "
                "or remove it."
            )
        text, what = str(value), f"'{place}' in {self._where[0].lower()}{self._where[1:]}"
        check_letters(text, what)
        if key in _FILES:
            check_name(text, what, REPORT_ROOM if key == "name" else 0)
        return text

    def scalars(self) -> dict[str, _Scalar]:
        """What is no list and no object: of these no depth and no number is of use."""
        return {k: v for k, v in self.value.items() if isinstance(v, _Scalar) and not _is_huge(v)}

    def check(self, kind: type) -> None:
        """Refuse a value of another kind."""
        if isinstance(self.value, kind):
            return
        place = f" as '{self._inside}'" if self._inside else ""
        raise InputError(
            f"{self._where} has {_shown(self.value)}{place}, but {_KINDS[kind]} is needed there. "
            f"{_NEEDED} Make the file again, or list the images in a text file and give it as "
            "'@list.txt'."
        )


_NEEDED = (
    "An association needs 'products', the first with 'members', each with 'expname'; 'make demo' "
    "writes an example."
)


def _shown(value: Any) -> str:
    """A value of JSON in few words."""
    kind = _KINDS.get(type(value), f"a {type(value).__name__}")
    if isinstance(value, dict | list) or value is None or _is_huge(value):
        return kind
    return f"{kind} ({printable(str(value))[:40]})"


def _is_huge(value: Any) -> bool:
    return isinstance(value, int) and value.bit_length() > 64


def _located(member: _Node, folder: Path) -> dict[str, Any]:
    member.child("expname", str)
    name, group = member.text("expname"), member.text("group_id")
    catalog = member.text("tweakreg_catalog").strip()
    located: dict[str, Any] = member.scalars() | {
        "expname": str((folder / name).absolute()),
        "exptype": "science",
    }
    located.pop("group_id", None)
    if group:
        located["group_id"] = group
    if catalog:
        located["tweakreg_catalog"] = str((folder / catalog).absolute())
    return located


def _recorded(words: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The association's words, of which those that headers record are such as these can hold."""
    changed = {
        key: representable(str(words[key]))
        for key in RECORDED
        if not is_representable(str(words.get(key) or ""))
    }
    for key, text in changed.items():
        log.warning(
            "The association %s: '%s' is '%s'; FITS headers, which record it, hold ASCII alone, so "
            "it is written as '%s'.",
            *(name, key, printable(str(words[key])), text),
        )
    return dict(words) | changed


def _check_members(members: list[dict[str, Any]], name: str) -> None:
    if not members:
        raise InputError(
            f"The association {name} lists no exposure of type 'science', but at least one is "
            "needed. Check 'exptype' of its members."
        )
    check_exist([Path(member["expname"]) for member in members], f"The association {name}")


def check_exist(paths: list[Path], source: str) -> None:
    """Raise `InputError` if files that ``source`` names do not exist."""
    missing = [printable(str(path)) for path in paths if not _is_file(path)]
    if missing:
        shown = ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" * (len(missing) > 5))
        raise InputError(
            f"{source} names {len(missing)} of {len(paths)} files that do not exist: {shown}. All "
            "must exist, and be no folders. Fetch the missing files, or remove them from the list."
        )


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # such as a name that is too long
        return False


def association_of(paths: list[Path]) -> dict[str, Any]:
    """An association of exposures in files."""
    members = [{"expname": str(path.absolute()), "exptype": "science"} for path in paths]
    return {"products": [{"members": members}]}
