"""Size and coverage with five to thirty offices, of each method, beside what must fail.

2,000 replications a cell (``python tests/monte_carlo/few_offices.py 2000``, ten minutes on two shared cores); a share
of .05 is told to within .010 (two standard errors):

    exposure                G     ML    CV1    CV3    CR2  C rad  S rad S Webb     df covers  width   bias failed
    within                  5  0.265  0.084  0.070  0.050  0.000  0.000  0.046    2.9  0.930   0.94 -0.003      0
    within                  8  0.230  0.057  0.052  0.044  0.045  0.044  0.048    5.4  0.948   0.64  0.005      0
    within                 12  0.226  0.056  0.051  0.048  0.045  0.045  0.047    8.7  0.950   0.48 -0.001      0
    within                 30  0.220  0.055  0.053  0.053  0.050  0.050  0.051   23.5  0.947   0.28  0.000      0
    continuous              5  0.396  0.196  0.051  0.028  0.000  0.000  0.033    1.8  0.949   3.18 -0.006      0
    continuous              8  0.417  0.150  0.063  0.037  0.043  0.042  0.046    2.6  0.937   1.40  0.004      0
    continuous             12  0.419  0.122  0.056  0.034  0.043  0.043  0.045    3.8  0.945   0.92 -0.006      0
    continuous             30  0.421  0.077  0.054  0.045  0.040  0.039  0.041    9.0  0.946   0.46 -0.003      0
    binary                  5  0.405  0.164  0.050  0.040  0.000  0.000  0.039    2.1  0.950   3.51 -0.023      1
    binary                  8  0.429  0.110  0.054  0.054  0.062  0.061  0.063    4.4  0.946   2.07  0.021      0
    binary                 12  0.441  0.079  0.050  0.053  0.056  0.056  0.056    7.7  0.950   1.50 -0.017      0
    binary                 30  0.431  0.063  0.052  0.056  0.053  0.053  0.054   22.8  0.948   0.87 -0.000      0
    within, intercepts      5  0.273  0.083  0.071  0.049  0.000  0.000  0.034    2.8  0.928   0.98 -0.004      0
    within, intercepts     12  0.244  0.059  0.053  0.049  0.045  0.045  0.048    8.5  0.947   0.50 -0.001      0
    within, intercepts, .5  8  1.000  0.999  0.995  0.994  0.982  0.982  0.988    5.3  0.951   0.43  0.010      0

A column for each method is the share of tests at 5 % that reject no effect, which is true except in the last line
(effect .5: power). ``ML``: z with the model's standard error; ``CV1``, ``CV3``: t(G - 1); ``CR2``: with its degrees of
freedom, ``df`` their mean; ``C rad``, ``S rad``, ``S Webb``: the restricted wild score bootstrap WCLR-C and WCLR-S with
signs or Webb's weights, all of them where they are few (signs to G = 12, Webb's at G = 5), else the package's 9,999
draws; with five offices signs have no p-value below 1/16. ``covers``, ``width``: coverage and mean width of
the CV3 interval; ``bias``: of the coefficient; ``failed``:
answers that were missing, any method's. The one that is: without the larger of two exposed offices the other's 20 cases
have no event, and CV3 has no refit (``separation``).

``within``: the exposure varies among an office's cases, offices differ in level (sd .5) and in its effect (sd .3; none
in the last line, where the truth would else be another); ``continuous``, ``binary``: the exposure is the office's;
``intercepts``: offices have theirs in the model, else a constant stands for them. Offices have 80 cases on average, the
largest seven times the smallest. Replications have the same seeds in every cell: lines are not independent.

The two ``within`` cells of five offices, 10,000 replications with another seed (99): CV1 .071 and, with intercepts,
.073; CV3 .062 and .063, its coverage .938 and .937 (errors .0025).

What must hold (two Monte Carlo errors allowed): sizes of CV3 and WCLR-S .035 to .070, at most .075 with five offices;
coverage of CV3 .93 to .965; CV1 too large with five offices and an exposure that is theirs.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import norm

from se_outcomes.inference.cluster_covariance import bias_reduced, cluster_covariance
from se_outcomes.inference.intervals import t_interval, t_p_value
from se_outcomes.inference.score_bootstrap import Draws, draw_weights, score_bootstrap
from se_outcomes.regression.binary import BinaryFit
from se_outcomes.regression.logit import fit_logit

if __name__ == "__main__":  # pytest has the folder from pyproject.toml
    sys.path.insert(0, str(Path(__file__).parents[1]))

from monte_carlo.harness import (
    Design,
    Finding,
    Table,
    attempt,
    counting_failures,
    print_table,
    run,
    share_within,
)

Floats = NDArray[np.float64]
SEED = 4
#: Cases per office on average; the largest office has seven times the smallest one's.
PER_OFFICE, LARGEST = 80, 7.0
CONSTANT, OFFICE_SD = -0.4, 0.5


# ------------------------------------------------------------------------------------------------ designs


@dataclass(frozen=True, eq=False)
class Cases:
    """Outcomes, exposure, counts and offices of one replication."""

    y: Floats
    exposure: Floats
    counts: Floats
    office: NDArray[np.int64]


def office_sizes(n_offices: int) -> NDArray[np.int64]:
    """80 on average, the largest seven times the smallest: 20, 50, 80, 110 and 140 of five."""
    shares = np.linspace(1.0, LARGEST, n_offices)
    return np.round(PER_OFFICE * shares / shares.mean()).astype(np.int64)


def simulate_within(
    random: np.random.Generator, *, n_offices: int, effect: float = 0.0, slope_sd: float = 0.3
) -> Cases:
    """An exposure that varies among an office's cases; offices differ in level and in its effect."""
    office = np.repeat(np.arange(n_offices), office_sizes(n_offices))
    exposure = random.normal(size=len(office))
    slope = effect + slope_sd * random.normal(size=n_offices)
    level = CONSTANT + OFFICE_SD * random.normal(size=n_offices)
    y = random.random(len(office)) < expit(level[office] + slope[office] * exposure)
    return Cases(y.astype(float), exposure, np.ones(len(office)), office)


