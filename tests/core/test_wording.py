"""Names for messages."""

from __future__ import annotations

from tweakreg_step.core.wording import listed, nearest


def test_the_nearest_name_whatever_its_case() -> None:
    assert nearest("gaiadr33", ["GAIADR3", "GAIADR2"]) == "Did you mean 'GAIADR3'? "
    assert nearest("stars.ecsv", ["GAIADR3", "GAIADR2"]) == ""
    assert nearest("a", []) == ""


def test_long_lists_are_cut() -> None:
    assert listed(["b", "a", "b"]) == "b, a"
    assert listed(map(str, range(23))).endswith("18, 19 and 3 more")
