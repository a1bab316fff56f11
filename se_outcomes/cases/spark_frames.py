"""From a Spark data frame to a raw table on Spark. What comes back to the driver is what was counted."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import narwhals as nw

from se_outcomes.cases.engine_column import raw_name
from se_outcomes.cases.engine_frames import raw_on_engine
from se_outcomes.cases.raw import EngineRaw
from se_outcomes.cases.rows import ROW, Engine, Rows
from se_outcomes.errors import EngineError

T = TypeVar("T")

#: Spark numbers rows within partitions: the partition's number stands above these bits.
_PARTITION_BITS = 33
#: What a type of Spark is read as; a moment is read as the session shows it, in its time zone.
_READ_AS = {"timestamp": "timestamp_ntz", "float": "double", "void": "string"}


def open_spark(frame: Any) -> EngineRaw:
    """A Spark data frame as a raw table; rows are counted in the order of its partitions."""
    headers = list(frame.columns)
    names = list(map(raw_name, range(len(headers))))
    kinds = [field.dataType.simpleString() for field in frame.schema]
    read = [f"{_cast(name, kind)} AS {name}" for name, kind in zip(names, kinds, strict=True)]
    # numbered by Spark itself: narwhals numbers rows by an order, which a Spark frame has only in its partitions
    numbered = frame.toDF(*names).selectExpr(*read, f"monotonically_increasing_id() AS {ROW}")
    engine = Engine("Spark", number_rows=partial(_row_numbers, numbered), watched=_told)
    return raw_on_engine(Rows(nw.from_native(numbered), engine), headers, "the Spark frame")


def _cast(name: str, kind: str) -> str:
    to = "double" if kind.startswith("decimal") else _READ_AS.get(kind)
    return f"CAST({name} AS {to})" if to else name


def _row_numbers(numbered: Any, found: list[int]) -> list[int]:
    """Row numbers counted through the partitions, from Spark's numbers within them."""
    places = [divmod(row, 2**_PARTITION_BITS) for row in found]
    last = max((partition for partition, _ in places), default=0)
    sizes = (
        _sizes(numbered, last) if last else {}
    )  # the rows of the first partition have their numbers already
    before = {one: sum(n for other, n in sizes.items() if other < one) for one, _ in places}
    return [before[partition] + within + 1 for partition, within in places]


def _sizes(numbered: Any, last: int) -> dict[int, int]:
    """How many rows there are in each partition before the last."""
    partition = numbered.selectExpr(f"shiftright({ROW}, {_PARTITION_BITS}) AS partition")
    counted = partition.filter(f"partition < {last}").groupBy("partition").count()
    return dict(map(tuple, _told(counted.collect, "finding the rows")))


def _told(call: Callable[[], T], what: str) -> T:
    """What Spark answers; its own messages may quote the data, so that the kind of error alone is told."""
    try:
        with warnings.catch_warnings():
            # PySpark warns of every frame made by pandas 3, and quotes its errors in warnings
            warnings.simplefilter("ignore")
            return call()
    except Exception as error:
        kind = type(error)
        if kind.__module__.partition(".")[0] not in ("pyspark", "py4j"):
            raise
        raise EngineError(
            f"Spark stopped while {what} ({kind.__name__}): the data are damaged or out of reach by now, or an "
            "executor is out of memory."
        ) from None
