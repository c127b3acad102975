"""No file of a user opens another file or an address; a server counts who comes."""

from __future__ import annotations

import gzip
import socket
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import asdf
import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from stdatamodels.jwst import datamodels

from tweakreg_step.catalogs.reference import read_reference
from tweakreg_step.catalogs.tables import read_table
from tweakreg_step.core.exceptions import CatalogError, InputError
from tweakreg_step.results import read_state
from tweakreg_step.simulate import Truth
from tweakreg_step.solutions import read_solution
from tweakreg_step.telescopes.choose_mission import open_exposure
from tweakreg_step.telescopes.external_references import refers_to_nothing_else, refuse_external
from tweakreg_step.telescopes.wcs import unpacked_gwcs

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAD = """<?xml version="1.0"?>
<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"
         xmlns:xlink="http://www.w3.org/1999/xlink"><RESOURCE><TABLE>
<FIELD name="x" datatype="double"/><FIELD name="y" datatype="double"/>
<LINK href="{0}" title="about this table, for people"/>
<DATA>"""
TAIL = "</DATA></TABLE></RESOURCE></VOTABLE>"
DATA = {
    "BINARY": '<BINARY><STREAM href="{0}"/></BINARY>',
    "BINARY2": '<BINARY2><STREAM encoding="gzip" href="{0}"></STREAM></BINARY2>',
    "FITS": '<FITS extnum="1"><STREAM href="{0}"/></FITS>',
    "PARQUET": '<PARQUET type="VOTable-remote-file"><STREAM href="{0}"/></PARQUET>',
    "TABLEDATA": '<TABLEDATA><STREAM href="{0}"/></TABLEDATA>',
    "xlink": '<BINARY><STREAM xlink:href="{0}"/></BINARY>',
    "prefix": '<v:BINARY xmlns:v="http://www.ivoa.net/xml/VOTable/v1.3"><v:STREAM href="{0}"/>'
    "</v:BINARY>",
}  # fmt: skip
ROW = "<TABLEDATA><TR><TD>1.5</TD><TD>{1}</TD></TR></TABLEDATA>"


