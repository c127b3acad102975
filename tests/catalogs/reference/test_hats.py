"""HATS catalogs built on disk: only the partitions of the field are opened."""

from __future__ import annotations

import json
import sys
import time
from contextlib import suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from astropy.table import Table, vstack
from catalog_server import gaia_like

from tweakreg_step.catalogs.reference import hats as ours
from tweakreg_step.catalogs.reference import members_of, stars_from
from tweakreg_step.catalogs.reference.footprint import Circle, inside
from tweakreg_step.core.exceptions import CatalogError, ReferenceServiceError
from tweakreg_step.parameters.stages import ReferenceParameters

ORDER = 5  # partitions of 1.8 deg
PLACES = ((10.0, -5.0), (200.0, 60.0), (359.99, 0.0))
FIELD = [Circle(10.0, -5.0, 0.03)]


def sky() -> Table:
    parts = [gaia_like(ra, dec, seed=k) for k, (ra, dec) in enumerate(PLACES)]
    return vstack(parts)


def build(folder: Path, table: Table) -> None:
    """Write a catalog by the description of the format: partitions, their list, properties."""
    import pyarrow as pa
    from hats.pixel_math.spatial_index import compute_spatial_index
    from pyarrow import parquet

    ra, dec = np.asarray(table["ra"]), np.asarray(table["dec"])
    index = compute_spatial_index(ra, dec)
    pixels = index >> (2 * (29 - ORDER))
    columns = {
        name: pa.array(
            np.ma.asarray(table[name]).data, mask=np.ma.getmaskarray(np.ma.asarray(table[name]))
        )
        for name in table.colnames
    }
    whole = pa.table({"_healpix_29": pa.array(index), **columns})
    lines = ["Norder,Npix"]
    for pixel in np.unique(pixels):
        path = folder / "dataset" / f"Norder={ORDER}" / f"Dir={pixel // 10000 * 10000}"
        path.mkdir(parents=True, exist_ok=True)
        parquet.write_table(whole.filter(pa.array(pixels == pixel)), path / f"Npix={pixel}.parquet")
        lines.append(f"{ORDER},{pixel}")
    parquet.write_metadata(whole.schema, folder / "dataset" / "_common_metadata")
    (folder / "partition_info.csv").write_text("\n".join(lines) + "\n")
    properties = {
        "obs_collection": "tiny_gaia", "dataproduct_type": "object", "hats_nrows": len(table),
        "hats_col_ra": "ra", "hats_col_dec": "dec", "hats_cols_sort": "_healpix_29",
        "hats_max_rows": 1000, "hats_order": ORDER, "hats_version": "v1.0",
        "hats_creation_date": "2026-01-02T03:04UTC",
    }  # fmt: skip
    text = "".join(f"{key}={value}\n" for key, value in properties.items())
    (folder / "hats.properties").write_text(text)


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hats") / "tiny_gaia"
    folder.mkdir()
    build(folder, sky())
    return folder


@pytest.mark.parametrize("place", PLACES)
def test_the_stars_of_a_circle(catalog: Path, place: tuple[float, float]) -> None:
    field, truth = [Circle(*place, 0.03)], sky()
    table = stars_from(members_of(str(catalog)), field, ReferenceParameters())
    expected = truth[inside(truth["ra"], truth["dec"], field)]
    assert set(table["source_id"]) == set(expected["source_id"])
    expected.sort(["dec", "ra"])
    for got, sent in (("RA", "ra"), ("DEC", "dec"), ("ra_error", "ra_error")):
        np.testing.assert_array_equal(table[got], expected[sent])
    unknown = np.isnan(np.asarray(table["pmra"], float))
    assert unknown.tolist() == expected["pmra"].mask.tolist()
    assert table.meta["name"] == "tiny_gaia"
    assert table.meta["release"] == "tiny_gaia 2026-01-02T03:04UTC"
    assert str(catalog) in table.meta["query"][0]


def test_other_partitions_are_not_opened(catalog: Path, tmp_path: Path) -> None:
    import shutil

    spoiled = tmp_path / "spoiled"
    shutil.copytree(catalog, spoiled)
    whole = ours.open_catalog(str(spoiled), ReferenceParameters())
    near = whole.filter_by_cone(10.0, -5.0, 108.0).get_healpix_pixels()
    for path in (spoiled / "dataset").rglob("Npix=*.parquet"):
        if not any(path.name == f"Npix={pixel.pixel}.parquet" for pixel in near):
            path.write_bytes(b"not to be read")
    assert len(stars_from(members_of(str(spoiled)), FIELD, ReferenceParameters())) > 40
    with pytest.raises(ReferenceServiceError, match=r"can't be read"):
        stars_from(members_of(str(spoiled)), [Circle(200.0, 60.0, 0.03)], ReferenceParameters())


