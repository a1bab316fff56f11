"""Firth's logit on cells: by hand, by reference (l* written out densely), by property, by refusal."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.optimize import minimize
from scipy.special import expit, log_expit
from scipy.stats import chi2

from se_outcomes.errors import EstimationError
from se_outcomes.inference.cluster_covariance import cluster_covariance
from se_outcomes.regression.firth_logit import (
    FirthFit,
    fit_firth_logit,
    penalised_likelihood_ratio_test,
    predict_flac,
    profile_interval,
)
from se_outcomes.regression.logit import fit_logit
from se_outcomes.regression.marginal import average_derivative, standardised_share

TABLE = [[1, 1], [1, 1], [1, 0], [1, 0]]


def with_constant(X):
    return np.column_stack([np.ones(len(X)), X])


def dummies(codes):
    return (codes[:, None] == np.unique(codes)).astype(float)


def separated_rows(n=240, n_offices=5, seed=1):
    """A column (the last) that only people with the outcome have, in some offices only."""
    random = np.random.default_rng(seed)
    office = random.integers(0, n_offices, n)
    X = np.column_stack([random.integers(0, 7, n) / 2.0, random.integers(0, 2, n)]).astype(float)
    index = 0.5 * X[:, 0] - 0.6 * X[:, 1] - 1.0 + random.normal(0, 0.6, n_offices)[office]
    y = (random.random(n) < expit(index)).astype(float)
    rare = (y == 1) & (random.random(n) < 0.15) & (office > 0)
    return y, np.column_stack([X, rare]), office


def spector():
    """Spector & Mazzeo's 32 students (statsmodels), with a column that only those who improved have."""
    data = sm.datasets.spector.load_pandas().data
    y, X = data["GRADE"].to_numpy(float), data[["GPA", "TUCE", "PSI"]].to_numpy(float)
    return y, with_constant(np.column_stack([X, (y == 1) & (X[:, 0] > 3.3) & (X[:, 2] == 1)]))


def dense(y, X, offset=0.0, penalty_of=None):
    """l* of all columns written out, as a function of beta."""
    penalty_of = X if penalty_of is None else penalty_of

    def penalised(beta):
        eta = X @ beta + offset
        weight = expit(eta) * expit(-eta)
        information = penalty_of.T @ (penalty_of * weight[:, None])
        return log_expit((2 * y - 1) * eta).sum() + np.linalg.slogdet(information)[1] / 2

    return penalised


def highest(penalised, k):
    start = minimize(lambda beta: -penalised(beta), np.zeros(k), method="BFGS", options={"gtol": 1e-4}).x
    found = minimize(
        lambda beta: -penalised(beta),
        start,
        method="Nelder-Mead",
        options={"xatol": 1e-10, "fatol": 1e-13, "maxiter": 20000, "maxfev": 40000, "adaptive": True},
    )
    return found.x, -found.fun


# by hand


@pytest.mark.parametrize(
    "table", [(10, 0, 5, 5), (0, 7, 3, 1), (10, 0, 0, 20), (30, 10, 20, 40), (1, 0, 0, 1)]
)
def test_two_by_two_table_is_the_one_with_a_half_added_everywhere(table):
    fit = fit_firth_logit([1, 0, 1, 0], TABLE, counts=table)
    a, b, c, d = np.array(table) + 0.5
    assert fit.beta[1] == pytest.approx(np.log(a * d / (b * c)), abs=1e-9)
    assert fit.beta[0] == pytest.approx(np.log(c / d), abs=1e-9)


def test_constant_alone_adds_a_half_to_events_and_others():
    fit = fit_firth_logit([1, 0], [[1.0], [1.0]], counts=[3, 70])
    assert fit.beta[0] == pytest.approx(np.log(3.5 / 70.5), abs=1e-10)
    p = 3.5 / 74
    assert fit.loglik_unpenalised == pytest.approx(3 * np.log(p) + 70 * np.log(1 - p), abs=1e-10)
    assert fit.loglik == pytest.approx(fit.loglik_unpenalised + np.log(73 * p * (1 - p)) / 2, abs=1e-10)
    assert fit.leverages == pytest.approx(1 / 73)


