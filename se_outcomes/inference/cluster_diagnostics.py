"""How far the clusters carry clustered inference: their sizes, leverage, effective number, degrees of freedom."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from se_outcomes.errors import EstimationError
from se_outcomes.inference.cluster_covariance import bias_reduced, inverse_information
from se_outcomes.inference.clustered_fit import ClusteredFit, require_two_clusters

Floats = NDArray[np.float64]
#: A sum of squares below this share of what it could be is rounding.
NOTHING = 1e-20


@dataclass(frozen=True, eq=False)
class ClusterDiagnostics:
    """What one parameter's clustered inference rests on.

    Attributes
    ----------
    n_clusters : int
        G.
    smallest, median, largest_share : float
        Cases of the smallest and the middle cluster, and the largest one's share of all cases.
    leverage : (G,) array
        tr(J^-1 J_g): parameters that each cluster by itself determines. They sum to the number of parameters
        that were estimated; k/G each where clusters are alike.
    partial_leverage : (G,) array
        Each cluster's share of the information on the parameter, net of the others; they sum to 1.
    effective : float
        G*, were cases independent and the model true.
    effective_slopes : float
        G*, were the parameter itself to differ between clusters, that being all there is: the most that its estimate
        can depend on few clusters.
    effective_common : float or None
        G*, were all cases of a cluster to deviate together; None unless the constant's column is named, and where such
        deviations cancel within every cluster.
    satterthwaite : float
        Degrees of freedom of CR2 (Bell & McCaffrey), at most G - 1 or so; far below it, t(G - 1) is too narrow.
    """

    n_clusters: int
    smallest: float
    median: float
    largest_share: float
    leverage: Floats
    partial_leverage: Floats
    effective: float
    effective_slopes: float
    effective_common: float | None
    satterthwaite: float


def diagnose_clusters(
    fit: ClusteredFit, parameter: int, *, constant: int | None = None
) -> ClusterDiagnostics:
    """Sizes, leverage, effective number of clusters and degrees of freedom for one parameter.

    With J = sum_g J_g over the parameters that were estimated, c the parameter's unit vector and a = J^-1 c:

    * leverage tr(J^-1 J_g); partial leverage a'J_g a / a'J a.
    * G* = G / (1 + V), V the squared coefficient of variation of the variances gamma_g that the clusters
      contribute. Independent cases: gamma_g = a'J_g a. A coefficient of the cluster's own, b + u_g, gives the scores
      J_g c u_g and gamma_g = (a'J_g c)^2. A deviation that all its cases share, on the scale of the linear
      predictor, gives the scores J_g e u_g with e the constant's unit vector and gamma_g = (a'J_g e)^2: the perfect
      correlation that Carter, Schnepel & Steigerwald propose. It needs the constant among the columns, as
      group intercepts that were profiled out absorb it.

    Parameters
    ----------
    fit : ClusteredFit
    parameter : int
        Which one.
    constant : int, optional
        Which parameter belongs to the column of ones, for ``effective_common``.

    Raises
    ------
    EstimationError
        ``one_office``; ``not_identified`` where the parameter was not estimated (restricted, held).
    ValueError
        If there is no such parameter.

    References
    ----------
    Leverage: MacKinnon, Nielsen & Webb (2023), J. Econometrics 232:272-299. G*: Carter, Schnepel & Steigerwald
    (2017), Rev. Econ. Stat. 99:698-709. Degrees of freedom: Bell & McCaffrey (2002), Survey Methodology 28:169-181.

    Examples
    --------
    Five offices alike: each has a fifth of everything.

    >>> from se_outcomes.regression.logit import fit_logit
    >>> y, x, office = [0, 0, 1, 1] * 5, [0, 1] * 10, np.repeat(np.arange(5), 4)
    >>> fit = fit_logit(y, np.column_stack([np.ones(20), x]), counts=[6, 4, 5, 7] * 5, clusters=office)
    >>> found = diagnose_clusters(fit, 1)
    >>> found.partial_leverage.round(9), round(found.effective, 9), round(found.satterthwaite, 6)
    (array([0.2, 0.2, 0.2, 0.2, 0.2]), 5.0, 4.0)
    """
    require_two_clusters(len(fit.scores))
    for place in (parameter, *(() if constant is None else (constant,))):
        _require_estimated(fit, place)
    inverse, information = inverse_information(fit), fit.information
    unit = np.eye(len(inverse))
    a = inverse[parameter]
    own = information @ a  # J_g a, (G, k)
    variances = own @ a
    sizes = fit.cluster_sizes
    return ClusterDiagnostics(
        n_clusters=len(sizes),
        smallest=float(sizes.min()),
        median=float(np.median(sizes)),
        largest_share=float(sizes.max() / sizes.sum()),
        leverage=np.einsum("kl,glk->g", inverse, information),
        partial_leverage=variances / variances.sum(),
        effective=effective_clusters(variances),
        effective_slopes=effective_clusters(own[:, parameter] ** 2),
        effective_common=None
        if constant is None
        else _common(own[:, constant], variances, information, constant),
        satterthwaite=float(bias_reduced(fit, unit[[parameter]]).dof[0]),
    )


def effective_clusters(variances: Floats) -> float:
    """G* = G / (1 + V), V the squared coefficient of variation of the clusters' variances: (sum)^2 / sum of squares.

    Parameters
    ----------
    variances : (G,) array
        Contribution of each cluster to the estimate's variance, on any scale; not all zero.

    References
    ----------
    Carter, Schnepel & Steigerwald (2017), Rev. Econ. Stat. 99:698-709.

    Examples
    --------
    >>> effective_clusters(np.array([2.0, 2.0, 2.0])), effective_clusters(np.array([1.0, 0.0, 0.0]))
    (3.0, 1.0)
    """
    shares = np.asarray(variances, float) / np.sum(variances)
    return float(1 / (shares @ shares))


def _common(own: Floats, variances: Floats, information: Floats, constant: int) -> float | None:
    """G* of a deviation shared within clusters; None where it cancels in every cluster but for rounding."""
    largest = variances @ information[:, constant, constant]  # by Cauchy and Schwarz
    return effective_clusters(own**2) if own @ own > NOTHING * largest else None


def _require_estimated(fit: ClusteredFit, place: int) -> None:
    if not 0 <= place < len(fit.parameters):
        raise ValueError(f"parameter must be from 0 to {len(fit.parameters) - 1}; got {place}")
    if not fit.free[place]:
        raise EstimationError(
            "The parameter was held at a value, not estimated: the clusters say nothing about it in this fit. "
            "Ask the unrestricted fit.",
            reason="not_identified",
        )
