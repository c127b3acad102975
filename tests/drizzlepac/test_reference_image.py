"""Sources of a reference image with the parameters of its finder."""

from __future__ import annotations

from hst_visits import visit

from tweakreg_step.drizzlepac.reference_image import stars_of_image
from tweakreg_step.simulate.hst import Hits


def test_bits_of_data_quality_decide_which_pixels_have_sources() -> None:
    path = visit(exposures=1, hits=Hits(1500.0), flagged=1.0).files[0]
    few, some = (len(stars_of_image(path, {"dqbits": bits})) for bits in ("0", "~0"))
    assert len(stars_of_image(path, {"dqbits": "8192"})) == some
    assert len(stars_of_image(path, {})) == few != some
