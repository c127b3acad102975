"""Random changes to what files and services say; each seed gives the same change always."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.random import Generator

__all__ = ["HOSTILE", "bytes_changed", "json_changed", "pick", "text_changed", "words_changed"]


def deep(depth: int) -> Any:
    """Lists in lists."""
    found: Any = []
    for _ in range(depth):
        found = [found]
    return found


HOSTILE: tuple[Any, ...] = (
    None, True, False, 0, -1, 5, 1e300, -1e-300, 10**30, float("nan"), float("inf"), "", " ", "é",
    "a" * 300, "é" * 150, "../../x", "/etc/x", "..", ".", "a/b", "a\nb", "a\0b", "\ud800",
    "\u202e", "~", "$HOME", "*", "@x", "a,b", "-x", "%s", "{0}", "<b>", "nan", "1e999", "9" * 5000,
    [], {}, [[]], {"a": 1}, [1, 2], ["a"], deep(60), deep(400),
)  # fmt: skip
"""Values that nobody expects."""

NUMBERS = ("nan", "inf", "-inf", "1e300", "-1e300", "1e-320", "1e999", "0", "-1", "9" * 400,
           "0x10", "1e5", "-1e5", "1e12", "x", "", "''", '"', "--", "1,5", "1.2.3", "\0", "é",
           "true", "null")  # fmt: skip
"""Words in place of a number in a table."""

_NUMBER = re.compile(r"(?<![\w.])-?\d+\.?\d*(?:[eE][-+]?\d+)?(?![\w.])")


def pick(rng: Generator, choices: Any) -> Any:
    """One of a sequence."""
    return choices[int(rng.integers(len(choices)))]


def _places(tree: Any) -> list[tuple[Any, Any]]:
    """Every container of a tree with each of its keys."""
    keys = list(tree) if isinstance(tree, dict) else range(len(tree))
    here = [(tree, key) for key in keys]
    inner = [tree[key] for key in keys if isinstance(tree[key], dict | list)]
    return here + [place for one in inner for place in _places(one)]


def words_changed(tree: Any, rng: Generator) -> Any:
    """A tree of which one place holds something hostile, is gone, or is there twice."""
    tree = json.loads(json.dumps(tree))
    container, key = pick(rng, _places(tree))
    kind = int(rng.integers(6))
    if kind < 4:
        container[key] = pick(rng, HOSTILE)
    elif kind == 4:
        del container[key]
    elif isinstance(container, list):
        container.append(container[key])
    else:
        container[str(pick(rng, HOSTILE))[:400]] = container[key]
    return tree


def json_changed(tree: Any, rng: Generator) -> bytes:
    """A JSON file with a hostile value, or that is hardly one."""
    kind = int(rng.integers(10))
    text = json.dumps(words_changed(tree, rng) if kind else tree)
    if kind == 1:
        return json.dumps(pick(rng, HOSTILE)).encode()
    if kind == 2:
        return bytes_changed(text.encode(), rng)
    if kind == 3:
        return pick(rng, (b"", b"\xef\xbb\xbf" + text.encode(), text.encode("utf-16"),
                          b"[" * 100_000, b'{"products": ' + b"7" * 5000 + b"}"))  # fmt: skip
    return text.encode("utf-8", "surrogatepass")


def bytes_changed(content: bytes, rng: Generator) -> bytes:
    """A file of which bytes are other ones, missing, twice there, or not the end."""
    kind, at = int(rng.integers(6)), int(rng.integers(len(content) or 1))
    size = int(rng.integers(1, 3000))
    if kind == 0:
        return content[:at]
    if kind == 1:
        return content[:at] + rng.bytes(size) + content[at + size :]
    if kind == 2:
        return content[:at] + content[at + size :]
    if kind == 3:
        return content[:at] + content[at : at + size] * 3 + content[at + size :]
    if kind == 4:
        return content[:at] + bytes(size) + content[at + size :]
    changed = bytearray(content)
    for place in rng.integers(len(content) or 1, size=20).tolist():
        changed[place : place + 1] = rng.bytes(1)
    return bytes(changed)


def text_changed(text: str, rng: Generator) -> str:
    """A text of which a number is another one, or a line is missing, cut, or twice there."""
    kind, lines = int(rng.integers(8)), text.split("\n")
    at = int(rng.integers(len(lines)))
    if kind < 4:
        numbers = list(_NUMBER.finditer(text))
        for match in sorted({int(rng.integers(len(numbers))) for _ in range(1 + 4 * kind)})[::-1]:
            start, end = numbers[match].span()
            text = text[:start] + str(pick(rng, NUMBERS)) + text[end:]
        return text
    if kind == 4:
        lines[at : at + 1] = []
    elif kind == 5:
        lines[at] = lines[at][: int(rng.integers(len(lines[at]) + 1))]
    elif kind == 6:
        lines[at : at + 1] = [lines[at]] * 3
    else:
        lines[0] = str(pick(rng, ("RA,DEC,RA", "x y x", "", "#", '"', "a" * 10_000, "\0")))
    return "\n".join(lines)
