"""Schemas of ASDF are read once, and trees are checked as asdf does by itself."""

from __future__ import annotations

import io
from typing import Any

import asdf
import pytest
import yaml
from asdf.exceptions import ValidationError
from stdatamodels.jwst import datamodels

from tweakreg_step.files.asdf_schemas import schemas_remembered
from tweakreg_step.simulate import Truth

MINE = "asdf://here.org/schemas/mine"
SCHEMA = b"""%YAML 1.1
---
$schema: http://stsci.edu/schemas/yaml-schema/draft-01
id: asdf://here.org/schemas/mine
type: object
properties: {count: {type: KIND}}
...
"""


def written(tree: dict[str, Any]) -> bytes:
    content = io.BytesIO()
    asdf.AsdfFile(tree).write_to(content)
    return content.getvalue()


def test_nothing_is_read_twice_and_files_are_the_same(
    stack: Truth, monkeypatch: pytest.MonkeyPatch
) -> None:
    with datamodels.open(stack.files[0]) as model:
        tree = {"wcs": model.meta.wcs}
        alone = written(tree)
        with schemas_remembered():
            assert written(tree) == alone
        read: list[Any] = []
        load = yaml.load
        monkeypatch.setattr(yaml, "load", lambda *a, **k: read.append(a) or load(*a, **k))
        with schemas_remembered():
            written(tree)
        assert not read
        written(tree)
        assert read  # asdf is as it was: else nothing need be remembered


def test_another_schema_of_the_same_name_is_another() -> None:
    def check(kind: bytes) -> None:
        with asdf.config_context() as config, schemas_remembered():
            config.add_resource_mapping({MINE: SCHEMA.replace(b"KIND", kind)})
            reference = {"allOf": [{"$ref": MINE}]}
            asdf.schema.validate(asdf.tagged.TaggedDict({"count": 3}, ""), schema=reference)

    check(b"integer")
    with pytest.raises(ValidationError, match="3"):
        check(b"string")
