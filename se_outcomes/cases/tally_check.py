"""Checking a tally when it is read: the sidecar, the header, every cell; all faults at once, none by value."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from se_outcomes.cases.derive import GATE_STATES, OUTCOME_STATES
from se_outcomes.cases.faults import Fault, fault_in_rows
from se_outcomes.cases.study_plan import StudyPlan
from se_outcomes.cases.tally_columns import allowed_texts
from se_outcomes.cases.tally_format import (
    ALWAYS,
    COUNTS,
    FORMAT,
    FORMAT_VERSION,
    KINDS,
    WAYS,
    Limits,
    Sidecar,
    restored,
    sidecar_of,
)
from se_outcomes.errors import MappingError

TABLE = "tally"
_AGAIN = "Take the file as it was written, or write it anew with write_tally."
_NUMBER = re.compile(r"[-+]?\d+(\.\d+)?([eE][-+]?\d+)?")
_WHOLE = re.compile(r"[-+]?\d+")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(eq=False)
class Found:
    """What stands in the two files, and what is wrong with it.

    Attributes
    ----------
    sidecar : Sidecar or None
        None where it cannot be read.
    cells : DataFrame
        Typed columns, and ``n`` (missing where suppressed), ``n_low``, ``n_high``.
    faults : list of Fault
    """

    sidecar: Sidecar | None = None
    cells: pd.DataFrame = field(default_factory=pd.DataFrame)
    faults: list[Fault] = field(default_factory=list)

    def fault(self, column: str, rule: str, expected: str, remedy: str = _AGAIN) -> None:
        """Note a fault that is not one of rows."""
        self.faults.append(Fault(TABLE, column, rule, 0, "", expected, remedy))

    def fault_in(self, column: str, rule: str, rows: np.ndarray, expected: str) -> None:
        """Note a fault of the rows of a mask (n,), if there are any."""
        if rows.any():
            self.faults.append(fault_in_rows(TABLE, column, rule, rows, expected, _AGAIN))


def check_tally(path: Path) -> Found:
    """Read both files and check them.

    Parameters
    ----------
    path : Path
        Of the CSV.
    """
    found = Found()
    found.sidecar = _read_sidecar(path, found)
    text = _read_csv(path, found)
    if found.sidecar is None or text is None or not _has_header(found.sidecar, text, found):
        return found
    typed = {name: _typed(name, kind, text[name], found) for name, kind in found.sidecar.columns.items()}
    counts = {name: _whole(text[name], name, found) for name in COUNTS}
    found.cells = pd.DataFrame({**typed, **counts})
    columns = list(found.sidecar.columns)
    for name in ALWAYS:
        found.fault_in(name, "missing", found.cells[name].isna().to_numpy(), "a value in every row")
    twice = text[columns].duplicated(keep=False).to_numpy()
    found.fault_in("", "repeated cell", twice, "every combination of values in one row only")
    if not any(fault.column in COUNTS for fault in found.faults):
        _check_counts(found.sidecar, found)
    if not found.faults:
        _check_limits(found.sidecar, found)
    return found


# --- the sidecar ----------------------------------------------------------------------------------


def _read_sidecar(path: Path, found: Found) -> Sidecar | None:
    beside = sidecar_of(path)
    try:
        told = json.loads(beside.read_text(encoding="utf-8"))
    except OSError:
        found.fault("", "no sidecar", f"a file {beside.name} beside it", "Keep the two files together.")
        return None
    except ValueError:
        found.fault("", "sidecar unreadable", f"JSON in {beside.name}")
        return None
    if not isinstance(told, Mapping) or told.get("format") != FORMAT:
        found.fault("", "sidecar of another format", f"a sidecar that says it is of a {FORMAT}")
        return None
    if told.get("format_version") != FORMAT_VERSION or type(told["format_version"]) is not int:
        expected = f"a tally of format version {FORMAT_VERSION}"
        found.fault("", "format version", expected, "Use a version of the package that knows this one.")
        return None
    before = len(found.faults)
    parts = {name: read(told, found) for name, read in _PARTS.items()}
    return Sidecar(**parts) if len(found.faults) == before else None


def _version(told: Mapping[str, Any], found: Found) -> str:
    return str(told.get("package_version", ""))


def _plan(told: Mapping[str, Any], found: Found) -> StudyPlan:
    try:
        return StudyPlan.from_mapping(told["study"])
    except (KeyError, MappingError, TypeError, AttributeError):
        found.fault("", "study plan", "a study plan in the sidecar, as a mapping's [study] has it")
        return StudyPlan()


def _columns(told: Mapping[str, Any], found: Found) -> dict[str, str]:
    columns: Any = told.get("columns")
    sound = (
        isinstance(columns, Mapping)
        and all(kind in KINDS for kind in columns.values())
        and set(ALWAYS) <= set(columns)
        and not set(COUNTS) & set(columns)
    )
    if not sound or any(columns[name] != "string" for name in ALWAYS):
        found.fault("", "columns", f"columns with their types in the sidecar, {', '.join(ALWAYS)} among them")
        return {}
    return dict(columns)


def _threshold(told: Mapping[str, Any], found: Found) -> int:
    threshold = told.get("threshold")
    if type(threshold) is not int or threshold < 1 or threshold == 2:
        found.fault("", "threshold", "a threshold of 1, or of 3 or more, in the sidecar")
        return 1
    return threshold


def _small(told: Mapping[str, Any], found: Found) -> str:
    if told.get("small") not in WAYS:
        found.fault("", "way of suppression", f"small in the sidecar to be one of {', '.join(WAYS)}")
    return str(told.get("small"))


def _n_cells(told: Mapping[str, Any], found: Found) -> int:
    n_cells = _suppressed_part(told, "n_cells")
    if type(n_cells) is not int or n_cells < 0:
        found.fault("", "number of suppressed cells", "how many cells are suppressed, in the sidecar")
        return 0
    return n_cells


def _limits(told: Mapping[str, Any], found: Found) -> tuple[Limits, ...]:
    try:
        limits = tuple(Limits(**limit) for limit in _suppressed_part(told, "by_state"))
    except TypeError:
        limits = (Limits("", "", 0, 0),)
    states = [(limit.gate_state, limit.outcome_state) for limit in limits]
    sound = len(set(states)) == len(states) and all(
        limit.gate_state in GATE_STATES
        and limit.outcome_state in OUTCOME_STATES
        and type(limit.n_low) is type(limit.n_high) is int
        and 1 <= limit.n_low <= limit.n_high
        for limit in limits
    )
    if not sound:
        found.fault("", "suppressed cases", "how many cases are suppressed by state, each state once")
    return limits


def _suppressed_part(told: Mapping[str, Any], name: str) -> Any:
    suppressed = told.get("suppressed")
    return suppressed.get(name) if isinstance(suppressed, Mapping) else None


def _warnings(told: Mapping[str, Any], found: Found) -> tuple[Any, ...]:
    try:
        return tuple(restored(notice) for notice in told["warnings"])
    except (KeyError, TypeError, ValueError, AttributeError):
        found.fault("", "warnings", "the warnings of the cases in the sidecar")
        return ()


_PARTS: dict[str, Callable[[Mapping[str, Any], Found], Any]] = {
    "version": _version,
    "plan": _plan,
    "columns": _columns,
    "threshold": _threshold,
    "small": _small,
    "n_cells": _n_cells,
    "limits": _limits,
    "warnings": _warnings,
}


# --- the CSV --------------------------------------------------------------------------------------


def _read_csv(path: Path, found: Found) -> pd.DataFrame | None:
    try:
        return pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except FileNotFoundError:
        found.fault("", "no file", "a file at this path, but there is none", "Correct the path.")
    except OSError:
        found.fault("", "no file", "a file that may be read", "Look at the path and its permissions.")
    except (ValueError, pd.errors.ParserError):  # of encodings, and of pandas' parser
        found.fault("", "unreadable", "a CSV with commas, in UTF-8, with a header")
    return None


def _has_header(sidecar: Sidecar, text: pd.DataFrame, found: Found) -> bool:
    expected = [*sidecar.columns, *COUNTS]
    header = list(text.columns)
    for name in expected:
        if name not in header:
            found.fault(name, "column missing", "the column, as the sidecar says")
    for number, name in enumerate(header, start=1):
        if name not in expected:
            found.fault(f"column {number}", "column unknown", "no column that the sidecar does not name")
    if not len(text):
        found.fault("", "no cells", "at least one cell")
    return set(expected) == set(header) and len(text) > 0


def _typed(name: str, kind: str, text: pd.Series, found: Found) -> pd.Series:
    """A column under its type; what is none of it is a fault, and missing."""
    missing = (text == "").to_numpy()
    sound, expected = _looks_sound(name, kind, text)
    found.fault_in(name, f"not of type {kind}", ~sound & ~missing, expected)
    kept = text.where(sound & ~missing)
    if kind == "boolean":
        return kept.map({"true": True, "false": False}).astype("boolean")
    if kind == "number":
        return kept.astype("float64")
    if kind == "integer":
        return kept.map(int, na_action="ignore").astype("Int64")
    if kind == "date":
        return pd.to_datetime(kept, format="%Y-%m-%d", errors="coerce").astype("datetime64[us]")
    return kept.astype("str")


def _looks_sound(name: str, kind: str, text: pd.Series) -> tuple[np.ndarray, str]:
    allowed = allowed_texts(name)
    if kind == "boolean":
        return text.isin(["true", "false"]).to_numpy(), "true or false"
    if kind == "date":
        dates = pd.to_datetime(text.where(text.map(_fits(_DATE))), format="%Y-%m-%d", errors="coerce")
        return dates.notna().to_numpy(), "a date written 2021-05-04"
    if kind in ("number", "integer"):
        shape, expected = (
            (_NUMBER, "a number with a decimal point") if kind == "number" else (_WHOLE, "a whole number")
        )
        return text.map(_fits(shape)).to_numpy(dtype=bool), expected
    if allowed is None:
        return np.ones(len(text), dtype=bool), ""
    return text.isin(allowed).to_numpy(), "one of the codes of the schema"


def _fits(shape: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda text: shape.fullmatch(text) is not None


def _whole(text: pd.Series, name: str, found: Found) -> pd.Series:
    """Counts; only ``n`` may be missing."""
    missing = (text == "").to_numpy()
    sound = text.map(_fits(re.compile(r"\d{1,15}"))).to_numpy(dtype=bool)
    wrong = ~sound & ~(missing & (name == "n"))
    found.fault_in(name, "not a count", wrong, "a whole number that is not negative")
    return text.where(sound).map(int, na_action="ignore").astype("Int64")


def _check_counts(sidecar: Sidecar, found: Found) -> None:
    """Each n is told or suppressed as the threshold says, and the bounds go with it."""
    n, low, high = (found.cells[name] for name in COUNTS)
    hidden = n.isna().to_numpy()
    small = (n < sidecar.threshold).fillna(False).to_numpy(dtype=bool) | (n == 0).fillna(False).to_numpy(
        dtype=bool
    )
    found.fault_in("n", "below the threshold", small, "no count below the threshold")
    as_told = ((low == n) & (high == n)).fillna(False).to_numpy(dtype=bool)
    as_hidden = ((low == 1) & (high == sidecar.threshold - 1)).to_numpy(dtype=bool)
    wrong = np.where(hidden, ~as_hidden, ~as_told)
    found.fault_in("n_low", "bounds", wrong, "bounds that go with n and the threshold")
    may_be_hidden = sidecar.small == "bound" and sidecar.threshold > 1
    if not may_be_hidden:
        found.fault_in("n", "suppressed", hidden, "a count in every cell that is listed")


def _check_limits(sidecar: Sidecar, found: Found) -> None:
    """The suppressed cells and what is told of their cases agree."""
    if sidecar.small == "suppress":
        return
    hidden = found.cells.loc[found.cells["n"].isna()]
    states = zip(hidden["gate_state"], hidden["outcome_state"], strict=True)
    n_cells = Counter((str(gate), str(outcome)) for gate, outcome in states)
    limits = {(limit.gate_state, limit.outcome_state): limit for limit in sidecar.limits}
    agree = set(n_cells) == set(limits) and all(
        limits[state].n_low <= n * (sidecar.threshold - 1) and limits[state].n_high >= n
        for state, n in n_cells.items()
    )
    if not agree or len(hidden) != sidecar.n_cells:
        found.fault("", "suppressed cases", "as many suppressed cells and cases as the sidecar tells of")
