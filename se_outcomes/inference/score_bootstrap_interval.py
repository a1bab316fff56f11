"""Intervals by inverting the score bootstrap: the values of a parameter that it does not reject."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from se_outcomes.inference.cluster_covariance import cluster_covariance
from se_outcomes.inference.clustered_fit import ClusteredFit
from se_outcomes.inference.score_bootstrap import N_DRAWS, Draws, draw_weights, score_bootstrap

#: An end is looked for within so many standard errors, and found to a share of one.
FARTHEST, PRECISION = 64.0, 1e-4


def bootstrap_interval(
    fit: ClusteredFit,
    tested: int,
    *,
    level: float = 0.95,
    variant: str = "S",
    weights: Draws | str = "auto",
    n_draws: int = N_DRAWS,
    generator: np.random.Generator | None = None,
) -> tuple[float, float]:
    """Interval of the values that the score bootstrap does not reject at 1 - ``level``.

    An end is infinite where values 64 standard errors away are not rejected (few clusters and signs as weights).

    Parameters
    ----------
    fit, tested, variant, weights, n_draws, generator
        As in :func:`score_bootstrap`; ``tested`` is one parameter.
    level : float

    Examples
    --------
    >>> from se_outcomes.regression.logit import fit_logit
    >>> x, y = [0, 0, 1, 1] * 5, [0, 1] * 10
    >>> office, counts = np.repeat(np.arange(5), 4), [5, 4, 6, 6, 9, 5, 4, 7, 5, 5, 6, 9, 8, 3, 4, 6, 5, 4, 4, 7]
    >>> fit = fit_logit(y, np.column_stack([np.ones(20), x]), counts=counts, clusters=office)
    >>> low, high = bootstrap_interval(fit, 1)
    >>> bool(low < fit.beta[1] < high)
    True
    """
    if not 0 < level < 1:
        raise ValueError(f"level must be between 0 and 1; got {level}")
    draws = (
        weights
        if isinstance(weights, Draws)
        else draw_weights(len(fit.scores), kind=weights, n_draws=n_draws, generator=generator)
    )

    def accepted(value: float) -> bool:
        found = score_bootstrap(fit, tested, null=value, variant=variant, weights=draws)
        return found.p_value > 1 - level

    estimate = float(fit.parameters[tested])
    error = float(cluster_covariance(fit, kind="CV1").std_error[tested])
    return _end(accepted, estimate, -error), _end(accepted, estimate, error)


def _end(accepted: Callable[[float], bool], estimate: float, error: float) -> float:
    """The value farthest from the estimate, on the side of ``error``, that is accepted; found by halving."""
    inner, outer = 0.0, 2.0
    while accepted(estimate + outer * error):
        inner, outer = outer, 2 * outer
        if outer > FARTHEST:
            return float(np.sign(error) * np.inf)
    while outer - inner > PRECISION:
        middle = (inner + outer) / 2
        inner, outer = (middle, outer) if accepted(estimate + middle * error) else (inner, middle)
    return estimate + inner * error
