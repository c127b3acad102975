"""A catalog web service on this machine's loopback that speaks the protocol, well or badly."""

from __future__ import annotations

import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import numpy as np

from tweakreg_step.catalogs.reference.footprint import angles, directions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from astropy.table import Table

COLUMNS = {"objID": "source_id", "mag": "phot_g_mean_mag", "epoch": "ref_epoch"}
HTML = "<!DOCTYPE html><html><body>Server Error in '/webservices' Application.</body></html>"


class CatalogServer(ThreadingHTTPServer):
    """Answers cone searches in a table; ``mode`` says how, ``queries`` what was asked.

    With ``failures`` n, the first n questions get the bad answer, the others a good one.
    """

    daemon_threads = True

    def __init__(self, table: Table) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.table, self.mode, self.failures = table, "good", 10**9
        self.queries: list[dict[str, str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/webservices"

    def handle_error(self, *_: Any) -> None:
        """Clients that hang up are part of the tests."""

    def csv(self, query: dict[str, str]) -> str:
        here = directions(np.array(float(query["RA"])), np.array(float(query["DEC"])))
        stars = directions(np.asarray(self.table["ra"]), np.asarray(self.table["dec"]))
        rows = self.table[angles(here, stars) <= float(query["SR"])]
        if len(rows) == 0:
            return "No data records found\n"
        names = [next((k for k, v in COLUMNS.items() if v == n), n) for n in rows.colnames]
        masks = {n: np.ma.getmaskarray(np.ma.asarray(rows[n])) for n in rows.colnames}
        lines = [
            ",".join("" if masks[n][i] else repr(rows[n][i].item()) for n in rows.colnames)
            for i in range(len(rows))
        ]
        return "\r\n".join([f"#Objects found : {len(rows)}", ",".join(names), *lines, ""])


class _Handler(BaseHTTPRequestHandler):
    server: CatalogServer

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        url, server = urlsplit(self.path), self.server
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        server.queries.append(query)
        assert url.path == "/webservices/vo/CatalogSearch.aspx"
        assert query["FORMAT"] == "CSV"
        mode = server.mode if len(server.queries) <= server.failures else "good"
        getattr(self, mode)(server.csv(query))

    def send(self, text: str, code: int = 200, promised: int = 0, kind: str = "text/csv") -> None:
        body = text.encode()
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(promised or len(body)))
        self.end_headers()
        self.wfile.write(body)

    def good(self, text: str) -> None:
        self.send(text)

    def error(self, _: str) -> None:
        self.send(HTML, code=500, kind="text/html")

    def missing(self, _: str) -> None:
        self.send(HTML, code=404, kind="text/html")

    def html(self, _: str) -> None:
        self.send(HTML, kind="text/html")

    def nothing(self, _: str) -> None:
        self.send("")

    def names_only(self, text: str) -> None:
        self.send("\r\n".join(text.split("\r\n")[:2]))

    def hung_up(self, text: str) -> None:
        self.send(text[: len(text) // 2], promised=len(text))

    def cut_off(self, text: str) -> None:
        """Half of the table, ending within a line, said to be all."""
        head = text[: len(text) // 2]
        self.send(head[: head.rindex(",")])

    def nonsense(self, text: str) -> None:
        self.send(text.replace("\r\n", ",\r\n").replace(".", "x"))

    def beyond(self, _: str) -> None:
        self.send("ra,dec,mag\r\n10.0,95.0,12.0\r\n")

    def slow(self, text: str) -> None:
        time.sleep(1.0)  # longer than the tests' timeout
        self.send(text)

    def dribbling(self, text: str) -> None:
        self.send_response(200)
        self.end_headers()
        for letter in text.encode():  # the client hangs up in the end
            self.wfile.write(bytes([letter]))
            self.wfile.flush()
            time.sleep(0.05)

    def plain(self, text: str) -> None:
        """No length is given, as by servers that make the table while they send it."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(text.encode())


@contextmanager
def serving(table: Table) -> Iterator[CatalogServer]:
    with CatalogServer(table) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def gaia_like(ra: float, dec: float, count: int = 200, seed: int = 1) -> Table:
    """Stars within 0.05 deg, columns, units and errors as in Gaia DR3; some lack motions."""
    from astropy.table import MaskedColumn, Table

    rng = np.random.default_rng(seed)
    offset = rng.uniform(-0.05, 0.05, (2, count))
    table = Table(
        {
            "source_id": np.arange(count) + 4_000_000_000_000_000_000,
            "ra": (ra + offset[0] / np.cos(np.radians(dec))) % 360.0,
            "dec": dec + offset[1],
            "ra_error": rng.uniform(0.05, 0.5, count),
            "dec_error": rng.uniform(0.05, 0.5, count),
            "parallax": rng.uniform(0.1, 5.0, count),
            "parallax_error": rng.uniform(0.05, 0.5, count),
            "pmra": rng.normal(0.0, 8.0, count),
            "pmdec": rng.normal(0.0, 8.0, count),
            "pmra_error": rng.uniform(0.05, 0.5, count),
            "pmdec_error": rng.uniform(0.05, 0.5, count),
            "ref_epoch": np.full(count, 2016.0),
            "phot_g_mean_mag": rng.uniform(13.0, 20.5, count),
            "ruwe": np.full(count, 1.0),
        }
    )
    unknown = np.arange(count) % 10 == 9
    for name in table.colnames[5:11]:
        table[name] = MaskedColumn(table[name], mask=unknown)
    return table
