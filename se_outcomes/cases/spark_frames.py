"""From a Spark data frame to a raw table on Spark. What comes back to the driver is what was counted."""

from __future__ import annotations

from typing import Any

import narwhals as nw

from se_outcomes.cases.engine_column import raw_name
from se_outcomes.cases.engine_frames import raw_on_engine
from se_outcomes.cases.raw import EngineRaw
from se_outcomes.cases.rows import ROW, Engine, Rows

#: Spark numbers rows within partitions: the partition's number stands above these bits.
_PARTITION = 2**33


def open_spark(frame: Any) -> EngineRaw:
    """A Spark data frame as a raw table; rows are counted in the order of its partitions."""
    headers = list(frame.columns)
    plain = frame.toDF(*map(raw_name, range(len(headers))))
    # numbered by Spark itself: narwhals numbers rows by an order, which a Spark frame has only in its partitions
    numbered = plain.selectExpr("*", f"monotonically_increasing_id() AS {ROW}")
    lazy = nw.from_native(numbered)
    decimal = [name for name, kind in lazy.collect_schema().items() if kind == nw.Decimal]
    lazy = lazy.with_columns(**{name: nw.col(name).cast(nw.Float64) for name in decimal})
    engine = Engine("Spark", number_rows=lambda found: _row_numbers(lazy, found))
    return raw_on_engine(Rows(lazy, engine), headers, "the Spark frame")


def _row_numbers(frame: nw.LazyFrame, found: list[int]) -> list[int]:
    """Row numbers counted through the partitions, from Spark's numbers within them."""
    partition = frame.select(partition=nw.col(ROW) // _PARTITION)
    counted = partition.group_by("partition").agg(nw.len().alias("n")).collect("pandas").to_native()
    sizes = dict(zip(counted["partition"].astype(int), counted["n"].astype(int), strict=True))
    before = {one: sum(n for other, n in sizes.items() if other < one) for one in sizes}
    return [before[row // _PARTITION] + row % _PARTITION + 1 for row in found]
