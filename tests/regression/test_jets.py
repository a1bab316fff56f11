"""Jets: algebra by hand, every function against plain arithmetic, differences, and its own limits."""

import math

import numpy as np
import pytest

from se_outcomes.regression import jets
from se_outcomes.regression.jets import PAIRS, Jet, variables

A, B, T = np.array([0.3, 1.7, 2.5]), np.array([1.1, 0.4, 2.0]), 0.6


def dense(jet):
    """Value, gradient and Hessian as one (10, n) array; structural zeros written out."""
    parts = (jet.value, *jet.gradient, *jet.hessian)
    return np.array([np.broadcast_to(0.0 if part is None else part, A.shape) for part in parts])


def differences(function, step=1e-4):
    """The same ten numbers by central differences of the values, of fourth order."""
    point = np.array([A, B, np.full(3, T)])

    def value(*moves):
        a, b, t = point + sum(size * np.eye(3)[i][:, None] for i, size in moves)
        return function(Jet(a), Jet(b), Jet(t)).value

    def slope(i, *others):
        near, far = (
            (value((i, k * step), *others) - value((i, -k * step), *others)) / (2 * k * step) for k in (1, 2)
        )
        return (4 * near - far) / 3

    first = [slope(i) for i in range(3)]
    second = [
        (
            8 * (slope(i, (j, step)) - slope(i, (j, -step)))
            - (slope(i, (j, 2 * step)) - slope(i, (j, -2 * step)))
        )
        / (12 * step)
        for i, j in PAIRS
    ]
    return np.array([value(), *first, *second])


def test_a_polynomial_by_hand():
    a, b, t = variables(A, B, T)
    got = dense(a * a * b - 3.0 * b * t + t * t / 2.0 + 1.0)
    expected = [
        A**2 * B - 3 * B * T + T**2 / 2 + 1,
        2 * A * B,
        A**2 - 3 * T,
        -3 * B + T,
        2 * B,
        2 * A,
        0 * A,
        0 * A,
        0 * A - 3,
        0 * A + 1,
    ]
    np.testing.assert_allclose(got, np.array(expected), rtol=1e-15, atol=1e-15)


@pytest.mark.parametrize(
    "function",
    [
        lambda a, b, t: (a + b) * (t - a) / (b * t + 2.0),
        lambda a, b, t: 1.0 / (a * b) - t / b + (2.0 - a) * np.ones(3) + np.ones(3) * b,
        lambda a, b, t: (a * b + t) ** 2.5 + a**-1.0 + b ** (t * a),
        lambda a, b, t: jets.exp(a * t) + jets.log(a + b * t),
        lambda a, b, t: jets.log1p(a * b * t) - jets.expm1(t * b - a),
        lambda a, b, t: jets.log1mexp(a * b + t),
        lambda a, b, t: jets.softplus(a * t - b),
        lambda a, b, t: jets.logaddexp(a * t, b * b - t),
        lambda a, b, t: jets.log_softplus(a * b - 2.0 * t),
        lambda a, b, t: jets.log_softplus(-3.0 * a * b * t),
        lambda a, b, t: jets.log1mexp_exp(a * t - b),
        lambda a, b, t: jets.log_expm1_exp(a * t - b),
        lambda a, b, t: jets.loglog_complement(a * t - b),
        lambda a, b, t: jets.log_exprel(a * b - t),
        lambda a, b, t: jets.log_exprel(3.0 * t - a * b * b),
        lambda a, b, t: jets.log_log1p_ratio(0.2 * a * b * t),
        lambda a, b, t: jets.where(A > 1, a * b, jets.exp(t)) * jets.where(A < 1, 2.0, b),
    ],
)
def test_derivatives_are_the_limits_of_differences(function):
    np.testing.assert_allclose(
        dense(function(*variables(A, B, T))), differences(function), rtol=2e-7, atol=2e-7
    )


def test_structural_zeros_stay_none_and_order_zero_carries_nothing():
    a, _, t = variables(A, B, T)
    only_a = jets.exp(a) * 2.0 + a
    assert only_a.gradient[1] is None
    assert only_a.gradient[2] is None
    assert [part is None for part in only_a.hessian] == [False, True, True, True, True, True]
    assert jets.exp(t).value.shape == (1,)
    plain = jets.log(variables(A, B, T, order=0)[0] * variables(A, B, T, order=0)[2])
    assert plain.gradient == (None,) * 3
    assert plain.hessian == (None,) * 6
    np.testing.assert_array_equal(plain.value, jets.log(a * t).value)


