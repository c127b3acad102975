"""The pictures of a result, for notebooks and papers, and its page inside a notebook."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from tweakreg_step.core.exceptions import OutputError, ParameterError
from tweakreg_step.core.wording import listed, nearest
from tweakreg_step.report import page_of
from tweakreg_step.report.statistics import REFERENCE, differences_of, residuals_of

if TYPE_CHECKING:
    from types import ModuleType

    from tweakreg_step.report import RunResult

__all__ = ["Page", "Pictures"]


@dataclass(frozen=True, slots=True)
class Pictures:
    """Pictures of a result as figures of matplotlib: ``result.plot.sky().savefig("sky.pdf")``.

    They need matplotlib (extra ``plots``).
    """

    run: RunResult

    def sky(self) -> Any:
        """The footprints on the sky and their corrections."""
        return self._of(_drawers().draw_footprints(self.run), "no image has a footprint")

    def graph(self) -> Any:
        """The groups that share stars, and what nothing ties."""
        return self._of(_drawers().draw_overlaps(self.run), "no group has a place on the sky")

    def residuals(self) -> Any:
        """Residuals against the position on the detector."""
        return self._residuals(
            "draw_residuals",
            "Residuals of all images",
            limit=self.run.run.given("plot_limit"),
            label_size=self.run.run.given("plot_labelsize"),
        )

    def errors(self) -> Any:
        """Residuals in units of their errors."""
        return self._residuals("draw_histogram", "Residuals and their errors")

    def vectors(self, group: str) -> Any:
        """Residuals of a group as arrows on the sky.

        Parameters
        ----------
        group
            Name of the group.
        """
        number, found = self._number(group), residuals_of(self.run)
        own = None if found is None else found.take(found.group == number)
        drawing = None if own is None else _drawers().draw_vectors(own, group, sky=True)
        return self._of(drawing, "it has no residuals")

    def offsets(self, group: str, other: str | None = None) -> Any:
        """The offset histogram of a group with another one, or with the reference.

        Parameters
        ----------
        group, other
            Names of groups; without `other`, the reference catalog.
        """
        first = REFERENCE if other is None else self._number(other)
        found = differences_of(self.run, first, self._number(group))
        drawing = None if found is None else _drawers().draw_differences(self.run, found)
        return self._of(drawing, "the two have no positions to compare")

    def motions(self) -> Any:
        """Motions of the detectors."""
        return self._of(_drawers().draw_motions(self.run), "no detector moves by itself")

    def _residuals(self, name: str, title: str, **options: Any) -> Any:
        found = residuals_of(self.run)
        drawing = None if found is None else getattr(_drawers(), name)(found, title, **options)
        return self._of(drawing, "there are no residuals of single stars")

    def _number(self, group: str) -> int:
        names = self.run.groups.names
        if group not in names:
            hint = nearest(str(group), names)
            raise ParameterError(
                f"There is no group '{group}'; there are {listed(names)}. {hint}".strip()
            )
        return names.index(group)

    @staticmethod
    def _of(drawing: Any, why: str) -> Any:
        if drawing is None:
            raise OutputError(f"There is nothing to draw: {why}.")
        return drawing.figure


@dataclass(frozen=True, slots=True)
class Page:
    """The interactive page of a result; a notebook shows it.

    Attributes
    ----------
    html
        The page as text.
    """

    html: str

    def __repr__(self) -> str:
        """What it is, and how large."""
        return f"<Page of {len(self.html) / 1e6:.1f} MB: show it in a notebook, or write its html>"

    def _repr_html_(self) -> str:
        # in a frame of its own, so that neither its style nor its scripts meet the notebook's
        return (
            f'<iframe srcdoc="{escape(self.html)}" style="width:100%;height:52rem;border:0" '
            'title="Alignment"></iframe>'
        )

    @classmethod
    def of(cls, run: RunResult) -> Page:
        """The page of a run."""
        return cls(page_of(run))


def _drawers() -> ModuleType:
    """What draws pictures.

    Raises
    ------
    OutputError
        If matplotlib is not installed.
    """
    try:
        # matplotlib is optional, and takes a second to import
        from tweakreg_step.report import plots  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != "matplotlib":
            raise
        raise OutputError(
            "The picture can't be drawn: matplotlib is not installed. Install it with: pip install "
            "matplotlib; the interactive page needs it not."
        ) from error
    return plots