def test_profile_interval_of_a_share_solves_its_equation():
    """With the constant alone l*(b) needs no maximising: its interval follows from l* at the ends."""
    low, high = profile_interval(fit_firth_logit([1, 0], [[1.0], [1.0]], counts=[3, 70]), 0)

    def penalised(b):
        return 3.5 * log_expit(b) + 70.5 * log_expit(-b)

    for end in (low, high):
        ratio = 2 * (penalised(np.log(3.5 / 70.5)) - penalised(end))
        assert ratio == pytest.approx(chi2.ppf(0.95, 1), abs=1e-6)


# by reference


def test_as_the_penalised_likelihood_written_out():
    y, X = spector()
    beta, loglik = highest(dense(y, X), X.shape[1])
    fit = fit_firth_logit(y, X)
    assert fit.loglik == pytest.approx(loglik, abs=1e-9)
    assert fit.loglik >= loglik - 1e-11
    np.testing.assert_allclose(fit.beta, beta, atol=2e-5)
    with pytest.raises(EstimationError) as refusal:
        fit_logit(y, X)
    assert refusal.value.reason == "separation"


def test_restricted_fit_keeps_the_penalty_of_all_columns():
    y, X = spector()
    rest = [0, 1, 2, 3]
    beta, loglik = highest(dense(y, X[:, rest], 0.7 * X[:, 4], penalty_of=X), 4)
    fit = fit_firth_logit(y, X).refit(restrict={4: 0.7})
    assert fit.loglik == pytest.approx(loglik, abs=1e-9)
    np.testing.assert_allclose(fit.beta, [*beta, 0.7], atol=2e-5)
    assert fit.free.tolist() == [True] * 4 + [False]
    assert fit.penalised.all()
    assert fit.scores.shape == (1, 5)
    np.testing.assert_allclose(fit.scores[0, rest], 0, atol=1e-7)
    assert abs(fit.scores[0, 4]) > 0.1


def test_gradient_vanishes_and_scores_are_the_derivative_of_the_dense_likelihood():
    y, X = spector()
    fit = fit_firth_logit(y, X).refit(restrict={4: 0.7})
    penalised, step = dense(y, X), 1e-5
    for column, direction in enumerate(np.eye(5)):
        up, down = penalised(fit.beta + step * direction), penalised(fit.beta - step * direction)
        assert fit.scores.sum(axis=0)[column] == pytest.approx((up - down) / (2 * step), abs=1e-6)


def test_profiled_intercepts_are_those_of_dummies():
    y, X, office = separated_rows()
    fit = fit_firth_logit(y, X, clusters=office, intercepts=office)
    full = fit_firth_logit(y, np.hstack([X, dummies(office)]), clusters=office)
    np.testing.assert_allclose(np.r_[fit.beta, fit.intercept_values], full.beta, atol=1e-9)
    assert fit.loglik == pytest.approx(full.loglik, abs=1e-10)
    assert fit.loglik == pytest.approx(dense(y, np.hstack([X, dummies(office)]))(full.beta), abs=1e-9)
    np.testing.assert_allclose(fit.covariance, full.covariance[:3, :3], rtol=1e-9)
    np.testing.assert_allclose(fit.leverages.sum(), 3 + 5, rtol=1e-12)
    np.testing.assert_allclose(
        fit.refit(restrict={2: 0.5}).loglik, full.refit(restrict={2: 0.5}).loglik, atol=1e-10
    )
    np.testing.assert_allclose(profile_interval(fit, 2), profile_interval(full, 2), rtol=1e-7)
    np.testing.assert_allclose(predict_flac(fit), predict_flac(full), atol=1e-9)


def test_profiled_scores_are_the_dense_ones_with_intercepts_eliminated():
    y, X, office = separated_rows()
    fit = fit_firth_logit(y, X, clusters=office, intercepts=office)
    full = fit_firth_logit(y, np.hstack([X, dummies(office)]), clusters=office)
    scores, information = full.scores, full.information.sum(axis=0)
    eliminated = scores[:, :3] - scores[:, 3:] @ np.linalg.solve(information[3:, 3:], information[3:, :3])
    np.testing.assert_allclose(fit.scores, eliminated, atol=1e-8)


# by property


def test_with_many_cases_the_penalty_hardly_matters():
    y, X, office = separated_rows()
    plain = fit_logit(y, X[:, :2], counts=np.full(len(y), 1e5), clusters=office, intercepts=office)
    fit = fit_firth_logit(y, X[:, :2], counts=np.full(len(y), 1e5), clusters=office, intercepts=office)
    np.testing.assert_allclose(fit.beta, plain.beta, atol=1e-5)
    assert fit.loglik_unpenalised == pytest.approx(plain.loglik, abs=1e-4)
    assert fit.loglik_unpenalised < plain.loglik


