"""Cluster covariances: by hand, by reference (R on lme4's cbpp; statsmodels), by property, by refusal."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.stats import t as t_distribution

from se_outcomes.errors import EstimationError
from se_outcomes.inference.cluster_covariance import bias_reduced, cluster_covariance, cv1_factor
from se_outcomes.inference.jackknife import jackknife
from se_outcomes.regression.logit import fit_logit

# lme4::cbpp, contagious bovine pleuropneumonia in 15 herds (Lesnoff et al. 2004, Prev. Vet. Med. 66:95-111):
# a line per herd, new cases / animals in periods 1, 2, 3, 4
CBPP = (
    "2/14 3/12 4/9 0/5",
    "3/22 1/18 1/21",
    "8/22 2/16 0/16 2/20",
    "2/10 0/10 2/9 0/6",
    "5/18 0/25 0/24 1/4",
    "3/17 0/17 0/18 1/20",
    "8/16 1/10 3/9 0/5",
    "12/34",
    "2/9 0/6 0/8 0/6",
    "1/22 1/22 0/18 2/22",
    "0/25 5/27 3/22 1/22",
    "2/10 1/8 0/6 0/5",
    "1/21 2/24 0/19 0/23",
    "11/19 0/2 0/3 0/2",
    "1/19 1/15 1/15 0/15",
)
# R on the 842 animals, y ~ p2 + p3 + p4: glm, clubSandwich (CR1S), refits without each herd (CV3)
COEFFICIENTS = (-1.269023489, -1.170762725, -1.301405334, -1.782278607)
CR1S_P2, CV3_P2 = 0.4558114, 0.4831951
P_VALUES_P2 = {"CV1": 0.0223, "CV3": 0.0295, "CV3L": 0.0257}


def cbpp_fit(expanded):
    table = [
        (herd, *map(int, cell.split("/")), period)
        for herd, line in enumerate(CBPP)
        for period, cell in enumerate(line.split(), start=1)
    ]
    herd, cases, animals, period = np.array(table).T
    X = np.column_stack([np.ones(len(herd)), *(period == p for p in (2, 3, 4))]).astype(float)
    y = np.repeat([1, 0], len(herd))
    counts, X, herd = np.r_[cases, animals - cases], np.vstack([X, X]), np.r_[herd, herd]
    if expanded:
        y, X, herd = np.repeat(y, counts), np.repeat(X, counts, axis=0), np.repeat(herd, counts)
        counts = None
    return fit_logit(y, X, counts=counts, clusters=herd)


@pytest.fixture(scope="module", params=[False, True], ids=["cells", "842 rows"])
def cbpp(request):
    return cbpp_fit(expanded=request.param)


def test_cbpp_coefficients_as_in_r(cbpp):
    assert cbpp.n_cases == 842
    np.testing.assert_allclose(cbpp.beta, COEFFICIENTS, atol=1e-9)  # printed to 10 digits


def test_cbpp_standard_errors_as_in_r(cbpp):
    # glm() stops at a deviance change of 1e-8 and keeps the weights of the step before: seven digits agree
    assert cluster_covariance(cbpp, kind="CV1").std_error[1] == pytest.approx(CR1S_P2, abs=2e-7)
    assert cluster_covariance(cbpp, kind="CV3").std_error[1] == pytest.approx(CV3_P2, abs=2e-7)


@pytest.mark.parametrize(("kind", "expected"), P_VALUES_P2.items())
def test_cbpp_p_values_as_in_r(cbpp, kind, expected):
    robust = cluster_covariance(cbpp, kind=kind)
    p_value = 2 * t_distribution.sf(abs(cbpp.beta[1]) / robust.std_error[1], robust.dof)
    assert p_value == pytest.approx(expected, abs=5e-5)  # printed to 4 decimals


def rows(n=900, n_clusters=9, seed=3):
    random = np.random.default_rng(seed)
    office = random.integers(0, n_clusters, n)
    X = np.column_stack([np.ones(n), random.normal(size=n), random.integers(0, 2, n)])
    chance = 1 / (1 + np.exp(-(X @ [-0.4, 0.7, 0.3] + random.normal(0, 0.5, n_clusters)[office])))
    return (random.random(n) < chance).astype(float), X, office


def test_cv1_is_that_of_statsmodels():
    y, X, office = rows()
    oracle = sm.GLM(y, X, family=sm.families.Binomial()).fit(
        tol=1e-13, cov_type="cluster", cov_kwds={"groups": office}
    )
    found = cluster_covariance(fit_logit(y, X, clusters=office), kind="CV1").covariance
    np.testing.assert_allclose(found, oracle.cov_params(), rtol=1e-8)


def test_cv1_with_profiled_intercepts_is_that_of_dummies():
    y, X, office = rows()
    dummies = (office[:, None] == np.arange(9)).astype(float)
    oracle = sm.GLM(y, np.hstack([X[:, 1:], dummies]), family=sm.families.Binomial()).fit(
        tol=1e-13, cov_type="cluster", cov_kwds={"groups": office}
    )
    fit = fit_logit(y, X[:, 1:], clusters=office, intercepts=office)
    # statsmodels counts the dummies among k; here they lie within clusters and are not counted
    counted = cv1_factor(9, len(y), 2) / cv1_factor(9, len(y), 11)
    np.testing.assert_allclose(
        cluster_covariance(fit, kind="CV1").covariance, counted * oracle.cov_params()[:2, :2], rtol=1e-7
    )


def test_cv3_is_the_jackknife_written_out():
    y, X, office = rows()
    full = sm.GLM(y, X, family=sm.families.Binomial()).fit(tol=1e-13).params
    left_out = [
        sm.GLM(y[office != g], X[office != g], family=sm.families.Binomial()).fit(tol=1e-13).params
        for g in range(9)
    ]
    deviations = np.array(left_out) - full
    found = cluster_covariance(fit_logit(y, X, clusters=office), kind="CV3")
    np.testing.assert_allclose(found.covariance, 8 / 9 * deviations.T @ deviations, rtol=1e-7)
    assert found.dof == 8


def test_cv3l_needs_no_refit_and_is_its_formula():
    y, X, office = rows()
    fit = fit_logit(y, X, clusters=office)
    total = fit.information.sum(axis=0)
    deviations = np.array([np.linalg.solve(total - fit.information[g], -fit.scores[g]) for g in range(9)])
    found = cluster_covariance(fit, kind="CV3L")
    np.testing.assert_allclose(found.covariance, 8 / 9 * deviations.T @ deviations, rtol=1e-8)


@pytest.mark.parametrize("kind", ["CV1", "CV3", "CV3L"])
def test_relabelling_and_row_order_change_nothing(kind):
    y, X, office = rows()
    order = np.random.default_rng(0).permutation(len(y))
    one = cluster_covariance(fit_logit(y, X, clusters=office), kind=kind).covariance
    other = cluster_covariance(
        fit_logit(y[order], X[order], clusters=1000 - 7 * office[order]), kind=kind
    ).covariance
    np.testing.assert_allclose(one, other, rtol=1e-8)


@pytest.mark.parametrize("kind", ["CV1", "CV3", "CV3L"])
def test_scaling_a_column_scales_its_standard_error(kind):
    y, X, office = rows()
    scale = np.array([1.0, 1e5, 1e-4])
    one = cluster_covariance(fit_logit(y, X, clusters=office), kind=kind).std_error
    other = cluster_covariance(fit_logit(y, X * scale, clusters=office), kind=kind).std_error
    np.testing.assert_allclose(one, other * scale, rtol=1e-8)


def test_a_column_that_one_cluster_alone_speaks_of_is_marked():
    y, X, office = rows()
    X = np.column_stack([X, (office == 2) & (np.arange(len(y)) % 2 == 0)])
    robust = cluster_covariance(fit_logit(y, X, clusters=office), kind="CV3")
    assert robust.unidentified.tolist() == [False, False, False, True]
    assert np.isnan(robust.std_error[3])
    assert np.isfinite(robust.std_error[:3]).all()


def test_one_cluster_is_refused():
    y, X, _ = rows()
    with pytest.raises(EstimationError) as refusal:
        cluster_covariance(fit_logit(y, X), kind="CV1")
    assert refusal.value.reason == "one_office"


def test_replicates_that_separate_are_counted_not_dropped():
    y, X, office = rows()
    x = (np.arange(len(y)) % 5 == 0).astype(float)
    # among the offices but the first, x = 1 always passes: only the first keeps the coefficient finite
    y = np.where((x == 1) & (office > 0), 1.0, y)
    fit = fit_logit(y, np.column_stack([X, x]), clusters=office)
    with pytest.raises(EstimationError, match="1 of 9") as refusal:
        cluster_covariance(fit, kind="CV3")
    assert refusal.value.reason == "separation"
    assert refusal.value.details["n_failed"] == 1
    assert np.isfinite(cluster_covariance(fit, kind="CV3L").std_error).all()


def test_unknown_kind_is_refused():
    y, X, office = rows()
    fit = fit_logit(y, X, clusters=office)
    with pytest.raises(ValueError, match="CV1, CV3, CV3L"):
        cluster_covariance(fit, kind="HC1")
    with pytest.raises(ValueError, match="CV3 or CV3L"):
        jackknife(lambda refit: refit.beta, fit, kind="CV1")


def test_cv1_factor_by_hand():
    assert cv1_factor(5, 101, 2) == pytest.approx(5 / 4 * 100 / 99)


# ------------------------------------------------------------------------------------------------ CR2


# R: clubSandwich on the same, CR2 with Satterthwaite's degrees of freedom (two cells a herd at most: fitted weights of
# the step before, so five digits and more agree; the last is cut off after four)
CR2 = {1: (0.4619714, 11.5101, 0.02693), 2: (0.5151578, 11.570, 0.02724), 3: (0.4089, 8.759, 0.001951)}


@pytest.mark.parametrize("column", CR2)
def test_cbpp_cr2_as_in_r(cbpp, column):
    std_error, dof, p_value = CR2[column]
    robust = cluster_covariance(cbpp, kind="CR2")
    assert robust.std_error[column] == pytest.approx(std_error, abs=2e-6 if column < 3 else 1e-4)
    assert robust.dof[column] == pytest.approx(dof, abs=6e-4)
    found = 2 * t_distribution.sf(abs(cbpp.beta[column]) / robust.std_error[column], robust.dof[column])
    assert found == pytest.approx(p_value, abs=6e-6)


def power(matrix, exponent):
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    return (vectors * values**exponent) @ vectors.T


def adjusted_by_rows(y, X, office, fit, *, on_response):
    """CR2 from n_g x n_g matrices: influence (G, k) and Satterthwaite's degrees of freedom."""
    p = 1 / (1 + np.exp(-fit.linear_predictor()))
    assert (fit.cells.y == y).all()  # sorted by office already
    w = p * (1 - p)
    inverse = np.linalg.inv(X.T @ (X * w[:, None]))
    influence, vectors = [], []
    for g in np.unique(office):
        own = office == g
        Xg, wg = X[own], w[own]
        hat = np.sqrt(wg)[:, None] * Xg @ inverse @ Xg.T * np.sqrt(wg)
        left = np.eye(len(wg)) - hat
        root = np.sqrt(wg)[:, None]
        if on_response:
            adjustment = root * power(wg[:, None] * left * wg, -0.5) * np.sqrt(wg)
        else:
            adjustment = power(left, -0.5) * np.sqrt(wg) / root
        a = adjustment @ Xg @ inverse
        influence.append((y[own] - p[own]) @ a)
        vectors.append((a, wg, Xg))
    dof = []
    for column in range(X.shape[1]):
        pulls = [(wg * a[:, column]) @ Xg for a, wg, Xg in vectors]
        M = -np.array([[one @ inverse @ other for other in pulls] for one in pulls])
        M += np.diag([wg @ a[:, column] ** 2 for a, wg, _ in vectors])
        dof.append(np.trace(M) ** 2 / (M**2).sum())
    return np.array(influence), np.array(dof)


