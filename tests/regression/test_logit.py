"""The logit on cells: by hand, by reference (statsmodels), by property, by refusal."""

import numpy as np
import pytest
import statsmodels.api as sm

from se_outcomes.errors import EstimationError
from se_outcomes.regression.logit import fit_logit


def rows(n=1200, n_offices=8, seed=1):
    random = np.random.default_rng(seed)
    office = random.integers(0, n_offices, n)
    X = np.column_stack([random.integers(0, 11, n) / 2.0, random.integers(0, 2, n)]).astype(float)
    index = 0.5 * X[:, 0] - 0.6 * X[:, 1] - 1.4 + random.normal(0, 0.6, n_offices)[office]
    return (random.random(n) < 1 / (1 + np.exp(-index))).astype(float), X, office


def with_constant(X):
    return np.column_stack([np.ones(len(X)), X])


def dummies(codes):
    return (codes[:, None] == np.unique(codes)).astype(float)


# by hand


def test_two_by_two_table_gives_its_log_odds_ratio_and_woolfs_error():
    a, b, c, d = 30.0, 10.0, 20.0, 40.0
    fit = fit_logit([1, 0, 1, 0], [[1, 1], [1, 1], [1, 0], [1, 0]], counts=[a, b, c, d])
    assert fit.beta[1] == pytest.approx(np.log(a * d / (b * c)), abs=1e-12)
    assert fit.covariance[1, 1] == pytest.approx(1 / a + 1 / b + 1 / c + 1 / d, rel=1e-10)
    expected = a * np.log(0.75) + b * np.log(0.25) + c * np.log(1 / 3) + d * np.log(2 / 3)
    assert fit.loglik == pytest.approx(expected, abs=1e-10)


def test_constant_alone_is_the_logit_of_the_share():
    fit = fit_logit([1, 0], [[1.0], [1.0]], counts=[30, 70])
    assert fit.beta[0] == pytest.approx(np.log(3 / 7), abs=1e-12)
    assert (fit.n_cases, fit.n_events) == (100, 30)


# by reference


def test_as_statsmodels():
    y, X, office = rows()
    oracle = sm.GLM(y, with_constant(X), family=sm.families.Binomial()).fit(tol=1e-14)
    fit = fit_logit(y, with_constant(X), clusters=office)
    np.testing.assert_allclose(fit.beta, oracle.params, atol=1e-8)
    np.testing.assert_allclose(fit.covariance, oracle.cov_params(), atol=1e-10)
    assert fit.loglik == pytest.approx(oracle.llf, abs=1e-8)


def test_profiled_intercepts_are_those_of_dummies():
    y, X, office = rows()
    oracle = sm.GLM(y, np.hstack([X, dummies(office)]), family=sm.families.Binomial()).fit(tol=1e-14)
    fit = fit_logit(y, X, clusters=office, intercepts=office)
    np.testing.assert_allclose(np.r_[fit.beta, fit.intercept_values], oracle.params, atol=1e-8)
    np.testing.assert_allclose(fit.covariance, oracle.cov_params()[:2, :2], atol=1e-10)


def test_refit_without_an_office_is_the_fit_of_the_others():
    y, X, office = rows()
    fit = fit_logit(y, X, clusters=office, intercepts=office)
    keep = office != 3
    other = fit_logit(y[keep], X[keep], clusters=office[keep], intercepts=office[keep])
    refit = fit.refit(without=3)
    np.testing.assert_allclose(refit.beta, other.beta, atol=1e-10)
    np.testing.assert_allclose(refit.intercept_values, other.intercept_values, atol=1e-10)
    assert refit.clusters.tolist() == [0, 1, 2, 4, 5, 6, 7]


