"""Covariances that allow for dependence within clusters, from scores and information or by refits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from se_outcomes.inference.clustered_fit import (
    ClusteredFit,
    known_from_one_cluster,
    require_two_clusters,
)
from se_outcomes.inference.jackknife import jackknife

Floats = NDArray[np.float64]
KINDS = ("CV1", "CV3", "CV3L", "CR2")
#: Below this share of the information that it has in all, a direction is known from one cluster alone.
ALONE = 1e-9


@dataclass(frozen=True, eq=False)
class ClusterCovariance:
    """A covariance of k coefficients that allows for dependence within G clusters.

    Attributes
    ----------
    covariance : (k, k) array
        Rows and columns of ``unidentified`` coefficients are NaN (but for CV1); of coefficients that were not
        estimated (restricted, held) zero.
    dof : float or (k,) array
        Degrees of freedom of the reference t distribution: G - 1; for CR2 one for each coefficient, NaN where
        ``unidentified``.
    kind : str
        ``"CV1"``, ``"CV3"``, ``"CV3L"`` or ``"CR2"``.
    factor : float
        The finite-sample factor: G/(G-1) (n-1)/(n-k) for CV1, (G-1)/G for CV3 and CV3L, 1 for CR2.
    unidentified : (k,) bool array
        Coefficients that one cluster alone speaks of: without it there is nothing to estimate them from, so a
        nothing can tell how they would vary.
    """

    covariance: Floats
    dof: float | Floats
    kind: str
    factor: float
    unidentified: NDArray[np.bool_]

    @property
    def std_error(self) -> Floats:
        """Square roots of the diagonal, (k,)."""
        return np.sqrt(np.diag(self.covariance))


def cluster_covariance(fit: ClusteredFit, *, kind: str = "CV3") -> ClusterCovariance:
    """Covariance of ``fit.parameters`` robust to dependence within clusters.

    * CV1: c J^-1 (sum_g s_g s_g') J^-1 with c = G/(G-1) (n-1)/(n-k); n cases, k coefficients that were estimated.
      Group intercepts lie within clusters and are not counted in k. Stata's ``logit, vce(cluster)`` uses
      G/(G-1) alone.
    * CV3: the cluster jackknife, (G-1)/G sum_g (b_(g) - b)(b_(g) - b)', each b_(g) a refit without cluster g.
    * CV3L: the same with one-step refits, b_(g) - b = -(J - J_g)^-1 s_g.
    * CR2: bias-reduced, with Satterthwaite degrees of freedom; see :func:`bias_reduced`.

    Parameters
    ----------
    fit : ClusteredFit
        Any likelihood's fit: ``parameters``, ``scores`` (G, k), ``information`` (G, k, k), ``refit`` ...
    kind : {"CV1", "CV3", "CV3L", "CR2"}
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
    require_two_clusters(n_clusters)
    alone = known_from_one_cluster(fit)
    if kind == "CV1":
        factor = cv1_factor(n_clusters, fit.n_cases, int(fit.free.sum()))
        influence = fit.scores @ inverse_information(fit)
        return ClusterCovariance(factor * influence.T @ influence, n_clusters - 1.0, kind, factor, alone)
    if kind == "CR2":
        reduced = bias_reduced(fit, np.eye(k))
        covariance = reduced.influence.T @ reduced.influence
        covariance[alone, :] = covariance[:, alone] = np.nan
        return ClusterCovariance(covariance, np.where(alone, np.nan, reduced.dof), kind, 1.0, alone)
    replicated = jackknife(lambda refit: refit.parameters, fit, kind=kind)
    covariance = replicated.covariance.copy()
    alone = alone | replicated.held
    covariance[alone, :] = covariance[:, alone] = np.nan
    return ClusterCovariance(covariance, replicated.dof, kind, (n_clusters - 1) / n_clusters, alone)


def cv1_factor(n_clusters: int, n_cases: int, k: int) -> float:
    """The finite-sample factor of CV1: G/(G-1) (n-1)/(n-k).

    Examples
    --------
    >>> round(cv1_factor(15, 842, 4), 6)
    1.075264
    """
    return n_clusters / (n_clusters - 1) * (n_cases - 1) / (n_cases - k)


def inverse_information(fit: ClusteredFit) -> Floats:
    """Inverse summed information (k, k); zero for parameters that were not estimated.

    Examples
    --------
    >>> from se_outcomes.regression.logit import fit_logit
    >>> fit = fit_logit([1, 0], [[1], [1]], counts=[8, 8], clusters=[0, 0])
    >>> inverse_information(fit).round(9)
    array([[0.25]])
    """
    total = fit.information.sum(axis=0)
    chosen = np.ix_(fit.free, fit.free)
    found = np.zeros_like(total)
    found[chosen] = np.linalg.inv(total[chosen])
    return found


@dataclass(frozen=True, eq=False)
class BiasReduced:
    """CR2 of m linear combinations of the coefficients.

    Attributes
    ----------
    influence : (G, m) array
        What each cluster contributes to each combination's error, adjusted; the variance is its sum of squares.
    dof : (m,) array
        Satterthwaite degrees of freedom.
    """

    influence: Floats
    dof: Floats

    @property
    def std_error(self) -> Floats:
        """(m,)."""
        return np.sqrt((self.influence**2).sum(axis=0))


def bias_reduced(fit: ClusteredFit, combinations: Floats) -> BiasReduced:
    """CR2 with Bell and McCaffrey's degrees of freedom.

    From scores and information by cluster alone: with J = L L', C_g = L^-1 J_g L^-T and F_g = (I - C_g)^(-1/2), a
    combination c'beta has the variance sum_g u_g^2, u_g = d' F_g L^-1 s_g with d = L^-1 c. Were the working model true
    the u_g would have the covariance M_gh = [g = h] d' F_g C_g F_g d - d' F_g C_g C_h F_h d, from which the degrees of
    freedom tr(M)^2 / sum M_gh^2. No matrix is larger than k x k or G x G, and any likelihood will do.

    That square root is taken where the information is one. Another one is as unbiased; clubSandwich takes it on the
    scale of the response, and a fit that has ``adjust`` (a logit without group intercepts) gives that one, so
    that the numbers are clubSandwich's. The two differ by less than a per cent unless a cluster has nearly all the
    information on a coefficient.

    Parameters
    ----------
    fit : ClusteredFit
    combinations : (m, k) array
        A combination in each row.

    References
    ----------
    Bell & McCaffrey (2002), Survey Methodology 28:169-181; Pustejovsky & Tipton (2018), J. Bus. Econ. Stat.
    36:672-683.

    Examples
    --------
    The mean of equally large clusters has G - 1 degrees of freedom.

    >>> from se_outcomes.regression.logit import fit_logit
    >>> fit = fit_logit([1, 0] * 3, [[1]] * 6, counts=[5, 5, 6, 4, 2, 8], clusters=[0, 0, 1, 1, 2, 2])
    >>> float(bias_reduced(fit, np.eye(1)).dof[0].round(9))
    2.0
    """
    require_two_clusters(len(fit.scores))
    adjust = getattr(fit, "adjust", None)
    found = None if adjust is None else adjust(combinations)
    influence, working = _from_information(fit, combinations) if found is None else found
    trace, squares = np.trace(working, axis1=1, axis2=2), (working**2).sum(axis=(1, 2))
    # a combination of restricted coefficients does not vary at all
    dof = np.divide(trace**2, squares, out=np.zeros_like(trace), where=squares > 0)
    return BiasReduced(influence, dof)


def _from_information(fit: ClusteredFit, combinations: Floats) -> tuple[Floats, Floats]:
    """Influence (G, m) and its working covariance (m, G, G) by the formula above."""
    scores, information, free = fit.scores, fit.information, fit.free
    root = np.linalg.inv(np.linalg.cholesky(information.sum(axis=0)[np.ix_(free, free)]))
    shares = root @ information[:, free][:, :, free] @ root.T
    values, vectors = np.linalg.eigh(np.eye(len(root)) - shares)
    weights = np.where(values > ALONE, 1 / np.sqrt(np.maximum(values, ALONE)), 0.0)
    spread = np.einsum("gij,gj,gkj->gik", vectors, weights, vectors) @ (root @ combinations[:, free].T)
    influence = np.einsum("gkm,gk->gm", spread, scores[:, free] @ root.T)
    across = shares @ spread  # C_g F_g d, (G, k, m)
    working = -np.einsum("gkm,hkm->mgh", across, across)
    places = np.arange(len(scores))
    working[:, places, places] += np.einsum("gkm,gkm->gm", spread, across).T
    return influence, working
