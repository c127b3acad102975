"""What users may give as input, and the exposures that it stands for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from step_outputs import models_of

from tweakreg_step.simulate import Truth
from tweakreg_step.telescopes.inputs import first_file, open_library


def names_in(given: Any, **options: Any) -> list[str]:
    library = open_library(given, in_memory=True, owned=False, **options)
    return [model.meta.filename for model in models_of(library)]


def ways(files: Truth) -> dict[str, Any]:
    names = [str(path) for path in files.files]
    lines = "".join(f"input/{Path(name).name}\n" for name in names)
    Path("list.txt").write_text(f"# images\n{lines}")
    return {
        "association": str(files.association),
        "a list of one association": [str(files.association)],
        "list": names,
        "paths": files.files,
        "commas": ", ".join(names),
        "glob": str(files.folder / "*_cal.fits"),
        "list file": f"@{Path('list.txt').absolute()}",
    }


def test_ways_to_name_files(files: Truth) -> None:
    for way, given in ways(files).items():
        assert names_in(given) == [image.file_name for image in files.images], way
        assert first_file(given) == files.files[0], way


def test_input_dir_is_where_names_without_a_folder_are(files: Truth) -> None:
    names = [image.file_name for image in files.images]
    for given in (files.association.name, names, "*_cal.fits"):
        assert names_in(given, input_dir=str(files.folder)) == names
        assert first_file(given, str(files.folder)) == files.files[0]


def test_a_dict_is_an_association_of_which_science_is_taken(files: Truth) -> None:
    content = json.loads(files.association.read_text())
    members = content["products"][0]["members"]
    for member in members:
        member["expname"] = f"input/{member['expname']}"
    members[0]["exptype"] = "background"
    assert names_in(content) == [image.file_name for image in files.images[1:]]
