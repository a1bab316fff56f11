"""What the command line takes: its commands, their arguments and examples."""

from __future__ import annotations

import argparse

import se_outcomes as so
from se_outcomes.cases.schema import LANGUAGES

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


def build_parser() -> argparse.ArgumentParser:
    """Parser of the command line; it leaves the name of the command in ``command``."""
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
    parser = _command(commands, "simulate", "write a file of simulated cases to try things on")
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
    parser = _command(commands, "check", "tell every fault of a case file, or that it is sound")
    _add_source(parser)


def _add_report(commands: argparse._SubParsersAction) -> None:
    parser = _command(commands, "report", "write the report on a case file")
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
    parser = _command(commands, "tally", "write the counts of a case file, small ones suppressed")
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
    parser = _command(commands, "codebook", "explain every column and code of a case file")
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


def _command(commands: argparse._SubParsersAction, name: str, purpose: str) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        name,
        help=purpose,
        description=f"{purpose[0].upper()}{purpose[1:]}.",
        epilog=f"{_EXAMPLES[name]}\n\n{_STATUS}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(command=name)
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
