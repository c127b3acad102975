"""Hostile associations, catalogs, metadata, images and answers, by seed, and what may come of them.

Each function makes the case of a seed, lets the package read it, and returns "used" or "refused".
Whatever else happens, an error of another kind above all, is raised.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.io import fits
from astropy.table import Table
from fuzz.mutations import HOSTILE, bytes_changed, json_changed, pick, text_changed
from stdatamodels.jwst import datamodels

from tweakreg_step import TweakRegStep
from tweakreg_step.catalogs import read_catalog
from tweakreg_step.catalogs.reference import Circle, members_of, stars_from
from tweakreg_step.catalogs.reference.web.service_answer import AnswerError, parsed
from tweakreg_step.core.exceptions import InputError, TweakregError
from tweakreg_step.exposures.exposure import Exposure, exposure_of, refusal_of
from tweakreg_step.exposures.exposure_catalog import Reader
from tweakreg_step.parameters import Parameters, ReferenceParameters
from tweakreg_step.pipeline.reference_stars import reference_of
from tweakreg_step.telescopes.association_file import read_association
from tweakreg_step.telescopes.choose_mission import open_exposure
from tweakreg_step.telescopes.wcs import PackedWcs

if TYPE_CHECKING:
    from numpy.random import Generator

    from tweakreg_step.simulate import Truth

__all__ = ["FUZZERS", "Scene", "spoiled_association", "spoiled_catalog", "spoiled_image"]

FORMATS = ("ecsv", "csv", "vot", "fits", "txt", "cat", "asdf")


@dataclass(frozen=True)
class Scene:
    """What is spoiled: good images with their association and catalogs; a folder for a case."""

    truth: Truth
    folder: Path


def one_line(error: Exception) -> str:
    """The outcome of an error on purpose: a sentence that can be printed, short enough to read."""
    text = str(error)
    assert text.isprintable(), text
    assert 20 < len(text) < 4000, text
    return "refused"


def spoiled_association(scene: Scene, rng: Generator) -> Path:
    """An association beside the images."""
    tree = json.loads(scene.truth.association.read_text())
    tree |= {"asn_pool": "pool.csv", "program": 1345}
    tree["products"][0]["members"][0] |= {"group_id": "g1", "tweakreg_catalog": "a.ecsv"}
    path = scene.truth.folder / f"spoiled{rng.integers(10**9)}.json"
    path.write_bytes(json_changed(tree, rng))
    return path


def association(seed: int, scene: Scene) -> str:
    """Read an association."""
    path = spoiled_association(scene, np.random.default_rng(seed))
    try:
        found = read_association(path)
    except InputError as error:
        return one_line(error)
    finally:
        path.unlink()
    assert all(Path(one["expname"]).is_file() for one in found["products"][0]["members"])
    return "used"


def _table(rng: Generator, kind: str) -> Table:
    n = 40
    if kind == "sources":
        columns = {"x": rng.uniform(0, 255, n), "y": rng.uniform(0, 255, n)}
        return Table(columns | {"flux": rng.uniform(1, 9, n), "weight": np.ones(n)})
    columns = {"RA": rng.uniform(9.99, 10.01, n), "DEC": rng.uniform(-5.01, -4.99, n)}
    errors = {name: rng.uniform(0.1, 1.0, n) for name in ("ra_error", "dec_error", "pmra_error")}
    motions = {"pmra": rng.normal(0, 5, n), "pmdec": rng.normal(0, 5, n), "parallax": np.ones(n)}
    return Table(columns | errors | motions | {"ref_epoch": np.full(n, 2016.0), "mag": np.ones(n)})


def _written(table: Table, path: Path) -> None:
    if path.suffix == ".txt":
        table.write(path, format="ascii.basic", overwrite=True)
    elif path.suffix == ".cat":
        names = "".join(f"# {i} {n.upper()}_IMAGE\n" for i, n in enumerate(table.colnames, 1))
        rows = "\n".join(" ".join(map(str, row)) for row in table.as_array().tolist())
        path.write_text(names + rows + "\n")
    else:
        table.write(
            path, overwrite=True, **({"format": "votable"} if path.suffix == ".vot" else {})
        )


def spoiled_catalog(scene: Scene, rng: Generator, kind: str, table: Table | None = None) -> Path:
    """A catalog in one of the formats, 'sources' or 'stars'."""
    path = scene.folder / f"catalog{rng.integers(10**9)}.{pick(rng, FORMATS)}"
    table = _table(rng, kind) if table is None else table
    how = int(rng.integers(4))
    if how == 0:
        name = pick(rng, table.colnames)
        number = pick(rng, (np.nan, np.inf, -np.inf, 1e300, -1e300, 5e-324, 0.0, -1.0, 1e5, 1e-9))
        table[name] = np.where(
            rng.random(len(table)) < pick(rng, (0.03, 0.5, 1.0)), number, table[name]
        )
    elif how == 1:
        name, other = pick(rng, table.colnames), pick(rng, (str, object, int, bool, complex))
        table[name] = np.nan_to_num(np.asarray(table[name])).astype(other)
        table = table if other is not object or path.suffix in {".ecsv", ".csv"} else table[:0]
    try:
        _written(table, path)
    except Exception:  # noqa: BLE001 - not every column goes into every format
        path.write_bytes(b"")
    if how >= 2:
        content = path.read_bytes()
        is_text = path.suffix not in {".fits", ".asdf"} and rng.random() < 0.8
        path.write_bytes(
            text_changed(content.decode("utf-8", "replace"), rng).encode("utf-8", "replace")
            if is_text
            else bytes_changed(content, rng)
        )
    return path


def catalog(seed: int, scene: Scene) -> str:
    """Read a catalog of sources, or one of reference stars up to what the solver takes."""
    rng = np.random.default_rng(seed)
    kind = pick(rng, ("sources", "stars"))
    path = spoiled_catalog(scene, rng, kind)
    try:
        if kind == "sources":
            read_catalog(path, "a_cal.fits")
        else:
            field = [Circle(10.0, -5.0, 0.05)]
            table = stars_from(members_of(str(path)), field, ReferenceParameters())
            reference = reference_of(table)
            assert np.isfinite(reference.covariance).all()
    except TweakregError as error:
        return one_line(error)
    finally:
        path.unlink(missing_ok=True)
    return "used"


def _reader(scene: Scene) -> Reader:
    return Reader(Parameters.of(TweakRegStep()), {}, {}, scene.folder, {}, {})


def _read(model: Any, scene: Scene) -> str:
    found = exposure_of(model, "a_cal.fits", _reader(scene), reset=False)
    if not isinstance(found, Exposure):
        return one_line(found.error)
    for image in found.images:
        wcs = image.view.wcs
        wcs = wcs.unpacked() if isinstance(wcs, PackedWcs) else wcs
        found.telescope.corrector(replace(image.view, wcs=wcs), Table(), image.name, "g")
    return "used"


WORDS = ("wcsinfo", "instrument", "exposure", "observation", "cal_step", "asn", "target", "wcs",
         "telescope", "filename", "group_id", "tweakreg_catalog", "tweakreg_report")  # fmt: skip


def header(seed: int, scene: Scene) -> str:
    """Read an image of which one word of its metadata, or all under one name, is hostile."""
    rng = np.random.default_rng(seed)
    with datamodels.open(scene.truth.files[0]) as model:
        name, words = pick(rng, WORDS), model.meta.instance
        inner = words.get(name)
        if isinstance(inner, dict) and inner and rng.random() < 0.7:
            inner[pick(rng, sorted(inner))] = pick(rng, HOSTILE)
        else:
            words[name] = pick(rng, HOSTILE)
        return _read(model, scene)


def spoiled_image(path: Path, rng: Generator) -> None:
    """Damage the file of an image: anywhere, in one card of a header, or by an extension less."""
    content, kind = path.read_bytes(), int(rng.integers(4))
    if kind == 0:
        with fits.open(path) as hdus:
            del hdus[int(rng.integers(1, len(hdus)))]
            hdus.writeto(path, overwrite=True)
    elif kind == 1:
        cards = [m.start() for m in re.finditer(rb"[A-Z0-9_]+ *= ", content) if m.start() % 80 == 0]
        at = pick(rng, cards) + 10
        value = pick(rng, (b"'x'", b"1E300", b"-5", b"T", b"1000000000000", b"nan", b"", b"\xff\0"))
        path.write_bytes(content[:at] + value.rjust(20).ljust(70) + content[at + 70 :])
    else:
        path.write_bytes(bytes_changed(content, rng))


def image(seed: int, scene: Scene) -> str:
    """Open and read a damaged image."""
    path = scene.folder / "a_cal.fits"
    path.write_bytes(scene.truth.files[0].read_bytes())
    spoiled_image(path, np.random.default_rng(seed))
    try:
        model = open_exposure(path)
    except Exception as error:  # noqa: BLE001 - as where exposures are read
        return one_line(refusal_of("a_cal.fits", error, opened=False).error)
    with model:
        return _read(model, scene)


ANSWER = "#Objects found : 3\r\nobjID,ra,dec,mag,pmra,pmdec\r\n" + "".join(
    f"{i},10.0{i},-5.0{i},1{i}.5,0.{i},-{i}.0\r\n" for i in range(1, 9)
)


def answer(seed: int, scene: Scene) -> str:
    """Read an answer of the catalog service."""
    rng = np.random.default_rng(seed)
    if rng.random() < 0.7:
        text = text_changed(ANSWER, rng)
    else:
        text = bytes_changed(ANSWER.encode(), rng).decode("utf-8", "replace")
    try:
        table = parsed(text)
    except AnswerError as error:
        return one_line(error)
    assert np.isfinite(np.asarray(table["RA"], float)).all()
    return "used"


FUZZERS = {
    "associations": association,
    "catalogs": catalog,
    "headers": header,
    "damaged images": image,
    "answers of the service": answer,
}
