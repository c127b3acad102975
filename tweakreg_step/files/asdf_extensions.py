"""What the installed packages say of ASDF files, read once and by the compiled reader of YAML."""

from __future__ import annotations

from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any

import asdf
import yaml

if TYPE_CHECKING:
    from typing import IO

__all__ = ["load_extensions"]

_ONE_AT_A_TIME = Lock()


def load_extensions() -> None:
    """Let asdf load the extensions of all installed packages, if it has not done so yet.

    It does so by itself when it opens its first file, in each process; but it reads their manifests
    by PyYAML's reader in Python, which takes longer than all other imports. The compiled one, by
    which asdf reads files, finds the same in them. It is called wherever the first ASDF file of a
    process may be met: where workers read the exposures, that is where the solution is written.
    """
    with _ONE_AT_A_TIME:
        _load()


@cache
def _load() -> None:
    if not yaml.__with_libyaml__:
        return
    by_python, yaml.safe_load = yaml.safe_load, _safe_load
    try:
        asdf.get_config().extensions  # noqa: B018 - a property that loads them
    finally:
        yaml.safe_load = by_python


def _safe_load(stream: str | bytes | IO[Any]) -> Any:
    """What `yaml.safe_load` does, by the compiled reader."""
    return yaml.load(stream, yaml.CSafeLoader)
