"""Words of messages: names that were meant, texts that may be shown."""

from __future__ import annotations

import pytest

from tweakreg_step.core.wording import listed, nearest, printable, without_secrets


def test_the_nearest_name_whatever_its_case() -> None:
    assert nearest("gaiadr33", ["GAIADR3", "GAIADR2"]) == "Did you mean 'GAIADR3'? "
    assert nearest("stars.ecsv", ["GAIADR3", "GAIADR2"]) == ""
    assert nearest("a", []) == ""


def test_long_lists_are_cut() -> None:
    assert listed(["b", "a", "b"]) == "b, a"
    assert listed(map(str, range(23))).endswith("18, 19 and 3 more")


def test_what_is_no_letter_is_escaped() -> None:
    assert printable("a\n\0\udc80\x1b[0mé") == "a\\n\\x00\\udc80\\x1b[0mé"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("GAIADR3, a.ecsv: 5 stars at 10:20", "GAIADR3, a.ecsv: 5 stars at 10:20"),
        ("http://host/a?RA=1", "http://host/a?RA=1"),
        ("to http://user:pass@host/a", "to http://***@host/a"),
        ("'http://user:p@s/s@host:80/a'", "'http://***@host:80/a'"),
        ("user:pass@host/a", "***@host/a"),
        ("s3://key:secret@bucket/a", "s3://***@bucket/a"),
        ("https://host/a?b=1&api_key=xyz#c", "https://host/a?b=1&api_key=***#c"),
    ],
)
def test_passwords_are_hidden(text: str, shown: str) -> None:
    assert without_secrets(text) == shown