def test_cells_are_rows():
    y, X, office = separated_rows()
    cells, counts = np.unique(np.column_stack([y, X, office]), axis=0, return_counts=True)
    one = fit_firth_logit(y, X, clusters=office, intercepts=office)
    codes = cells[:, 4].astype(int)
    other = fit_firth_logit(cells[:, 0], cells[:, 1:4], counts=counts, clusters=codes, intercepts=codes)
    assert len(cells) < len(y)
    np.testing.assert_allclose(one.beta, other.beta, atol=1e-9)
    np.testing.assert_allclose(one.scores, other.scores, atol=1e-8)
    np.testing.assert_allclose(one.information, other.information, rtol=1e-8)
    assert one.loglik == pytest.approx(other.loglik, abs=1e-10)
    assert (one.n_cases, one.n_events) == (other.n_cases, other.n_events)


def test_row_order_labels_and_scale_change_nothing_but_the_units():
    y, X, office = separated_rows()
    order, scale = np.random.default_rng(0).permutation(len(y)), np.array([1e6, 1e-6, 1.0])
    one = fit_firth_logit(y, X, clusters=office, intercepts=office)
    codes = (9 - office[order]) * 17
    other = fit_firth_logit(y[order], X[order] * scale, clusters=codes, intercepts=codes)
    np.testing.assert_allclose(one.beta, other.beta * scale, rtol=1e-8)
    # log|J| is in the units of the columns
    assert one.loglik + np.log(scale).sum() == pytest.approx(other.loglik, abs=1e-8)
    tests = [penalised_likelihood_ratio_test(fit, 0).statistic for fit in (one, other)]
    assert tests[0] == pytest.approx(tests[1], abs=1e-8)


def test_swapping_the_outcomes_turns_the_signs():
    y, X, office = separated_rows()
    one = fit_firth_logit(y, X, clusters=office, intercepts=office)
    other = fit_firth_logit(1 - y, X, clusters=office, intercepts=office)
    np.testing.assert_allclose(one.beta, -other.beta, atol=1e-9)


@pytest.mark.parametrize("office_effects", [True, False])
def test_refit_without_an_office_is_the_fit_of_the_others(office_effects):
    y, X, office = separated_rows()
    X = X if office_effects else with_constant(X)
    keep = office != 3
    fit = fit_firth_logit(y, X, clusters=office, intercepts=office if office_effects else None)
    codes = office[keep]
    other = fit_firth_logit(y[keep], X[keep], clusters=codes, intercepts=codes if office_effects else None)
    refit = fit.refit(without=3)
    assert isinstance(refit, FirthFit)
    np.testing.assert_allclose(refit.beta, other.beta, atol=1e-9)
    np.testing.assert_allclose(refit.intercept_values, other.intercept_values, atol=1e-9)
    assert refit.loglik == pytest.approx(other.loglik, abs=1e-10)
    assert refit.clusters.tolist() == [0, 1, 2, 4]


def test_a_column_that_one_office_alone_has_is_held_and_leaves_the_penalty():
    y, X, office = separated_rows()
    X[:, 2] = (office == 2) & (X[:, 0] > 1) & (y == 1)
    fit = fit_firth_logit(y, X, clusters=office, intercepts=office)
    keep = office != 2
    other = fit_firth_logit(y[keep], X[keep, :2], clusters=office[keep], intercepts=office[keep])
    refit = fit.refit(without=2)
    assert refit.held.tolist() == [False, False, True]
    assert refit.beta[2] == fit.beta[2]
    np.testing.assert_allclose(refit.beta[:2], other.beta, atol=1e-9)
    assert refit.loglik == pytest.approx(other.loglik, abs=1e-10)
    with pytest.raises(ValueError, match="column 2"):
        penalised_likelihood_ratio_test(refit, 2)
    alone = fit.alone(0)
    assert alone.held.tolist() == [False, False, True]
    assert alone.n_clusters == 1


def test_one_step_fits_are_near_the_refits_and_penalise_intercepts_too():
    y, X, office = separated_rows(1500)
    fit = fit_firth_logit(y, X, clusters=office, intercepts=office)
    for cluster in range(5):
        refit, near = fit.refit(without=cluster), fit.approximate(without=cluster)
        # the coefficient that separates is far from where l* is quadratic: one step is not enough there
        np.testing.assert_allclose(near.beta[:2], refit.beta[:2], atol=0.01)
        again = refit.refit(restrict=dict(enumerate(near.beta)))
        np.testing.assert_allclose(near.intercept_values, again.intercept_values, atol=1e-8)


