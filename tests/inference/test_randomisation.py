"""Randomisation inference: by hand, by enumeration, by exactness, by simulation, by refusal."""

import itertools
import math

import numpy as np
import pytest
from scipy.stats import chi2_contingency, hypergeom

from se_outcomes.errors import EstimationError
from se_outcomes.inference import randomisation
from se_outcomes.inference.randomisation import (
    gatekeepers_differ,
    n_assignments,
    permutation_test_exists,
    randomisation_test,
)
from se_outcomes.regression.logit import fit_logit


def different_orders(values, strata):
    """All different assignments within strata, one a row."""
    values, strata = np.asarray(values, float), np.asarray(strata)
    places = [np.flatnonzero(strata == stratum) for stratum in np.unique(strata)]
    orders = [sorted(set(itertools.permutations(values[place]))) for place in places]
    rows = []
    for chosen in itertools.product(*orders):
        row = values.copy()
        for place, order in zip(places, chosen, strict=True):
            row[place] = order
        rows.append(row)
    return np.array(rows)


def t_written_out(exposure, residuals, strata, weights):
    x, e = np.empty(len(exposure)), np.empty(len(exposure))
    for stratum in np.unique(strata):
        own = strata == stratum
        x[own] = exposure[own] - np.average(exposure[own], weights=weights[own])
        e[own] = residuals[own] - weights[own] * residuals[own].sum() / weights[own].sum()
    step = x @ e / (weights @ x**2)
    return x @ e / np.sqrt((x**2 * (e - weights * x * step) ** 2).sum())


# ------------------------------------------------------------------------------------------------ how many assignments


@pytest.mark.parametrize(
    ("values", "strata"),
    [
        ([1, 1, 0, 0, 0], [0] * 5),
        ([1, 0, 0, 1, 1, 0], [4, 4, 4, 9, 9, 9]),
        ([0.1, 0.2, 0.2, 0.5, 0.5], [0, 0, 0, 1, 1]),
        ([2, 2, 2], [0, 0, 0]),
    ],
)
def test_number_of_assignments_is_what_can_be_written_out(values, strata):
    assert n_assignments(values, strata) == len(different_orders(values, strata))


def test_number_of_assignments_is_exact_where_floats_are_not():
    assert n_assignments(range(60)) == math.factorial(60)
    assert n_assignments([1] * 100 + [0] * 100) == math.comb(200, 100)


@pytest.mark.parametrize(
    ("treated", "units", "exists"),
    [
        (2, 5, False),  # 10
        (1, 20, True),  # 20: p = .05 at best
        (1, 19, False),
        (3, 6, False),  # 20, but each |t| twice
        (3, 7, True),
        (4, 8, True),  # 70, in pairs
        (0, 30, False),
    ],
)
def test_whether_a_test_at_five_per_cent_exists(treated, units, exists):
    assert permutation_test_exists([1] * treated + [0] * (units - treated)) is exists


def test_levels_and_strata_decide_as_well():
    assert permutation_test_exists([1, 1, 0, 0, 0], level=0.1)
    assert permutation_test_exists([1, 0, 0] * 3, strata=[0, 0, 0, 1, 1, 1, 2, 2, 2])  # 27
    assert not permutation_test_exists([1, 0] * 5, strata=np.repeat(np.arange(5), 2))  # 32, in pairs


# ------------------------------------------------------------------------------------------------ the test


def gatekeepers(seed=0, n_offices=2, size=5, treated=2):
    random = np.random.default_rng(seed)
    office = np.repeat(np.arange(n_offices), size)
    exposure = np.tile([1.0] * treated + [0.0] * (size - treated), n_offices)
    weights = random.uniform(2, 9, len(office))
    residuals = random.normal(size=len(office)) * np.sqrt(weights) + 0.6 * exposure * weights
    return residuals, exposure, office, weights


@pytest.mark.parametrize("kind", ["binary", "rating"])
def test_all_assignments_written_out(kind):
    residuals, exposure, office, weights = gatekeepers()
    if kind == "rating":
        exposure = np.array([0.3, 1.1, 1.1, 2.0, 0.7, 0.3, 0.3, 1.5, 0.9, 0.9])
    rows = different_orders(exposure, office)
    drawn = np.abs([t_written_out(row, residuals, office, weights) for row in rows])
    at_hand = t_written_out(exposure, residuals, office, weights)
    found = randomisation_test(residuals, exposure, office, weights=weights)
    assert found.statistic == pytest.approx(at_hand, rel=1e-10)
    assert found.p_value == pytest.approx((drawn >= abs(at_hand) * (1 - 1e-9)).mean(), abs=1e-12)
    assert (found.enumerated, found.n_assignments) == (True, len(rows))
    assert found.smallest_possible == 1 / len(rows)


