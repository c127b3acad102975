"""Association tables, and lists with a second column."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from tweakreg_step.core.exceptions import InputError
from tweakreg_step.telescopes.hst.association_table import (
    exposures_of_table,
    is_association_table,
)
from tweakreg_step.telescopes.inputs import first_file, open_library


def table(folder: Path, *members: tuple[str, str]) -> Path:
    path = folder / "j94f05010_asn.fits"
    columns = [
        fits.Column("MEMNAME", "14A", array=np.array([name for name, _ in members])),
        fits.Column("MEMTYPE", "14A", array=np.array([kind for _, kind in members])),
        fits.Column("MEMPRSNT", "L", array=np.ones(len(members), bool)),
    ]
    fits.BinTableHDU.from_columns(columns).writeto(path)
    return path


def touch(folder: Path, *names: str) -> None:
    for name in names:
        fits.PrimaryHDU(header=fits.Header([("TELESCOP", "HST")])).writeto(folder / name)


def test_exposures_without_products_those_with_cte_correction_first(tmp_path: Path) -> None:
    members = [("J94F05BGQ", "EXP-DTH"), ("J94F05BHQ", "EXP-CR1"), ("J94F05010", "PROD-DTH")]
    path = table(tmp_path, *members)
    touch(tmp_path, "j94f05bgq_flt.fits", "j94f05bgq_flc.fits", "j94f05bhq_flt.fits")
    found = [path.name for path in exposures_of_table(path)]
    assert found == ["j94f05bgq_flc.fits", "j94f05bhq_flt.fits"]
    assert first_file(str(path)) == tmp_path / "j94f05bgq_flc.fits"


def test_missing_exposures_are_named(tmp_path: Path) -> None:
    path = table(tmp_path, ("J94F05BGQ", "EXP-DTH"), ("J94F05BHQ", "EXP-DTH"))
    touch(tmp_path, "j94f05bgq_flt.fits")
    with pytest.raises(InputError, match=r"lists 2 exposures, of which 1 are not .*: j94f05bhq"):
        exposures_of_table(path)
    empty = tmp_path / "other_asn.fits"
    empty.write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"can't be read: .*columns MEMNAME and MEMTYPE"):
        open_library(str(empty), in_memory=True, owned=False)


def test_names() -> None:
    assert is_association_table("J94F05010_ASN.FITS.gz")
    assert not is_association_table("j94f05010_drz.fits")


def test_a_list_may_have_a_second_column(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    touch(tmp_path, "j94f05bgq_flt.fits", "with blanks.fits")
    caplog.set_level("INFO")
    lines = ["j94f05bgq_flt.fits  j94f05bgq_ivm.fits", "with blanks.fits", ""]
    (tmp_path / "list").write_text("\n".join(lines))
    library = open_library(f"@{tmp_path / 'list'}", in_memory=True, owned=False)
    names = [member["expname"] for member in library.asn["products"][0]["members"]]
    assert [Path(name).name for name in names] == ["j94f05bgq_flt.fits", "with blanks.fits"]
    assert "The second column of '@list' names 1 files of weights" in caplog.text
