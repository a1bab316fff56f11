"""Randomisation inference: what was assigned to gatekeepers is assigned anew within offices.

The reference is the assignment itself, not a sampling distribution: valid with five offices, and with one, if within
an office any gatekeeper could as well have been assigned what a colleague was (exchangeability, which the design must
give). What was assigned to whole offices seldom has enough assignments for a test; such a test is refused, not made.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import random_table

from se_outcomes.errors import EstimationError
from se_outcomes.inference.score_bootstrap import N_DRAWS, SEED, TIE

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

#: Assignments are enumerated up to so many; a test that cannot reach this level is refused. Numbers held at a time.
ENUMERATED_UP_TO, LEVEL, HELD = 20_000, 0.05, 4_000_000


@dataclass(frozen=True, eq=False)
class PermutationTest:
    """A test by reassignment.

    Attributes
    ----------
    statistic : float
    p_value : float
        Share of the assignments whose |statistic| is as large; if sampled, (1 + number) / (draws + 1).
    n_assignments : int or float
        Different assignments there are; infinite where too many for a number.
    enumerated : bool
        Whether all of them were taken.
    smallest_possible : float
        The smallest p-value that any data could give with these assignments and draws, or a bound below it.
    """

    statistic: float
    p_value: float
    n_assignments: int | float
    enumerated: bool
    smallest_possible: float


def n_assignments(values: ArrayLike, strata: ArrayLike | None = None) -> int:
    """Number of different ways to assign the values anew, within strata: the multinomial coefficient of each stratum.

    Parameters
    ----------
    values : (J,) array
        What was assigned to each.
    strata : (J,) integer array, optional
        Within which values are exchanged; absent: one stratum.

    Examples
    --------
    Two of five treated; and two of five in each of two offices.

    >>> n_assignments([1, 1, 0, 0, 0]), n_assignments([1, 1, 0, 0, 0] * 2, strata=[0] * 5 + [1] * 5)
    (10, 100)
    """
    values, strata = _checked_assignment(values, strata)
    total = 1
    for own in _blocks(strata):
        total *= math.factorial(len(own))
        for repeated in np.unique(values[own], return_counts=True)[1]:
            total //= math.factorial(int(repeated))
    return total


def permutation_test_exists(values: ArrayLike, strata: ArrayLike | None = None, level: float = LEVEL) -> bool:
    """Whether a two-sided permutation test can reject at a level at all, whatever the data.

    The smallest p-value is 1 / (number of assignments); twice that where every assignment has a mirror image with the
    same |t| (half of the offices treated, say).

    Parameters
    ----------
    values, strata
        As in :func:`n_assignments`.
    level : float

    Examples
    --------
    Two of five: 10 assignments, p = .1 at best. Three of six: 20, but in pairs of equal |t|. Three of seven: 35.

    >>> [permutation_test_exists([1] * m + [0] * (n - m)) for m, n in ((2, 5), (3, 6), (3, 7))]
    [False, False, True]
    """
    return _smallest(*_checked_assignment(values, strata)) <= level * (1 + TIE)


def randomisation_test(
    residuals: ArrayLike,
    exposure: ArrayLike,
    strata: ArrayLike | None = None,
    *,
    weights: ArrayLike | None = None,
    n_draws: int = N_DRAWS,
    generator: np.random.Generator | None = None,
    unit: str = "gatekeepers",
) -> PermutationTest:
    """Test an exposure of gatekeepers by assigning it anew within offices; the statistic is studentised (RI-t).

    With r_j a gatekeeper's sum of generalised residuals at the fit without the exposure and w_j that of the
    information, both are recentred as an office intercept would: x_j = d_j - sum w d / sum w and e_j = r_j - w_j sum r
    / sum w within the office. U = sum x_j e_j is the exposure's score, b = U / sum w_j x_j^2 its one-step estimate and

        t = U / sqrt(sum_j x_j^2 (e_j - w_j x_j b)^2),

    the score's cluster-robust t statistic with gatekeepers as clusters. Without the denominator (RI-beta) the test
    still holds if no gatekeeper's cases would have fared otherwise under another assignment (sharp null), but not for
    no effect on average where those exposed vary more, or less, than the others; the t statistic then holds too,
    approximately, as gatekeepers in each office become many.

    Parameters
    ----------
    residuals : (J,) array
        Sum over each gatekeeper's cases of the score by the linear predictor, at the restricted fit.
    exposure : (J,) array
        What was assigned: trained or not (1/0), a rating.
    strata : (J,) integer array, optional
        Each gatekeeper's office; absent: one stratum.
    weights : (J,) array, optional
        Sum of the information (of a logit p(1 - p)) over the same cases; absent: equal caseloads.
    n_draws, generator
        Of sampled assignments, where there are more than 20,000; by default from a fixed seed.
    unit : str
        What was assigned to, in the plural, for the refusal: ``"gatekeepers"`` or ``"offices"``.

    Raises
    ------
    EstimationError
        ``office_level_exposure`` where no assignment could give p <= .05; ``exposure_constant`` or
        ``exposure_constant_within_offices`` where there is nothing to exchange.
    ValueError
        On arrays of other lengths or with impossible values.

    References
    ----------
    Chung & Romano (2013), Annals of Statistics 41:484-507, and DiCiccio & Romano (2017), J. American Statistical
    Association 112:1211-1220, for studentised permutation; MacKinnon & Webb (2020), J. Econometrics 218:435-450, for
    RI-t and RI-beta with few clusters.

    Examples
    --------
    >>> trained, office = [1, 1, 0, 0, 0] * 2, [0] * 5 + [1] * 5
    >>> residuals = [2.0, 1.5, -1.0, -1.7, -0.8, 1.2, 2.2, -1.1, -0.9, -1.4]
    >>> found = randomisation_test(residuals, trained, office)
    >>> found.n_assignments, found.enumerated, found.p_value
    (100, True, 0.01)
    """
    values, strata = _checked_assignment(exposure, strata)
    residuals, weights = _checked_residuals(residuals, weights, len(values))
    total = n_assignments(values, strata)
    smallest = _require_test(values, strata, unit)
    generator = generator or np.random.default_rng(SEED)
    enumerated = total <= ENUMERATED_UP_TO
    parts, at_hand = np.zeros((1, 5)), np.zeros((1, 5))
    for own in _blocks(strata):
        stratum = (residuals[own], weights[own])
        at_hand = at_hand + _parts(values[own][None], *stratum)
        if enumerated:  # every assignment of this office with every one of those before
            new = _parts(np.array(list(_distinct(np.sort(values[own])))), *stratum)
            parts = (parts[:, None, :] + new[None, :, :]).reshape(-1, 5)
        else:
            rows = np.broadcast_to(values[own], (n_draws, len(own)))
            parts = parts + _parts(generator.permuted(rows, axis=1), *stratum)
    statistic, drawn = float(_studentised(at_hand)[0]), np.abs(_studentised(parts))
    p_value = _share_as_large(abs(statistic), drawn, enumerated)
    at_best = smallest if enumerated else max(smallest, 1 / (n_draws + 1))
    return PermutationTest(statistic, p_value, total, enumerated, at_best)


def _require_test(values: Floats, strata: Codes, unit: str) -> float:
    """The smallest possible p-value, if it is .05 or less."""
    total, smallest = n_assignments(values, strata), _smallest(values, strata)
    if total == 1:
        raise EstimationError(
            f"Within every stratum all {unit} have the same exposure: there is nothing to exchange.",
            reason="exposure_constant_within_offices" if np.ptp(values) > 0 else "exposure_constant",
        )
    if smallest <= LEVEL * (1 + TIE):
        return smallest
    treated = f"{int((values == values.max()).sum())} of " if len(np.unique(values)) == 2 else ""
    raise EstimationError(
        f"No exact permutation test at 5 % exists with {treated}{len(values)} {unit}{' treated' if treated else ''}: "
        f"the exposure can be assigned in {total} ways, and no data could give a p-value below {smallest:.3g}.",
        reason="office_level_exposure",
        n_assignments=total,
        smallest_possible=smallest,
    )


def _smallest(values: Floats, strata: Codes) -> float:
    total = n_assignments(values, strata)
    ordered = [np.sort(values[own]) for own in _blocks(strata)]
    mirrored = all(np.ptp(block + block[::-1]) <= TIE * np.ptp(values) for block in ordered)
    return (2 if mirrored and total > 1 else 1) / total


def _distinct(ordered: Floats) -> Iterator[tuple[float, ...]]:
    """All different orders of the values, in lexicographic order (Knuth, TAOCP 7.2.1.2, algorithm L)."""
    row = [float(value) for value in ordered]
    while True:
        yield tuple(row)
        rising = [place for place in range(len(row) - 1) if row[place] < row[place + 1]]
        if not rising:
            return
        last = rising[-1]
        other = max(place for place in range(last + 1, len(row)) if row[last] < row[place])
        row[last], row[other] = row[other], row[last]
        row[last + 1 :] = row[:last:-1]


def _parts(exposure: Floats, residuals: Floats, weights: Floats) -> Floats:
    """What a stratum adds to U, to the information, and to the polynomial in b under the root: (D, 5)."""
    x = exposure - (exposure @ weights / weights.sum())[:, None]
    e = residuals - weights * (residuals.sum() / weights.sum())
    cubes, fourths = x**3 @ (weights * e), x**4 @ weights**2
    return np.stack([x @ e, x**2 @ weights, x**2 @ e**2, cubes, fourths], axis=1)


def _studentised(parts: Floats) -> Floats:
    score, information, constant, linear, quadratic = parts.T
    step = np.divide(score, information, out=np.zeros_like(score), where=information > 0)
    variance = constant - 2 * step * linear + step**2 * quadratic
    variance = np.where(variance > TIE * constant, variance, 0.0)  # what rounding leaves of nothing
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.nan_to_num(score / np.sqrt(variance), nan=0.0, posinf=np.inf, neginf=-np.inf)


def _share_as_large(statistic: float, drawn: Floats, enumerated: bool) -> float:
    as_large = int((drawn >= statistic * (1 - TIE)).sum())
    return as_large / len(drawn) if enumerated else (1 + as_large) / (len(drawn) + 1)


def gatekeepers_differ(
    residuals: ArrayLike,
    weights: ArrayLike,
    gatekeeper: ArrayLike,
    office: ArrayLike,
    *,
    counts: ArrayLike | None = None,
    n_draws: int = N_DRAWS,
    generator: np.random.Generator | None = None,
) -> PermutationTest:
    """Test whether the gatekeepers of an office differ at all, by dealing its cases out to them anew.

    Every office's cases, each with its residual and its information, are dealt out at random to its gatekeepers, each
    of whom keeps the size of the caseload. With e_i the residual recentred by the office (e_i - w_i sum e / sum w)

        Q = sum over offices of (1 / phi) sum_j (sum_{i in j} e_i)^2 / sum_{i in j} w_i,  phi = sum e_i^2 / sum w_i,

    phi the office's own dispersion, so that an office whose outcomes vary more than the model says does not outweigh
    the others. Exact if cases reach the gatekeepers of an office as if by lot given what the model holds constant.

    Parameters
    ----------
    residuals, weights : (n,) arrays
        Score by the linear predictor and information of one case of each cell (of a logit y - p and p(1 - p)), at a
        fit that knows no gatekeepers.
    gatekeeper, office : (n,) integer arrays
        Codes; a gatekeeper belongs to one office (the same code in two offices is two gatekeepers).
    counts : (n,) array, optional
        Cases per cell, whole numbers; one each if absent.
    n_draws, generator
        Dealings (tables of cells by gatekeepers: time hardly grows with the cases); by default from a fixed seed.

    Raises
    ------
    EstimationError
        ``not_identified`` where no office has two gatekeepers and cases that differ; ``small_offices`` where so few
        cases cannot give p <= .05; ``no_cases``.
    ValueError
        On arrays of other lengths or with impossible values.

    References
    ----------
    Q is the score statistic of a variance component of the gatekeepers: Commenges & Andersen (1995), Lifetime Data
    Analysis 1:145-156. Tables with given margins: Patefield (1981), Applied Statistics 30:91-97.

    Examples
    --------
    Two gatekeepers with 20 cases each: one lets 15 through, the other 8.

    >>> cells = ([0.425, -0.575] * 2, [0.244] * 4, [1, 1, 2, 2], [0] * 4)
    >>> bool(0.02 < gatekeepers_differ(*cells, counts=[15, 5, 8, 12]).p_value < 0.08)
    True
    """
    residuals, weights = _checked_residuals(residuals, weights, np.size(np.asarray(residuals)))
    counts = _checked_counts(counts, len(residuals))
    gatekeeper = _codes(gatekeeper, len(residuals), "gatekeeper")
    generator = generator or np.random.default_rng(SEED)
    observed, drawn, log_ways = 0.0, np.zeros(n_draws), 0.0
    for block in _blocks(_codes(office, len(residuals), "office")):
        own = block[counts[block] > 0]
        # one row per different case of the office, one column per gatekeeper, with the number of cases
        cases, row = np.unique(np.stack([residuals[own], weights[own]]), axis=1, return_inverse=True)
        codes, column = np.unique(gatekeeper[own], return_inverse=True)
        table = np.zeros((cases.shape[1], len(codes)), np.int64)
        np.add.at(table, (row.ravel(), column), counts[own])
        values, dispersion = _recentred(cases.T, table.sum(axis=1))
        if len(codes) < 2 or dispersion == 0:
            continue
        log_ways += _log_ways(table.sum(axis=0))
        observed += float(_between(table.T[None] @ values)[0]) / dispersion
        drawn += _dealt(values, table, n_draws, generator) / dispersion
    smallest = _require_dealings(log_ways)
    p_value = _share_as_large(observed, drawn, enumerated=False)
    ways = math.exp(log_ways) if log_ways < 700 else math.inf
    return PermutationTest(observed, p_value, ways, False, max(smallest, 1 / (n_draws + 1)))


def _recentred(cases: Floats, counts: Codes) -> tuple[Floats, float]:
    """(residual net of the office's mean, weight) of each different case, and the office's dispersion."""
    residuals, weights = cases.T
    net = residuals - weights * (counts @ residuals) / (counts @ weights)
    net = np.where(np.abs(net) > TIE * np.abs(residuals).max(), net, 0.0)  # what rounding leaves of nothing
    return np.stack([net, weights], axis=1), float((counts @ net**2) / (counts @ weights))


def _dealt(values: Floats, table: Codes, n_draws: int, generator: np.random.Generator) -> Floats:
    """sum_j (sum e)^2 / sum w of an office in each dealing (n_draws,), in chunks."""
    dealing, chunk = random_table(table.sum(axis=0), table.sum(axis=1)), max(1, HELD // table.size)
    sizes = [min(chunk, n_draws - start) for start in range(0, n_draws, chunk)]
    return np.concatenate([_between(dealing.rvs(size, random_state=generator) @ values) for size in sizes])


def _between(sums: Floats) -> Floats:
    """sum_j (sum e)^2 / sum w, from (D, J, 2)."""
    return (sums[..., 0] ** 2 / sums[..., 1]).sum(axis=-1)


def _log_ways(caseloads: Codes) -> float:
    """Log of the number of dealings with different Q at most: gatekeepers with equal caseloads may trade places."""
    alike = [*caseloads, *np.unique(caseloads, return_counts=True)[1]]
    return math.lgamma(int(caseloads.sum()) + 1) - sum(math.lgamma(int(number) + 1) for number in alike)


def _require_dealings(log_ways: float) -> float:
    """The smallest possible p-value, if it is .05 or less."""
    if log_ways < TIE:
        raise EstimationError(
            "In no office are there two gatekeepers with cases that differ: nothing can be compared.",
            reason="not_identified",
        )
    smallest = math.exp(-log_ways)
    if smallest > LEVEL * (1 + TIE):
        raise EstimationError(
            "No exact permutation test at 5 % exists with so few cases: they can be dealt out to the gatekeepers of "
            f"their offices in {round(1 / smallest)} ways that differ.",
            reason="small_offices",
        )
    return smallest


def _blocks(strata: Codes) -> list[Codes]:
    order = np.argsort(strata, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(strata[order])) + 1)


def _checked_assignment(values: ArrayLike, strata: ArrayLike | None) -> tuple[Floats, Codes]:
    values = np.asarray(values, float)
    if values.ndim != 1 or not len(values) or not np.isfinite(values).all():
        raise ValueError("what was assigned must be (J,) with J > 0, and finite")
    one = np.zeros(len(values), np.int64)
    return values, one if strata is None else _codes(strata, len(values), "strata")


def _checked_residuals(residuals: ArrayLike, weights: ArrayLike | None, n: int) -> tuple[Floats, Floats]:
    residuals = np.asarray(residuals, float)
    weights = np.ones(n) if weights is None else np.asarray(weights, float)
    right = residuals.shape == weights.shape == (n,) and np.isfinite(residuals + weights).all()
    if not right or (weights <= 0).any():
        raise ValueError(f"residuals and weights must be ({n},) and finite, weights positive")
    return residuals, weights


def _checked_counts(counts: ArrayLike | None, n: int) -> Codes:
    found = np.ones(n) if counts is None else np.asarray(counts, float)
    if found.shape != (n,) or not ((found >= 0) & (found == np.floor(found)) & np.isfinite(found)).all():
        raise ValueError(f"counts must be ({n},) whole numbers, not negative")
    if not found.any():
        raise EstimationError("There are no cases to deal out.", reason="no_cases")
    return found.astype(np.int64)


def _codes(codes: ArrayLike, n: int, name: str) -> Codes:
    array = np.asarray(codes)
    if array.shape != (n,) or not np.issubdtype(array.dtype, np.integer):
        raise ValueError(f"{name} must be ({n},) integer codes")
    return array.astype(np.int64)
