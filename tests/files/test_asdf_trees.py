"""Trees of the project's own ASDF files, written and read as wholes."""

from __future__ import annotations

import io
from pathlib import Path

import asdf
import numpy as np
import pytest

from tweakreg_step.files.asdf_trees import tree_in, writer_of


def test_a_tree_comes_back_whole_when_its_file_is_gone(tmp_path: Path) -> None:
    tree = {"mine": {"numbers": np.arange(1000.0), "word": "a"}}
    stream = io.BytesIO()
    write = writer_of(tree)
    write(stream)
    write(tmp_path / "a.asdf")
    read = tree_in(tmp_path / "a.asdf")
    (tmp_path / "a.asdf").unlink()
    for found in (read, tree_in(io.BytesIO(stream.getvalue()))):
        assert np.array_equal(found["mine"]["numbers"], np.arange(1000.0))
        assert found["mine"]["word"] == "a"


def test_arrays_are_compressed() -> None:
    stream = io.BytesIO()
    writer_of({"mine": np.zeros(100_000)})(stream)
    assert len(stream.getvalue()) < 5000


def test_a_tree_that_breaks_its_schema_is_not_written(tmp_path: Path) -> None:
    schema = tmp_path / "schema.yaml"
    schema.write_text(
        "%YAML 1.1\n---\n$schema: http://stsci.edu/schemas/yaml-schema/draft-01\n"
        "type: object\nrequired: [mine]\n"
    )
    with pytest.raises(asdf.ValidationError):
        writer_of({"other": 1}, schema)(io.BytesIO())
