"""The command line: ``se-outcomes simulate | check | report | tally | codebook``, also as ``python -m se_outcomes``.

Results go to standard output, messages to standard error. The exit status is 0 when all is well, 1 when a case file
has faults, 2 when the call itself is wrong. No value of the data is ever printed. What a command needs is imported
when it runs, through the lazy names of ``se_outcomes``: ``--help`` is quick.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import se_outcomes as so
from se_outcomes.cases.schema import LANGUAGES
from se_outcomes.cases.tally_format import is_tally
from se_outcomes.report.codebook import render_codebook, write_template

SOUND, FAULTS, WRONG_CALL = 0, 1, 2
#: What a shell says of a program that was stopped (Ctrl-C), or whose reader went away (``| head``).
INTERRUPTED, PIPE_CLOSED = 130, 141

#: Endings of the files that can be simulated.
WRITTEN = (".csv", ".xlsx", ".dta", ".sav", ".parquet")

_STATUS = "exit status: 0 all is well, 1 the case file has faults, 2 the call is wrong"
_EXAMPLES = {
    "": """\
examples:
  se-outcomes simulate cases.csv --seed 1
  se-outcomes check cases.csv --outcome-observed all
  se-outcomes report cases.csv --out report --language nb
  se-outcomes tally cases.csv --mapping study.toml --out tally.csv --columns motivation
  se-outcomes codebook --template empty.csv""",
    "simulate": """\
examples:
  se-outcomes simulate cases.csv
  se-outcomes simulate cases.sav --n-cases 400 --n-offices 8 --seed 7 --missing 0.05
  se-outcomes simulate cases.parquet --gates merged --outcome-observed accepted --force""",
    "check": """\
examples:
  se-outcomes check cases.csv --mapping study.toml
  se-outcomes check cases.xlsx --gates merged --outcome-observed accepted
  se-outcomes check register/ --mapping study.toml --memory-limit 4GB""",
    "report": """\
examples:
  se-outcomes report cases.csv --out report
  se-outcomes report cases.csv --mapping study.toml --out rapport --language nb --min-cell 10
  se-outcomes report cases.csv --out report --title "Supported Employment in five offices"
  se-outcomes report cases.csv --mapping study.toml --out report --language en nb nn""",
    "tally": """\
examples:
  se-outcomes tally cases.csv --mapping study.toml --out tally.csv
  se-outcomes tally cases.csv --out tally.csv --columns motivation sex --numbers quarters --threshold 10
  se-outcomes tally cases.csv --out tally.csv --small suppress --force
  se-outcomes report tally.csv --out report""",
    "codebook": """\
