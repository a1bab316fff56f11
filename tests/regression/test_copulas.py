"""Copulas behind a gate: by hand, by reference in 1200 digits, by property, and by refusal."""

import math

import numpy as np
import pytest
from scipy.special import digamma, expit, log_expit, log_ndtr, ndtr

from se_outcomes.regression.copulas import COPULAS, find_copula, log_joint_probability

BASES = ("clayton", "gumbel", "joe")
CDF = {"probit": ndtr, "logit": expit}
LOG_CDF = {"probit": log_ndtr, "logit": log_expit}
#: Positions of a, b, t in the derivatives by each of them.
SECOND = ((4, 5, 7), (5, 6, 8), (7, 8, 9))


def grid(size, points=9):
    a, b = np.meshgrid(np.linspace(-size, size, points), np.linspace(-size, size, points))
    return a.ravel(), b.ravel()


def probabilities(name, a, b, t, **margins):
    return [
        np.exp(log_joint_probability(COPULAS[name], np.full(len(a), y), a, b, t, order=0, **margins)[0])
        for y in (1, 0)
    ]


def some_dependence(name):
    """A range of t from weak to strong, with its middle, and for Frank about its change of form."""
    low, high = COPULAS[name].limits
    more = (-1.0, -1e-6, 0.0, 1e-6, 1.0) if name == "frank" else (-0.5, 1.0)
    return (low, *more, high)


