"""A solution made up of numbers, of any size."""

from __future__ import annotations

import numpy as np

from tweakreg_step.parameters import Setting
from tweakreg_step.solutions import SavedGroups, SavedImages, SavedLevel, SavedSolution


def large_solution(count: int) -> SavedSolution:
    """`count` images, each a group of its own."""
    rng = np.random.default_rng(1)
    names = tuple(f"jw01345001001_{i:05d}_00001_nrcalong_cal.fits" for i in range(count))
    groups = tuple(f"jw01345001001_{i:05d}_1" for i in range(count))
    texts = (
        "Aligned to the other groups by 247 matches, of which 12 are reference stars.",
    ) * count
    matrix, shift = rng.normal(size=(count, 2, 2)), rng.normal(size=(count, 2))
    images = SavedImages(
        names=names,
        group=np.arange(count),
        detectors=("NRCALONG",) * count,
        filters=("F356W",) * count,
        visits=("jw01345001001",) * count,
        guide_stars=("S1AB000001",) * count,
        members=("",) * count,
        epoch=2023.0 + rng.random(count),
        box=np.tile([[-0.5, 2047.5], [-0.5, 2047.5]], (count, 1, 1)),
        before=rng.normal(size=(count, 9, 2)),
        after=rng.normal(size=(count, 9, 2)),
        corrected=np.zeros(count, bool),
        matrix=matrix,
        shift=shift,
        moved=np.ones(count, bool),
        absolute=np.zeros(count, bool),
        status=("COMPLETE",) * count,
        codes=("aligned",) * count,
        reasons=("",) * count,
    )
    return SavedSolution(
        product="mosaic",
        created="2026-01-01T00:00:00+00:00",
        method="global",
        gauge="The mean is zero.",
        images=images,
        groups=SavedGroups(
            names=groups,
            visits=images.visits,
            relative=images.codes,
            relative_reasons=texts,
            absolute=images.codes,
            absolute_reasons=texts,
            component=np.zeros(count, np.int64),
            anchored=np.zeros(count, bool),
            matches=np.full(count, 247),
            reference_matches=np.full(count, 12),
            rms_mas=rng.random(count),
            gauge=rng.random((count, 3)),
        ),
        levels=(
            SavedLevel(
                name="group",
                geometry="rshift",
                frame="sky",
                units=groups,
                of_image=np.arange(count),
                centre=rng.normal(size=(count, 2)),
                matrix=matrix,
                shift=shift,
                covariance=np.tile(1e-6 * np.eye(3), (count, 1, 1)),
            ),
        ),
        facts={
            "verdict": ["aligned"] * count,
            "matches": [247] * count,
            "epoch": [None] * count,
            **{f"number{i}": rng.random(count).round(4).tolist() for i in range(9)},
        },
        reference={},
        parameters=(Setting("searchrad", 2.0, "default"), Setting("kernel_fwhm", None, "default")),
        versions={"tweakreg_step": "0.1.0"},
    )
