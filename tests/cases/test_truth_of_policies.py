"""What is true of policies: by hand, against each other, and by simulation of who is served."""

import numpy as np
import pytest

from se_outcomes.cases.gate_model import GateModel, Ruler, draw_offices
from se_outcomes.cases.population import Population, make_grid
from se_outcomes.cases.recorded import record_population
from se_outcomes.cases.truth import tell_truth
from se_outcomes.cases.truth_of_policies import groups_of, served_by_policy

VALUES = ["population_value", "causal_value"]
RANKED = ("highest_prospects", "need_first", "largest_gain")
#: Normal quantiles of the shares at or below each level: .12, .47, .88; .38, .66, .90.
NORMAL_AGE = (-1.1749868, -0.0752699, 1.1749868)
NORMAL_EDUCATION = (-0.3054808, 0.4124631, 1.2815516)
SAME_CAPACITY = ("status_quo", "lottery", *RANKED)


def population_of(model, n_offices=4, seed=1, **recorded):
    offices = draw_offices(n_offices, model, np.random.default_rng(seed))
    return Population(model, offices, make_grid(model.ruler), **recorded)


def truth_of(model, **offices):
    return tell_truth(population_of(model, **offices), merged=False, outcome_for_all=True)


def rows_of(truth, question, *keys):
    return truth[truth["question"] == question].set_index(list(keys))[VALUES].sort_index()


@pytest.fixture(scope="module")
def truth():
    return truth_of(GateModel())


@pytest.fixture(scope="module")
def cells():
    return record_population(population_of(GateModel()))


class TestWhoIsServed:
    def test_every_office_serves_as_many_as_today(self, cells):
        served = served_by_policy(cells, cells.predictions["within"])
        for policy in SAME_CAPACITY:
            by_office = (cells.eligible * served[policy]).sum(axis=1)
            assert by_office == pytest.approx(cells.capacity, abs=1e-12), policy
        assert (served["open_gate"] == 1).all()

    def test_nobody_is_passed_over(self, cells):
        """In each office whoever is served has a score at least as high as whoever is not."""
        prospects = cells.predictions["within"]
        served = served_by_policy(cells, prospects)
        scores = {
            "highest_prospects": prospects.without_se,
            "need_first": -prospects.without_se,
            "largest_gain": prospects.gain,
        }
        for policy, score in scores.items():
            for share, own in zip(served[policy], score, strict=True):
                assert own[share > 0].min() >= own[share < 1].max(), policy

    def test_the_two_rankings_are_each_others_reverse(self, cells):
        """Those served by neither or both are the middle."""
        served = served_by_policy(cells, cells.predictions["within"])
        both = served["highest_prospects"] * served["need_first"]
        assert (both * cells.eligible).sum() == pytest.approx(0.0, abs=1e-12)


class TestValues:
    def test_status_quo_is_what_it_is(self, truth):
        found = rows_of(truth, "policies", "term", "measure").loc["status_quo"]
        assert (found.loc["difference"] == 0).all().all()
        today = rows_of(truth, "effect", "term").loc["today"]
        assert found.loc["placed"].to_numpy().ravel() == pytest.approx(today.to_numpy(), abs=1e-12)

    def test_open_gate_is_the_open_gate(self, truth):
        found = rows_of(truth, "policies", "term", "measure").loc["open_gate"]
        opened = rows_of(truth, "effect", "term", "adjustment").loc[("open_gate", "within")]
        assert found.loc["placed"].to_numpy().ravel() == pytest.approx(opened.to_numpy(), abs=1e-12)
        assert found.loc["served"].to_numpy().ravel() == pytest.approx([1.0, 1.0], abs=1e-9)

    def test_lottery_of_alike_offices_is_a_mixture(self):
        """As many as today, drawn from everyone: the share served times the mean gain, on top of closed gates."""
        truth = truth_of(GateModel(variation=0.0))
        effect = rows_of(truth, "effect", "adjustment", "term").loc["within"]
        found = rows_of(truth, "policies", "term", "measure").loc["lottery"]
        served = found.loc["served", "causal_value"].item()
        expected = effect.loc["closed_gate"] + served * effect.loc["all"]
        assert found.loc["placed"].to_numpy().ravel() == pytest.approx(expected.to_numpy(), abs=1e-9)

    def test_with_all_recorded_the_score_is_right_and_the_largest_gain_places_most(self):
        model = GateModel(ruler=Ruler(rounded=False))
        placed = rows_of(
            truth_of(model, n_offices=2, employability_recorded=True), "policies", "measure", "term"
        ).loc["placed"]
        assert placed["population_value"].to_numpy() == pytest.approx(
            placed["causal_value"].to_numpy(), abs=1e-8
        )
        causal = placed["causal_value"]
        assert causal["largest_gain"] > causal[[*SAME_CAPACITY[:-1]]].max()
        assert causal["open_gate"] > causal["largest_gain"]

    def test_difference_is_to_the_status_quo(self, truth):
        found = rows_of(truth, "policies", "measure", "term")
        placed, difference = found.loc["placed"], found.loc["difference"]
        assert (placed - placed.loc["status_quo"]).to_numpy() == pytest.approx(
            difference.to_numpy(), abs=1e-12
        )