def test_a_field_without_stars(catalog: Path) -> None:
    with pytest.raises(ReferenceServiceError, match="its answer is empty"):
        stars_from(members_of(str(catalog)), [Circle(100.0, 0.0, 0.03)], ReferenceParameters())


def test_a_folder_that_is_no_catalog(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(CatalogError, match=r"empty', is a folder, but no HATS catalog: it must"):
        members_of(str(tmp_path / "empty"))
    (tmp_path / "empty" / "hats.properties").write_text("")
    with pytest.raises(ReferenceServiceError, match=r"'.*empty' can't be read"):
        stars_from(members_of(str(tmp_path / "empty")), FIELD, ReferenceParameters())


def test_offline_reads_from_disk_but_not_from_a_url(catalog: Path, tmp_path: Path) -> None:
    offline = ReferenceParameters(offline=True, refcat_cache=str(tmp_path))
    assert len(stars_from(members_of(str(catalog)), FIELD, offline)) > 40
    for name in ("GAIADR3_S3", "https://localhost/catalog"):
        with pytest.raises(ReferenceServiceError, match="offline=True, and nothing is kept"):
            stars_from(members_of(name), FIELD, offline)


class _Ranges(SimpleHTTPRequestHandler):
    """Serves files, and parts of files, as the servers of large catalogs do."""

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        path = Path(self.translate_path(self.path))
        if wanted is None or not path.is_file():
            super().do_GET()
            return
        first, last = wanted.removeprefix("bytes=").split("-")
        whole = path.read_bytes()
        part = whole[int(first) : int(last or len(whole)) + 1]
        self.send_response(206)
        end = int(first) + len(part) - 1
        self.send_header("Content-Range", f"bytes {first}-{end}/{len(whole)}")
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        self.wfile.write(part)


def test_a_url_is_kept_for_the_next_run(catalog: Path, tmp_path: Path) -> None:
    parameters = ReferenceParameters(
        refcat_cache=str(tmp_path), refcat_timeout=5.0, refcat_retries=0
    )
    handler = partial(_Ranges, directory=str(catalog.parent))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            url = f"http://127.0.0.1:{server.server_address[1]}/{catalog.name}"
            once = stars_from(members_of(url), FIELD, parameters)
        finally:
            server.shutdown()
            thread.join()
    local = stars_from(members_of(str(catalog)), FIELD, parameters)
    again = stars_from(members_of(url), FIELD, parameters)  # nobody listens any more
    for name in once.colnames:
        np.testing.assert_array_equal(again[name], once[name])
        np.testing.assert_array_equal(local[name], once[name])
    (kept,) = tmp_path.iterdir()
    assert json.loads(kept.read_text().split("\n")[0])["query"].startswith(url)
    with pytest.raises(ReferenceServiceError, match="can't be read"):
        stars_from(members_of(url), [Circle(200.0, 60.0, 0.03)], parameters)


class _Dripping(SimpleHTTPRequestHandler):
    """A letter now and then, for ever: no silence is long."""

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        with suppress(OSError):
            while True:
                self.wfile.write(b"#")
                self.wfile.flush()
                time.sleep(0.1)

    do_HEAD = do_GET  # noqa: N815 - of the base class


def test_an_address_that_drips_is_given_up(tmp_path: Path) -> None:
    parameters = ReferenceParameters(refcat_cache=str(tmp_path), refcat_timeout=0.5)
    with ThreadingHTTPServer(("127.0.0.1", 0), _Dripping) as server:
        server.daemon_threads = True
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            url = f"http://user:word@127.0.0.1:{server.server_address[1]}/tiny"
            start = time.monotonic()
            with pytest.raises(ReferenceServiceError, match=r"not answered after 2 s") as caught:
                stars_from(members_of(url), FIELD, parameters)
        finally:
            server.shutdown()
            thread.join()
    assert "word" not in str(caught.value)
    assert time.monotonic() - start < 60.0  # the libraries take seconds to load


def test_an_answer_that_is_too_large_is_refused(catalog: Path) -> None:
    whole = ours.open_catalog(str(catalog), ReferenceParameters())
    with pytest.raises(ReferenceServiceError, match=r"more than 0\.001 MB, the most"):
        ours.ask(whole, FIELD[0], 1000)


@pytest.mark.parametrize("name", ["http://127.0.0.1:9/x", "/etc", "../other", "~/x"])
def test_a_collection_opens_nothing_elsewhere(tmp_path: Path, name: str) -> None:
    (tmp_path / "collection.properties").write_text(
        f"obs_collection=c\nhats_primary_table_url={name}\n"
    )
    with pytest.raises(ReferenceServiceError, match="its tables must be within its folder"):
        stars_from(members_of(str(tmp_path)), FIELD, ReferenceParameters())


def test_the_library_is_asked_for_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hats", None)
    monkeypatch.setattr(ours, "find_spec", lambda _: None)
    with pytest.raises(CatalogError, match=r"pip install hats s3fs"):
        members_of("GAIADR3_S3")
