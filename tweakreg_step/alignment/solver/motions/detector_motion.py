"""Motions of the detectors, shared by all exposures, and the choice of their geometry.

Geometries are compared by their evidence, the marginal likelihood in Laplace's approximation, which
is as good as exact, since all priors are proper and the problem is very nearly linear:

    2 ln E = -F_min - ln det H + ln det Pi,

with the association, weights and errors of the most general model, and with what images move by
beside all levels, which would be taken for motions of detectors. In addition, a fifth of the
sources is reserved: they take no part in the fit, and may not clearly agree worse with the motion
than without.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tweakreg_step.alignment.linalg import mean_variance
from tweakreg_step.alignment.solver.hierarchy import Motions, places_in
from tweakreg_step.alignment.solver.images.own_columns import may_allow
from tweakreg_step.alignment.solver.iteration import AssociatedFit, Problem, with_levels
from tweakreg_step.alignment.solver.links import reserved_links
from tweakreg_step.alignment.solver.normal_equations import factor_with_prior
from tweakreg_step.core.correction import parameter_count, prior_precision
from tweakreg_step.core.solution import CLEAR_EVIDENCE, MotionChoice, MotionGrounds

from .detector_parents import OF_UNITS, parents_of_units
from .levels import DETECTOR, detector_level
from .prior_widths import FEWEST
from .quadratic import functions_of_fit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tweakreg_step.alignment.solver.hierarchy import Model
    from tweakreg_step.core.arrays import FloatArray, IntArray
    from tweakreg_step.core.options import Options

    from .levels import Level
    from .parents import Parent
    from .quadratic import Functions, Quadratic


__all__ = ["Chosen", "choose_motion", "geometry_of", "most_general", "motion_radius", "with_motion"]

_CANDIDATES = ("none", "shift", "rshift", "rscale")

_OWN_WIDTHS = 1e-3 * 2.0 ** np.arange(-3.0, 3.0)
_OWN_USUAL = 5e-4
"""Own motions of images that are tried, and what is usual [arcsec]: half a mas in real visits. What
is much larger is as a rule a motion of detectors."""

_AS_LIKELY = 2.0
"""2 ln(evidence) by which detectors that shift may seem not to roll, and may roll all the same.

What shifts them seldom leaves their roll alone, and the error of a roll taken for zero is in no
claim. With a width that is estimated the evidence falls by less: many detectors always may."""

_SCATTERS, _ROUNDING = 2.0, 1e-9
"""By how much of their scatter the reserved sources' chi2 may grow with a more general motion, and
the error of it, relative to itself, where they see nothing of the motion."""


@dataclass(frozen=True, slots=True)
class _Geometry:
    """A geometry that is tried: its model, motions to start from, and `places_in` the general."""

    model: Model
    start: Motions
    place: IntArray


@dataclass(frozen=True, slots=True)
class _Trial:
    """What a geometry comes to.

    Attributes
    ----------
    geometry, functions, own
        The geometry, the functions of the fit with the most general motions, and the variance of
        own motions of images that these allow for [arcsec^2].
    evidence
        2 ln(evidence), with the prior of own motions.
    motions
        Those that it comes to.
    """

    geometry: _Geometry
    functions: Functions
    own: float
    evidence: float
    motions: Motions


class _Prediction(NamedTuple):
    """What a fit without the reserved sources says of them.

    Its parameters (P,), those of the most general geometry, and their chi2.
    """

    flat: FloatArray
    chi2: float


def with_motion(problem: Problem, motions: Motions, geometry: str) -> tuple[Problem, Motions]:
    """The problem with detector motions of a fit geometry, and motions to start from.

    What was found with a more general geometry is kept as far as this one has it, the widths that
    were estimated as well; what is new starts from zero.
    """
    detections, width = problem.detections, parameter_count(geometry)
    names = [DETECTOR, *OF_UNITS]
    count = int(detections.unit.max(initial=-1)) + 1
    if count == 0 or width == 0:
        return with_levels(problem, motions, without=names)
    options = problem.options
    sigmas = (options.motion_shift_sigma, options.motion_roll_sigma, options.motion_scale_sigma)
    plain = prior_precision(geometry, sigmas)
    level = detector_level(detections, geometry, np.tile(plain, (count, 1)))
    known = {one.name: one.prior for one in problem.model.units}
    fresh: tuple[Level | Parent, ...] = (level, *_parents(problem, geometry, plain))
    every = (replace(one, prior=_inherited(known, one.name, one.prior)) for one in fresh)
    found = _found(problem.model, motions)
    problem, motions = with_levels(problem, motions, *every, without=names)
    start = {
        name: _inherited(found, name, phi) for name, phi in _found(problem.model, motions).items()
    }
    model = problem.model
    phi = tuple(start[level.name] for level in model.levels)
    return problem, Motions(motions.theta, phi, tuple(start[one.name] for one in model.parents))


def _parents(problem: Problem, geometry: str, plain: FloatArray) -> tuple[Parent, ...]:
    """The parents of the detectors' motions; those of more general motions that there are, if any.

    `plain` (q,) are the inverse variances of a motion's parameters.
    """
    model, width = problem.model, len(plain)
    number = model.level(DETECTOR)
    if number < 0 or model.levels[number].prior.shape[1] < width:
        return parents_of_units(problem.detections, geometry, plain)
    return tuple(one.narrowed(width) for one in model.parents if one.name in OF_UNITS)


def _found(model: Model, motions: Motions) -> dict[str, FloatArray]:
    """The motions of each level and of its parents, by name."""
    every = zip(model.units, (*motions.phi, *motions.parents), strict=True)
    return {one.name: phi for one, phi in every}


def _inherited(known: dict[str, FloatArray], name: str, otherwise: FloatArray) -> FloatArray:
    """What is known of a level, as far as it has its units and parameters."""
    width = otherwise.shape[1]
    if name in known and known[name].shape[1] >= width and len(known[name]) == len(otherwise):
        return known[name][:, :width].copy()
    return otherwise.copy()


def geometry_of(model: Model) -> str:
    """Fit geometry of the detectors' motions, 'none' where they have none."""
    number = model.level(DETECTOR)
    return "none" if number < 0 else model.levels[number].geometry


