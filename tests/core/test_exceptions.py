"""Messages quote what users gave them, but not without an end."""

from __future__ import annotations

import pickle

from tweakreg_step.core.exceptions import CatalogError


def test_a_word_without_end_is_cut_and_a_long_path_is_not() -> None:
    path = "/" + "/".join(["folder"] * 50)
    error = CatalogError(f"The catalog '{path}' has the column '{'a' * 5000}'. Rename it.")
    text = str(error)
    assert path in text
    assert "aaa ... aaa" in text
    assert text.endswith("a'. Rename it.")
    assert len(text) < 800
    assert str(pickle.loads(pickle.dumps(error))) == text  # noqa: S301 - made here; workers do it


def test_what_is_no_text_stays() -> None:
    assert CatalogError(404, "gone").args == (404, "gone")