examples:
  se-outcomes codebook > codebook.md
  se-outcomes codebook --language nb --format html --out kodebok.html
  se-outcomes codebook --template cases.csv""",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments after the program's name; those of the process if absent.

    Returns
    -------
    int
        The exit status.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # an old Windows terminal knows few characters: a question mark is better than a traceback
            stream.reconfigure(errors="replace")
    try:
        arguments = _parser().parse_args(argv)
    except SystemExit as leave:  # argparse has said what is wrong, or shown its help
        return int(leave.code or 0)
    try:
        status = arguments.run(arguments)
        sys.stdout.flush()
        return int(status)
    except BrokenPipeError:
        # whatever is left in the buffer has nowhere to go, and must not be tried again at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except KeyboardInterrupt:
        return INTERRUPTED


# --- the commands -----------------------------------------------------------------------------------------


def _simulate(arguments: argparse.Namespace) -> int:
    path = Path(arguments.file)
    if path.suffix.lower() not in WRITTEN:
        return _refuse(f"The ending of {path.name} must be one of {', '.join(WRITTEN)}.")
    try:
        if not path.parent.is_dir():
            return _refuse(f"There is no folder {path.parent} to write to.")
        if path.exists() and not arguments.force:
            return _refuse(
                f"There is something at {path} already; write elsewhere, or replace it with --force."
            )
        study = so.simulate_cases(
            arguments.n_cases,
            n_offices=arguments.n_offices,
            seed=arguments.seed,
            missing=arguments.missing,
            gates=arguments.gates,
            outcome_observed=arguments.outcome_observed,
        )
        study.write(path)
    except ValueError as error:
        return _refuse(f"The cases cannot be simulated: {error}.")
    except OSError as error:
        return _refuse_to_write(path, error)
    print(f"{path}: {_size(study.cases)}, simulated")
    return SOUND


def _check(arguments: argparse.Namespace) -> int:
    try:
        cases = _load(arguments)
    except so.CaseFileError as error:
        if _is_wrong_call(error):
            return _refuse(str(error))
        print(error)
        return FAULTS
    except (so.MappingError, so.EngineError) as error:
        return _refuse(str(error))
    noun = "warning" if len(cases.warnings) == 1 else "warnings"
    told = f", with {len(cases.warnings)} {noun}:" if cases.warnings else ""
    print(f"{Path(arguments.file).name} is sound: {_size(cases)}{told}")
    for warning in cases.warnings:
        print(f"  - {warning}")
    return SOUND


def _report(arguments: argparse.Namespace) -> int:
    try:
        cases = _load(arguments)
    except so.CaseFileError as error:
        return _refuse(str(error), WRONG_CALL if _is_wrong_call(error) else FAULTS)
    except (so.MappingError, so.EngineError) as error:
        return _refuse(str(error))
    options = {
        "formats": tuple(arguments.format),
        "min_cell": arguments.min_cell,
        "progress": not arguments.quiet,
    }
    try:
        if len(arguments.language) == 1:
            pages = [so.render_report(cases, arguments.out, language=arguments.language[0], **options)]
        else:
            found = so.render_reports(cases, arguments.out, languages=arguments.language, **options)
            pages = list(found.values())
    except (ValueError, FileExistsError) as error:  # DisclosureError among them
        return _refuse(f"No report was written: {error}")
    except so.EngineError as error:
        return _refuse(f"No report was written: {error}")
    except OSError as error:
        return _refuse_to_write(Path(arguments.out), error)
    for page in pages:
        print(f"The report is at {page}")
    return SOUND


def _tally(arguments: argparse.Namespace) -> int:
    path = Path(arguments.out)
    try:
        cases = _load(arguments)
    except so.CaseFileError as error:
        return _refuse(str(error), WRONG_CALL if _is_wrong_call(error) else FAULTS)
    except so.MappingError as error:
        return _refuse(str(error))
    try:
        if not path.parent.is_dir():
            return _refuse(f"There is no folder {path.parent} to write to.")
        there = [name for name in (path, path.with_suffix(".json")) if name.exists()]
        if there and not arguments.force:
            return _refuse(
                f"There is something at {there[0]} already; write elsewhere, or replace it with --force."
            )
        options = {
            name: getattr(arguments, name) for name in ("threshold", "small", "columns", "numbers", "fine")
        }
        so.write_tally(cases, path, **options)
    except ValueError as error:  # DisclosureError and EstimationError among them
        return _refuse(f"No tally was written: {error}")
    except OSError as error:
        return _refuse_to_write(path, error)
    print(f"The tally is at {path}, and what it is at {path.with_suffix('.json')}: let them stay together")
    return SOUND


def _codebook(arguments: argparse.Namespace) -> int:
    target = arguments.template or arguments.out
    text = "" if arguments.template else render_codebook(language=arguments.language, format=arguments.format)
    if not target:
        print(text, end="")
        return SOUND
    try:
        if arguments.template:
            write_template(target)
        else:
            with Path(target).open("x", encoding="utf-8", newline="\n") as file:
                file.write(text)
    except FileExistsError:
        return _refuse(f"There is something at {target} already, and it is left as it is; name another file.")
    except OSError as error:
        return _refuse_to_write(Path(target), error)
    print(f"{'An empty case file' if arguments.template else 'The codebook'} is at {target}")
    return SOUND


def _load(arguments: argparse.Namespace) -> so.Cases:
    if is_tally(arguments.file):
        if arguments.mapping or arguments.gates or arguments.outcome_observed:
            raise so.MappingError(
                "A tally brings its study plan with it: leave out --mapping, --gates and --outcome-observed."
            )
        return so.load_tally(arguments.file, title=getattr(arguments, "title", None))
    return so.load_cases(
        arguments.file,
        mapping=arguments.mapping,
        gates=arguments.gates,
        outcome_observed=arguments.outcome_observed,
        title=getattr(arguments, "title", None),
        table=arguments.table,
        memory_limit=arguments.memory_limit,
        threads=arguments.threads,
        progress=False if getattr(arguments, "quiet", False) else None,
    )


def _is_wrong_call(error: so.CaseFileError) -> bool:
    """Whether there was no file to look into: then the call is wrong, and not what is in a file."""
    return set(error.faults["rule"]) <= {"no file", "unknown ending"}


def _size(cases: so.Cases) -> str:
    case, office = "case" if cases.n_cases == 1 else "cases", "office" if cases.n_offices == 1 else "offices"
    about = "" if cases.suppressed is None else "about "
    return f"{about}{cases.n_cases:,} {case} in {cases.n_offices:,} {office}"


def _refuse(message: str, status: int = WRONG_CALL) -> int:
    print(f"se-outcomes: {message}", file=sys.stderr)
    return status


def _refuse_to_write(path: Path, error: OSError) -> int:
    return _refuse(f"{path} cannot be written: {(error.strerror or 'the system refuses').lower()}.")


# --- the arguments ----------------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="se-outcomes",
        description="Who passes the gates of Supported Employment: check a case file and write a report on it.",
        epilog=f"{_EXAMPLES['']}\n\n'se-outcomes COMMAND --help' explains a command.\n{_STATUS}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"se_outcomes {so.__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", title="commands")
    for add in (_add_simulate, _add_check, _add_report, _add_tally, _add_codebook):
        add(commands)
    return parser


def _add_simulate(commands: argparse._SubParsersAction) -> None:
    parser = _command(commands, "simulate", _simulate, "write a file of simulated cases to try things on")
    parser.add_argument(
        "file", metavar="FILE", help=f"where to; the ending says the format: {' '.join(WRITTEN)}"
    )
    parser.add_argument(
        "--n-cases", type=int, default=1200, metavar="N", help="cases in all (default %(default)s)"
    )
    parser.add_argument("--n-offices", type=int, default=5, metavar="G", help="offices (default %(default)s)")
    parser.add_argument(
        "--seed", type=int, default=0, metavar="S", help="same seed, same cases (default %(default)s)"
    )
    parser.add_argument(
        "--missing",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="share of values lost at random, from 0 to below 1 (default %(default)s)",
    )
    _add_plan(parser, gates="separate", outcome_observed="all")
    parser.add_argument("--force", action="store_true", help="replace FILE if there is one")


def _add_check(commands: argparse._SubParsersAction) -> None:
    parser = _command(commands, "check", _check, "tell every fault of a case file, or that it is sound")
    _add_source(parser)


def _add_report(commands: argparse._SubParsersAction) -> None:
    parser = _command(commands, "report", _report, "write the report on a case file")
    _add_source(parser)
    parser.add_argument(
        "--out", required=True, metavar="FOLDER", help="where to; an earlier report there is replaced"
    )
    parser.add_argument(
        "--language",
        nargs="+",
        choices=LANGUAGES,
        default=["en"],
        help="English, bokmål, nynorsk (default en); of several each has a folder in FOLDER",
    )
    parser.add_argument(
        "--format", nargs="+", choices=("html",), default=["html"], help="of the report (default: html)"
    )
    parser.add_argument(
        "--min-cell",
        type=int,
        choices=(3, 4, 5, 6, 10),
        default=5,
        help="counts from 1 to below this are withheld, and what they follow from (default %(default)s)",
    )
    parser.add_argument("--title", metavar="TEXT", help="of the report; goes before the mapping's")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def _add_tally(commands: argparse._SubParsersAction) -> None:
    parser = _command(commands, "tally", _tally, "write the counts of a case file, small ones suppressed")
    _add_source(parser)
    parser.add_argument(
        "--out",
        required=True,
        metavar="TALLY.csv",
        help="where to; a JSON of the same stem is written beside it",
    )
    parser.add_argument(
        "--threshold",
        type=int,
        default=5,
        metavar="N",
        help="counts below this are suppressed; 3 or more, or 1 for none (default %(default)s)",
    )
    parser.add_argument(
        "--small",
        choices=("bound", "suppress"),
        default="bound",
        help="list small cells with bounds, or leave them out (default %(default)s)",
    )
    parser.add_argument(
        "--columns",
        nargs="+",
        metavar="COLUMN",
        help="to count by (default: what the study plan's questions need)",
    )
    parser.add_argument(
        "--numbers",
        choices=("values", "bins", "quarters"),
        default="values",
        help="as recorded, or as the mean of their bin or quarter (default %(default)s)",
    )
    parser.add_argument("--fine", action="store_true", help="list small cells even if most cases are in them")
    parser.add_argument("--force", action="store_true", help="replace an earlier tally")


def _add_codebook(commands: argparse._SubParsersAction) -> None:
    parser = _command(commands, "codebook", _codebook, "explain every column and code of a case file")
    _add_language(parser)
    parser.add_argument(
        "--format",
        choices=("markdown", "html"),
        default="markdown",
        help="of the codebook (default %(default)s)",
    )
    target = parser.add_mutually_exclusive_group()
    target.add_argument("--out", metavar="FILE", help="write the codebook there instead of printing it")
    target.add_argument(
        "--template", metavar="FILE", help="write an empty case file with the right header there"
    )


def _command(
    commands: argparse._SubParsersAction, name: str, run: object, purpose: str
) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        name,
        help=purpose,
        description=f"{purpose[0].upper()}{purpose[1:]}.",
        epilog=f"{_EXAMPLES[name]}\n\n{_STATUS}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    return parser


def _add_source(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file",
        metavar="FILE",
        help="the cases: CSV, Excel, OpenDocument, Stata, SPSS, Parquet or a folder of it, a DuckDB database, the "
        "address of a PostgreSQL database (postgresql://...), or a tally",
    )
    parser.add_argument(
        "--mapping",
        metavar="M.toml",
        help="names your own columns and codes, and says under [study] what the file cannot",
    )
    _add_plan(parser, gates=None, outcome_observed=None)
    engine = parser.add_argument_group("Parquet and databases", "which DuckDB reads where they are")
    engine.add_argument("--table", metavar="NAME", help="the table or view of a database")
    engine.add_argument(
        "--memory-limit", metavar="SIZE", help='such as "4GB"; what does not fit goes to a temporary folder'
    )
    engine.add_argument("--threads", type=int, metavar="N", help="at most so many")


def _add_plan(parser: argparse.ArgumentParser, *, gates: str | None, outcome_observed: str | None) -> None:
    """What no column says; without a default the mapping's word holds."""
    parser.add_argument(
        "--gates",
        choices=("separate", "merged"),
        default=gates,
        help="whether referral and acceptance are two records or one "
        + ("(default %(default)s)" if gates else "(goes before the mapping's)"),
    )
    parser.add_argument(
        "--outcome-observed",
        choices=("all", "accepted"),
        default=outcome_observed,
        help="for whom placement is known "
        + ("(default %(default)s)" if outcome_observed else "(goes before the mapping's)"),
    )


def _add_language(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--language",
        choices=LANGUAGES,
        default="en",
        help="English, bokmål or nynorsk (default %(default)s)",
    )


if __name__ == "__main__":
    raise SystemExit(main())