ONE = [
    # function, its plain form where that is harmless, points on both sides of every switch
    (jets.log1mexp, lambda x: math.log(1 - math.exp(-x)), [0.3, 0.69, 0.7, 3.0]),
    (jets.softplus, lambda x: math.log(1 + math.exp(x)), [-3.0, 0.0, 4.0]),
    (jets.log_softplus, lambda x: math.log(math.log(1 + math.exp(x))), [-3.0, -1.62, -1.6, 0.0, 6.0]),
    (jets.log1mexp_exp, lambda z: math.log(1 - math.exp(-math.exp(z))), [-3.0, -0.01, 0.01, 2.0]),
    (jets.log_expm1_exp, lambda z: math.log(math.exp(math.exp(z)) - 1), [-3.0, -0.01, 0.01, 2.0]),
    (
        jets.loglog_complement,
        lambda z: math.log(-math.log(1 - math.exp(-math.exp(z)))),
        [-3.0, -0.01, 0.01, 2.0],
    ),
    (
        jets.log_exprel,
        lambda x: math.log((math.exp(x) - 1) / x),
        [-30.0, -1.01, -0.99, 0.5, 0.99, 1.01, 30.0],
    ),
    (
        jets.log_log1p_ratio,
        lambda z: math.log(math.log(1 + z) / z),
        [-0.9, -0.21, -0.19, 0.1, 0.19, 0.21, 1e6],
    ),
]


@pytest.mark.parametrize(("function", "plain", "points"), ONE)
def test_values_are_those_of_the_plain_form(function, plain, points):
    got = function(Jet(np.array(points))).value
    np.testing.assert_allclose(got, [plain(point) for point in points], rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize(
    ("function", "switch"),
    [
        (jets.log_softplus, math.log(jets.SERIES)),
        (jets.log1mexp_exp, 0.0),
        (jets.loglog_complement, math.log(40.0)),
        (jets.loglog_complement, 0.0),
        (jets.log_exprel, 1.0),
        (jets.log_exprel, -1.0),
        (jets.log_log1p_ratio, jets.SERIES),
        (jets.log_log1p_ratio, -jets.SERIES),
    ],
)
def test_both_forms_agree_where_they_meet(function, switch):
    x, _, _ = variables(switch + np.array([-1e-13, 1e-13]), [0.0, 0.0], 0.0)
    jet = function(x)
    for part in (jet.value, jet.gradient[0], jet.hessian[0]):
        assert part[0] == pytest.approx(part[1], rel=1e-11, abs=1e-13)


def test_far_tails_are_their_limits():
    x, _, _ = variables([-1e4], [0.0], 0.0)

    def parts(jet):
        return [float(part[0]) for part in (jet.value, jet.gradient[0], jet.hessian[0])]

    assert parts(jets.log_softplus(x)) == [-1e4, 1.0, 0.0]
    assert parts(jets.log1mexp_exp(x)) == [-1e4, 1.0, 0.0]
    assert parts(jets.log_expm1_exp(x)) == [-1e4, 1.0, 0.0]
    np.testing.assert_allclose(parts(jets.loglog_complement(x)), [math.log(1e4), -1e-4, -1e-8], rtol=1e-12)
    assert parts(jets.logaddexp(x, 0.0 * x + 3.0)) == [3.0, 0.0, 0.0]
    np.testing.assert_allclose(parts(jets.log_exprel(0.0 * x + x / 1e14)), [-5e-11, 0.5e-14, 1e-28 / 12])


def test_the_complement_of_the_complement_is_the_start():
    z, _, _ = variables(np.linspace(-600, 6, 203), np.zeros(203), 0.0)
    back = jets.loglog_complement(jets.loglog_complement(z))
    np.testing.assert_allclose(back.value, z.value, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(back.gradient[0], 1.0, rtol=1e-11)
    np.testing.assert_allclose(back.hessian[0], 0.0, atol=1e-9)
