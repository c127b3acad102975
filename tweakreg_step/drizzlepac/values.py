"""The values of TweakReg's parameters: its defaults, a .cfg file, dictionaries, keywords."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tweakreg_step.core.exceptions import ParameterError
from tweakreg_step.core.wording import listed

from .cfg import NOTHING, read_cfg
from .table import IMAGE, MAIN, REFERENCE, SYNONYMS, defaults, row_of, rows_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .table import Row

__all__ = ["Values", "values_of"]

_TRUTHS = {"yes": True, "true": True, "on": True, "1": True, "y": True} | {
    "no": False, "false": False, "off": False, "0": False, "n": False
}  # fmt: skip

_FINDER_SYNONYMS = {"minflux": "fluxmin", "maxflux": "fluxmax"}
"""Names in files of earlier releases."""


@dataclass(frozen=True, slots=True)
class Values:
    """All values, with their types.

    Attributes
    ----------
    main, image, reference
        Values by name, of TweakReg and of its finders for the images and the reference image.
    given
        Where and name of those that somebody gave; the others have TweakReg's defaults.
    remarks
        Sentences on what was passed over.
    """

    main: dict[str, Any]
    image: dict[str, Any]
    reference: dict[str, Any]
    given: frozenset[tuple[str, str]] = frozenset()
    remarks: tuple[str, ...] = ()

    def of(self, where: str) -> dict[str, Any]:
        """The values of TweakReg or of one of its finders."""
        return {MAIN: self.main, IMAGE: self.image, REFERENCE: self.reference}[where]


def values_of(
    keywords: Mapping[str, Any],
    configobj: Any = None,
    imagefindcfg: Any = None,
    refimagefindcfg: Any = None,
) -> Values:
    """The values for one run; keywords are stronger than files, and files than defaults.

    Parameters
    ----------
    keywords
        Parameters of TweakReg or of its finder for the images, by name.
    configobj, imagefindcfg, refimagefindcfg
        Path of a .cfg file, or a mapping, perhaps with sections; None for none.

    Raises
    ------
    ParameterError
        If a keyword is no parameter, is given twice, or a value is not allowed.
    InputError
        If a file can't be read, or is of another task.
    """
    files = {
        MAIN: read_cfg(configobj, "tweakreg"),
        IMAGE: read_cfg(imagefindcfg, IMAGE),
        REFERENCE: read_cfg(refimagefindcfg, REFERENCE),
    }
    given, remarks = _sorted(files)
    for name, value in keywords.items():
        where = _place(name)
        row = row_of(name, where)
        if where == IMAGE and name in (files[IMAGE] or {}).get("", {}):
            raise ParameterError(
                f"'{name}' is given twice, as a keyword and in 'imagefindcfg', but once is needed. "
                "Leave one out."
            )
        given[where, row.name] = value
    values = defaults()
    for (where, name), value in given.items():
        values[where][name] = typed(row_of(name, where), value)
    main, image = values[MAIN], values[IMAGE]
    if main["catfile"]:  # so are these called by those who have catalogs
        main["minflux"] = image["fluxmin"] if main["minflux"] is None else main["minflux"]
        main["maxflux"] = image["fluxmax"] if main["maxflux"] is None else main["maxflux"]
    return Values(main, image, values[REFERENCE], frozenset(given), tuple(remarks))


def _place(name: str) -> str:
    """Whether a keyword is of TweakReg itself or of its finder for the images."""
    own = name in rows_of(MAIN) or name in SYNONYMS or name not in rows_of(IMAGE)
    return MAIN if own else IMAGE


def _sorted(
    files: Mapping[str, dict[str, dict[str, Any]] | None],
) -> tuple[dict[tuple[str, str], Any], list[str]]:
    """Values in files by where and name, and sentences on those that TweakReg does not have."""
    given: dict[tuple[str, str], Any] = {}
    unknown: dict[str, list[str]] = {}
    for task, sections in files.items():
        for section, values in (sections or {}).items():
            for name, value in values.items():
                where = _section_of(section, task, name)
                known = SYNONYMS.get(name, name)
                if where != MAIN and known not in rows_of(where):
                    known = _FINDER_SYNONYMS.get(known, known)
                if known in rows_of(where):
                    given[where, known] = value
                else:
                    unknown.setdefault(task, []).append(name)
    return given, [
        f"{listed([repr(name) for name in names])} in the file of "
        f"{'tweakreg' if task == MAIN else task} {'is' if len(names) == 1 else 'are'} passed "
        "over: TweakReg of today has no such name."
        for task, names in unknown.items()
    ]


def _section_of(section: str, task: str, name: str) -> str:
    """Where a value of a section belongs: a file of TweakReg may hold those of its finders."""
    if section.startswith("_SOURCE FINDING"):
        return IMAGE
    if section.startswith("_REF IMAGE"):
        return REFERENCE
    return IMAGE if task == MAIN and _place(name) == IMAGE else task


def typed(row: Row, value: Any) -> Any:
    """A value as its parameter has it.

    Raises
    ------
    ParameterError
        If it is not allowed.
    """
    if isinstance(value, Path):
        value = str(value)
    text = str(value).strip() if isinstance(value, str) else value
    try:
        result = _converted(row, text)
    except (KeyError, TypeError, ValueError):
        needed = {bool: "yes or no", int: "a whole number", float: "a number"}
        _refuse(row, value, needed.get(row.kind, "a text"))
    if row.choices and result not in row.choices:
        near = [choice for choice in row.choices if str(result).lower() == choice.lower()]
        if not near:
            _refuse(row, value, "one of " + ", ".join(map(repr, row.choices)))
        result = near[0]
    return result


def _refuse(row: Row, value: Any, needed: str) -> None:
    raise ParameterError(
        f"Parameter '{row.name}' of TweakReg is {value!r}, but must be {needed}. Its default is "
        f"{row.default!r}: leave it out, or give an allowed value."
    )


def _converted(row: Row, value: Any) -> Any:
    none = value is None or (isinstance(value, str) and value.upper() in NOTHING)
    if row.kind is bool:
        return value if isinstance(value, bool) else _TRUTHS[str(value).lower()]
    if none:
        return "" if row.kind is str else row.default if row.choices else None
    if row.kind is str:
        if isinstance(value, list | tuple):
            return list(value) if row.name == "input" else ",".join(map(str, value))
        return value if row.name == "input" else str(value)
    if isinstance(value, bool):
        raise TypeError
    number = float(value)
    if row.kind is int and number != int(number):
        raise ValueError
    return row.kind(number)
