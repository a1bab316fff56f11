"""Checked cases: made only by checking, never shown, seen by estimation only as counts."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import narwhals as nw
import numpy as np
import pandas as pd

from se_outcomes.cases.rows import PANDAS, Rows
from se_outcomes.cases.scale import ENDINGS, Scale, make_scale
from se_outcomes.cases.schema import read_schema
from se_outcomes.cases.study_plan import StudyPlan
from se_outcomes.errors import EstimationError
from se_outcomes.results import Notice

if TYPE_CHECKING:
    from se_outcomes.cases.suppressed_cells import SuppressedCells

#: Handed over by :mod:`se_outcomes.cases.check`, and by nobody else.
CHECKED = object()
#: So many counts of so many rows at most are remembered: a question mostly asks for what another has asked for.
REMEMBERED, REMEMBERED_ROWS = 24, 200_000
#: So many cells at most are counted ahead on an engine.
AHEAD_ROWS = 1_000_000
#: What nearly every question asks for, besides what the study plan names.
ALWAYS_ASKED = (
    "office_id", "gate_state", "outcome_state", "retention_state", "rated_after_referral", "rated_after_decision",
)  # fmt: skip
#: Columns whose every value may differ.
OWN_VALUES = ("case_id", "person_id")
#: The column that bears the instrument an exposure was measured with.
INSTRUMENT_OF = {"motivation": "motivation_instrument"}


class Cases:
    """Cases that have been checked against the schema. Made by ``load_cases`` and ``check_cases`` only.

    Whoever receives ``Cases`` need not check again. Their rows are never printed, and nothing but
    :meth:`tally` gives access to them: counts of distinct rows.

    Attributes
    ----------
    n_cases, n_offices : int
    plan : StudyPlan
        What was said in ``[study]``.
    warnings : tuple of str
        What does not stop the analysis but must be known beside it.
    columns : tuple of str
        What :meth:`tally` can be asked for, besides what is derived from numbers (``<number>_scaled`` in
        standard deviations of all eligible cases, ``_group`` for their quarters, ``_bin`` for finer groups).
    suppressed : SuppressedCells or None
        Of a tally with small cells that are not told: what is known of them. The cases are then those of a central
        completion.
    """

    def __init__(
        self,
        rows: Rows,
        plan: StudyPlan,
        warnings: Iterable[Notice],
        *,
        token: object = None,
        suppressed: SuppressedCells | None = None,
    ) -> None:
        if token is not CHECKED:
            raise TypeError("Cases are made by load_cases or check_cases, which check them")
        self._rows = rows
        self._scales: dict[str, Scale] = {}
        self._counts: dict[frozenset[str], pd.DataFrame] = {}
        self._ahead = False
        self.plan = plan
        self.warnings = tuple(warnings)
        self.suppressed = suppressed
        self.columns = tuple(rows.columns)
        offices = rows.count("office_id")
        self.n_cases = int(offices["n"].sum())
        self.n_offices = len(offices)

    def __repr__(self) -> str:
        cases, offices = (
            ("case" if self.n_cases == 1 else "cases"),
            ("office" if self.n_offices == 1 else "offices"),
        )
        noun = "warning" if len(self.warnings) == 1 else "warnings"
        said = f", {len(self.warnings)} {noun}" if self.warnings else ""
        about = "" if self.suppressed is None else "about "
        return (
            f"Cases: {about}{self.n_cases:,} {cases} in {self.n_offices:,} {offices} on {self.engine}{said} "
            "(rows are not shown)"
        )

    @property
    def engine(self) -> str:
        """Who counts: ``"pandas"``, ``"DuckDB"`` or ``"Spark"``; ``"tally"`` where it is a tally that is counted."""
        return self._rows.engine.name

    def has(self, column: str) -> bool:
        """Whether :meth:`tally` knows the column."""
        return column in self.columns or self._scaled_column(column) is not None

    def tally(self, columns: Sequence[str]) -> pd.DataFrame:
        """Count the distinct rows of some columns.

        Parameters
        ----------
        columns : sequence of str
            Of the cases, derived ones included; missing values are a value like any other.

        Returns
        -------
        DataFrame
            One row for each combination found, sorted, and ``n``, how many cases have it.

        Raises
        ------
        EstimationError
            ``column_missing``, with what was perhaps meant.
        ValueError
            Where no column is named.

        Examples
        --------
        >>> import se_outcomes as so
        >>> cases = so.simulate_cases(400, seed=1).cases
        >>> int(cases.tally(["office_id", "motivation_group", "gate_state"])["n"].sum())
        400
        """
        wanted = [columns] if isinstance(columns, str) else list(dict.fromkeys(columns))
        if not wanted:
            raise ValueError("tally needs the name of at least one column")
        self._refuse_missing(wanted)
        derived = {
            name: number
            for name in wanted
            if name not in self.columns and (number := self._scaled_column(name)) is not None
        }
        recorded = [name for name in wanted if name not in derived]
        for number in derived.values():
            recorded += [name for name in (number, *self._instrument(number)) if name not in recorded]
        cells = self._count(recorded)
        if derived:
            for number in set(derived.values()):
                placed = self._place(number, cells).add_prefix(f"{number}_")
                cells = cells.assign(**{name: placed[name] for name in wanted if name in placed})
            cells = cells.groupby(wanted, dropna=False, sort=False, observed=True)["n"].sum().reset_index()
        return cells.sort_values(wanted, ignore_index=True)[[*wanted, "n"]]

    def scale(self, column: str) -> Scale:
        """The scale of a numeric column, measured on all eligible cases with a value.

        Raises
        ------
        EstimationError
            ``column_missing`` where there is no such number.
        """
        self._refuse_missing([f"{column}_{ENDINGS[0]}"])
        if column not in self._scales:
            cells = self._count([column, *self._instrument(column), "gate_state"]).dropna(subset=column)
            cells = cells.loc[cells["gate_state"] != "ineligible"]
            by = [column, *self._instrument(column)]
            cells = cells.groupby(by, dropna=False, sort=True, observed=True)["n"].sum().reset_index()
            frame = pd.DataFrame(
                {
                    "value": cells[column].to_numpy(dtype=float),
                    "instrument": self._instruments(column, cells),
                    "n": cells["n"].to_numpy(),
                }
            )
            self._scales[column] = make_scale(column, frame)
        return self._scales[column]

    def bins(self, column: str) -> pd.DataFrame:
        """Frame ``bin, group, low, high, mean_scaled`` of a numeric column's bins."""
        return self.scale(column).edges.copy()

    @cached_property
    def fingerprint(self) -> str:
        """A hash of what is recorded, whatever the order of rows and columns and the engine: equal data, equal hash.

        It is made of counts: each column's values by office and gate, and of columns of ids how many there are, the
        first and the last.
        """
        told = hashlib.sha256()
        for name in sorted(self.columns):
            told.update(f"\x1e{name}\x1f".encode())
            if name in OWN_VALUES:
                column = nw.col(name)
                ends = self._rows.ask(
                    {"different": column.n_unique(), "first": column.min(), "last": column.max()},
                    f"looking through {name}",
                )
                told.update("\x1f".join(map(str, ends.values())).encode())
            else:
                by = list(dict.fromkeys([name, "office_id", "gate_state"]))
                ahead = self._rows.engine is not PANDAS and self._plan_columns.issuperset(by)
                counted = (self._count(by) if ahead else self._rows.count(*by))[[*by, "n"]]
                told.update(np.sort(pd.util.hash_pandas_object(counted, index=False).to_numpy()).tobytes())
        return told.hexdigest()

    # --- the engine's side ------------------------------------------------------------------------

    def _count(self, columns: list[str]) -> pd.DataFrame:
        """Distinct rows of the columns and ``n``: from a count with these columns and more, or else from the rows."""
        asked = frozenset(columns)
        if asked in self._counts:
            return self._counts[asked]
        finer = [counted for names, counted in self._counts.items() if names > asked]
        if finer:
            cells = min(finer, key=len).groupby(columns, dropna=False, sort=False, observed=True)
            counted = cells["n"].sum().reset_index()
        elif self._count_ahead(asked):
            return self._count(columns)
        else:
            counted = self._rows.count(*columns)
        if len(counted) <= REMEMBERED_ROWS:
            self._remember(asked, counted)
        return counted

    def _count_ahead(self, asked: frozenset[str]) -> bool:
        """Count all that the study plan's questions ask for, where that is more than is asked now.

        On an engine it is the passes through the rows that take time. In memory it is not; nor is it worth it where
        the plan's columns make more cells than can well be looked at.
        """
        plan = self._plan_columns
        if self._rows.engine is PANDAS or not asked < plan or self._ahead:
            return False
        self._ahead = True
        counted = self._rows.count(*sorted(plan), most=AHEAD_ROWS)
        if len(counted) <= AHEAD_ROWS:
            self._remember(plan, counted)
        return len(counted) <= AHEAD_ROWS

    @cached_property
    def _plan_columns(self) -> frozenset[str]:
        """What the plan's questions ask of the rows, and what is worked out of that in a tally."""
        plan = self.plan
        asked = (plan.exposure, *plan.adjust_for, *plan.exclusion, *plan.exclusion_referral, *ALWAYS_ASKED)
        return frozenset(
            name for one in asked for name in (one, *self._instrument(one)) if name in self.columns
        )

    def _remember(self, columns: frozenset[str], counted: pd.DataFrame) -> None:
        self._counts[columns] = counted
        if len(self._counts) > REMEMBERED:
            # what was counted ahead stands first, and is what all others are taken from
            del self._counts[next(one for one in self._counts if one != self._plan_columns)]

    def _place(self, number: str, cells: pd.DataFrame) -> pd.DataFrame:
        values = cells[number].to_numpy(dtype=float, na_value=np.nan)
        return self.scale(number).place(values, self._instruments(number, cells))

    def _instruments(self, number: str, cells: pd.DataFrame) -> np.ndarray:
        recorded = self._instrument(number)
        if not recorded:
            return np.full(len(cells), "", dtype=object)
        return cells[recorded[0]].astype("str").fillna("").to_numpy(dtype=object)

    def _instrument(self, number: str) -> list[str]:
        instrument = INSTRUMENT_OF.get(number)
        return [instrument] if instrument in self.columns else []

    def _scaled_column(self, name: str) -> str | None:
        """The number that ``name`` is derived from, if it is."""
        number, _, ending = name.rpartition("_")
        return number if ending in ENDINGS and number in self._scalable else None

    @cached_property
    def _scalable(self) -> list[str]:
        """The numbers that have a scale; not an [extra] ``age``, whose quarters would bear the name age_group."""
        known = read_schema()["cases"].columns
        return [
            name
            for name, kind in self._rows.schema.items()
            if kind.is_numeric() and not any(f"{name}_{ending}" in known for ending in ENDINGS)
        ]

    def _refuse_missing(self, columns: Iterable[str]) -> None:
        missing = [name for name in columns if not self.has(name)]
        if not missing:
            return
        for number in {name.rpartition("_")[0] for name in missing} & set(self.columns):
            if number not in self._scalable and self._rows.schema[number].is_numeric():
                raise EstimationError(
                    f"{number} cannot be put on a scale: the name of its quarters, {number}_group, is that of a column "
                    f"of the schema. Give {number} another header, such as {number}_value.",
                    reason="column_missing",
                    columns=tuple(missing),
                )
        known = [*self.columns, *(f"{number}_{ending}" for number in self._scalable for ending in ENDINGS)]
        near = [difflib.get_close_matches(name, known, n=1, cutoff=0.75) for name in missing]
        meant = [found[0] for found in near if found]
        hint = f" Did you mean {', '.join(meant)}?" if meant else ""
        raise EstimationError(
            f"The cases have no column {', '.join(missing)}.{hint} Add it to the file, or name it under [columns] "
            "or [extra] in the mapping.",
            reason="column_missing",
            columns=tuple(missing),
        )
