"""The essentials of an image: right, of FITS's own kinds, and still there after a file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from made_results import early_result, make_result, sequential_result
from stdatamodels.jwst import datamodels
from stdatamodels.jwst.datamodels import ImageModel
from stdatamodels.schema import walk_schema

from tweakreg_step.core.outcome import FITS_PREFIX
from tweakreg_step.report.headers import essentials_of
from tweakreg_step.report.result import ReferenceNote
from tweakreg_step.simulate import Truth
from tweakreg_step.telescopes import Telescope
from tweakreg_step.telescopes.jwst.models import JWST


def _facts(result, image: int = 0) -> dict[str, object]:
    return {fact.name: fact.value for fact in essentials_of(result, image)}


def test_what_they_say() -> None:
    result = make_result(lost=(4,), detectors=np.array([[-35.0, 0.0], [35.0, 0.0]]))
    facts, solution = _facts(result, 3), result.solution
    assert facts["verdict"] == "aligned"
    assert facts["matches"] == solution.groups.matches[1]
    assert facts["reference"] == "gaia.ecsv"
    assert facts["epoch"] == 2016.0
    assert facts["shift_east_mas"] == pytest.approx(1e3 * solution.groups.shift[1, 0], abs=1e-4)
    assert facts["rms_mas"] == pytest.approx(solution.groups.rms_mas[1], abs=1e-4)
    assert facts["moved"] is facts["absolute"] is True
    lost = _facts(result, 8)
    assert (lost["verdict"], lost["code"], lost["moved"]) == ("left alone", "no_match", False)
    assert "rms_mas" not in lost
    assert "reference" not in lost


@pytest.mark.parametrize("result", [make_result("stack", 2), early_result(), sequential_result()])
def test_they_are_what_fits_can_hold(result) -> None:
    for image in range(len(result.images)):
        facts = essentials_of(result, image)
        assert len({fact.keyword for fact in facts}) == len(facts)
        for fact in facts:
            assert fact.keyword.startswith(FITS_PREFIX)
            assert len(fact.keyword) <= 8
            card = fits.Card(fact.keyword, fact.value, fact.comment)
            assert len(card.image) == 80  # one card, its comment whole: cut ones warn


def test_names_that_fits_can_not_hold() -> None:
    note = ReferenceNote("/data/catalogs/gaia_ä_" + "x" * 60 + ".ecsv", 3, None, {})
    facts = _facts(replace(make_result("stack", 2), reference_note=note))
    assert facts["reference"] == "gaia_?_" + "x" * 30 + "..."
    assert "epoch" not in facts


def test_no_keyword_of_the_schemas_starts_as_ours() -> None:
    keywords = []

    def collect(subschema, *_rest) -> None:
        if isinstance(subschema, dict) and "fits_keyword" in subschema:
            keywords.append(subschema["fits_keyword"])

    walk_schema(ImageModel((2, 2)).schema, collect)
    assert len(keywords) > 200
    assert not [keyword for keyword in keywords if keyword.startswith(FITS_PREFIX)]


def _model() -> ImageModel:
    model = ImageModel(np.zeros((4, 4), np.float32))
    model.meta.filename = "a_cal.fits"
    return model


def _ours(path: Path) -> dict[str, object]:
    header = fits.getheader(path)
    cards = [card for card in header.cards if card.keyword.startswith(FITS_PREFIX)]
    assert len({card.keyword for card in cards}) == len(cards)
    return {card.keyword: card.value for card in cards}


def test_they_survive_a_file(tmp_path: Path) -> None:
    telescope: Telescope = JWST()
    model, facts = _model(), essentials_of(make_result("stack", 2), 1)
    telescope.annotate(model, facts)
    wanted = {fact.keyword: fact.value for fact in facts}
    model.save(tmp_path / "a.fits")
    assert _ours(tmp_path / "a.fits") == wanted
    header = fits.getheader(tmp_path / "a.fits")
    assert all(header.comments[fact.keyword] == fact.comment for fact in facts)
    with datamodels.open(tmp_path / "a.fits") as again:
        assert isinstance(again, ImageModel)
        assert again.meta.tweakreg_report.instance == {fact.name: fact.value for fact in facts}
        again.copy().save(tmp_path / "b.fits")
    assert _ours(tmp_path / "b.fits") == wanted


def test_a_second_run_replaces_them(tmp_path: Path) -> None:
    model, result = _model(), make_result("stack", 2)
    model.extra_fits = {"PRIMARY": {"header": [["MYWORD", 3, "of someone else"]]}}
    JWST().annotate(model, essentials_of(result, 1))
    model.save(tmp_path / "a.fits")
    with datamodels.open(tmp_path / "a.fits") as again:
        fewer = essentials_of(early_result(), 0)
        JWST().annotate(again, fewer)
        again.save(tmp_path / "b.fits")
    assert _ours(tmp_path / "b.fits") == {fact.keyword: fact.value for fact in fewer}
    assert fits.getheader(tmp_path / "b.fits")["MYWORD"] == 3
    with datamodels.open(tmp_path / "b.fits") as last:
        assert last.meta.tweakreg_report.instance == {fact.name: fact.value for fact in fewer}
        JWST().annotate(last, ())
        last.save(tmp_path / "c.fits")
    assert _ours(tmp_path / "c.fits") == {}


def test_asdf_as_well(tmp_path: Path) -> None:
    model, facts = _model(), essentials_of(make_result("stack", 2), 1)
    JWST().annotate(model, facts)
    model.save(tmp_path / "a.asdf")
    with datamodels.open(tmp_path / "a.asdf") as again:
        assert again.meta.tweakreg_report.instance["verdict"] == "aligned"


def test_on_an_exposure_with_a_wcs(stack: Truth, tmp_path: Path) -> None:
    facts = essentials_of(make_result("stack", 2), 1)
    with datamodels.open(stack.files[0]) as model:
        before = model.meta.wcs(10.0, 20.0)
        keywords = set(fits.getheader(stack.files[0]))
        JWST().annotate(model, facts)
        model.save(tmp_path / "a.fits")
    assert _ours(tmp_path / "a.fits") == {fact.keyword: fact.value for fact in facts}
    assert keywords <= set(fits.getheader(tmp_path / "a.fits"))
    with datamodels.open(tmp_path / "a.fits") as again:
        assert again.meta.wcs(10.0, 20.0) == before
        assert again.meta.tweakreg_report.verdict == "aligned"
