"""How far treated and untreated are comparable: shares beyond thresholds, effective sizes, and where to cut."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Overlap:
    """Overlap of treated and untreated in the chance of treatment.

    Attributes
    ----------
    ess_treated, ess_untreated : float
        Effective sizes (sum of weights, squared, over the sum of squares) of the groups weighted by 1 / e and
        1 / (1 - e): so many cases with equal weights would tell as much.
    share_below, share_above : float
        Shares of cases whose chance is below ``threshold``, and above 1 - ``threshold``.
    largest_weight_share : float
        The largest part that one case has in the weights of its group.
    alpha : float
        Optimal cut of Crump et al.: an average over cases with chance in [alpha, 1 - alpha] has the least variance.
    share_kept : float
        Share of cases with chance within the cut.
    """

    ess_treated: float
    ess_untreated: float
    share_below: float
    share_above: float
    largest_weight_share: float
    alpha: float
    share_kept: float


def look_at_overlap(
    treated: ArrayLike, chance: ArrayLike, *, counts: ArrayLike | None = None, threshold: float = 0.02
) -> Overlap:
    """Describe the overlap.

    Parameters
    ----------
    treated, chance : (n,) arrays
        Whether treated (0 or 1), and the chance of it, above 0 and below 1.
    counts : (n,) array, optional
        Cases per cell; one each if absent.
    threshold : float
        A chance below it is practically none.

    Examples
    --------
    >>> found = look_at_overlap([1, 1, 0, 0], [0.5, 0.5, 0.5, 0.01], threshold=0.02)
    >>> found.ess_treated, round(found.ess_untreated, 2), found.share_below
    (2.0, 1.8, 0.25)
    """
    a, e = np.asarray(treated, float), np.asarray(chance, float)
    n = np.ones(len(a)) if counts is None else np.asarray(counts, float)
    if (e <= 0).any() or (e >= 1).any():
        raise ValueError("chance must be above 0 and below 1")
    alpha = crump_alpha(e, counts=n)
    ess_treated, largest_treated = _effective_size(1 / e, n * a)
    ess_untreated, largest_untreated = _effective_size(1 / (1 - e), n * (1 - a))
    kept = (e >= alpha) & (e <= 1 - alpha)
    return Overlap(
        ess_treated=ess_treated,
        ess_untreated=ess_untreated,
        share_below=float(n @ (e < threshold) / n.sum()),
        share_above=float(n @ (e > 1 - threshold) / n.sum()),
        largest_weight_share=max(largest_treated, largest_untreated),
        alpha=alpha,
        share_kept=float(n @ kept / n.sum()),
    )


def _effective_size(weights: Floats, counts: Floats) -> tuple[float, float]:
    """Effective size and the largest weight's share, of the cells with cases; nobody: 0 and 0."""
    if not counts.sum() > 0:
        return 0.0, 0.0
    total = counts @ weights
    return float(total**2 / (counts @ weights**2)), float(weights[counts > 0].max() / total)


def crump_alpha(chance: ArrayLike, *, counts: ArrayLike | None = None) -> float:
    """The cut alpha for which the average effect over chances in [alpha, 1 - alpha] has the least variance.

    With k = 1 / (e (1 - e)): zero where the largest k is at most 2 E[k]; else 1 / (alpha (1 - alpha)) = gamma, where
    gamma = 2 E[k | k <= gamma] (Crump, Hotz, Imbens & Mitnik 2009, Biometrika 96:187-199, corollary 1). Of several
    solutions the one with the least variance, E[k 1(k <= gamma)] / P(k <= gamma)^2.

    Parameters
    ----------
    chance : (n,) array
        Above 0 and below 1.
    counts : (n,) array, optional
        Cases per cell; one each if absent.

    Examples
    --------
    >>> crump_alpha([0.4, 0.5, 0.6])
    0.0
    >>> alpha = crump_alpha([0.5, 0.5, 0.5, 0.001])  # k is 4, 4, 4 and 1001: gamma = 8
    >>> round(1 / (alpha * (1 - alpha)), 9)
    8.0
    """
    e = np.asarray(chance, float)
    n = np.ones(len(e)) if counts is None else np.asarray(counts, float)
    k, place = np.unique(1 / (e * (1 - e)), return_inverse=True)
    mass = np.bincount(place, n)
    k, mass = k[mass > 0], mass[mass > 0]
    cases, total = np.cumsum(mass), np.cumsum(mass * k)
    gamma = 2 * total / cases
    if k[-1] <= gamma[-1]:
        return 0.0
    solves = (k <= gamma) & (gamma < np.append(k[1:], np.inf))
    variance = np.where(solves, total / cases**2, np.inf)
    found = gamma[np.argmin(variance)]
    return float(0.5 - np.sqrt(0.25 - 1 / found))
