"""Robust least squares for the corrections: normal equations, gauge, covariance, lower bound."""

from __future__ import annotations

from .covariance import Covariance, covariance_of, gauged
from .cramer_rao import achieved_and_achievable, bound, displacement_covariance, without_common
from .gauge import common_basis, projector, regauge
from .hierarchy import Model, Motions, moved_directions
from .images.errors import image_errors
from .images.own_matrices import OwnMatrices
from .images.own_motions import (
    FEWEST_OF_IMAGE,
    errors_of_own_motions,
    matrices_of,
    residuals_of,
    usual_variances,
    with_own_motions,
)
from .images.places import places_of
from .iteration import (
    AssociatedFit,
    Problem,
    common_directions,
    converge,
    fit_again,
    honest_factor,
    match_counts,
    unassociated_links,
    with_levels,
)
from .links import MATTERS, Links, link, reserved_links
from .motion_variance import motion_variance
from .motions.detector_motion import (
    choose_motion,
    geometry_of,
    most_general,
    motion_radius,
    with_motion,
)
from .motions.detector_parents import OF_UNITS, PLACEMENT
from .motions.field_motion import DISPERSION, FIELD, epochs_of, field_motion, field_reach
from .motions.levels import DETECTOR, Level, detector_level
from .motions.parents import GROUPS, Parent
from .motions.prior_widths import with_estimated_widths
from .motions.quadratic import whole_of_fit
from .motions.tails import VISIT, departures, visit_of
from .motions.visit_motion import with_visits
from .normal_equations import solve_step
from .precision import Scatter, group_scatter, pair_covariance, weak_modes
from .sampling import sample
from .weights import MATCHED_WEIGHT

__all__ = [
    "DETECTOR",
    "DISPERSION",
    "FEWEST_OF_IMAGE",
    "FIELD",
    "GROUPS",
    "MATCHED_WEIGHT",
    "MATTERS",
    "OF_UNITS",
    "PLACEMENT",
    "VISIT",
    "AssociatedFit",
    "Covariance",
    "Level",
    "Links",
    "Model",
    "Motions",
    "OwnMatrices",
    "Parent",
    "Problem",
    "Scatter",
    "achieved_and_achievable",
    "bound",
    "choose_motion",
    "common_basis",
    "common_directions",
    "converge",
    "covariance_of",
    "departures",
    "detector_level",
    "displacement_covariance",
    "epochs_of",
    "errors_of_own_motions",
    "field_motion",
    "field_reach",
    "fit_again",
    "gauged",
    "geometry_of",
    "group_scatter",
    "honest_factor",
    "image_errors",
    "link",
    "match_counts",
    "matrices_of",
    "most_general",
    "motion_radius",
    "motion_variance",
    "moved_directions",
    "pair_covariance",
    "places_of",
    "projector",
    "regauge",
    "reserved_links",
    "residuals_of",
    "sample",
    "solve_step",
    "unassociated_links",
    "usual_variances",
    "visit_of",
    "weak_modes",
    "whole_of_fit",
    "with_estimated_widths",
    "with_levels",
    "with_motion",
    "with_own_motions",
    "with_visits",
    "without_common",
]