def test_exact_over_all_assignments_that_could_have_been():
    """Residuals that the assignment does not change (sharp null): p <= alpha for a share alpha of them at most."""
    residuals, exposure, office, weights = gatekeepers()
    p_values = np.array(
        [
            randomisation_test(residuals, row, office, weights=weights).p_value
            for row in different_orders(exposure, office)
        ]
    )
    for level in (0.01, 0.05, 0.1, 0.2, 0.5):
        assert level - 0.02 <= (p_values <= level + 1e-12).mean() <= level + 1e-12
    assert p_values.min() == 0.01


def test_a_mirror_image_has_the_same_t():
    residuals, exposure, office, weights = gatekeepers(n_offices=3, size=4)
    found = randomisation_test(residuals, exposure, office, weights=weights)
    assert (found.n_assignments, found.smallest_possible) == (216, 2 / 216)
    assert round(found.p_value * 216) % 2 == 0
    residuals, exposure, office, weights = gatekeepers(n_offices=2, size=4)
    with pytest.raises(EstimationError, match=r"4 of 8 gatekeepers treated: .* 36 ways, .* below 0.0556"):
        randomisation_test(residuals, exposure, office, weights=weights)


def test_sampled_assignments_give_what_all_of_them_give(monkeypatch):
    residuals, exposure, office, weights = gatekeepers(seed=3, n_offices=3, size=7, treated=3)
    sampled = randomisation_test(residuals, exposure, office, weights=weights)
    assert (sampled.enumerated, sampled.n_assignments, sampled.smallest_possible) == (False, 35**3, 1e-4)
    again = randomisation_test(residuals, exposure, office, weights=weights)
    assert sampled.p_value == again.p_value  # a fixed seed
    monkeypatch.setattr(randomisation, "ENUMERATED_UP_TO", 10**6)
    every = randomisation_test(residuals, exposure, office, weights=weights)
    assert every.enumerated
    assert sampled.p_value == pytest.approx(every.p_value, abs=4 * np.sqrt(0.25 / 9_999))


def test_units_order_and_names_change_nothing():
    residuals, exposure, office, weights = gatekeepers()
    one = randomisation_test(residuals, exposure, office, weights=weights)
    order = np.random.default_rng(2).permutation(10)
    for other in (
        randomisation_test(1e5 * residuals, exposure, office, weights=weights),
        randomisation_test(residuals, 3e4 * exposure + 7 * office, office, weights=weights),
        randomisation_test(residuals, exposure, office, weights=1e-3 * weights),
        randomisation_test(residuals + 2 * weights * office, exposure, office, weights=weights),
        randomisation_test(residuals[order], exposure[order], 90 - 8 * office[order], weights=weights[order]),
    ):
        assert other.statistic == pytest.approx(one.statistic, rel=1e-9)
        assert other.p_value == one.p_value
    assert randomisation_test(residuals, -exposure, office, weights=weights).p_value == one.p_value


def cases(seed=5, n_offices=4, staff=5, size=40):
    """Outcomes of cases with office effects; which gatekeeper had each, and a covariate."""
    random = np.random.default_rng(seed)
    gatekeeper = np.repeat(np.arange(n_offices * staff), size)
    office = gatekeeper // staff
    x = random.normal(size=len(office))
    chance = 1 / (1 + np.exp(-(0.5 * x + random.normal(0, 0.5, n_offices)[office])))
    return (random.random(len(office)) < chance).astype(float), x, gatekeeper, office


def test_the_numerator_is_the_exposure_s_score_in_a_logit():
    """Without other columns the score that the fit gives, office intercepts profiled out, is sum x_j e_j."""
    y, _, gatekeeper, office = cases()
    trained = (gatekeeper % 5 < 2).astype(float)
    null = fit_logit(y, trained[:, None], clusters=office, intercepts=office).refit(restrict={0: 0.0})
    chance = np.bincount(office, y) / np.bincount(office)
    residual, weight = y - chance[office], (chance * (1 - chance))[office]
    r, w = np.bincount(gatekeeper, residual), np.bincount(gatekeeper, weight)
    d, g = (np.arange(20) % 5 < 2).astype(float), np.arange(20) // 5
    found = randomisation_test(r, d, g, weights=w, n_draws=99)
    x = d - 0.4  # caseloads are equal
    step = null.scores.sum() / null.information.sum()
    robust = np.sqrt((x**2 * (r - w * x * step) ** 2).sum())
    assert found.statistic == pytest.approx(null.scores.sum() / robust, rel=1e-9)


