"""The words of the command line."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any, NoReturn

from tweakreg_step.core.wording import nearest
from tweakreg_step.parameters import STAGES, declarations

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tweakreg_step.parameters import Declaration

__all__ = ["make_parser", "parameters_of", "parsed"]

_TOP = """\
Align space-telescope images, and put what was found on other files of the same exposures.

  tweakreg align mosaic_asn.json --abs-refcat=GAIADR3 --output-dir=aligned
  tweakreg apply aligned/mosaic_tweakreg_solution.asdf *_crf.fits
  tweakreg undo *_crf.fits
"""

_END = """\
Exit status: 0 if everything that was asked for is done, 1 for errors of the input, 2 for errors of
usage, 3 if some images could not be aligned.
"""

_EVERY = "--help-parameters"

_USUAL = (
    "abs_refcat", "searchrad", "minobj", "fitgeometry", "align_method", "save_catalogs",
    "save_plots", "save_state", "on_failure", "n_workers",
)  # fmt: skip
"""Parameters that the short help shows."""

_OF_ADD = ("abs_refcat", "searchrad", "minobj")
"""Parameters that the help of 'add' shows; it takes all, where they shall differ from the run's."""

_EXPOSURES = "an association, files, patterns, @list.txt"


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are a sentence, without the list of all options."""

    def error(self, message: str) -> NoReturn:
        """End the program with status 2."""
        end = "" if message.endswith("?") else "."
        self.exit(2, f"{self.prog}: {message}{end} See '{self.prog} --help'.\n")

    def refuse(self, unknown: Sequence[str]) -> NoReturn:
        """End the program for words that it does not know, with the one that may be meant."""
        known = [option for action in self._actions for option in action.option_strings]
        hint = nearest(unknown[0].split("=")[0], known)
        self.error(f"there is no option '{unknown[0]}'. {hint}".rstrip(". "))


def parsed(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The options of a command line; ends the program if they can't be understood.

    Parameters
    ----------
    arguments
        The words; None for those of the process.
    """
    top, commands = make_parser(arguments)
    options, unknown = top.parse_known_args(arguments)
    if unknown:
        commands.get(options.command, top).refuse(unknown)
    if options.command is None and not options.version:
        top.print_help(sys.stderr)
        sys.exit(2)
    return options


