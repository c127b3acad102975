"""A model's words, made such that a FITS header can hold them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tweakreg_step.files.names import is_representable, representable

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["make_representable"]


def make_representable(model: Any, target: Path) -> list[str]:
    """Change the words in a model's metadata that the FITS file ``target`` could not hold.

    A letter without an accent, or a ?, stands for each that is not ASCII.

    Returns
    -------
    list
        What was changed, such as "asn.pool_name"; nothing for a file that is not FITS.
    """
    if ".fits" not in target.name:
        return []
    return list(_changed(getattr(model.meta, "instance", {})))


def _changed(words: dict[str, Any], above: str = "") -> list[str]:
    names = []
    for name, value in words.items():
        if isinstance(value, dict):
            names += _changed(value, f"{above}{name}.")
        elif isinstance(value, str) and not is_representable(value):
            words[name] = representable(value)
            names.append(f"{above}{name}")
    return names
