"""What worker processes need that is no module: imported by the process that they are forked from.

The extensions of ASDF are then loaded once, not by each worker.
"""

from __future__ import annotations

import warnings
from contextlib import suppress

from asdf.exceptions import AsdfWarning

from tweakreg_step.files.asdf_extensions import load_extensions

with suppress(Exception), warnings.catch_warnings():
    # of a package that is broken nothing is kept, so that the worker that needs it tells of it
    warnings.simplefilter("error", AsdfWarning)
    load_extensions()
