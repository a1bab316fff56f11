"""The restricted wild score bootstrap: tests of any likelihood's parameters that hold with few clusters.

The fit is restricted to the null; each draw multiplies the clusters' scores there by random v_g and takes one Newton
step from them, with its own cluster-robust t statistic:

    b* = J^-1 sum_g v_g s_g,   e*_g = v_g s_g - J_g b*,   t* = b*_j / sqrt(c [J^-1 sum_g e*_g e*_g' J^-1]_jj).

Variant C takes the scores as they are, variant S those of a fit that also leaves the cluster out of what the null lets
free: s_g + J_g[:, r] (J_rr - J_g,rr)^-1 s_g,r with r the free parameters (MacKinnon, Nielsen & Webb 2024, arXiv
2406.00650, WCLR-C and WCLR-S). Only scores and information by cluster enter, so 9,999 draws cost milliseconds.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from se_outcomes.errors import EstimationError
from se_outcomes.inference.cluster_covariance import cluster_covariance, cv1_factor
from se_outcomes.inference.clustered_fit import ClusteredFit, require_two_clusters

Floats = NDArray[np.float64]

#: All draws are enumerated up to so many clusters: 6^6 = 46,656 with Webb's six points, 2^12 = 4,096 signs.
WEBB_UP_TO, SIGNS_UP_TO = 6, 12
N_DRAWS = 9_999
#: Draws beyond what is enumerated come from this seed where no generator is given, so that a result can be had again.
SEED = 20_240_601
#: Statistics closer than this, relatively, are the same.
TIE = 1e-9
WEBB = np.sqrt([0.5, 1.0, 1.5])


@dataclass(frozen=True, eq=False)
class Draws:
    """Weights of the clusters.

    Attributes
    ----------
    values : (D, G) array
        Enumerated ones up to their sign: v and -v give the same statistic.
    kind : {"webb", "rademacher"}
    enumerated : bool
    n_draws : int
        How many there are, both signs counted.
    """

    values: Floats
    kind: str
    enumerated: bool
    n_draws: int


def draw_weights(
    n_clusters: int,
    *,
    kind: str = "auto",
    n_draws: int = N_DRAWS,
    generator: np.random.Generator | None = None,
) -> Draws:
    """Weights for the clusters: every one there is where they are few, else drawn.

    Parameters
    ----------
    n_clusters : int
        G.
    kind : {"auto", "webb", "rademacher"}
        Webb's six points (+-sqrt(1/2), +-1, +-sqrt(3/2)) or signs. ``"auto"``: Webb's for G <= 6, where signs give
        too few different statistics (at G = 5 none below p = 1/16), signs above.
    n_draws : int
        Number to draw. Where all of them are no more than that, or G <= 6 (Webb) or G <= 12 (signs), all are taken.
    generator : numpy Generator, optional
        Where they come from; by default one with a fixed seed.

    References
    ----------
    Webb (2023), Canadian J. Economics 56:839-858.

    Examples
    --------
    >>> draws = draw_weights(5)
    >>> draws.kind, draws.enumerated, draws.n_draws
    ('webb', True, 7776)
    """
    require_two_clusters(n_clusters)
    if kind not in ("auto", "webb", "rademacher"):
        raise ValueError(f"kind must be auto, webb or rademacher; got {kind!r}")
    if n_draws < 1:
        raise ValueError(f"n_draws must be at least 1; got {n_draws}")
    if kind == "auto":
        kind = "webb" if n_clusters <= WEBB_UP_TO else "rademacher"
    half = WEBB if kind == "webb" else np.ones(1)
    points = np.concatenate([-half[::-1], half])
    few = n_clusters <= (WEBB_UP_TO if kind == "webb" else SIGNS_UP_TO)
    total = len(points) ** n_clusters
    if few or total / 2 <= n_draws:
        every = itertools.product(half, *[points] * (n_clusters - 1))
        return Draws(np.array(list(every)), kind, True, total)
    generator = generator or np.random.default_rng(SEED)
    return Draws(generator.choice(points, size=(n_draws, n_clusters)), kind, False, n_draws)


@dataclass(frozen=True)
class ScoreBootstrap:
    """A test by the restricted wild score bootstrap.

    Attributes
    ----------
    statistic : float
        The t statistic (absolute where it stands for a joint test: Wald) of the estimates.
    p_value : float
        Two-sided.
    n_draws : int
    enumerated : bool
        Whether every draw there is was taken: then the p-value has no sampling error and is the same every time.
    weights : {"webb", "rademacher"}
    variant : {"S", "C"}
    """

    statistic: float
    p_value: float
    n_draws: int
    enumerated: bool
    weights: str
    variant: str


def score_bootstrap(
    fit: ClusteredFit,
    tested: int | Sequence[int],
    *,
    null: float | Sequence[float] = 0.0,
    variant: str = "S",
    weights: Draws | str = "auto",
    n_draws: int = N_DRAWS,
    generator: np.random.Generator | None = None,
    statistic: str = "estimate",
    recentre: str = "information",
) -> ScoreBootstrap:
    """Test that parameters have given values.

    Parameters
    ----------
    fit : ClusteredFit
        The unrestricted fit of any likelihood.
    tested : int or sequence of int
        Which parameters; several are tested jointly.
    null : float or sequence of float
        Their values under the null.
    variant : {"S", "C"}
    weights : Draws or {"auto", "webb", "rademacher"}
        See :func:`draw_weights`; draws made before can be used again.
    n_draws, generator
        As in :func:`draw_weights`.
    statistic : {"estimate", "score"}
        What the draws are compared with: t of the unrestricted estimate with CV1, or the statistic of the scores
        themselves (v = 1), which needs no unrestricted maximum inside the range (rho of a selection model).
    recentre : {"information", "share"}
        What a draw takes off each cluster's score: J_g b*, or the cluster's share of the cases times the sum (Kline
        & Santos 2012, Quant. Econ. 3:217-274), which needs no information about the tested parameters.

    Raises
    ------
    EstimationError
        ``one_office``; ``not_identified`` where the information at the null is singular; those of the restricted fit.
    ValueError
        On an unknown option or parameter.

    Examples
    --------
    >>> from se_outcomes.regression.logit import fit_logit
    >>> x, y = [0, 0, 1, 1] * 5, [0, 1] * 10
    >>> office, counts = np.repeat(np.arange(5), 4), [5, 4, 6, 6, 9, 5, 4, 7, 5, 5, 6, 9, 8, 3, 4, 6, 5, 4, 4, 7]
    >>> fit = fit_logit(y, np.column_stack([np.ones(20), x]), counts=counts, clusters=office)
    >>> found = score_bootstrap(fit, 1)
    >>> found.enumerated, 0 < found.p_value < 1
    (True, True)
    """
    if statistic not in ("estimate", "score"):
        raise ValueError(f"statistic must be estimate or score; got {statistic!r}")
    places, values = _asked(fit, tested, null)
    if not isinstance(weights, Draws):
        weights = draw_weights(len(fit.scores), kind=weights, n_draws=n_draws, generator=generator)
    restricted = fit.refit(restrict=dict(zip(places, values, strict=True)))
    scored = score_hypothesis(restricted, places, variant=variant, recentre=recentre)
    observed = (
        scored.observed if statistic == "score" else _statistic_of_estimate(fit, np.array(places), values)
    )
    p_value = compare(observed, scored.statistics(weights.values), weights)
    return ScoreBootstrap(observed, p_value, weights.n_draws, weights.enumerated, weights.kind, variant)


def _asked(
    fit: ClusteredFit, tested: int | Sequence[int], null: float | Sequence[float]
) -> tuple[list[int], Floats]:
    places = [int(tested)] if isinstance(tested, int | np.integer) else [int(place) for place in tested]
    k = len(fit.parameters)
    if not places or len(set(places)) < len(places) or not all(0 <= place < k for place in places):
        raise ValueError(f"tested must be different parameters from 0 to {k - 1}; got {places}")
    return places, np.broadcast_to(np.asarray(null, float), len(places)).copy()


def _statistic_of_estimate(fit: ClusteredFit, places: NDArray[np.int64], values: Floats) -> float:
    """t (one parameter) or Wald statistic of the estimates, with CV1."""
    covariance = cluster_covariance(fit, kind="CV1").covariance[np.ix_(places, places)]
    away = fit.parameters[places] - values
    if len(places) == 1:
        return float(abs(away[0]) / np.sqrt(covariance[0, 0]))
    return float(away @ _solved(covariance, away[:, None])[:, 0])


# ------------------------------------------------------------------------------------------------ what is drawn from


@dataclass(frozen=True, eq=False)
class ScoredHypothesis:
    """A null hypothesis on q parameters as the bootstrap needs it; draws of it are products of small matrices.

    Attributes
    ----------
    own : (G, q) array
        Each cluster's part of b* for v_g = 1.
    recentring : (G, G, q) array
        What cluster h's weight takes off cluster g's part.
    observed : float
        The statistic of the scores themselves.
    clusters : (G,) array
        Codes of the clusters, which join hypotheses about different equations.
    """

    own: Floats
    recentring: Floats
    observed: float
    factor: float
    clusters: NDArray[np.int64]

    def statistics(self, draws: Floats) -> Floats:
        """|t*| (q = 1) or the Wald statistic of each draw (D, G): (D,)."""
        return _statistics(self.own, self.recentring, self.factor, draws)


def score_hypothesis(
    restricted: ClusteredFit, places: Sequence[int], *, variant: str = "S", recentre: str = "information"
) -> ScoredHypothesis:
    """Prepare a null hypothesis from the fit restricted to it.

    Parameters
    ----------
    restricted : ClusteredFit
        With ``places`` held at their values under the null.
    places : sequence of int
    variant, recentre
        As in :func:`score_bootstrap`.
    """
    if variant not in ("S", "C") or recentre not in ("information", "share"):
        raise ValueError("variant must be S or C, recentre information or share")
    scores, information = restricted.scores, restricted.information
    require_two_clusters(len(scores))
    free = np.asarray(restricted.free)
    used = free.copy()
    used[list(places)] = True
    inside = np.searchsorted(np.flatnonzero(used), list(places))  # where the tested stand among the used
    scores, information = scores[:, used], information[:, used][:, :, used]
    total = information.sum(axis=0)
    if recentre == "information":
        pull = _solved(total, np.eye(len(total)))[:, inside]
    else:
        pull = _pull_without_own_information(total, inside)
    drawn = scores if variant == "C" else _without_own_part(scores, information, free[used])
    factor = cv1_factor(len(scores), restricted.n_cases, int(used.sum()))
    shares = restricted.cluster_sizes / restricted.cluster_sizes.sum()

    def parts(values: Floats) -> tuple[Floats, Floats]:
        own = values @ pull
        if recentre == "share":
            return own, shares[:, None, None] * own
        moved = _solved(total, values.T)  # J^-1 s_h, (k, G)
        return own, np.tensordot(information @ pull, moved, axes=(1, 0)).transpose(0, 2, 1)

    observed = _statistics(*parts(scores), factor, np.ones((1, len(scores))))[0]
    return ScoredHypothesis(*parts(drawn), float(observed), factor, restricted.clusters)


def _statistics(own: Floats, recentring: Floats, factor: float, draws: Floats) -> Floats:
    if own.shape[1] == 1:
        residual = draws * own[:, 0] - draws @ recentring[:, :, 0].T
        with np.errstate(divide="ignore", invalid="ignore"):
            t = np.abs(draws @ own[:, 0]) / np.sqrt(factor * (residual**2).sum(axis=1))
        return np.nan_to_num(t, nan=0.0, posinf=np.inf)
    total = draws @ own  # (D, q)
    residual = draws[:, :, None] * own - np.tensordot(draws, recentring, axes=(1, 1))
    spread = factor * (residual.transpose(0, 2, 1) @ residual)
    regular = np.linalg.matrix_rank(spread, hermitian=True) == own.shape[1]
    found = np.full(len(draws), np.inf)
    found[regular] = np.einsum(
        "dq,dq->d", total[regular], np.linalg.solve(spread[regular], total[regular, :, None])[:, :, 0]
    )
    return found


def _without_own_part(scores: Floats, information: Floats, free: NDArray[np.bool_]) -> Floats:
    """Variant S: each cluster's scores as if the free parameters had been estimated without it."""
    if not free.any():
        return scores
    total = information.sum(axis=0)
    found = scores.copy()
    for cluster, (score, own) in enumerate(zip(scores, information, strict=True)):
        rest = (total - own)[np.ix_(free, free)]
        diagonal = np.diag(rest)
        scale = 1 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
        # what the cluster alone knows stays as it was estimated: the pseudo-inverse, free of the columns' units
        inverse = np.linalg.pinv(rest * scale[:, None] * scale, rcond=1e-10, hermitian=True)
        found[cluster] += own[:, free] @ (scale * (inverse @ (scale * score[free])))
    return found


