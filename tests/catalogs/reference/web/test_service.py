"""Questions to the catalog web service: right, slow, broken, truncated and empty answers."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import numpy as np
import pytest
from catalog_server import CatalogServer, gaia_like, serving

from tweakreg_step.catalogs.reference.footprint import Circle
from tweakreg_step.catalogs.reference.web import service
from tweakreg_step.catalogs.reference.web.service_answer import parsed
from tweakreg_step.core.exceptions import ReferenceServiceError
from tweakreg_step.parameters.stages import ReferenceParameters

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Circle(359.99, 30.0, 0.04)
HASTY = ReferenceParameters(refcat_timeout=0.25, refcat_retries=1)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[CatalogServer]:
    monkeypatch.setattr(service, "BACK_OFF", 0.01)
    with serving(gaia_like(359.99, 30.0)) as found:
        monkeypatch.setenv("ASTROMETRIC_CATALOG_URL", found.url + "/")
        yield found


@pytest.mark.parametrize("mode", ["good", "plain"])
def test_the_stars_of_a_circle(server: CatalogServer, mode: str) -> None:
    server.mode = mode
    table = service.ask("GAIADR3", HERE, HASTY)
    assert 50 < len(table) < 200
    index = np.searchsorted(server.table["source_id"], table["objID"])
    for got, sent in (("RA", "ra"), ("DEC", "dec"), ("pmra_error", "pmra_error")):
        np.testing.assert_array_equal(table[got], server.table[sent][index])  # to the last bit
    assert table["pmra"].mask.tolist() == server.table["pmra"].mask[index].tolist()
    assert server.queries == [
        {"RA": "359.990000", "DEC": "30.000000", "SR": "0.040000", "FORMAT": "CSV",
         "CAT": "GAIADR3"}
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("mode", "sentence", "tries"),
    [
        ("error", r"answered with the error 500", 2),
        ("missing", r"answered with the error 404", 1),  # asking again can't help
        ("html", r"sent no table but '<!DOCTYPE", 2),
        ("nothing", r"sent an answer without any text", 2),
        ("hung_up", r"sent a truncated answer: .* bytes more were promised", 2),
        ("cut_off", r"sent a truncated answer: the line '.*' has \d+ fields instead of 14", 2),
        ("nonsense", r"sent positions that are no numbers", 2),
        ("beyond", r"sent positions that are out of range", 2),
        ("slow", r"was silent for 0\.25 s", 2),
        ("dribbling", r"had sent no answer, or only a part of it, when the time", 1),
    ],
)
def test_bad_answers_are_told_apart(
    server: CatalogServer, mode: str, sentence: str, tries: int
) -> None:
    server.mode = mode
    with pytest.raises(ReferenceServiceError, match=sentence) as caught:
        service.ask("GAIADR3", HERE, HASTY)
    assert len(server.queries) == tries
    assert f"GAIADR3 {tries} time" in str(caught.value)
    assert "give another 'abs_refcat'" in str(caught.value)


def test_a_passing_failure_is_passed_over(server: CatalogServer) -> None:
    server.mode, server.failures = "error", 1
    assert len(service.ask("GAIADR2", HERE, HASTY)) > 50
    assert [query["CAT"] for query in server.queries] == ["GAIADR2"] * 2


def test_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        monkeypatch.setenv("ASTROMETRIC_CATALOG_URL", f"http://127.0.0.1:{port}")
        with pytest.raises(ReferenceServiceError, match=r"can't be reached \(.*refused"):
            service.ask("GAIADR3", HERE, ReferenceParameters(refcat_retries=0))


def test_an_address_of_another_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASTROMETRIC_CATALOG_URL", "file:///etc")
    with pytest.raises(ReferenceServiceError, match="must begin with http"):
        service.ask("GAIADR3", HERE, HASTY)


def test_the_public_service_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ASTROMETRIC_CATALOG_URL", raising=False)
    assert service.query_of("GAIADR3", HERE).startswith(
        "https://gsss.stsci.edu/webservices/vo/CatalogSearch.aspx?RA="
    )


@pytest.mark.parametrize("text", ["No data records found\n", "# nothing\n", "ra,dec,mag\r\n"])
def test_no_stars_are_no_error_of_the_service(text: str) -> None:
    assert len(parsed(text)) == 0


def test_words_for_unknown_values() -> None:
    table = parsed('# a comment\n"RA","Dec",pmra,pmdec\n1.5,2,null,\n3,4,-5.5,NaN\n')
    assert table["RA"].tolist() == [1.5, 3.0]
    assert np.isnan(np.ma.filled(np.ma.asarray(table["pmra"], float), np.nan)).tolist() == [
        True,
        False,
    ]
    assert np.isnan(np.ma.filled(np.ma.asarray(table["pmdec"], float), np.nan)).all()
