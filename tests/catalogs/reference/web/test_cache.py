"""Answers kept on disk: found again where they cover the question, never believed if damaged."""

from __future__ import annotations

import hashlib
import json
import logging
from pathlib import Path

import numpy as np
import pytest
from catalog_server import gaia_like

from tweakreg_step.catalogs.reference.footprint import Circle
from tweakreg_step.catalogs.reference.web.cache import Cache, Entry

HERE = Circle(10.0, -5.0, 0.05)
WHERE = "http://localhost/webservices"


def entry() -> Entry:
    table = gaia_like(10.0, -5.0, 30)
    table.rename_columns(["ra", "dec"], ["RA", "DEC"])
    return Entry(table, "the query", "Gaia DR3", "2026-01-02T03:04:05+00:00")


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    found = Cache(tmp_path / "kept")
    found.keep("GAIADR3", WHERE, HERE, entry())
    return found


def test_what_is_kept_comes_back_to_the_bit(cache: Cache) -> None:
    found, sent = cache.find("GAIADR3", WHERE, HERE), entry()
    assert found is not None
    assert (found.query, found.release, found.date) == (sent.query, sent.release, sent.date)
    assert found.table.colnames == sent.table.colnames
    for name in sent.table.colnames:
        np.testing.assert_array_equal(found.table[name], sent.table[name])
    assert found.table["pmra"].mask.tolist() == sent.table["pmra"].mask.tolist()


def test_a_smaller_circle_is_covered(cache: Cache) -> None:
    assert cache.find("GAIADR3", WHERE, Circle(10.01, -5.0, 0.03)) is not None
    assert cache.find("GAIADR3", WHERE, Circle(10.01, -5.0, 0.05)) is None


def test_other_catalogs_and_services_are_others(cache: Cache) -> None:
    assert cache.find("GAIADR2", WHERE, HERE) is None
    assert cache.find("GAIADR3", "http://elsewhere", HERE) is None


@pytest.mark.parametrize("harm", ["a letter", "half", "nothing", "no head", "binary"])
def test_damage_is_noticed(cache: Cache, harm: str, caplog: pytest.LogCaptureFixture) -> None:
    (path,) = cache.folder.iterdir()
    whole = path.read_bytes()
    path.write_bytes(
        {
            "a letter": whole[:-20] + b"7" + whole[-19:],
            "half": whole[: len(whole) // 2],
            "nothing": b"",
            "no head": whole.split(b"\n", 1)[1],
            "binary": bytes(range(256)),
        }[harm]
    )
    assert path.read_bytes() != whole
    with caplog.at_level(logging.WARNING):
        assert cache.find("GAIADR3", WHERE, HERE) is None
    assert "is damaged" in caplog.text
    cache.keep("GAIADR3", WHERE, HERE, entry())
    assert cache.find("GAIADR3", WHERE, HERE) is not None


def test_a_folder_that_cannot_be_is_no_failure(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    with caplog.at_level(logging.WARNING):
        Cache(tmp_path / "file").keep("GAIADR3", WHERE, HERE, entry())
    assert "is not kept for the next run" in caplog.text
    assert Cache(tmp_path / "file").find("GAIADR3", WHERE, HERE) is None


def test_the_default_folder_is_in_astropys_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "astropy").mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert Cache.at("").folder == tmp_path / "astropy" / "tweakreg_step"
    assert Cache.at("~/mine").folder == Path("~/mine").expanduser()


@pytest.mark.parametrize(
    "end",
    ["x", "1.2.3_+4.5.6_7.8.9", ".._+.._..", "1_+2_3", "\u0661.000000_+5.000000_9.000000",
     "nan_+nan_nan", "999999.000000_+05.000000_99.000000", "10.000000_-5.000000_9.000000_2"],
)  # fmt: skip
def test_strange_files_beside(cache: Cache, end: str) -> None:
    (path,) = cache.folder.iterdir()
    (cache.folder / f"{path.name.split('_')[0]}_{end}.answer").write_text("")
    (cache.folder / f"{path.name.split('_')[0]}_10.000000_-5.000000_9.000000.answer").mkdir()
    assert isinstance(cache.find("GAIADR3", WHERE, HERE), Entry)


@pytest.mark.parametrize("body", ["a.ecsv", "x y\n1 2\n", "# %ECSV 1.0\n# ---\n# - [", "\n"])
def test_an_entry_with_a_good_check_sum_and_nothing_else(cache: Cache, body: str) -> None:
    (path,) = cache.folder.iterdir()
    digest = hashlib.sha256(body.encode()).hexdigest()
    head = {"query": "", "release": "", "date": "", "sha256": digest}
    path.write_text(f"{json.dumps(head)}\n{body}")
    assert cache.find("GAIADR3", WHERE, HERE) is None


@pytest.mark.parametrize("head", ["[]", "3", "null", "[" * 5000, '{"sha256": 5}'])
def test_heads_of_other_kinds(cache: Cache, head: str) -> None:
    (path,) = cache.folder.iterdir()
    path.write_text(f"{head}\nbody")
    assert cache.find("GAIADR3", WHERE, HERE) is None
