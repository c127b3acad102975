"""Tables of sources: a user's own in any form, and those that an earlier run has saved."""

from __future__ import annotations

from .checkpoint import Checkpoint, checkpoint_meta, fingerprint, read_checkpoint, write_checkpoint
from .image_lists import check_images, read_catfile
from .source_catalogs import alignable, inside, read_catalog, to_table, with_weights, within
from .tables import is_table_file, numbers

__all__ = [
    "Checkpoint",
    "alignable",
    "check_images",
    "checkpoint_meta",
    "fingerprint",
    "inside",
    "is_table_file",
    "numbers",
    "read_catalog",
    "read_catfile",
    "read_checkpoint",
    "to_table",
    "with_weights",
    "within",
    "write_checkpoint",
]
