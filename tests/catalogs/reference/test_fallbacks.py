"""The catalogs that 'abs_refcat' names: one after another, kept on disk, refused if bad."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from astropy.table import Table
from catalog_server import CatalogServer, gaia_like, serving

from tweakreg_step.catalogs.reference import members_of, stars_from
from tweakreg_step.catalogs.reference.footprint import Circle
from tweakreg_step.catalogs.reference.origin import KEYS
from tweakreg_step.catalogs.reference.stars import position_errors
from tweakreg_step.catalogs.reference.web import service
from tweakreg_step.core.exceptions import CatalogError, NoReferenceStarsError, ReferenceServiceError
from tweakreg_step.parameters.stages import ReferenceParameters

if TYPE_CHECKING:
    from collections.abc import Iterator

FIELD = [Circle(10.0, -5.0, 0.03)]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[CatalogServer]:
    monkeypatch.setattr(service, "BACK_OFF", 0.01)
    with serving(gaia_like(10.0, -5.0)) as found:
        monkeypatch.setenv("ASTROMETRIC_CATALOG_URL", found.url)
        yield found


@pytest.fixture
def near(tmp_path: Path) -> Path:
    Table({"RA": [10.0, 10.01], "DEC": [-5.0, -5.01]}).write(tmp_path / "near.ecsv")
    return tmp_path / "near.ecsv"


def options(tmp_path: Path, **more: Any) -> ReferenceParameters:
    values = {"refcat_timeout": 0.3, "refcat_retries": 0, "refcat_cache": str(tmp_path / "kept")}
    return ReferenceParameters(**(values | more))


def stars(names: Any, tmp_path: Path, field: list[Circle] = FIELD, **more: Any) -> Table:
    return stars_from(members_of(names), field, options(tmp_path, **more))


def test_the_second_run_needs_no_network(server: CatalogServer, tmp_path: Path) -> None:
    once = stars("gaiadr3", tmp_path)
    assert once.meta["name"] == "GAIADR3"
    assert once.meta["release"] == "Gaia DR3"
    assert once.meta["query"] == [service.query_of("GAIADR3", FIELD[0])]
    server.mode = "error"
    for offline in (False, True):
        again = stars("GAIADR3", tmp_path, offline=offline)
        assert again.colnames == once.colnames
        assert again.meta == once.meta
        for name in once.colnames:
            np.testing.assert_array_equal(again[name], once[name])
    # a smaller field is covered as well
    assert len(stars("GAIADR3", tmp_path, [Circle(10.0, -5.0, 0.02)])) < len(once)
    assert len(server.queries) == 1


def test_offline_never_asks(server: CatalogServer, tmp_path: Path) -> None:
    with pytest.raises(
        ReferenceServiceError, match=r"offline=True, and nothing is kept of GAIADR3"
    ):
        stars("GAIADR3", tmp_path, offline=True)
    assert server.queries == []


def test_two_fields_are_two_questions_and_one_table(server: CatalogServer, tmp_path: Path) -> None:
    field = [Circle(10.0, -5.0, 0.03), Circle(10.02, -5.0, 0.03)]
    both = stars("GAIADR3", tmp_path, field)
    assert len(server.queries) == 2
    single = [stars("GAIADR3", tmp_path, [circle]) for circle in field]
    assert len(server.queries) == 2
    names = set(both["objID"])
    assert len(names) == len(both)  # those in both circles come once
    assert names == set(single[0]["objID"]) | set(single[1]["objID"])


def test_a_damaged_answer_is_asked_for_again(server: CatalogServer, tmp_path: Path) -> None:
    once = stars("GAIADR3", tmp_path)
    (path,) = (tmp_path / "kept").iterdir()
    path.write_text(path.read_text()[:-100])
    np.testing.assert_array_equal(stars("GAIADR3", tmp_path)["RA"], once["RA"])
    assert len(server.queries) == 2


def test_an_empty_answer_is_said_to_be_empty(server: CatalogServer, tmp_path: Path) -> None:
    for mode in ("good", "names_only"):
        server.mode = mode
        with pytest.raises(NoReferenceStarsError, match="its answer is empty"):
            stars("GAIADR1", tmp_path, [Circle(200.0, 40.0, 0.01)])
    assert not (tmp_path / "kept").exists()  # it may have stars tomorrow


def test_a_chain_goes_on_where_one_fails(
    server: CatalogServer, tmp_path: Path, near: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server.mode, server.failures = "html", 1
    with caplog.at_level(logging.WARNING):
        found = stars(f"GAIAREFCAT, GAIADR2,{near}", tmp_path)
    assert found.meta["name"] == "GAIADR2"
    assert [query["CAT"] for query in server.queries] == ["GAIAREFCAT", "GAIADR2"]
    assert "Reference catalog GAIAREFCAT: The catalog service" in caplog.text
    server.mode, server.failures = "hung_up", 99
    assert stars(f"GAIADR3,{near}", tmp_path).meta["name"] == "near.ecsv"


def test_a_file_elsewhere_is_passed_over_in_a_chain(server: CatalogServer, tmp_path: Path) -> None:
    Table({"RA": [200.0], "DEC": [5.0]}).write(tmp_path / "far.ecsv")
    far = str(tmp_path / "far.ecsv")
    assert stars(f"{far},GAIADR3", tmp_path).meta["name"] == "GAIADR3"
    assert stars(far, tmp_path).meta["name"] == "far.ecsv"  # and taken if it is the only one


def test_a_chain_that_fails_says_all(server: CatalogServer, tmp_path: Path) -> None:
    server.mode = "slow"
    with pytest.raises(ReferenceServiceError, match=r"None of the 2 .* GAIADR3: .*GAIADR2: "):
        stars("GAIADR3,GAIADR2", tmp_path)


@pytest.mark.parametrize(("mode", "empty"), [("good", True), ("error", False)])
def test_all_empty_is_another_failure_than_some_out_of_reach(
    server: CatalogServer, tmp_path: Path, mode: str, empty: bool
) -> None:
    far = [Circle(200.0, 40.0, 0.01)]
    server.mode, server.failures = mode, 1  # of the first of the two
    with pytest.raises(ReferenceServiceError, match="None of the 2") as error:
        stars("GAIADR3,GAIADR2", tmp_path, far)
    assert isinstance(error.value, NoReferenceStarsError) == empty


def test_names_that_may_be_meant(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=r"GAIADR3_S3\. Did you mean 'GAIADR2'\? Check the"):
        members_of("gaiadr-2")
    with pytest.raises(CatalogError, match=r"one of the names .*GAIADR3_S3\. Check the name"):
        members_of(str(tmp_path / "stars.ecsv"))


def test_errors_that_are_none_are_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    table = Table({"RA": np.linspace(9.99, 10.01, 5), "DEC": np.full(5, -5.0)})
    table["ra_error"] = [1.0, 0.0, -1.0, np.nan, 1.0]
    table["dec_error"] = [1.0, np.inf, 1.0, 1.0, 1.0]
    with caplog.at_level(logging.INFO):
        stars(table, tmp_path)
    assert "3 of 5 stars have an error" in caplog.text
    assert "5 mas per axis stands in" in caplog.text
    errors = position_errors(stars(table, tmp_path))
    np.testing.assert_allclose(errors[:, 0], [1e-3, 5e-3, 5e-3, 5e-3, 1e-3])  # arcsec
    caplog.clear()
    table["weight"] = 1.0
    stars(table, tmp_path)
    assert "that of their weight stands in" in caplog.text
    caplog.clear()
    table.remove_columns(["ra_error", "dec_error", "weight"])
    with caplog.at_level(logging.INFO):
        stars(table, tmp_path)
    assert "gives no errors: 5 mas per axis is taken for all" in caplog.text


def test_a_catalog_says_how_its_stars_were_chosen(tmp_path: Path) -> None:
    given = tmp_path / "given.ecsv"
    table = Table({"RA": [10.0, 10.01, 10.02, np.nan], "DEC": [-5.0] * 4, "mag": [1.0, 2, 3, 4]})
    table["ref_epoch"] = 2016.0
    table.write(given)
    members = members_of(str(given))
    chosen = stars_from(members, FIELD, options(tmp_path, rfluxmax=2.5))
    said = {key: chosen.meta[key] for key in KEYS if key in chosen.meta}
    assert said.pop("sha256") == members[0].table.meta["sha256"]  # type: ignore[union-attr]
    assert said == {
        "source": str(given),
        "rows_read": 4,
        "rows_used": 2,
        "selection": "rfluxmax=2.5",
        "catalog_epoch": 2016.0,
    }
    assert "selection" not in members[0].table.meta  # type: ignore[union-attr]
    # the catalog of an earlier run keeps where it came from
    chosen.write(tmp_path / "again.ecsv")
    again = stars(str(tmp_path / "again.ecsv"), tmp_path).meta
    assert (again["rows_read"], again["rows_used"], again["selection"]) == (2, 2, "all stars")
    assert again["made_from"]["source"] == str(given)
    assert again["made_from"]["selection"] == "rfluxmax=2.5"
    unknown = stars_from(members_of(table[["RA", "DEC"]]), FIELD, options(tmp_path)).meta
    assert (unknown["catalog_epoch"], unknown["rows_read"]) == ("not given", 4)


def test_bad_files_in_a_chain(near: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        (member,) = members_of(f"gone.ecsv,{near}")
    assert member.name == "near.ecsv"
    assert "'gone.ecsv', does not exist" in caplog.text
    with pytest.raises(CatalogError, match=r"'gone2\.ecsv', does not exist"):
        members_of("gone.ecsv,gone2.ecsv")
    with pytest.raises(CatalogError, match="names no catalog"):
        members_of(" , ")


def test_a_comma_in_a_file_name(near: Path) -> None:
    os.rename(near, near.with_name("a,b.ecsv"))  # noqa: PTH104 - one line
    (member,) = members_of(str(near.with_name("a,b.ecsv")))
    assert member.name == "a,b.ecsv"


def test_ra_in_hours(tmp_path: Path) -> None:
    table = Table({"RA": np.array([10.0, 10.01]) / 15.0, "DEC": [-5.0, -5.01]})
    with pytest.raises(CatalogError, match=r"are in hours.*Multiply the column by 15"):
        stars(table, tmp_path)
    assert len(stars(table, tmp_path, [])) == 2  # nothing to compare with


def test_limits_that_leave_nothing(server: CatalogServer, tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=r"None of the .* stars of GAIADR3 is left"):
        stars("GAIADR3", tmp_path, rfluxmax=3.0)


def test_a_service_needs_a_field(tmp_path: Path) -> None:
    with pytest.raises(ReferenceServiceError, match="no image has a footprint"):
        stars("GAIADR3", tmp_path, [])
