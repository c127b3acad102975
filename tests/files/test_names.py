"""Names of anybody's as names of files and in FITS headers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tweakreg_step.core.exceptions import InputError
from tweakreg_step.files.names import (
    REPORT_ROOM,
    check_name,
    file_of,
    image_name,
    is_representable,
    representable,
    safe_name,
)


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("jw01234-o001_t001", "jw01234-o001_t001"),
        ("galáxia um", "galáxia um"),
        ("../../x", "x"),
        ("a/../../../x", "a_.._.._.._x"),
        ("/etc/x", "etc_x"),
        ("..\\x", "x"),
        ("a/../b", "a_.._b"),
        (".hidden", "hidden"),
        ("a\nb\0c", "a_b_c"),
        ("a\udc80", "a_"),
        ("...", ""),
        ("..", ""),
        ("", ""),
    ],
)
def test_a_safe_name_is_of_one_file(name: str, safe: str) -> None:
    assert safe_name(name) == safe
    assert Path(safe_name(name)).name == safe_name(name)


@pytest.mark.parametrize("letter", ["a", "é", "\U0001f52d"])
def test_a_safe_name_has_room_for_endings(letter: str) -> None:
    assert 225 < len(safe_name(letter * 300).encode()) + REPORT_ROOM <= 255


@pytest.mark.parametrize("name", ["a\0b", "\ud800", "a" * 256, "a/" + "é" * 128 + "/b"])
def test_what_no_file_can_be_called_is_refused(name: str) -> None:
    with pytest.raises(
        InputError, match=r"^The name is .*, but (nothing can have|no name of a file)"
    ):
        check_name(name, "The name")


def test_room_for_endings_is_needed() -> None:
    check_name("a" * 250, "The name")
    with pytest.raises(InputError, match=r"has 250 bytes.*results need 22 more"):
        check_name("a" * 250, "The name", 22)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("galáxia.json", "galaxia.json"),
        ("a\nb", "a b"),
        ("銀河", "??"),
        ("a\0", "a?"),
        ("a b", "a b"),
    ],
)
def test_headers_hold_ascii(text: str, plain: str) -> None:
    assert representable(text) == plain
    assert is_representable(plain)
    assert is_representable(text) == (text == plain)


@pytest.mark.parametrize("label", ["", "1", "SCI,2"])
@pytest.mark.parametrize("file_name", ["a_cal.fits", "b[3]_flc.fits", "image1"])
def test_the_file_of_an_image(file_name: str, label: str) -> None:
    name = image_name(file_name, label)
    assert file_of(name) == file_name
    assert (name == file_name) == (not label)
