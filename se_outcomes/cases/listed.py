"""A column whose rows are on an engine and whose distinct values have come to Python, each with its count."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import narwhals as nw
import numpy as np

from se_outcomes.cases.doubts import Doubt
from se_outcomes.cases.faults import Fault

#: Up to so many distinct targets a translation is a chain of cases; beyond, a table to look up in.
_FEW = 40
#: A typed value as every engine takes it.
Plain = str | float | bool | dt.date | None
_TYPES = {
    "number": nw.Float64(),
    "integer": nw.Int64(),
    "boolean": nw.Boolean(),
    "date": nw.Date(),
    "string": nw.String(),
}


@dataclass(frozen=True, repr=False)
class Listed:
    """Distinct values and how many rows have them; the same face as :class:`~se_outcomes.cases.distinct.Distinct`.

    Attributes
    ----------
    name : str
        The raw column.
    kind : narwhals dtype
        Of the raw column.
    raw : list (u,)
        Its distinct values as recorded, missing left out.
    counts : ndarray (u,) of int
    n_missing : int
    values : list (u,)
        What the mapping has made of them.
    settled : frozenset of int
        Positions whose value the mapping has given.
    missing_at : int or None
        Position of the value that the mapping has given to missing cells.
    as_text : bool
        Whether the values are those of the column written as text: of a structure, say.
    """

    name: str
    kind: nw.dtypes.DType
    raw: Sequence[object]
    counts: np.ndarray
    n_missing: int
    values: Sequence[object] = ()
    settled: frozenset[int] = field(default_factory=frozenset)
    missing_at: int | None = None
    as_text: bool = False

    @property
    def has_missing(self) -> bool:
        """Whether a cell is missing."""
        return self.n_missing > 0

    def with_values(self, values: Sequence[object], settled: frozenset[int], *, missing: bool) -> Listed:
        """The same rows under other values; the last of them for what was missing, if ``missing``."""
        return replace(
            self, values=values, settled=settled, missing_at=len(values) - 1 if missing else self.missing_at
        )

    def n_rows(self, chosen: np.ndarray) -> int:
        """How many rows have a value that is chosen, from a mask (u,) over the distinct values."""
        counts = self.counts if self.missing_at is None else np.append(self.counts, self.n_missing)
        return int(counts[chosen].sum())

    def accuse(self, chosen: np.ndarray, fault: Fault) -> list[Fault | Doubt]:
        """The fault, its rows still to be named; none where no row has a chosen value."""
        n = self.n_rows(chosen)
        return [Doubt(fault, self._rows(chosen), n_rows=n)] if n else []

    def typed(self, parsed: np.ndarray, kind: str) -> nw.Expr:
        """What the engine makes of a value: the column as it stands where parsing changes nothing."""
        target = _TYPES[kind]
        if not self.name:  # a constant
            return nw.lit(_plain(parsed[0], kind), dtype=target)
        column = nw.col(self.name)
        plain = [_plain(value, kind) for value in parsed[: len(self.raw)]]
        if self._stands(plain, kind):
            found = column
        elif kind == "number" and self.kind == nw.String and self._casts(plain):
            found = column.cast(target)
        else:
            found = self._translated(plain, target)
        if self.missing_at is not None:
            given = nw.lit(_plain(parsed[self.missing_at], kind), dtype=target)
            found = nw.when(column.is_null()).then(given).otherwise(found)
        return found

    def _rows(self, chosen: np.ndarray) -> nw.Expr:
        column = nw.col(self.name).cast(nw.String) if self.as_text else nw.col(self.name)
        rows = column.is_in([value for value, one in zip(self.raw, chosen, strict=False) if one])
        return (
            rows.fill_null(False) | column.is_null() if self.missing_at is not None and chosen[-1] else rows
        )

    def _stands(self, plain: Sequence[Plain], kind: str) -> bool:
        natural = {"string": self.kind == nw.String, "boolean": self.kind == nw.Boolean}
        return natural.get(kind, False) and plain == list(self.raw)

    def _casts(self, plain: Sequence[Plain]) -> bool:
        """Whether the texts are numbers as every engine writes them."""
        try:
            return all(
                value is not None
                and float(str(raw)) == value
                and str(raw).strip() == raw
                and "_" not in str(raw)
                for raw, value in zip(self.raw, plain, strict=True)
            )
        except ValueError:
            return False

    def _translated(self, plain: Sequence[Plain], target: nw.dtypes.DType) -> nw.Expr:
        column = nw.col(self.name)
        groups: dict[Plain, tuple[list, list[int]]] = {}
        for raw, value, count in zip(self.raw, plain, self.counts, strict=True):
            if value is not None:
                group = groups.setdefault(value, ([], []))
                group[0].append(raw)
                group[1].append(count)
        if len(groups) > _FEW:
            pairs = [(raw, value) for value, (raws, _) in groups.items() for raw in raws]
            old, new = zip(*pairs, strict=True)
            return column.replace_strict(list(old), list(new), default=None, return_dtype=target)
        found: nw.Expr = nw.lit(None, dtype=target)
        # the most frequent first: an engine stops at the first case that holds
        for value, (raws, _) in sorted(groups.items(), key=lambda one: sum(one[1][1])):
            found = nw.when(column.is_in(raws)).then(nw.lit(value, dtype=target)).otherwise(found)
        return found


def _plain(value: Any, kind: str) -> Plain:
    """A parsed value as every engine takes it; None where it is missing."""
    if value is None or value != value or (isinstance(value, np.datetime64) and np.isnat(value)):
        return None
    if kind == "date":
        day: dt.date = np.datetime64(value, "D").item()
        return day
    if kind == "integer":
        return int(value)
    return float(value) if kind == "number" else value
