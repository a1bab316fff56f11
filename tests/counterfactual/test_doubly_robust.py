"""Doubly robust averages: by hand, right where either model is right, and errors from whole offices."""

import numpy as np
import pytest
from scipy.special import expit

from se_outcomes.counterfactual.doubly_robust import (
    EFFECTS,
    Nuisances,
    average,
    score_effect,
    score_mean,
    score_rule,
    score_treated_without,
    total_by_cluster,
)
from se_outcomes.errors import EstimationError


def population(n_nodes=61):
    """Cases without end: every cell of x, A and Y with its exact share. x bears on all three."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(n_nodes)
    chance, without, with_treatment = expit(-0.5 + nodes), expit(-1 + 0.8 * nodes), expit(-0.2 + 0.5 * nodes)
    rows = []
    for a in (0, 1):
        for y in (0, 1):
            of_a = chance if a else 1 - chance
            mean = with_treatment if a else without
            rows.append(
                (np.full(n_nodes, a), np.full(n_nodes, y), weights * of_a * (mean if y else 1 - mean))
            )
    a, y, counts = (np.concatenate(part) for part in zip(*rows, strict=True))
    return a, y, counts / counts.sum(), *(np.tile(f, 4) for f in (chance, without, with_treatment))


def truth(over):
    _, _, counts, e, m0, m1 = population()
    weight = {"all": 1.0, "treated": e, "untreated": 1 - e, "overlap": e * (1 - e)}[over]
    return float((counts * weight * (m1 - m0)).sum() / (counts * weight * np.ones(len(e))).sum())


def ratio(score, counts):
    return sum(float(counts @ part.numerator / (counts @ part.denominator)) for part in score)


def found(over, *, right_chance, right_outcome):
    a, y, counts, e, m0, m1 = population()
    if not right_chance:
        e = np.full(len(e), counts @ a)
    if not right_outcome:
        m0, m1 = (np.full(len(e), counts @ (y * (a == arm)) / (counts @ (a == arm))) for arm in (0, 1))
    return ratio(score_effect(Nuisances.of(a, y, e, m0, m1), over), counts)


@pytest.mark.parametrize("over", EFFECTS)
def test_right_models_give_the_effect_exactly(over):
    assert found(over, right_chance=True, right_outcome=True) == pytest.approx(truth(over), abs=1e-12)


@pytest.mark.parametrize("over", EFFECTS)
def test_a_wrong_outcome_model_does_no_harm_where_the_chance_is_right(over):
    assert found(over, right_chance=True, right_outcome=False) == pytest.approx(truth(over), abs=1e-12)


@pytest.mark.parametrize("over", ["all", "treated", "untreated"])
def test_a_wrong_chance_does_no_harm_where_the_outcome_model_is_right(over):
    """Not of the overlap, whose weights are the chance's."""
    assert found(over, right_chance=False, right_outcome=True) == pytest.approx(truth(over), abs=1e-12)


@pytest.mark.parametrize("over", ["all", "treated", "untreated"])
def test_both_wrong_is_visibly_wrong(over):
    bias = found(over, right_chance=False, right_outcome=False) - truth(over)
    assert abs(bias) > 0.08  # all the confounding there is: nothing has been adjusted for


def test_drawn_cases_agree_with_either_model_wrong():
    """200,000 cases: within .01, four standard errors of the widest."""
    random = np.random.default_rng(1)
    x = random.normal(size=200_000)
    e, m0, m1 = expit(-0.5 + x), expit(-1 + 0.8 * x), expit(-0.2 + 0.5 * x)
    a = (random.random(len(x)) < e).astype(float)
    y = (random.random(len(x)) < np.where(a == 1, m1, m0)).astype(float)
    flat = np.full(len(x), 0.5)
    for nuisances in (Nuisances.of(a, y, e, flat, flat), Nuisances.of(a, y, flat, m0, m1)):
        for over in ("all", "treated", "untreated"):
            assert abs(ratio(score_effect(nuisances, over), np.ones(len(x))) - truth(over)) < 0.01
    wrong = Nuisances.of(a, y, flat, flat, flat)
    assert abs(ratio(score_effect(wrong, "all"), np.ones(len(x))) - truth("all")) > 0.05


def test_the_overlap_effect_hardly_feels_an_error_in_the_chance():
    """Its derivative by e is zero where e and m are right: an error of t moves it by t squared."""
    a, y, counts, e, m0, m1 = population()

    def off(t):
        moved = expit(np.log(e / (1 - e)) + t * (m1 - m0))
        return abs(
            ratio(score_effect(Nuisances.of(a, y, moved, m0, m1), "overlap"), counts) - truth("overlap")
        )

    assert off(0.02) / off(0.01) == pytest.approx(4, rel=0.1)


def test_one_tiny_chance_does_not_carry_the_average_away():
    """A treated case with a chance of one in a thousand and an outcome of 0, others well predicted."""
    a = np.array([1, 1, 1, 1, 0, 0, 0, 0])
    y = np.array([0, 1, 1, 0, 1, 0, 0, 0])
    e = np.array([0.001, *[0.5] * 7])
    nuisances = Nuisances.of(a, y, e, np.full(8, 0.25), np.full(8, 0.5))
    opened = ratio(score_rule(nuisances, np.ones(8)), np.ones(8))
    assert opened == pytest.approx(0.5 + (-0.5 * 1000 + 0.5 * 2 + 0.5 * 2 - 0.5 * 2) / 1006)
    assert 0 <= opened <= 1
    assert 0.5 + (a * (y - 0.5) / e).mean() < -60  # what the weights would do if they were not normalised


