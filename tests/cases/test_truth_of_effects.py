"""What is true of effects, the gap, bounds and both gates: by hand, known numbers, and properties."""

from types import MappingProxyType

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from se_outcomes.cases.gate_model import GateModel, Ruler, draw_offices
from se_outcomes.cases.population import Population, make_grid
from se_outcomes.cases.recorded import Prospects, RecordedCells, mean
from se_outcomes.cases.truth import tell_truth
from se_outcomes.cases.truth_of_effects import doubly_robust, observed_shares, population_bounds

PLAIN = GateModel(variation=0.0, ruler=Ruler(rounded=False))
VALUES = ["population_value", "causal_value"]
EFFECTS = ["all", "accepted", "not_accepted"]


def population_of(model, n_offices=4, seed=1, **recorded):
    offices = draw_offices(n_offices, model, np.random.default_rng(seed))
    return Population(model, offices, make_grid(model.ruler), **recorded)


def truth_of(model, *, merged=False, outcome_for_all=True, **offices):
    return tell_truth(population_of(model, **offices), merged=merged, outcome_for_all=outcome_for_all)


@pytest.fixture(scope="module")
def truth():
    return truth_of(GateModel())


@pytest.fixture(scope="module")
def all_recorded():
    """Motivation exact and employability recorded: placement is such a logit; acceptance is not."""
    return truth_of(GateModel(ruler=Ruler(rounded=False)), n_offices=2, employability_recorded=True)


def rows_of(truth, question, *keys):
    return truth[truth["question"] == question].set_index(list(keys))[VALUES].sort_index()


def motivation_alone(population):
    """Cells of motivation alone, as if nothing else were recorded."""
    eligible = population.eligible
    accepted = eligible * population.both_gates.chance
    weights = {
        "eligible": eligible,
        "referred": eligible * population.referral.chance,
        "accepted": accepted,
        "placed_accepted": accepted * population.with_se,
        "placed_rest": (eligible - accepted) * population.without_se,
        "with_se": eligible * population.with_se,
        "without_se": eligible * population.without_se,
    }
    grid = population.grid
    return RecordedCells(
        **{name: population.cell_totals(weight, adjusted=False) for name, weight in weights.items()},
        quarter=grid.group,
        X=np.column_stack([np.ones(len(grid.values)), grid.scaled]),
    )


class TestKnownNumbers:
    """The default model without offices, gatekeepers and points of the ruler, as it was calibrated."""

    truth = truth_of(PLAIN)

    def test_effects_and_shares(self):
        found = rows_of(self.truth, "effect", "adjustment", "term")["causal_value"]
        within = found["within"]
        assert [round(within[term], 2) for term in EFFECTS] == [0.11, 0.13, 0.11]
        assert within["open_gate"] == pytest.approx(0.38, abs=0.005)
        assert within["closed_gate"] == pytest.approx(0.27, abs=0.005)
        gap = rows_of(self.truth, "effect", "term").loc["naive", "population_value"]
        assert gap == pytest.approx(0.26, abs=0.005)

    def test_motivation_alone(self):
        """The doubly robust effect is .23 against .11; a logit of the accepted averages .47 against .38."""
        cells = motivation_alone(population_of(PLAIN))
        prospects = cells.predictions["within"]
        assert doubly_robust(cells, prospects)["all"] == pytest.approx(0.23, abs=0.005)
        assert mean(prospects.with_se, cells.eligible) == pytest.approx(0.47, abs=0.005)


