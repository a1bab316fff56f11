"""Who is served under a rule: within each office, as many as there is room for, by rank or by lot."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def serve_highest(
    score: ArrayLike, offices: ArrayLike, capacity: ArrayLike, *, counts: ArrayLike | None = None
) -> Floats:
    """The share of each cell that is served if each office serves its highest scores first.

    Where the last places fall among equal scores, these share them: each case has the same chance (as by lot).

    Parameters
    ----------
    score : (n,) array
        Higher is served first.
    offices : (n,) integer array
        Codes 0 to G - 1.
    capacity : (G,) array
        Places of each office, at most as many as it has cases.
    counts : (n,) array, optional
        Cases per cell; one each if absent.

    Returns
    -------
    (n,) array
        Shares from 0 to 1; over an office's cases they add up to its places.

    Examples
    --------
    Two places: the first to 0.9; the second by lot among the two with 0.5.

    >>> serve_highest([0.5, 0.9, 0.5, 0.1], [0, 0, 0, 0], [2])
    array([0.5, 1. , 0.5, 0. ])
    """
    codes, places, n = _arrays(offices, capacity, counts)
    values = np.asarray(score, float)
    if values.shape != codes.shape or np.isnan(values).any():
        raise ValueError("score must be (n,) numbers")
    order = np.lexsort((-values, codes))
    ranked_codes, ranked = codes[order], values[order]
    starts = np.ones(len(order), dtype=bool)
    starts[1:] = (ranked_codes[1:] != ranked_codes[:-1]) | (ranked[1:] != ranked[:-1])
    tie = np.cumsum(starts) - 1  # cells of one office with the same score
    size = np.bincount(tie, n[order])
    of_tie = ranked_codes[starts]
    sizes = np.bincount(codes, n, len(places))
    ahead = np.cumsum(size) - size - (np.cumsum(sizes) - sizes)[of_tie]
    left = np.clip(places[of_tie] - ahead, 0, size)
    share = np.divide(left, size, out=np.zeros(len(size)), where=size > 0)
    served = np.empty(len(order))
    served[order] = share[tie]
    return served


def serve_by_lot(offices: ArrayLike, capacity: ArrayLike, *, counts: ArrayLike | None = None) -> Floats:
    """The share of each cell that is served if each office draws lots for its places.

    Parameters
    ----------
    offices : (n,) integer array
        Codes 0 to G - 1.
    capacity : (G,) array
        Places of each office.
    counts : (n,) array, optional
        Cases per cell; one each if absent.

    Examples
    --------
    >>> serve_by_lot([0, 0, 1], [1, 1], counts=[2, 2, 1])
    array([0.25, 0.25, 1.  ])
    """
    codes, places, n = _arrays(offices, capacity, counts)
    sizes = np.bincount(codes, n, len(places))
    return np.divide(places, sizes, out=np.zeros(len(sizes)), where=sizes > 0)[codes]


def crowd(served: ArrayLike, served_today: ArrayLike, elasticity: float) -> Floats:
    """What is left of the gain of each person served when more are served than today by as many job specialists.

    The factor (served / served today) ** -elasticity: at 0 nothing is lost; at 1 twice as many served gain half as
    much each, so that the office as a whole gains no more from serving more of the same.

    Parameters
    ----------
    served, served_today : (G,) arrays
        Numbers, or shares of the same cases, by office.
    elasticity : float
        Zero or more.

    Returns
    -------
    (G,) array
        1 where as many are served as today; with an elasticity above zero, 0 where nobody is served today and
        somebody would be.

    Examples
    --------
    >>> crowd([0.4, 0.2], [0.2, 0.2], 1.0)
    array([0.5, 1. ])
    """
    if not elasticity >= 0:
        raise ValueError(f"the elasticity must be zero or more; got {elasticity!r}")
    now, today = np.asarray(served, float), np.asarray(served_today, float)
    if elasticity == 0:
        return np.ones(now.shape)
    # today / served, so that nobody today is a zero and not a division by it
    ratio = np.divide(today, now, out=np.ones(now.shape), where=now > 0)
    return ratio**elasticity


def _arrays(
    offices: ArrayLike, capacity: ArrayLike, counts: ArrayLike | None
) -> tuple[NDArray[np.int64], Floats, Floats]:
    codes, places = np.asarray(offices, np.int64), np.asarray(capacity, float)
    n = np.ones(len(codes)) if counts is None else np.asarray(counts, float)
    sizes = np.bincount(codes, n, len(places))
    if len(sizes) != len(places):
        raise ValueError("offices must be codes from 0 to G - 1, with one capacity each")
    if (places < 0).any() or (places > sizes * (1 + 1e-12)).any():
        raise ValueError("an office cannot serve fewer than none or more than it has")
    return codes, np.minimum(places, sizes), n