def motion_radius(options: Options) -> float:
    """Match radius [arcsec] that holds pairs of two detectors, each displaced by four sigmas.

    A pair beyond it is not seen to agree with itself: its stars are rejected one by one.
    """
    return 8.0 * options.motion_shift_sigma


def _trials(
    problem: Problem, associated: AssociatedFit, every: Callable[[], Quadratic]
) -> dict[str, list[_Trial]]:
    """Trials of all geometries, for the association and weights of a fit.

    They come from the normal equations of the fit alone, those of the reserved sources apart; of
    each geometry without own motions of images first, then with some of several widths: what one
    takes for motions of detectors may be these.
    """
    links = associated.links
    allowed = may_allow(links, int(links.image.max(initial=-1)) + 1)
    variances = (0.0, *(_OWN_WIDTHS**2).tolist()) if allowed else (0.0,)
    functions = functions_of_fit(associated, every, variances)
    trials = {}
    for name in _CANDIDATES:
        tried, start = with_motion(problem, associated.fit.motions, name)
        geometry = _Geometry(tried.model, start, places_in(problem.model, tried.model))
        pairs = zip(functions, variances, strict=True)
        trials[name] = [_trial(geometry, of_fit, own) for of_fit, own in pairs]
    return trials


def _trial(geometry: _Geometry, functions: Functions, own: float) -> _Trial:
    """The trial of a geometry; `functions` allow for own motions of the variance `own`."""
    model, start = geometry.model, geometry.start
    every = functions.every.restricted(geometry.place, start.flat)
    factor, pull = factor_with_prior(every.matrix, model, start)
    solved = start.plus(factor.solve(every.right - pull))
    flat, bonds = solved.flat, model.bonds
    penalty = float(np.sum(bonds.precision * bonds.differences(flat) ** 2))
    occam = float(np.sum(np.log(bonds.precision))) - factor.log_determinant() - functions.occam
    evidence = occam - every.value(flat) - penalty - own / _OWN_USUAL**2
    return _Trial(geometry, functions, own, evidence, solved)


def _predicted(trial: _Trial) -> _Prediction:
    """What the sources that are fitted say of those reserved."""
    geometry, functions = trial.geometry, trial.functions
    start, place = geometry.start, geometry.place
    fitted, apart = (
        one.restricted(place, start.flat) for one in (functions.fitted, functions.apart)
    )
    factor, pull = factor_with_prior(fitted.matrix, geometry.model, start)
    without = start.flat + factor.solve(fitted.right - pull)
    flat = np.zeros(len(functions.every.at))
    flat[place[place >= 0]] = without[place >= 0]
    return _Prediction(flat, apart.value(without))


def _reserved_rms(trials: dict[str, list[_Trial]], associated: AssociatedFit) -> dict[str, float]:
    """Weighted rms of the reserved sources [mas per axis], if images do not move by themselves."""
    reserved, fit = reserved_links(associated.links), associated.fit
    weight = fit.weight[reserved] / mean_variance(fit.covariance[reserved])
    total = 2.0 * float(weight.sum())
    if total <= 0.0:
        return dict.fromkeys(trials, 0.0)
    return {
        name: 1e3 * float(np.sqrt(max(_predicted(some[0]).chi2, 0.0) / total))
        for name, some in trials.items()
    }


