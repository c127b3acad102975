"""The unknown positions of sources and, where epochs differ, their motions: eliminated latents.

A source has two unknowns, or four: with tau_i the time of detection i since the source's origin,

    x_i = T_i (u_s, mu_s) + noise,   T_i = [1, tau_i 1],   mu_s of covariance V,

so that D_s = sum T_i' W_i T_i + P_s, with P_s the inverse of V for the motion and zero for the
position. Where all detections are of one epoch T_i is 1, and D_s the sum of W_i.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.alignment.linalg import inverse_2x2, source_sums, times_vectors

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import FloatArray

    from .links import Links

__all__ = ["latents", "raised", "seen", "source_spread", "spread_seen"]


def source_spread(links: Links, weight: FloatArray) -> FloatArray:
    """Covariances D_s^-1 (S, k, k) of the sources' unknowns, zero where a source has no weight.

    Parameters
    ----------
    links
        N detections of S sources.
    weight
        (N, 2, 2) inverse covariances times robust weights.
    """
    sums = source_sums(weight, links.source, links.source_count)
    weighted_sources = sums[:, 0, 0] > 0.0
    if links.tau is None or links.motion_prior is None:
        spread = np.zeros_like(sums)
        spread[weighted_sources] = inverse_2x2(sums[weighted_sources])
        return spread
    whole = np.zeros((links.source_count, 4, 4))
    first, second = (
        source_sums(links.tau[:, None, None] ** power * weight, links.source, links.source_count)
        for power in (1, 2)
    )
    whole[:, :2, :2], whole[:, 2:, 2:] = sums, second + links.motion_prior
    whole[:, :2, 2:] = whole[:, 2:, :2] = first
    spread = np.zeros_like(whole)
    spread[weighted_sources] = np.linalg.inv(whole[weighted_sources])
    return 0.5 * (spread + np.swapaxes(spread, 1, 2))


def raised(links: Links, values: FloatArray) -> FloatArray:
    """T' times vectors (N, 2), or matrices (N, 2, m): (N, k) or (N, k, m)."""
    if links.tau is None:
        return values
    tau = links.tau.reshape(-1, *[1] * (values.ndim - 1))
    return np.concatenate([values, tau * values], axis=1)


def seen(links: Links, latent: FloatArray) -> FloatArray:
    """T times the unknowns (S, k) of the sources, for each detection (N, 2)."""
    own = latent[links.source]
    if links.tau is None:
        return own
    return np.asarray(own[:, :2] + links.tau[:, None] * own[:, 2:])


def spread_seen(links: Links, spread: FloatArray) -> FloatArray:
    """T D^-1 T' (N, 2, 2), the variance of a source's position at each of its detections."""
    own = spread[links.source]
    if links.tau is None:
        return own
    tau = links.tau[:, None, None]
    both = own[:, :2, 2:] + own[:, 2:, :2]
    return np.asarray(own[:, :2, :2] + tau * both + tau**2 * own[:, 2:, 2:])


def latents(
    links: Links, spread: FloatArray, weight: FloatArray, position: FloatArray
) -> FloatArray:
    """The unknowns (S, k) of the sources, for positions (N, 2) of their detections."""
    moment = raised(links, times_vectors(weight, position))
    total = source_sums(moment, links.source, links.source_count)
    if links.tau is None:
        return times_vectors(spread, total)
    return np.asarray(np.einsum("sij,sj->si", spread, total))
