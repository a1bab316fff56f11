"""Covariances that allow for dependence within clusters, from scores and information or by refits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from se_outcomes.errors import EstimationError
from se_outcomes.inference.jackknife import ClusteredFit, jackknife

Floats = NDArray[np.float64]
KINDS = ("CV1", "CV3", "CV3L")


@dataclass(frozen=True, eq=False)
class ClusterCovariance:
    """A covariance of k coefficients that allows for dependence within G clusters.

    Attributes
    ----------
    covariance : (k, k) array
        Rows and columns of ``unidentified`` coefficients are NaN.
    dof : float
        Degrees of freedom of the reference t distribution, G - 1.
    kind : str
        ``"CV1"``, ``"CV3"`` or ``"CV3L"``.
    factor : float
        The finite-sample factor: G/(G-1) (n-1)/(n-k) for CV1, (G-1)/G for CV3 and CV3L.
    unidentified : (k,) bool array
        Coefficients that one cluster alone speaks of: without it there is nothing to estimate them from, so a
        jackknife cannot tell how they would vary.
    """

    covariance: Floats
    dof: float
    kind: str
    factor: float
    unidentified: NDArray[np.bool_]

    @property
    def std_error(self) -> Floats:
        """Square roots of the diagonal, (k,)."""
        return np.sqrt(np.diag(self.covariance))


def cluster_covariance(fit: ClusteredFit, *, kind: str = "CV3") -> ClusterCovariance:
    """Covariance of ``fit.beta`` robust to dependence within clusters.

    * CV1: c J^-1 (sum_g s_g s_g') J^-1 with c = G/(G-1) (n-1)/(n-k); n cases, k coefficients in ``beta``.
      Group intercepts lie within clusters and are not counted in k. Stata's ``logit, vce(cluster)`` uses
      G/(G-1) alone.
    * CV3: the cluster jackknife, (G-1)/G sum_g (b_(g) - b)(b_(g) - b)', each b_(g) a refit without cluster g.
    * CV3L: the same with one-step refits, b_(g) - b = -(J - J_g)^-1 s_g.

    Parameters
    ----------
    fit : ClusteredFit
        Any likelihood's fit: ``beta``, ``scores`` (G, k), ``information`` (G, k, k), ``refit`` ...
        Any likelihood's fit.
    kind : {"CV1", "CV3", "CV3L"}
        The default is CV3: with few clusters CV1 rejects a true null too often.

    Raises
    ------
    EstimationError
        ``one_office`` with fewer than two clusters; for CV3 the reason of the refits that failed, with their
        number in ``details["n_failed"]`` (CV3L exists then too).
    ValueError
        On an unknown kind.

    References
    ----------
    MacKinnon, Nielsen & Webb (2024), Cluster-robust jackknife and bootstrap inference for logistic regression
    models, arXiv 2406.00650.

    Examples
    --------
    >>> from se_outcomes.regression.logit import fit_logit
    >>> fit = fit_logit([1, 0] * 3, [[1]] * 6, counts=[5, 5, 6, 4, 2, 8], clusters=[0, 0, 1, 1, 2, 2])
    >>> robust = cluster_covariance(fit, kind="CV1")
    >>> robust.dof, round(float(robust.factor), 4)
    (2.0, 1.5)
    """
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}; got {kind!r}")
    n_clusters, k = fit.scores.shape
    if n_clusters < 2:
        raise EstimationError(
            "Variation between clusters cannot be measured in one cluster. Two are the least; more are "
            "better.",
            reason="one_office",
        )
    if kind == "CV1":
        factor = cv1_factor(n_clusters, fit.n_cases, k)
        covariance = _sandwich(fit, factor)
        return ClusterCovariance(covariance, n_clusters - 1.0, kind, factor, np.zeros(k, dtype=bool))
    replicated = jackknife(lambda refit: refit.beta, fit, kind=kind)
    covariance = replicated.covariance.copy()
    unidentified = replicated.held
    covariance[unidentified, :] = covariance[:, unidentified] = np.nan
    return ClusterCovariance(covariance, replicated.dof, kind, (n_clusters - 1) / n_clusters, unidentified)


def cv1_factor(n_clusters: int, n_cases: int, k: int) -> float:
    """The finite-sample factor of CV1: G/(G-1) (n-1)/(n-k).

    Examples
    --------
    >>> round(cv1_factor(15, 842, 4), 6)
    1.075264
    """
    return n_clusters / (n_clusters - 1) * (n_cases - 1) / (n_cases - k)


def _sandwich(fit: ClusteredFit, factor: float) -> Floats:
    bread = np.linalg.inv(fit.information.sum(axis=0))
    influence = fit.scores @ bread
    return factor * influence.T @ influence
