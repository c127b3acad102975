"""Complete the catalogs when all exposures were read: effective PSF, weights, mixed groups."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.catalogs import alignable, unalignable, with_weights, write_checkpoint
from tweakreg_step.core.images import Groups
from tweakreg_step.core.outcome import Code, Verdict
from tweakreg_step.sources import StarSet, refined_with_epsf

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tweakreg_step.core.images import Image
    from tweakreg_step.core.sources import Sources
    from tweakreg_step.parameters import Parameters

    from .exposure_catalog import ExposureCatalog

__all__ = ["balanced", "combine_catalogs", "refuse_mixed"]

log = logging.getLogger(__name__)


def combine_catalogs(
    units: Sequence[str], catalogs: Sequence[ExposureCatalog], parameters: Parameters
) -> list[ExposureCatalog]:
    """The catalogs of all images, refined with those of all others, with the sources of use alone.

    Parameters
    ----------
    units
        Detector and filter of each image, its own name where these are not known.
    catalogs
        Of each image.
    parameters
        Of the run.
    """
    _log_widths(catalogs, units)
    asked = parameters.finder.refine_centroids == "epsf"
    detections = _refined(catalogs, units) if asked else _refined_alone(catalogs)
    paths = [catalog.path for catalog in catalogs]
    for number, (catalog, sources) in enumerate(zip(catalogs, detections, strict=True)):
        if catalog.path is not None and catalog.stamps is not None:  # others are written already
            paths[number] = write_checkpoint(
                sources, catalog.path, parameters.catalogs.catalog_format, {}
            )
    weighted = balanced(detections)
    usable = [alignable(sources) for sources in weighted]
    return [
        replace(
            catalog,
            sources=some,
            unused=len(every) - len(some),
            left_out=unalignable(every),
            path=path,
            stamps=None,
        )
        for catalog, some, every, path in zip(catalogs, usable, weighted, paths, strict=True)
    ]


def refuse_mixed(images: Sequence[Image], corrected: Sequence[bool]) -> list[Image]:
    """The images; groups are refused in which some were aligned before and others were not.

    One correction for all would move the aligned ones twice. Refused images have no sources.
    """
    result = list(images)
    groups = Groups.of(images)
    for name, members in zip(groups.names, groups.members, strict=True):
        aligned = [images[i].name for i in members if corrected[i]]
        if len(aligned) in {0, len(members)}:
            continue
        reason = (
            f"{len(aligned)} of the {len(members)} images of group {name} were aligned before "
            f"({', '.join(aligned)}), but a group moves as one, so all or none must be. Set "
            "reset_wcs=True to align all of them from the WCS as delivered."
        )
        for i in members:
            sources, unused = images[i].sources, images[i].unused
            result[i] = replace(
                images[i],
                sources=sources[:0],
                unused=unused + len(sources),
                refused=Verdict(Code.MIXED_GROUP, reason),
            )
    return result


def _log_widths(catalogs: Sequence[ExposureCatalog], units: Sequence[str]) -> None:
    """Log, once per detector and filter, if the stars' FWHM differs from the expected one."""
    for unit in dict.fromkeys(units):
        widths = [c.fwhm for c, u in zip(catalogs, units, strict=True) if u == unit]
        others = [used for used, expected in widths if used != expected]
        if others:
            log.info(
                "%s: the stars of %d of %d images have a FWHM of %.2f pixels and not the expected "
                "%.2f: theirs is used. Set kernel_fwhm to choose another.",
                unit,
                len(others),
                len(widths),
                float(np.median(others)),
                float(np.median([expected for _, expected in widths])),
            )


def _refined(catalogs: Sequence[ExposureCatalog], units: Sequence[str]) -> list[Sources]:
    """The sources, refined by an effective PSF per detector and filter where they have stamps."""
    detections = [catalog.sources for catalog in catalogs]
    for unit in dict.fromkeys(units):
        members = [
            (i, StarSet(catalogs[i].sources, stamps, catalogs[i].fwhm[0]))
            for i, u in enumerate(units)
            if u == unit and (stamps := catalogs[i].stamps) is not None
        ]
        if not members:
            continue
        refined, reason = refined_with_epsf([stars for _, stars in members])
        log.log(logging.WARNING if refined is None else logging.INFO, "%s: %s", unit, reason)
        for (i, _), sources in zip(members, refined or (), strict=False):
            detections[i] = sources
    return detections


def _refined_alone(catalogs: Sequence[ExposureCatalog]) -> list[Sources]:
    """The sources, refined by an effective PSF of each image, whatever the others are.

    What is measured in an exposure must not change when others join it later.
    """
    detections, count = [], 0
    for catalog in catalogs:
        refined = None
        if catalog.stamps is not None:
            stars = StarSet(catalog.sources, catalog.stamps, catalog.fwhm[0])
            refined, reason = refined_with_epsf([stars])
            log.debug("%s", reason)
        count += refined is not None
        detections.append(catalog.sources if refined is None else refined[0])
    if count:
        log.info("Positions in %d images are refined with an effective PSF of each.", count)
    return detections


def balanced(detections: Sequence[Sources]) -> list[Sources]:
    """The sources, with weight 1 in catalogs without weights if others have them."""
    if len({d.weight is not None for d in detections}) < 2:
        return list(detections)
    log.warning("Some catalogs have weights and others have none: these get weight 1 throughout.")
    return [with_weights(found) for found in detections]
