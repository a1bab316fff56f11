"""Time and memory of ``check`` and ``report`` by number of cases, as ratios to a peer in the same run.

Run: ``make bench`` (or ``python benchmarks/check_and_report.py 1200 100000``). Each measurement is a process of its
own; the peer is the bare ``pandas.read_csv`` of the same file, so that a ratio says what checking and reporting cost
on top
of reading. Prints the Markdown table that stands in benchmarks/README.md.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

SIZES = (1_200, 100_000, 1_000_000)
MAPPING = Path(__file__).parents[1] / "analyses" / "simulated.toml"
READ = "import sys, pandas; pandas.read_csv(sys.argv[1], sep=';', dtype=str)"


def run(*arguments: str) -> tuple[float, float]:
    """Wall seconds and peak resident MiB of one process."""
    # ru_maxrss of RUSAGE_CHILDREN is the largest child so far, hence one measuring process per command
    code = (
        "import resource, subprocess, sys, time\n"
        "start = time.perf_counter()\n"
        "done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)\n"
        "spent = time.perf_counter() - start\n"
        "print(spent, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024, done.returncode)"
    )
    line = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    seconds, mebibytes, status = line.stdout.split()
    if status != "0":
        raise SystemExit(f"failed: {' '.join(arguments)}\n{line.stderr}")
    return float(seconds), float(mebibytes)


def measure(n_cases: int, folder: Path) -> list[str]:
    """The table's rows for one size."""
    file = folder / f"cases_{n_cases}.csv"
    package = [sys.executable, "-m", "se_outcomes"]
    run(*package, "simulate", str(file), "--n-cases", str(n_cases), "--n-offices", "12", "--seed", "1")
    read_seconds, read_memory = run(sys.executable, "-c", READ, str(file))
    rows = [f"| {n_cases:,} | pandas.read_csv as text | {read_seconds:.1f} | {read_memory:.0f} | 1.0 |"]
    commands = {
        "check": [*package, "check", str(file), "--mapping", str(MAPPING)],
        "report": [
            *package,
            "report",
            str(file),
            "--mapping",
            str(MAPPING),
            "--out",
            str(folder / f"r{n_cases}"),
        ],
    }
    for name, command in commands.items():
        seconds, memory = run(*command)
        rows.append(f"| {n_cases:,} | {name} | {seconds:.1f} | {memory:.0f} | {seconds / read_seconds:.1f} |")
    file.unlink()
    return rows


def main() -> None:
    sizes = [int(size) for size in sys.argv[1:]] or list(SIZES)
    print("| cases | what | seconds | peak MiB | × read_csv |\n| ---: | --- | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory() as folder:
        for size in sizes:
            print("\n".join(measure(size, Path(folder))), flush=True)


if __name__ == "__main__":
    main()