def test_restricted_refit_is_an_offset():
    y, X, office = rows()
    oracle = sm.GLM(
        y, np.hstack([X[:, 1:], dummies(office)]), family=sm.families.Binomial(), offset=0.3 * X[:, 0]
    ).fit(tol=1e-14)
    fit = fit_logit(y, X, clusters=office, intercepts=office).refit(restrict={0: 0.3})
    assert fit.beta[0] == 0.3
    assert fit.beta[1] == pytest.approx(oracle.params[0], abs=1e-8)
    assert fit.loglik == pytest.approx(oracle.llf, abs=1e-8)
    # the score of the restricted coefficient is what a score test is made of; that of the free one is zero
    assert abs(fit.scores.sum(axis=0)[0]) > 1
    assert fit.scores.sum(axis=0)[1] == pytest.approx(0, abs=1e-7)


# by property


def test_scores_and_information_are_the_profile_likelihoods_derivatives():
    y, X, office = rows(300, 4)
    fit = fit_logit(y, X, clusters=office, intercepts=office)
    step, at = 1e-4, fit.refit(restrict={0: 0.2, 1: 0.1})
    for column in range(2):
        ends = []
        for sign in (1, -1):
            beta = np.array([0.2, 0.1])
            beta[column] += sign * step
            ends.append(fit.refit(restrict=dict(enumerate(beta))))
        score = (ends[0].loglik - ends[1].loglik) / (2 * step)
        assert at.scores.sum(axis=0)[column] == pytest.approx(score, abs=1e-5)
        curvature = (ends[1].scores - ends[0].scores) / (2 * step)
        np.testing.assert_allclose(at.information[:, :, column], curvature, atol=1e-5)


def test_cells_are_rows():
    y, X, office = rows()
    cells, counts = np.unique(np.column_stack([y, X, office]), axis=0, return_counts=True)
    one = fit_logit(y, X, clusters=office, intercepts=office)
    codes = cells[:, 3].astype(int)
    other = fit_logit(cells[:, 0], cells[:, 1:3], counts=counts, clusters=codes, intercepts=codes)
    assert len(cells) < len(y) / 2
    np.testing.assert_allclose(one.beta, other.beta, atol=1e-10)
    np.testing.assert_allclose(one.scores, other.scores, atol=1e-8)
    np.testing.assert_allclose(one.information, other.information, rtol=1e-9)
    assert (one.n_cases, one.n_events) == (other.n_cases, other.n_events)


def test_row_order_labels_and_scale_change_nothing():
    y, X, office = rows()
    order = np.random.default_rng(0).permutation(len(y))
    one = fit_logit(y, X, clusters=office, intercepts=office)
    codes = (9 - office[order]) * 17
    other = fit_logit(y[order], X[order] * [1e6, 1e-6], clusters=codes, intercepts=codes)
    np.testing.assert_allclose(one.beta, other.beta * [1e6, 1e-6], rtol=1e-8)
    assert one.loglik == pytest.approx(other.loglik, abs=1e-8)


def test_offices_without_variation_leave_and_are_counted():
    y, X, office = rows()
    y = np.where(office == 2, 1.0, np.where(office == 5, 0.0, y))
    fit = fit_logit(y, X, clusters=office, intercepts=office)
    keep = ~np.isin(office, [2, 5])
    other = fit_logit(y[keep], X[keep], clusters=office[keep], intercepts=office[keep])
    np.testing.assert_allclose(fit.beta, other.beta, atol=1e-12)
    assert (fit.n_clusters, fit.n_groups_left_out, fit.n_cases_left_out) == (6, 2, int((~keep).sum()))


def test_cells_without_cases_are_no_cells():
    y, X, office = rows()
    one = fit_logit(y, X, clusters=office)
    other = fit_logit(
        np.r_[y, 1], np.vstack([X, [1e9, 7]]), counts=np.r_[np.ones(len(y)), 0], clusters=np.r_[office, 99]
    )
    np.testing.assert_allclose(one.beta, other.beta, atol=1e-12)
    assert other.n_clusters == one.n_clusters


def test_intercept_groups_may_be_finer_than_clusters_but_not_cross_them():
    y, X, office = rows()
    fine = office * 2 + (np.arange(len(y)) % 2)
    fit = fit_logit(y, X, clusters=office, intercepts=fine)
    assert fit.scores.shape == (8, 2)
    assert len(fit.intercept_values) == 16
    with pytest.raises(ValueError, match="one cluster"):
        fit_logit(y, X, clusters=office, intercepts=np.arange(len(y)) % 2)


