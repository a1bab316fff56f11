"""The conditional logit: by hand, against conditional probabilities written out, by property."""

from itertools import combinations

import numpy as np
import pytest

from se_outcomes.inference.cluster_covariance import cluster_covariance
from se_outcomes.regression.conditional_logit import conditional_logit_is_feasible, fit_conditional_logit
from se_outcomes.regression.logit import fit_logit


def groups(n_groups=30, size=6, seed=0):
    random = np.random.default_rng(seed)
    group = np.repeat(np.arange(n_groups), size)
    X = random.normal(size=(n_groups * size, 2))
    index = X @ [0.8, -0.4] + random.normal(0, 1, n_groups)[group]
    y = (random.random(len(group)) < 1 / (1 + np.exp(-index))).astype(float)
    sums = np.bincount(group, y)
    keep = ((sums > 0) & (sums < size))[group]
    return y[keep], X[keep], group[keep]


def loglik_written_out(beta, y, X, group):
    total = 0.0
    for g in np.unique(group):
        rows, outcomes = X[group == g], y[group == g]
        ways = [
            np.exp(rows[list(chosen)].sum(axis=0) @ beta)
            for chosen in combinations(range(len(rows)), int(outcomes.sum()))
        ]
        total += outcomes @ rows @ beta - np.log(sum(ways))
    return total


def test_likelihood_is_the_one_written_out_and_its_maximum_is_found():
    y, X, group = groups()
    fit = fit_conditional_logit(y, X, groups=group)
    assert fit.loglik == pytest.approx(loglik_written_out(fit.beta, y, X, group), abs=1e-8)
    for shift in ([0.01, 0], [-0.01, 0], [0, 0.01], [0, -0.01]):
        assert loglik_written_out(fit.beta + shift, y, X, group) < fit.loglik


def test_scores_and_information_are_derivatives_by_group():
    y, X, group = groups()
    fit = fit_conditional_logit(y, X, groups=group)
    np.testing.assert_allclose(fit.scores.sum(axis=0), 0, atol=1e-5)
    step = 1e-4
    curvature = [
        [
            (
                loglik_written_out(fit.beta + step * (a + b), y, X, group)
                - loglik_written_out(fit.beta + step * (a - b), y, X, group)
                - loglik_written_out(fit.beta - step * (a - b), y, X, group)
                + loglik_written_out(fit.beta - step * (a + b), y, X, group)
            )
            / (-4 * step**2)
            for a in np.eye(2)
        ]
        for b in np.eye(2)
    ]
    np.testing.assert_allclose(fit.information.sum(axis=0), curvature, rtol=1e-4)


def test_counts_are_rows():
    y, X, group = [1, 0, 1, 0, 1, 0], [[1.0], [0.0], [0.0], [1.0], [1.0], [0.0]], [0, 0, 1, 1, 2, 2]
    counts = [2, 3, 1, 2, 4, 4]
    one = fit_conditional_logit(y, X, groups=group, counts=counts)
    other = fit_conditional_logit(
        np.repeat(y, counts), np.repeat(X, counts, axis=0), groups=np.repeat(group, counts)
    )
    np.testing.assert_allclose(one.beta, other.beta, atol=1e-10)
    assert one.n_cases == sum(counts)


def test_intercepts_estimated_in_pairs_double_the_slope():
    """The known case (Andersen 1973): with matched pairs the ordinary slope is twice the conditional one."""
    y = np.tile([1, 0], 40)
    x = np.r_[np.tile([1.0, 0.0], 30), np.tile([0.0, 1.0], 10)][:, None]
    pair = np.repeat(np.arange(40), 2)
    conditional = fit_conditional_logit(y, x, groups=pair)
    ordinary = fit_logit(y, x, clusters=pair, intercepts=pair)
    assert conditional.beta[0] == pytest.approx(np.log(3), abs=1e-6)
    assert ordinary.beta[0] == pytest.approx(2 * np.log(3), abs=1e-6)


def test_clustered_errors_need_no_refit():
    y, X, group = groups()
    fit = fit_conditional_logit(y, X, groups=group)
    robust = [cluster_covariance(fit, kind=kind).std_error for kind in ("CV1", "CV3L")]
    np.testing.assert_allclose(*robust, rtol=0.2)


def test_too_many_rows_are_not_feasible():
    assert not conditional_logit_is_feasible([300], [1], [0])
    assert conditional_logit_is_feasible([5, 5], [0, 1], [0, 0])
