"""Missions are named in `telescopes` alone, in `simulate`, and in `drizzlepac`, software of one.

The import contracts keep modules out; this keeps out the words.
"""

from __future__ import annotations

import re
from pathlib import Path

import tweakreg_step

PACKAGE = Path(tweakreg_step.__file__).parent
OF_A_MISSION = re.compile(r"jwst|stdatamodels|roman\b|\bhst\b|\bL2\b", re.IGNORECASE)
MAY = {"drizzlepac", "telescopes", "simulate"}


def test_no_other_room_names_a_mission() -> None:
    named = [
        f"{path.relative_to(PACKAGE)}:{number}: {line}"
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.relative_to(PACKAGE).parts[0] not in MAY
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if OF_A_MISSION.search(line)
    ]
    assert not named
