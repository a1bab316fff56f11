"""t intervals against tabled quantiles."""

import numpy as np
import pytest

from se_outcomes.inference.intervals import share_interval, t_interval, t_p_value


@pytest.mark.parametrize(("dof", "quantile"), [(4, 2.776445), (1, 12.706205), (29, 2.045230)])
def test_quantiles_as_tabled(dof, quantile):
    low, high = t_interval(0.0, 1.0, dof)
    assert (low, high) == (pytest.approx(-quantile, abs=1e-6), pytest.approx(quantile, abs=1e-6))
    assert t_p_value(quantile, dof) == pytest.approx(0.05, abs=1e-6)


def test_two_joint_intervals_are_those_at_97_5_percent():
    assert t_interval(0.0, 1.0, 4, n_joint=2) == t_interval(0.0, 1.0, 4, level=0.975)


def test_share_intervals_stay_inside_and_turn_with_the_share():
    low, high = share_interval(np.array([0.01, 0.99]), np.array([2.0, 2.0]), 4)
    assert (low > 0).all()
    assert (high < 1).all()
    np.testing.assert_allclose(low, 1 - high[::-1])
