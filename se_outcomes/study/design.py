"""From the tally to arrays: y, X, counts and offices. Names stop here, and come back in refusals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from se_outcomes.cases.cases import Cases
from se_outcomes.cases.schema import read_code_list, read_schema
from se_outcomes.errors import EstimationError
from se_outcomes.regression.binary import BinaryFit
from se_outcomes.regression.firth_logit import fit_firth_logit
from se_outcomes.regression.logit import fit_logit

Floats = NDArray[np.float64]

#: The column of ones where offices have no intercepts: no variable that anyone could leave out.
CONSTANT = "constant"


@dataclass(frozen=True, eq=False)
class Term:
    """One variable as columns of a design.

    Attributes
    ----------
    name : str
        The variable.
    columns : (n, m) array
        Its columns: itself, or one dummy per level but the first.
    levels : tuple of str
        The levels of a categorical variable, the reference first; empty for a numeric one.
    """

    name: str
    columns: Floats
    levels: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Design:
    """Arrays of one equation.

    Attributes
    ----------
    y, counts : (n,) arrays
        Outcome and cases of each cell.
    X : (n, k) array
        The exposure's columns first; a constant last where offices have no intercepts of their own.
    offices : (n,) integer array
        Office codes.
    names, levels : tuples of str
        The variable each column of X belongs to, and the level (empty for a number).
    n_exposure : int
        How many of the columns are the exposure's.
    office_effects : bool
        Whether each office has an intercept of its own.
    office_level : bool
        Whether the exposure is the same for everyone in an office.
    """

    y: Floats
    X: Floats
    counts: Floats
    offices: NDArray[np.int64]
    names: tuple[str, ...]
    levels: tuple[str, ...]
    n_exposure: int
    office_effects: bool
    office_level: bool


def is_numeric(values: pd.Series) -> bool:
    """Whether a tally column is a number (true/false is not)."""
    return pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)


def require_columns(cases: Cases, columns: Sequence[str]) -> None:
    """Refuse, with the tally's own words, columns that the cases do not have."""
    missing = [column for column in columns if not cases.has(column)]
    if missing:
        cases.tally(missing)  # says which, and what was perhaps meant


def ordered_levels(column: str, values: pd.Series) -> tuple[str, ...]:
    """The levels present, in the order of the column's code list, else false before true, else sorted."""
    present = set(as_text(values).dropna())
    schema = read_schema()["cases"].columns.get(column)
    known: tuple[str, ...] = ()
    if schema is not None and schema.code_list:
        known = tuple(code.code for code in read_code_list(schema.code_list))
    elif schema is not None and schema.allowed:
        known = tuple(schema.allowed)
    return tuple(level for level in known if level in present) + tuple(sorted(present - set(known)))


def as_text(values: pd.Series) -> pd.Series:
    """Levels as text: booleans become "true" and "false"; missing stays missing."""
    if pd.api.types.is_bool_dtype(values):
        return values.map({True: "true", False: "false"}).astype("str")
    if pd.api.types.is_string_dtype(values):
        return values
    return values.map(str, na_action="ignore").astype("str")


def numbers(values: pd.Series) -> Floats:
    """A numeric tally column as floats, missing as NaN."""
    return values.to_numpy(dtype=float, na_value=np.nan)


def dummies(column: str, values: pd.Series, levels: Sequence[str]) -> Term:
    """One column per level but the first, which is the reference."""
    text = as_text(values)
    columns = [np.asarray(text == level, dtype=float) for level in levels[1:]]
    return Term(column, np.column_stack(columns) if columns else np.zeros((len(values), 0)), tuple(levels))


def covariate_term(column: str, values: pd.Series, counts: Floats) -> Term:
    """An adjustment variable: numbers linearly, else dummies.

    Numbers are centred and scaled, which changes no other coefficient and keeps the arithmetic sound.
    """
    if not is_numeric(values):
        return dummies(column, values, ordered_levels(column, values))
    found = numbers(values)
    mean = np.average(found, weights=counts)
    spread = np.sqrt(np.average((found - mean) ** 2, weights=counts))
    return Term(column, ((found - mean) / (spread if spread > 0 else 1.0))[:, None])


