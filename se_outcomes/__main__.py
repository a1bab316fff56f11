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
from se_outcomes.arguments import WRITTEN, build_parser
from se_outcomes.cases.tally_format import is_tally
from se_outcomes.report.codebook import render_codebook, write_template

SOUND, FAULTS, WRONG_CALL = 0, 1, 2
#: What a shell says of a program that was stopped (Ctrl-C), or whose reader went away (``| head``).
INTERRUPTED, PIPE_CLOSED = 130, 141


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
        arguments = build_parser().parse_args(argv)
    except SystemExit as leave:  # argparse has said what is wrong, or shown its help
        return int(leave.code or 0)
    try:
        status = COMMANDS[arguments.command](arguments)
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


COMMANDS = {
    "simulate": _simulate,
    "check": _check,
    "report": _report,
    "tally": _tally,
    "codebook": _codebook,
}

if __name__ == "__main__":
    raise SystemExit(main())