def sizes(spread, replications, seed=1):
    """Share rejected at 5 % with no effect, 4 of 20 trained in 5 offices, who vary ``spread`` times as much."""
    random = np.random.default_rng(seed)
    office, exposure = np.repeat(np.arange(5), 20), np.tile(np.r_[np.ones(4), np.zeros(16)], 5)
    weights = random.uniform(5, 40, 100)
    total = np.bincount(office, weights)
    rejected = np.zeros(2)
    for _ in range(replications):
        r = random.normal(size=100) * np.sqrt(weights) * np.where(exposure == 1, spread, 1)
        r -= weights * (np.bincount(office, r) / total)[office]
        p_value = randomisation_test(
            r, exposure, office, weights=weights, n_draws=199, generator=random
        ).p_value
        drawn = random.permuted(np.broadcast_to(exposure.reshape(5, 1, 20), (5, 199, 20)), axis=2)
        unstudentised = np.abs(np.einsum("gdj,gj->d", drawn, r.reshape(5, 20)))
        beta_p = (1 + (unstudentised >= abs(exposure @ r) * (1 - 1e-9)).sum()) / 200
        rejected += [p_value <= 0.05, beta_p <= 0.05]
    return rejected / replications


def test_size_where_all_vary_alike():
    studentised, unstudentised = sizes(1.0, 300)
    error = np.sqrt(0.05 * 0.95 / 300)
    assert studentised == pytest.approx(0.05, abs=3 * error)
    assert unstudentised == pytest.approx(0.05, abs=3 * error)


def test_studentised_holds_where_the_trained_vary_more_and_unstudentised_does_not():
    studentised, unstudentised = sizes(3.0, 300)
    assert studentised <= 0.07 + 2 * np.sqrt(0.05 * 0.95 / 300)
    assert unstudentised > 0.15


@pytest.mark.slow
def test_size_in_full():
    studentised, unstudentised = sizes(3.0, 4_000, seed=9)
    assert studentised <= 0.08
    assert unstudentised > 0.2


@pytest.mark.parametrize(
    ("exposure", "strata", "unit", "words"),
    [
        (
            [1, 1, 0, 0, 0],
            None,
            "offices",
            "at 5 % exists with 2 of 5 offices treated: .* 10 ways, .* below 0.1",
        ),
        ([1, 1, 0, 0, 0], [3] * 5, "gatekeepers", "with 2 of 5 gatekeepers treated"),
        (
            [1, 0, 1, 0, 1, 0],
            [1, 1, 2, 2, 3, 3],
            "gatekeepers",
            "3 of 6 gatekeepers treated: .* 8 ways.*0.25",
        ),
        ([0.2, 0.4, 0.9], None, "offices", "with 3 offices: .* 6 ways"),
    ],
)
def test_no_test_exists_and_that_is_said(exposure, strata, unit, words):
    residuals = np.arange(len(exposure)) - 2.0
    with pytest.raises(EstimationError, match=words) as refusal:
        randomisation_test(residuals, exposure, strata, unit=unit)
    assert refusal.value.reason == "office_level_exposure"
    assert refusal.value.details["smallest_possible"] >= 0.1


def test_nothing_to_exchange_is_refused():
    for exposure, reason in (
        ([1, 1, 0, 0], "exposure_constant_within_offices"),
        ([1] * 4, "exposure_constant"),
    ):
        with pytest.raises(EstimationError, match="nothing to exchange") as refusal:
            randomisation_test([1.0, -1.0, 0.5, -0.5], exposure, [0, 0, 1, 1])
        assert refusal.value.reason == reason


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"residuals": [1.0]}, r"\(10,\)"),
        ({"residuals": [np.nan] * 10}, "finite"),
        ({"weights": [0.0] * 10}, "positive"),
        ({"exposure": [np.inf] * 10}, "finite"),
        ({"strata": [0.5] * 10}, "integer"),
    ],
)
def test_impossible_arrays_are_refused(changed, words):
    residuals, exposure, strata, weights = gatekeepers()
    given = {"residuals": residuals, "exposure": exposure, "strata": strata, "weights": weights} | changed
    with pytest.raises(ValueError, match=words):
        randomisation_test(**given)


# ------------------------------------------------------------------------------------------------ do gatekeepers differ


def test_two_gatekeepers_by_the_hypergeometric_distribution():
    """15 of 20 against 8 of 20: Q grows with |difference|, so p is that of the tables at least as far apart."""
    p, cells = 23 / 40, ([0, 0, 1, 1], [0] * 4)
    found = gatekeepers_differ(
        [1 - p, -p] * 2, [p * (1 - p)] * 4, *cells, counts=[15, 5, 8, 12], n_draws=99_999
    )
    tables = np.arange(41)
    exact = hypergeom.pmf(tables, 40, 23, 20)[np.abs(tables - 11.5) >= 3.5].sum()
    assert found.p_value == pytest.approx(exact, abs=4 * np.sqrt(exact / 99_999))


