"""JWST: models, libraries, and the FWHM of stars."""

from __future__ import annotations

from .library import (
    JwstLibrary,
    Place,
    copy_library,
    discard,
    file_names,
    found_groups,
    group_ids,
    group_of_model,
    open_exposure,
    product_name,
    without,
)
from .models import ABSOLUTE_FIT, JWST, group_of_name

__all__ = [
    "ABSOLUTE_FIT",
    "JWST",
    "JwstLibrary",
    "Place",
    "copy_library",
    "discard",
    "file_names",
    "found_groups",
    "group_ids",
    "group_of_model",
    "group_of_name",
    "open_exposure",
    "product_name",
    "without",
]
