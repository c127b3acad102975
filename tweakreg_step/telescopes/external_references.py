"""What a file says is elsewhere: refused, so that no file of a user opens another or an address."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any
from xml.parsers import expat

from asdf.util import load_yaml

from tweakreg_step.files.open_fits import open_fits

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

__all__ = [
    "refers_to_nothing_else",
    "refuse_external",
    "refuse_external_in_asdf",
    "refuse_external_in_votable",
]

COMPRESSED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"PK\x03\x04")
"""How files begin that astropy opens as FITS although they don't begin as FITS."""

IN_FITS = "fits:"
"""How the ASDF extension of a FITS file names an array of the same file."""

ELSEWHERE = (("", "$ref"), ("ndarray", "source"), ("externalarray", "fileuri"))
"""What a mapping in an ASDF file is, by its tag, and where it may name another file."""


_END = b"\n...\n"
"""What ends the text of an ASDF file."""

_UNUSUAL = (b"\\", b"\r", b"\t", b"$ref", b"fileuri", b"externalarray", b"? ")
"""What a text without references may have, but need not: escapes, tabs and keys on several lines
among it."""

_ALIAS_AS_KEY = re.compile(rb"[*][\w-]{1,99} {0,9}:|[*][\w-]{100}|[*][\w-]{1,99} {10}")
"""An alias that may be a key, which could be called 'source' elsewhere."""

_NUMBER = rb"(?:0|-?[1-9][0-9]*)"
"""Number of a block of the file."""

_LONGEST = 200
"""Bytes before the word 'source', and after it, within which its line and the next one begin."""


def refers_to_nothing_else(content: bytes, own: str) -> bool:
    """Whether it can be seen without reading it as YAML that an ASDF file refers to no other.

    Parameters
    ----------
    content
        The file.
    own
        How a name of something in the file itself begins.

    Returns
    -------
    bool
        False also where the text is such that it must be read to know, as with escapes in it.
    """
    text = content.partition(_END)[0] + b"\n"
    if any(word in text for word in _UNUSUAL) or _ALIAS_AS_KEY.search(text):
        return False
    name = re.escape(own.encode()) + rb"[\w,.-]+"
    # without quotes, '#' would begin a comment; and what the next line has must be a key, further
    # in or in braces it could go on with the value
    plain = _NUMBER if own == "#" else rb"(?:%b|%b)" % (_NUMBER, name)
    block = re.compile(rb": %b\n( *)(?:- )*[\w-]+:[ \n]" % plain)
    flow = re.compile(rb": (?:%b|'%b'|\"%b\")[,}]" % (_NUMBER, name, name))
    for found in re.finditer(rb"\bsource\b", text):
        before = text[max(found.start() - _LONGEST, 0) : found.start()]
        after = text[found.end() : found.end() + _LONGEST]
        _, end, line = before.rpartition(b"\n")
        value = block.match(after)
        alone = bool(end) and not line.strip(b" -")
        if alone and value is not None and len(value.group(1)) <= len(line):
            continue
        if before.endswith((b"{", b", ")) and flow.match(after):
            continue
        return False
    return True


def refuse_external(path: Path) -> None:
    """Refuse an exposure, ASDF or FITS with an ASDF extension, whose arrays are elsewhere.

    Raises
    ------
    ValueError
        If it names another file or an address.
    """
    with path.open("rb", buffering=0) as stream:  # asdf reads on where the system has got to
        start = stream.read(6)
        if start.startswith(b"#ASDF"):
            stream.seek(0)
            refuse_external_in_asdf(stream)
    if start == b"SIMPLE" or start.startswith(COMPRESSED):
        with open_fits(path, memmap=False) as hdus:
            if "ASDF" in hdus and hdus["ASDF"].data is not None:
                refuse_external_in_asdf(io.BytesIO(hdus["ASDF"].data.tobytes()), IN_FITS)


def refuse_external_in_asdf(stream: BinaryIO, own: str = "#") -> None:
    """Refuse an ASDF file with an array or a reference that is elsewhere.

    Parameters
    ----------
    stream
        The file from its start.
    own
        How a name of something in the file itself begins.

    Raises
    ------
    ValueError
        If it has one.
    """
    for node in _mappings(load_yaml(stream, tagged=True)):
        tag = str(getattr(node, "_tag", ""))
        for kind, key in ELSEWHERE:
            name = node.get(key)
            if kind in tag and isinstance(name, str) and not name.startswith((own, "#")):
                raise ValueError(_refusal("ASDF", f"'{key}'", name))


def _mappings(tree: Any) -> Iterator[dict[Any, Any]]:
    """All mappings of a tree, which may hold itself."""
    waiting, seen = [tree], set[int]()
    while waiting:
        node = waiting.pop()
        if id(node) in seen or not isinstance(node, dict | list | tuple):
            continue
        seen.add(id(node))
        if isinstance(node, dict):
            yield node
        waiting.extend(node.values() if isinstance(node, dict) else node)


def refuse_external_in_votable(stream: BinaryIO) -> None:
    """Refuse a VOTable whose data are elsewhere, or that defines entities.

    Entities are pieces of text by name: of other files, or so nested that they fill the memory.

    Parameters
    ----------
    stream
        The file from its start, not compressed.

    Raises
    ------
    ValueError
        If it is one of these.
    """

    def element(name: str, attributes: dict[str, str]) -> None:
        if name.rpartition(":")[2].upper() != "STREAM":
            return
        for attribute, value in attributes.items():
            if attribute.rpartition(":")[2].lower() == "href":
                raise ValueError(_refusal("VOTable", "<STREAM href>", value))

    def entity(name: str, *_rest: Any) -> None:
        raise ValueError(_refusal("VOTable", "<!ENTITY>", name))

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EntityDeclHandler = element, entity
    try:
        parser.ParseFile(stream)
    except expat.ExpatError as error:
        raise ValueError(f"it is no XML: {error}") from error


def _refusal(kind: str, how: str, name: str) -> str:
    return (
        f"this {kind} file refers to something outside of itself ({how}: '{name[:200]}'), but a "
        "file must hold all of its data, and nothing else is opened. Write it with its data inside"
    )
