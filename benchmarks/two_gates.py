"""Time and memory of the two gates' likelihood by number of cells: the fit, the office jackknife, a grid, averages.

Run: ``python benchmarks/two_gates.py`` (a minute). Every measurement is a process of its own on the same simulated
data; the time is that of the step alone (the fit before it is not counted), the memory the peak of the whole process.
Eighteen columns and three correlations, and thirty intercepts of ten offices that never become columns. Prints
the Markdown table that stands in benchmarks/README.md.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time

import numpy as np

from se_outcomes.inference.cluster_covariance import cluster_covariance
from se_outcomes.regression.two_gate_averages import population_averages
from se_outcomes.regression.two_gate_fit import TwoGateFit
from se_outcomes.regression.two_gate_probit import fit_recursive_two_gate_probit, fit_two_gate_probit

SIZES = (2_000, 60_000, 1_000_000)
CORRELATIONS = np.array([[1.0, 0.5, 0.3], [0.5, 1.0, 0.5], [0.3, 0.5, 1.0]])
OFFICES = 10


def simulated(n: int) -> dict[str, np.ndarray]:
    """Discrete columns: motivation, age, sex and, at each gate, an exclusion of its own."""
    rng = np.random.default_rng(2)
    office, motivation = rng.integers(0, OFFICES, n), rng.integers(0, 7, n) / 2 - 1.5
    age, sex, leniency, load = (rng.integers(0, k, n) for k in (4, 2, 3, 3))
    errors = rng.normal(size=(n, 3)) @ np.linalg.cholesky(CORRELATIONS).T
    level = (0.3 * rng.normal(size=(OFFICES, 3)))[office]
    shared = np.column_stack([motivation, np.eye(4)[age][:, 1:], sex])
    index = errors + level + (shared @ [0.4, 0.1, 0.1, -0.1, 0.1])[:, None]
    referred = (index[:, 0] + 0.6 * (leniency - 1) > -0.3).astype(float)
    accepted = referred * (index[:, 1] - 0.6 * (load - 1) > -0.2)
    return {
        "referred": referred,
        "Z1": np.column_stack([shared, leniency]),
        "accepted": accepted,
        "Z2": np.column_stack([shared, load]),
        "placed": (index[:, 2] + 0.5 * accepted > 0.2).astype(float),
        "X": shared,
        "clusters": office,
        "intercepts": office,
        "counts": np.ones(n),
    }


def tallied(data: dict[str, np.ndarray], *, recursive: bool) -> dict[str, np.ndarray]:
    """Distinct rows with their counts; what is not seen does not tell rows apart."""
    data = dict(data)
    data["Z2"] = data["Z2"] * data["referred"][:, None]
    if not recursive:
        data["placed"] = data["placed"] * data["accepted"]
    rows = np.column_stack(list(data.values()))
    key = (rows * np.sqrt(np.arange(2, rows.shape[1] + 2))).sum(axis=1).round(9)
    _, first, counts = np.unique(key, return_index=True, return_counts=True)
    return {name: values[first] for name, values in data.items()} | {"counts": counts.astype(float)}


def fit(data: dict[str, np.ndarray], model: str) -> TwoGateFit:
    return (fit_recursive_two_gate_probit if model == "recursive" else fit_two_gate_probit)(**data)


STEPS = {
    "jackknife": lambda found: cluster_covariance(found, kind="CV3"),
    "grid 5 x 5": lambda found: found.grid(np.linspace(-0.6, 0.6, 5), np.linspace(-0.6, 0.6, 5)),
    "averages": population_averages,
}


def one(step: str, model: str, n: int) -> None:
    """The child process."""
    data = tallied(simulated(n), recursive=model == "recursive")
    spent = []
    for _ in range(3 if step == "fit" else 1):
        begun = time.perf_counter()
        found = fit(data, model)
        spent.append(time.perf_counter() - begun)
    if step != "fit":
        begun = time.perf_counter()
        STEPS[step](found)
        spent = [time.perf_counter() - begun]
    print(min(spent), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, len(data["counts"]))


def main() -> None:
    """The table."""
    cases = [("fit", model, n) for model in ("selection", "recursive") for n in SIZES]
    cases += [(step, "recursive", SIZES[1]) for step in STEPS]
    print("| what | model | cases | cells | seconds | peak MiB |")
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    for step, model, n in cases:
        done = subprocess.run(
            [sys.executable, __file__, step, model, str(n)], capture_output=True, text=True, check=True
        )
        seconds, mebibytes, cells = done.stdout.split()[-3:]
        print(
            f"| {step} | {model} | {n:,} | {int(cells):,} | {float(seconds):.3f} | {float(mebibytes):.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    if len(sys.argv) == 4:
        one(sys.argv[1], sys.argv[2], int(sys.argv[3]))
    else:
        main()