@pytest.mark.parametrize("name", COPULAS)
def test_independence_is_the_product(name):
    # tails depend on each other in proportion to e^t: it has to be small against the tails themselves
    t = max(COPULAS[name].independence, -90.0)
    a, b = grid(10.0)
    for margin, log_cdf in LOG_CDF.items():
        for y, sign in ((1, 1.0), (0, -1.0)):
            f, f_a, f_b, *_ = log_joint_probability(
                COPULAS[name], np.full(len(a), y), a, b, t, gate=margin, outcome=margin
            )
            np.testing.assert_allclose(f, log_cdf(a) + log_cdf(sign * b), rtol=1e-12, atol=1e-13)
            step = 1e-5
            np.testing.assert_allclose(
                f_a, (log_cdf(a + step) - log_cdf(a - step)) / (2 * step), rtol=1e-7, atol=1e-8
            )
            upper, lower = log_cdf(sign * (b + step)), log_cdf(sign * (b - step))
            np.testing.assert_allclose(f_b, (upper - lower) / (2 * step), rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("name", COPULAS)
def test_strong_dependence_is_the_frechet_bound(name):
    a, b = np.array([-1.0, 0.5, 1.2, -0.3]), np.array([0.4, -0.8, 0.1, 1.5])
    u, v = ndtr(a), ndtr(b)
    upper, lower = np.minimum(u, v), np.maximum(u + v - 1, 0)
    ends = {"frank": ((600.0, upper), (-600.0, lower))}.get(
        name, ((8.0, lower if COPULAS[name].tau_range[1] == 0 else upper),)
    )
    for t, bound in ends:
        joint, remainder = probabilities(name, a, b, t)
        np.testing.assert_allclose(joint, bound, atol=1e-3)
        np.testing.assert_allclose(remainder, u - bound, atol=1e-3)


@pytest.mark.parametrize(
    ("name", "t", "theta", "tau"),
    [
        ("clayton", math.log(2), 2.0, 1 / 2),
        ("clayton180", 0.0, 1.0, 1 / 3),
        ("clayton90", math.log(6), 6.0, -3 / 4),
        ("gumbel", 0.0, 2.0, 1 / 2),
        ("gumbel270", math.log(3), 4.0, -3 / 4),
        ("joe", 0.0, 2.0, 2 - math.pi**2 / 6),  # where the usual form is 0 / 0
        ("joe", math.log(2), 3.0, 1 - 2 * (digamma(2) - digamma(2 / 3 + 1))),
        ("joe90", math.log(9), 10.0, -(1 - 2 / 8 * (digamma(2) - digamma(1.2)))),
        ("frank", 5.0, 5.0, 0.45670),
        ("frank", -5.0, -5.0, -0.45670),
        ("frank", 0.0, 0.0, 0.0),
    ],
)
def test_parameter_and_kendalls_tau_by_hand(name, t, theta, tau):
    copula = COPULAS[name]
    assert copula.parameter(t) == pytest.approx(theta)
    assert copula.kendall_tau(t) == pytest.approx(tau, abs=2e-6 if name == "frank" else 1e-13)
    assert copula.working(copula.kendall_tau(t)) == pytest.approx(t, abs=1e-11)


@pytest.mark.parametrize("name", COPULAS)
def test_kendalls_tau_is_four_times_the_mean_of_the_copula_less_one(name):
    """tau = 1 - 4 times the integral of C_u C_v over the unit square, by Gauss-Legendre on a logit grid."""
    copula = COPULAS[name]
    t = copula.working(-0.4 if copula.tau_range[1] == 0 else 0.4)
    nodes, weights = np.polynomial.legendre.leggauss(160)
    x, w = 30 * nodes, 30 * weights
    a, b = (axis.ravel() for axis in np.meshgrid(x, x))
    f, f_a, f_b, *_ = log_joint_probability(copula, np.ones(len(a)), a, b, t, gate="logit", outcome="logit")
    # du = F' da cancels against C_u = C_a / F'
    integral = np.outer(w, w).ravel() @ (np.exp(2 * f) * f_a * f_b)
    assert 1 - 4 * integral == pytest.approx(copula.kendall_tau(t), abs=1e-6)


def test_franks_tau_is_smooth_where_its_forms_meet_and_odd():
    tau = COPULAS["frank"].kendall_tau
    assert tau(2.0 - 1e-12) == pytest.approx(tau(2.0), abs=1e-12)
    assert tau(-3.0) == -tau(3.0)
    assert tau(1e-3) == pytest.approx(1e-3 / 9, rel=1e-7)


@pytest.mark.parametrize("name", COPULAS)
def test_limits_span_weak_to_strong_dependence(name):
    copula = COPULAS[name]
    low, high = sorted(abs(copula.kendall_tau(t)) for t in copula.limits)
    assert copula.limits[0] < copula.limits[1]
    assert high == pytest.approx(0.95)
    assert low == pytest.approx(0.95 if name == "frank" else 0.0005)
    assert copula.name == name


@pytest.mark.parametrize("name", COPULAS)
@pytest.mark.parametrize("margin", CDF)
def test_the_outcomes_add_up_to_the_gate(name, margin):
    a, b = grid(10.0, 21)
    for t in some_dependence(name):
        parts = [
            log_joint_probability(COPULAS[name], np.full(len(a), y), a, b, t, gate=margin, outcome="probit")
            for y in (1, 0)
        ]
        total = np.logaddexp(parts[0][0], parts[1][0])
        np.testing.assert_allclose(total, LOG_CDF[margin](a), rtol=1e-12, atol=1e-12)
        # what is added up does not depend on the outcome's index, nor on the dependence
        for moved in (2, 3):
            change = sum(np.exp(part[0] - total) * part[moved] for part in parts)
            np.testing.assert_allclose(change, 0.0, atol=1e-11)


@pytest.mark.parametrize("base", BASES)
def test_rotations_are_flips(base):
    a, b = grid(2.0)
    u, v, t = ndtr(a), ndtr(b), 0.4
    expected = {
        "": probabilities(base, a, b, t)[0],
        "90": v - probabilities(base, -a, b, t)[0],
        "180": u + v - 1 + probabilities(base, -a, -b, t)[0],
        "270": u - probabilities(base, a, -b, t)[0],
    }
    for degrees, joint in expected.items():
        got = probabilities(base + degrees, a, b, t)
        np.testing.assert_allclose(got[0], joint, atol=1e-15)
        np.testing.assert_allclose(got[1], u - joint, atol=1e-15)


@pytest.mark.parametrize("base", BASES)
def test_copulas_by_their_textbook_formulas(base):
    a, b = grid(1.5)
    u, v, t = ndtr(a), ndtr(b), 0.4
    theta = COPULAS[base].parameter(t)
    x, y = -np.log(u), -np.log(v)
    p, q = (1 - u) ** theta, (1 - v) ** theta
    expected = {
        "clayton": (u**-theta + v**-theta - 1) ** (-1 / theta),
        "gumbel": np.exp(-((x**theta + y**theta) ** (1 / theta))),
        "joe": 1 - (p + q - p * q) ** (1 / theta),
    }
    np.testing.assert_allclose(probabilities(base, a, b, t)[0], expected[base], rtol=1e-13)


def test_frank_flips_with_the_sign_of_its_parameter():
    a, b = grid(6.0)
    ones = np.ones(len(a))
    flipped = log_joint_probability(COPULAS["frank"], 0 * ones, a, b, 3.0)
    direct = log_joint_probability(COPULAS["frank"], ones, a, -b, -3.0)
    for got, other, sign in zip(flipped, direct, (1, 1, -1, -1, 1, -1, 1, -1, 1, 1), strict=True):
        np.testing.assert_allclose(got, sign * other, rtol=1e-13)


@pytest.mark.parametrize("name", COPULAS)
@pytest.mark.parametrize(("gate", "outcome"), [("probit", "logit"), ("logit", "probit")])
@pytest.mark.parametrize("y", [0, 1])
def test_derivatives_are_the_limits_of_differences(name, gate, outcome, y):
    """Gradient against values, Hessian against gradients, to indexes of 10 and from weak to strong."""
    a, b = (axis + 0.03 for axis in grid(10.0, 7))
    step = 2e-4
    for t in some_dependence(name):

        def evaluate(i, k, t=t):
            at = [a, b, t]
            at[i] = at[i] + k * step
            return np.array(
                log_joint_probability(COPULAS[name], np.full(len(a), y), *at, gate=gate, outcome=outcome)
            )

        here = evaluate(0, 0)
        for i in range(3):
            near, far = ((evaluate(i, k) - evaluate(i, -k)) / (2 * k * step) for k in (1, 2))
            slope = (4 * near - far) / 3
            for got, expected in zip(here[[1 + i, *SECOND[i]]], slope[[0, 1, 2, 3]], strict=True):
                np.testing.assert_allclose(got, expected, rtol=2e-5, atol=2e-7)


@pytest.mark.parametrize("name", COPULAS)
@pytest.mark.parametrize("margin", CDF)
def test_nothing_overflows_far_beyond_any_index(name, margin):
    """Warnings are errors here, so this asks for their absence too; ties and both zeros are in the grid."""
    a, b = grid(30.0, 31)
    for y in (0, 1):
        for t in some_dependence(name):
            for part in log_joint_probability(
                COPULAS[name], np.full(len(a), y), a, b, t, gate=margin, outcome=margin
            ):
                assert np.isfinite(part).all()


def test_rows_come_back_in_order_across_blocks():
    random = np.random.default_rng(3)
    a, b = random.normal(size=(2, 40_000))
    y = random.integers(0, 2, 40_000)
    copula = COPULAS["joe90"]
    whole = log_joint_probability(copula, y, a, b, 0.2, outcome="logit")
    few = slice(23_456, 23_500)
    for part, some in zip(
        whole, log_joint_probability(copula, y[few], a[few], b[few], 0.2, outcome="logit"), strict=True
    ):
        np.testing.assert_allclose(part[few], some, rtol=1e-12)
    (plain,) = log_joint_probability(copula, y, a, b, 0.2, outcome="logit", order=0)
    np.testing.assert_array_equal(plain, whole[0])


def test_no_rows_are_no_error():
    assert [part.shape for part in log_joint_probability(COPULAS["frank"], [], [], [], 1.0)] == [(0,)] * 10


@pytest.mark.parametrize(
    ("name", "tau"),
    [
        ("clayton", -0.2),
        ("clayton", 0.0),
        ("gumbel90", 0.2),
        ("joe", 1.0),
        ("frank", -1.0),
        ("frank", math.nan),
    ],
)
def test_a_tau_outside_the_range_is_refused_with_the_range(name, tau):
    with pytest.raises(ValueError, match=rf"{name} copula takes a Kendall's tau between -?\d and \d"):
        COPULAS[name].working(tau)


def test_unknown_names_are_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"no copula 'plackett'.*frank, clayton"):
        find_copula("plackett")
    with pytest.raises(ValueError, match=r"no margin 'cauchit'.*probit, logit"):
        log_joint_probability(COPULAS["frank"], [1], [0.0], [0.0], 1.0, gate="cauchit")
    assert find_copula("clayton270") is COPULAS["clayton270"]
    assert len(COPULAS) == 13


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (([2], [0.0], [0.0], 1.0), "y must be 0 or 1"),
        (([1, 0], [0.0], [0.0], 1.0), "vectors of one length"),
        (([1], [0.0], [0.0], -math.inf), "finite"),
    ],
)
def test_impossible_arguments_are_refused(arguments, match):
    with pytest.raises(ValueError, match=match):
        log_joint_probability(COPULAS["clayton"], *arguments)
    with pytest.raises(ValueError, match="order"):
        log_joint_probability(COPULAS["clayton"], [1], [0.0], [0.0], 1.0, order=1)


