"""A raw column on an engine: its type, and its distinct values where there are few enough to list."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from se_outcomes.cases.listed import Listed
from se_outcomes.cases.rows import Rows

#: More distinct values than this are not listed: they are judged where they are.
MOST_VALUES = 50_000
#: Texts that are clean and in which nothing identifies: decimal numbers, a few digits after at most two letters (a
#: phone number is led in by more), hexadecimal pseudonyms of the usual lengths, and UUIDs. (``\z`` is the end on every
#: engine; ``$`` is on Spark also before a last line break.)
HARMLESS = (
    r"^(?:[-+]?[0-9]{1,7}[.,][0-9]{1,17}|[A-Za-zÆØÅæøå]{0,2}[_-]?[0-9]{1,7}|[A-Za-zÆØÅæøå]{1,2}[0-9]{1,9}|[0-9]{8,9}|"
    r"[0-9a-fA-F]{32}|[0-9a-fA-F]{40}|[0-9a-fA-F]{64}|"
    r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12})\z"
)
#: Nor are more combinations of several columns.
_MOST_TOGETHER = 4 * MOST_VALUES


def raw_name(position: int) -> str:
    """What a raw column is called on an engine."""
    return f"__{position}"


@dataclass
class Ends:
    """The least and the greatest value of a column of numbers or dates, where they were asked for."""

    least: Any = None
    greatest: Any = None
    timed: bool = False
    not_a_number: bool = False

    def within(self, least: Any, greatest: Any) -> bool:
        """Whether all values lie within bounds; where there is none, they do, and not-a-number is in no bounds."""
        if self.not_a_number:
            return False
        return self.least is None or bool(least <= self.least and self.greatest <= greatest)


@dataclass(frozen=True, eq=False, repr=False)
class EngineColumn:
    """A raw column on an engine.

    Attributes
    ----------
    rows : Rows
    name : str
    ends : Ends
        Of a column of numbers or dates; whether not-a-number is among them, and, timed, a moment that is no day.
    """

    rows: Rows
    name: str
    ends: Ends = field(default_factory=lambda: Ends())
    _told: dict[str, Listed | None] = field(default_factory=dict)

    @cached_property
    def kind(self) -> nw.dtypes.DType:
        """The engine's type."""
        return self.rows.schema[self.name]

    @property
    def listed(self) -> Listed | None:
        """Its distinct values; None where there are more than :data:`MOST_VALUES`, or they are no plain values."""
        if not _is_plain(self.kind):
            return None
        if self.name not in self._told:
            self.tell(self.rows.distinct([self.name], MOST_VALUES))
        return self._told[self.name]

    def tell(self, counted: pd.DataFrame | None) -> None:
        """Distinct values found elsewhere, with ``n``; None where they are too many."""
        self._told[self.name] = None if counted is None else _listed(self.name, self.kind, counted)

    @cached_property
    def is_harmless(self) -> bool:
        """Whether all texts are of a shape in which nothing identifies, and which needs no parsing."""
        return not self.rows.any(is_suspect(nw.col(self.name)))

    @property
    def values(self) -> list[object]:
        """Distinct values, as far as they are listed."""
        return list(self.listed.values) if self.listed else []


def is_suspect(text: nw.Expr) -> nw.Expr:
    """Whether a text is of another shape than :data:`HARMLESS`."""
    return ~text.str.contains(HARMLESS)


def find_ends(columns: list[EngineColumn]) -> None:
    """Ask for the ends of all columns of numbers and dates, in one pass."""
    asked = [one for one in columns if one.kind.is_numeric() or one.kind in (nw.Date, nw.Datetime)]
    questions: dict[str, nw.Expr] = {}
    for one in asked:
        value = nw.col(one.name)
        questions |= {f"{one.name} least": value.min(), f"{one.name} greatest": value.max()}
        if one.kind.is_float():
            questions[f"{one.name} no number"] = value.is_nan().any()
        if one.kind == nw.Datetime:
            questions[f"{one.name} timed"] = (value.cast(nw.Date).cast(nw.Datetime("us")) != value).any()
    told = columns[0].rows.ask(questions, "looking for the ends") if asked else {}
    for one in asked:
        one.ends.least, one.ends.greatest = told[f"{one.name} least"], told[f"{one.name} greatest"]
        one.ends.timed = bool(told.get(f"{one.name} timed"))
        one.ends.not_a_number = bool(told.get(f"{one.name} no number"))


def list_values(columns: list[EngineColumn], n_rows: int) -> None:
    """List the values of several columns in few passes: columns with few values are counted together.

    What there are in the first rows says which columns have too many values to list, and which can be counted in one.
    """
    if not columns:
        return
    some = min(n_rows, 4 * MOST_VALUES)
    rows = columns[0].rows
    told = rows.head(some).ask(
        {column.name: nw.col(column.name).n_unique() for column in columns}, "looking ahead"
    )
    together: list[EngineColumn] = []
    size = 1
    for column in sorted(columns, key=lambda one: int(told[one.name])):
        few = int(told[column.name])
        if few > MOST_VALUES:
            column.tell(None)
            continue
        if together and size * few > MOST_VALUES:
            _list_together(rows, together)
            together, size = [], 1
        together.append(column)
        size *= few
    _list_together(rows, together)


def _list_together(rows: Rows, columns: list[EngineColumn]) -> None:
    counted = rows.distinct([column.name for column in columns], _MOST_TOGETHER) if len(columns) > 1 else None
    if counted is None:
        return  # each is listed by itself when it is asked for
    for column in columns:
        one = counted.groupby(column.name, dropna=False, sort=False, observed=True)["n"].sum().reset_index()
        column.tell(one if len(one) <= MOST_VALUES else None)


def _is_plain(kind: nw.dtypes.DType) -> bool:
    return kind in (nw.String, nw.Boolean, nw.Date, nw.Datetime) or kind.is_numeric()


def _listed(name: str, kind: nw.dtypes.DType, counted: pd.DataFrame) -> Listed:
    counted = counted.rename(columns={name: "value"})
    missing = counted["value"].isna().to_numpy()
    n = counted["n"].to_numpy(dtype=np.int64)
    there = counted["value"][~missing]
    values: list[object]
    if kind.is_integer():
        values = [int(value) for value in there]
    elif kind.is_float():
        values = [float(value) for value in there]
    elif kind == nw.Boolean:
        values = [bool(value) for value in there]
    else:
        values = there.tolist()
    return Listed(name, kind, values, n[~missing], int(n[missing].sum()), values)
