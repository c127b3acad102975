"""The visit of an exposure, as far as the name of its group tells.

A visit has one guide star and one history of the telescope's structure: what moves a detector is
nearly the same within a visit, and may be another in the next.
"""

from __future__ import annotations

import re

__all__ = ["visit_of_group"]

_VISITS = (
    re.compile(r"(jw\d{11})_"),  # JWST: programme, observation, visit
    re.compile(r"(r\d{19})_"),  # Roman: programme, plan, pass, segment, observation, visit
    re.compile(r"([ijlnou][0-9a-z]{3}[0-9a-z]{2})[0-9a-z]{2}[a-z]$"),  # HST: ippp, ss of a rootname
)


def visit_of_group(group: object) -> str:
    """The visit of a group of exposures, '' where its name does not tell.

    Parameters
    ----------
    group
        Name of the group.
    """
    for pattern in _VISITS:
        match = pattern.match(str(group))
        if match:
            return match.group(1)
    return ""