def test_hundreds_of_offices_cost_little():
    """The jackknife over 177 offices: intercepts are eliminated, not estimated as columns."""
    y, X, office = rows(3000, 177)
    fit = fit_logit(y, X, clusters=office, intercepts=office)
    assert fit.iterations < 12
    assert fit.refit(without=5).iterations <= 4


def test_repr_shows_no_cells():
    y, X, office = rows()
    assert len(repr(fit_logit(y, X, clusters=office, intercepts=office))) < 400


# by refusal


@pytest.mark.parametrize(
    ("y", "X", "counts", "message"),
    [
        ([0, 1, 2], [[1.0]] * 3, None, "0 or 1"),
        ([0, 1, np.nan], [[1.0]] * 3, None, "0 or 1"),
        ([0, 1, 1], [[1.0], [np.nan], [1.0]], None, "finite"),
        ([0, 1, 1], [[1.0]] * 2, None, "must be"),
        ([0, 1, 1], [[1.0]] * 3, [1, -1, 1], "counts"),
        ([0, 1, 1], [[1.0]] * 3, [1, 1], "counts"),
        ([0, 1], np.zeros((2, 0)), None, "k > 0"),
    ],
)
def test_impossible_arrays_are_refused(y, X, counts, message):
    with pytest.raises(ValueError, match=message):
        fit_logit(y, X, counts=counts)


def test_codes_must_be_integers():
    with pytest.raises(ValueError, match="integer"):
        fit_logit([0, 1], [[1.0], [1.0]], clusters=["a", "b"])


@pytest.mark.parametrize(
    ("y", "reason"), [([], "no_cases"), ([1, 1], "no_variation"), ([0, 0], "no_variation")]
)
def test_nothing_to_explain_is_refused(y, reason):
    with pytest.raises(EstimationError) as refusal:
        fit_logit(y, np.ones((len(y), 1)))
    assert refusal.value.reason == reason


def test_no_variation_within_any_group_is_refused():
    with pytest.raises(EstimationError) as refusal:
        fit_logit([0, 0, 1, 1], [[1.0], [2.0], [1.0], [2.0]], intercepts=[0, 0, 1, 1], clusters=[0, 0, 1, 1])
    assert refusal.value.reason == "no_variation_within_offices"


def test_collinear_columns_are_named():
    y, X, _ = rows()
    X = with_constant(X)
    with pytest.raises(EstimationError) as refusal:
        fit_logit(y, np.column_stack([X, X[:, 1] * 2 - 1]))
    assert refusal.value.reason == "collinearity"
    assert refusal.value.details["columns"] == (0, 1, 3)


def test_a_column_constant_within_groups_is_collinear_with_their_intercepts():
    y, X, office = rows()
    with pytest.raises(EstimationError) as refusal:
        fit_logit(y, np.column_stack([X, office % 3]), clusters=office, intercepts=office)
    assert refusal.value.details["columns"] == (2,)


def test_separation_is_named():
    y, X, office = rows()
    X = np.column_stack([X, (np.arange(len(y)) % 3 == 0) & (y == 1)])
    with pytest.raises(EstimationError) as refusal:
        fit_logit(y, X, clusters=office, intercepts=office)
    assert refusal.value.reason == "separation"
    assert refusal.value.details["columns"] == (2,)


def test_a_rare_event_with_a_finite_maximum_is_fitted():
    """Large predictors alone are no separation: one event in ten million."""
    fit = fit_logit([1, 0, 1, 0], [[1, 1], [1, 1], [1, 0], [1, 0]], counts=[1, 1e7, 1e9, 1])
    assert fit.beta[1] == pytest.approx(-np.log(1e7) - np.log(1e9), rel=1e-9)


def test_no_such_cluster():
    y, X, office = rows()
    with pytest.raises(IndexError):
        fit_logit(y, X, clusters=office).refit(without=8)
