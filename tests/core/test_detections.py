"""The nouns check their lengths."""

from __future__ import annotations

import numpy as np
import pytest

from tweakreg_step.core.detections import Detections, Reference


def _detections(count: int) -> Detections:
    place = np.zeros(count)
    return Detections.simple(place, place, np.zeros(count, np.int64), 0.001)


def test_lengths_are_checked() -> None:
    with pytest.raises(ValueError, match=r"dec has the shape \(2,\), but \(3,\) is needed"):
        Detections.simple(np.zeros(3), np.zeros(2), np.zeros(3, np.int64), 0.001)


def test_a_reference_checks_its_epochs() -> None:
    covariance = np.broadcast_to(np.eye(2), (3, 2, 2))
    with pytest.raises(ValueError, match=r"epoch_ra has the shape"):
        Reference(np.zeros(3), np.zeros(3), covariance, np.zeros((2, 4)), np.zeros((2, 4)))
    with pytest.raises(ValueError, match="given together"):
        Reference(np.zeros(3), np.zeros(3), covariance, np.zeros((2, 3)), None)


def test_take_takes_from_every_array() -> None:
    part = _detections(5).take(np.array([0, 3]))
    assert len(part) == 2
    assert part.covariance.shape == (2, 2, 2)