def _solved(matrix: Floats, right: Floats) -> Floats:
    diagonal = np.diag(matrix)
    if (diagonal > 0).all():
        scale = 1 / np.sqrt(diagonal)
        scaled = matrix * scale[:, None] * scale
        if np.linalg.eigvalsh(scaled)[0] > 1e-12:
            return scale[:, None] * np.linalg.solve(scaled, scale[:, None] * right)
    raise EstimationError(
        "The clusters do not tell the parameters apart: their information or covariance is singular. Leave columns "
        "out, or test fewer parameters.",
        reason="not_identified",
    )


def _pull_without_own_information(total: Floats, inside: NDArray[np.int64]) -> Floats:
    """Effective scores of the tested: their own less what the free parameters' scores foretell."""
    k = len(total)
    pull = np.zeros((k, len(inside)))
    pull[inside, np.arange(len(inside))] = 1.0
    rest = np.setdiff1d(np.arange(k), inside)
    if len(rest):
        pull[rest] = -_solved(total[np.ix_(rest, rest)], total[np.ix_(rest, inside)])
    return pull


def compare(observed: float, drawn: Floats, draws: Draws) -> float:
    """p-value: share of the draws beyond the statistic; where all are enumerated ties count half, and one is least.

    Examples
    --------
    >>> compare(2.0, np.array([1.0, 2.0, 3.0, 0.5]), Draws(np.ones((4, 2)), "webb", True, 4))
    0.375
    """
    with np.errstate(invalid="ignore"):  # infinite statistics tie with each other
        tied = (drawn == observed) | (np.abs(drawn - observed) <= TIE * abs(observed))
    beyond, ties = int(((drawn > observed) & ~tied).sum()), int(tied.sum())
    if draws.enumerated:
        return max(beyond + 0.5 * ties, 1.0) / len(drawn)  # what no draw reaches has no p-value of nought
    return (1 + beyond + ties) / (len(drawn) + 1)
