"""The result of an alignment, which shows itself: tables with units, as text and as HTML."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tweakreg_step.core.outcome import Status
from tweakreg_step.exposures import tell_changed_words
from tweakreg_step.files.whole_files import check_folder, write_whole
from tweakreg_step.report import headline, matches_of, report_of, summary_table, write_result
from tweakreg_step.solutions import save_solution
from tweakreg_step.telescopes.choose_mission import root_of
from tweakreg_step.telescopes.library import entry_of

from .html import html_table
from .plot import Page, Pictures
from .source_catalog import save_sources, sources_of
from .tables import detectors_of, groups_of, images_of, shown_groups

if TYPE_CHECKING:
    from astropy.table import Table

    from tweakreg_step.report import RunResult
    from tweakreg_step.solutions import SavedSolution

__all__ = ["AlignmentResult"]


@dataclass(frozen=True, slots=True, weakref_slot=True)
class AlignmentResult:
    """The result of an alignment.

    ``print(result)`` gives the table of the log; a notebook shows the groups as a table, with
    verdicts in colour and the outcome in one sentence on top.

    Attributes
    ----------
    run
        What reports are made of.
    solution
        What was found, for `apply` and `transfer`.
    library
        The exposures, a library of models, those that could be aligned with a corrected WCS; None
        where they are no longer in use.
    """

    run: RunResult
    solution: SavedSolution
    library: Any

    @property
    def ok(self) -> bool:
        """Whether everything that was asked for is aligned."""
        outcomes = [*self.run.images.outcomes, *(one.outcome for one in self.run.left_out)]
        return not any(outcome.failed for outcome in outcomes) and any(
            outcome.status is Status.ALIGNED for outcome in outcomes
        )

    @property
    def sentence(self) -> str:
        """The outcome in one sentence."""
        return headline(self.run)

    @property
    def groups(self) -> Table:
        """A row for each group: motion and error, rms in mas and in pixels, verdict."""
        return groups_of(self.run)

    @property
    def images(self) -> Table:
        """A row for each image: status, motion of its corners, reason; also of those left out."""
        return images_of(self.run)

    @property
    def matches(self) -> Table:
        """A row for each match: positions, residuals, weight."""
        return matches_of(self.run)

    @property
    def sources(self) -> Table:
        """The combined catalog of the mosaic, which can be given as 'abs_refcat'."""
        return sources_of(self.run)

    @property
    def detectors(self) -> Table:
        """A row for each detector that was found to have moved: motion and error."""
        return detectors_of(self.solution)

    @property
    def plot(self) -> Pictures:
        """Pictures as figures of matplotlib: ``sky()``, ``graph()``, ``residuals()``, ..."""
        return Pictures(self.run)

    @property
    def page(self) -> Page:
        """The interactive page, which a notebook shows."""
        return Page.of(self.run)

    @property
    def report(self) -> dict[str, Any]:
        """The report as JSON types: see ``docs/report.rst``."""
        return report_of(self.run)

    def write(
        self, output_dir: str | Path = ".", *, images: bool = True, plots: bool = False
    ) -> list[Path]:
        """Write the images, the report, the solution and the catalog of sources.

        Parameters
        ----------
        output_dir
            Folder to write to; it is made if it does not exist.
        images
            Whether the images are written, as ``*_tweakreg.fits``; they must be in memory.
        plots
            Whether the interactive page is written.

        Returns
        -------
        list of Path
            The files.

        Raises
        ------
        OutputError
            If an image can't be written.
        """
        folder = Path(output_dir).expanduser()
        check_folder(folder)
        written = self._write_images(folder) if images and self.library is not None else []
        before = set(folder.iterdir())
        write_result(self.run, folder, report=True, plots=plots)
        save_solution(self.solution, folder)
        save_sources(self.sources, self.run.run.product, folder)
        known = [path for path in folder.iterdir() if path.name.startswith(self.run.run.product)]
        return [*written, *sorted(set(known) | (set(folder.iterdir()) - before) - set(written))]

    def _write_images(self, folder: Path) -> list[Path]:
        written = []
        with self.library:
            for index in range(len(self.library)):
                model = self.library.borrow(index)
                try:
                    name = Path(entry_of(model).file_name)
                    ending = "".join(name.suffixes[-1:]) or ".fits"
                    path = folder / f"{root_of(name.name)}_tweakreg{ending}"
                    tell_changed_words(model, path)
                    write_whole(path, model.save)
                    written.append(path)
                finally:
                    self.library.shelve(model, index, modify=False)
                del model
        return written

    def __str__(self) -> str:
        """The table of the log, below the outcome in one sentence."""
        return "\n".join([self.sentence, *summary_table(self.run)])

    def __repr__(self) -> str:
        """The outcome in one sentence."""
        return f"<AlignmentResult: {self.sentence}>"

    def _repr_html_(self) -> str:
        return html_table(self.sentence, *shown_groups(self.run))