def logit_rows(seed=4):
    random = np.random.default_rng(seed)
    office = np.repeat(np.arange(6), [20, 35, 50, 15, 60, 40])
    X = np.column_stack(
        [np.ones(len(office)), random.normal(size=len(office)), random.integers(0, 2, len(office))]
    )
    eta = X @ [-0.5, 1.2, 0.4] + random.normal(0, 0.5, 6)[office]
    y = (random.random(len(office)) < 1 / (1 + np.exp(-eta))).astype(float)
    return y, X, office


def test_cr2_of_a_logit_is_that_of_the_whole_matrices_on_the_response_scale():
    y, X, office = logit_rows()
    fit = fit_logit(y, X, clusters=office)
    influence, dof = adjusted_by_rows(y, X, office, fit, on_response=True)
    robust = cluster_covariance(fit, kind="CR2")
    np.testing.assert_allclose(robust.covariance, influence.T @ influence, rtol=1e-9)
    np.testing.assert_allclose(robust.dof, dof, rtol=1e-9)


def test_cr2_from_scores_and_information_is_that_of_the_whole_matrices():
    y, X, office = logit_rows()
    fit = fit_logit(y, X, clusters=office)
    influence, dof = adjusted_by_rows(y, X, office, fit, on_response=False)

    class OnlyScores:  # a likelihood that knows nothing of a response's scale
        scores, information, free = fit.scores, fit.information, fit.free

    found = bias_reduced(OnlyScores, np.eye(3))
    np.testing.assert_allclose(found.influence.T @ found.influence, influence.T @ influence, rtol=1e-9)
    np.testing.assert_allclose(found.dof, dof, rtol=1e-9)


