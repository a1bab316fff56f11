"""A log risk ratio between two groups over successive gates: the gates' parts add up to the net exactly.

With pi_s(c) the share of group c passing gate s among those at risk of it, P(c) = prod_s pi_s(c), so log
P(top)/P(bottom) = sum_s log pi_s(top)/pi_s(bottom) (Heckman & Smith 2004, J. Labor Economics 22:243-298, use
the same product; odds ratios do not add up so).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def gate_log_risk_ratios(rates: ArrayLike) -> Floats:
    """log(rate of group 0 / rate of group 1) at each gate.

    Parameters
    ----------
    rates : (2, S) array
        Pass rates of the two groups at S gates, all above zero.

    Returns
    -------
    (S,) array
        They sum to the log ratio of the products of the rates.

    Examples
    --------
    >>> parts = gate_log_risk_ratios([[0.6, 0.8], [0.2, 0.5]])
    >>> parts.round(4)
    array([1.0986, 0.47  ])
    >>> bool(np.isclose(parts.sum(), np.log(0.48 / 0.10)))
    True
    """
    top, bottom = np.asarray(rates, float)
    if (top <= 0).any() or (bottom <= 0).any():
        raise ValueError("rates must be above zero: the logarithm of an empty group's rate does not exist")
    return np.log(top) - np.log(bottom)


def pooled_rates(at_risk: ArrayLike, passed: ArrayLike) -> Floats:
    """Crude pass rates over all offices.

    Parameters
    ----------
    at_risk, passed : (G, 2, S) arrays
        Cases by office, group and gate.

    Returns
    -------
    (2, S) array
        NaN where a group has nobody at risk of a gate.

    Examples
    --------
    >>> pooled_rates([[[10], [10]], [[30], [10]]], [[[5], [2]], [[25], [4]]]).ravel()
    array([0.75, 0.3 ])
    """
    return _shares(np.asarray(at_risk, float).sum(axis=0), np.asarray(passed, float).sum(axis=0))


def standardised_rates(at_risk: ArrayLike, passed: ArrayLike) -> Floats:
    """Pass rates directly standardised over offices: each office weighs what both groups together have at
    risk there.

    Both groups get the same office weights at a gate, so how they are spread over offices no longer differs.

    Parameters
    ----------
    at_risk, passed : (G, 2, S) arrays
        Cases by office, group and gate.

    Returns
    -------
    (2, S) array
        NaN where an office that has cases at risk of a gate lacks one of the groups.

    Examples
    --------
    Office 0 has 20 cases, office 1 has 40: (20 * 0.5 + 40 * 5/6) / 60 and (20 * 0.2 + 40 * 0.4) / 60.

    >>> standardised_rates([[[10], [10]], [[30], [10]]], [[[5], [2]], [[25], [4]]]).ravel().round(6)
    array([0.722222, 0.333333])
    """
    cases = np.asarray(at_risk, float)
    rates = _shares(cases, np.asarray(passed, float))
    weights = cases.sum(axis=1, keepdims=True)
    weights = weights / weights.sum(axis=0)
    # an office that nobody is at risk in weighs nothing, and its rate does not exist
    return np.where(weights > 0, weights * rates, 0.0).sum(axis=0)


def _shares(at_risk: Floats, passed: Floats) -> Floats:
    """passed / at_risk, NaN where nobody is at risk."""
    return np.divide(passed, at_risk, out=np.full(passed.shape, np.nan), where=at_risk > 0)
