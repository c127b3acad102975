"""What a solution is put on: exposures in files or in memory, checked first and changed then."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from astropy.table import Table

from tweakreg_step.core.exceptions import InputError, OutputError
from tweakreg_step.exposures import tell_changed_words
from tweakreg_step.exposures.parallel import ended_by_terminate
from tweakreg_step.files.names import image_name
from tweakreg_step.files.whole_files import check_folder, write_whole
from tweakreg_step.telescopes.checksums import saved_with_checksums
from tweakreg_step.telescopes.choose_mission import open_exposure, telescope_of
from tweakreg_step.telescopes.inputs import given_exposures
from tweakreg_step.telescopes.library import entry_of
from tweakreg_step.telescopes.wcs import plane_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tweakreg_step.core.images import Plane
    from tweakreg_step.telescopes import OpenImage, Telescope

__all__ = ["OpenTarget", "Plan", "Target", "carry_out", "planned", "targets_of"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Target:
    """One exposure that was given.

    Attributes
    ----------
    name
        Name of its file.
    path
        Path of its file, None for a model.
    model
        The open model, None for a file.
    """

    name: str
    path: Path | None = None
    model: Any = None

    @contextmanager
    def open(self) -> Iterator[Any]:
        """The open model; a file is closed at the end."""
        if self.path is None:
            yield self.model
            return
        with open_exposure(self.path) as model:
            yield model


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done to one exposure.

    Attributes
    ----------
    target
        The exposure.
    rows
        A row of the table of results for each of its images.
    change
        Changes the open model; None where it stays as it is.
    """

    target: Target
    rows: list[dict[str, Any]]
    change: Callable[[Any], object] | None = field(default=None)


def targets_of(exposures: Any) -> list[Target]:
    """The exposures that a user names: see `tweakreg_step.telescopes.inputs.open_library`.

    Raises
    ------
    InputError
        If there are none, or one is given twice.
    """
    given = given_exposures(exposures)
    targets = [
        Target(one.name, path=one)
        if isinstance(one, Path)
        else Target(str(entry_of(one).file_name or f"model {number}"), model=one)
        for number, one in enumerate(given, 1)
    ]
    places = [target.path.resolve() for target in targets if target.path is not None]
    twice = [str(place) for place in places if places.count(place) > 1]
    if twice:
        raise InputError(f"'{twice[0]}' is given twice, but each exposure once. Name it once.")
    return targets


def planned(targets: Sequence[Target], plan: Callable[[Target, Any], Plan]) -> list[Plan]:
    """The plans for all exposures, before any is changed.

    Raises
    ------
    InputError
        If some can't be changed as asked for; none is changed then.
    """
    plans, problems = [], []
    for target in targets:
        try:
            with target.open() as model:
                plans.append(plan(target, model))
        except InputError as error:
            problems.append(str(error))
    if problems:
        more = f" And {len(problems) - 3} more." if len(problems) > 3 else ""
        start = "" if len(targets) == 1 else f"{len(problems)} of {len(targets)} exposures: "
        raise InputError(f"{start}{' '.join(problems[:3])}{more} Nothing was changed.")
    return plans


def carry_out(plans: Sequence[Plan], folder: Path | None) -> None:
    """Make the changes: each file is replaced by a whole new one, or stays as it is.

    Parameters
    ----------
    plans
        The plans. Models in memory are changed in place.
    folder
        Folder that all results are written to under the names of their files; None replaces the
        files that change.

    Raises
    ------
    OutputError
        If some can't be written; the others are.
    """
    _check_names(plans, folder)
    problems = []
    with ended_by_terminate():  # or a half-written draft would stay
        for plan in plans:
            try:
                _carry_out(plan, folder)
            except OutputError as error:
                problems.append(str(error))
                for row in plan.rows:
                    row["done"] = "not written"
    if problems:
        raise OutputError(
            f"{len(problems)} of {len(plans)} files could not be written, all others were. "
            f"{problems[0]} The same command again does what is left."
        )


def _check_names(plans: Sequence[Plan], folder: Path | None) -> None:
    if folder is None:
        return
    names = [plan.target.name for plan in plans]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise InputError(
            f"Two exposures are called '{twice[0]}', but the names of results in one folder must "
            "differ. Leave out 'output_dir' to change files in their own folders, or do one after "
            "the other."
        )
    check_folder(folder)


def _carry_out(plan: Plan, folder: Path | None) -> None:
    target = plan.target
    if target.path is None:
        if plan.change is not None:
            plan.change(target.model)
        if folder is not None:
            _save(target.model, folder / target.name)
        return
    if plan.change is None and folder is None:
        return
    with target.open() as model:
        if plan.change is not None:
            plan.change(model)
        _save(model, target.path if folder is None else folder / target.name)


def _save(model: Any, path: Path) -> None:
    tell_changed_words(model, path)
    write_whole(path, saved_with_checksums(model, model.save))
    log.info("Saved %s", path)


# ---- images of an open model


@dataclass(frozen=True, slots=True)
class OpenTarget:
    """An open exposure, its images and how they are corrected.

    Attributes
    ----------
    name, group
        Name of its file, and of its group.
    model, telescope
        The model and its mission.
    images
        Its images.
    """

    name: str
    group: str
    model: Any
    telescope: Telescope
    images: tuple[OpenImage, ...]

    @classmethod
    def of(cls, target: Target, model: Any, *, pixels: bool = True) -> OpenTarget:
        """Of an open model; raises `InputError` if it can't be aligned.

        Without `pixels`, it is enough that its WCS can be corrected.
        """
        telescope = telescope_of(model)
        check = telescope.check if pixels else telescope.check_wcs
        check(model, target.name)
        images = tuple(telescope.images(model))
        return cls(target.name, telescope.entry(model).group, model, telescope, images)

    def name_of(self, image: OpenImage) -> str:
        """Name of an image."""
        return image_name(self.name, image.label)

    def plane(self, image: OpenImage, *, reset: bool, box: Any = None) -> Plane:
        """The plane of an image's correction.

        Parameters
        ----------
        image
            The image.
        reset
            Whether the correction of an earlier alignment is dropped.
        box
            Limits of the image in pixels; None for its own.
        """
        view = image.view(reset=reset)
        corrector = self.telescope.corrector(view, Table(), self.name_of(image), self.group)
        limits = image.bounding_box if box is None else box
        return plane_of(corrector, tuple(tuple(map(float, pair)) for pair in limits))  # type: ignore[arg-type]