def simulate_office_level(random: np.random.Generator, *, n_offices: int, binary: bool) -> Cases:
    """An exposure that is the office's: normal, or half of the offices (rounded down) exposed. It has no effect.

    An office's cases are alike in all but the outcome, so that they are two cells.
    """
    sizes = office_sizes(n_offices)
    if binary:
        exposure = random.permutation(np.arange(n_offices) < n_offices // 2).astype(float)
    else:
        exposure = random.normal(size=n_offices)
    events = random.binomial(sizes, expit(CONSTANT + OFFICE_SD * random.normal(size=n_offices)))
    return Cases(
        np.tile([1.0, 0.0], n_offices),
        np.repeat(exposure, 2),
        np.column_stack([events, sizes - events]).ravel().astype(float),
        np.repeat(np.arange(n_offices), 2),
    )


# ------------------------------------------------------------------------------------------------ methods


@cache
def draws(n_offices: int, kind: str) -> Draws:
    """The package's own draws, the same in every replication as in every report."""
    return draw_weights(n_offices, kind=kind)


def compare_methods(cases: Cases, *, intercepts: bool = False) -> dict[str, Finding]:
    """All methods on one fit: a logit on a constant, or on the offices' intercepts, and the exposure."""
    columns = [] if intercepts else [np.ones(len(cases.y))]
    fit = fit_logit(
        cases.y,
        np.column_stack([*columns, cases.exposure]),
        counts=cases.counts,
        clusters=cases.office,
        intercepts=cases.office if intercepts else None,
    )
    place = len(columns)
    error = float(np.sqrt(fit.covariance[place, place]))
    adjusted = bias_reduced(fit, np.eye(place + 1)[[place]])
    found = {"ML": _z(fit, place, error)}
    for kind in ("CV1", "CV3"):
        found[kind] = attempt("effect", partial(_clustered, fit, place, kind))
    found["CR2"] = _t(fit, place, float(adjusted.std_error[0]), float(adjusted.dof[0]))
    for variant, kind in (("C", "rademacher"), ("S", "rademacher"), ("S", "webb")):
        name = f"WCLR-{variant} {kind[:4]}"
        found[name] = attempt("effect", partial(_bootstrapped, fit, place, variant, kind))
    return found | {"CR2 df": Finding("df", float(adjusted.dof[0]))}


def _z(fit: BinaryFit, place: int, error: float) -> Finding:
    estimate = float(fit.beta[place])
    half = float(norm.ppf(0.975)) * error
    return Finding(
        "effect", estimate, estimate - half, estimate + half, 2 * float(norm.sf(abs(estimate) / error))
    )


def _t(fit: BinaryFit, place: int, error: float, dof: float) -> Finding:
    estimate = float(fit.beta[place])
    low, high = t_interval(estimate, error, dof)
    return Finding("effect", estimate, float(low), float(high), float(t_p_value(estimate / error, dof)))


def _clustered(fit: BinaryFit, place: int, kind: str) -> Finding:
    robust = cluster_covariance(fit, kind=kind)
    return _t(fit, place, float(robust.std_error[place]), float(robust.dof))


def _bootstrapped(fit: BinaryFit, place: int, variant: str, kind: str) -> Finding:
    weights = draws(len(fit.scores), kind)
    return Finding("effect", p_value=score_bootstrap(fit, place, variant=variant, weights=weights).p_value)


# ------------------------------------------------------------------------------------------------ cells and bands


@dataclass(frozen=True)
class Cell:
    """A design with its number of offices and the model that is fitted."""

    exposure: str
    n_offices: int
    intercepts: bool = False
    effect: float = 0.0

    @property
    def name(self) -> str:
        """As the table prints it."""
        return self.exposure + (", intercepts" if self.intercepts else "") + (", .5" if self.effect else "")

    @property
    def design(self) -> Design:
        """Where the exposure has no effect, none in any office on average, that is true of every model's coefficient.

        An effect that is not zero is the coefficient of the model with intercepts only where offices do not differ
        in it.
        """
        settings: dict[str, object] = {"n_offices": self.n_offices}
        truth = {"effect": self.effect}
        if self.exposure == "within":
            settings |= {"effect": self.effect} | ({"slope_sd": 0.0} if self.effect else {})
            return Design(self.name, simulate_within, truth, settings)
        return Design(
            self.name, simulate_office_level, truth, settings | {"binary": self.exposure == "binary"}
        )

    def run(self, replications: int, *, processes: int | None = None) -> Table:
        """All methods on the cell's replications."""
        estimator = partial(compare_methods, intercepts=self.intercepts)
        return run(self.design, estimator, replications=replications, seed=SEED, processes=processes)


CELLS = [
    *(Cell(exposure, n) for exposure in ("within", "continuous", "binary") for n in (5, 8, 12, 30)),
    *(Cell("within", n, intercepts=True) for n in (5, 12)),
    Cell("within", 8, intercepts=True, effect=0.5),
]
SIZE, SIZE_OF_FIVE, COVERAGE = (0.035, 0.070), (0.0, 0.075), (0.93, 0.965)


def misses(cell: Cell, table: Table) -> list[str]:
    """What of the cell is outside its band by more than two Monte Carlo errors, in sentences; none where all is well.

    A replication without an answer counts against the method: as a true null rejected, as an interval that does not
    cover. With five offices signs give only 16 different statistics; Webb's weights, the package's own there, are held
    to the band.
    """
    five, found = cell.n_offices == 5, []
    size = SIZE_OF_FIVE if five else SIZE
    for method in ("CV3", "WCLR-S webb", *(() if five else ("WCLR-S rade",))):
        share = counting_failures(table[method].rejected, table[method].failed, happened=True)
        if not cell.effect and not share_within(share, size):
            found.append(f"size of {method} {share.value:.4f}, band {size}")
    covered = counting_failures(table["CV3"].covered, table["CV3"].failed, happened=False)
    if not share_within(covered, COVERAGE):
        found.append(f"coverage of CV3 {covered.value:.4f}, band {COVERAGE}")
    if five and cell.exposure != "within" and share_within(table["CV1"].rejected, size):
        found.append(f"size of CV1 {table['CV1'].rejected.value:.4f}: it is known to fail here, and does not")
    return found


# ------------------------------------------------------------------------------------------------ the table

METHODS = ("ML", "CV1", "CV3", "CR2", "WCLR-C rade", "WCLR-S rade", "WCLR-S webb")


def head() -> str:
    """The table's first line."""
    names = ("ML", "CV1", "CV3", "CR2", "C rad", "S rad", "S Webb", "df", "covers", "width", "bias", "failed")
    return f"{'exposure':<22}{'G':>3}" + "".join(f"{name:>7}" for name in names)


def line(cell: Cell, table: Table) -> str:
    """A cell's line."""
    cv3 = table["CV3"]
    shares = [table[method].rejected.value for method in METHODS]
    numbers = "".join(f"{share:7.3f}" for share in shares) + f"{table['CR2 df'].mean.value:7.1f}"
    numbers += f"{cv3.covered.value:7.3f}{cv3.width.value:7.2f}{cv3.bias.value:7.3f}{table.n_failed:7d}"
    return f"{cell.name:<22}{cell.n_offices:3d}{numbers}"


if __name__ == "__main__":
    print_table(CELLS, head(), line, misses, sys.argv[1:])
