"""Names of anybody's: nothing leaves the output folder, and all results are written."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from stdatamodels.jwst import datamodels
from step_outputs import Aligned, result_files

from tweakreg_step import TweakRegStep
from tweakreg_step.core.exceptions import InputError
from tweakreg_step.simulate import Truth


def edit(files: Truth, product: str = "mosaic", file: str = "asn.json", **words: str) -> Path:
    content = json.loads(files.association.read_text()) | words
    content["products"][0]["name"] = product
    path = files.association.with_name(file)
    path.write_text(json.dumps(content))
    return path


def tree(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_a_product_stays_in_the_output_folder(
    pair: Truth, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What other names come to is told by the test of safe names."""
    path, before = edit(pair, "/dev/shm/../../x"), tree(tmp_path.parent)  # noqa: S108
    TweakRegStep.call(str(path), save_results=True, output_dir="out", save_plots=True)
    new = tree(tmp_path.parent) - before
    assert {Path(one).parts[1] for one in new if len(Path(one).parts) > 1} == {"out"}
    assert not list(Path("/dev/shm").glob("x_tweakreg*"))  # noqa: S108
    kinds = {".asdf", ".ecsv", ".html", ".json"}
    assert {p.suffix for p in Path("out").glob("*x_tweakreg*")} == kinds
    assert "is no name of a file in the output folder: reports are called after" in caplog.text


def test_a_broken_run_reports_in_the_output_folder(files: Truth, tmp_path: Path) -> None:
    path, before = edit(files, "../../x"), tree(tmp_path.parent)
    with pytest.raises(InputError):
        TweakRegStep.call([str(path), "gone.fits"], save_results=True, output_dir="out")
    files.files[0].unlink()
    with pytest.raises(InputError):
        TweakRegStep.call(str(path), save_results=True, output_dir="out")
    assert (tmp_path / "out" / "x_tweakreg.json").is_file()
    assert {Path(one).parts[1] for one in tree(tmp_path.parent) - before} == {"out"}


def test_names_beyond_ascii(pair: Truth, caplog: pytest.LogCaptureFixture) -> None:
    path = edit(pair, file="galáxia.json", asn_pool="piscina ñ\n")
    catalog = pair.catalog.rename(pair.catalog.with_name("catálogo\n.ecsv"))
    TweakRegStep.call(
        str(path), abs_refcat=str(catalog), save_results=True, n_workers=2, output_dir="é"
    )
    written = result_files(Path("é"))
    assert len(written) == 2
    with datamodels.open(Path("é") / written[0]) as model:
        assert model.meta.asn.table_name == "galaxia.json"
        assert model.meta.asn.pool_name == "piscina n "
        assert model.meta.cal_step.tweakreg == "COMPLETE"
    assert "'table_name' is 'galáxia.json'" in caplog.text


@pytest.mark.parametrize("in_memory", [True, False])
def test_words_of_an_image_beyond_ascii(
    pair: Truth, in_memory: bool, relative: Aligned, caplog: pytest.LogCaptureFixture
) -> None:
    """A user's catalog is opened by its name as it is, and recorded as headers can."""
    catalogs = {image: image.with_name(f"{image.stem}_catálogo.ecsv") for image in pair.files}
    for image, path in catalogs.items():
        path.write_bytes((relative.folder / f"{image.stem}_cat.ecsv").read_bytes())
    content = json.loads(pair.association.read_text())
    for member in content["products"][0]["members"]:
        member["tweakreg_catalog"] = catalogs[pair.folder / Path(member["expname"]).name].name
    pair.association.write_text(json.dumps(content))
    TweakRegStep.call(
        str(pair.association),
        use_custom_catalogs=True,
        save_results=True,
        in_memory=in_memory,
        output_dir="out",
    )
    written = result_files(Path("out"))
    assert len(written) == 2
    assert "tweakreg_catalog in its metadata is written without" in caplog.text


def test_names_without_room_for_results_are_refused_at_the_start(files: Truth) -> None:
    long = files.files[0].rename(files.files[0].with_name("a" * 245 + "_cal.fits"))
    with pytest.raises(InputError, match=r"The name of an image is 'a+\.\.\.' and has 245 bytes"):
        TweakRegStep.call([str(long), str(files.files[1])], save_results=True, output_dir="out")


def test_a_name_with_a_newline_is_refused(files: Truth) -> None:
    odd = files.files[0].rename(files.files[0].with_name("a\nb_cal.fits"))
    with pytest.raises(InputError, match=r"The file name 'a\\nb_cal\.fits' has characters"):
        TweakRegStep.call([str(odd), str(files.files[1])])


def test_a_name_that_is_no_text_is_refused(files: Truth) -> None:
    odd = files.files[0].rename(files.files[0].with_name(os.fsdecode(b"a\xff_cal.fits")))
    with pytest.raises(InputError, match=r"'.*a\\udcff_cal\.fits', but nothing can have such"):
        TweakRegStep.call([str(odd), str(files.files[1])])
