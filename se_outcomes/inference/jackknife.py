"""The cluster jackknife: leave one cluster (office) out at a time, of anything computed from a fit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from se_outcomes.errors import EstimationError
from se_outcomes.inference.clustered_fit import ClusteredFit, require_two_clusters

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Jackknife:
    """Estimates with their cluster-jackknife covariance.

    Attributes
    ----------
    estimate : (m,) array
        The functional at the full fit.
    replicates : (G, m) array
        The functional without each cluster.
    covariance : (m, m) array
        (G-1)/G times the sum over clusters of (replicate - estimate)(replicate - estimate)'.
    dof : float
        G - 1.
    kind : str
        ``"CV3"`` (refits) or ``"CV3L"`` (one-step refits).
    held : (k,) bool array
        Coefficients that some replicate could not estimate and held at their value.
    """

    estimate: Floats
    replicates: Floats
    covariance: Floats
    dof: float
    kind: str
    held: NDArray[np.bool_]

    @property
    def std_error(self) -> Floats:
        """Square roots of the diagonal, (m,)."""
        return np.sqrt(np.diag(self.covariance))


def jackknife_covariance(estimate: ArrayLike, replicates: ArrayLike) -> Floats:
    """(G-1)/G sum_g (replicate_g - estimate)(replicate_g - estimate)', centred at the full estimate.

    Parameters
    ----------
    estimate : (m,) array
    replicates : (G, m) array

    Returns
    -------
    (m, m) array

    Examples
    --------
    The jackknife of a mean of three cluster values has the variance s^2/3.

    >>> values = np.array([1.0, 2.0, 6.0])
    >>> covariance = jackknife_covariance([3.0], [[4.0], [3.5], [1.5]])
    >>> round(float(covariance[0, 0]), 9), round(float(values.var(ddof=1)) / 3, 9)
    (2.333333333, 2.333333333)
    """
    deviations = np.asarray(replicates, float) - np.asarray(estimate, float)
    n_clusters = len(deviations)
    require_two_clusters(n_clusters)
    return (n_clusters - 1) / n_clusters * deviations.T @ deviations


def jackknife(functional: Callable[[Any], Floats], fit: ClusteredFit, *, kind: str = "CV3") -> Jackknife:
    """Cluster jackknife of what ``functional`` computes from a fit.

    Parameters
    ----------
    functional : callable
        From a fit to an (m,) array. A replicate is a fit without a cluster, so averages over cases are then
        over the clusters that remain.
    fit : record with ``scores``, ``refit(without=g)`` and ``approximate(without=g)``
        The full fit; G is the number of rows of ``scores``.
    kind : {"CV3", "CV3L"}
        Refits, or one-step refits.

    Raises
    ------
    EstimationError
        ``one_office``; or, for CV3, the reason of refits that failed (``separation`` if any did), with
        ``details["n_failed"]`` and ``details["n_clusters"]``. Replicates are never dropped.
    """
    if kind not in ("CV3", "CV3L"):
        raise ValueError(f"kind must be CV3 or CV3L; got {kind!r}")
    n_clusters = len(fit.scores)
    replicates, failures = [], []
    held = np.zeros(len(fit.parameters), dtype=bool)
    for cluster in range(n_clusters):
        try:
            refit = fit.refit(without=cluster) if kind == "CV3" else fit.approximate(without=cluster)
        except EstimationError as failure:
            failures.append(failure)
            continue
        held |= refit.held
        replicates.append(functional(refit))
    if failures:
        # whatever order the clusters have, the same reason is given
        failures.sort(key=lambda failure: (failure.reason != "separation", failure.reason))
        raise EstimationError(
            f"Without one cluster at a time the model cannot be fitted in {len(failures)} of {n_clusters} "
            f"cases; the first failure: {failures[0]} The jackknife (CV3) needs every refit; its linear "
            "form CV3L does not.",
            reason=failures[0].reason,
            n_failed=len(failures),
            n_clusters=n_clusters,
        )
    estimate = functional(fit)
    covariance = jackknife_covariance(estimate, np.array(replicates))
    return Jackknife(estimate, np.array(replicates), covariance, n_clusters - 1.0, kind, held)