class TestInclusion:
    def test_quarters_add_up_to_those_served(self, truth):
        population = population_of(GateModel())
        share = np.bincount(population.grid.group, population.grid.value_weight)
        found = rows_of(truth, "policies", "term", "measure", "contrast")["causal_value"]
        for policy in (*SAME_CAPACITY, "open_gate"):
            included = found[policy]["inclusion"][["q1", "q2", "q3", "q4"]].to_numpy()
            assert share @ included == pytest.approx(found[policy]["served"]["all"], abs=1e-9)

    def test_lowest_prospects_are_a_quarter_of_all(self, cells):
        prospects = cells.predictions["within"]
        lowest = groups_of(cells, prospects)["lowest_prospects"]
        assert lowest.sum() == pytest.approx(0.25 * cells.eligible.sum(), abs=1e-12)
        out = cells.eligible - lowest > 1e-15
        assert prospects.without_se[lowest > 0].max() <= prospects.without_se[out].min()

    def test_lowest_prospects_come_first_or_last(self, truth):
        found = rows_of(truth, "policies", "measure", "contrast", "term").loc[
            ("inclusion", "lowest_prospects")
        ]
        included = found["causal_value"]
        assert included["highest_prospects"] < included["status_quo"] < included["need_first"]

    def test_creaming_and_need_first_include_opposite_quarters(self, truth):
        found = rows_of(truth, "policies", "measure", "term", "contrast").loc["inclusion"]["causal_value"]
        found = found.drop("lowest_prospects", level="contrast")
        assert found["highest_prospects"].is_monotonic_increasing
        assert found["status_quo"].is_monotonic_increasing
        assert found["need_first"].is_monotonic_decreasing

    def test_lottery_of_alike_offices_includes_all_alike(self):
        truth = truth_of(GateModel(variation=0.0))
        found = rows_of(truth, "policies", "measure", "term").loc[("inclusion", "lottery")]["causal_value"]
        assert np.ptp(found) < 1e-9
        assert len(found) == 5


@pytest.mark.slow
def test_ranked_policies_by_simulation():
    """Two million clients; each office serves the best by a rule known beforehand (the cells' prospects)."""
    model = GateModel()
    population = population_of(model)
    cells = record_population(population)
    served = served_by_policy(cells, cells.predictions["within"])
    truth = rows_of(truth_of(model), "policies", "term", "measure", "contrast")["causal_value"]
    rng = np.random.default_rng(5)
    n = 2_000_000
    office = rng.choice(4, n, p=population.offices.share)
    M, U = rng.normal(size=(2, n))
    points = np.clip(np.round(5.72 + 2.25 * M), 0, 10).astype(int)
    cuts = [
        np.sqrt(1 + 0.1**2 + loading**2) * np.array(z)
        for loading, z in ((0.20, NORMAL_AGE), (0.45, NORMAL_EDUCATION))
    ]
    age, education = (
        np.searchsorted(cut, 0.1 * M + loading * U + rng.normal(size=n))
        for loading, cut in zip((0.20, 0.45), cuts, strict=True)
    )
    cell = points * 16 + age * 4 + education
    placement = population.offices.placement[office] + 0.3 * M + 0.8 * U
    for policy in RANKED:
        takes = rng.random(n) < served[policy][office, cell]
        placed = rng.random(n) < 1 / (1 + np.exp(-(placement + np.where(takes, -0.55, -1.15))))
        wanted = truth[policy]["placed"].item()
        assert abs(placed.mean() - wanted) < 4 * np.sqrt(wanted * (1 - wanted) / n), policy
        for quarter, (low, high) in enumerate([(0, 4), (5, 6), (7, 7), (8, 10)], start=1):
            of = (points >= low) & (points <= high)
            share = truth[policy]["inclusion"][f"q{quarter}"]
            assert abs(takes[of].mean() - share) < 4 * np.sqrt(share * (1 - share) / of.sum()), policy
