"""One order for any order of the inputs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tweakreg_step.alignment.canonical_order import canonical
from tweakreg_step.core.detections import Detections, Reference


def _detections() -> Detections:
    rng = np.random.default_rng(1)
    group = np.repeat(np.arange(4), 25)
    part = Detections.simple(rng.uniform(9, 10, 100), rng.uniform(0, 1, 100), group, 0.001)
    return replace(part, unit=np.arange(100) % 3 - 1)


@given(st.integers(0, 2**32 - 1))
def test_shuffled_and_renamed_input_is_the_same(seed: int) -> None:
    detections = _detections()
    rng = np.random.default_rng(seed)
    order, names = rng.permutation(100), rng.permutation(4)
    shuffled = detections.take(order)
    shuffled = replace(shuffled, group=names[shuffled.group], image=names[shuffled.image])
    one, other = canonical(detections, 4, None), canonical(shuffled, 4, None)
    for name in Detections.__slots__:
        np.testing.assert_array_equal(
            getattr(one.detections, name), getattr(other.detections, name)
        )
    np.testing.assert_array_equal(order[other.position], one.position)
    np.testing.assert_array_equal(other.group[names], one.group)


def test_the_way_back() -> None:
    detections = _detections()
    given = canonical(detections, 6, None)
    np.testing.assert_array_equal(detections.ra[given.position], given.detections.ra)
    np.testing.assert_array_equal(
        given.group[detections.group[given.position]], given.detections.group
    )
    assert sorted(given.group) == list(range(6))
    own = given.detections.unit >= 0
    np.testing.assert_array_equal(
        given.unit[detections.unit[given.position][own]], given.detections.unit[own]
    )


def test_what_is_not_finite_is_gone() -> None:
    detections = _detections()
    ra, covariance = detections.ra.copy(), detections.covariance.copy()
    ra[3], covariance[5], covariance[7] = np.nan, np.inf, 0.0
    given = canonical(replace(detections, ra=ra, covariance=covariance), 4, None)
    assert set(range(100)) - set(given.position.tolist()) == {3, 5, 7}


def test_epochs_follow_their_groups() -> None:
    detections = _detections()
    ra = np.array([3.0, 1.0, 2.0])
    epochs = np.arange(4)[:, None] + 0.1 * np.arange(3)
    errors = np.broadcast_to(np.eye(2), (3, 2, 2))
    given = canonical(detections, 4, Reference(ra, ra, errors, epochs, epochs))
    assert given.star.tolist() == [1, 2, 0]
    for group in range(4):
        np.testing.assert_array_equal(
            given.reference.epoch_ra[given.group[group]], epochs[group][given.star]
        )


def test_a_group_out_of_range_is_named() -> None:
    with pytest.raises(ValueError, match="numbered 0 to 3, but 0 to 2 are needed"):
        canonical(_detections(), 3, None)