def term_names(terms: Sequence[Term]) -> tuple[tuple[str, str], ...]:
    """Variable and level of every column of these terms; the level is empty for numbers."""
    return tuple(
        (term.name, level)
        for term in terms
        for level in (term.levels[1:] if term.levels else [""] * term.columns.shape[1])
    )


def design_arrays(
    used: pd.DataFrame,
    exposure: Term,
    adjust_for: Sequence[str],
    *,
    office_effects: bool,
    office_level: bool = False,
) -> Design:
    """Arrays from the used rows of a tally (columns ``event, n, office_id`` and the adjustment variables)."""
    counts = used["n"].to_numpy(float)
    terms = [exposure, *(covariate_term(column, used[column], counts) for column in adjust_for)]
    if not office_effects:
        terms.append(Term(CONSTANT, np.ones((len(used), 1))))
    names = tuple(term.name for term in terms for _ in range(term.columns.shape[1]))
    levels = tuple(level for term in terms for level in term.levels[1:] or [""] * term.columns.shape[1])
    return Design(
        y=used["event"].to_numpy(float),
        X=np.hstack([term.columns for term in terms]),
        counts=counts,
        offices=office_codes(used),
        names=names,
        levels=levels,
        n_exposure=exposure.columns.shape[1],
        office_effects=office_effects,
        office_level=office_level,
    )


def office_codes(used: pd.DataFrame) -> NDArray[np.int64]:
    """Offices as integers (n,), in the order of their names; ``office_code`` of the tally where it is there.

    Codes of all cases' offices are the same for every question, so that questions can be tested together.
    """
    if "office_code" in used:
        return used["office_code"].to_numpy(np.int64)
    names = used["office_id"].to_numpy(dtype=object).astype(str)
    return np.unique(names, return_inverse=True)[1].astype(np.int64)


def fit_design(design: Design) -> BinaryFit:
    """Fit the logit; refusals name variables (and, in their details, levels)."""
    return _fit(fit_logit, design)


def fit_penalised_design(design: Design) -> BinaryFit:
    """Fit Firth's logit, which exists where columns separate."""
    return _fit(fit_firth_logit, design)


def _fit(fit: Callable[..., BinaryFit], design: Design) -> BinaryFit:
    try:
        return fit(
            design.y,
            design.X,
            counts=design.counts,
            clusters=design.offices,
            intercepts=design.offices if design.office_effects else None,
        )
    except EstimationError as refusal:
        if refusal.reason not in ("separation", "collinearity"):
            raise
        numbers_named = refusal.details["columns"]
        assert isinstance(numbers_named, tuple)
        raise _named_refusal(refusal.reason, numbers_named, design) from None


def _named_refusal(reason: str, numbers_named: tuple[int, ...], design: Design) -> EstimationError:
    named = dict.fromkeys(design.names[number] for number in numbers_named)
    columns = tuple(name for name in named if name != CONSTANT)
    levels = tuple(
        f"{design.names[number]} = {design.levels[number]}" if design.levels[number] else design.names[number]
        for number in numbers_named
        if design.names[number] != CONSTANT
    )
    said = " and ".join(columns)
    within = " within offices" if design.office_effects else ""
    if reason == "separation":
        message = (
            f"{said} predicts the outcome without error for some of the cases{within} (separation), so no "
            f"finite odds ratio fits best. Merge levels of {said}, or leave it out."
        )
    else:
        message = (
            f"{said}: the columns are collinear{within} (one follows from the others, or does not vary), so "
            "their coefficients cannot be told apart. Leave one of them out."
        )
    return EstimationError(message, reason=reason, columns=columns, levels=levels)
