"""Names of images: the name of the file and, if it holds several, a label."""

from __future__ import annotations

import re

__all__ = ["file_of", "image_name"]

LABEL = re.compile(r"\[[^\[\]]+\]$")


def image_name(file_name: str, label: str) -> str:
    """The name of an image: that of its file, with its label if it has one: ``a.fits[SCI,1]``."""
    return f"{file_name}[{label}]" if label else file_name


def file_of(image: str) -> str:
    """The name of the file of an image."""
    return LABEL.sub("", image)