def test_rules_by_exact_cells():
    a, y, counts, e, m0, m1 = population()
    served = (m1 > 0.5).astype(float)
    flat = np.full(len(e), 0.4)
    value = counts @ (served * m1 + (1 - served) * m0)
    assert ratio(score_rule(Nuisances.of(a, y, e, flat, flat), served), counts) == pytest.approx(
        value, abs=1e-12
    )
    everyone = ratio(score_rule(Nuisances.of(a, y, e, flat, flat), np.ones(len(e))), counts)
    assert everyone == pytest.approx(counts @ m1, abs=1e-12)


def cells(seed=0, n=120, n_offices=6):
    random = np.random.default_rng(seed)
    arrays = {
        "treated": random.integers(0, 2, n),
        "outcome": random.integers(0, 2, n),
        "chance": random.uniform(0.1, 0.9, n),
        "without": random.uniform(0, 1, n),
        "with_treatment": random.uniform(0, 1, n),
    }
    return arrays, random.integers(0, n_offices, n), random.integers(1, 6, n)


def all_scores(arrays):
    nuisances = Nuisances.of(**arrays)
    scores = [score_effect(nuisances, over) for over in EFFECTS]
    return [
        *scores,
        score_rule(nuisances, np.full(len(nuisances.chance), 0.3)),
        score_treated_without(nuisances),
    ]


def test_the_gap_is_the_effect_on_the_treated_and_selection_exactly():
    """Selection by its own formula: the treated without treatment, less the untreated."""
    arrays, offices, counts = cells()
    nuisances = Nuisances.of(**arrays)
    a, y = nuisances.treated, nuisances.outcome
    got = average(
        [
            score_mean(y, a),
            score_mean(y, 1 - a),
            score_effect(nuisances, "treated"),
            score_treated_without(nuisances),
        ],
        offices,
        counts=counts,
    )
    left_over = got.combine([1, -1, -1, 0]).estimate[0] - got.combine([0, -1, 0, 1]).estimate[0]
    assert left_over == pytest.approx(0, abs=1e-12)
    nothing = got.combine([1, 0, -1, -1])
    assert abs(nothing.estimate[0]) < 1e-12
    assert np.abs(nothing.replicates).max() < 1e-12


def test_the_jackknife_by_hand():
    """Offices' totals 3 of 10, 8 of 20, 2 of 20."""
    score = score_mean([0.3, 0.4, 0.1], np.ones(3))
    got = average([score], [0, 1, 2], counts=[10, 20, 20])
    assert got.estimate[0] == pytest.approx(13 / 50)
    left = np.array([10 / 40, 5 / 30, 11 / 30])
    np.testing.assert_allclose(got.replicates[:, 0], left)
    assert got.covariance[0, 0] == pytest.approx(2 / 3 * ((left - 13 / 50) ** 2).sum())
    assert got.dof == 2


def test_nothing_depends_on_the_order_of_cells_their_grouping_or_the_offices_names():
    arrays, offices, counts = cells()
    plain = average(all_scores(arrays), offices, counts=counts)
    order = np.random.default_rng(3).permutation(len(offices))
    shuffled = {name: values[order] for name, values in arrays.items()}
    renamed = np.array([7, 2, 9, 4, 11, 3])[offices][order]
    rows = {name: np.repeat(values, counts) for name, values in arrays.items()}
    for again in (
        average(all_scores(shuffled), renamed, counts=counts[order]),
        average(all_scores(rows), np.repeat(offices, counts)),
    ):
        np.testing.assert_allclose(again.estimate, plain.estimate, atol=1e-12)
        np.testing.assert_allclose(again.covariance, plain.covariance, atol=1e-13)


def test_totals_are_in_the_order_of_the_codes():
    np.testing.assert_allclose(total_by_cluster([[1, 2], [3, 4], [5, 6]], [4, 1, 4]), [[3, 4], [6, 8]])


def test_what_cannot_be_averaged_is_refused():
    arrays, offices, counts = cells()
    with pytest.raises(EstimationError, match="one office only") as refusal:
        average(all_scores(arrays), np.zeros(len(offices)), counts=counts)
    assert refusal.value.reason == "one_office"
    arrays["treated"] = (offices == 2).astype(int)  # all the treated are in one office
    with pytest.raises(EstimationError, match="nobody is left") as refusal:
        average(all_scores(arrays), offices, counts=counts)
    assert refusal.value.reason == "empty_cell"


@pytest.mark.parametrize(
    ("name", "values", "said"),
    [
        ("chance", [0.0, 0.5], "above 0 and below 1"),
        ("outcome", [np.nan, 1], "needs? every value"),
        ("treated", [0.5, 1], "0 or 1"),
        ("without", [0.5], "arrays alike"),
    ],
)
def test_impossible_arrays_are_refused(name, values, said):
    arrays = {"treated": [0, 1], "outcome": [0, 1]}
    arrays |= {nuisance: [0.5, 0.5] for nuisance in ("chance", "without", "with_treatment")}
    with pytest.raises(ValueError, match=said):
        Nuisances.of(**{**arrays, name: values})


def test_unknown_questions_are_refused():
    nuisances = Nuisances.of([0, 1], [0, 1], [0.5, 0.5], [0.5, 0.5], [0.5, 0.5])
    with pytest.raises(ValueError, match="over must be"):
        score_effect(nuisances, "everyone")
    with pytest.raises(ValueError, match="shares from 0 to 1"):
        score_rule(nuisances, [0.5, 1.5])