def test_cr2_roots_differ_little():
    y, X, office = logit_rows()
    fit = fit_logit(y, X, clusters=office)
    on_response, by_information = (
        adjusted_by_rows(y, X, office, fit, on_response=scale)[0] for scale in (True, False)
    )
    ratio = np.sqrt((on_response**2).sum(axis=0) / (by_information**2).sum(axis=0))
    assert (np.abs(ratio - 1) < 0.05).all()  # the smallest office has 15 cases and three coefficients
    assert (ratio != 1).all()


def test_cr2_with_profiled_intercepts_is_that_of_dummies():
    y, X, office = logit_rows()
    profiled = fit_logit(y, X[:, 1:], clusters=office, intercepts=office)

    class Dummies:  # singular offices: an office alone knows its dummy
        fit = fit_logit(y, np.hstack([X[:, 1:], np.eye(6)[office]]), clusters=office)
        scores, information, free = fit.scores, fit.information, fit.free

    one, other = bias_reduced(profiled, np.eye(2)), bias_reduced(Dummies, np.eye(8)[:2])
    np.testing.assert_allclose(one.std_error, other.std_error, rtol=1e-6)
    np.testing.assert_allclose(one.dof, other.dof, rtol=1e-6)


def test_cr2_of_many_single_cases_is_hc2_like():
    # clusters of one case: CR2 lies between CV1 without its factor and the jackknife
    y, X, _ = logit_rows()
    fit = fit_logit(y, X, clusters=np.arange(len(y)))
    cv1, cr2, cv3 = (cluster_covariance(fit, kind=kind).std_error for kind in ("CV1", "CR2", "CV3"))
    assert (cv1 / np.sqrt(220 / 219 * 219 / 217) < cr2).all()
    assert (cr2 < cv3 / np.sqrt(219 / 220)).all()


def test_restricted_coefficients_do_not_vary():
    y, X, office = logit_rows()
    fit = fit_logit(y, X, clusters=office).refit(restrict={1: 0.0})
    for kind in ("CV1", "CR2"):
        robust = cluster_covariance(fit, kind=kind)
        assert robust.covariance[1].tolist() == [0.0, 0.0, 0.0]
        assert (robust.std_error[[0, 2]] > 0).all()
    assert cluster_covariance(fit, kind="CR2").dof[1] == 0
