"""The parameters of every stage after the sources: default, unit, limits and meaning.

The step's spec, the documentation and the checks are made from these classes. Names and defaults
are those which users of the missions' own steps know; new abilities have new names.
"""

from __future__ import annotations

from dataclasses import dataclass

from .checks import check_fits_value
from .declaration import parameter

__all__ = [
    "GEOMETRIES",
    "MAX_SIP_DEGREE",
    "AbsoluteParameters",
    "GeneralParameters",
    "MethodParameters",
    "ReferenceParameters",
    "RelativeParameters",
    "ReportParameters",
    "SafetyParameters",
    "ScaleParameters",
    "SipParameters",
]

GEOMETRIES = ("shift", "rshift", "rscale", "general")
MAX_SIP_DEGREE = 6  # higher ones lose their digits to rounding


@dataclass(frozen=True, slots=True)
class MethodParameters:
    """Method of the alignment, and the image that stays fixed."""

    align_method: str = parameter(
        "global",
        "All groups at once ('global'), or one after another as in the stock step",
        choices=("global", "sequential"),
    )
    abs_method: str = parameter(
        "joint",
        "Reference and neighbours in one solution, or all groups as one rigid body (global)",
        choices=("joint", "rigid"),
    )
    detector_motion: str = parameter(
        "auto",
        "Motion of each detector, shared by all exposures, on top of the exposure's; auto: where "
        "the data demand it (global)",
        choices=("none", "shift", "rshift", "rscale", "auto"),
    )
    detector_calibration: str = parameter(
        "",
        "Solution of another run (*_tweakreg_solution.asdf) whose motions of detectors, with their "
        "errors, are the prior of this one's",
    )
    visit_motion: str = parameter(
        "auto",
        "auto: the exposures of a visit, or of a guide star, move together and little apart, as "
        "the data say, so that one with few sources is held by the others; none: each for itself "
        "(global)",
        choices=("none", "auto"),
    )
    refimage: str = parameter("", "Image or group that stays fixed in the relative alignment")


@dataclass(frozen=True, slots=True)
class RelativeParameters:
    """Alignment of the groups to each other."""

    enforce_user_order: bool = parameter(False, "Align in the order of the input?")
    expand_refcat: bool = parameter(False, "Add new sources of aligned groups to the reference?")
    minobj: int = parameter(
        15, "Least number of sources of a group, and of those that are matched", low=1
    )
    fitgeometry: str = parameter("rshift", "Geometry of the correction", choices=GEOMETRIES)
    nclip: int = parameter(3, "Number of clipping rounds", low=0)
    sigma: float = parameter(3.0, "Clipping limit, in units of the rms", low=0.0)
    searchrad: float = parameter(
        2.0,
        "Largest offset that is searched: 'global', between any two overlapping groups as their "
        "WCS are; 'sequential', between a group and the catalog of those aligned before it. A "
        "group that is farther off is left as it is, and the value that it needs is named if it "
        "can be told",
        unit="arcsec",
        low=0.0,
    )
    use2dhist: bool = parameter(True, "Find the first offset with a 2-D histogram?")
    separation: float = parameter(
        1.0, "Least separation of two sources of a catalog", unit="arcsec", low=0.0
    )
    tolerance: float = parameter(0.7, "Match radius", unit="arcsec", low=0.001)
    xoffset: float = parameter(0.0, "First guess of the offset in x", unit="arcsec")
    yoffset: float = parameter(0.0, "First guess of the offset in y", unit="arcsec")


@dataclass(frozen=True, slots=True)
class AbsoluteParameters:
    """Alignment to a reference catalog."""

    abs_refcat: str = parameter(
        "",
        "Reference catalog: a file, GAIADR3, GAIADR2, GAIADR1, GAIAREFCAT, GAIADR3_S3, the path or "
        "URL of a HATS catalog, or several after commas, of which the first that answers is used; "
        "empty for none",
    )
    save_abs_catalog: bool = parameter(False, "Write the reference catalog that was used?")
    abs_minobj: int = parameter(
        15,
        "Least number of different reference stars that groups which are tied to each other, or "
        "one that is tied to none, must match together; a star counts once, however often it is "
        "seen",
        low=1,
    )
    abs_fitgeometry: str = parameter("rshift", "Geometry of the correction", choices=GEOMETRIES)
    abs_nclip: int = parameter(3, "Number of clipping rounds", low=0)
    abs_sigma: float = parameter(3.0, "Clipping limit, in units of the rms", low=0.0)
    abs_searchrad: float = parameter(
        6.0,
        "Largest offset that is searched from the reference catalog: 'global', of each group as "
        "its WCS is; 'sequential', of all aligned groups as one. What is farther off keeps its "
        "relative alignment, and the value that it needs is named if it can be told",
        unit="arcsec",
        low=0.0,
    )
    abs_use2dhist: bool = parameter(True, "Find the first offset with a 2-D histogram?")
    abs_separation: float = parameter(
        1.0, "Least separation of two sources of a catalog", unit="arcsec", low=0.0
    )
    abs_tolerance: float = parameter(0.7, "Match radius", unit="arcsec", low=0.001)