def make_parser(arguments: Sequence[str] | None = None) -> tuple[_Parser, dict[str, _Parser]]:
    """The parser of the command line, and that of each command.

    Parameters
    ----------
    arguments
        The command line, which may ask for the help of all parameters.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    top = _Parser(
        prog="tweakreg",
        description=_TOP,
        epilog=_END,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    top.add_argument("--version", action="store_true", help="show the version, and end")
    commands = top.add_subparsers(dest="command", metavar="command", title="commands")
    _add_align(commands, every=_EVERY in words)
    _add_solution_commands(commands)
    _add_others(commands)
    return top, dict(commands.choices)


def _command(commands: Any, name: str, does: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=does, description=f"{does[0].upper()}{does[1:]}.", allow_abbrev=False
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="show warnings and errors alone")
    parser.add_argument("--debug", action="store_true", help="show all of the log, and tracebacks")
    return parser


def _add_align(commands: Any, *, every: bool) -> None:
    parser = _command(commands, "align", "align exposures to each other and to a catalog")
    parser.add_argument("exposures", nargs="*", help=_EXPOSURES)
    parser.add_argument(
        "--output-dir", "--output_dir", default=".", help="folder of the results (default: here)"
    )
    parser.add_argument("--config", metavar="FILE", help="parameter file, see 'tweakreg config'")
    parser.add_argument(
        "--dry-run", action="store_true", help="find and report all, and change no image"
    )
    parser.add_argument(_EVERY, action="store_true", help="list all parameters, and end")
    _add_parameters(parser, _USUAL, every=every)


def _add_parameters(parser: argparse.ArgumentParser, usual: Sequence[str], *, every: bool) -> None:
    """Options for all parameters of the step; the help shows the usual ones, or every one."""
    for stage in STAGES.values():
        title = (stage.__doc__ or "").strip().splitlines()[0]
        group = parser.add_argument_group(title) if every else parser
        for declared in declarations(stage):
            _add_parameter(group, declared, shown=every or declared.name in usual)


def _add_parameter(group: Any, declared: Declaration, *, shown: bool) -> None:
    """An option for a parameter, spelled with hyphens or underscores."""
    unit = f" [{declared.unit}]" if declared.unit else ""
    meaning = f"{declared.meaning}{unit} (default: {declared.default!r})".replace("%", "%%")
    spellings = dict.fromkeys([f"--{declared.name.replace('_', '-')}", f"--{declared.name}"])
    group.add_argument(
        *spellings,
        dest=f"parameter_{declared.name}",
        default=None,
        metavar="VALUE",
        nargs="?" if declared.kind == "boolean" else None,
        const="true" if declared.kind == "boolean" else None,
        help=meaning if shown else argparse.SUPPRESS,
    )


def _add_solution_commands(commands: Any) -> None:
    parser = _command(commands, "apply", "put a solution on the exposures that it was solved for")
    parser.add_argument("solution", help="*_tweakreg_solution.asdf, or a headerlet *_hlet.fits")
    parser.add_argument("exposures", nargs="+", help=f"{_EXPOSURES}; of any level of processing")
    parser.add_argument(
        "--rebase",
        action="store_true",
        help="move exposures with another WCS to where the solution has them",
    )
    _add_output(parser)
    parser = _command(
        commands, "transfer", "carry what an exposure or a visit moved by to its other exposures"
    )
    parser.add_argument("solution", help="*_tweakreg_solution.asdf")
    parser.add_argument(
        "exposures", nargs="+", help=f"{_EXPOSURES}; of another filter, detector or instrument"
    )
    _add_output(parser)
    parser = _command(commands, "undo", "give exposures the WCS back that they were delivered with")
    parser.add_argument("exposures", nargs="+", help=_EXPOSURES)
    _add_output(parser)
    parser = _command(commands, "show", "show what is in a solution")
    parser.add_argument("solution", help="*_tweakreg_solution.asdf")


def _add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--output-dir",
        "--output_dir",
        help="folder of the results, under the names of the files (default: files are replaced)",
    )


def _add_others(commands: Any) -> None:
    parser = _command(commands, "add", "let new exposures join a solution")
    parser.add_argument("solution", help="*_tweakreg_solution.asdf, its state beside it")
    parser.add_argument("exposures", nargs="+", help=_EXPOSURES)
    parser.add_argument(
        "--move-all",
        nargs="*",
        metavar="OLD",
        help="let the old exposures move as well (default: they stay fixed), and write their files "
        "that are named; of others, the new WCS is in the solution",
    )
    parser.add_argument(
        "--output-dir", "--output_dir", default=".", help="folder of the results (default: here)"
    )
    _add_parameters(parser, _OF_ADD, every=False)
    parser = _command(commands, "page", "make the page of pictures of a run")
    parser.add_argument(
        "report",
        help="*_tweakreg.json, with the *_tweakreg_state.asdf beside it that --save-state writes",
    )
    parser.add_argument(
        "--output-dir", "--output_dir", help="folder of the page (default: that of the report)"
    )
    parser = _command(commands, "config", "list parameter files, or copy one to change it")
    parser.add_argument(
        "words",
        nargs="*",
        metavar="list | [copy] NAME [TARGET]",
        help="'list', or the file to copy and where to (default: here)",
    )
    parser = _command(commands, "simulate", "simulate exposures with known errors, to try it on")
    parser.add_argument("folder", help="folder to write to; it must be new or empty")
    parser.add_argument(
        "--mission", default="", help="whose images; '?' lists those that can be simulated"
    )
    _add_drizzlepac(commands)
    parser = _command(commands, "doctor", "check the installation, and what a run would do")
    parser.add_argument("exposures", nargs="*", help=f"{_EXPOSURES}; to see what a run would do")


def _add_drizzlepac(commands: Any) -> None:
    parser = _command(commands, "from-cfg", "align with a .cfg file of DrizzlePac's TweakReg")
    parser.add_argument("config", help="tweakreg.cfg")
    parser.add_argument("exposures", nargs="*", help="in place of 'input' of the file")
    parser.add_argument("--imagefindpars", metavar="FILE", help=".cfg file of its finder")
    parser.add_argument(
        "--refimagefindpars", metavar="FILE", help=".cfg file of its finder for the reference image"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="another value for a parameter of TweakReg; may be repeated",
    )
    parser.add_argument(
        "--output-dir", "--output_dir", default=".", help="folder of the reports (default: here)"
    )
    parser = _command(
        commands, "headerlet", "write a solution as headerlets, for images that have them"
    )
    parser.add_argument("solution", help="*_tweakreg_solution.asdf")
    parser.add_argument(
        "exposures",
        nargs="*",
        help="the images (default: those of the solution, here or beside it)",
    )
    parser.add_argument("--attach", action="store_true", help="append them to the images as well")
    parser.add_argument("--clobber", action="store_true", help="replace files that exist")
    for word in ("hdrname", "author", "descrip", "catalog", "history"):
        parser.add_argument(f"--{word}", default="", help=f"as '{word}' of DrizzlePac's TweakReg")
    parser.add_argument(
        "--output-dir", "--output_dir", default=".", help="folder of the files (default: here)"
    )


def parameters_of(options: argparse.Namespace) -> dict[str, str]:
    """The parameters of the step that were given, as texts, by name."""
    return {
        name.removeprefix("parameter_"): value
        for name, value in vars(options).items()
        if name.startswith("parameter_") and value is not None
    }
