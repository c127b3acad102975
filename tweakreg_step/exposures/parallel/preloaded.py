"""What worker processes need that is no module: imported by the process that they are forked from.

The extensions of ASDF are then loaded once, not by each worker.
"""

from __future__ import annotations

from contextlib import suppress

from tweakreg_step.files.asdf_extensions import load_extensions

with suppress(Exception):  # a worker that needs them will meet the error, and tell it
    load_extensions()
