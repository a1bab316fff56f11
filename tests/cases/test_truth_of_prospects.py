"""What is true of creaming, targeting and who is left out: by hand, known numbers, and properties."""

import numpy as np
import pandas as pd
import pytest

from se_outcomes.cases.gate_model import GateModel, Ruler, draw_offices
from se_outcomes.cases.population import Population, make_grid
from se_outcomes.cases.truth import tell_truth
from se_outcomes.cases.truth_of_prospects import creaming_index

PLAIN = GateModel(variation=0.0, ruler=Ruler(rounded=False))
VALUES = ["population_value", "causal_value"]


def population_of(model, n_offices=4, seed=1, **recorded):
    offices = draw_offices(n_offices, model, np.random.default_rng(seed))
    return Population(model, offices, make_grid(model.ruler), **recorded)


def truth_of(model, *, merged=False, outcome_for_all=True, **offices):
    return tell_truth(population_of(model, **offices), merged=merged, outcome_for_all=outcome_for_all)


@pytest.fixture(scope="module")
def truth():
    return truth_of(GateModel())


def rows_of(truth, question, *keys):
    """The rows of a question, by keys, with both values."""
    return truth[truth["question"] == question].set_index(list(keys))[VALUES].sort_index()


class TestIndexByHand:
    """Two offices of four equally many, prospects .1 to .4 and .5 to .8."""

    prospects = np.array([[0.1, 0.2, 0.3, 0.4], [0.5, 0.6, 0.7, 0.8]])
    everyone = np.full((2, 4), 0.125)

    def index(self, passed):
        return creaming_index(self.prospects, self.everyone, self.everyone * np.array(passed), self.everyone)

    def test_of_the_best_of_one_office(self):
        """Passing .3 and .4 of the first, .5 of the second: mean .4 of .45; within (.35 - .25, .5 - .65)."""
        found = self.index([[0, 0, 1, 1], [1, 0, 0, 0]])
        assert found["points"] == pytest.approx(0.4 - 0.45)
        assert found["within"] == pytest.approx(2 / 3 * 0.10 - 1 / 3 * 0.15)
        assert found["between"] == pytest.approx(-0.05 - found["within"])
        # the best of the first are these two, .35; of the second .8
        assert found["greatest"] == pytest.approx(2 / 3 * 0.10 + 1 / 3 * 0.15)
        assert found["ratio"] == pytest.approx((0.2 - 0.15) / (0.2 + 0.15))
        assert found["sd"] == pytest.approx(-0.05 / np.sqrt((2 * 0.0125 + 2 * 0.04) / 2))

    def test_perfect_ranking_is_one_lottery_is_nothing(self):
        assert self.index([[0, 0, 1, 1], [0, 0, 0, 1]])["ratio"] == pytest.approx(1.0)
        found = self.index([[0.5] * 4, [0.25] * 4])
        assert found["ratio"] == pytest.approx(0.0, abs=1e-12)
        # but the office with poor prospects passes more
        assert found["points"] == found["between"] == pytest.approx(0.25 * 2 / 3 + 0.65 / 3 - 0.45)

    def test_part_of_a_cell_may_pass(self):
        """Half a cell of .8 and half of .7, where the best would be the one of .8."""
        found = self.index([[0, 0, 0, 1], [0, 0, 0.5, 0.5]])
        assert found["greatest"] - found["within"] == pytest.approx(0.5 * (0.8 - 0.75))


class TestKnownNumbers:
    def test_creaming_at_gate_1_with_employability_known(self):
        found = rows_of(truth_of(PLAIN), "creaming", "adjustment", "term", "measure")
        assert found.loc[("within", "gate_1", "points"), "causal_value"] == pytest.approx(0.072, abs=0.0006)

    def test_creaming_at_gate_1_by_motivation_alone(self):
        population = population_of(PLAIN)
        eligible = population.eligible
        n, passed, placed = (
            population.cell_totals(weight, adjusted=False)
            for weight in (eligible, eligible * population.referral.chance, eligible * population.without_se)
        )
        found = creaming_index(placed / n, n, passed, n)
        assert found["points"] == pytest.approx(0.027, abs=0.0005)


