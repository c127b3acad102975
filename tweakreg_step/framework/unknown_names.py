"""Names of parameters that a step does not have, wherever a user gives them, and near ones."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from tweakreg_step.core.wording import nearest
from tweakreg_step.parameters import is_default

from .old_names import OLD_NAMES, renamed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

__all__ = ["complete_attributes", "refused_names"]

log = logging.getLogger(__name__)

_OF_STPIPE = {"class", "config_file", "logcfg", "name"}
"""Names in a configuration that stpipe takes out of it."""


def refused_names(given: Iterable[str], known: Collection[str]) -> str:
    """The message on the first name that is no parameter; '' if all are.

    Parameters
    ----------
    given
        Names that a user gave.
    known
        Names of all parameters.
    """
    unknown = [name for name in given if name not in known and name not in _OF_STPIPE]
    return f"{_unknown(unknown[0], known)}See docs/parameters.rst for all." if unknown else ""


def _unknown(name: str, known: Collection[str]) -> str:
    current = [one for one in known if one not in OLD_NAMES]
    return (
        f"There is no parameter '{name}', but each name must be that of a parameter. "
        f"{nearest(name, current)}"
    )


def complete_attributes(step: Any, known: Collection[str], own: Collection[str]) -> None:
    """Say which attributes of a step have no effect, and translate those of earlier releases.

    Parameters
    ----------
    step
        A step, whose user may have set attributes since it was made.
    known
        Names of all parameters.
    own
        Names of the attributes that it had when it was made.
    """
    values: Mapping[str, Any] = vars(step)
    for name in list(values):
        if name.startswith("_") or name in known or name in own or hasattr(type(step), name):
            continue
        log.warning("%sSetting '%s' of the step has no effect.", _unknown(name, known), name)
    given = {name: values[name] for name in OLD_NAMES if values.get(name) is not None}
    current = {new for new, _ in OLD_NAMES.values()}
    given |= {name: values[name] for name in current if not is_default(name, values[name])}
    translated, sentences = renamed(given)
    for sentence in sentences.values():
        log.warning(sentence)
    for name, value in translated.items():
        setattr(step, name, value)
    for name in sentences:
        setattr(step, name, None)
