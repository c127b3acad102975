"""All parameters of TweakReg of DrizzlePac: code and documentation are made from this table."""

from __future__ import annotations

from tweakreg_step.core.exceptions import ParameterError
from tweakreg_step.core.wording import nearest

from .finder import FINDER_PARAMETERS
from .main import MAIN_PARAMETERS
from .row import IMAGE, MAIN, REFERENCE, Row

__all__ = ["PARAMETERS", "SYNONYMS", "defaults", "row_of", "rows_of"]

PARAMETERS: tuple[Row, ...] = MAIN_PARAMETERS + FINDER_PARAMETERS
"""Every parameter of the manual."""

SYNONYMS = {"rfluxmax": "rmaxflux", "rfluxmin": "rminflux"}
"""Names that users write for others."""

_BY_NAME = {(row.where, row.name): row for row in PARAMETERS}


def rows_of(where: str) -> dict[str, Row]:
    """The parameters of TweakReg itself, or of one of its finders, by name."""
    return {row.name: row for row in PARAMETERS if row.where == where}


def row_of(name: str, where: str = MAIN) -> Row:
    """The parameter of a name.

    Raises
    ------
    ParameterError
        If TweakReg has none of this name there.
    """
    found = _BY_NAME.get((where, SYNONYMS.get(name, name)))
    if found is None:
        known = rows_of(where)
        raise ParameterError(
            f"TweakReg has no parameter '{name}' {'' if where == MAIN else f'in {where}'}".rstrip()
            + f". {nearest(name, known)}Those that it has are in docs/from_drizzlepac.rst."
        )
    return found


def defaults() -> dict[str, dict[str, object]]:
    """TweakReg's defaults by name, of itself and of both finders."""
    return {
        where: {name: row.default for name, row in rows_of(where).items()}
        for where in (MAIN, IMAGE, REFERENCE)
    }
