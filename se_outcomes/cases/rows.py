"""Rows where they are: in pandas, in DuckDB or on Spark, asked in one language and answered in counts.

Everything that is asked is a narwhals expression, which each engine carries out in its own way. What comes back are
counts, row numbers, the ends of columns, and distinct values where there are few; rows never do.

narwhals and Ibis 12 were both tried on rules of every kind in the schema and on a tally by gate: both can say them,
with equal counts on DuckDB. narwhals was taken because pandas is one of its engines, so that a file in memory goes
the same way, while Ibis hands a pandas frame to DuckDB by way of pyarrow, which refuses a column of mixed cells;
because statsmodels brings it in already, where Ibis with what it needs is 480 MB; and because Ibis wants a Spark
before 4.1. What narwhals has no word for, numbering rows, each engine's opener does in the engine's own words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from se_outcomes.cases.faults import N_FIRST_ROWS

#: The column that tells where a row stands; only its order means something.
ROW = "__row"

#: A column under its type: as an array, or as what an engine works out.
TypedColumn = pd.api.extensions.ExtensionArray | np.ndarray | nw.Expr


@dataclass(frozen=True, eq=False)
class Engine:
    """Who does the counting.

    Attributes
    ----------
    name : str
        ``pandas``, ``DuckDB``, ``Spark`` or ``tally``.
    number_rows : function
        From values of :data:`ROW`, in order, to row numbers counted from 1.
    watched : function
        Carries out a call; an engine may show how far it has come.
    """

    name: str
    number_rows: Callable[[list[int]], list[int]] = lambda found: [row + 1 for row in found]
    watched: Callable[[Callable[[], Any], str], Any] = lambda call, _: call()


PANDAS = Engine("pandas")


@dataclass(frozen=True, eq=False, repr=False)
class Rows:
    """Rows on an engine, and all that may be asked of them.

    Attributes
    ----------
    frame : narwhals LazyFrame
        The columns and :data:`ROW`.
    engine : Engine
    weight : str or None
        The column that says how many cases a row stands for, where a row is a cell of a tally.
    constants : mapping of str to value
        Columns known to have one value throughout, which need not be read to be counted by.
    """

    frame: nw.LazyFrame
    engine: Engine = PANDAS
    weight: str | None = None
    constants: Mapping[str, Any] = field(default_factory=dict)

    @property
    def schema(self) -> Mapping[str, nw.dtypes.DType]:
        """Type of each column, without what is not data."""
        own = (ROW, self.weight)
        return {name: kind for name, kind in self.frame.collect_schema().items() if name not in own}

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(self.schema)

    def has(self, *columns: str) -> bool:
        """Whether all of the columns are there."""
        return set(columns) <= set(self.columns)

    def with_columns(self, columns: Mapping[str, nw.Expr]) -> Rows:
        """The same rows with columns that are worked out where they are."""
        return replace(self, frame=self.frame.with_columns(**columns)) if columns else self

    def select(self, columns: Mapping[str, nw.Expr]) -> Rows:
        """The same rows with these columns and no others."""
        kept = [ROW] if self.weight is None else [ROW, self.weight]
        return replace(self, frame=self.frame.select(*kept, **columns), constants={})

    def with_constants(self, names: Iterable[str]) -> Rows:
        """The same rows, with some columns known to have one value throughout."""
        told = self.head(1).ask({name: nw.col(name).max() for name in names})
        return replace(self, constants={**self.constants, **told})

    def filter(self, rows: nw.Expr) -> Rows:
        """The rows for which the expression is true."""
        return replace(self, frame=self.frame.filter(rows))

    def head(self, n: int) -> Rows:
        """Some n of the rows."""
        return replace(self, frame=self.frame.head(n))

    def count(self, *columns: str, most: int | None = None) -> pd.DataFrame:
        """Distinct rows of the columns with ``n``, how many cases have them; in no particular order.

        Where there are more than ``most`` of them, ``most + 1`` are given.
        """
        n = nw.len() if self.weight is None else nw.col(self.weight).sum()
        by = [name for name in columns if name not in self.constants]
        counted = (
            self.frame.group_by(*by, drop_null_keys=False).agg(n.alias("n")) if by else self.frame.select(n=n)
        )
        if most is not None:
            counted = counted.head(most + 1)
        found = self._fetch(counted, f"counting by {', '.join(columns)}")
        found = found.assign(**{name: self.constants[name] for name in columns if name in self.constants})
        return _in_pandas_types(found[[*columns, "n"]], {**self.frame.collect_schema(), "n": nw.Int64()})

    def ask(self, answers: Mapping[str, nw.Expr], what: str = "looking through the rows") -> dict[str, Any]:
        """Aggregates over all rows, in one pass; a missing one is None."""
        if not answers:
            return {}
        told = self._fetch(self.frame.select(**answers), what).iloc[0]
        return {name: None if pd.isna(told[name]) else told[name] for name in answers}

    def any(self, rows: nw.Expr) -> bool:
        """Whether the expression is true for some row."""
        return bool(self.ask({"any": rows.fill_null(False).any()})["any"])

    def first(self, rows: nw.Expr | None = None) -> str:
        """The first rows an expression is true for (all where None), counted from 1, as text."""
        chosen = self.frame if rows is None else self.frame.filter(rows.fill_null(False))
        found = self._fetch(chosen.select(ROW).sort(ROW).head(N_FIRST_ROWS), "finding the rows")
        return self.numbered(found[ROW].tolist())

    def numbered(self, found: Sequence[int]) -> str:
        """Row numbers of some values of :data:`ROW`, as text."""
        return ", ".join(map(str, self.engine.number_rows([int(row) for row in found])))

    def repeated(self, key: nw.Expr) -> Rows:
        """The rows whose key stands on another row too; a missing key is not repeated."""
        keyed = self.frame.with_columns(__key=key).filter(~nw.col("__key").is_null())
        often = keyed.group_by("__key").agg(nw.len().alias("__n")).filter(nw.col("__n") > 1)
        return replace(self, frame=keyed.join(often, on="__key", how="semi"))

    def distinct(self, columns: Sequence[str], most: int) -> pd.DataFrame | None:
        """Distinct rows as recorded, in the engine's types, with ``n``; None where there are more than ``most``."""
        counted = self.frame.group_by(*columns, drop_null_keys=False).agg(nw.len().alias("n")).head(most + 1)
        found = self._fetch(counted, "listing values")
        return None if len(found) > most else found

    def _fetch(self, small: nw.LazyFrame, what: str) -> pd.DataFrame:
        """Bring an answer to Python; nothing else in the package does."""
        return self.engine.watched(lambda: small.collect("pandas").to_native(), what)


def rows_of_pandas(frame: pd.DataFrame) -> Rows:
    """A typed pandas frame as rows; its index does not count."""
    numbered = frame.reset_index(drop=True)
    return Rows(nw.from_native(numbered.assign(**{ROW: range(len(numbered))})).lazy())


def _in_pandas_types(found: pd.DataFrame, schema: Mapping[str, nw.dtypes.DType]) -> pd.DataFrame:
    """The same types whatever the engine: what a tally's reader relies on."""
    kinds = {}
    for name in found.columns:
        kind = schema[name]
        if kind in (nw.String, nw.Categorical, nw.Enum):
            kinds[name] = "str"
        elif kind == nw.Boolean:
            kinds[name] = "boolean"
        elif kind.is_integer():
            kinds[name] = "int64" if name == "n" else "Int64"
        elif kind.is_temporal():
            kinds[name] = "datetime64[us]"
        elif kind.is_numeric():
            kinds[name] = "float64"
    return found.astype({name: kind for name, kind in kinds.items() if found[name].dtype != kind})