def most_general(problem: Problem) -> str:
    """Geometry of the detectors' motions to start with.

    What was asked for, or, where the choice is left to the data, the candidate that holds all
    others.
    """
    asked = problem.options.detector_motion
    if asked != "auto":
        return asked
    several = int(problem.detections.unit.max(initial=-1)) > 0
    return _CANDIDATES[-1] if several else "none"


class Chosen(NamedTuple):
    """The detector motion that was chosen.

    Attributes
    ----------
    choice
        It, and why.
    motions
        The motions that it comes to; None where nothing was to be chosen.
    own
        Variance of what images move by beside it [arcsec^2], where there clearly is something.
    """

    choice: MotionChoice
    motions: Motions | None = None
    own: float = 0.0


def choose_motion(
    problem: Problem, general: AssociatedFit, every: Callable[[], Quadratic]
) -> Chosen:
    """The detector motion of the largest significant evidence.

    Parameters
    ----------
    problem, general
        The problem and its fit with the most general motions, see `most_general`.
    every
        chi2 of that fit, see `whole_of_fit`, made when it is asked for.
    """
    asked = problem.options.detector_motion
    if asked != "auto":
        grounds, geometry = MotionGrounds.ASKED, geometry_of(problem.model)
        return Chosen(MotionChoice(grounds, geometry, asked=asked))
    if geometry_of(problem.model) == "none":
        return Chosen(MotionChoice(MotionGrounds.ONE_DETECTOR))
    trials = _trials(problem, general, every)
    geometry, refused = _chosen(trials)
    own = _best(trials[geometry])
    plain, chosen = trials[geometry][0], trials[geometry][own]
    # what refuses a motion of detectors is not nothing, however uncertain
    clear = refused or chosen.evidence > plain.evidence + CLEAR_EVIDENCE
    choice = MotionChoice(
        MotionGrounds.EVIDENCE,
        geometry,
        {name: some[0].evidence - trials["none"][0].evidence for name, some in trials.items()},
        _reserved_rms(trials, general),
        own_mas=1e3 * float(np.sqrt(chosen.own)) if refused else 0.0,
    )
    return Chosen(choice, chosen.motions, chosen.own if clear else 0.0)


def _best(trials: Sequence[_Trial]) -> int:
    """The trial of the largest evidence."""
    return int(np.argmax([trial.evidence for trial in trials]))


def _chosen(trials: dict[str, list[_Trial]]) -> tuple[str, bool]:
    """The simplest geometry that is not clearly worse, and whether own motions refused another.

    A more general one is clearly better where images do not move by themselves, and where they may:
    with few exposures the one can look like the other.

    The reserved sources may not speak against a step to a more general one: where one of two
    predictions is right, and D is the square of their difference in units of the errors, their chi2
    differ by -D or D on average, and scatter by twice the root of D. Both allow for the same own
    motions there. Where they refuse a step and not one beyond it, the simplest is taken that is as
    good as this.

    Detectors that shift may roll as well, see `_may_roll`.
    """
    geometry, refused = "none", set[str]()
    for name in _CANDIDATES[1:]:
        more, less, own = trials[name], trials[geometry], _best(trials[name])
        if more[0].evidence <= less[0].evidence + CLEAR_EVIDENCE or _vetoed(more[own], less[own]):
            continue
        if more[own].evidence > less[_best(less)].evidence + CLEAR_EVIDENCE:
            geometry, refused = name, set()
        else:
            refused.add(name)
    if geometry != "none":
        enough = trials[geometry][0].evidence - CLEAR_EVIDENCE
        geometry = next(name for name in _CANDIDATES if trials[name][0].evidence >= enough)
    if geometry == "shift" and _may_roll(trials["rshift"], trials["shift"]):
        geometry = "rshift"
    return geometry, bool(refused - {geometry})


def _may_roll(rolls: Sequence[_Trial], shifts: Sequence[_Trial]) -> bool:
    """Whether detectors that shift may roll as well.

    Where the width of rolls is estimated, from four detectors on, those that are not there cost
    little: they may, unless it is clearly the less likely. Of fewer detectors they are known no
    better than the usual width, which would be taken for little: they may where it is more likely.
    """
    own = _best(rolls)
    model = rolls[own].geometry.model
    several = len(model.levels[model.level(DETECTOR)].prior) >= FEWEST
    least = shifts[_best(shifts)].evidence - (_AS_LIKELY if several else 0.0)
    return rolls[own].evidence > least and not _vetoed(rolls[own], shifts[own])


def _vetoed(more: _Trial, less: _Trial) -> bool:
    """Whether reserved sources clearly agree worse with a more general motion."""
    one, other = _predicted(more), _predicted(less)
    change = one.flat - other.flat
    # the same for both: a matrix of the same own motions
    scatter = 2.0 * float(np.sqrt(max(change @ (more.functions.apart.matrix @ change), 0.0)))
    return one.chi2 - other.chi2 > _SCATTERS * scatter + _ROUNDING * abs(one.chi2)
