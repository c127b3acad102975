"""Extensions of ASDF are loaded by the compiled reader of YAML: the same ones, as they are."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
import yaml

PRINTED = """
import asdf, json, sys, yaml
{load}
print(json.dumps([
    [one.extension_uri, one.package_name, sorted(map(str, one.asdf_standard_requirement or ())),
     sorted(one.legacy_class_names), len(one.converters),
     [[tag.tag_uri, tag.schema_uris, tag.title, tag.description] for tag in one.tags]]
    for one in asdf.get_config().extensions
]))
print(yaml.safe_load.__module__)
"""
"""Each in a process of its own: asdf loads its extensions once."""


def _extensions(load: str) -> tuple[list[Any], str]:
    script = PRINTED.format(load=load)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    *_, found, reader = done.stdout.splitlines()
    return json.loads(found), reader


@pytest.mark.skipif(not yaml.__with_libyaml__, reason="PyYAML has no compiled reader here")
def test_they_are_those_that_asdf_loads_by_itself() -> None:
    load = "from tweakreg_step.files.asdf_extensions import load_extensions; load_extensions()"
    alone, _ = _extensions("")
    ours, reader = _extensions(load)
    assert len(ours) > 20
    assert ours == alone
    assert reader == "yaml"  # PyYAML is as it was


@pytest.mark.skipif(not yaml.__with_libyaml__, reason="PyYAML has no compiled reader here")
def test_none_is_read_in_python() -> None:
    script = (
        "import yaml\n"
        "def never(*_): raise AssertionError('read by the reader in Python')\n"
        "from tweakreg_step.files.asdf_extensions import load_extensions\n"
        "yaml.SafeLoader.__init__ = never\n"
        "load_extensions()\n"
        "import asdf; assert len(asdf.get_config().extensions) > 20"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", script], check=True)