@dataclass(frozen=True, slots=True)
class ReferenceParameters:
    """Selection of reference stars, and options of catalog services."""

    refxcol: str = parameter(
        "",
        "Column of right ascension of abs_refcat, by name or number from 1, three for hours, "
        "minutes, seconds (1,2,3); empty: by its name, or the first of a list without names",
    )
    refycol: str = parameter(
        "", "Column of declination, by name or number; empty: by its name, or the second"
    )
    refxyunits: str = parameter(
        "degrees",
        "Unit of the positions; pixels are those of refimage, or of the first image, from 1",
        choices=("degrees", "pixels"),
    )
    rfluxmin: float | None = parameter(
        None, "Lower limit of the brightness; magnitudes may be given in either order"
    )
    rfluxmax: float | None = parameter(
        None, "Upper limit of the brightness; magnitudes may be given in either order"
    )
    rfluxunits: str = parameter(
        "mag", "Whether these limits are magnitudes or fluxes", choices=("mag", "cps", "counts")
    )
    rfluxcol: str = parameter(
        "",
        "Column that holds the brightness, by name or number; empty: phot_g_mean_mag, mag, ..., "
        "or a flux",
    )
    refnbright: int | None = parameter(
        None, "Use this number of the brightest stars in the field", low=1
    )
    refcat_cache: str = parameter(
        "", "Folder that keeps the answers of catalog services; empty: in astropy's cache"
    )
    offline: bool = parameter(False, "Never ask a catalog service, use what was kept?")
    refcat_timeout: float = parameter(
        20.0,
        "Longest silence of a catalog service; a question with all its tries may take four times "
        "as long",
        unit="s",
        low=0.1,
        high=3600.0,
    )
    refcat_max_size: float = parameter(
        256.0, "Largest answer of a catalog service that is read", unit="MB", low=0.001
    )
    refcat_retries: int = parameter(
        2, "How often a catalog service that fails is asked again", low=0, high=10
    )


@dataclass(frozen=True, slots=True)
class SipParameters:
    """FITS approximation of the WCS in each image's header."""

    sip_approx: bool = parameter(True, "Write a FITS SIP approximation of the WCS?")
    sip_max_pix_error: float = parameter(
        0.01, "Largest error of the forward fit", unit="pixels", low=0.0
    )
    sip_degree: int | None = parameter(
        None, "Degree of the forward fit; None: the lowest that suffices", low=1, high=6
    )
    sip_max_inv_pix_error: float = parameter(
        0.01, "Largest error of the inverse fit", unit="pixels", low=0.0
    )
    sip_inv_degree: int | None = parameter(
        None, "Degree of the inverse fit; None: the lowest that suffices", low=1, high=6
    )
    sip_npoints: int = parameter(12, "Points along each axis of the fit", low=3)


@dataclass(frozen=True, slots=True)
class ReportParameters:
    """Reports and pictures of the run."""

    save_report: bool = parameter(
        True,
        "Write <product>_tweakreg.json and <product>_tweakreg_matches.ecsv? They are written where "
        "the images are; if those are not, only if this is given",
    )
    save_solution: bool = parameter(
        True,
        "Write <product>_tweakreg_solution.asdf, which can be applied to other files of the same "
        "exposures, and taken back? Written where the report is",
    )
    save_state: bool = parameter(
        False,
        "Write <product>_tweakreg_state.asdf: detections and weights, to which new exposures can "
        "be added, and of which the page can be made?",
    )
    save_plots: bool = parameter(False, "Write an interactive page, <product>_tweakreg.html?")
    plot_limit: float | None = parameter(
        None,
        "Largest residual that plots of residuals show; None: what holds nearly all of them",
        unit="mas",
        low=1e-6,
    )
    plot_labelsize: float | None = parameter(
        None, "Size of labels in pictures of residuals; None: 9", unit="pt", low=1.0
    )


@dataclass(frozen=True, slots=True)
class GeneralParameters:
    """Parameters of the whole run."""

    wcsname: str = parameter(
        "",
        "Name of the corrected WCS in headers that have one (WCSNAME); empty: made of the "
        "distortion model and the catalog. A name that another WCS of the header has gets a number",
    )
    output_use_model: bool = parameter(True, "Name the output files after the images?")
    in_memory: bool | None = parameter(
        None,
        "Keep all images in memory? If False, one is open at a time; None: False for files whose "
        "results are written, as nothing has to stay in memory then, and True otherwise",
    )
    update_inputs: bool = parameter(
        False, "Replace each input file by its result, whole or not at all?"
    )

    def __post_init__(self) -> None:
        check_fits_value("wcsname", self.wcsname.strip())


@dataclass(frozen=True, slots=True)
class SafetyParameters:
    """What may be changed, and the policy when some images can't be aligned."""

    apply_correction: bool = parameter(
        True, "Correct the images? If False, all is computed and reported, and no image is changed"
    )
    on_failure: str = parameter(
        "warn",
        "When a group can't be aligned: say so and correct the others ('warn'), change no image "
        "('skip_all'), or stop with an error ('raise')",
        choices=("warn", "skip_all", "raise"),
    )
    reset_wcs: bool = parameter(
        False, "Align from the WCS as delivered, without the corrections of earlier alignments?"
    )


@dataclass(frozen=True, slots=True)
class ScaleParameters:
    """Workers, and resuming an earlier run."""

    n_workers: int = parameter(
        1,
        "Processes that find sources and write results, one exposure each; 0: one for each core. "
        "The results are the same to the bit",
        low=0,
    )
    scheduler: str = parameter(
        "",
        "Address of a dask scheduler, as tcp://host:8786, on whose workers sources are found "
        "(needs the extra 'dask')",
    )
    resume: bool = parameter(
        False,
        "Use the catalogs that an earlier run has kept, those that match the image and the "
        "parameters, and keep those of this one as save_catalogs does?",
    )
