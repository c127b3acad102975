"""Robust least squares for the corrections: normal equations, gauge, covariance, lower bound."""

from __future__ import annotations

from .covariance import Covariance, covariance_of, gauged
from .cramer_rao import achieved_and_achievable, bound, displacement_covariance, without_common
from .detector_motion import choose_motion, geometry_of, most_general, motion_radius, with_motion
from .error_components import motion_variance
from .gauge import regauge
from .hierarchy import Model, Motions, moved_directions
from .image_covariance import image_errors
from .iteration import AssociatedFit, Problem, converge, match_counts, unassociated_links
from .levels import DETECTOR, DETECTOR_IN_VISIT, Level, detector_levels
from .links import Links, link
from .normal_equations import solve_step
from .precision import Scatter, group_scatter, pair_covariance, weak_modes
from .prior_widths import with_estimated_widths
from .weights import MATCHED_WEIGHT

__all__ = [
    "DETECTOR",
    "DETECTOR_IN_VISIT",
    "MATCHED_WEIGHT",
    "AssociatedFit",
    "Covariance",
    "Level",
    "Links",
    "Model",
    "Motions",
    "Problem",
    "Scatter",
    "achieved_and_achievable",
    "bound",
    "choose_motion",
    "converge",
    "covariance_of",
    "detector_levels",
    "displacement_covariance",
    "gauged",
    "geometry_of",
    "group_scatter",
    "image_errors",
    "link",
    "match_counts",
    "most_general",
    "motion_radius",
    "motion_variance",
    "moved_directions",
    "pair_covariance",
    "regauge",
    "solve_step",
    "unassociated_links",
    "weak_modes",
    "with_estimated_widths",
    "with_motion",
    "without_common",
]
