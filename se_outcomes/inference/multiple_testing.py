"""Several hypotheses about the same offices: step-down adjusted p-values from one set of office weights.

Each hypothesis brings its own restricted score bootstrap (:mod:`se_outcomes.inference.score_bootstrap`). A draw gives
every office one weight, and that weight is used in every equation the office takes part in, so that the draws are
dependent across hypotheses as the statistics are. Each hypothesis is drawn from its own restricted fit: what is drawn
for it does not depend on which of the others are true, which the step-down needs (subset pivotality).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from se_outcomes.inference.score_bootstrap import (
    N_DRAWS,
    TIE,
    WEBB_UP_TO,
    Draws,
    ScoredHypothesis,
    compare,
    draw_weights,
)

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class AdjustedTests:
    """K tests with p-values that hold for all of them together.

    Attributes
    ----------
    statistics : (K,) array
        What each hypothesis' draws were compared with.
    p_values : (K,) array
        Of each hypothesis by itself.
    adjusted : (K,) array
        Rejecting where these are at most alpha errs in one or more true hypotheses with probability alpha at most
        (family-wise error rate), as far as the bootstrap holds.
    smallest_possible : float
        The grid of the p-values, below which none is reported: 1 / (number of draws up to sign) where all are
        enumerated, 1 / (draws + 1) where they are sampled.
    n_draws : int
    enumerated : bool
    weights : {"webb", "rademacher"}
    method : {"romano_wolf", "westfall_young"}
    """

    statistics: Floats
    p_values: Floats
    adjusted: Floats
    smallest_possible: float
    n_draws: int
    enumerated: bool
    weights: str
    method: str


def romano_wolf(
    hypotheses: Sequence[ScoredHypothesis],
    *,
    observed: ArrayLike | None = None,
    weights: str = "auto",
    n_draws: int = N_DRAWS,
    generator: np.random.Generator | None = None,
) -> AdjustedTests:
    """Step-down adjusted p-values from the largest studentised statistic of those not yet rejected.

    With |t| in falling order, the j-th p-value is that of |t_(j)| among max(|t*_(j)|, ..., |t*_(K)|) of each draw, and
    not below the one before. p is (1 + number beyond or equal) / (B + 1) for sampled draws; where all draws are
    enumerated exact ties count half.

    With five offices and signs as weights there are 16 draws up to sign: the grid is 1/16 = .0625, and nothing can be
    rejected at 5 %, however many hypotheses there are. Webb's weights, the default for so few, have a grid of 1/3,888
    there. Draws whose statistics lie beyond all others cannot be told from p = 0; ``smallest_possible`` is
    then the p-value.

    Parameters
    ----------
    hypotheses : sequence of ScoredHypothesis
        K hypotheses on one parameter each, from :func:`se_outcomes.inference.score_bootstrap.score_hypothesis`; their
        ``clusters`` are codes of the same offices, of which an equation may lack some.
    observed : (K,) array, optional
        Their |t| at hand, as those of the estimates with CV1. By default the statistics of the scores.
    weights, n_draws, generator
        As in :func:`se_outcomes.inference.score_bootstrap.draw_weights`, for all offices of any equation.

    Raises
    ------
    EstimationError
        ``one_office``.
    ValueError
        Without hypotheses, where one is on several parameters (:func:`westfall_young` takes those), or where
        ``observed`` has another length or is not finite.

    References
    ----------
    Romano & Wolf (2005), Econometrica 73:1237-1282; p-values: Romano & Wolf (2016), Statistics & Probability Letters
    113:38-40.

    Examples
    --------
    >>> from se_outcomes.inference.score_bootstrap import score_hypothesis
    >>> from se_outcomes.regression.logit import fit_logit
    >>> x, y, office = [0, 0, 1, 1] * 5, [0, 1] * 10, np.repeat(np.arange(5), 4)
    >>> X = np.column_stack([np.ones(20), x])
    >>> referred = [5, 4, 6, 6, 9, 5, 4, 7, 5, 5, 6, 9, 8, 3, 4, 6, 5, 4, 4, 7]
    >>> placed = [6, 3, 7, 5, 8, 6, 5, 6, 7, 3, 9, 6, 7, 4, 3, 7, 4, 5, 6, 5]
    >>> fits = [fit_logit(y, X, counts=counts, clusters=office) for counts in (referred, placed)]
    >>> scored = [score_hypothesis(fit.refit(restrict={1: 0.0}), [1]) for fit in fits]
    >>> found = romano_wolf(scored)
    >>> found.enumerated, bool((found.adjusted >= found.p_values).all())
    (True, True)
    >>> romano_wolf(scored, weights="rademacher").smallest_possible
    0.0625
    """
    if any(hypothesis.own.shape[1] > 1 for hypothesis in hypotheses):
        raise ValueError(
            "romano_wolf compares |t| of one parameter each; use westfall_young for joint hypotheses"
        )
    statistics, drawn, draws = _joint_draws(hypotheses, observed, weights, n_draws, generator)
    adjusted = _step_down(statistics, drawn, draws)
    return _record(hypotheses, statistics, drawn, adjusted, draws, "romano_wolf")


def westfall_young(
    hypotheses: Sequence[ScoredHypothesis],
    *,
    observed: ArrayLike | None = None,
    weights: str = "auto",
    n_draws: int = N_DRAWS,
    generator: np.random.Generator | None = None,
) -> AdjustedTests:
    """Step-down adjusted p-values from the smallest p-value of those not yet rejected.

    Each draw's statistic is turned into its own p-value among all draws of that hypothesis; the smallest of them is
    what the observed p-value is compared with. Statistics of unlike distributions (few offices in one equation, joint
    hypotheses) thereby count alike, at the price of more ties where draws are few. The grid with five offices and
    signs is 1/16 = .0625, as in :func:`romano_wolf`.

    Parameters
    ----------
    hypotheses, observed, weights, n_draws, generator
        As in :func:`romano_wolf`; hypotheses may be on several parameters (Wald statistics).

    Raises
    ------
    EstimationError, ValueError
        As :func:`romano_wolf`.

    References
    ----------
    Westfall & Young (1993), Resampling-Based Multiple Testing, Wiley, pp. 66-67 (free step-down, min-p).

    Examples
    --------
    >>> from se_outcomes.inference.score_bootstrap import score_hypothesis
    >>> from se_outcomes.regression.logit import fit_logit
    >>> x, y, office = [0, 0, 1, 1] * 5, [0, 1] * 10, np.repeat(np.arange(5), 4)
    >>> counts = [5, 4, 6, 6, 9, 5, 4, 7, 5, 5, 6, 9, 8, 3, 4, 6, 5, 4, 4, 7]
    >>> fit = fit_logit(y, np.column_stack([np.ones(20), x]), counts=counts, clusters=office)
    >>> scored = score_hypothesis(fit.refit(restrict={1: 0.0}), [1])
    >>> found = westfall_young([scored, scored])  # the same twice: nothing to adjust for
    >>> bool(np.allclose(found.adjusted, found.p_values))
    True
    """
    statistics, drawn, draws = _joint_draws(hypotheses, observed, weights, n_draws, generator)
    columns = range(len(statistics))
    ranks = np.stack([_beyond(drawn[:, k], drawn[:, k], draws) for k in columns], axis=1)
    own = np.array([_beyond(statistics[k : k + 1], drawn[:, k], draws)[0] for k in columns])
    adjusted = _step_down(-own, -ranks, draws)  # a small p-value is an extreme one
    return _record(hypotheses, statistics, drawn, adjusted, draws, "westfall_young")


def _joint_draws(
    hypotheses: Sequence[ScoredHypothesis],
    observed: ArrayLike | None,
    weights: str,
    n_draws: int,
    generator: np.random.Generator | None,
) -> tuple[Floats, Floats, Draws]:
    """Statistics (K,), what is drawn for each (D, K), and the weights of the offices of any equation."""
    if not hypotheses:
        raise ValueError("there must be at least one hypothesis")
    given = [hypothesis.observed for hypothesis in hypotheses] if observed is None else observed
    statistics = np.asarray(given, float)
    if statistics.shape != (len(hypotheses),) or not np.isfinite(statistics).all():
        raise ValueError(f"observed must be ({len(hypotheses)},) and finite; got {statistics.shape}")
    codes = np.unique(np.concatenate([hypothesis.clusters for hypothesis in hypotheses]))
    fewest = min(len(hypothesis.clusters) for hypothesis in hypotheses)
    if weights == "auto":
        # signs would leave the hypothesis with the fewest offices too few different statistics
        weights = "webb" if fewest <= WEBB_UP_TO else "rademacher"
    draws = draw_weights(len(codes), kind=weights, n_draws=n_draws, generator=generator)
    drawn = [
        hypothesis.statistics(draws.values[:, np.searchsorted(codes, hypothesis.clusters)])
        for hypothesis in hypotheses
    ]
    return np.abs(statistics), np.stack(drawn, axis=1), draws


def _step_down(statistics: Floats, drawn: Floats, draws: Draws) -> Floats:
    """p-values (K,) of the statistics, largest first, each among the largest drawn of it and those after it."""
    order = np.argsort(-statistics, kind="stable")
    # from the last to the first: the largest of this one and all that come after it
    largest = np.maximum.accumulate(drawn[:, order[::-1]], axis=1)[:, ::-1]
    stepwise = [compare(float(statistics[k]), largest[:, step], draws) for step, k in enumerate(order)]
    adjusted = np.empty(len(order))
    adjusted[order] = np.maximum.accumulate(stepwise)
    return adjusted


def _beyond(values: Floats, drawn: Floats, draws: Draws) -> Floats:
    """How many of the drawn lie beyond each value; ties count half where all are enumerated, else in full."""
    ordered = np.sort(drawn)
    near = TIE * np.where(np.isfinite(values), np.abs(values), 0.0)
    beyond = len(drawn) - np.searchsorted(ordered, values + near, side="right")
    ties = len(drawn) - np.searchsorted(ordered, values - near, side="left") - beyond
    return beyond + (0.5 if draws.enumerated else 1.0) * ties


def _smallest(hypothesis: ScoredHypothesis, draws: Draws) -> float:
    """The smallest p-value a hypothesis can have: its own offices may have fewer weights than there are draws."""
    points = 6 if draws.kind == "webb" else 2
    own = points ** len(hypothesis.clusters) / 2  # up to the sign
    return max(1 / own, 1 / (len(draws.values) + (0 if draws.enumerated else 1)))


def _record(
    hypotheses: Sequence[ScoredHypothesis],
    statistics: Floats,
    drawn: Floats,
    adjusted: Floats,
    draws: Draws,
    method: str,
) -> AdjustedTests:
    smallest = np.array([_smallest(hypothesis, draws) for hypothesis in hypotheses])
    raw = np.array([compare(float(value), drawn[:, k], draws) for k, value in enumerate(statistics)])
    return AdjustedTests(
        statistics=statistics,
        p_values=np.maximum(raw, smallest),
        adjusted=np.maximum(np.maximum(adjusted, raw), smallest),
        smallest_possible=float(smallest.max()),
        n_draws=draws.n_draws,
        enumerated=draws.enumerated,
        weights=draws.kind,
        method=method,
    )
