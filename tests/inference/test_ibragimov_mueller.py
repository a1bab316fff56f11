"""One estimate per office: by hand, by reference (scipy), by enumeration, by simulation, by refusal."""

import itertools

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from se_outcomes.errors import EstimationError
from se_outcomes.inference.ibragimov_mueller import by_cluster, ibragimov_mueller
from se_outcomes.regression.logit import fit_logit


def rows(n_offices=6, size=80, seed=3):
    random = np.random.default_rng(seed)
    office = np.repeat(np.arange(n_offices), size)
    X = np.column_stack([random.normal(size=len(office)), random.integers(0, 2, len(office))])
    chance = 1 / (1 + np.exp(-(X @ [0.5, -0.3] + random.normal(0, 0.5, n_offices)[office])))
    return (random.random(len(office)) < chance).astype(float), X, office


@pytest.mark.parametrize("null", [0.0, 0.4])
def test_t_test_is_that_of_scipy(null):
    values = np.random.default_rng(1).normal(0.5, 1, 7)
    found = ibragimov_mueller(values, null=null, level=0.9)
    oracle = ttest_1samp(values, null)
    assert found.statistic == pytest.approx(oracle.statistic, rel=1e-12)
    assert found.p_value == pytest.approx(oracle.pvalue, rel=1e-12)
    assert (found.conf_low, found.conf_high) == pytest.approx(tuple(oracle.confidence_interval(0.9)))
    assert (found.estimate, found.dof) == (pytest.approx(values.mean()), 6.0)


@pytest.mark.parametrize("null", [0.0, 0.3])
def test_sign_test_is_all_changes_of_sign_written_out(null):
    values = np.random.default_rng(2).normal(0.4, 1, 8)
    changed = np.array(list(itertools.product([1, -1], repeat=8))) * (values - null)
    t = np.abs(changed.mean(axis=1)) / changed.std(axis=1, ddof=1)
    own = abs((values - null).mean()) / values.std(ddof=1)
    assert ibragimov_mueller(values, null=null).sign_test == (t >= own * (1 - 1e-9)).mean()


def test_sign_test_exists_from_six_offices_on():
    five, six = ibragimov_mueller([1.0, 2, 3, 4, 5]), ibragimov_mueller([1.0, 2, 3, 4, 5, 6])
    assert five.sign_test is None
    assert five.sign_test_reason == (
        "No sign test at 5 % exists with 5 offices: its smallest p-value is 0.0625."
    )
    assert (six.sign_test, six.sign_test_smallest, six.sign_test_reason) == (1 / 32, 1 / 32, None)
    assert ibragimov_mueller([1.0, 2, 3, 4, 5], level=0.9).sign_test == 1 / 16


def test_sign_test_of_many_offices_is_sampled_and_the_same_every_time():
    values = np.random.default_rng(5).normal(0.3, 1, 60)
    one, other = ibragimov_mueller(values), ibragimov_mueller(values)
    assert not one.sign_test_enumerated
    assert one.sign_test == other.sign_test
    assert one.sign_test == pytest.approx(one.p_value, abs=0.02)


def test_scale_and_side_change_nothing():
    values = np.random.default_rng(6).normal(0.6, 1, 9)
    one = ibragimov_mueller(values)
    for factor in (1e6, 1e-7, -1.0):
        other = ibragimov_mueller(factor * values)
        assert (other.p_value, other.sign_test) == (pytest.approx(one.p_value), one.sign_test)


def test_by_cluster_is_each_office_fitted_by_itself():
    y, X, office = rows()
    fit = fit_logit(y, X, clusters=office, intercepts=office)
    design = np.column_stack([X, np.ones(len(y))])
    expected = [fit_logit(y[office == g], design[office == g]).beta[:2] for g in range(6)]
    np.testing.assert_allclose([by_cluster(fit, 0), by_cluster(fit, 1)], np.transpose(expected), rtol=1e-8)
    with_constant = fit_logit(y, design, clusters=office)
    np.testing.assert_allclose(by_cluster(with_constant, 1), by_cluster(fit, 1), rtol=1e-8)


def test_cells_are_as_good_as_rows():
    y, X, office = rows()
    table, counts = np.unique(np.column_stack([y, X[:, 1], office]), axis=0, return_counts=True)
    code = table[:, 2].astype(int)
    from_cells = fit_logit(table[:, 0], table[:, 1:2], counts=counts, clusters=code, intercepts=code)
    from_rows = fit_logit(y, X[:, 1:], clusters=office, intercepts=office)
    np.testing.assert_allclose(by_cluster(from_cells, 0), by_cluster(from_rows, 0), rtol=1e-9)


def test_offices_without_variation_are_counted_and_named():
    y, X, office = rows()
    X[np.isin(office, (1, 4)), 1] = 1.0
    fit = fit_logit(y, X, clusters=office, intercepts=office)
    assert by_cluster(fit, 0).shape == (6,)
    with pytest.raises(EstimationError, match="2 of 6 offices cannot be fitted alone") as refusal:
        by_cluster(fit, 1)
    assert refusal.value.reason == "exposure_constant_within_offices"
    assert refusal.value.details == {"n_failed": 2, "n_clusters": 6}


def test_an_office_that_separates_is_counted():
    y, X, office = rows()
    y = np.where(office == 2, X[:, 1], y)
    with pytest.raises(EstimationError, match="1 of 6") as refusal:
        by_cluster(fit_logit(y, X, clusters=office, intercepts=office), 1)
    assert refusal.value.reason == "separation"


def test_what_cannot_be_is_refused():
    for estimates, reason in (([1.0], "one_office"), ([0.3] * 7, "no_variation")):
        with pytest.raises(EstimationError) as refusal:
            ibragimov_mueller(estimates)
        assert refusal.value.reason == reason
    with pytest.raises(ValueError, match="finite"):
        ibragimov_mueller([1.0, np.nan])
    with pytest.raises(ValueError, match="level"):
        ibragimov_mueller([1.0, 2.0], level=95)
    y, X, office = rows()
    with pytest.raises(ValueError, match="from 0 to 1"):
        by_cluster(fit_logit(y, X, clusters=office), 2)


@pytest.mark.parametrize("spread", [np.ones(6), np.array([1, 1, 1, 1, 3, 9.0])], ids=["equal", "unequal"])
def test_size_with_equal_and_unequal_variances(spread):
    random = np.random.default_rng(7)
    found = [ibragimov_mueller(spread * random.normal(size=6)) for _ in range(2_000)]
    t_test = np.mean([one.p_value <= 0.05 for one in found])
    sign_test = np.mean([one.sign_test <= 0.05 for one in found])
    error = np.sqrt(0.05 * 0.95 / 2_000)
    assert t_test <= 0.05 + 2 * error
    assert sign_test == pytest.approx(1 / 32, abs=2.5 * error)  # exact: symmetric, one of 32
    naive = np.mean([abs(one.statistic) > 1.96 for one in found])
    if spread.max() == 1:
        assert naive > 0.08  # the harness can fail: the normal distribution's quantile
