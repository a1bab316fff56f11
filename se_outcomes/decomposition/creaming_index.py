"""The creaming index: how much better the prospects of those who pass a gate are than of those at risk of it.

With p the prospects and S passing, C = E[p | S] - E[p | at risk] = Cov(p, S) / E[S]. Over successive gates with one p
it adds up exactly: those at risk of the next gate are those who passed the last. It splits exactly into a part within
offices (whom an office takes) and one between them (which offices take many):

    C = sum_g w_g (mean of passers_g - mean at risk_g)  +  sum_g (w_g - v_g) mean at risk_g,

w_g and v_g the office's shares of those who pass and of those at risk. The greatest part within that the offices' own
numbers allow is that of a perfect ranking: each passes as many as it does, its best prospects first. The ratio to it is
0 in expectation for a lottery within offices, 1 for a perfect ranking, below 0 where need comes first.

Prospects that are predicted carry the noise of their predictions, and noise spreads them: the greatest part and the
standard deviation come out too large. To second order only noise that turns the ranking does so. With p linear in
coefficients, the spread is their length; noise along them lengthens it as often as it shortens it, noise across them
always lengthens it. So of the variance of p that noise makes, trace(S V), the part along p itself is taken away:

    share = (trace(S V) - a' V a / (p' W p)) / (p' W p),    S = J' W J,  a = J' W p,

with J the derivatives of p in the coefficients, V their covariance, W the cases, everything centred within offices.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import chi2

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

#: Prospects that could differ by less than this between passers and others do not differ.
NOTHING = 1e-12


@dataclass(frozen=True)
class CreamingIndex:
    """The index of one gate.

    Attributes
    ----------
    points : float
        C, in the unit of the prospects (probability).
    sd : float
        C in standard deviations of the prospects of all eligible.
    within, between : float
        Its parts within and between offices; they sum to ``points``.
    greatest : float
        The part within of a perfect ranking in every office, at the number that it passes.
    ratio : float
        ``within / greatest``; missing where no office has a choice (it passes all or none, or all have one prospect).
    """

    points: float
    sd: float
    within: float
    between: float
    greatest: float
    ratio: float


def creaming_index(
    p: ArrayLike, at_risk: ArrayLike, passed: ArrayLike, offices: ArrayLike, *, spread: float
) -> CreamingIndex:
    """The index of one gate from cells.

    Parameters
    ----------
    p : (n,) array
        Prospects.
    at_risk, passed : (n,) arrays
        Cases of each cell at risk of the gate, and of these passing it; fractions are allowed.
    offices : (n,) integer array
    spread : float
        Standard deviation of the prospects of all eligible.

    Returns
    -------
    CreamingIndex

    Raises
    ------
    ValueError
        On arrays of different shapes, missing prospects among those at risk, passers who were not at risk, nobody
        passing, or no spread.

    Examples
    --------
    One office passes two of four, the best and the third best: half of what it could.

    >>> found = creaming_index([0.1, 0.2, 0.3, 0.4], [1, 1, 1, 1], [0, 1, 0, 1], [0, 0, 0, 0], spread=0.1)
    >>> round(found.points, 6), round(found.greatest, 6), round(found.ratio, 6)
    (0.05, 0.1, 0.5)
    """
    p, at_risk, passed, codes = _checked(p, at_risk, passed, offices, spread)
    n_offices = int(codes.max()) + 1
    cases = np.bincount(codes, at_risk, n_offices)
    passes = np.bincount(codes, passed, n_offices).astype(np.float64)
    centre = float(np.average(p, weights=at_risk))
    value = p - centre  # sums of deviations lose no digits
    mean_at_risk = np.bincount(codes, at_risk * value, n_offices) / np.where(cases > 0, cases, 1.0)
    share_passed = passes / passes.sum()
    expected = float(share_passed @ mean_at_risk)
    mean_passed = float(passed @ value / passes.sum())
    best = take_best_first(value, at_risk, codes, passes)
    within, greatest = mean_passed - expected, float(best @ value / passes.sum()) - expected
    if greatest <= NOTHING:  # no office has a choice
        return CreamingIndex(mean_passed, mean_passed / spread, 0.0, mean_passed, 0.0, float("nan"))
    ratio = within / greatest
    return CreamingIndex(mean_passed, mean_passed / spread, within, expected, greatest, ratio)


@dataclass(frozen=True)
class SpreadNoise:
    """What the noise of predictions makes of their spread.

    Attributes
    ----------
    share : float
        The share of their variance that comes of noise which turns the ranking; at 1 or above nothing else is seen.
    p_value : float
        Of a spread as large as this where there is noise alone.
    """

    share: float
    p_value: float


def spread_noise(
    p: ArrayLike,
    at_risk: ArrayLike,
    offices: ArrayLike,
    moved: ArrayLike,
    covariance: ArrayLike,
    apart: ArrayLike = (),
) -> SpreadNoise:
    """How much of the spread of predicted prospects within offices is noise of the predictions.

    Parameters
    ----------
    p, at_risk : (n,) arrays
    offices : (n,) integer array
        All alike for the spread among all.
    moved : (n, k) array
        Derivatives of p in the coefficients.
    covariance : (k, k) array
        Of the coefficients.
    apart : (m,) array
        Sums of squares, over the cases, that other independent coefficients add.

    Returns
    -------
    SpreadNoise
        The p-value is that of a weighted sum of squares with its first two moments (Satterthwaite 1946, Biometrics
        Bulletin 2:110-114). Where p does not vary there is no share, and the p-value is 1.

    Examples
    --------
    Along a single column noise turns no ranking; its coefficient is twice its error.

    >>> found = spread_noise([0.1, 0.2, 0.3], [1, 1, 1], [0, 0, 0], [[0.1], [0.2], [0.3]], [[0.25]])
    >>> round(found.share, 6), round(found.p_value, 4)
    (0.0, 0.0455)
    """
    p, at_risk, moved = (np.asarray(array, dtype=float) for array in (p, at_risk, moved))
    codes, covariance = np.asarray(offices, dtype=np.int64), np.asarray(covariance, dtype=float)
    apart = np.asarray(apart, dtype=float)
    centred = _centre(np.column_stack([p, moved]), at_risk, codes)
    p, moved = centred[:, 0], centred[:, 1:]
    spread = np.bincount(codes, at_risk * p**2)
    square = float(spread.sum())
    if not square > NOTHING**2 * float(at_risk.sum()):
        return SpreadNoise(float("nan"), 1.0)
    noise = (moved.T * at_risk) @ moved @ covariance
    total = float(np.trace(noise) + apart.sum())
    if total <= 0:  # predictions without error
        return SpreadNoise(0.0, 0.0)
    along = np.array([np.bincount(codes, at_risk * p * column, len(spread)) for column in moved.T])
    of_office = np.einsum("kg,kl,lg->g", along, covariance, along) / np.where(spread > 0, spread, np.inf)
    dof = total**2 / float(np.sum(noise * noise.T) + (apart**2).sum())
    p_value = float(chi2.sf(dof * square / total, dof))
    return SpreadNoise(max(total - float(of_office.sum()), 0.0) / square, p_value)


def _centre(columns: Floats, at_risk: Floats, codes: Integers) -> Floats:
    """Columns (n, k) less their means in each office."""
    cases = np.bincount(codes, at_risk)
    sums = np.array([np.bincount(codes, at_risk * column) for column in columns.T])
    return np.asarray(columns - (sums / np.where(cases > 0, cases, 1.0)).T[codes], dtype=np.float64)


def take_best_first(p: Floats, at_risk: Floats, offices: Integers, places: Floats) -> Floats:
    """Cases (n,) of each cell that pass when every office fills its places with its highest prospects first.

    Parameters
    ----------
    p, at_risk : (n,) arrays
    offices : (n,) integer array
        0 ... G - 1.
    places : (G,) array

    Notes
    -----
    Cells that tie at the last place may share it in any way: the sum of prospects is the same.

    Examples
    --------
    >>> take_best_first(np.array([0.2, 0.5, 0.4]), np.ones(3), np.array([0, 0, 1]), np.array([1.5, 1.0]))
    array([0.5, 1. , 1. ])
    """
    order = np.lexsort((-p, offices))
    through = np.cumsum(at_risk[order])
    before = through - at_risk[order]
    sorted_offices = offices[order]
    first = np.append(True, sorted_offices[1:] != sorted_offices[:-1])
    before = before - before[first][np.cumsum(first) - 1]
    taken = np.empty(len(p))
    taken[order] = np.clip(places[sorted_offices] - before, 0.0, at_risk[order])
    return taken


def offices_with_choice(
    p: ArrayLike, at_risk: ArrayLike, passed: ArrayLike, offices: ArrayLike
) -> NDArray[np.bool_]:
    """Offices (G,) that pass some and not others, with prospects that differ: only these say how one chooses.

    Examples
    --------
    >>> offices_with_choice([0.1, 0.2, 0.3, 0.3], [1, 1, 1, 1], [1, 0, 1, 0], [0, 0, 1, 1])
    array([ True, False])
    """
    values, at_risk, passed, codes = _checked(p, at_risk, passed, offices, 1.0)
    places = np.bincount(codes, passed).astype(np.float64)
    best = np.bincount(codes, values * take_best_first(values, at_risk, codes, places))
    worst = np.bincount(codes, values * take_best_first(-values, at_risk, codes, places))
    return np.asarray(best - worst > NOTHING * np.maximum(places, 1.0), dtype=np.bool_)


def _checked(
    p: ArrayLike, at_risk: ArrayLike, passed: ArrayLike, offices: ArrayLike, spread: float
) -> tuple[Floats, Floats, Floats, Integers]:
    """The arrays of the cells that are at risk."""
    values = [np.asarray(array, dtype=float) for array in (p, at_risk, passed)]
    codes = np.asarray(offices)
    if codes.ndim != 1 or any(array.shape != codes.shape for array in values):
        raise ValueError("p, at_risk, passed and offices must be (n,)")
    rows = values[1] > 0
    if (values[1] < 0).any() or (values[2] < 0).any() or (values[2] > values[1] + 1e-9).any():
        raise ValueError("passed must be between 0 and at_risk")
    if not np.isfinite(values[0][rows]).all():
        raise ValueError("p must be finite for all at risk")
    if not values[2].sum() > 0:
        raise ValueError("nobody passes: the prospects of those who pass do not exist")
    if not spread > 0:
        raise ValueError("spread must be above zero")
    return values[0][rows], values[1][rows], values[2][rows], codes[rows].astype(np.int64)
