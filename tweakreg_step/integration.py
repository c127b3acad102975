"""The entry point by which stpipe finds the step. Imports nothing heavy."""

from __future__ import annotations

__all__ = ["get_steps"]


def get_steps() -> list[tuple[str, str, bool]]:
    """Name, alias and "is a pipeline" of each step of this package.

    The alias is not the class's own ``tweakreg``: two packages that offer the same alias would
    break ``strun tweakreg`` for everyone who has also installed the stock pipeline.
    """
    return [("tweakreg_step.TweakRegStep", "tweakreg_step", False)]
