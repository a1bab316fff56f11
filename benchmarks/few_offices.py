"""What inference with few offices costs: jackknife, score bootstrap and CR2 on 15,000 cells of 30 offices.

Run: ``python benchmarks/few_offices.py`` (half a minute; with StatsPAI in the same environment, two minutes). Seconds
are those of the processor, the least of three. Prints the Markdown table that stands in benchmarks/README.md.
"""

from __future__ import annotations

import importlib.util
import os
import time
from collections.abc import Callable

os.environ.setdefault("OMP_NUM_THREADS", "1")  # a processor's seconds mean one thread

import numpy as np

from se_outcomes.inference.cluster_covariance import cluster_covariance
from se_outcomes.inference.score_bootstrap import draw_weights, score_bootstrap
from se_outcomes.inference.score_bootstrap_interval import bootstrap_interval
from se_outcomes.regression.firth_logit import fit_firth_logit
from se_outcomes.regression.logit import fit_logit
from se_outcomes.regression.selection_probit import fit_selection_probit

N_OFFICES = 30
#: StatsPAI takes rows; both are given so many.
PEER_ROWS, PEER_DRAWS = 10_000, 9_999


def cells(random: np.random.Generator) -> dict[str, np.ndarray]:
    """15,120 cells: 30 offices, 7 values of motivation, 4 x 3 x 3 levels, 2 outcomes; eight columns."""
    axes = [range(k) for k in (N_OFFICES, 7, 4, 3, 3, 2)]
    office, motivation, age, level, sex, y = (
        axis.ravel() for axis in np.meshgrid(*map(np.array, axes), indexing="ij")
    )
    X = np.column_stack(
        [(motivation - 3) / 2, np.eye(4)[age][:, 1:], np.eye(3)[level][:, 1:], np.eye(3)[sex][:, 1:]]
    )
    eta = X @ np.r_[0.5, random.normal(0, 0.3, 7)] + random.normal(0, 0.5, N_OFFICES)[office] - 0.5
    p = 1 / (1 + np.exp(-eta))
    return {
        "y": y.astype(float),
        "X": X,
        "office": office,
        "counts": 1.0 + random.poisson(20 * np.where(y, p, 1 - p)),
    }


def selected_cells(random: np.random.Generator) -> dict[str, np.ndarray]:
    """About 15,000 cells of a gate and an outcome: 40,000 cases with an exclusion of three values."""
    n = 40_000
    office, motivation, age, load, sex = (random.integers(0, k, n) for k in (N_OFFICES, 7, 4, 3, 2))
    gate, outcome = random.normal(0, 0.3, (2, N_OFFICES))
    u, v = random.normal(size=(2, n))
    x = (motivation - 3) / 2
    selected = 0.3 + 0.5 * x - 0.4 * (load - 1) + gate[office] + u > 0
    y = (-0.2 + 0.4 * x + 0.1 * sex + outcome[office] + 0.5 * u + np.sqrt(0.75) * v > 0) & selected
    rows = np.column_stack([office, x, age, load, sex, selected, y])
    distinct, counts = np.unique(rows, axis=0, return_counts=True)
    office, x, age, load, sex, selected, y = distinct.T
    X = np.column_stack([x, np.eye(4)[age.astype(int)][:, 1:], sex])
    Z = np.column_stack([X, load])
    return {
        "y": y,
        "X": X,
        "Z": Z,
        "selected": selected,
        "office": office.astype(int),
        "counts": counts.astype(float),
    }


def seconds(work: Callable[[], object], repeats: int = 3) -> float:
    """The least of the repeats."""
    spent = []
    for _ in range(repeats):
        begun = time.process_time()
        work()
        spent.append(time.process_time() - begun)
    return min(spent)


def show(what: str, n_cells: int, spent: float, limit: str = "") -> None:
    print(f"| {what} | {n_cells:,} | {spent:.3f} | {limit} |", flush=True)