class TestScoresByHand:
    """One office, two cells of eligible .6 and .4; a third and a half of them accepted."""

    cells = RecordedCells(
        eligible=np.array([[0.6, 0.4]]),
        referred=np.array([[0.6, 0.4]]),
        accepted=np.array([[0.2, 0.2]]),
        placed_accepted=np.array([[0.1, 0.15]]),
        placed_rest=np.array([[0.1, 0.05]]),
        with_se=np.zeros((1, 2)),
        without_se=np.zeros((1, 2)),
        quarter=np.zeros(2, dtype=np.int64),
        X=np.ones((2, 1)),
    )
    chance = np.array([[1 / 3, 1 / 2]])
    #: Shares placed: with support 1/2 and 3/4, without 1/4 and 1/4; gains 1/4 and 1/2.
    effects = MappingProxyType(
        {
            "all": 0.6 / 4 + 0.4 / 2,
            "accepted": (0.2 / 4 + 0.2 / 2) / 0.4,
            "not_accepted": (0.4 / 4 + 0.2 / 2) / 0.6,
            # weighted by n e (1 - e): .6 * 2/9 and .4 / 4
            "overlap": (0.6 * 2 / 9 / 4 + 0.1 / 2) / (0.6 * 2 / 9 + 0.1),
            "open_gate": 0.6 / 2 + 0.4 * 3 / 4,
            "closed_gate": 1 / 4,
        }
    )

    def test_right_predictions_with_any_chance(self):
        exact = Prospects(np.array([[0.2, 0.9]]), np.array([[0.25, 0.25]]), np.array([[0.5, 0.75]]))
        found = doubly_robust(self.cells, exact)
        for term in ("all", "accepted", "not_accepted", "open_gate", "closed_gate"):
            assert found[term] == pytest.approx(self.effects[term], abs=1e-12), term

    def test_right_chance_with_any_predictions(self):
        wrong = Prospects(self.chance, np.array([[0.1, 0.7]]), np.array([[0.9, 0.3]]))
        found = doubly_robust(self.cells, wrong)
        for term, value in self.effects.items():
            assert found[term] == pytest.approx(value, abs=1e-12), term

    def test_both_wrong_is_not_right(self):
        wrong = Prospects(np.array([[0.2, 0.9]]), np.array([[0.1, 0.7]]), np.array([[0.9, 0.3]]))
        found = doubly_robust(self.cells, wrong)
        for term, value in self.effects.items():
            assert abs(found[term] - value) > 0.02, term

    def test_observed_shares(self):
        found = observed_shares(self.cells)
        assert found["accepted"] == pytest.approx(0.25 / 0.4)
        assert found["rest"] == pytest.approx(0.15 / 0.6)
        assert found["today"] == pytest.approx(0.4)


class TestDoublyRobust:
    def test_right_placement_logits_bring_the_causal_values(self, all_recorded):
        found = rows_of(all_recorded, "effect", "adjustment", "term")
        for term in (*EFFECTS, "open_gate", "closed_gate"):
            row = found.loc[("within", term)]
            assert row["population_value"] == pytest.approx(row["causal_value"], abs=1e-9), term

    def test_right_acceptance_logit_brings_the_causal_values(self):
        """A lottery within offices is a logit with office intercepts; placement is none without employability."""
        lottery = GateModel(referral_effect=0.0, acceptance_effect=0.0, employability_effect=0.0)
        found = rows_of(truth_of(lottery), "effect", "adjustment", "term")
        for term in (*EFFECTS, "overlap", "open_gate", "closed_gate"):
            row = found.loc[("within", term)]
            assert row["population_value"] == pytest.approx(row["causal_value"], abs=1e-9), term

    def test_employability_left_out_biases_all_of_them(self, truth):
        found = rows_of(truth, "effect", "term", "adjustment")
        for term in (*EFFECTS, "overlap"):
            rows = found.loc[term]
            assert (rows["population_value"] > rows["causal_value"] + 0.05).all()

    def test_effects_add_up(self, truth):
        shares = rows_of(truth, "left_out", "measure", "term")
        share = shares.loc[[("share", "accepted")], "causal_value"].item()
        for adjustment in ("across", "within"):
            found = rows_of(truth, "effect", "adjustment", "term").loc[adjustment]
            weighted = share * found.loc["accepted"] + (1 - share) * found.loc["not_accepted"]
            assert weighted.to_numpy() == pytest.approx(found.loc["all"].to_numpy(), abs=1e-9)
            opened = found.loc["open_gate"] - found.loc["closed_gate"]
            assert opened.to_numpy() == pytest.approx(found.loc["all"].to_numpy(), abs=1e-9)


