"""Lee's bounds: the effect on an outcome that only those selected have, such as the hours of those with a job.

Treatment may change who has a job, so the jobs of treated and untreated are not those of the same people. If it
changes that in one direction only (nobody loses a job by it, or nobody gains one), the group with more jobs holds all
who would have one either way and some who would not; these are trimmed from its top or its bottom (Lee 2009, Review of
Economic Studies 76:1071-1102, proposition 1a). The bounds are for those who would have a job either way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from se_outcomes.errors import EstimationError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class LeeBounds:
    """Bounds of the effect on those selected either way.

    Attributes
    ----------
    lower, upper : float
    difference : float
        Mean outcome of the selected treated less that of the selected untreated: untrimmed.
    share_treated, share_untreated : float
        Shares selected.
    trimmed : {"treated", "untreated"}
        The group with the larger share selected, which is trimmed.
    trimmed_share : float
        Share of its selected that is trimmed.
    """

    lower: float
    upper: float
    difference: float
    share_treated: float
    share_untreated: float
    trimmed: str
    trimmed_share: float


def lee_bounds(
    outcome: ArrayLike,
    selected: ArrayLike,
    treated: ArrayLike,
    *,
    counts: ArrayLike | None = None,
    weights: ArrayLike | None = None,
) -> LeeBounds:
    """Trimming bounds on weighted cells.

    Which group is trimmed follows from the shares selected: treatment is taken to change selection in the direction of
    their difference, for everyone.

    Parameters
    ----------
    outcome : (n,) array
        Read for the selected alone.
    selected, treated : (n,) arrays
        0 or 1.
    counts : (n,) array, optional
        Cases per cell; one each if absent.
    weights : (n,) array, optional
        Weights of the cases that make treated and untreated comparable, such as 1 / chance of what they got.

    Returns
    -------
    LeeBounds

    Raises
    ------
    EstimationError
        ``empty_cell`` where nobody treated, or nobody untreated, is selected.

    Examples
    --------
    All four treated have a job, half of the untreated: half of the treated's jobs are trimmed.

    >>> found = lee_bounds([10, 20, 30, 40, 10, 20, 0, 0], [1] * 6 + [0] * 2, [1] * 4 + [0] * 4)
    >>> found.lower, found.upper, found.trimmed_share
    (0.0, 20.0, 0.5)
    """
    y, s, a = (np.asarray(values, float) for values in (outcome, selected, treated))
    w = np.ones(len(y)) if counts is None else np.asarray(counts, float)
    w = w if weights is None else w * np.asarray(weights, float)
    if not (np.isin(s, (0, 1)).all() and np.isin(a, (0, 1)).all()):
        raise ValueError("selected and treated must be 0 or 1")
    if (w < 0).any() or not np.isfinite(y[s == 1]).all():
        raise ValueError("weights must not be negative, and every selected case needs its outcome")
    of_treated, of_untreated = ((w * s * (a == arm)).sum() for arm in (1, 0))
    if of_treated <= 0 or of_untreated <= 0:
        raise EstimationError(
            "Nobody in one of the groups has the outcome, so there is nothing to compare. Ask of an outcome that both "
            "groups have.",
            reason="empty_cell",
        )
    share_treated = float(of_treated / (w * (a == 1)).sum())
    share_untreated = float(of_untreated / (w * (a == 0)).sum())
    larger = 1 if share_treated >= share_untreated else 0
    trimmed_share = 1 - min(share_treated, share_untreated) / max(share_treated, share_untreated)
    rows, others = (s == 1) & (a == larger), (s == 1) & (a != larger)
    low, high = trimmed_means(y[rows], w[rows], trimmed_share)
    untrimmed, compared = np.average(y[rows], weights=w[rows]), np.average(y[others], weights=w[others])
    ends = (low - compared, high - compared) if larger else (compared - high, compared - low)
    return LeeBounds(
        lower=float(ends[0]),
        upper=float(ends[1]),
        difference=float(untrimmed - compared if larger else compared - untrimmed),
        share_treated=share_treated,
        share_untreated=share_untreated,
        trimmed="treated" if larger else "untreated",
        trimmed_share=float(trimmed_share),
    )


def trimmed_means(values: ArrayLike, weights: ArrayLike, share: float) -> tuple[float, float]:
    """Weighted means without the highest ``share`` of the weight, and without the lowest.

    A cell across the cut, and cells tied with it, are cut in part: exactly that share of the weight is left out.

    Parameters
    ----------
    values, weights : (n,) arrays
    share : float
        From 0 to below 1.

    Examples
    --------
    Without a quarter of four, and of weights that the cut goes through:

    >>> trimmed_means([1, 2, 3, 6], [1, 1, 1, 1], 0.25)
    (2.0, 3.6666666666666665)
    >>> trimmed_means([1, 5], [2, 2], 0.25)
    (2.3333333333333335, 3.6666666666666665)
    """
    if not 0 <= share < 1:
        raise ValueError(f"share must be from 0 to below 1; got {share!r}")
    y, w = np.asarray(values, float), np.asarray(weights, float)
    order = np.argsort(y, kind="stable")
    return _mean_of_first(y[order], w[order], 1 - share), _mean_of_first(
        y[order[::-1]], w[order[::-1]], 1 - share
    )


def _mean_of_first(values: Floats, weights: Floats, share: float) -> float:
    """Weighted mean of the first ``share`` of the weight, in the order given."""
    keep = share * weights.sum()
    before = np.cumsum(weights) - weights
    kept = np.clip(keep - before, 0, weights)
    return float(kept @ values / kept.sum())
