"""Facts on DrizzlePac's TweakReg that its table rests on (``make test-hst``)."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import numpy as np
import pytest

from tweakreg_step.drizzlepac import PARAMETERS, values_of
from tweakreg_step.drizzlepac.table import IMAGE, MAIN, REFERENCE

pytestmark = [pytest.mark.hst, pytest.mark.filterwarnings("ignore")]

PEAKS = {2.5: 4.616, 3.5: 3.120, 5.0: 3.649}
"""As in tests/drizzlepac/test_conversions.py."""


@pytest.mark.parametrize("task", [MAIN, IMAGE, REFERENCE])
def test_defaults_are_those_of_its_files(task: str) -> None:
    tweakreg = pytest.importorskip("drizzlepac.tweakreg")
    file = Path(tweakreg.__file__).parent / "pars" / f"{'tweakreg' if task == MAIN else task}.cfg"
    files = {MAIN: None, IMAGE: None, REFERENCE: None} | {task: file}
    values = values_of({}, files[MAIN], files[IMAGE], files[REFERENCE])
    assert not values.remarks
    given = {name for where, name in values.given if where == task}
    rows = {row.name: row for row in PARAMETERS if row.where == task}
    assert set(rows) - given <= {"updatewcs", "fwhmpsf", "ascend"}
    for name in given:
        assert values.of(task)[name] == rows[name].default, name


@pytest.mark.parametrize("conv_width", sorted(PEAKS))
def test_the_least_peak_of_a_star_that_it_finds(conv_width: float) -> None:
    findobj = pytest.importorskip("drizzlepac.findobj")
    y, x = np.mgrid[:201, :201]
    stars = np.zeros(x.shape)
    for centre in ((50, 50), (150, 60), (60, 150)):
        radius = (x - centre[0]) ** 2 + (y - centre[1]) ** 2
        stars += np.exp(-0.5 * radius / (0.5 * conv_width / 2.35482) ** 2)
    for factor, count in ((0.99, 0), (1.01, 3)):
        image = (factor * PEAKS[conv_width] * stars).astype("f4")
        with contextlib.redirect_stdout(io.StringIO()):
            found, _ = findobj.findstars(image, conv_width, 4.0, 1.0)
        assert len(found) == count
