"""Time and memory at 1, 10 and 100 million cases in Parquet, beside DuckDB's bare scan of the same file and peers.

Run: ``python benchmarks/register.py`` (an hour and more at all three sizes), or ``python benchmarks/register.py 1000000
--only scan distinct check questions --folder FOLDER``; the files in the folder are kept and used again.
``--memory-limit none`` lets DuckDB take what it wants, and ``--growth caseloads offices`` shows how time grows with
cells and offices. Prints the Markdown tables that stand in benchmarks/README.md.

Each measurement is a process of its own, two threads; its seconds are those of the whole process (half a second of them
Python's start), the memory its peak:

* scan: DuckDB counts the distinct rows of the recorded columns that the questions' tallies are made of (see COLUMNS).
  The tallies have states for the gates and for the outcome instead, which also take ``followup_end >= entry_date + 365
  days``; "scan, with follow-up" groups by that too, and so reads both dates.
* distinct: DuckDB counts the distinct case_id, the least that a check for duplicates can cost.
* check: ``load_cases``, to be held against both together: the last column.
* questions: in one process, after loading, each timed by itself (modules are loaded before): the tally that all of them
  use, and the three questions as they come: the office jackknife (CV3) for intervals, the restricted wild score
  bootstrap (WCLR-S) for p-values. The memory is that of the process, loading included.
* peers, on rows, with offices as dummies or absorbed and errors clustered by office: statsmodels' Logit, and pyfixest's
  feglm and feols where installed, each for the adjusted model of referral alone. They are tried at 100,000, 1 and 10
  million cases until one does not end within 8 GiB of address space and 300 seconds. They check nothing, and have no
  jackknife. What is printed behind them and the questions is the coefficient, which should be the same (of feols it is
  in probability, not log odds).
"""

from __future__ import annotations

import argparse
import importlib.util
import inspect
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
from register_cases import write_register

import se_outcomes as so

SIZES = (1_000_000, 10_000_000, 100_000_000)
PEER_SIZES = (100_000, 1_000_000, 10_000_000)
MAPPING = Path(__file__).parents[1] / "analyses" / "simulated.toml"
ADJUST_FOR = ("age_group", "education_level")
EXCLUSION = "caseload_at_referral"
#: What the tally for the three questions is made of, as recorded.
GATES = ("eligible", "referred", "accepted", "placed")
COLUMNS = ("office_id", *GATES, "motivation", "motivation_instrument", *ADJUST_FOR, EXCLUSION)
SCALED = ("motivation_scaled", "motivation_group", "motivation_bin")
#: The tally itself: with the states that follow from the gates and the dates.
TALLY = ("office_id", "gate_state", "outcome_state", "motivation", *SCALED, *ADJUST_FOR, EXCLUSION)
FOLLOWED = "followup_end >= entry_date + 365"
PEER_BYTES, PEER_SECONDS = 8 * 2**30, 300
LINES = ("scan", "followed", "distinct", "check", "questions", "peers")
TITLES = {
    "scan": "DuckDB: scan",
    "followed": "DuckDB: scan, with follow-up",
    "distinct": "DuckDB: distinct case_id",
    "check": "check",
    "questions": "questions: the whole process",
    "statsmodels": "statsmodels: Logit",
    "feglm": "pyfixest: feglm",
    "feols": "pyfixest: feols",
}
GROWTH = {"caseloads": (2, 10, 50, 200), "offices": (5, 50, 500)}

#: Runs one process and tells its wall seconds, its peak and its last lines; one for each, as ru_maxrss of
#: RUSAGE_CHILDREN is that of the largest child so far.
MEASURE = """
import json, resource, subprocess, sys, time
start = time.perf_counter()
try:
    done = subprocess.run(sys.argv[2:], capture_output=True, text=True, timeout=float(sys.argv[1]) or None)
    status, said, wrong = done.returncode, done.stdout.splitlines()[-1:], done.stderr.splitlines()[-1:]
except subprocess.TimeoutExpired:
    status, said, wrong = -1, [], ["time"]
spent = time.perf_counter() - start
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
print(json.dumps([spent, peak, status, "".join(said), "".join(wrong)]))
"""


@dataclass(frozen=True)
class Measured:
    """What one process took; ``said`` is the JSON it printed, or none where it failed for the reason ``wrong``."""

    seconds: float
    mebibytes: float
    said: dict[str, float]
    wrong: str = ""


