"""Evidence that nothing speaks against."""

from __future__ import annotations

from tweakreg_step.core.evidence import Evidence

GOOD = Evidence(
    matches=100,
    chance_matches=0.1,
    log10_chance=-200.0,
    spread=0.44,
    reserved=20,
    reserved_before_mas=300.0,
    reserved_after_mas=2.5,
    coverage=0.9,
    sigma_centre_mas=0.2,
    sigma_corner_mas=0.4,
    pull=1.5,
)

NOISE = 2.0
"""Error of a detection [mas]."""
