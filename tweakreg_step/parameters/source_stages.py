"""The parameters of catalogs and of finding sources: default, unit, limits and meaning."""

from __future__ import annotations

from dataclasses import dataclass

from tweakreg_step.core.data_quality import usable_bits

from .checks import check_both, check_order
from .declaration import parameter

__all__ = [
    "CatalogParameters",
    "ColumnParameters",
    "FinderParameters",
    "SegmentationParameters",
    "SelectionParameters",
]


@dataclass(frozen=True, slots=True)
class CatalogParameters:
    """Origin of source catalogs, and whether they are written."""

    save_catalogs: bool = parameter(
        False,
        "Write the catalogs of found sources, with DS9 regions of what became of them, and "
        "<product>_catfile.txt, which can be given back as catfile?",
    )
    use_custom_catalogs: bool = parameter(False, "Use catalogs given by the user?")
    catalog_format: str = parameter(
        "ecsv", "Format of the catalogs that are written", choices=("ecsv", "fits")
    )
    catfile: str = parameter("", "File with two columns: image, catalog")
    starfinder: str = parameter(
        "sep", "Source finder", choices=("sep", "iraf", "dao", "segmentation")
    )
    pixels_from: str = parameter(
        "exposure",
        "Pixels in which sources are found: those of the exposure, or of the *_crclean.fits that "
        "AstroDrizzle has written beside it; the solution is the exposure's in any case",
        choices=("exposure", "crclean"),
    )


@dataclass(frozen=True, slots=True)
class ColumnParameters:
    """Columns of a user's catalogs, by name or by number from 1, and their units."""

    xcol: str = parameter("", "Column of x, or of right ascension; empty: by its name")
    ycol: str = parameter("", "Column of y, or of declination; empty: by its name")
    fluxcol: str = parameter("", "Column of the flux or magnitude; empty: by its name")
    xyunits: str = parameter(
        "pixels",
        "Unit of the positions; degrees are taken through the image's WCS",
        choices=("pixels", "degrees"),
    )
    xyorigin: int = parameter(
        0,
        "Coordinate of the centre of the first pixel, where the names of the columns don't say it "
        "(SExtractor and DAOPHOT count from 1)",
        choices=(0, 1),
    )

    def __post_init__(self) -> None:
        check_both("xcol", self.xcol, "ycol", self.ycol)


@dataclass(frozen=True, slots=True)
class SelectionParameters:
    """Selection of sources, of found catalogs and of the user's."""

    fluxmin: float | None = parameter(
        None, "Drop fainter sources; in magnitudes one end of the range", unit="fluxunits"
    )
    fluxmax: float | None = parameter(
        None, "Drop brighter sources; in magnitudes the other end of the range", unit="fluxunits"
    )
    fluxunits: str = parameter(
        "counts",
        "Unit of fluxmin and fluxmax: as the catalog has it (counts), the same divided by the "
        "exposure time in seconds (cps), or magnitudes (mag)",
        choices=("counts", "cps", "mag"),
    )
    peakmin: float | None = parameter(
        None,
        "Drop sources whose brightest pixel, above the background, is below this value",
        unit="image units",
    )
    border: int = parameter(
        0, "Drop sources this close to the edges of the image", unit="pixels", low=0
    )
    exclusions: str = parameter(
        "", "File with two columns: image, DS9 region file of what to use and what to leave out"
    )

    def __post_init__(self) -> None:
        if self.fluxunits != "mag":  # a range of magnitudes may be given in either order
            check_order("fluxmin", self.fluxmin, "fluxmax", self.fluxmax)

    @property
    def limits_flux(self) -> bool:
        """Whether sources are chosen by their flux."""
        return self.fluxmin is not None or self.fluxmax is not None


@dataclass(frozen=True, slots=True)
class FinderParameters:
    """Parameters of the source finders; sharpness and roundness are for iraf and dao only."""

    snr_threshold: float = parameter(
        10.0, "Detection threshold above the background, in units of its noise", low=0.0
    )
    minarea: int = parameter(
        3,
        "Least number of connected pixels above the threshold (sep)",
        unit="pixels",
        low=1,
    )
    kernel_fwhm: float | None = parameter(
        None,
        "FWHM of the stars; None: that of the instrument and filter, checked on the image",
        unit="pixels",
        low=0.1,
        high=50.0,
    )
    ratio: float = parameter(
        1.0, "Minor axis of the kernel over its major axis, the FWHM (sep, dao)", low=0.05, high=1.0
    )
    theta: float = parameter(
        0.0, "Position of its major axis, from x towards y (sep, dao)", unit="deg"
    )
    skysigma: float | None = parameter(
        None,
        "Noise of the background, of which snr_threshold is a multiple; None: as it is measured",
        unit="image units",
        low=0.0,
    )
    dqbits: str = parameter(
        "",
        "Bits of the data quality of pixels that can be used, as 16+64; with ~ before them, bits "
        "of those that can't; empty: as the handbook of the instrument says; None: all can be used",
    )
    refine_centroids: str = parameter(
        "auto",
        "How the positions of all finders are refined: windowed, with an effective PSF made of "
        "the stars of all exposures, or not at all; auto: with one of each image where single "
        "exposures are full of cosmic rays, else windowed",
        choices=("auto", "none", "window", "epsf"),
    )
    bkg_boxsize: int = parameter(400, "Size of the background mesh", unit="pixels", low=1)
    minsep_fwhm: float = parameter(
        0.0, "Least separation of two sources, in units of kernel_fwhm (iraf, dao)", low=0.0
    )
    sigma_radius: float = parameter(
        1.5, "Truncation radius of the kernel, in units of its sigma (iraf, dao)", low=0.1
    )
    sharplo: float = parameter(0.5, "Lower limit of sharpness (iraf, dao)")
    sharphi: float = parameter(2.0, "Upper limit of sharpness (iraf, dao)")
    roundlo: float = parameter(0.0, "Lower limit of roundness (iraf, dao)")
    roundhi: float = parameter(0.2, "Upper limit of roundness (iraf, dao)")
    brightest: int | None = parameter(
        200,
        "Keep this number of the brightest sources, evenly over the image; None: all. Of catalogs "
        "that are given all are kept unless it is set",
        low=1,
    )
    peakmax: float | None = parameter(
        None,
        "Drop sources, found or given, with a pixel at or above this value, above the background",
        unit="image units",
    )

    def __post_init__(self) -> None:
        usable_bits(self.dqbits)


@dataclass(frozen=True, slots=True)
class SegmentationParameters:
    """Parameters of the finder 'segmentation'."""

    npixels: int = parameter(10, "Least number of connected pixels", unit="pixels", low=1)
    connectivity: int = parameter(8, "Neighbours of a pixel that count", choices=(4, 8))
    nlevels: int = parameter(32, "Number of levels for deblending", low=1)
    contrast: float = parameter(
        0.001, "Least fraction of the flux for a blended source", low=0.0, high=1.0
    )
    multithresh_mode: str = parameter(
        "exponential", "Spacing of the levels", choices=("exponential", "linear", "sinh")
    )
    localbkg_width: int = parameter(
        0, "Width of the annulus for the local background", unit="pixels", low=0
    )
    apermask_method: str = parameter(
        "correct", "Treatment of neighbours", choices=("correct", "mask", "none")
    )
    kron_params: tuple[float, ...] | None = parameter(
        None, "Scale, least radius and least circular radius of the Kron aperture", low=2, high=3
    )
    deblend: bool = parameter(True, "Deblend overlapping sources?")