def run(line: str, file: Path, limit: str, threads: int, timeout: float = 0) -> Measured:
    """Measure one line in a process of its own; without a timeout it must not fail."""
    child = [__file__, "--child", line, str(file), "--memory-limit", limit, "--threads", str(threads)]
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(timeout), sys.executable, *child],
        capture_output=True,
        text=True,
        check=True,
    )
    seconds, mebibytes, status, said, wrong = json.loads(done.stdout)
    if status and not timeout:
        raise SystemExit(f"{line} failed: {wrong}")
    return Measured(seconds, mebibytes, {} if status else json.loads(said), wrong or f"status {status}")


# --- the child processes --------------------------------------------------------------------------


def query(sql: str, file: Path, limit: str, threads: int) -> dict[str, float]:
    """Run a query and bring its result into Python."""
    with tempfile.TemporaryDirectory(dir=file.parent, prefix=".spilled.") as folder:
        settings = {"threads": threads, "temp_directory": folder}
        if limit != "none":
            settings["memory_limit"] = limit
        with duckdb.connect(config=settings) as connection:
            found = connection.execute(sql, [str(file)]).fetchnumpy()
    return {"rows": len(next(iter(found.values())))}


def scan(file: Path, limit: str, threads: int) -> dict[str, float]:
    columns = ", ".join(COLUMNS)
    return query(f"SELECT {columns}, count(*) AS n FROM read_parquet(?) GROUP BY ALL", file, limit, threads)


def followed(file: Path, limit: str, threads: int) -> dict[str, float]:
    columns = f"{', '.join(COLUMNS)}, {FOLLOWED} AS followed"
    return query(f"SELECT {columns}, count(*) AS n FROM read_parquet(?) GROUP BY ALL", file, limit, threads)


def distinct(file: Path, limit: str, threads: int) -> dict[str, float]:
    return query("SELECT count(DISTINCT case_id) FROM read_parquet(?)", file, limit, threads)


def load(file: Path, limit: str) -> so.Cases:
    """Read and check, within the limit where the package knows of one."""
    known = limit != "none" and "memory_limit" in inspect.signature(so.load_cases).parameters
    options = {"memory_limit": limit} if known else {}
    return so.load_cases(file, mapping=MAPPING, **options)


def check(file: Path, limit: str, threads: int) -> dict[str, float]:
    return {"rows": load(file, limit).n_cases}


def questions(
    file: Path, limit: str, threads: int, adjust_for: Sequence[str] = ADJUST_FOR
) -> dict[str, float]:
    """Seconds of the tally and of each question, and what was found of referral."""
    cases = load(file, limit)
    wanted = [name for name in TALLY if name not in ADJUST_FOR or name in adjust_for]
    options: dict = {"adjust_for": list(adjust_for)}
    asked = {
        "tally": lambda: cases.tally(wanted),
        "estimate_referral": lambda ask=so.estimate_referral: ask(cases, **options),
        "estimate_acceptance": lambda ask=so.estimate_acceptance: ask(cases, **options),
        "estimate_selected_placement": lambda ask=so.estimate_selected_placement: ask(
            cases, exclusion=[EXCLUSION], **options
        ),
    }
    spent: dict[str, float] = {}
    found = {name: timed(spent, name, ask) for name, ask in asked.items()}
    spent["sum of these"] = sum(spent.values())
    of_referral = found["estimate_referral"].tidy()
    per_sd = of_referral.query("measure == 'log_odds' and contrast == 'per_sd'")["estimate"].iloc[-1]
    return {**spent, "rows": len(found["tally"]), "per_point": per_sd / cases.scale("motivation").sd}


def crude(file: Path, limit: str, threads: int) -> dict[str, float]:
    """The questions without covariates, so that many offices do not make many more cells."""
    return questions(file, limit, threads, ())


def timed(spent: dict[str, float], name: str, step: Callable[[], object]) -> object:
    begun = time.perf_counter()
    found = step()
    spent[name] = time.perf_counter() - begun
    return found


AT_RISK = f"FROM read_parquet(?) WHERE eligible AND {FOLLOWED} AND motivation IS NOT NULL"