def test_statistic_is_pearson_s_where_there_is_nothing_else():
    passed, caseloads = np.array([12, 4, 9, 20]), np.array([20, 15, 22, 31])
    p = passed.sum() / caseloads.sum()
    found = gatekeepers_differ(
        np.tile([1 - p, -p], 4),
        np.full(8, p * (1 - p)),
        np.repeat(np.arange(4), 2),
        np.zeros(8, int),
        counts=np.column_stack([passed, caseloads - passed]).ravel(),
    )
    oracle = chi2_contingency([passed, caseloads - passed], correction=False)
    assert found.statistic == pytest.approx(oracle.statistic, rel=1e-12)
    assert found.p_value == pytest.approx(oracle.pvalue, abs=0.005)  # an approximation there


def fitted_cells(leniency=0.0, seed=5, **sizes):
    """Residuals and weights of cases at a logit without gatekeepers, whose log-odds vary by ``leniency``."""
    random = np.random.default_rng(seed)
    y, x, gatekeeper, office = cases(seed, **sizes)
    x = x.round()
    own = random.normal(0, 1, gatekeeper.max() + 1)[gatekeeper]
    y = (0.5 * x + leniency * own + random.logistic(size=len(y)) > 0).astype(float)
    fit = fit_logit(y, x[:, None], clusters=office, intercepts=office)
    # the fit's cells are sorted by office, as the cases are already
    chance = fit.family.mean(fit.linear_predictor())
    return y - chance, chance * (1 - chance), gatekeeper, office


def test_cells_are_as_good_as_cases_and_order_and_names_change_nothing():
    residuals, weights, gatekeeper, office = fitted_cells(0.3)
    one = gatekeepers_differ(residuals, weights, gatekeeper, office)
    table, counts = np.unique(
        np.column_stack([residuals, weights, gatekeeper, office]), axis=0, return_counts=True
    )
    assert len(table) < len(residuals) / 2
    codes = table[:, 2:].astype(int)
    other = gatekeepers_differ(table[:, 0], table[:, 1], codes[:, 0], codes[:, 1], counts=counts)
    assert other.statistic == pytest.approx(one.statistic, rel=1e-10)
    assert other.p_value == one.p_value
    order = np.random.default_rng(1).permutation(len(table))
    table, codes, counts = table[order], codes[order], counts[order]
    other = gatekeepers_differ(table[:, 0], table[:, 1], 5 + 3 * codes[:, 0], codes[:, 1], counts=counts)
    assert other.p_value == one.p_value
    scaled = gatekeepers_differ(1e4 * residuals, 1e-3 * weights, gatekeeper, office)
    assert scaled.p_value == pytest.approx(one.p_value, abs=0.02)


def test_size_and_power():
    found = {
        leniency: np.mean(
            [
                gatekeepers_differ(*fitted_cells(leniency, seed), n_draws=199).p_value <= 0.05
                for seed in range(200)
            ]
        )
        for leniency in (0.0, 0.5)
    }
    assert found[0.0] <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 200)
    assert found[0.5] > 0.8


def test_a_million_cases_in_cells():
    counts = np.random.default_rng(0).binomial(50_000, 0.5, 20)
    counts = np.column_stack([counts, 50_000 - counts]).ravel()
    gatekeeper, office = np.repeat(np.arange(20), 2), np.zeros(40, int)
    found = gatekeepers_differ([0.5, -0.5] * 20, [0.25] * 40, gatekeeper, office, counts=counts, n_draws=999)
    assert found.n_assignments == math.inf
    assert 0.01 < found.p_value < 0.99


def test_gatekeepers_that_cannot_be_compared_are_refused():
    lone = ([0.5, -0.5] * 2, [0.25] * 4, [1, 1, 2, 2], [0, 0, 1, 1])
    alike = ([0.25] * 4, [0.25] * 4, [1, 1, 2, 2], [0] * 4)
    few = ([0.5, -0.5, 0.5, -0.5], [0.25] * 4, [1, 1, 2, 2], [0] * 4)
    for cells, reason in ((lone, "not_identified"), (alike, "not_identified"), (few, "small_offices")):
        with pytest.raises(EstimationError) as refusal:
            gatekeepers_differ(*cells)
        assert refusal.value.reason == reason
    with pytest.raises(EstimationError) as refusal:
        gatekeepers_differ(*few, counts=[0] * 4)
    assert refusal.value.reason == "no_cases"
    for counts in ([0.5] * 4, [-1, 1, 1, 1], [1, 1, 1]):
        with pytest.raises(ValueError, match="whole numbers"):
            gatekeepers_differ(*few, counts=counts)
