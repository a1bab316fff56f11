"""The package's own errors. A message says what was found, what was expected and what to do; never a value."""

from __future__ import annotations

from typing import Any

import pandas as pd


class SeOutcomesError(Exception):
    """Base of every error raised on purpose by this package."""


class CaseFileError(SeOutcomesError, ValueError):
    """A case file cannot be used as it is.

    Attributes
    ----------
    faults : pandas.DataFrame
        One row per fault: ``table, column, rule, n_rows, first_rows, expected, remedy``. ``first_rows`` is text
        such as ``"3, 17, 204"`` (data rows counted from 1, the header not counted). No value of the file is in it.
    """

    def __init__(self, faults: pd.DataFrame, source: str = "the case file") -> None:
        self.faults = faults
        sentences = "\n".join(f"  - {sentence}" for sentence in fault_sentences(faults))
        count = f"{len(faults)} fault" + ("s" if len(faults) != 1 else "")
        super().__init__(f"{source} cannot be used: {count}\n{sentences}")


class MappingError(SeOutcomesError, ValueError):
    """A mapping (TOML file or dict) is not of the documented form."""


class EstimationError(SeOutcomesError, ValueError):
    """The data cannot carry the answer asked for.

    Attributes
    ----------
    reason : str
        One of :data:`REASONS`, for programs; the message is for people and names the remedy.
    details : dict
        Numbers and column names that the report's sentence in another language needs.
    """

    def __init__(self, message: str, *, reason: str, **details: object) -> None:
        if reason not in REASONS:
            raise ValueError(f"unknown reason {reason!r}; expected one of {sorted(REASONS)}")
        self.reason = reason
        self.details = details
        super().__init__(message)


class EngineError(SeOutcomesError, RuntimeError):
    """The engine that holds the rows could not go on: out of memory, or its data damaged or out of reach."""


class DisclosureError(SeOutcomesError, ValueError):
    """Something would have left the package that could identify a person."""


REASONS = frozenset(
    {
        "one_office",
        "no_cases",
        "no_variation",
        "no_variation_within_offices",
        "exposure_constant",
        "exposure_constant_within_offices",
        "office_level_exposure",
        "separation",
        "collinearity",
        "not_converged",
        "not_identified",
        "boundary",
        "perfect_fit",
        "outcome_for_all",
        "small_offices",
        "column_missing",
        "gates_merged",
        "outcome_for_accepted_only",
        "outcome_observed_unknown",
        "rated_after_gate",
        "empty_cell",
    }
)


def fault_sentences(faults: pd.DataFrame) -> list[str]:
    """Every fault as one sentence: where, what was expected, in how many rows, and what to do."""
    sentences = []
    fault: Any
    for fault in faults.itertuples(index=False):
        place = f"{fault.table}.{fault.column}" if fault.column else str(fault.table)
        rows = ""
        if fault.n_rows:
            noun = "row" if fault.n_rows == 1 else "rows"
            rows = (
                f" ({fault.n_rows:,} {noun}"
                + (f"; first: {fault.first_rows}" if fault.first_rows else "")
                + ")"
            )
        sentences.append(f"{place}: expected {fault.expected}{rows}. {fault.remedy}")
    return sentences
