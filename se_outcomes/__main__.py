"""The command line: simulate cases, check a file, write the report, read the codebook."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import se_outcomes as so
from se_outcomes.errors import CaseFileError, SeOutcomesError, fault_sentences
from se_outcomes.report.codebook import write_template

SOUND, FAULTS, WRONG_CALL = 0, 1, 2
LANGUAGES = ("en", "nb", "nn")


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments; those of the process if absent.

    Returns
    -------
    int
        0 sound, 1 faults in the data, 2 a wrong call.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = f"{folder}/cases.csv"
    ...     main(["simulate", file, "--n-cases", "50"]), main(["check", file, "--outcome-observed", "all"])  # doctest: +ELLIPSIS
    50 cases in 5 offices written to cases.csv
    cases.csv is sound: 50 cases in 5 offices.
    ...
    (0, 0)
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal that lacks a letter shows another, and does not fail
            stream.reconfigure(errors="replace")
    arguments = _parser().parse_args(argv)
    try:
        return arguments.run(arguments)
    except CaseFileError as error:
        return _tell_faults(error)
    except (SeOutcomesError, FileExistsError, ValueError) as error:
        return _refuse(str(error))
    except OSError as error:
        return _refuse(f"{error.strerror}: {Path(error.filename or '').name}")


def _refuse(message: str) -> int:
    print(f"se-outcomes: {message}", file=sys.stderr)
    return WRONG_CALL


def _tell_faults(error: CaseFileError) -> int:
    """Every fault a sentence; a path that leads to no file is a wrong call."""
    faults = error.faults
    for sentence in fault_sentences(faults):
        print(f"- {sentence}")
    count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
    print(f"se-outcomes: the file cannot be used: {count}", file=sys.stderr)
    return WRONG_CALL if set(faults["rule"]) <= {"no file", "unknown ending"} else FAULTS


# --- commands -------------------------------------------------------------------------------------


def _simulate(arguments: argparse.Namespace) -> int:
    path = Path(arguments.file)
    if path.exists() and not arguments.force:
        return _refuse(f"{path.name} is there already; --force writes it anew")
    study = so.simulate_cases(
        arguments.n_cases,
        n_offices=arguments.n_offices,
        seed=arguments.seed,
        missing=arguments.missing,
        gates=arguments.gates,
        outcome_observed=arguments.outcome_observed,
    )
    study.write(path)
    print(f"{_size(study.cases)} written to {path.name}")
    return SOUND


def _check(arguments: argparse.Namespace) -> int:
    cases = _load(arguments)
    print(f"{Path(arguments.file).name} is sound: {_size(cases)}.")
    for warning in cases.warnings:
        print(f"- {warning}")
    return SOUND


def _report(arguments: argparse.Namespace) -> int:
    cases = _load(arguments)
    page = so.render_report(
        cases,
        arguments.out,
        language=arguments.language,
        formats=tuple(arguments.format),
        min_cell=arguments.min_cell,
        progress=not arguments.quiet,
    )
    print(page)
    return SOUND


def _codebook(arguments: argparse.Namespace) -> int:
    if arguments.template:
        path = write_template(arguments.template)
        print(f"{path.name} written: an empty case file with the right header")
        return SOUND
    text = so.render_codebook(language=arguments.language, format=arguments.format)
    if arguments.out:
        Path(arguments.out).write_text(text, encoding="utf-8")
    else:
        print(text, end="")
    return SOUND


def _load(arguments: argparse.Namespace) -> so.Cases:
    return so.load_cases(
        arguments.file,
        mapping=arguments.mapping,
        gates=arguments.gates,
        outcome_observed=arguments.outcome_observed,
    )


def _size(cases: so.Cases) -> str:
    offices = "office" if cases.n_offices == 1 else "offices"
    return f"{cases.n_cases:,} {'case' if cases.n_cases == 1 else 'cases'} in {cases.n_offices:,} {offices}"


# --- arguments ------------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="se-outcomes",
        description="Who passes the gates of Supported Employment: from a case file to a report that discloses nobody.",
        epilog="Each command has help of its own: se-outcomes check --help.  Exit status: 0 sound, 1 faults in the "
        "data, 2 wrong call.",
    )
    parser.add_argument("--version", action="version", version=f"se_outcomes {so.__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_simulate(commands)
    _add_check(commands)
    _add_report(commands)
    _add_codebook(commands)
    return parser


def _add(commands, name: str, run: Callable[[argparse.Namespace], int], told: str, *examples: str):  # type: ignore[no-untyped-def]
    command = commands.add_parser(
        name,
        help=told,
        description=told[:1].upper() + told[1:] + ".",
        epilog="Examples:\n  " + "\n  ".join(examples),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(run=run)
    return command


def _add_simulate(commands) -> None:  # type: ignore[no-untyped-def]
    command = _add(
        commands, "simulate", _simulate, "write a file of simulated cases, to try things out",
        "se-outcomes simulate cases.csv", "se-outcomes simulate cases.xlsx --n-cases 500 --n-offices 7 --seed 2",
    )  # fmt: skip
    command.add_argument("file", metavar="FILE", help="where to; the ending says the format: .csv .xlsx .dta .sav .parquet")
    command.add_argument("--n-cases", type=int, default=1200, metavar="N", help="cases in all (default: 1200)")
    command.add_argument("--n-offices", type=int, default=5, metavar="G", help="offices (default: 5)")
    command.add_argument("--seed", type=int, default=0, metavar="S", help="same seed, same cases (default: 0)")
    command.add_argument(
        "--missing", type=float, default=0.0, metavar="SHARE", help="share of values lost at random (default: 0)"
    )
    command.add_argument("--gates", choices=("separate", "merged"), default="separate", help="how the gates are recorded")
    command.add_argument(
        "--outcome-observed", choices=("all", "accepted"), default="all", help="for whom placement is known (default: all)"
    )
    command.add_argument("--force", action="store_true", help="write over a file that is there already")


def _add_case_file(command: argparse.ArgumentParser) -> None:
    command.add_argument("file", metavar="FILE", help="the case file: CSV, Excel, Stata, SPSS or Parquet")
    command.add_argument(
        "--mapping", metavar="M.toml", help="your own column names and codes, and what the data cannot say ([study])"
    )
    command.add_argument(
        "--gates", choices=("separate", "merged"), help="whether referral and acceptance are recorded apart"
    )
    command.add_argument("--outcome-observed", choices=("all", "accepted"), help="for whom placement is known")


def _add_check(commands) -> None:  # type: ignore[no-untyped-def]
    command = _add(
        commands, "check", _check, "check a case file: every fault a sentence, never a value",
        "se-outcomes check cases.csv --mapping study.toml", "se-outcomes check cases.dta --outcome-observed all",
    )  # fmt: skip
    _add_case_file(command)


def _add_report(commands) -> None:  # type: ignore[no-untyped-def]
    command = _add(
        commands, "report", _report, "write the report: one HTML page, figures, data and a manifest",
        "se-outcomes report cases.csv --mapping study.toml --out report",
        "se-outcomes report cases.csv --mapping study.toml --out rapport --language nb --min-cell 10",
    )  # fmt: skip
    _add_case_file(command)
    command.add_argument("--out", required=True, metavar="FOLDER", help="where to; an earlier report there is replaced")
    command.add_argument("--language", choices=LANGUAGES, default="en", help="of the report (default: en)")
    command.add_argument("--format", nargs="+", choices=("html",), default=["html"], help="what to write (default: html)")
    command.add_argument(
        "--min-cell", type=int, choices=(3, 4, 5, 6, 10), default=5, help="smallest number of cases told (default: 5)"
    )
    command.add_argument("--quiet", action="store_true", help="no progress bar")


def _add_codebook(commands) -> None:  # type: ignore[no-untyped-def]
    command = _add(
        commands, "codebook", _codebook, "write what every column means, or an empty file with the right header",
        "se-outcomes codebook > codebook.md", "se-outcomes codebook --language nn --format html --out kodebok.html",
        "se-outcomes codebook --template cases.csv",
    )  # fmt: skip
    command.add_argument("--language", choices=LANGUAGES, default="en", help="of the codebook (default: en)")
    command.add_argument("--format", choices=("markdown", "html"), default="markdown", help="(default: markdown)")
    command.add_argument("--out", metavar="FILE", help="write it there instead of printing it")
    command.add_argument("--template", metavar="FILE", help="write an empty case file with the right header instead")


if __name__ == "__main__":
    sys.exit(main())
