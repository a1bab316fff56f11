"""Time and memory of the selection models by number of rows and cells, beside a peer where one is installed.

Run: ``python benchmarks/selection_models.py`` (a minute; with StatsPAI installed in the same environment, two). Every
measurement is a process of its own on the same simulated data; the time is that of the fit alone, the memory the peak
of the whole process. Prints the Markdown table that stands in benchmarks/README.md.
"""

from __future__ import annotations

import importlib.util
import resource
import subprocess
import sys
import time

import numpy as np

from se_outcomes.regression.heckman import fit_heckman
from se_outcomes.regression.paired_marginal import placement, placement_given_selection
from se_outcomes.regression.profiled_averages import profile_averages
from se_outcomes.regression.selection_probit import fit_selection_probit

SIZES = (10_000, 100_000, 1_000_000)
PEER_SIZE = 10_000


def continuous(n: int) -> dict[str, np.ndarray]:
    """Seven parameters: four in the gate, two in the outcome, a correlation of .5."""
    rng = np.random.default_rng(1)
    z, x, w, u, v = rng.normal(size=(5, n))
    ones, e = np.ones(n), 0.5 * u + np.sqrt(0.75) * v
    Z, X = np.column_stack([ones, x, w, z]), np.column_stack([ones, x])
    selected = (0.5 * x - 0.3 * w + 0.6 * z + u > 0).astype(float)
    return {
        "Z": Z,
        "X": X,
        "selected": selected,
        "y": (0.4 * x + e > -0.1).astype(float),
        "level": 0.4 * x + e,
    }


def discrete(n: int) -> dict[str, np.ndarray]:
    """Thirty-six coefficients, eighteen in each equation, twelve of them office dummies; all columns discrete."""
    rng = np.random.default_rng(2)
    office, motivation = rng.integers(0, 12, n), rng.integers(0, 7, n) / 2 - 1.5
    age, sex, level, load = (rng.integers(0, k, n) for k in (4, 2, 3, 4))
    u, v = rng.normal(size=(2, n))
    e = 0.5 * u + np.sqrt(0.75) * v
    dummies = [np.eye(12)[office], motivation[:, None], np.eye(4)[age][:, 1:], sex[:, None]]
    Z = np.hstack([*dummies, load[:, None]]).astype(float)
    X = np.hstack([*dummies, (level == 2)[:, None]]).astype(float)
    selected = (0.4 * motivation + 0.1 * age - 0.4 * load + 0.05 * office + u > -0.3).astype(float)
    y = (0.3 * motivation + 0.2 * sex - 0.2 * (level == 2) + e > 0.1).astype(float)
    return {"Z": Z, "X": X, "selected": selected, "y": y}


def tallied(data: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Distinct rows with their counts."""
    rows = np.column_stack([data["Z"], data["X"], data["selected"], data["y"] * data["selected"]])
    # one number for each distinct row, so that sorting is of numbers
    key = (rows * np.sqrt(np.arange(2, rows.shape[1] + 2))).sum(axis=1).round(9)
    _, first, counts = np.unique(key, return_index=True, return_counts=True)
    return {name: values[first] for name, values in data.items()} | {"counts": counts.astype(float)}


def probit(data: dict[str, np.ndarray]) -> object:
    return fit_selection_probit(data["y"], data["X"], data["selected"], data["Z"], counts=data.get("counts"))


def probit_with_sets(data: dict[str, np.ndarray]) -> float:
    """The sets of rho and of the open gate, after the maximum."""
    fit = probit(data)
    begun = time.perf_counter()
    fit.dependence_set()  # type: ignore[attr-defined]
    profile_averages(fit, [placement(), placement_given_selection()]).quadratic_sets()  # type: ignore[arg-type]
    return time.perf_counter() - begun


def heckman(data: dict[str, np.ndarray]) -> object:
    return fit_heckman(data["level"], data["X"], data["selected"], data["Z"])


def statspai(data: dict[str, np.ndarray]) -> object:
    import pandas as pd  # noqa: PLC0415
    import statspai  # noqa: PLC0415

    frame = pd.DataFrame({"x": data["X"][:, 1], "w": data["Z"][:, 2], "z": data["Z"][:, 3]})
    frame["s"] = data["selected"].astype(int)
    frame["y"] = np.where(frame["s"] == 1, data["y"], np.nan)
    return statspai.heckprobit(frame, y="y", x=["x"], select="s", z=["x", "w", "z"])


FITS = {"probit": probit, "sets": probit_with_sets, "heckman": heckman, "statspai": statspai}
DATA = {"continuous": continuous, "discrete": discrete, "cells": lambda n: tallied(discrete(n))}


def measure(fit: str, data: str, n: int) -> tuple[float, float, int]:
    """Seconds of the fit, MiB of the process, rows or cells; in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, fit, data, str(n)], capture_output=True, text=True, check=True
    )
    seconds, mebibytes, rows = done.stdout.split()[-3:]
    return float(seconds), float(mebibytes), int(rows)


def one(fit: str, data: str, n: int) -> None:
    """The child process."""
    made = DATA[data](n)
    repeats = 3 if len(made["y"]) <= 100_000 and fit != "statspai" else 1
    spent = []
    for _ in range(repeats):
        begun = time.perf_counter()
        found = FITS[fit](made)
        spent.append(found if isinstance(found, float) else time.perf_counter() - begun)
    print(min(spent), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, len(made["y"]))


def main() -> None:
    """The table."""
    cases = [("probit", "continuous", n) for n in SIZES] + [("sets", "continuous", n) for n in SIZES]
    cases += [(fit, data, 1_000_000) for fit in ("probit", "sets") for data in ("discrete", "cells")]
    cases += [("heckman", "continuous", n) for n in SIZES]
    if importlib.util.find_spec("statspai"):
        cases.append(("statspai", "continuous", PEER_SIZE))
    print("| what | data | cases | rows or cells | seconds | peak MiB |")
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    for fit, data, n in cases:
        seconds, mebibytes, rows = measure(fit, data, n)
        print(f"| {fit} | {data} | {n:,} | {rows:,} | {seconds:.3f} | {mebibytes:.0f} |", flush=True)


if __name__ == "__main__":
    if len(sys.argv) == 4:
        one(sys.argv[1], sys.argv[2], int(sys.argv[3]))
    else:
        main()
