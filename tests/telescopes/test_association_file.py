"""Associations, whole and broken: an error says where in the file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tweakreg_step.core.exceptions import InputError
from tweakreg_step.telescopes.association_file import read_association, science_only
from tweakreg_step.telescopes.inputs import open_library


def member(**words: Any) -> dict[str, Any]:
    return {"expname": "a_cal.fits", "exptype": "science"} | words


def written(folder: Path, content: Any) -> Path:
    (folder / "a_cal.fits").write_bytes(b"")
    path = folder / "asn.json"
    text = content if isinstance(content, str) else json.dumps(content)
    path.write_text(text)
    return path


def of(*members: Any, **words: Any) -> dict[str, Any]:
    return {"products": [{"name": "p", "members": list(members)} | words]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "can't be read: Expecting value"),
        ("null", r"has null, but an object is needed there\. .*'@list\.txt'"),
        ("3", r"has a whole number \(3\), but an object"),
        ("[" * 100_000, r"nested too deeply"),
        ('{"products": ' + "7" * 5000 + "}", "can't be read: Exceeds the limit"),
        ({"products": {}}, r"has an object as 'products', but a list"),
        ({"products": []}, r"has an empty list as 'products'"),
        ({"products": [3]}, r"has a whole number \(3\) as 'products\[0\]', but an object"),
        ({"products": [{}]}, r"has no 'products\[0\]\.members'"),
        ({"products": [{"members": "a"}]}, r"has a text \(a\) as 'products\[0\]\.members'"),
        (of("a_cal.fits"), r"a text \(a_cal\.fits\) as 'products\[0\]\.members\[0\]'"),
        (of(member(), 5), r"a whole number \(5\) as 'products\[0\]\.members\[1\]'"),
        (of(member(expname=5)), r"members\[0\]\.expname', but a text is needed"),
        (of(member(expname=None)), r"has null as 'products\[0\]\.members\[0\]\.expname'"),
        (of(member(expname=["a"])), r"has a list as 'products\[0\]\.members\[0\]\.expname'"),
        (of(member(exptype=True)), r"true or false \(True\) as .*exptype', but a text"),
        (of(member(group_id=[1])), r"a list as .*group_id', but a text"),
        (of(member(group_id=10**30)), r"a whole number as .*group_id', but a text"),
        (of(member(tweakreg_catalog={})), r"an object as .*tweakreg_catalog', but a text"),
        (of(member(), name=[]), r"a list as 'products\[0\]\.name', but a text"),
        (of(member()) | {"asn_pool": [1]}, r"a list as 'asn_pool', but a text"),
        (of(member(expname="a" * 300)), r"members\[0\]\.expname' in the assoc.* 300 bytes"),
        (of(member(expname="a/" * 3000 + "b")), r"1 of 1 files that do not exist"),
        (of(member(expname="a\0b")), r"expname' in .* is 'a\\x00b', but nothing can have"),
        (of(member(expname="\ud800")), r"is '\\ud800', but nothing can have such a name"),
        (of(member(group_id="\ud800")), r"group_id' in .* is '\\ud800'"),
        (of(member(), name="n" * 240), r"has 240 bytes, but .* results need 23 more"),
        (of(member(), name="a\0b"), r"'products\[0\]\.name' in the association .*asn\.json'"),
        (of(member(expname="")), r"1 of 1 files that do not exist"),
        (of(member(expname=".")), r"1 of 1 files that do not exist"),
    ],
)  # fmt: skip
def test_what_is_wrong_and_where(tmp_path: Path, content: Any, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read_association(written(tmp_path, content))
    assert str(caught.value).isprintable()


def test_what_is_of_no_use_does_no_harm(tmp_path: Path) -> None:
    deep: Any = []
    for _ in range(400):
        deep = [deep]
    content = of(member(group_id=3, deep=deep, exptype=None), member(exptype="background"))
    found = read_association(written(tmp_path, content | {"deep": deep, "program": 1345}))
    assert found == {
        "program": 1345,
        "table_name": "asn.json",
        "products": [
            {
                "name": "p",
                "members": [
                    {
                        "expname": str(tmp_path / "a_cal.fits"),
                        "exptype": "science",
                        "group_id": "3",
                    }
                ],
            }
        ],
    }


def test_headers_get_ascii_and_the_log_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = written(tmp_path, of(member()) | {"asn_pool": "piscina\nñ"})
    path = path.rename(tmp_path / "galáxia.json")
    found = read_association(path)
    assert (found["asn_pool"], found["table_name"]) == ("piscina n", "galaxia.json")
    assert "'table_name' is 'galáxia.json'" in caplog.text
    assert r"'asn_pool' is 'piscina\nñ'" in caplog.text


def test_a_dict_is_told_as_one() -> None:
    with pytest.raises(InputError, match=r"^The association given as a dict has no 'products'"):
        science_only({}, Path(), "given as a dict")


def test_lists_that_list_themselves(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("@b.txt\n")
    (tmp_path / "b.txt").write_text(f"@{tmp_path}/a.txt\n")
    with pytest.raises(InputError, match=r"lists itself"):
        open_library(f"@{tmp_path}/a.txt", in_memory=True, owned=False)


@pytest.mark.parametrize("name", ["a\0.fits", "\ud800.fits", "a" * 300 + ".fits", "\0.json", "@\0"])
def test_names_that_no_file_can_have(name: str) -> None:
    with pytest.raises(InputError, match=r"nothing can have|no name of a file may"):
        open_library(name, in_memory=True, owned=False)