@pytest.mark.parametrize("kind", ["CV1", "CV3", "CV3L"])
def test_cluster_covariances_take_the_fit(kind):
    y, X, office = separated_rows(800)
    fit = fit_firth_logit(y, X, clusters=office, intercepts=office)
    errors = cluster_covariance(fit, kind=kind).std_error
    assert np.isfinite(errors).all()
    assert (errors > 0).all()


def test_scores_sum_to_zero():
    y, X, office = separated_rows()
    for intercepts in (None, office):
        fit = fit_firth_logit(y, X, clusters=office, intercepts=intercepts)
        assert fit.scores.shape == (5, 3)
        np.testing.assert_allclose(fit.scores.sum(axis=0), 0, atol=1e-7)


def test_restricting_lowers_the_likelihood_and_the_interval_ends_where_the_test_does():
    y, X, office = separated_rows()
    fit = fit_firth_logit(y, X, clusters=office, intercepts=office)
    for column in range(3):
        test = penalised_likelihood_ratio_test(fit, column)
        assert test.statistic > 0
        low, high = profile_interval(fit, column, level=0.9)
        assert low < fit.beta[column] < high
        for end in (low, high):
            found = penalised_likelihood_ratio_test(fit, column, end)
            assert found.statistic == pytest.approx(chi2.ppf(0.9, 1), abs=1e-7)
            assert found.p_value == pytest.approx(0.1, abs=1e-7)
        assert (test.p_value > 0.1) == (low < 0 < high)
    assert penalised_likelihood_ratio_test(fit, 1, float(fit.beta[1])).statistic == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("office_effects", [True, False])
def test_predictions_have_the_observed_mean(office_effects):
    y, X, office = separated_rows(120)
    X = X if office_effects else with_constant(X)
    fit = fit_firth_logit(y, X, clusters=office, intercepts=office if office_effects else None)
    counts, predicting = fit.cells.counts, fit.predicting
    flic = predicting.family.mean(predicting.linear_predictor())
    assert counts @ flic == pytest.approx(fit.n_events, abs=1e-8)
    assert counts @ predict_flac(fit) == pytest.approx(fit.n_events, abs=1e-8)
    assert abs(counts @ fit.family.mean(fit.linear_predictor()) - fit.n_events) > 1e-3
    slopes = slice(None) if office_effects else slice(1, None)
    assert (predicting.beta[slopes] == fit.beta[slopes]).all()
    assert predicting.free.tolist() == [False] * 3 if office_effects else [True] + [False] * 3
    if office_effects:
        events = fit.cells.group_sums(counts * fit.cells.y)
        np.testing.assert_allclose(fit.cells.group_sums(counts * flic), events, atol=1e-8)


def test_without_any_intercept_the_fit_predicts_itself():
    y, X, office = separated_rows()
    fit = fit_firth_logit(y, X, clusters=office)
    assert fit.predicting is fit


@pytest.mark.parametrize("office_effects", [True, False])
def test_influence_of_averages_is_their_derivative_by_the_offices_weights(office_effects):
    """Weights of one office changed a little: the average moves by its influence, up to the leverages' share."""
    y, X, office = separated_rows(400)
    X = X if office_effects else with_constant(X)
    many = np.full(len(y), 1e4)  # leverages are held fixed in the scores: with many cases that is nothing

    def fitted(counts):
        codes = office if office_effects else None
        return fit_firth_logit(y, X[:, :-1], counts=counts, clusters=office, intercepts=codes)

    last = X.shape[1] - 2
    for average in (
        lambda fit: average_derivative(fit, last),
        lambda fit: standardised_share(fit, {last: 1.0}),
    ):
        step = 1e-3
        ends = [average(fitted(many * np.where(office == 2, 1 + s, 1.0))).value for s in (step, -step)]
        influence = average(fitted(many)).influence
        assert influence[2] == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-3, abs=1e-7)
        assert influence.sum() == pytest.approx(0, abs=1e-6)