class TestGap:
    def test_parts_add_up(self, truth):
        found = rows_of(truth, "gap", "term")
        for value in VALUES:
            parts = found[value]
            assert parts["effect"] + parts["selection"] == pytest.approx(parts["gap"], abs=1e-12)
            assert parts["selection_observed"] + parts["selection_unobserved"] == pytest.approx(
                parts["selection"], abs=1e-12
            )
        assert found.loc["effect", "causal_value"] == pytest.approx(
            rows_of(truth, "effect", "term", "adjustment").loc[("accepted", "within"), "causal_value"]
        )

    def test_selection_is_observed_where_employability_is(self, all_recorded):
        found = rows_of(all_recorded, "gap", "term")
        assert found["population_value"].to_numpy() == pytest.approx(
            found["causal_value"].to_numpy(), abs=1e-9
        )
        assert found.loc["selection_unobserved", "causal_value"] == pytest.approx(0.0, abs=1e-12)

    def test_a_lottery_selects_nobody(self):
        lottery = GateModel(0.0, 0.0, employability_effect=0.0, variation=0.0)
        found = rows_of(truth_of(lottery), "gap", "term")
        selection = found.loc[["selection", "selection_observed", "selection_unobserved"]]
        assert selection.abs().to_numpy().max() < 1e-9
        assert found.loc["gap", "causal_value"] == pytest.approx(found.loc["effect", "causal_value"])


class TestBounds:
    def test_by_hand(self):
        """Of 40 accepted 20 placed, of the 60 others 15: .5 and .25."""
        found = population_bounds({"taken": 0.4, "accepted": 0.5, "rest": 0.25})
        expected = {
            ("open_gate", "none"): (0.2, 0.8),
            ("open_gate", "monotone_selection"): (0.2, 0.5),
            ("open_gate", "monotone_response"): (0.35, 0.8),
            ("open_gate", "both"): (0.35, 0.5),
            ("all", "none"): (-0.35, 0.65),
            ("accepted", "none"): (-0.5, 0.5),
            ("accepted", "monotone_selection"): (-0.5, 0.25),
            ("accepted", "both"): (0.0, 0.25),
            ("not_accepted", "none"): (-0.25, 0.75),
            ("not_accepted", "monotone_selection"): (-0.25, 0.25),
            ("not_accepted", "monotone_response"): (0.0, 0.75),
            ("all", "both"): (0.0, 0.25),
        }
        for key, ends in expected.items():
            assert found[key] == pytest.approx(ends), key
        assert len(found) == 16

    @pytest.mark.parametrize("model", [GateModel(), PLAIN], ids=["default", "plain"])
    def test_hold_the_truth(self, model):
        found = rows_of(truth_of(model), "bounds", "measure", "term", "contrast")
        lower, upper = found.loc["lower"], found.loc["upper"]
        assert len(lower) == 16
        assert (lower["population_value"] <= lower["causal_value"]).all()
        assert (upper["population_value"] >= upper["causal_value"]).all()

    def test_outcomes_of_the_accepted_bound_open_gates_only(self):
        truth = truth_of(GateModel(), outcome_for_all=False)
        found = truth[truth["question"] == "bounds"]
        assert set(zip(found["term"], found["contrast"], strict=True)) == {
            ("open_gate", "none"),
            ("open_gate", "monotone_selection"),
        }


