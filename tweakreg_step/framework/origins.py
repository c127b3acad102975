"""Where each value of a step's configuration came from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stpipe import config_parser
from stpipe._cmdline import FromCommandLine  # stpipe has no public name for it

from .old_names import renamed

__all__ = ["FROM_CRDS", "origins_of"]

FROM_CRDS = "from_crds"
"""Where a configuration keeps what CRDS gave."""


def origins_of(config: Any, config_file: Any, otherwise: str) -> dict[str, str]:
    """Source of each value of a merged configuration."""
    in_file = dict(config_parser.load_config_file(str(config_file))) if config_file else {}
    in_file |= renamed(in_file)[0]
    in_crds = vars(config).get(FROM_CRDS, {}) if hasattr(config, "__dict__") else {}
    sources = {}
    for name, value in config.items():
        if isinstance(value, FromCommandLine):
            sources[name] = "command line"
        elif name in in_file and str(in_file[name]) == str(value):
            sources[name] = f"parameter file {Path(config_file).name}"
        elif name in in_crds and str(in_crds[name]) == str(value):
            sources[name] = "CRDS"
        elif isinstance(value, list):  # stpipe does not mark the lists of its command line
            sources[name] = f"command line or {otherwise}"
        else:
            sources[name] = otherwise
    return sources
