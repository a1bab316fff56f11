"""How a tally is filed: a CSV that can be read cell by cell, and beside it a JSON that says what the CSV is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from se_outcomes.cases.study_plan import StudyPlan
from se_outcomes.results import Notice

#: What the sidecar calls the format, and the only version there is so far.
FORMAT, FORMAT_VERSION = "se_outcomes tally", 1
#: Columns of the CSV that are no columns of the cases.
COUNTS = ("n", "n_low", "n_high")
#: Columns that every tally has: offices are compared, and states say who is at risk of what.
ALWAYS = ("office_id", "gate_state", "outcome_state")
#: How small cells are treated: listed with bounds, or left out.
WAYS = ("bound", "suppress")
#: Type of a column in the sidecar.
KINDS = ("string", "number", "integer", "boolean", "date")
#: Sentences of the check that name rows or count cases, and what is said in their place.
_WITHOUT_ROWS = {
    "rated_after_gate": Notice(
        "rated_after_gate",
        "Motivation is dated after the referral for some cases: such a rating may be a result of the referral. It "
        "explains nothing about it.",
    ),
    "first_job_after_followup": Notice(
        "first_job_after_followup",
        "A first job is dated after the last day of follow-up for some cases.",
    ),
}
#: Sentences that tell of the case file itself.
_OF_THE_FILE = frozenset({"columns_left_out"})


@dataclass(frozen=True)
class Limits:
    """Between which numbers the suppressed cases of one gate state and outcome state are.

    Attributes
    ----------
    gate_state, outcome_state : str
    n_low, n_high : int
        Both possible.
    """

    gate_state: str
    outcome_state: str
    n_low: int
    n_high: int


@dataclass(frozen=True)
class Sidecar:
    """What a tally is.

    Attributes
    ----------
    version : str
        Of the package that wrote it.
    plan : StudyPlan
    columns : mapping of str to str
        Column to one of :data:`KINDS`, in the order of the CSV.
    threshold : int
        The smallest number of cases that is told; 1 where nothing is suppressed.
    small : {"bound", "suppress"}
    n_cells : int
        Cells suppressed; where they are not listed, rounded up to the threshold.
    limits : tuple of Limits
        How many cases are suppressed, in steps that tell nothing of a single cell.
    warnings : tuple of Notice
    """

    version: str
    plan: StudyPlan
    columns: Mapping[str, str]
    threshold: int
    small: str
    n_cells: int
    limits: tuple[Limits, ...]
    warnings: tuple[Notice, ...]


def sidecar_of(path: Path) -> Path:
    """The sidecar's path."""
    return path.with_suffix(".json")


def is_tally(path: str | Path) -> bool:
    """Whether a file is a tally: a CSV with a sidecar that says so.

    Examples
    --------
    >>> is_tally("cases.csv")
    False
    """
    path = Path(path)
    if path.suffix.lower() != ".csv":
        return False
    try:
        told = json.loads(sidecar_of(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(told, Mapping) and told.get("format") == FORMAT


def write_sidecar(sidecar: Sidecar) -> str:
    """The sidecar as JSON."""
    plan = {field.name: getattr(sidecar.plan, field.name) for field in fields(StudyPlan)}
    told = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "package_version": sidecar.version,
        "study": {name: value for name, value in plan.items() if value is not None},
        "columns": dict(sidecar.columns),
        "threshold": sidecar.threshold,
        "small": sidecar.small,
        "suppressed": {
            "n_cells": sidecar.n_cells,
            "n_cases_about": about(sidecar.limits, sidecar.threshold),
            "by_state": [vars(limits) for limits in sidecar.limits],
        },
        "warnings": [
            {"key": notice.key, "text": str(notice), "parts": notice.parts} for notice in sidecar.warnings
        ],
    }
    return json.dumps(told, ensure_ascii=False, indent=2, default=_plain) + "\n"


def about(limits: tuple[Limits, ...], threshold: int) -> int:
    """How many cases are suppressed, about: from what is told of them, and so telling no more.

    Examples
    --------
    >>> about((Limits("refused", "placed", 1, 5), Limits("accepted", "placed", 11, 15)), 5)
    15
    """
    middle = sum(limit.n_low + limit.n_high for limit in limits) / 2
    return threshold * round(middle / threshold)


def releasable(warnings: tuple[Notice, ...]) -> tuple[Notice, ...]:
    """The warnings of cases without row numbers, exact counts and headers of the case file."""
    return tuple(
        _WITHOUT_ROWS.get(notice.key, notice) for notice in warnings if notice.key not in _OF_THE_FILE
    )


def restored(told: Mapping[str, Any]) -> Notice:
    """A notice from the sidecar."""
    notice = Notice(str(told["key"]), "{text}", text=told["text"])
    notice.parts = dict(told["parts"])
    return notice


def _plain(value: Any) -> object:
    """NumPy's numbers and mappings of other kinds, as JSON has them."""
    return dict(value) if isinstance(value, Mapping) else value.item()
