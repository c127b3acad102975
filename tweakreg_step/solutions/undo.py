"""Undo the correction of an exposure."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tweakreg_step.core.exceptions import InputError
from tweakreg_step.files.whole_files import write_whole
from tweakreg_step.telescopes.checksums import saved_with_checksums
from tweakreg_step.telescopes.choose_mission import missions, open_exposure, telescope_of

from .targets import OpenTarget, Plan

if TYPE_CHECKING:
    from .targets import Target

__all__ = ["plan_of_undo", "remove_correction"]


def remove_correction(model_or_file: Any) -> Any:
    """Restore the WCS as delivered, exactly, with the footprint and FITS keywords made from it.

    Parameters
    ----------
    model_or_file
        An open exposure, which is changed, or the path of a file, which is replaced by a whole
        new one. Without a correction, nothing is changed.

    Returns
    -------
    model or Path
        The argument.

    Raises
    ------
    InputError
        If a file is not an image with a WCS that can be corrected.
    OutputError
        If a file can't be written; it is as it was then.
    """
    if not isinstance(model_or_file, str | Path):
        if not hasattr(model_or_file, "meta"):
            raise InputError(
                f"{model_or_file!r} is neither a {missions('or')} model nor the path of a file. "
                "Give one of them."
            )
        _restore(model_or_file, str(model_or_file.meta.filename))
        return model_or_file
    path = Path(model_or_file)
    with open_exposure(path) as model:
        if _restore(model, path.name):
            write_whole(path, saved_with_checksums(model, model.save))
    return path


def plan_of_undo(target: Target, model: Any) -> Plan:
    """What is to be done to one exposure so that it has the WCS that it was delivered with.

    Raises
    ------
    InputError
        If it is no image with a WCS that can be corrected.
    """
    exposure = OpenTarget.of(target, model)
    corrected = any(image.view().corrected for image in exposure.images)
    done = "undone" if corrected else "as delivered"
    rows = [{"file": target.name, "image": one.label, "done": done} for one in exposure.images]
    return Plan(target, rows, exposure.telescope.restore if corrected else None)


def _restore(model: Any, name: str) -> bool:
    telescope = telescope_of(model)
    telescope.check(model, name)
    return telescope.restore(model)