def test_flac_is_the_likelihood_of_the_augmented_rows():
    y, X, _ = separated_rows(120)
    X = with_constant(X)
    fit = fit_firth_logit(y, X)
    X, y, h = fit.cells.X, fit.cells.y, fit.leverages
    rows = np.vstack(
        [np.column_stack([part, np.full(len(y), added)]) for part, added in ((X, 0), (X, 1), (X, 1))]
    )
    weights = np.r_[np.ones(len(y)), h / 2, h / 2]
    oracle = sm.GLM(np.r_[y, y, 1 - y], rows, family=sm.families.Binomial(), var_weights=weights).fit(
        tol=1e-14
    )
    np.testing.assert_allclose(predict_flac(fit), expit(X @ oracle.params[:-1]), atol=1e-8)


def random_separated_design(random):
    """30 to 200 cases, up to 8 columns: separated by all of them, or by one alone, with or without offices."""
    while True:
        n, k = random.integers(30, 201), random.integers(1, 9)
        X = random.normal(size=(n, k))
        X[:, -1] = random.random(n) < random.uniform(0.1, 0.5)
        index = X @ random.normal(size=k) * random.choice([1, 3])
        if random.random() < 0.5:
            y = (index > np.quantile(index, random.uniform(0.1, 0.9))).astype(float)
        else:
            y = np.where(X[:, -1] == 1, 1.0, random.random(n) < expit(index))
        office = random.integers(0, 4, n) if random.random() < 0.3 else None
        varies = office is None or all(0 < y[office == code].mean() < 1 for code in np.unique(office))
        full = with_constant(X) if office is None else np.hstack([X, dummies(office)])
        if 0 < y.mean() < 1 and varies and np.linalg.matrix_rank(full) == full.shape[1]:
            return y, X if office is not None else full, office


def refuse_to_diverge(repetitions, seed):
    random = np.random.default_rng(seed)
    for _ in range(repetitions):
        y, X, office = random_separated_design(random)
        fit = fit_firth_logit(y, X, clusters=office, intercepts=office)
        curvature = fit.covariance
        score = fit.scores.sum(axis=0)
        assert np.isfinite(fit.beta).all()
        assert score @ curvature @ score < 1e-12


def test_every_separated_design_is_fitted():
    refuse_to_diverge(300, seed=3)


@pytest.mark.slow
def test_a_thousand_separated_designs_are_fitted():
    refuse_to_diverge(1000, seed=4)


@pytest.mark.slow
def test_bias_is_small_and_intervals_cover():
    """Eight events per column: the interval covers about 95 %, and the coefficient is hardly biased."""
    random = np.random.default_rng(5)
    truth, covered, estimates = 1.0, 0, []
    x = np.column_stack([np.ones(60), np.repeat([0, 1], 30), np.tile(np.arange(6) - 2.5, 10) / 2])
    for _ in range(1000):
        y = (random.random(60) < expit(x @ [-1.0, truth, 0.5])).astype(float)
        fit = fit_firth_logit(y, x)
        low, high = profile_interval(fit, 1)
        covered += low <= truth <= high
        estimates.append(fit.beta[1])
    assert 0.93 < covered / 1000 < 0.97
    assert abs(np.mean(estimates) - truth) < 0.06


# by refusal


def test_nothing_to_explain_is_refused():
    with pytest.raises(EstimationError) as refusal:
        fit_firth_logit([1, 1], [[1.0], [1.0]])
    assert refusal.value.reason == "no_variation"


def test_collinear_columns_are_named():
    y, X, _ = separated_rows()
    X = with_constant(X)
    with pytest.raises(EstimationError) as refusal:
        fit_firth_logit(y, np.column_stack([X, X[:, 1] * 2 - 1]))
    assert refusal.value.reason == "collinearity"
    assert refusal.value.details["columns"] == (0, 1, 4)


def test_a_column_constant_within_groups_is_collinear_with_their_intercepts():
    y, X, office = separated_rows()
    with pytest.raises(EstimationError) as refusal:
        fit_firth_logit(y, np.column_stack([X, office % 3]), clusters=office, intercepts=office)
    assert refusal.value.details["columns"] == (3,)


def test_a_restricted_fit_offers_no_tests_or_intervals():
    y, X, office = separated_rows()
    restricted = fit_firth_logit(y, X, clusters=office, intercepts=office).refit(restrict={0: 0.0})
    for ask in (penalised_likelihood_ratio_test, profile_interval):
        with pytest.raises(ValueError, match="without restrictions"):
            ask(restricted, 1)


def test_impossible_levels_are_refused():
    y, X, _ = separated_rows()
    with pytest.raises(ValueError, match="level"):
        profile_interval(fit_firth_logit(y, X), 1, level=95)