def binary() -> None:
    made = cells(np.random.default_rng(1))
    groups = {"counts": made["counts"], "clusters": made["office"], "intercepts": made["office"]}
    draws = draw_weights(N_OFFICES)
    for name, fit_binary in (("logit", fit_logit), ("Firth's logit", fit_firth_logit)):
        n = len(made["y"])
        show(f"{name}: fit", n, seconds(lambda fit=fit_binary: fit(made["y"], made["X"], **groups)))
        fit = fit_binary(made["y"], made["X"], **groups)
        fit.information  # noqa: B018  # made once and kept

        def both(fit=fit):
            cluster_covariance(fit, kind="CV3")
            score_bootstrap(fit, 0, weights=draws)

        show(f"{name}: CV3 and WCLR-S", n, seconds(both), "0.2" if name == "logit" else "")
        show(f"{name}: CR2", n, seconds(lambda fit=fit: cluster_covariance(fit, kind="CR2")))
        if name == "logit":
            show(
                "logit: bootstrap interval",
                n,
                seconds(lambda fit=fit: bootstrap_interval(fit, 0, weights=draws), 1),
            )


def selection() -> None:
    made = selected_cells(np.random.default_rng(2))
    n, draws = len(made["y"]), draw_weights(N_OFFICES)

    def fitted():
        return fit_selection_probit(
            made["y"], made["X"], made["selected"], made["Z"], counts=made["counts"],
            clusters=made["office"], intercepts=made["office"],
        )  # fmt: skip

    show("selection probit: fit", n, seconds(fitted))
    fit = fitted()
    place, last = len(fit.gamma), len(fit.parameters) - 1

    def both():
        cluster_covariance(fit, kind="CV3")
        score_bootstrap(fit, place, weights=draws)

    show("selection probit: CV3 and WCLR-S", n, seconds(both), "2")
    show(
        "selection probit: bootstrap of rho = 0",
        n,
        seconds(lambda: score_bootstrap(fit, last, weights=draws, statistic="score", recentre="share")),
    )


def peer() -> None:
    """The score bootstrap after a logit on the same rows, 12 offices."""
    import pandas as pd  # noqa: PLC0415
    import statspai  # noqa: PLC0415

    random = np.random.default_rng(3)
    office = random.integers(0, N_OFFICES, PEER_ROWS)
    x, w = random.normal(size=PEER_ROWS), random.integers(0, 2, PEER_ROWS)
    y = random.random(PEER_ROWS) < 1 / (
        1 + np.exp(-0.05 * x - 0.1 * w + random.normal(0, 0.5, N_OFFICES)[office])
    )
    frame = pd.DataFrame({"y": y.astype(int), "x": x, "w": w, "office": office})
    theirs = statspai.logit("y ~ x + w", frame)
    found = {}

    def score_them():
        found["p"] = statspai.wild_cluster_boot(
            theirs, frame, cluster="office", variable="x", n_boot=PEER_DRAWS, seed=1
        )["p_boot"]

    ours = fit_logit(y.astype(float), np.column_stack([np.ones(PEER_ROWS), x, w]), clusters=office)
    options = {"variant": "C", "statistic": "score", "recentre": "share", "weights": "rademacher"}
    show("StatsPAI: score bootstrap after a logit, 10,000 rows", PEER_ROWS, seconds(score_them))
    show("the same here", PEER_ROWS, seconds(lambda: score_bootstrap(ours, 1, n_draws=PEER_DRAWS, **options)))
    mine = score_bootstrap(ours, 1, n_draws=PEER_DRAWS, **options).p_value
    print(f"\np = {found['p']:.4f} (StatsPAI {statspai.__version__}) and {mine:.4f}, of different draws")


def main() -> None:
    """The table."""
    print("| what | cells | seconds | target |")
    print("| --- | ---: | ---: | ---: |")
    binary()
    selection()
    if importlib.util.find_spec("statspai"):
        peer()


if __name__ == "__main__":
    main()