class TestProperties:
    @pytest.mark.parametrize("question", ["creaming", "targeting"])
    @pytest.mark.parametrize("measure", ["points", "sd"])
    def test_gates_add_up_to_both(self, truth, question, measure):
        found = rows_of(truth, question, "measure", "adjustment", "term").loc[measure].unstack()
        for value in VALUES:
            parts = found[value]
            assert (parts["gate_1"] + parts["gate_2"]).to_numpy() == pytest.approx(
                parts["both"].to_numpy(), abs=1e-12
            )

    def test_within_and_between_add_up_to_points(self, truth):
        for question in ("creaming", "targeting"):
            found = rows_of(truth, question, "adjustment", "term", "measure")
            for value in VALUES:
                parts = found[value].unstack()
                assert (parts["within"] + parts["between"]).to_numpy() == pytest.approx(
                    parts["points"].to_numpy(), abs=1e-12
                )
                assert (parts["ratio"] * parts["greatest"]).to_numpy() == pytest.approx(
                    parts["within"].to_numpy(), abs=1e-12
                )
                assert parts["ratio"].abs().max() <= 1

    def test_lottery_within_offices_has_no_ratio(self):
        lottery = GateModel(referral_effect=0.0, acceptance_effect=0.0, employability_effect=0.0)
        found = truth_of(lottery)
        found = found[found["question"].isin(["creaming", "targeting"])]
        for measure in ("within", "ratio"):
            assert found.loc[found["measure"] == measure, VALUES].abs().to_numpy().max() < 1e-9
        # offices differ in how many they take, and in prospects
        assert found.loc[found["measure"] == "between", "causal_value"].abs().max() > 1e-4

    def test_offices_that_are_alike_have_nothing_between(self):
        found = rows_of(truth_of(GateModel(variation=0.0)), "creaming", "measure", "adjustment", "term")
        assert found.loc["between"].abs().to_numpy().max() < 1e-9

    def test_recorded_columns_see_less_than_there_is(self, truth):
        points = rows_of(truth, "creaming", "measure", "adjustment", "term").loc["points"]
        assert (points["population_value"] < 0.6 * points["causal_value"]).all()

    def test_with_employability_recorded_all_of_it_is_seen(self):
        model = GateModel(ruler=Ruler(rounded=False))
        found = truth_of(model, n_offices=2, employability_recorded=True)
        found = found[found["question"].isin(["creaming", "targeting"]) & (found["adjustment"] == "within")]
        # the last who would be served are a whole node's, and the cells are finer than the nodes
        ranked = found["measure"].isin(["greatest", "ratio"])
        off = (found["population_value"] - found["causal_value"]).abs()
        assert off[~ranked].max() < 1e-8
        assert off[ranked].max() < 1e-8

    def test_status_shares_and_means_are_those_of_everyone(self, truth):
        found = rows_of(truth, "left_out", "measure", "adjustment", "term")
        share = found.loc["share"].loc["none", "causal_value"]
        assert share.sum() == pytest.approx(1.0, abs=1e-9)
        effect = rows_of(truth, "effect", "term", "adjustment")
        gain = found.loc["gain"].loc["within", "causal_value"]
        assert gain["accepted"] == pytest.approx(effect.loc[("accepted", "within"), "causal_value"])
        assert share @ gain == pytest.approx(effect.loc[("all", "within"), "causal_value"])
        # the gates are drawn by the chance of passing them, and a logit with office intercepts has its mean
        for value in VALUES:
            chance = found.loc["chance"].loc["within", value]
            assert share @ chance == pytest.approx(share["accepted"], abs=1e-9)
            assert chance["not_referred"] < chance["not_accepted"] < chance["accepted"]

    def test_prospects_of_the_accepted_are_observed(self, truth):
        found = rows_of(truth, "left_out", "measure", "adjustment", "term").loc[
            ("with_se", "within", "accepted")
        ]
        assert found["population_value"] == pytest.approx(found["causal_value"], abs=1e-9)


class TestWhatIsRecorded:
    def test_merged_gates(self):
        truth = truth_of(GateModel(), merged=True)
        assert set(truth.query("question == 'creaming'")["term"]) == {"both"}
        assert set(truth.query("question == 'left_out'")["term"]) == {"not_accepted", "accepted"}
        separate = rows_of(truth_of(GateModel()), "creaming", "term", "adjustment", "measure").loc["both"]
        merged = rows_of(truth, "creaming", "term", "adjustment", "measure").loc["both"]
        pd.testing.assert_frame_equal(merged, separate)

    def test_outcomes_of_the_accepted_only(self, truth):
        accepted = truth_of(GateModel(), outcome_for_all=False)
        assert set(accepted.query("question == 'creaming'")["contrast"]) == {"with_se"}
        assert set(truth.query("question == 'creaming'")["contrast"]) == {"without_se"}
        assert "targeting" not in set(accepted["question"])
        assert set(accepted.query("question == 'left_out'")["measure"]) == {"share", "chance", "with_se"}
        same = rows_of(accepted, "left_out", "measure", "adjustment", "term").loc["with_se"]
        pd.testing.assert_frame_equal(
            same, rows_of(truth, "left_out", "measure", "adjustment", "term").loc["with_se"]
        )

    def test_many_offices(self):
        found = truth_of(GateModel(), n_offices=60)
        points = rows_of(found, "creaming", "measure", "term", "adjustment").loc["points"]["population_value"]
        # leaving out one of sixty hardly matters; office effects do, a little
        assert points.unstack()["across"].to_numpy() == pytest.approx(
            points.unstack()["within"].to_numpy(), abs=0.003
        )
        assert not found.isna().any().any()
