"""The same questions put to Spark and to DuckDB on one Parquet file: seconds, peak memory, and whether they agree.

Run: ``python benchmarks/on_spark.py 1000000 10000000 --folder FOLDER``; files in the folder are kept and used again.
Needs pyspark and Java. Spark runs in ``local[2]`` mode: one machine, where it has to start a Java machine and to
shuffle between two threads; what it gains on a cluster does not show here. Prints the Markdown table of
benchmarks/README.md.

Each engine is a process of its own. The memory is the most that the process and its children (Spark's Java machine)
were seen to hold at once, in looks a tenth of a second apart; only of their own is counted, not what they share. The
last line of each size is the largest difference between the two engines in any number of any answer, which ends the
run where it is more than 1e-10.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from register_cases import write_register

import se_outcomes as so

SIZES = (1_000_000, 10_000_000)
MAPPING = Path(__file__).parents[1] / "analyses" / "simulated.toml"
EXCLUSION = "caseload_at_referral"
TALLY = (
    "office_id", "gate_state", "outcome_state", "motivation", "motivation_scaled", "motivation_group", "motivation_bin",
    "age_group", "education_level", EXCLUSION,
)  # fmt: skip
ENGINES = ("DuckDB", "Spark")
MOST_APART = 1e-10
PAUSE = 0.1
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Measured:
    """What one engine took and found."""

    mebibytes: float
    seconds: dict[str, float]
    answers: dict[str, list[list]]


# --- the child processes --------------------------------------------------------------------------


def child(engine: str, file: Path, memory: str, said: Path) -> None:
    """Put all questions to one engine and write down what they took and what came of them."""
    seconds: dict[str, float] = {}
    start = lambda: _frame(file, memory) if engine == "Spark" else file  # noqa: E731
    source = _timed(seconds, "start", start)
    cases = _timed(seconds, "check", lambda: so.load_cases(source, mapping=MAPPING))
    asked: dict[str, Callable[[], pd.DataFrame]] = {
        "tally": lambda: cases.tally(TALLY),
        "referral": lambda: so.estimate_referral(cases).tidy(),
        "acceptance": lambda: so.estimate_acceptance(cases).tidy(),
        "selected placement": lambda: so.estimate_selected_placement(cases, exclusion=[EXCLUSION]).tidy(),
    }
    answers = {name: _plain(_timed(seconds, name, ask)) for name, ask in asked.items()}
    said.write_text(json.dumps({"seconds": seconds, "answers": answers}))


def _frame(file: Path, memory: str) -> object:
    """The file on a Spark of two threads."""
    from pyspark.sql import SparkSession  # noqa: PLC0415

    builder = SparkSession.builder.master("local[2]").config("spark.driver.memory", memory)
    for name, value in {
        "spark.sql.shuffle.partitions": "2",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
    }.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    return session.read.parquet(str(file))


def _timed(seconds: dict[str, float], name: str, step: Callable) -> object:
    begun = time.perf_counter()
    found = step()
    seconds[name] = time.perf_counter() - begun
    return found


def _plain(answer: pd.DataFrame) -> list[list]:
    """Numbers as numbers, everything else as text, missing as None."""
    columns = []
    for name in answer:
        column = answer[name]
        number = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
        columns.append(
            [None if pd.isna(value) else float(value) if number else str(value) for value in column]
        )
    return columns


# --- measuring them -------------------------------------------------------------------------------


def run(engine: str, file: Path, memory: str) -> Measured:
    """Measure one engine in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        said = Path(folder) / "said.json"
        command = [sys.executable, __file__, "--child", engine, str(file), str(said), "--memory", memory]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        peak = 0
        while process.poll() is None:
            peak = max(peak, _held(process.pid))
            time.sleep(PAUSE)
        if process.returncode:
            raise SystemExit(f"{engine} failed; run it with --child to see why")
        told = json.loads(said.read_text())
    return Measured(peak / 2**20, told["seconds"], told["answers"])


def _held(root: int) -> int:
    """Bytes of a process and of all that it has started, without what is shared."""
    parents = {int(one.name): _parent(one) for one in Path("/proc").iterdir() if one.name.isdigit()}
    family = {root}
    while more := {one for one, parent in parents.items() if parent in family} - family:
        family |= more
    return sum(map(_own, family))


def _parent(process: Path) -> int:
    try:
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:  # it has ended
        return -1


def _own(process: int) -> int:
    try:
        _, resident, shared, *_ = map(int, Path(f"/proc/{process}/statm").read_text().split())
    except OSError:
        return 0
    return (resident - shared) * PAGE


def apart(one: list[list], other: list[list]) -> float:
    """The largest difference between two answers; infinite where they differ in anything but numbers."""
    if [len(column) for column in one] != [len(column) for column in other]:
        return np.inf
    pairs = [pair for columns in zip(one, other, strict=True) for pair in zip(*columns, strict=True)]
    numbers = [pair for pair in pairs if all(isinstance(value, float) for value in pair)]
    if any(one != other for one, other in pairs if not (isinstance(one, float) and isinstance(other, float))):
        return np.inf
    return max((abs(one - other) for one, other in numbers if one != other), default=0.0)


# --- the table ------------------------------------------------------------------------------------


def print_size(file: Path, n_cases: int, memory: str) -> None:
    """The rows of one size."""
    measured = {engine: run(engine, file, memory) for engine in ENGINES}
    for engine, one in measured.items():
        spent = " | ".join(f"{seconds:.1f}" for seconds in one.seconds.values())
        print(
            f"| {n_cases:,} | {engine} | {spent} | {sum(one.seconds.values()):.1f} | {one.mebibytes:.0f} |",
            flush=True,
        )
    duckdb, spark = (measured[engine].answers for engine in ENGINES)
    most = max(apart(duckdb[name], spark[name]) for name in duckdb)
    print(f"| {n_cases:,} | largest difference | {most:.1e} |||||||", flush=True)
    if not most <= MOST_APART:
        raise SystemExit(f"the engines differ by {most:.1e}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Spark beside DuckDB, by the million cases.")
    parser.add_argument("sizes", nargs="*", type=int, help="numbers of cases")
    parser.add_argument("--folder", type=Path, help="where the files are kept and found again")
    parser.add_argument("--memory", default="4g", help="of Spark's Java machine")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        engine, file, said = given.child
        child(engine, Path(file), given.memory, Path(said))
        return
    steps = "start | check | tally | referral | acceptance | selected placement"
    print(f"| cases | engine | {steps} | sum | peak MiB |")
    print("| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory() as made:
        folder = given.folder or Path(made)
        folder.mkdir(parents=True, exist_ok=True)
        for n_cases in given.sizes or SIZES:
            file = folder / f"cases_{n_cases}.parquet"
            print_size(file if file.exists() else write_register(file, n_cases), n_cases, given.memory)


if __name__ == "__main__":
    main()
