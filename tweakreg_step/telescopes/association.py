"""Associations: JSON files that list the exposures of a product."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tweakreg_step.core.exceptions import InputError

__all__ = ["association_of", "check_exist", "read_association", "science_only"]


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
    return science_only(_load(path), path.parent, f"'{path}'") | {"table_name": path.name}


def science_only(association: dict[str, Any], folder: Path, name: str) -> dict[str, Any]:
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
    try:
        members = [dict(member) for member in association["products"][0]["members"]]
        science = [m for m in members if str(m.get("exptype", "science")).lower() == "science"]
        science = [_located(member, folder) for member in science]
    except (KeyError, IndexError, TypeError) as error:
        raise InputError(
            f"The association {name} is not one: {type(error).__name__} {error}. It needs "
            "'products', the first with 'members', each with 'expname'. 'make demo' writes an "
            "example."
        ) from error
    _check_members(science, name)
    product = dict(association["products"][0]) | {"members": science}
    return association | {"products": [product]}


def _load(path: Path) -> dict[str, Any]:
    try:
        association = json.loads(path.read_text())
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(
            f"The association '{path}' can't be read: {error}. It must be a JSON file. Check the "
            "name, or make the file again."
        ) from error
    if not isinstance(association, dict):
        raise InputError(
            f"'{path}' holds a {type(association).__name__}, but an association is an object with "
            "'products'. Make the file again, or list the images in a text file and give it as "
            "'@list.txt'."
        )
    return association


def _located(member: dict[str, Any], folder: Path) -> dict[str, Any]:
    located = member | {
        "expname": str((folder / member["expname"]).absolute()),
        "exptype": "science",
    }
    group = located.pop("group_id", None)
    if group not in {None, ""}:
        located["group_id"] = str(group)
    catalog = str(member.get("tweakreg_catalog") or "").strip()
    if catalog:
        located["tweakreg_catalog"] = str((folder / catalog).absolute())
    return located


def _check_members(members: list[dict[str, Any]], name: str) -> None:
    if not members:
        raise InputError(
            f"The association {name} lists no exposure of type 'science', but at least one is "
            "needed. Check 'exptype' of its members."
        )
    check_exist([Path(member["expname"]) for member in members], f"The association {name}")


def check_exist(paths: list[Path], source: str) -> None:
    """Raise `InputError` if files that ``source`` names do not exist."""
    missing = [str(path) for path in paths if not path.is_file()]
    if missing:
        shown = ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" * (len(missing) > 5))
        raise InputError(
            f"{source} names {len(missing)} of {len(paths)} files that do not exist: {shown}. All "
            "must exist, and be no folders. Fetch the missing files, or remove them from the list."
        )


def association_of(paths: list[Path]) -> dict[str, Any]:
    """An association of exposures in files."""
    members = [{"expname": str(path.absolute()), "exptype": "science"} for path in paths]
    return {"products": [{"members": members}]}
