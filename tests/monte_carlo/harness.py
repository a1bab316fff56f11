"""Monte Carlo runs: this design, this estimator, this truth, over many seeds and on all cores.

Replication i of a design with seed s is drawn from ``np.random.default_rng([s, i])``, whatever the estimator and
however many processes there are: two estimators, or two versions of one, see the same data (common random numbers),
and one replication can be had again alone. What an estimator cannot do is counted by its reason and never dropped.

    table = run(design, estimator, replications=2000, seed=1)
    table["CV3"].rejected  # Measured(value, error, n)
    share_within(table["CV3"].rejected, (0.035, 0.070))
"""

from __future__ import annotations

import math
import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import Any

import numpy as np

from se_outcomes.errors import EstimationError

#: A test rejects below it.
LEVEL = 0.05
#: A cell fails only so many Monte Carlo standard errors beyond its band.
ERRORS_ALLOWED = 2.0
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


# ------------------------------------------------------------------------------------------------ what is asked


@dataclass(frozen=True)
class Design:
    """What is drawn, and what is true of it.

    Attributes
    ----------
    name : str
    simulate : callable
        ``simulate(generator, **settings)``: the data of one replication. A function of a module, so that other
        processes find it.
    truth : mapping of str to float
        Value of each estimand.
    settings : mapping
    """

    name: str
    simulate: Callable[..., Any]
    truth: Mapping[str, float]
    settings: Mapping[str, Any] = field(default_factory=dict)

    def draw(self, seed: int, replication: int) -> Any:
        """The data of one replication."""
        return self.simulate(np.random.default_rng([seed, replication]), **self.settings)


@dataclass(frozen=True)
class Finding:
    """What one method says about one estimand in one replication; NaN is what it does not say.

    Attributes
    ----------
    of : str
        The estimand, a key of the design's ``truth``; one that is not there has a mean and no bias.
    estimate, low, high, p_value : float
        The p-value is that of a null hypothesis which the estimator knows.
    failed : str, optional
        Why there is nothing, where this method alone failed.
    """

    of: str
    estimate: float = math.nan
    low: float = math.nan
    high: float = math.nan
    p_value: float = math.nan
    failed: str | None = None


Estimator = Callable[[Any], Mapping[str, Finding]]


def attempt(of: str, find: Callable[[], Finding]) -> Finding:
    """What ``find`` returns, or the reason why it could not: for a method that may fail where others do not."""
    try:
        return find()
    except EstimationError as failure:
        return Finding(of, failed=failure.reason)


# ------------------------------------------------------------------------------------------------ what is found


@dataclass(frozen=True)
class Measured:
    """A quantity with its Monte Carlo standard error and the number of replications that it is from."""

    value: float
    error: float
    n: int


@dataclass(frozen=True)
class Row:
    """What one method did over the replications.

    Attributes
    ----------
    rejected : Measured
        Share of p-values below .05: the size where the null is true in the design, the power where it is not.
    covered : Measured
        Share of the intervals that hold the truth.
    mean, bias, sd : Measured
        Of the estimates.
    width : Measured
        Mean width of the intervals.
    failed : mapping of str to int
        Replications in which the method found nothing, by reason; the shares are of the others.
    """

    rejected: Measured
    covered: Measured
    mean: Measured
    bias: Measured
    sd: Measured
    width: Measured
    failed: Mapping[str, int]


@dataclass(frozen=True)
class Table:
    """A design's rows by the estimator's names; ``table["CV3"]`` is one.

    Attributes
    ----------
    design : str
    replications : int
    rows : mapping of str to Row
        Empty where no replication found anything.
    failed : mapping of str to int
        Replications in which the estimator as a whole failed, by reason. They are in every row's ``failed`` as well.
    """

    design: str
    replications: int
    rows: Mapping[str, Row]
    failed: Mapping[str, int]

    def __getitem__(self, name: str) -> Row:
        return self.rows[name]

    @property
    def n_failed(self) -> int:
        """Failures of all rows, each method's in each replication; those of the estimator where there is no row."""
        if not self.rows:
            return sum(self.failed.values())
        return sum(sum(row.failed.values()) for row in self.rows.values())


def measured_share(happened: np.ndarray) -> Measured:
    """A share with its binomial error."""
    n = len(happened)
    if n == 0:
        return Measured(math.nan, math.nan, 0)
    share = float(np.mean(happened))
    return Measured(share, math.sqrt(share * (1 - share) / n), n)


def measured_mean(values: np.ndarray) -> Measured:
    """A mean with its error; infinite where one of the values is."""
    n = len(values)
    if n < 2:
        return Measured(float(values[0]) if n else math.nan, math.nan, n)
    if not np.isfinite(values).all():
        return Measured(math.inf, math.nan, n)
    return Measured(float(values.mean()), float(values.std(ddof=1)) / math.sqrt(n), n)


def measured_sd(values: np.ndarray) -> Measured:
    """A standard deviation with its error, by the fourth moment (delta method)."""
    n = len(values)
    if n < 2:
        return Measured(math.nan, math.nan, n)
    variance = float(values.var(ddof=1))
    if variance == 0:
        return Measured(0.0, 0.0, n)
    fourth = float(((values - values.mean()) ** 4).mean())
    return Measured(math.sqrt(variance), math.sqrt(max(fourth / variance - variance, 0.0) / (4 * n)), n)


