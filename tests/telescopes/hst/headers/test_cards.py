"""Cards are changed one by one, and all others stay as they are to the letter."""

from __future__ import annotations

from astropy.io.fits import Header

from tweakreg_step.telescopes.hst.headers import Cards, cards_of
from tweakreg_step.telescopes.hst.headers.cards import renamed

ODD = (
    "SIMPLE  =                    T / as astropy would not write it".ljust(80)
    + "crval1  = 1.0".ljust(80)
    + "LONG    = 'one &'".ljust(80)
    + "CONTINUE  'two'".ljust(80)
    + "              / A TITLE".ljust(80)
    + "NUMBER  =   1.000000000000E+00 / of many digits".ljust(80)
)


def test_what_is_read_is_written() -> None:
    cards = Cards.of(ODD + "END".ljust(80) + " " * 80)
    assert cards.text == ODD + "END".ljust(80) + " " * (2880 - 80 * 7)
    assert cards.header["LONG"] == "one two"
    assert "NUMBER" in cards
    assert cards.find("NUMB") is None


def test_one_card_is_changed_where_it_stands() -> None:
    cards = Cards.of(ODD)
    changed = cards.with_values({"NUMBER": (2.5, "new"), "NEW": ("text", "")})
    assert [old == new for old, new in zip(cards.texts, changed.texts, strict=False)] == [
        *[True] * 4,
        False,
    ]
    assert changed.header["NUMBER"] == 2.5
    assert changed.keywords()[-1] == "NEW"
    assert changed.without(["NEW"]).with_texts({"NUMBER": cards.texts[-1]}) == cards


def test_a_long_text_is_continued_and_replaced_whole() -> None:
    cards = Cards.of(ODD)
    changed = cards.with_values({"LONG": ("x" * 150, "")})
    assert changed.header["LONG"] == "x" * 150
    assert changed.without(["LONG"]).keywords() == ["SIMPLE", "crval1", "", "NUMBER"]
    other = renamed(cards.texts[2], "OTHER")
    assert cards.with_texts({"OTHER": other}).header["OTHER"] == "one two"


def test_cards_of_a_header_of_astropy() -> None:
    header = Header([("A", 1), ("B", "two", "a comment")])
    assert cards_of(header).header["B"] == "two"
    assert cards_of(header).texts[0] == header.cards[0].image
