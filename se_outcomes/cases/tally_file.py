"""A study's cases as a table of counts that may leave a secure environment: written, and read again."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

import se_outcomes
from se_outcomes.cases.cases import CHECKED, Cases
from se_outcomes.cases.faults import faults_frame
from se_outcomes.cases.suppressed_cells import SuppressedCells, weighted_rows
from se_outcomes.cases.tally_candidates import unlisted_cells
from se_outcomes.cases.tally_check import check_tally
from se_outcomes.cases.tally_columns import NUMBERS, count_cells, kind_of, plan_of, tally_columns
from se_outcomes.cases.tally_format import (
    COUNTS,
    WAYS,
    Limits,
    Sidecar,
    about,
    releasable,
    sidecar_of,
    write_sidecar,
)
from se_outcomes.errors import CaseFileError, DisclosureError
from se_outcomes.results import Notice

#: With one nothing is suppressed; with two a cell between 1 and 1 would be told.
NOTHING, LEAST = 1, 3
#: Where more of the cases than this are in small cells, listing these is hardly less than listing the cases.
TOO_FINE = 0.5
_STATES = ["gate_state", "outcome_state"]


def write_tally(
    cases: Cases,
    path: str | Path,
    *,
    threshold: int = 5,
    small: str = "bound",
    columns: Sequence[str] | None = None,
    numbers: str = "values",
    fine: bool = False,
) -> Path:
    """Write the cases as counts, small ones suppressed, so that the file may leave a secure environment.

    The CSV has a row for each cell: the columns (codes as in the schema, missing empty) and ``n``, ``n_low``,
    ``n_high``. Beside it is a JSON of the same stem with the study plan, the columns' types and what is suppressed.
    :func:`load_tally` reads both, and every question can be asked of what it returns.

    What an output checker should look at: the file tells nobody's total. Neither the number of all cases nor that of an
    office is in it, nor any other sum of suppressed cells but those of a gate state and outcome state, in steps wide
    enough that each cell may still hold anything from 1 to ``threshold - 1``. **Beside it must not be released**: the
    exact number of cases, in all, of an office, or by any of the columns; a second tally of the same cases by other
    columns or with another threshold; a report made from the cases themselves. Each could be subtracted from. Make the
    report from the tally instead. What the file does tell: that a group of ``threshold`` or more all had one outcome
    (where no cell with another is listed), and, with ``small="bound"``, that somebody is in each cell listed.

    Parameters
    ----------
    cases : Cases
        Checked cases.
    path : str or Path
        Ending in .csv.
    threshold : int
        The smallest count that is told: 3 or more; 1 suppresses nothing, for use inside the environment.
    small : {"bound", "suppress"}
        Cells with fewer cases are listed, with 1 and ``threshold - 1`` as bounds; or left out.
    columns : sequence of str, optional
        Recorded columns to count by, besides ``office_id``, ``gate_state`` and ``outcome_state``. If absent: what the
        study plan's questions need, without gatekeepers and dates. What the plan names and the tally lacks is struck
        from the tally's plan, and a warning says so.
    numbers : {"values", "bins", "quarters"}
        Numbers as recorded, or as the mean of their bin or quarter. One with more than 50 values is told by bins.
    fine : bool
        Write the tally although more than half of the cases are in small cells that would be listed.

    Returns
    -------
    Path
        Of the CSV.

    Raises
    ------
    DisclosureError
        On another threshold, on fewer cases in all or in an office, on identifiers of cases, and where the columns
        divide the cases so finely that listing small cells would hardly be less than listing the cases.
    EstimationError
        ``column_missing``.
    ValueError
        On another ending, ``small`` or ``numbers``.

    Examples
    --------
    >>> import tempfile
    >>> import se_outcomes as so
    >>> cases = so.simulate_cases(1200, n_offices=5, seed=1).cases
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = so.write_tally(cases, Path(folder) / "tally.csv", columns=["motivation"], numbers="quarters")
    ...     header = path.read_text(encoding="utf-8").splitlines()[0]
    >>> header
    'office_id,gate_state,outcome_state,motivation,n,n_low,n_high'
    """
    path = _refuse_calls(Path(path), threshold, small, numbers)
    _refuse_few(cases, threshold)
    named = tally_columns(cases, columns)
    cells, said = count_cells(cases, named, numbers, threshold)
    plan, lacking = plan_of(cases.plan, named)
    hidden = cells["n"] < threshold
    if small == "bound" and not fine:
        _refuse_fine(cells, hidden, threshold)
    listed = cells if small == "bound" else cells.loc[~hidden]
    sidecar = Sidecar(
        version=se_outcomes.__version__,
        plan=plan,
        columns={name: kind_of(cells[name]) for name in named},
        threshold=threshold,
        small=small,
        n_cells=_n_cells(int(hidden.sum()), threshold, small),
        limits=state_limits(cells.loc[hidden], threshold, listed=small == "bound"),
        warnings=(*releasable(cases.warnings), *said, *lacking),
    )
    write_together({path: _csv(listed, threshold), sidecar_of(path): write_sidecar(sidecar)})
    return path


def load_tally(path: str | Path, *, title: str | None = None) -> Cases:
    """Read a tally; it stands in place of cases in every question.

    Parameters
    ----------
    path : str or Path
        Of the CSV; the JSON of the same stem is read with it.
    title : str, optional
        Of a report; goes before the study plan's.

    Returns
    -------
    Cases
        On the engine ``tally``. Where cells are suppressed, these are the cases of a central completion, and
        ``suppressed`` holds what is known of them; each answer then tells how far it could be off.

    Raises
    ------
    CaseFileError
        With every fault in ``.faults``, by kind and row and never by value.

    Examples
    --------
    >>> import tempfile
    >>> import se_outcomes as so
    >>> cases = so.simulate_cases(1200, n_offices=5, seed=1).cases
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = so.write_tally(cases, Path(folder) / "tally.csv", columns=["motivation"])
    ...     tally = so.load_tally(path)
    >>> tally.engine, tally.n_offices, tally.suppressed.n_cells > 0
    ('tally', 5, True)
    """
    path = Path(path)
    found = check_tally(path)
    if found.faults or found.sidecar is None:
        raise CaseFileError(faults_frame(found.faults), path.name)
    sidecar = found.sidecar
    plan = sidecar.plan if title is None else sidecar.plan.answered(title=title)
    hidden = found.cells["n"].isna()
    told = found.cells.loc[~hidden, [*sidecar.columns, "n"]].astype({"n": "int64"})
    if not sidecar.limits:
        return Cases(weighted_rows(told), plan, sidecar.warnings, token=CHECKED)
    suppressed = _suppressed(sidecar, told, found.cells.loc[hidden])
    suppressed = replace(suppressed, plan=plan, warnings=(*sidecar.warnings, _say(suppressed)))
    rows = suppressed.rows(suppressed.central())
    return Cases(rows, plan, suppressed.warnings, token=CHECKED, suppressed=suppressed)


def state_limits(hidden: pd.DataFrame, threshold: int, *, listed: bool) -> tuple[Limits, ...]:
    """How many suppressed cases there are by state, in steps that tell nothing of a single cell.

    The steps of k listed cells are drawn without looking at the cases: the first reaches so far that one cell may hold
    ``threshold - 1`` although all others hold one, the last begins where one may hold one although all others are full.
    """
    by_state = hidden.groupby(_STATES, observed=True, sort=True)["n"].agg(["size", "sum"])
    found = []
    for (gate, outcome), n_cells, total in by_state.itertuples():
        low, high = _step(int(total), int(n_cells) if listed else None, threshold)
        found.append(Limits(str(gate), str(outcome), low, high))
    return tuple(found)


def _step(total: int, n_cells: int | None, threshold: int) -> tuple[int, int]:
    """The step that a number of suppressed cases is in; ``n_cells`` None where cells are not listed."""
    high = threshold * -(-total // threshold)
    if n_cells is None:
        return high - threshold + 1, high
    least, most = n_cells, n_cells * (threshold - 1)
    first = threshold * -(-(threshold + n_cells - 2) // threshold)
    last = threshold * ((1 + (threshold - 1) * (n_cells - 1) - 1) // threshold)
    if total <= first or last < first:
        return (least, most) if last < first else (least, first)
    return (last + 1, most) if total > last else (high - threshold + 1, high)


def _n_cells(n: int, threshold: int, small: str) -> int:
    return n if small == "bound" else threshold * -(-n // threshold)


def _suppressed(sidecar: Sidecar, told: pd.DataFrame, hidden: pd.DataFrame) -> SuppressedCells:
    if sidecar.small == "bound":
        cells, expected = hidden[list(sidecar.columns)].reset_index(drop=True), np.ones(len(hidden))
    else:
        cells, expected = unlisted_cells(told, list(sidecar.columns), sidecar.limits)
    number_of = {
        (limit.gate_state, limit.outcome_state): number for number, limit in enumerate(sidecar.limits)
    }
    states = zip(cells["gate_state"].astype(str), cells["outcome_state"].astype(str), strict=True)
    listed = sidecar.small == "bound"
    return SuppressedCells(
        cells=cells,
        low=np.full(len(cells), int(listed), dtype=np.int64),
        high=np.full(len(cells), sidecar.threshold - 1, dtype=np.int64),
        group=np.array([number_of[state] for state in states], dtype=np.int64),
        limits=np.array([(limit.n_low, limit.n_high) for limit in sidecar.limits], dtype=np.int64),
        expected=expected,
        told=told,
        listed=listed,
        n_cells=sidecar.n_cells,
        n_cases=about(sidecar.limits, sidecar.threshold),
        plan=sidecar.plan,
        warnings=sidecar.warnings,
    )


def _say(suppressed: SuppressedCells) -> Notice:
    return Notice(
        "tally_suppressed",
        "These are counts in place of cases. {cells} small cells, about {cases} cases together, are suppressed: "
        "every estimate rests on what they most likely hold, and tells how far it would move if they held something "
        "else.",
        cells=suppressed.n_cells,
        cases=suppressed.n_cases,
    )


# --- writing --------------------------------------------------------------------------------------


def _refuse_calls(path: Path, threshold: object, small: str, numbers: str) -> Path:
    if path.suffix.lower() != ".csv":
        raise ValueError(f"the ending of {path.name} must be .csv")
    if small not in WAYS:
        raise ValueError(f"small must be one of {', '.join(WAYS)}; got {small!r}")
    if numbers not in NUMBERS:
        raise ValueError(f"numbers must be one of {', '.join(NUMBERS)}; got {numbers!r}")
    if type(threshold) is not int or not (threshold == NOTHING or threshold >= LEAST):
        raise DisclosureError(
            f"The threshold must be a whole number of at least {LEAST} (or {NOTHING}, which suppresses nothing): with "
            "two, a cell of one could be told from its bounds."
        )
    return path


def _refuse_few(cases: Cases, threshold: int) -> None:
    if cases.suppressed is not None:
        raise DisclosureError("These are a tally with suppressed cells already; release the file itself.")
    if cases.n_cases < threshold:
        raise DisclosureError(f"There are fewer than {threshold} cases: no tally of them can be given.")
    if int(cases.tally(["office_id"])["n"].min()) < threshold:
        raise DisclosureError(
            f"An office has fewer than {threshold} cases: its cells would say so. Merge offices, or leave it out."
        )


def _refuse_fine(cells: pd.DataFrame, hidden: pd.Series, threshold: int) -> None:
    share = cells.loc[hidden, "n"].sum() / cells["n"].sum()
    if share > TOO_FINE:
        raise DisclosureError(
            f"By these columns more than half of the cases are in cells of fewer than {threshold}: to list the cells "
            "is hardly less than to list the cases. Name fewer columns, tell numbers by quarters, leave small cells "
            'out (small="suppress"), or say that the tally is to be fine.'
        )


def _csv(cells: pd.DataFrame, threshold: int) -> str:
    hidden = cells["n"] < threshold
    text = {
        str(name): _text(values) if name not in COUNTS else values.astype(object)
        for name, values in cells.drop(columns="n").items()
    }
    counts = {
        "n": cells["n"].astype("Int64").mask(hidden),
        "n_low": cells["n"].mask(hidden, 1),
        "n_high": cells["n"].mask(hidden, threshold - 1),
    }
    return pd.DataFrame({**text, **counts}).to_csv(index=False, lineterminator="\n")


def _text(values: pd.Series) -> pd.Series:
    """Values as the schema writes them, numbers so that they can be read back exactly."""
    kind = kind_of(values)
    say = {
        "boolean": lambda value: "true" if value else "false",
        "date": lambda value: f"{value:%Y-%m-%d}",
        "number": lambda value: repr(float(value)).removesuffix(".0"),
        "integer": lambda value: str(int(value)),
    }.get(kind, str)
    return pd.Series([None if pd.isna(value) else say(value) for value in values], index=values.index)


def write_together(texts: dict[Path, str]) -> None:
    """Write files in place of what is there; each is whole at any time, and none is left of a failure.

    Raises
    ------
    OSError
        Where nothing can be written there.
    """
    made: list[tuple[str, Path]] = []
    try:
        for path, text in texts.items():
            handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=".part")
            made.append((name, path))
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
                file.write(text)
        # an earlier sidecar beside a new CSV would speak of another file: it goes before, the new one comes last
        sidecar = made[-1][1]
        if len(made) > 1 and sidecar.exists():
            sidecar.unlink()
        for name, path in made:
            os.replace(name, path)
    finally:
        for name, _ in made:
            Path(name).unlink(missing_ok=True)