def share_within(share: Measured, band: tuple[float, float]) -> bool:
    """Whether a share lies in its band or no farther out than two Monte Carlo errors.

    The error is that of a true share at the band's end, which is what a cell that passes may have. No replication at
    all is outside every band.

    Examples
    --------
    >>> [share_within(Measured(share, 0.006, 2000), (0.035, 0.070)) for share in (0.081, 0.082)]
    [True, False]
    """
    if share.n == 0:
        return False
    low, high = (ERRORS_ALLOWED * math.sqrt(end * (1 - end) / share.n) for end in band)
    return band[0] - low <= share.value <= band[1] + high


def counting_failures(share: Measured, failed: Mapping[str, int], *, happened: bool) -> Measured:
    """The share with the failures added, all as having happened or none: as is worse for the method.

    Examples
    --------
    >>> counting_failures(Measured(0.05, 0.0223, 95), {"separation": 5}, happened=True).value
    0.0975
    """
    failures = sum(failed.values())
    n = share.n + failures
    if n == 0:
        return share
    # nothing was measured where there is nothing but failures
    total = (share.value * share.n if share.n else 0.0) + failures * happened
    return Measured(total / n, math.sqrt(total / n * (1 - total / n) / n), n)


def mean_within(mean: Measured, band: tuple[float, float]) -> bool:
    """The same for a mean, a bias, a width: by its own Monte Carlo error."""
    allowed = ERRORS_ALLOWED * mean.error
    return band[0] - allowed <= mean.value <= band[1] + allowed


# ------------------------------------------------------------------------------------------------ running


def run(
    design: Design, estimator: Estimator, *, replications: int, seed: int, processes: int | None = None
) -> Table:
    """Many replications of a design.

    Parameters
    ----------
    design : Design
    estimator : callable
        From the data to a mapping of names to findings; a function of a module, or a ``partial`` of one, where there
        are several processes.
    replications, seed : int
    processes : int, optional
        By default one for each core; 1 stays in this process (in a worker of pytest-xdist, say).
    """
    one = partial(_replicate, design, estimator, seed)
    processes = processes or os.cpu_count() or 1
    if processes == 1:
        return tabulate(design, map(one, range(replications)))
    chunk = max(1, min(50, replications // (4 * processes)))
    # fresh processes: threads of the linear algebra are set where it is loaded, and a fork would copy it loaded
    with _one_thread(), ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        return tabulate(design, pool.map(one, range(replications), chunksize=chunk))


def _replicate(
    design: Design, estimator: Estimator, seed: int, replication: int
) -> Mapping[str, Finding] | str:
    """The findings of one replication, or the reason why there are none."""
    try:
        return dict(estimator(design.draw(seed, replication)))
    except EstimationError as failure:
        return failure.reason


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let processes that are started meanwhile use one thread each."""
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def tabulate(design: Design, results: Iterable[Mapping[str, Finding] | str]) -> Table:
    """Sum replications up: findings by name, or the reason why there are none."""
    results = list(results)
    found = [result for result in results if not isinstance(result, str)]
    failed = Counter(result for result in results if isinstance(result, str))
    names = dict.fromkeys(chain.from_iterable(found))
    rows = {
        # a name that some replications lack is a failure there, too
        name: _row(design, [result.get(name, Finding("", failed="absent")) for result in found], failed)
        for name in names
    }
    return Table(design.name, len(results), rows, dict(failed))


def _row(design: Design, findings: list[Finding], failed: Counter[str]) -> Row:
    own = Counter(finding.failed for finding in findings if finding.failed is not None)
    kept = [finding for finding in findings if finding.failed is None]
    truth = np.array([design.truth.get(finding.of, math.nan) for finding in kept])
    estimate, low, high, p_value = (
        np.array([getattr(finding, name) for finding in kept], dtype=float)
        for name in ("estimate", "low", "high", "p_value")
    )
    known, bounded = ~np.isnan(estimate), ~(np.isnan(low) | np.isnan(high))
    judged, compared = bounded & ~np.isnan(truth), known & ~np.isnan(truth)
    return Row(
        rejected=measured_share(p_value[~np.isnan(p_value)] < LEVEL),
        covered=measured_share((low <= truth)[judged] & (truth <= high)[judged]),
        mean=measured_mean(estimate[known]),
        bias=measured_mean((estimate - truth)[compared]),
        sd=measured_sd(estimate[known]),
        width=measured_mean((high - low)[bounded]),
        failed=dict(own + failed),
    )


def print_table(
    cells: Iterable[Any],
    head: str,
    line: Callable[[Any, Table], str],
    misses: Callable[[Any, Table], list[str]],
    arguments: list[str],
) -> None:
    """Run cells one after the other and print a line of each; below them what is outside its band.

    ``arguments`` are those of a command: replications and, if given, processes.
    """
    replications, processes = int(arguments[0]), int(arguments[1]) if len(arguments) > 1 else None
    began, outside = time.perf_counter(), []
    print(head, flush=True)
    for cell in cells:
        table = cell.run(replications, processes=processes)
        print(line(cell, table), flush=True)
        outside += [f"{cell}: {miss}" for miss in misses(cell, table)]
    print(*(outside or ["Nothing is outside its band."]), sep="\n")
    print(f"{time.perf_counter() - began:.0f} seconds")