def statsmodels(file: Path, limit: str, threads: int) -> dict[str, float]:
    """The logit of referral on rows, offices as dummies."""
    import numpy as np  # noqa: PLC0415
    from statsmodels.api import Logit  # noqa: PLC0415

    spent: dict[str, float] = {}
    with duckdb.connect(config={"threads": threads}) as connection:
        columns = ["motivation", "1e0"]
        for name in (*ADJUST_FOR, "office_id"):
            levels = connection.execute(
                f"SELECT DISTINCT {name} {AT_RISK} ORDER BY 1", [str(file)]
            ).fetchall()
            columns += [f"({name} = '{level}')::DOUBLE" for (level,) in levels[1:]]
        wanted = ", ".join([*columns, "referred::DOUBLE", "office_id::INTEGER"])
        *rows, y, offices = (
            connection.execute(f"SELECT {wanted} {AT_RISK}", [str(file)]).fetchnumpy().values()
        )
    X = np.column_stack(rows)
    del rows
    fit = lambda: Logit(y, X).fit(disp=0, cov_type="cluster", cov_kwds={"groups": offices})  # noqa: E731
    found = timed(spent, "fit alone", fit)
    return {**spent, "per_point": found.params[0]}


def feglm(file: Path, limit: str, threads: int) -> dict[str, float]:
    """The logit of referral on rows, offices absorbed."""
    return fixed_effects(file, threads, "feglm", family="logit")


def feols(file: Path, limit: str, threads: int) -> dict[str, float]:
    """The linear model of the same, which is cheaper and answers another question."""
    return fixed_effects(file, threads, "feols")


def fixed_effects(file: Path, threads: int, name: str, **options: str) -> dict[str, float]:
    import pyfixest  # noqa: PLC0415

    spent: dict[str, float] = {}
    columns = ", ".join(["referred::INTEGER AS referred", "motivation", *ADJUST_FOR, "office_id"])
    with duckdb.connect(config={"threads": threads}) as connection:
        frame = connection.execute(f"SELECT {columns} {AT_RISK}", [str(file)]).df()
    formula = f"referred ~ motivation + {' + '.join(f'C({other})' for other in ADJUST_FOR)} | office_id"
    fit = lambda: getattr(pyfixest, name)(formula, frame, vcov={"CRV1": "office_id"}, **options)  # noqa: E731
    found = timed(spent, "fit alone", fit)
    return {**spent, "per_point": float(found.coef()["motivation"])}


PEERS = {"statsmodels": statsmodels, "feglm": feglm, "feols": feols}
CHILDREN = {
    "scan": scan,
    "followed": followed,
    "distinct": distinct,
    "check": check,
    "questions": questions,
    "crude": crude,
    **PEERS,
}


def child(line: str, file: Path, limit: str, threads: int) -> None:
    """Print what one line says of itself."""
    if line in PEERS:
        resource.setrlimit(resource.RLIMIT_AS, (PEER_BYTES, PEER_BYTES))
    print(json.dumps(CHILDREN[line](file, limit, threads)))


# --- the tables -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Bench:
    """Where the files are, and what DuckDB may use."""

    folder: Path
    limit: str
    threads: int

    def register(self, n_cases: int, **options: int) -> Path:
        """The file with so many cases, written where it is not there yet."""
        name = "_".join(["cases", str(n_cases), *(f"{key}_{value}" for key, value in options.items())])
        file = self.folder / f"{name}.parquet"
        return file if file.exists() else write_register(file, n_cases, **options)

    def run(self, line: str, file: Path, timeout: float = 0) -> Measured:
        """Measure one line."""
        return run(line, file, self.limit, self.threads, timeout)


def row(
    n_cases: int, what: str, seconds: float, memory: str, scanned: float | None, least: float | None
) -> str:
    """A row of the table; the last two are seconds to be held against."""
    ratios = [f"{seconds / peer:.1f}" if peer else "" for peer in (scanned, least)]
    return f"| {n_cases:,} | {what} | {seconds:.1f} | {memory} | {' | '.join(ratios)} |"


def title(line: str, measured: Measured) -> str:
    """What was measured, with the coefficient where it is an estimate."""
    found = measured.said.get("per_point")
    return TITLES[line] if found is None else f"{TITLES[line]} ({found:.4f} per point)"