@contextmanager
def silent() -> Iterator[socket.socket]:
    """An address that takes calls and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


def called(server: socket.socket) -> bool:
    try:
        server.accept()[0].close()
    except BlockingIOError:
        return False
    return True


def addresses(server: socket.socket, folder: Path) -> list[str]:
    (folder / "other").write_bytes(b"secret" * 100)
    port = server.getsockname()[1]
    return [f"http://127.0.0.1:{port}/a", f"ftp://127.0.0.1:{port}/a", f"file://{folder}/other"]


@pytest.mark.parametrize("form", DATA)
def test_a_votable_opens_nothing(tmp_path: Path, form: str) -> None:
    with silent() as server:
        for where in addresses(server, tmp_path):
            path = tmp_path / "a.vot"
            path.write_text((HEAD + DATA[form] + TAIL).format(where))
            for name, content in (("a.xml", path.read_bytes()), ("b", path.read_bytes()),
                                  ("c.vot.gz", gzip.compress(path.read_bytes())),
                                  ("d.xml", path.read_text().encode("utf-16"))):  # fmt: skip
                (tmp_path / name).write_bytes(content)
                with pytest.raises(CatalogError, match=r"STREAM href>: .*Write it with its data"):
                    read_table(tmp_path / name, "catalog")
        assert not called(server)


@pytest.mark.parametrize(
    "entity",
    ['<!ENTITY e SYSTEM "{0}">', '<!ENTITY % p SYSTEM "{0}">%p;', '<!ENTITY e PUBLIC "p" "{0}">',
     "<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;'><!ENTITY e '&b;&b;&b;&b;'>"],
)  # fmt: skip
def test_entities_are_refused(tmp_path: Path, entity: str) -> None:
    with silent() as server:
        for where in addresses(server, tmp_path):
            start, rest = (HEAD + ROW + TAIL).split("\n", 1)
            text = f"{start}\n<!DOCTYPE VOTABLE [{entity}]>\n{rest}"
            (tmp_path / "a.vot").write_text(text.format(where, "&e;"))
            with pytest.raises(CatalogError, match=r"something outside of itself.*ENTITY"):
                read_table(tmp_path / "a.vot", "catalog")
        assert not called(server)


def test_what_is_not_opened_is_no_reason_to_refuse(tmp_path: Path) -> None:
    """Links for people, a DTD that nobody fetches, a style sheet."""
    with silent() as server:
        where = addresses(server, tmp_path)[0]
        start, rest = (HEAD + ROW + TAIL).split("\n", 1)
        style = f'<?xml-stylesheet href="{where}"?>'
        text = f'{start}\n{style}<!DOCTYPE VOTABLE SYSTEM "{where}">\n{rest}'
        (tmp_path / "a.vot").write_text(text.format(where, "2.5"))
        assert read_table(tmp_path / "a.vot", "catalog")["y"].tolist() == [2.5]
        assert not called(server)


def arrays_elsewhere(where: str) -> dict[str, str]:
    array = f"!core/ndarray-1.0.0 {{source: '{where}', datatype: float64, shape: [3]}}"
    table = (
        "data: !<tag:astropy.org:astropy/table/table-1.1.0>\n  qtable: false\n"
        "  colnames: [x]\n  meta: {}\n  columns:\n"
        "  - !core/column-1.0.0\n    name: x\n    data: {0}\n"
    )
    return {
        "array": table.replace("{0}", array),
        "reference": table.replace("{0}", f"{{$ref: '{where}#/x'}}"),
        "beside": table.replace("{0}", "!core/ndarray-1.0.0 [1.0, 2.0]") + f"other: {array}\n",
        "externalarray": "data: !core/externalarray-1.0.0\n"
        f"  {{fileuri: '{where}', target: 1, datatype: float64, shape: [3]}}\n",
    }


def asdf_of(body: str) -> bytes:
    head = "#ASDF 1.0.0\n#ASDF_STANDARD 1.5.0\n%YAML 1.1\n%TAG ! tag:stsci.edu:asdf/\n---\n"
    return (head + "!core/asdf-1.1.0\n" + body + "...\n").encode()


@pytest.mark.parametrize("kind", ["array", "reference", "beside", "externalarray"])
def test_asdf_opens_nothing(tmp_path: Path, kind: str) -> None:
    with silent() as server:
        for where in [*addresses(server, tmp_path), "other"]:
            (tmp_path / "a.asdf").write_bytes(asdf_of(arrays_elsewhere(where)[kind]))
            with pytest.raises(CatalogError, match=r"this ASDF file refers .*Write it with"):
                read_table(tmp_path / "a.asdf", "catalog")
            with pytest.raises(InputError, match=r"this ASDF file refers .*Write it with"):
                open_exposure(tmp_path / "a.asdf")
        assert not called(server)


LITTLE = "shape: [4], datatype: float64, byteorder: little"
INNER = LITTLE.replace(", ", "\n  ")
CRAFTED = {
    "comment": f"a: !core/ndarray-1.1.0\n  source: #own\n    ../secret.asdf\n  {INNER}\n",
    "alias": "x: {&k source: 0 }\na: !core/ndarray-1.1.0 {*k : ../secret.asdf, " + LITTLE + "}\n",
    "lines": f"a: !core/ndarray-1.1.0\n  source: 0\n    /../../secret.asdf\n  {INNER}\n",
    "blank line": f"a: !core/ndarray-1.1.0\n  source: 0\n\n    /../x.asdf\n  {INNER}\n",
    "in braces": "a: !core/ndarray-1.1.0 {source: 0\n    /../../secret.asdf, " + LITTLE + "}\n",
    "at the rim": "a: !core/ndarray-1.1.0 {\nsource: 0\n/../../secret.asdf, " + LITTLE + "}\n",
    "digits": f"a: !core/ndarray-1.1.0\n  source: 08\n  {INNER}\n",
    "many digits": f"a: !core/ndarray-1.1.0\n  source: {'1' * 197}\n    /../x.asdf\n  {INNER}\n",
}
PLAIN = f"a: !core/ndarray-1.1.0\n  source: 0\n  {INNER}\nb: {{source: 1, {LITTLE}}}\n"
ASDF = "#ASDF 1.0.0\n#ASDF_STANDARD 1.6.0\n%YAML 1.1\n%TAG ! tag:stsci.edu:asdf/\n"
ASDF += "--- !core/asdf-1.1.0\n"


@pytest.mark.parametrize("kind", CRAFTED)
@pytest.mark.parametrize("own", ["#", "fits:"])
def test_text_that_hides_a_reference_is_read(tmp_path: Path, kind: str, own: str) -> None:
    content = (ASDF + CRAFTED[kind] + "...\n").encode()
    assert not refers_to_nothing_else(content, own)
    path = tmp_path / "crafted.asdf"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="refers to something outside"):
        refuse_external(path)


@pytest.mark.parametrize("name", ["", "c:\n  source: fits:SCI,1\n  datatype: float64\n"])
def test_plain_text_need_not_be_read(name: str) -> None:
    assert refers_to_nothing_else((ASDF + name + PLAIN + "...\n").encode(), "fits:")


def test_long_text_takes_no_longer_than_it_is_long() -> None:
    for text in (b"source: #" + b" " * 10**6, b"*" * 10**6, b"source, " * 10**5, b"{source: '#"):
        assert not refers_to_nothing_else(text + b"source", "#")


@pytest.mark.parametrize("kind", ["array", "reference"])
def test_solutions_and_states_open_nothing(tmp_path: Path, kind: str) -> None:
    with silent() as server:
        for where in [*addresses(server, tmp_path), "other"]:
            content = asdf_of(arrays_elsewhere(where)[kind])
            (tmp_path / "a.asdf").write_bytes(content)
            for read in (read_solution, read_state):
                with pytest.raises(InputError, match=r"can't be read: this ASDF file refers to"):
                    read(tmp_path / "a.asdf")
            with pytest.raises(ValueError, match="this ASDF file refers to"):
                unpacked_gwcs(content)  # as it is in a state
        assert not called(server)


def test_an_asdf_table_is_read(tmp_path: Path) -> None:
    table = Table({"x": [1.5, 2.5], "y": [3.0, 4.0]}, meta={"source": "http://elsewhere"})
    asdf.AsdfFile({"data": table}).write_to(tmp_path / "a.asdf")
    assert read_table(tmp_path / "a.asdf", "catalog")["x"].tolist() == [1.5, 2.5]


@pytest.mark.parametrize("key", ["source", "$ref"])
def test_an_exposure_opens_nothing(files: Truth, tmp_path: Path, key: str) -> None:
    path = files.files[0]
    with datamodels.open(path) as model, silent() as server:
        where = addresses(server, tmp_path)[0]
        model.save(tmp_path / "a.asdf")
        tree = "meta: {model_type: ImageModel}\ndata: "
        array = f"!core/ndarray-1.0.0 {{source: '{where}', datatype: float32, shape: [3, 3]}}\n"
        text = asdf_of(tree + (array if key == "source" else f"{{$ref: '{where}#/x'}}\n"))
        with fits.open(path) as hdus:
            names = [hdu.name for hdu in hdus]
            data = fits.Column(
                "ASDF_METADATA", f"{len(text)}B", array=np.frombuffer(text, "u1")[None]
            )
            hdus[names.index("ASDF")] = fits.BinTableHDU.from_columns([data], name="ASDF")
            hdus.writeto(tmp_path / "b.fits")
        (tmp_path / "b.fits.gz").write_bytes(gzip.compress((tmp_path / "b.fits").read_bytes()))
        for name in ("b.fits", "b.fits.gz"):
            with pytest.raises(InputError, match=rf"{name}' can't be opened: this ASDF file"):
                open_exposure(tmp_path / name)
        assert not called(server)
    with open_exposure(tmp_path / "a.asdf") as model:
        assert model.meta.wcs is not None


def test_other_formats_open_nothing(tmp_path: Path) -> None:
    """Groups of FITS files are not followed, nor texts that look like names; HDF5 is not read."""
    with silent() as server:
        where = addresses(server, tmp_path)[0]
        members = fits.Column("MEMBER_LOCATION", "80A", array=np.array([where]))
        group = fits.BinTableHDU.from_columns([members], name="GROUPING")
        table = fits.BinTableHDU(Table({"x": [1.5], "y": [2.5]}))
        fits.HDUList([fits.PrimaryHDU(), group, table]).writeto(tmp_path / "a.fits")
        assert read_table(tmp_path / "a.fits", "catalog")["x"].tolist() == [1.5]
        (tmp_path / "b.txt").write_text(f"#N {where}")
        assert len(read_table(tmp_path / "b.txt", "catalog")) == 0
        (tmp_path / "c.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
        with pytest.raises(CatalogError, match=r"its format \(hdf5\) is not one that is read"):
            read_table(tmp_path / "c.h5", "catalog")
        (tmp_path / "d.ecsv").write_text(
            "# %ECSV 1.0\n# ---\n# datatype:\n# - {name: ra, datatype: float64}\n"
            f"# - {{name: dec, datatype: float64}}\n# meta: !include '{where}'\nra dec\n1 2\n"
        )
        with pytest.raises(CatalogError, match="can't be read"):
            read_table(tmp_path / "d.ecsv", "catalog")
        assert not called(server)


def test_frames_that_turn_with_the_earth_need_no_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from astropy import units
    from astropy.coordinates import AltAz, EarthLocation, SkyCoord
    from astropy.table import QTable
    from astropy.time import Time
    from astropy.utils import data, iers

    fetched: list[str] = []
    monkeypatch.setattr(iers.iers, "download_file", lambda url, **_: fetched.append(url))
    monkeypatch.setattr(data, "download_file", lambda url, **_: fetched.append(url))
    frame = AltAz(obstime=Time("2026-06-01"), location=EarthLocation(0.0, 0.0, 6.4e6 * units.m))
    sky = SkyCoord([10.0] * units.deg, [80.0] * units.deg, frame=frame)
    QTable({"sky_centroid": sky}).write(tmp_path / "a.ecsv")
    assert len(read_reference(tmp_path / "a.ecsv")) == 1
    assert not fetched
