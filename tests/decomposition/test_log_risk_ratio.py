"""The log risk ratio over gates: it adds up exactly, by hand and for any counts."""

import numpy as np
import pytest

from se_outcomes.decomposition.log_risk_ratio import gate_log_risk_ratios, pooled_rates, standardised_rates


def counts(seed=0, n_offices=6):
    random = np.random.default_rng(seed)
    first = random.integers(20, 80, (n_offices, 2))
    through = random.binomial(first, 0.5) + 1
    second = random.binomial(through, 0.6) + 1
    return np.stack([first, through], axis=2), np.stack([through, np.minimum(second, through)], axis=2)


def test_published_shares_give_the_published_split():
    """Quarters of motivation in a model of the gates: 61 and 14 % referred, 85 and 46 % accepted."""
    parts = gate_log_risk_ratios([[0.61, 0.85], [0.14, 0.46]])
    np.testing.assert_allclose(parts, [1.472, 0.614], atol=5e-4)


@pytest.mark.parametrize("rates", [pooled_rates, standardised_rates])
@pytest.mark.parametrize("seed", range(5))
def test_parts_add_up_to_the_net(rates, seed):
    found = rates(*counts(seed))
    net = np.log(found[0].prod() / found[1].prod())
    assert gate_log_risk_ratios(found).sum() == pytest.approx(net, abs=1e-12)


def test_with_nobody_undecided_the_net_is_the_ratio_of_those_who_got_through():
    at_risk, passed = counts()
    rates = pooled_rates(at_risk, passed)
    through = passed[:, :, 1].sum(axis=0) / at_risk[:, :, 0].sum(axis=0)
    np.testing.assert_allclose(rates.prod(axis=1), through)


def test_standardising_removes_what_offices_alone_do():
    """Both groups pass alike in each office; the top group sits in the generous one."""
    at_risk = np.array([[[90.0], [10.0]], [[10.0], [90.0]]])
    passed = at_risk * np.array([0.8, 0.2])[:, None, None]
    assert gate_log_risk_ratios(pooled_rates(at_risk, passed))[0] > 0.9
    assert gate_log_risk_ratios(standardised_rates(at_risk, passed))[0] == pytest.approx(0, abs=1e-12)


def test_an_office_without_anyone_weighs_nothing_and_one_without_a_group_has_no_answer():
    at_risk, passed = counts()
    empty = np.concatenate([at_risk, np.zeros((1, 2, 2))]), np.concatenate([passed, np.zeros((1, 2, 2))])
    np.testing.assert_allclose(standardised_rates(*empty), standardised_rates(at_risk, passed))
    at_risk, passed = at_risk.copy(), passed.copy()
    at_risk[0, 0], passed[0, 0] = 0, 0
    assert np.isnan(standardised_rates(at_risk, passed)[0]).all()


def test_zero_rates_are_refused():
    with pytest.raises(ValueError, match="above zero"):
        gate_log_risk_ratios([[0.5], [0.0]])