class TestTwoGates:
    def test_parts_add_up(self, truth):
        found = rows_of(truth, "two_gates", "term")["causal_value"]
        assert found["gap_effect"] + found["gap_observed"] + found["gap_unobserved"] == pytest.approx(
            found["gap"], abs=1e-12
        )
        for ending in ("", "_recorded"):
            first, second, both = (found[f"creaming_{g}{ending}"] for g in ("gate_1", "gate_2", "both"))
            assert first + second == pytest.approx(both, abs=1e-12)

    def test_are_the_causal_values_of_the_other_questions(self, truth):
        found = rows_of(truth, "two_gates", "term")["causal_value"]
        effect = rows_of(truth, "effect", "adjustment", "term").loc["within", "causal_value"]
        assert found["open_gate"] == effect["open_gate"]
        assert found["effect_not_accepted"] == effect["not_accepted"]
        creaming = rows_of(truth, "creaming", "adjustment", "measure", "term").loc[("within", "points")]
        assert found["creaming_gate_2"] == creaming.loc["gate_2", "causal_value"]

    def test_outcomes_of_the_accepted_only(self, truth):
        """The gap is then that between the accepted and open gates; no effect can be told."""
        found = rows_of(truth_of(GateModel(), outcome_for_all=False), "two_gates", "term")["causal_value"]
        assert set(found.index) == {
            "accepted",
            "accepted_recorded",
            "open_gate",
            "gap",
            "gap_observed",
            "gap_unobserved",
        }
        assert found["gap_observed"] == pytest.approx(found["accepted_recorded"] - found["open_gate"])
        assert found["gap"] == pytest.approx(found["accepted"] - found["open_gate"])
        assert found["gap_observed"] + found["gap_unobserved"] == pytest.approx(found["gap"], abs=1e-12)
        assert 0 < found["gap_observed"] < found["gap"]

    def test_merged_gates_have_one_creaming(self):
        found = truth_of(GateModel(), merged=True).query("question == 'two_gates'")["term"]
        assert set(found[found.str.startswith("creaming")]) == {"creaming_both", "creaming_both_recorded"}


def test_by_simulation_of_one_office():
    """Doubly robust by case, in the test's own code: half a million clients, motivation exact, nothing else."""
    rng = np.random.default_rng(3)
    n = 500_000
    M, U = rng.normal(size=(2, n))
    chance = expit(-0.75 + M + 0.6 * U) * 0.97 * expit(0.55 + 0.9 * M + 0.6 * U)
    A = rng.random(n) < chance
    Y = rng.random(n) < expit(np.where(A, -0.55, -1.15) + 0.3 * M + 0.8 * U)
    X = np.column_stack([np.ones(n), M])

    def predict(y, rows):
        beta = np.zeros(2)
        for _ in range(8):
            p = expit(X[rows] @ beta)
            beta += np.linalg.solve((X[rows].T * (p * (1 - p))) @ X[rows], X[rows].T @ (y[rows] - p))
        return expit(X @ beta)

    e, m0, m1 = predict(A, np.ones(n, dtype=bool)), predict(Y, ~A), predict(Y, A)
    scores = {
        "all": m1 - m0 + A * (Y - m1) / e - ~A * (Y - m0) / (1 - e),
        "accepted": (A * (Y - m0) - ~A * e / (1 - e) * (Y - m0)) / A.mean(),
        "not_accepted": (A * (1 - e) / e * (Y - m1) - ~A * (Y - m1)) / (1 - A.mean()),
        "overlap": ((A - e) ** 2 * (m1 - m0) + A * (1 - e) * (Y - m1) - ~A * e * (Y - m0))
        / ((A - e) ** 2).mean(),
    }
    cells = motivation_alone(population_of(PLAIN, n_offices=1))
    wanted = doubly_robust(cells, cells.predictions["within"])
    for term, score in scores.items():
        assert abs(score.mean() - wanted[term]) < 4 * score.std() / np.sqrt(n), term


def test_merging_the_gates_changes_no_effect(truth):
    merged = truth_of(GateModel(), merged=True)
    for question in ("effect", "gap", "policies", "bounds"):
        pd.testing.assert_frame_equal(
            merged[merged["question"] == question].reset_index(drop=True),
            truth[truth["question"] == question].reset_index(drop=True),
        )
