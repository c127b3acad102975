"""Source catalogs: tables of the user in many formats, and catalogs saved by an earlier run."""

from __future__ import annotations

from .image_lists import check_images, read_catfile
from .saved_catalogs import (
    Checkpoint,
    checkpoint_meta,
    fingerprint,
    read_checkpoint,
    write_checkpoint,
)
from .source_catalogs import (
    alignable,
    from_table,
    inside,
    read_catalog,
    read_named,
    to_table,
    with_weights,
    within,
)
from .tables import is_table_file, numbers

__all__ = [
    "Checkpoint",
    "alignable",
    "check_images",
    "checkpoint_meta",
    "fingerprint",
    "from_table",
    "inside",
    "is_table_file",
    "numbers",
    "read_catalog",
    "read_catfile",
    "read_checkpoint",
    "read_named",
    "to_table",
    "with_weights",
    "within",
    "write_checkpoint",
]
