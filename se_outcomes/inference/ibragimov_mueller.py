"""One estimate per office, and what their spread says: a t test and a sign test that hold with few offices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from se_outcomes.errors import EstimationError
from se_outcomes.inference.clustered_fit import ClusteredFit, require_two_clusters
from se_outcomes.inference.intervals import t_interval, t_p_value
from se_outcomes.inference.score_bootstrap import N_DRAWS, SEED, TIE

Floats = NDArray[np.float64]

#: All changes of sign are enumerated up to so many offices: 2^19 sums.
ENUMERATED_UP_TO = 20


class SeparableFit(ClusteredFit, Protocol):
    """A fit whose likelihood can be maximised in one cluster by itself."""

    def alone(self, cluster: int) -> ClusteredFit:
        """The fit to one cluster."""


@dataclass(frozen=True, eq=False)
class IbragimovMueller:
    """The mean of G offices' own estimates, every office counting the same, with tests of it.

    Attributes
    ----------
    estimate, std_error, statistic, p_value : float
        Mean; s / sqrt(G); t against ``null``; two-sided p from t(G - 1).
    dof : float
        G - 1.
    conf_low, conf_high : float
    sign_test : float or None
        p-value of the sign test; None where it could never be as small as 1 - ``level``.
    sign_test_smallest : float
        The smallest p-value that it can have with so many offices, 2^-(G-1).
    sign_test_enumerated : bool
        Whether all changes of sign were taken.
    sign_test_reason : str or None
        Why there is no sign test.
    """

    estimate: float
    std_error: float
    statistic: float
    p_value: float
    dof: float
    conf_low: float
    conf_high: float
    sign_test: float | None
    sign_test_smallest: float
    sign_test_enumerated: bool
    sign_test_reason: str | None


def ibragimov_mueller(estimates: ArrayLike, *, null: float = 0.0, level: float = 0.95) -> IbragimovMueller:
    """Test the mean of the offices' own estimates, with no assumption on dependence within offices.

    The t test is conservative at 5 % whatever the offices' variances are (Bakirov & Szekely 2006), if each office's
    estimate is about normal around the same value. The sign test asks for estimates symmetric around it: |t| is
    compared with those of all changes of sign of (estimate - null). Its smallest p-value is 2^-(G-1), so at 5 % there
    is none with fewer than six offices.

    Parameters
    ----------
    estimates : (G,) array
        One per office, as from :func:`by_cluster`.
    null : float
    level : float
        Coverage of the interval; 1 - ``level`` is what the sign test must be able to reach.

    Raises
    ------
    EstimationError
        ``one_office``; ``no_variation`` where all estimates are the same.
    ValueError
        On estimates that are not finite, or a level not between 0 and 1.

    References
    ----------
    Ibragimov & Mueller (2010), J. Bus. Econ. Stat. 28:453-468, eq. (2); Canay, Romano & Shaikh (2017), Econometrica
    85:1013-1030, sec. 2 and 3 (sign changes).

    Examples
    --------
    >>> found = ibragimov_mueller([0.2, 0.5, 0.4, 0.1, 0.3])
    >>> round(found.statistic, 6), found.dof, found.sign_test, found.sign_test_smallest
    (4.242641, 4.0, None, 0.0625)
    >>> ibragimov_mueller([0.2, 0.5, 0.4, 0.1, 0.3, 0.6]).sign_test
    0.03125
    """
    values = np.asarray(estimates, float)
    if values.ndim != 1 or not np.isfinite(values).all():
        raise ValueError("estimates must be (G,) and finite")
    if not 0 < level < 1:
        raise ValueError(f"level must be between 0 and 1; got {level}")
    require_two_clusters(len(values))
    dof, mean = len(values) - 1.0, float(values.mean())
    error = float(values.std(ddof=1) / np.sqrt(len(values)))
    if error <= TIE * float(np.abs(values).max()):
        raise EstimationError(
            "The offices' estimates are all the same: their spread, from which the test is made, is nil.",
            reason="no_variation",
        )
    statistic = (mean - null) / error
    low, high = t_interval(mean, error, dof, level=level)
    smallest = 0.5**dof
    exists = smallest <= 1 - level + TIE
    return IbragimovMueller(
        estimate=mean,
        std_error=error,
        statistic=statistic,
        p_value=float(t_p_value(statistic, dof)),
        dof=dof,
        conf_low=float(low),
        conf_high=float(high),
        sign_test=_sign_test(values - null) if exists else None,
        sign_test_smallest=smallest,
        sign_test_enumerated=exists and len(values) <= ENUMERATED_UP_TO,
        sign_test_reason=None if exists else _no_sign_test(len(values), level, smallest),
    )


def _no_sign_test(n_clusters: int, level: float, smallest: float) -> str:
    return (
        f"No sign test at {100 * (1 - level):.3g} % exists with {n_clusters} offices: its smallest p-value is "
        f"{smallest:.4g}."
    )


def _sign_test(away: Floats) -> float:
    """Share of the sign changes whose |t| is as large; |t| grows with |sum|, as the sum of squares stays."""
    observed = abs(away.sum()) - TIE * np.abs(away).sum()
    if len(away) > ENUMERATED_UP_TO:
        signs = np.random.default_rng(SEED).choice([-1.0, 1.0], size=(N_DRAWS, len(away)))
        return (1 + int((np.abs(signs @ away) >= observed).sum())) / (N_DRAWS + 1)
    sums = away[:1]  # the first keeps its sign: changing all of them changes nothing
    for value in away[1:]:
        sums = np.concatenate([sums + value, sums - value])
    return float((np.abs(sums) >= observed).mean())


def by_cluster(fit: SeparableFit, parameter: int) -> Floats:
    """Each cluster's own estimate (G,) of a parameter, from the likelihood maximised in that cluster alone.

    Only parameters whose columns vary within every cluster can be estimated so; no cluster is dropped silently.

    Parameters
    ----------
    fit : record with ``scores``, ``parameters`` and ``alone(g)``
        The fit to all clusters.
    parameter : int
        Which one.

    Raises
    ------
    EstimationError
        The reason of the first cluster that could not be fitted alone (``exposure_constant_within_offices`` where the
        parameter's column does not vary in it), with ``details["n_failed"]`` and ``details["n_clusters"]``.
    ValueError
        If there is no such parameter.

    References
    ----------
    Ibragimov & Mueller (2010), J. Bus. Econ. Stat. 28:453-468, sec. 2.

    Examples
    --------
    Two offices with 2 x 2 tables of their own, so with log odds ratios of their own: log 3 and log 4.

    >>> from se_outcomes.regression.logit import fit_logit
    >>> y, x, office = [1, 0, 1, 0] * 2, [1, 1, 0, 0] * 2, [0] * 4 + [1] * 4
    >>> counts = [30, 10, 20, 20, 20, 10, 10, 20]
    >>> fit = fit_logit(y, np.array(x)[:, None], counts=counts, clusters=office, intercepts=office)
    >>> np.exp(by_cluster(fit, 0)).round(6)
    array([3., 4.])
    """
    if not 0 <= parameter < len(fit.parameters):
        raise ValueError(f"parameter must be from 0 to {len(fit.parameters) - 1}; got {parameter}")
    estimates, failures = [], []
    for cluster in range(len(fit.scores)):
        try:
            own = fit.alone(cluster)
            if own.held[parameter]:
                raise EstimationError(
                    "The column does not vary in the office.", reason="exposure_constant_within_offices"
                )
        except EstimationError as failure:
            failures.append(failure)
            continue
        estimates.append(float(own.parameters[parameter]))
    if failures:
        raise EstimationError(
            f"{len(failures)} of {len(fit.scores)} offices cannot be fitted alone; the first failure: "
            f"{failures[0]} The test from one estimate per office needs all of them; the score bootstrap does not.",
            reason=failures[0].reason,
            n_failed=len(failures),
            n_clusters=len(fit.scores),
        )
    return np.array(estimates)