def rows(bench: Bench, n_cases: int, only: Sequence[str]) -> Iterator[str]:
    """The rows of one size."""
    file = bench.register(n_cases)
    took: dict[str, float] = {}
    for line in [name for name in LINES if name in only and name != "peers"]:
        measured = bench.run(line, file)
        took[line] = measured.seconds
        both = line == "check" and {"scan", "distinct"} <= set(took)
        least = took["scan"] + took["distinct"] if both else None
        memory = f"{measured.mebibytes:.0f}"
        yield row(n_cases, title(line, measured), measured.seconds, memory, took.get("scan"), least)
        if line == "questions":
            steps = [name for name in measured.said if name not in ("rows", "per_point")]
            for step in steps:
                yield row(n_cases, f"questions: {step}", measured.said[step], "", took.get("scan"), None)


def peer_rows(bench: Bench, sizes: Sequence[int]) -> Iterator[str]:
    """The rows of the peers, each up to the first size that is too large for it."""
    names = list(PEERS) if importlib.util.find_spec("pyfixest") else ["statsmodels"]
    for n_cases in [size for size in PEER_SIZES if size <= max(sizes)]:
        file = bench.register(n_cases)
        scan = bench.run("scan", file).seconds
        for name in list(names):
            measured = bench.run(name, file, PEER_SECONDS)
            if not measured.said:
                names.remove(name)
                yield f"| {n_cases:,} | {TITLES[name]} | {why(measured.wrong)} | | | |"
                continue
            memory = f"{measured.mebibytes:.0f}"
            yield row(n_cases, title(name, measured), measured.seconds, memory, scan, None)
            yield row(n_cases, f"{TITLES[name]}, fit alone", measured.said["fit alone"], "", scan, None)


def why(wrong: str) -> str:
    """Why a peer did not end, in few words."""
    if wrong == "time":
        return f"over {PEER_SECONDS}"
    memory = any(word in wrong.lower() for word in ("memory", "allocate", "bad_alloc"))
    return f"over {PEER_BYTES // 2**30} GiB" if memory else f"failed: {wrong}"


def growth_rows(bench: Bench, n_cases: int, vary: str) -> Iterator[str]:
    """Seconds by the number of caseloads, which makes cells, or of offices, without covariates; the cases as many."""
    fixed, line = ({"n_caseloads": 2}, "crude") if vary == "offices" else ({}, "questions")
    for value in GROWTH[vary]:
        file = bench.register(n_cases, **fixed, **{f"n_{vary}": value})
        scan, asked = bench.run("scan", file), bench.run(line, file)
        steps = [
            f"{seconds:.2f}" for name, seconds in asked.said.items() if name not in ("rows", "per_point")
        ]
        yield (
            f"| {n_cases:,} | {value} {vary} | {asked.said['rows']:,} | {scan.seconds:.1f} | {' | '.join(steps)} "
            f"| {asked.mebibytes:.0f} |"
        )


def print_tables(bench: Bench, given: argparse.Namespace) -> None:
    print("| cases | what | seconds | peak MiB | × scan | × (scan + distinct) |")
    print("| ---: | --- | ---: | ---: | ---: | ---: |")
    for size in given.sizes:
        for line in rows(bench, size, given.only):
            print(line, flush=True)
    if "peers" in given.only:
        for line in peer_rows(bench, given.sizes):
            print(line, flush=True)
        if not importlib.util.find_spec("pyfixest"):
            print("\npyfixest is not installed in this environment: feglm and feols are left out.")
    if given.growth:
        print(
            "\n| cases | with | rows of the tally | scan | tally | referral | acceptance | placement | sum | MiB |"
        )
        print("| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for vary in given.growth:
        for line in growth_rows(bench, given.growth_cases, vary):
            print(line, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Time and memory on Parquet by the million cases.")
    parser.add_argument("sizes", nargs="*", type=int, help="numbers of cases")
    parser.add_argument("--only", nargs="*", choices=LINES, default=LINES, help="lines of the table")
    parser.add_argument("--growth", nargs="*", choices=list(GROWTH), default=(), help="tables of growth")
    parser.add_argument("--growth-cases", type=int, default=10_000_000)
    parser.add_argument("--folder", type=Path, help="where the files are kept and found again")
    parser.add_argument("--memory-limit", default="2GB", help='of DuckDB, such as "2GB", or "none"')
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    given.sizes = given.sizes or list(SIZES)
    if given.child:
        child(given.child[0], Path(given.child[1]), given.memory_limit, given.threads)
        return
    with tempfile.TemporaryDirectory() as made:
        folder = given.folder or Path(made)
        folder.mkdir(parents=True, exist_ok=True)
        print_tables(Bench(folder, given.memory_limit, given.threads), given)


if __name__ == "__main__":
    main()