def test_values_and_derivatives_by_reference():
    words = REFERENCE.split()
    assert len(words) == 17 * 52
    for start in range(0, len(words), 17):
        name, y, gate, outcome, a, b, t, *expected = words[start : start + 17]
        got = log_joint_probability(
            COPULAS[name], [int(y)], [float(a)], [float(b)], float(t), gate=gate, outcome=outcome
        )
        np.testing.assert_allclose(
            np.array(got)[:, 0], np.array(expected, float), rtol=1e-12, atol=1e-13, err_msg=f"{name} {t}"
        )


# The table below was made with mpmath 1.4 in 1200 digits: name, y, gate, outcome, a, b, t; f, f_a, f_b, f_t,
# f_aa; f_ab, f_bb, f_at, f_bt, f_tt. Textbook formulas, differentiated by central differences of 1e-40:
#
# from mpmath import erfc, exp, expm1, log, log1p, mp, mpf, sqrt
#
# mp.dps = 1200
# F = {"probit": lambda x: erfc(-x / sqrt(mpf(2))) / 2, "logit": lambda x: 1 / (1 + exp(-x))}
#
# def gumbel(u, v, t):
#     k = 1 + exp(t)
#     return exp(-(((-log(u)) ** k + (-log(v)) ** k) ** (1 / k)))
#
# def joe(u, v, t):
#     k = 1 + exp(t)
#     return 1 - (1 - (1 - (1 - u) ** k) * (1 - (1 - v) ** k)) ** (1 / k)
#
# BASE = {
#     "frank": lambda u, v, t: -log1p(expm1(-t * u) * expm1(-t * v) / expm1(-t)) / t,
#     "clayton": lambda u, v, t: (u ** -exp(t) + v ** -exp(t) - 1) ** (-exp(-t)),
#     "gumbel": gumbel,
#     "joe": joe,
# }
# TURN = {
#     "": lambda C, u, v, t: C(u, v, t),
#     "90": lambda C, u, v, t: v - C(1 - u, v, t),
#     "180": lambda C, u, v, t: u + v - 1 + C(1 - u, 1 - v, t),
#     "270": lambda C, u, v, t: u - C(u, 1 - v, t),
# }
#
# def row(name, y, gate, outcome, *point):
#     h, family = mpf(10) ** -40, name.rstrip("0123456789")
#
#     def f(*signs):
#         a, b, t = (mpf(p) + h * sum(s[i] for s in signs) for i, p in enumerate(point))
#         u, v = F[gate](a), F[outcome](b)
#         c = TURN[name[len(family):]](BASE[family], u, v, t)
#         return log(c if y else u - c)
#
#     up = [(1, 0, 0), (0, 1, 0), (0, 0, 1)]
#     down = [(-1, 0, 0), (0, -1, 0), (0, 0, -1)]
#     first = [(f(p) - f(q)) / (2 * h) for p, q in zip(up, down)]
#     second = [
#         (f(up[i], up[j]) - f(up[i], down[j]) - f(down[i], up[j]) + f(down[i], down[j])) / (4 * h * h)
#         for i, j in [(0, 0), (0, 1), (1, 1), (0, 2), (1, 2), (2, 2)]
#     ]
#     return [mp.nstr(x, 16) for x in (f(), *first, *second)]
REFERENCE = """
frank 1 probit logit 0.7 -0.4 4.0
-0.9869363960150499 0.1460234116340106 0.5574380649585417 0.0283361367797144 -0.274135245527326
0.07522406301911363 -0.2731667262469588 -0.0422318107131379 0.002817367556310878 -0.009515151684998851
frank 1 probit probit -9.0 8.5 -60.0
-43.62814911333212 9.108523105002869 4.89974137900173e-15 9.479534822203318e-18 -0.9884852093452829
-1.511046958076237e-31 -4.164780172151471e-14 -5.846848292220049e-34 -8.16623563166955e-17 1.069844494973811e-36
frank 0 probit probit 9.5 6.0 0.01
-20.73676894997471 1.012840905387653e-20 -6.158482604544599 -5.26474833260881e-22 -9.621988601182702e-20
3.076951343317105e-31 -0.9760123632108332 5.055764195130954e-21 -3.220133634303734e-30 -1.749068349936657e-22
frank 0 logit probit -1.3 0.9 -1e-6
-3.233500939797314 0.7858349143818927 -1.445642993853576 -0.320596984601207 -0.1682984017203006
-2.239085966744245e-8 -0.7888052734923363 0.06866065936033138 -0.1045495269844808 -0.06417973035367414
clayton 1 probit logit 0.7 -0.4 0.3
-1.005009099802418 0.1541865929322391 0.5287741068239133 0.09492176530814439 -0.2250869652115631
0.1100538238475579 -0.2621057979509116 -0.1317595664240874 0.002089861091705143 -0.009499098280539201
clayton 1 probit probit -9.0 8.5 2.9
-43.62814911333212 9.108523105002869 3.614508381136736e-361 3.32686472050421e-359 -0.9884852093452829
5.983443547843896e-359 -3.072332123966226e-360 5.500333611685172e-357 -2.865959325207818e-358 -2.634558558147256e-356
clayton 0 probit probit 9.5 6.0 -6.0
-20.73676894997471 1.010291609858258e-20 -6.158482604544599 -2.601330207321716e-24 -9.597770293653452e-20
7.607802874639851e-32 -0.9760123632108332 2.498070428254017e-23 -7.941866419944086e-33 -2.601330207315354e-24
clayton 0 logit probit -1.3 0.9 -0.5
-4.072274468571244 1.231681111120411 -1.594031818810741 -0.8391204136224884 -0.2776592567338441
0.04961170171506812 -0.6240243818842447 0.4608472564269214 -0.1499455537611539 -0.8454455426693535
clayton90 1 probit logit 0.7 -0.4 0.3
-1.568241741818136 0.8796784842402248 0.9466817900373393 -0.2414951119019742 -0.6866021353851202
-0.372401128708646 -0.5272341435698231 0.4826893297427049 0.3060751977620465 -0.03519199654684306
clayton90 1 probit probit -9.0 8.5 2.9
-43.62814911333212 9.108523105002869 1.565805891227576e-15 -1.722824438934207e-16 -0.9884852093452829
-1.462667034254241e-32 -1.33093500754344e-14 3.307236921977845e-33 1.484143534910881e-15 -1.722824438934207e-16
clayton90 0 probit probit 9.5 6.0 -6.0
-20.73676894997471 8.962824882653614e-21 -6.158482604544599 1.114794710812008e-22 -8.536018371601447e-20
-3.020418800375277e-30 -0.9760123632108332 -1.051034867150743e-21 2.636734172362218e-31 9.813106966882065e-23
clayton90 0 logit probit -1.3 0.9 -0.5
-2.874184161787567 0.7383883301202792 -1.375194047793882 0.270107124256757 -0.2017139109629066
-0.01585663451407026 -0.8670448589283436 -0.04193292766057728 0.06091520610943283 0.1408444914750765
clayton180 1 probit logit 0.7 -0.4 0.3
-0.973065004629887 0.175574705443502 0.5761768370491137 0.08788850658710076 -0.4067419747015563
0.0563014428959548 -0.260011816248851 -0.1584864598289281 0.009105378360769876 -0.04288929666343827
clayton180 1 probit probit -9.0 8.5 2.9
-43.62814911333212 9.108523105002869 6.492181949352411e-325 2.799954700563823e-324 -0.9884852093452829
6.398235948430968e-342 -1.07161842953741e-322 2.755766043507135e-341 -4.618741667091509e-322 -1.991829481136527e-321
clayton180 0 probit probit 9.5 6.0 -6.0
-20.73676894997471 9.48277945555233e-20 -6.158482604544599 -2.178375307126163e-20 -8.600564539247992e-19
6.166508943325204e-20 -0.9760123632108332 1.959981220884536e-19 -2.064434777867625e-20 -6.426169878555914e-20
clayton180 0 logit probit -1.3 0.9 -0.5
-4.140418719795708 0.8880295398930414 -2.260852607522487 -0.9105353806757042 -0.09532159765369398
0.05537084846828884 -1.284448960401093 0.1010363408400767 -0.8498285452487806 -0.9230360859517104
clayton270 1 probit logit 0.7 -0.4 0.3
-1.412635831832172 0.7664287931515227 0.6911906666078808 -0.173574880187741 -0.9205211639295906
-0.1331867684062738 -0.2207870787368345 0.3032880448428643 0.1120626172536533 -0.09650334005129286
clayton270 1 probit probit -9.0 8.5 2.9
-127.0532925086522 174.6481461162559 156.5629076476057 -81.52514339532011 -18.95335909953081
-1.459477592441842e-31 17.94137652786777 165.539623011253 156.5629076476057 -80.52514339532011
clayton270 0 probit probit 9.5 6.0 -6.0
-20.73676894997471 9.573004523571859e-21 -6.158482604544599 5.124048919183099e-23 -9.094354297393266e-20
-1.461352852909486e-22 -0.9760123632108332 -4.920649843649474e-22 1.443538654008884e-23 4.86066608622876e-23
clayton270 0 logit probit -1.3 0.9 -0.5
-2.41927419814515 0.4613014453865011 -0.9302881300618123 0.4255314661659678 -0.1895969965047742
-0.2602885440067041 -0.7983934486915531 -0.1266720946689582 0.1699797502334757 0.02187477875827525
gumbel 1 probit logit 0.7 -0.4 0.3
-0.9361841241659304 0.07960735617995637 0.5787746089892763 0.05015515545596247 -0.2391670134546787
0.06643389926766635 -0.2615656023126382 -0.1250963377163294 0.02227730892609371 -0.06582658138746477
gumbel 1 probit probit -9.0 8.5 2.9
-43.62814911333212 9.108523105002869 5.349518273566636e-356 2.532451896146967e-355 -0.9884852093452829
2.029784110248713e-355 -8.830070407489089e-354 9.59667132538437e-355 -4.17797028408068e-353 -1.977714113132931e-352
gumbel 0 probit probit 9.5 6.0 -6.0
-20.73676894997478 6.747442736650308e-13 -6.158482604545032 -7.017256657664942e-14 -6.182979731773161e-12
4.00976633861695e-12 -0.9760123632134733 6.519517168292673e-13 -4.180997988487147e-13 -6.519759093965954e-14
gumbel 0 logit probit -1.3 0.9 -0.5
-4.861330729514118 1.083768752450605 -2.510490242405829 -1.57219481363665 -0.086397543976839
0.02840906782137835 -1.110459970968931 0.3135971317416314 -1.032559959129217 -1.475164022777056
gumbel90 1 probit logit 0.7 -0.4 0.3
-1.597680136746593 1.065612263998263 0.914645871370872 -0.2231487737448424 -1.318714162613482
-0.4321379756670642 -0.3903272960188419 0.4959796589677842 0.3003094041042324 0.01040747193068005
gumbel90 1 probit probit -9.0 8.5 2.9
-127.1068552848702 174.6481461162559 156.5629076476057 -81.4729898322417 -18.95335909953081
-1.737584723800237e-33 17.94137652786776 165.539623011253 156.5629076476057 -80.57457696425676
gumbel90 0 probit probit 9.5 6.0 -6.0
-20.73676894997471 9.458475660157876e-21 -6.158482604544599 6.25264500522194e-23 -8.986027607042832e-20
-1.443869636275087e-22 -0.9760123632108332 -5.999901199238264e-22 1.408027187306043e-23 5.855090965492448e-23
gumbel90 0 logit probit -1.3 0.9 -0.5
-2.225812654239412 0.4218157165247156 -0.9024159061486581 0.362205239964671 -0.2485209515024295
-0.3673260227649516 -1.002531826697852 -0.08325684028496265 0.07069406100184182 -0.08438262745785491
gumbel180 1 probit logit 0.7 -0.4 0.3
-0.9451666108812873 0.07953449446943581 0.561229885431291 0.06120944587213618 -0.1824126553644883
0.08946191750941602 -0.2767360620299194 -0.1123855946270195 0.03548496204084872 -0.06441529066645369
gumbel180 1 probit probit -9.0 8.5 2.9
-43.62814911333212 9.108523105002869 3.052700308713626e-391 2.083406432034018e-389 -0.9884852093452829
5.053428582707894e-389 -3.835362967235546e-390 3.444855298835221e-387 -2.625961037571951e-388 -1.790744230386332e-386
gumbel180 0 probit probit 9.5 6.0 -6.0
-20.73676894997471 1.117513458003048e-20 -6.158482604544599 -1.20965000423364e-22 -1.060675603312631e-19
2.021618414897693e-22 -0.9760123632108332 1.150799146108792e-21 -2.348410698630665e-23 -1.326736618895145e-22
gumbel180 0 logit probit -1.3 0.9 -0.5
-4.80253634094045 1.384131397507765 -1.941269741982826 -1.520134254662208 -0.2027483639607437
0.03095907086802791 -0.6559282955264511 0.5779024719243579 -0.5256403354156395 -1.430556569477108
gumbel270 1 probit logit 0.7 -0.4 0.3
-1.673798237439137 1.181897215712471 1.081423124890377 -0.2031275571234413 -1.316687823428993
-0.6932817629939556 -0.6891458208686181 0.5906991823546991 0.3344036851404298 0.07704727674403321
gumbel270 1 probit probit -9.0 8.5 2.9
-45.05182578457417 12.21277541033704 3.458671657029142 -2.423302664282121 -2.969595652351376
-2.511378980575902 -3.116980027727753 4.689638471332235 5.013424625090635 -2.76668920889808
gumbel270 0 probit probit 9.5 6.0 -6.0
-20.73676894997471 8.873722839832796e-21 -6.158482604544599 1.1957781206703e-22 -8.451159336158898e-20
-6.532382381061166e-24 -0.9760123632108332 -1.129216726571826e-21 5.905313062025301e-25 1.04059750735336e-22
gumbel270 0 logit probit -1.3 0.9 -0.5
-2.49063971476713 0.5873083085803188 -1.143654649829039 0.4040501860305498 -0.2234360045289924
-0.1635697142532797 -0.8980021896004722 -0.1132336172648071 0.1554562555082432 0.03216489266882717
joe 1 probit logit 0.7 -0.4 0.3
-0.966091833748118 0.1615805696827937 0.5814633407447525 0.0812309108890868 -0.3990344124215228
0.04912476684933103 -0.2579252653431849 -0.1594187008348499 0.006359095345754027 -0.04939202083881638
joe 1 probit probit -9.0 8.5 2.9
-43.62814911333212 9.108523105002869 6.492181949352411e-325 2.799954700563823e-324 -0.9884852093452829
6.064545146303874e-342 -1.07161842953741e-322 2.611851541843504e-341 -4.618741667091509e-322 -1.991829481136527e-321
joe 0 probit probit 9.5 6.0 -6.0
-20.73676894997478 6.747442731817876e-13 -6.158482604545032 -7.017256653125467e-14 -6.182979727170848e-12
4.009766338473091e-12 -0.9760123632134733 6.519517163910637e-13 -4.180997988348108e-13 -6.519759090339874e-14
joe 0 logit probit -1.3 0.9 -0.5
-4.188960513656102 0.8513928134187864 -2.30910451148256 -0.949086177582491 -0.1127762383434157
0.01400714321583032 -1.290300954455617 0.07248118481479643 -0.8709429516263731 -0.9415233539853082
joe90 1 probit logit 0.7 -0.4 0.3
-1.419407728820547 0.7866181918484208 0.6927552200033193 -0.1778736702229419 -0.9723431214406218
-0.1358621965745061 -0.2154205097721775 0.3175007796460415 0.1176066648548058 -0.09563271456964054
joe90 1 probit probit -9.0 8.5 2.9
-127.1068552848702 174.6481461162559 156.5629076476057 -81.4729898322417 -18.95335909953081
-1.737584723800237e-33 17.94137652786777 165.539623011253 156.5629076476057 -80.57457696425676
joe90 0 probit probit 9.5 6.0 -6.0
-20.73676894997471 9.573004523571859e-21 -6.158482604544599 5.124048919183099e-23 -9.094354297393266e-20
-1.461352852909486e-22 -0.9760123632108332 -4.920649843649474e-22 1.443538654008884e-23 4.86066608622876e-23
joe90 0 logit probit -1.3 0.9 -0.5
-2.319981153789193 0.40852402984524 -0.8634532698037427 0.3929781225123802 -0.2169680202977607
-0.3389146223746116 -0.9095988634918781 -0.09043839774585678 0.09538800246325975 -0.0392510224269976
joe180 1 probit logit 0.7 -0.4 0.3
-1.000503048610823 0.1420320859313437 0.528468082799802 0.09371665802072553 -0.1992681509735949
0.1121890251468002 -0.2661656450878698 -0.1289408934074792 0.006792137988964713 -0.01482546776996212
joe180 1 probit probit -9.0 8.5 2.9
-43.62814911333212 9.108523105002869 3.614508381136736e-361 3.32686472050421e-359 -0.9884852093452829
5.983443547843896e-359 -3.072332123966226e-360 5.500333611685172e-357 -2.865959325207818e-358 -2.634558558147256e-356
joe180 0 probit probit 9.5 6.0 -6.0
-20.73676894997471 1.010291609858258e-20 -6.158482604544599 -2.601330207321716e-24 -9.597770293653452e-20
7.607802874639851e-32 -0.9760123632108332 2.498070428254017e-23 -7.941866419944086e-33 -2.601330207315354e-24
joe180 0 logit probit -1.3 0.9 -0.5
-4.109824295265187 1.254899800382152 -1.541992091225137 -0.8704478747026761 -0.2780900585732215
0.01389564495605549 -0.6621779965142905 0.4727125959186382 -0.107392465146402 -0.8632398142605615
joe270 1 probit logit 0.7 -0.4 0.3
-1.598721318569689 0.9437945282582339 0.9995934502238101 -0.2308631161404521 -0.7265681198501185
-0.4623735188430704 -0.6080089678157287 0.5270759142398108 0.3065595545085269 0.002330124288688612
joe270 1 probit probit -9.0 8.5 2.9
-43.62814911333212 9.108523105002869 1.565805891227576e-15 -1.722824438934207e-16 -0.9884852093452829
-1.462667034254241e-32 -1.33093500754344e-14 3.307236921977845e-33 1.484143534910881e-15 -1.722824438934207e-16
joe270 0 probit probit 9.5 6.0 -6.0
-20.73676894997471 8.962824882174125e-21 -6.158482604544599 1.114794711230134e-22 -8.536018371154174e-20
-6.749279542959741e-32 -0.9760123632108332 -1.051034867547058e-21 6.171413964904856e-33 9.813106969427724e-23
joe270 0 logit probit -1.3 0.9 -0.5
-2.870186699531289 0.7408218422400715 -1.379975630379406 0.2730938282476749 -0.2015383269918504
-0.01910369643488266 -0.865895077424839 -0.04053515725602558 0.05791022313548385 0.1421681143630752
"""
