"""Averages of the two gates' model: by sums over a made-up population, by identities, by one gate alone, by refusal."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import ndtr

from se_outcomes.errors import EstimationError
from se_outcomes.inference.jackknife import jackknife
from se_outcomes.regression.paired_marginal import (
    mean_values,
    placement,
    placement_given_selection,
    placement_slope,
)
from se_outcomes.regression.selection_probit import fit_selection_probit
from se_outcomes.regression.trivariate_normal import trivariate_normal
from se_outcomes.regression.two_gate_averages import average_slopes, population_averages
from se_outcomes.regression.two_gate_probit import fit_recursive_two_gate_probit, fit_two_gate_probit

MATRIX = np.eye(3) + np.array([[0, 0.4, 0.2], [0.4, 0, 0], [0.2, 0, 0]])
MATRIX[1, 2] = MATRIX[2, 1] = 0.4 * 0.2 + 0.5 * np.sqrt((1 - 0.16) * (1 - 0.04))
EFFECT = 0.5
NAMES = ("R", "A", "Y1", "Y0", "Y1A", "Y0A", "Y0R", "Y1xA", "Y0xA", "Y0xR")
X_VALUES = np.array([-1.0, 0.0, 1.0])


def chance(limits, signs):
    """P of the outcomes with these signs; a sign of 0 is for one that is not asked."""
    signs = np.array(signs)
    turned = np.where(signs, signs * np.array(limits), 40.0)
    flips = np.where(signs, signs, 1)
    rho = [float(MATRIX[i, j] * flips[i] * flips[j]) for i, j in ((0, 1), (0, 2), (1, 2))]
    return float(trivariate_normal(*turned, *rho)[0])


def predictors(x, z1, z2):
    return 0.2 + 0.4 * x + 0.8 * z1, -0.1 + 0.3 * x + 0.9 * z2, 0.1 + 0.4 * x


def population(recursive):
    """Everybody there could be: arguments of a fit with the exact shares as counts, and the means over them."""
    rows, counts, means = [], [], dict.fromkeys(NAMES, 0.0)
    for x, z1, z2 in np.array(np.meshgrid(X_VALUES, [0, 1], [-1, 1])).reshape(3, -1).T:
        a1, a2, b0 = predictors(x, z1, z2)
        b1 = b0 + EFFECT * recursive
        for r, s, q in np.ndindex(2, 2, 2):
            b = b1 if r and s else b0
            rows.append([q, x, r, z1, s, z2])
            counts.append(chance([a1, a2, b], 2 * np.array([r, s, q]) - 1) / 12)
        passed = chance([a1, a2, 0], [1, 1, 0])
        means["R"] += ndtr(a1) / 12
        means["A"] += passed / 12
        for name, b in (("Y1", b1), ("Y0", b0)):
            means[name] += ndtr(b) / 12
            means[f"{name}A"] += chance([a1, a2, b], [1, 1, 1]) / 12
            means[f"{name}xA"] += ndtr(b) * passed / 12
        means["Y0R"] += chance([a1, 0, b0], [1, 0, 1]) / 12
        means["Y0xR"] += ndtr(b0) * ndtr(a1) / 12
    placed, x, referred, z1, accepted, z2 = np.array(rows).T
    one = np.ones(len(x))
    Z2 = np.where(referred[:, None] > 0, np.column_stack([one, x, z2]), np.nan)
    data = placed, np.column_stack([one, x]), referred, np.column_stack([one, x, z1]), accepted, Z2
    return data, 10_000 * np.array(counts), means


@pytest.fixture(scope="module")
def everybody():
    data, counts, means = population(True)
    return population_averages(fit_recursive_two_gate_probit(*data, counts=counts)), means


def simulate(n, seed, *, recursive, offices=0):
    random = np.random.default_rng(seed)
    x, z1, z2 = random.normal(size=(3, n))
    errors = random.normal(size=(n, 3)) @ np.linalg.cholesky(MATRIX).T
    if offices:
        errors += 0.3 * random.normal(size=(offices, 3))[np.arange(n) % offices]
    a1, a2, b = predictors(x, z1, z2)
    referred = (a1 + errors[:, 0] > 0).astype(float)
    accepted = referred * (a2 + errors[:, 1] > 0)
    placed = (b + EFFECT * recursive * accepted + errors[:, 2] > 0).astype(float)
    constant = [] if offices else [np.ones(n)]
    X, Z1, Z2 = (np.column_stack([*constant, *columns]) for columns in ([x], [x, z1], [x, z2]))
    return placed, X, referred, Z1, accepted, Z2


# ------------------------------------------------------------------------------- by sums over a population


def test_means_of_everybody_are_those_of_the_population(everybody):
    found, m = everybody
    rest = 1 - m["A"]
    expected = {
        "share_referred": m["R"],
        "share_accepted": m["A"],
        "accepted": m["Y1A"] / m["A"],
        "accepted_recorded": m["Y1xA"] / m["A"],
        "open_gate": m["Y1"],
        "open_gate_naive": m["Y1A"] / m["A"],
        "closed_gate": m["Y0"],
        "today": m["Y0"] + m["Y1A"] - m["Y0A"],
        "not_accepted": (m["Y0"] - m["Y0A"]) / rest,
        "effect_all": m["Y1"] - m["Y0"],
        "effect_accepted": (m["Y1A"] - m["Y0A"]) / m["A"],
        "effect_not_accepted": (m["Y1"] - m["Y1A"] - m["Y0"] + m["Y0A"]) / rest,
        "gap": m["Y1A"] / m["A"] - (m["Y0"] - m["Y0A"]) / rest,
        "gap_raw": m["Y1A"] / m["A"] - (m["Y0"] - m["Y0A"]) / rest,
        "gap_observed": m["Y0xA"] / m["A"] - (m["Y0"] - m["Y0xA"]) / rest,
        "creaming_gate_1": m["Y0R"] / m["R"] - m["Y0"],
        "creaming_gate_2": m["Y0A"] / m["A"] - m["Y0R"] / m["R"],
        "creaming_both": m["Y0A"] / m["A"] - m["Y0"],
        "creaming_gate_1_recorded": m["Y0xR"] / m["R"] - m["Y0"],
        "creaming_gate_2_recorded": m["Y0xA"] / m["A"] - m["Y0xR"] / m["R"],
        "creaming_both_recorded": m["Y0xA"] / m["A"] - m["Y0"],
    }
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=2e-7), name
    assert set(found.names) - set(expected) == {"gap_effect", "gap_unobserved"}
    assert found.n_cases == 10_000
    assert found.n_cases_left_out == 0


def test_means_where_placement_is_seen_for_the_accepted_only():
    data, counts, m = population(False)
    found = population_averages(fit_two_gate_probit(*data, counts=counts))
    assert found["accepted"] == pytest.approx(m["Y1A"] / m["A"], abs=2e-7)
    assert found["open_gate_naive"] == pytest.approx(found["accepted"], abs=2e-7)
    assert found["open_gate"] == pytest.approx(m["Y1"], abs=2e-7)
    assert found["gap_observed"] == pytest.approx(m["Y1xA"] / m["A"] - m["Y1"], abs=2e-7)
    # the naive open gate is wrong by more than seven points
    assert found["open_gate_naive"] - found["open_gate"] > 0.07
    assert "effect_all" not in found.names


# ------------------------------------------------------------------------------------------- by identities


@pytest.mark.parametrize("offices", [0, 5])
def test_parts_add_up_to_the_whole(offices):
    data, office = simulate(1500, 1, recursive=True, offices=offices), np.arange(1500) % 5
    found = population_averages(fit_recursive_two_gate_probit(*data, intercepts=office if offices else None))
    parts = found["gap_effect"] + found["gap_observed"] + found["gap_unobserved"]
    assert found["gap"] == pytest.approx(parts, abs=1e-12)
    assert found["gap"] == pytest.approx(found["accepted"] - found["not_accepted"], abs=1e-12)
    share = found["share_accepted"]
    whole = share * found["effect_accepted"] + (1 - share) * found["effect_not_accepted"]
    assert found["effect_all"] == pytest.approx(whole, abs=1e-12)
    today = share * found["accepted"] + (1 - share) * found["not_accepted"]
    assert found["today"] == pytest.approx(today, abs=1e-12)
    for ending in ("", "_recorded"):
        telescoped = found[f"creaming_gate_1{ending}"] + found[f"creaming_gate_2{ending}"]
        assert found[f"creaming_both{ending}"] == pytest.approx(telescoped, abs=1e-12)


def test_without_correlations_with_placement_nothing_is_unobserved():
    fit = fit_recursive_two_gate_probit(*simulate(1500, 2, recursive=True))
    p = len(fit.parameters)
    found = population_averages(fit.refit(restrict={p - 2: 0.0, p - 1: 0.0}))
    assert found["gap_unobserved"] == pytest.approx(0, abs=1e-12)
    assert found["creaming_gate_1"] == pytest.approx(found["creaming_gate_1_recorded"], abs=1e-12)
    assert found["accepted"] == pytest.approx(found["accepted_recorded"], abs=1e-12)


def test_merged_gates_have_the_averages_of_one_gate():
    placed, X, _, _, accepted, Z2 = simulate(1500, 3, recursive=False)
    fit = fit_two_gate_probit(placed, X, None, None, accepted, Z2)
    one = fit_selection_probit(placed, X, accepted, Z2)
    quantities = [
        placement(),
        placement(accepted_only=True),
        placement_given_selection(),
        placement_slope(1),
    ]
    # one gate averages over those who were selected, the model of both weighs everybody with the chance of it
    expected = mean_values(one.model, one.peak.state.point, quantities)
    found = population_averages(fit)
    assert found["open_gate"] == pytest.approx(expected[0], abs=1e-8)
    assert found["accepted_recorded"] == pytest.approx(expected[1], abs=0.01)
    assert found["accepted"] == pytest.approx(expected[2], abs=0.01)
    assert average_slopes(fit, (1, 1))[1] == pytest.approx(expected[3], abs=1e-8)
    assert "share_referred" not in found.names
    recursive = fit_recursive_two_gate_probit(placed, X, None, None, accepted, Z2)
    assert "creaming_gate_1" not in population_averages(recursive).names


def test_slopes_are_the_change_when_the_column_is_moved():
    data = simulate(1500, 4, recursive=True)
    fit = fit_recursive_two_gate_probit(*data)
    placed, X, referred, Z1, accepted, Z2 = data
    designs = Z1, Z2[referred > 0], np.column_stack([X, accepted])
    for found, design, coefficients in zip(
        average_slopes(fit, (1, 1, 1)), designs, (fit.gamma1, fit.gamma2, fit.beta), strict=True
    ):
        index, move = design @ coefficients, 1e-5 * coefficients[1]
        assert found == pytest.approx((ndtr(index + move) - ndtr(index - move)).mean() / 2e-5, abs=1e-9)
    assert len(placed) == fit.n_cases


# ------------------------------------------------------------------------------------------------- offices


def test_offices_where_nothing_varies_are_averaged_over_as_they_are():
    placed, X, referred, Z1, accepted, Z2 = simulate(1500, 5, recursive=True, offices=6)
    office = np.arange(1500) % 6
    accepted[office == 0] = 0.0  # nobody is accepted
    accepted[(office == 1) & (referred > 0)] = 1.0
    referred[office == 2] = 1.0
    placed[office == 3] = 0.0
    fit = fit_recursive_two_gate_probit(
        placed, X, referred, Z1, accepted, Z2, intercepts=office, clusters=office
    )
    found = population_averages(fit)
    assert np.isfinite(found.values).all()
    assert found.n_cases_left_out == 250  # without a chance of placement to average
    assert found.n_cases == 1250
    used = office != 3
    assert found["share_accepted"] == pytest.approx(accepted[used].mean(), abs=0.005)
    assert found["share_referred"] == pytest.approx(referred[used].mean(), abs=0.005)
    assert found["accepted"] == pytest.approx(placed[used & (accepted > 0)].mean(), abs=0.03)
    assert np.isfinite(average_slopes(fit)).all()


def test_the_office_jackknife_takes_them():
    office = np.arange(1200) % 6
    fit = fit_recursive_two_gate_probit(
        *simulate(1200, 6, recursive=True, offices=6), intercepts=office, clusters=office
    )
    found = jackknife(lambda fit: population_averages(fit).values, fit)
    names = population_averages(fit).names
    assert found.replicates.shape == (6, len(names))
    errors = dict(zip(names, found.std_error, strict=True))
    assert 0 < errors["share_accepted"] < errors["effect_all"] < 0.4


def test_columns_that_there_are_not_are_told():
    fit = fit_two_gate_probit(*simulate(600, 7, recursive=False))
    with pytest.raises(ValueError, match="one for each of 3 equations"):
        average_slopes(fit, (0, 0))
    with pytest.raises(ValueError, match="has no column 3"):
        average_slopes(fit, (3, 0, 0))


def test_an_effect_without_anybody_to_compare_with_is_refused():
    placed, X, referred, Z1, accepted, Z2 = simulate(600, 7, recursive=True)
    with pytest.raises(EstimationError, match="In the placement equation") as refusal:
        fit_recursive_two_gate_probit(np.where(accepted == 1, placed, np.nan), X, referred, Z1, accepted, Z2)
    assert refusal.value.reason == "collinearity"


def test_nobody_to_average_over_is_refused():
    placed, X, referred, Z1, accepted, Z2 = simulate(600, 7, recursive=False)
    fit = fit_two_gate_probit(placed, X, referred, Z1, accepted, Z2)
    nobody = replace(fit.model.cells, counts=0 * fit.model.cells.counts)
    with pytest.raises(EstimationError, match="nobody to average over") as refusal:
        population_averages(replace(fit, model=replace(fit.model, cells=nobody)))
    assert refusal.value.reason == "no_cases"
