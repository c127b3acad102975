"""Write the results of a run into the exposures: corrected WCS, status, header keywords."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tweakreg_step.core.outcome import Status
from tweakreg_step.exposures import UNUSABLE, VERSION, problem_of, progress
from tweakreg_step.report import essentials_left_out, essentials_of
from tweakreg_step.telescopes import Change
from tweakreg_step.telescopes.wcs import PackedCorrector

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tweakreg_step.core.outcome import Outcome
    from tweakreg_step.exposures import Member, ReadExposures, Refusal
    from tweakreg_step.parameters import Parameters
    from tweakreg_step.report import RunResult
    from tweakreg_step.telescopes import Telescope

__all__ = ["changes_of", "update_exposures"]


log = logging.getLogger(__name__)


def changes_of(
    exposures: ReadExposures, result: RunResult, parameters: Parameters
) -> dict[int, Change]:
    """The changes to each exposure, by its index in the library.

    Parameters
    ----------
    exposures
        The exposures, their images after the alignment.
    result
        The result of the run.
    parameters
        The parameters of the run.
    """
    changes = {
        member.index: _change(member, exposures, result, parameters) for member in exposures.members
    }
    unusable = [refusal for refusal in exposures.refusals if refusal.code == UNUSABLE]
    for index, refusal in zip(exposures.unusable, unusable, strict=True):
        if refusal.telescope is not None:  # else it is not known where its status is written
            changes[index] = _left_out(refusal, refusal.telescope, parameters)
    return changes


def _change(
    member: Member, exposures: ReadExposures, result: RunResult, parameters: Parameters
) -> Change:
    """The changes to a usable exposure; its images, of one group, have the same outcome."""
    outcomes = [result.images.outcomes[image] for image in member.images]
    first = member.images[0]
    wcs: tuple[Any, ...] = ()
    if any(outcome.moved or _is_reset(outcome, parameters) for outcome in outcomes):
        correctors = [exposures.images[image].plane.corrector for image in member.images]
        wcs = tuple(one if isinstance(one, PackedCorrector) else one.wcs for one in correctors)
    note = result.catalogs.note
    refcat = "" if note is None else note.name
    return Change(
        name=member.name,
        status=outcomes[0].status,
        wcs=wcs,
        reference=refcat if outcomes[0].absolute else None,
        essentials=tuple(essentials_of(result, first)),
        catalogs=tuple(exposures.kept[image] for image in member.images),
        telescope=member.telescope,
        sip=parameters.sip,
        wcs_name=parameters.general.wcsname,
    )


def _left_out(refusal: Refusal, telescope: Telescope, parameters: Parameters) -> Change:
    """The changes to an exposure that could be opened but can't be aligned."""
    return Change(
        name=refusal.name,
        status=Status.FAILED,
        wcs=(),
        reference=None,
        essentials=essentials_left_out(refusal.code, VERSION),
        catalogs=(),
        telescope=telescope,
        sip=parameters.sip,
    )


def update_exposures(library: Any, changes: Mapping[int, Change]) -> dict[str, str]:
    """Make the changes to the exposures of a library; one that can't be changed stays as it is.

    Parameters
    ----------
    library
        The exposures; changed.
    changes
        The changes, by the exposure's index in the library.

    Returns
    -------
    dict
        Why some could not be changed, by the name of their file.
    """
    problems = {}
    with library:
        for index in progress(sorted(changes), "writing WCS", len(changes)):
            change = changes[index]
            model = library.borrow(index)
            try:
                with _all_or_nothing(model):
                    change(model)
            except Exception as error:  # noqa: BLE001 - it is the outcome of this image alone
                problems[change.name] = problem_of(change.name, error)
                log.warning("%s could not be changed. %s", change.name, problems[change.name])
            finally:
                library.shelve(model, index)
            del model
    return problems


@contextmanager
def _all_or_nothing(model: Any) -> Iterator[None]:
    """Give a model its metadata back if they can't be changed as a whole."""
    words = getattr(model.meta, "instance", None)
    before = _copied(words)
    try:
        yield
    except Exception:
        if isinstance(words, dict):
            words.clear()
            words.update(before)
        raise


def _copied(words: Any) -> Any:
    """A copy of nested mappings; what they hold is shared."""
    return {k: _copied(v) for k, v in words.items()} if isinstance(words, dict) else words


def _is_reset(outcome: Outcome, parameters: Parameters) -> bool:
    """Whether an image without a new correction loses that of an earlier alignment."""
    return parameters.safety.reset_wcs and outcome.status is Status.ALIGNED
