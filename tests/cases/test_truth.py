"""The true values of simulated cases: by hand, against known numbers, and against brute force."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy.integrate import trapezoid
from scipy.special import expit, logit
from scipy.stats import norm

from se_outcomes.cases.gate_model import UNDECIDED_SHARE, GateModel, Offices, Ruler, draw_offices
from se_outcomes.cases.population import Population, averaged_expit, fit_cells, make_grid
from se_outcomes.cases.traits import AGE_GROUP, EDUCATION_LEVEL
from se_outcomes.cases.truth import TRUTH_COLUMNS, tell_truth

PLAIN = GateModel(variation=0.0, ruler=Ruler(rounded=False))


def population_of(model, n_offices=5, seed=1):
    return Population(
        model, draw_offices(n_offices, model, np.random.default_rng(seed)), make_grid(model.ruler)
    )


def truth_of(model, *, merged=False, outcome_for_all=True, **offices):
    return tell_truth(population_of(model, **offices), merged=merged, outcome_for_all=outcome_for_all)


def value(
    truth, question, contrast, measure, *, adjustment="crude", at_risk=None, term=None, of="population_value"
):
    rows = truth.query("question == @question and contrast == @contrast and measure == @measure")
    rows = rows[rows["adjustment"] == adjustment]
    for column, wanted in (("at_risk", at_risk), ("term", term)):
        rows = rows if wanted is None else rows[rows[column] == wanted]
    return rows[of].item()


def pass_rates(population, passage):
    """Share passing by quarter (4,)."""
    quarter = population.grid.group[population.grid.place]
    at_risk, passed = (w.sum(axis=(0, 2)) for w in (passage.at_risk, passage.at_risk * passage.chance))
    return np.array([passed[quarter == q].sum() / at_risk[quarter == q].sum() for q in range(4)])


class TestKnownNumbers:
    """The default model without offices, gatekeepers and points of the ruler, as it was calibrated."""

    population = population_of(PLAIN)

    def test_shares_passing(self):
        eligible = self.population.eligible
        referred = (eligible * self.population.referral.chance).sum()
        both = (eligible * self.population.both_gates.chance).sum() / (1 - UNDECIDED_SHARE)
        assert referred == pytest.approx(0.36, abs=0.005)
        assert both / referred == pytest.approx(0.73, abs=0.005)
        assert both == pytest.approx(0.26, abs=0.005)

    def test_placement_and_what_acceptance_does(self):
        with_support, without = (self.population._placement(accepted=accepted) for accepted in (True, False))
        eligible = self.population.eligible
        accepted = eligible * self.population.both_gates.chance / (1 - UNDECIDED_SHARE)
        rest = eligible - accepted

        def mean(values, weights):
            return (values * weights).sum() / weights.sum()

        assert mean(with_support, eligible) == pytest.approx(0.38, abs=0.005)
        assert mean(without, eligible) == pytest.approx(0.27, abs=0.005)
        assert mean(with_support, accepted) - mean(without, rest) == pytest.approx(0.26, abs=0.005)
        gain = with_support - without
        assert mean(gain, accepted) == pytest.approx(0.13, abs=0.005)
        assert mean(gain, eligible) == pytest.approx(0.11, abs=0.005)
        assert mean(gain, rest) == pytest.approx(0.11, abs=0.005)

    @pytest.mark.parametrize(
        ("passage", "rates"),
        [
            ("referral", [0.14, 0.27, 0.40, 0.61]),
            ("acceptance", [0.46, 0.62, 0.73, 0.85]),
            ("placement_of_accepted", [0.44, 0.46, 0.48, 0.52]),
        ],
    )
    def test_rates_by_quarter(self, passage, rates):
        assert pass_rates(self.population, getattr(self.population, passage)) == pytest.approx(
            rates, abs=0.006
        )

    def test_log_risk_ratio_and_slopes(self):
        truth = truth_of(PLAIN)
        parts = {
            term: value(truth, "selection", "top_vs_bottom", "log_risk_ratio", term=term) for term in GATES
        }
        assert parts["gate_1"] == pytest.approx(1.47, abs=0.015)
        assert parts["gate_2"] == pytest.approx(0.60, abs=0.01)
        assert parts["net"] == pytest.approx(2.07, abs=0.015)
        assert value(truth, "referral", "per_sd", "log_odds") == pytest.approx(0.93, abs=0.005)
        # among the accepted the slope of placement on motivation falls from 0.27 (U left out) to 0.14
        of_accepted = value(truth, "placement", "per_sd", "log_odds", at_risk="accepted")
        assert of_accepted == pytest.approx(0.14, abs=0.005)


GATES = ("gate_1", "gate_2", "net")


class TestByHand:
    def test_cuts_of_the_ruler_are_not_on_a_knife_edge(self):
        grid = make_grid(Ruler())
        share_up_to = norm.cdf((np.arange(10) + 0.5 - 5.72) / 2.25)
        assert np.cumsum(grid.value_weight)[:-1] == pytest.approx(share_up_to, abs=1e-8)
        assert grid.cuts.tolist() == [4.0, 6.0, 7.0]
        assert np.abs(share_up_to[:, None] - [0.25, 0.5, 0.75]).min() > 0.03

    def test_unrounded_ruler_has_quarters_of_a_quarter_and_the_sd_of_its_scale(self):
        grid = make_grid(Ruler(rounded=False))
        assert np.bincount(grid.group, grid.value_weight) == pytest.approx([0.25] * 4, abs=1e-9)
        assert grid.scale_sd == pytest.approx(0.8, abs=1e-6)

    def test_ruler_records_whole_points_within_its_ends(self):
        points = Ruler().record(np.array([-9.0, -0.1, 0.0, 0.35, 9.0]))
        assert points.tolist() == [0.0, 5.0, 6.0, 7.0, 10.0]  # 5.495, 5.72, 6.5075

    def test_logit_of_two_offices_with_one_odds_ratio(self):
        """Odds 1:3 and 3:3 in one office, 3:1 and 9:1 in the other: the odds ratio is 3 in both."""
        fit = fit_cells(np.array([[4.0, 6], [4, 10]]), np.array([[1.0, 3], [3, 9]]), np.array([[0.0], [1.0]]))
        assert fit.slopes == pytest.approx([np.log(3)])
        assert fit.intercepts == pytest.approx([-np.log(3), np.log(3)])

    def test_average_over_gatekeepers_is_the_integral(self):
        nodes, weights = GateModel().counsellor_effects()
        average, slope = averaged_expit(np.array([-3.0, 0.2, 4.0]), nodes, weights)
        for found, derivative, at in zip(average, slope, [-3.0, 0.2, 4.0], strict=True):
            e = np.linspace(-9, 9, 20_001)
            chance, density = expit(at + 0.4 * e), norm.pdf(e)
            assert found == pytest.approx(trapezoid(chance * density, e), abs=1e-9)
            assert derivative == pytest.approx(trapezoid(chance * (1 - chance) * density, e), abs=1e-9)

    def test_without_employability_the_logit_is_right_and_both_values_are_the_slope(self):
        truth = truth_of(GateModel(employability_effect=0.0, variation=0.0, ruler=Ruler(rounded=False)))
        for question, slope in (("referral", 1.0), ("acceptance", 0.9)):
            for of in ("population_value", "causal_value"):
                assert value(truth, question, "per_sd", "log_odds", of=of) == pytest.approx(slope, abs=1e-6)
            ames = [
                value(truth, question, "per_sd", "ame", of=of) for of in ("population_value", "causal_value")
            ]
            assert ames[0] == pytest.approx(ames[1], abs=1e-6)

    def test_causal_top_against_bottom_is_the_slope_times_the_gap_in_motivation(self):
        gap = 2 * norm.pdf(norm.ppf(0.25)) / 0.25
        truth = truth_of(PLAIN)
        for question, slope, at_risk in (
            ("referral", 1.0, None),
            ("acceptance", 0.9, None),
            ("placement", 0.3, "accepted"),
        ):
            found = value(truth, question, "top_vs_bottom", "log_odds", at_risk=at_risk, of="causal_value")
            assert found == pytest.approx(slope * gap, abs=1e-5)

    def test_placement_by_way_of_the_gates_moves_by_the_average_derivative(self):
        """By finite differences on a grid of the test's own: one office, no gatekeepers, exact motivation."""
        nodes, weights = np.polynomial.hermite_e.hermegauss(60)
        M, U = np.meshgrid(nodes, nodes, indexing="ij")
        weight = np.multiply.outer(weights, weights) / weights.sum() ** 2

        def chance(M):
            accepted = expit(-0.75 + M + 0.6 * U) * 0.97 * expit(0.55 + 0.9 * M + 0.6 * U)
            placed = expit(-0.55 + 0.3 * M + 0.8 * U)
            return accepted * placed + (1 - accepted) * expit(-1.15 + 0.3 * M + 0.8 * U)

        truth = truth_of(PLAIN, n_offices=1)
        for measure, scale in (("log_odds", logit), ("ame", lambda share: share)):
            slope = ((scale(chance(M + 1e-4)) - scale(chance(M - 1e-4))) / 2e-4 * weight).sum()
            wanted = value(truth, "placement", "per_sd", measure, at_risk="eligible", of="causal_value")
            assert slope == pytest.approx(wanted, abs=1e-6)

    @pytest.mark.parametrize("trait", [AGE_GROUP, EDUCATION_LEVEL], ids=lambda trait: trait.column)
    def test_trait_levels_have_the_shares_asked_for(self, trait):
        grid = make_grid(Ruler())
        chances = trait.chances(grid.motivation[:, None], grid.employability[None, :])
        shares = np.einsum("k,j,kjl->l", grid.motivation_weight, grid.employability_weight, chances)
        assert np.cumsum(shares)[:-1] == pytest.approx(trait.share_up_to, abs=1e-8)


class TestProperties:
    def test_form(self):
        truth = truth_of(GateModel())
        assert tuple(truth.columns) == TRUTH_COLUMNS
        assert not truth.isna().any().any()
        assert not truth.duplicated(
            ["question", "adjustment", "at_risk", "term", "contrast", "measure"]
        ).any()
        passages = {"referral", "acceptance", "placement", "selection"}
        assert truth["question"].isin(passages).sum() == 4 * 2 * 2 * 3 + 2 * 3
        assert set(truth["question"]) - passages == {
            "creaming",
            "targeting",
            "left_out",
            "effect",
            "gap",
            "policies",
            "two_gates",
            "bounds",
        }

    def test_odds_ratios_are_exponentiated_log_odds(self):
        truth = truth_of(GateModel()).set_index(["question", "adjustment", "at_risk", "contrast"])
        columns = ["population_value", "causal_value"]
        logs, ratios = (
            truth.loc[truth["measure"] == measure, columns] for measure in ("log_odds", "odds_ratio")
        )
        pd.testing.assert_frame_equal(np.exp(logs), ratios)

    def test_gates_add_up_to_the_net(self):
        rows = truth_of(GateModel()).query("question == 'selection'")
        parts = rows.pivot(index="adjustment", columns="term", values="population_value")
        assert (parts["gate_1"] + parts["gate_2"]).to_numpy() == pytest.approx(
            parts["net"].to_numpy(), abs=1e-12
        )

    def test_gate_2_looks_milder_than_it_is(self):
        """The referred were selected on both, so those with little motivation are the employable ones."""
        truth = truth_of(GateModel())
        found = value(truth, "selection", "top_vs_bottom", "log_risk_ratio", term="gate_2")
        causal = value(
            truth, "selection", "top_vs_bottom", "log_risk_ratio", term="gate_2", of="causal_value"
        )
        assert causal > found + 0.05

    def test_offices_that_are_alike_need_no_standardising(self):
        rows = truth_of(GateModel(variation=0.0)).query("question == 'selection'")
        parts = rows.pivot(index="term", columns="adjustment", values="population_value")
        assert parts["crude"].to_numpy() == pytest.approx(parts["office_standardised"].to_numpy(), abs=1e-10)

    def test_lottery_has_no_association_at_the_gates(self):
        truth = truth_of(GateModel(referral_effect=0.0, acceptance_effect=0.0, employability_effect=0.0))
        gates = truth[
            truth["question"].isin(["referral", "acceptance", "selection"])
            & (truth["measure"] != "odds_ratio")
        ]
        crude = gates[gates["adjustment"] != "adjusted"]
        assert np.abs(gates["causal_value"]).max() < 1e-12
        assert np.abs(crude["population_value"]).max() < 1e-9

    def test_no_variation_makes_office_effects_needless(self):
        """One office, or five that are alike: the same values."""
        model = GateModel(variation=0.0)
        one, five = truth_of(model, n_offices=1), truth_of(model, n_offices=5)
        five = five[five["adjustment"] != "across"]  # of one office there is nothing across offices
        for column in ("population_value", "causal_value"):
            assert one[column].to_numpy() == pytest.approx(five[column].to_numpy(), abs=1e-9)

    def test_merged_gates_have_no_referral_and_only_a_net(self):
        truth = truth_of(GateModel(), merged=True)
        assert "referral" not in set(truth["question"])
        assert set(truth.query("question == 'acceptance'")["at_risk"]) == {"eligible"}
        assert set(truth.query("question == 'selection'")["term"]) == {"net"}
        separate = value(truth_of(GateModel()), "selection", "top_vs_bottom", "log_risk_ratio", term="net")
        assert value(truth, "selection", "top_vs_bottom", "log_risk_ratio", term="net") == pytest.approx(
            separate
        )

    def test_outcomes_of_the_accepted_only_leave_out_placement_of_all_eligible(self):
        truth = truth_of(GateModel(), outcome_for_all=False)
        assert set(truth.query("question == 'placement'")["at_risk"]) == {"accepted"}

    @pytest.mark.parametrize("model", [GateModel(), PLAIN], ids=["default", "plain"])
    def test_more_nodes_change_nothing(self, model, monkeypatch):
        coarse = truth_of(model)
        monkeypatch.setattr("se_outcomes.cases.population.MOTIVATION_NODES", 24)
        monkeypatch.setattr("se_outcomes.cases.population.EMPLOYABILITY_NODES", 61)
        fine = truth_of(model)
        # the last to be served are a whole node's; of exact motivation that is up to a hundredth of a quarter
        ranked = coarse["measure"].isin(["greatest", "ratio"]) | (coarse["question"] == "policies")
        included = coarse["measure"] == "inclusion"
        for column in ("population_value", "causal_value"):
            off = (coarse[column] - fine[column]).abs()
            # unrounded, the nodes are the recorded values: the logit's step between quarters moves with them
            assert off[~ranked].max() < 1e-6
            assert off[ranked & ~included].max() < 1e-4
            assert off[included].max() < (1e-6 if model.ruler.rounded else 0.02)


def test_logit_without_a_maximum_is_refused():
    with pytest.raises((RuntimeError, np.linalg.LinAlgError)), np.errstate(all="ignore"):
        fit_cells(np.array([[4.0, 6], [4, 10]]), np.array([[0.0, 3], [0, 9]]), np.array([[0.0], [1.0]]))


OFFICES = Offices(
    share=np.array([0.15, 0.35, 0.5]),
    referral=np.array([0.5, -0.3, 0.1]),
    acceptance=np.array([-0.4, 0.5, 0.0]),
    placement=np.array([0.2, 0.0, -0.3]),
)


class BruteForce:
    """Two million clients drawn from the equations of the module's docstring, in this file's own code."""

    def __init__(self, n=2_000_000, seed=7):
        rng = np.random.default_rng(seed)
        self.office = rng.choice(3, n, p=OFFICES.share)
        self.M, self.U = rng.normal(size=(2, n))
        self.counsellor = 0.4 * rng.normal(size=n)
        self.specialist = 0.3 * rng.normal(size=n) - 0.1 * (rng.binomial(32, 0.5, n) - 16)
        draws = rng.random((4, n))
        self.referred = draws[0] < self.referral(self.M)
        self.decided = self.referred & (draws[1] >= 0.03)
        self.accepted = self.decided & (draws[2] < self.acceptance(self.M))
        self.placed = draws[3] < np.where(
            self.accepted, self.placement(self.M, -0.55), self.placement(self.M, -1.15)
        )
        self.points = np.clip(np.round(5.72 + 2.25 * self.M), 0, 10)
        self.group = np.searchsorted([4, 6, 7], self.points)
        self.age = np.searchsorted(AGE_GROUP.cuts, 0.1 * self.M + 0.2 * self.U + rng.normal(size=n))
        self.education = np.searchsorted(
            EDUCATION_LEVEL.cuts, 0.1 * self.M + 0.45 * self.U + rng.normal(size=n)
        )

    def referral(self, M):
        return expit(-0.75 + M + 0.6 * self.U + OFFICES.referral[self.office] + self.counsellor)

    def acceptance(self, M):
        return expit(0.55 + 0.9 * M + 0.6 * self.U + OFFICES.acceptance[self.office] + self.specialist)

    def placement(self, M, constant):
        return expit(constant + 0.3 * M + 0.8 * self.U + OFFICES.placement[self.office])

    def placement_by_way_of_the_gates(self, M):
        accepted = self.referral(M) * 0.97 * self.acceptance(M)
        return accepted * self.placement(M, -0.55) + (1 - accepted) * self.placement(M, -1.15)

    def questions(self):
        """Question and at risk -> rows, event, chance as a function of M."""
        everyone = np.ones(len(self.M), dtype=bool)
        return {
            ("referral", "eligible"): (everyone, self.referred, self.referral),
            ("acceptance", "referred"): (self.decided, self.accepted, self.acceptance),
            ("placement", "accepted"): (self.accepted, self.placed, lambda M: self.placement(M, -0.55)),
            ("placement", "eligible"): (everyone, self.placed, self.placement_by_way_of_the_gates),
        }

    def logit(self, rows, event, exposure, *, adjusted):
        """statsmodels on cells, a dummy for each office: first coefficient, its error, marginal effect."""
        keys = {"office": self.office, "points": self.points, "group": self.group}
        keys |= {"age": self.age, "education": self.education} if adjusted else {}
        table = pd.DataFrame({**keys, "event": event})[rows]
        cells = table.groupby(list(keys))["event"].agg(["sum", "size"]).reset_index()
        mean, sd = self.points.mean(), self.points.std()
        first = (
            [(cells["points"] - mean) / sd]
            if exposure == "per_sd"
            else [cells["group"] == g for g in (3, 1, 2)]
        )
        dummies = [cells[key] == level for key in keys if key in ("age", "education") for level in (1, 2, 3)]
        X = np.column_stack([*first, *dummies, *(cells["office"] == g for g in range(3))]).astype(float)
        passes = np.column_stack([cells["sum"], cells["size"] - cells["sum"]])
        fit = sm.GLM(passes, X, family=sm.families.Binomial()).fit(tol=1e-12)
        share = fit.predict(X)
        weight = cells["size"] / cells["size"].sum()
        if exposure == "per_sd":
            ame = fit.params[0] * (weight * share * (1 - share)).sum()
        else:
            top, bottom = X.copy(), X.copy()
            top[:, :3], bottom[:, :3] = [1, 0, 0], 0
            ame = (weight * (fit.predict(top) - fit.predict(bottom))).sum()
        return fit.params[0], fit.bse[0], ame


@pytest.mark.slow
def test_two_million_draws_agree():
    model = GateModel()
    truth = tell_truth(Population(model, OFFICES, make_grid(model.ruler)), merged=False, outcome_for_all=True)
    drawn = BruteForce()
    points_per_sd = drawn.points.std() / 2.25
    motivation_of = [drawn.M[drawn.group == quarter] for quarter in (0, 3)]
    rng = np.random.default_rng(8)
    for (question, at_risk), (rows, event, chance) in drawn.questions().items():
        for adjustment in ("crude", "adjusted"):
            for contrast in ("per_sd", "top_vs_bottom"):
                beta, error, ame = drawn.logit(rows, event, contrast, adjusted=adjustment == "adjusted")
                asked = {"adjustment": adjustment, "at_risk": at_risk}
                assert abs(beta - value(truth, question, contrast, "log_odds", **asked)) < 4 * error
                # the error of a marginal effect is about that of its log odds, times ame / beta
                assert abs(ame - value(truth, question, contrast, "ame", **asked)) < 4 * error * abs(
                    ame / beta
                )
        slope = (chance(drawn.M + 1e-3) - chance(drawn.M - 1e-3))[rows].mean() / 2e-3 * points_per_sd
        assert slope == pytest.approx(
            value(truth, question, "per_sd", "ame", at_risk=at_risk, of="causal_value"), abs=4e-4
        )
        bottom, top = (chance(rng.choice(values, len(drawn.M)))[rows].mean() for values in motivation_of)
        wanted = value(truth, question, "top_vs_bottom", "ame", at_risk=at_risk, of="causal_value")
        assert top - bottom == pytest.approx(wanted, abs=2e-3)
    assert_selection_agrees(drawn, truth)


def assert_selection_agrees(drawn, truth):
    """Crude and standardised log risk ratios within four binomial errors."""
    quarters = [drawn.group == 3, drawn.group == 0]
    gates = {
        "gate_1": (np.ones(len(drawn.M), dtype=bool), drawn.referred),
        "gate_2": (drawn.decided, drawn.accepted),
    }
    for term, (rows, event) in gates.items():
        n = np.array([[(rows & q & (drawn.office == g)).sum() for g in range(3)] for q in quarters])
        k = np.array([[(rows & q & event & (drawn.office == g)).sum() for g in range(3)] for q in quarters])
        error = np.sqrt((1 / k.sum(axis=1) - 1 / n.sum(axis=1)).sum())
        crude = np.log((k.sum(axis=1) / n.sum(axis=1))[0] / (k.sum(axis=1) / n.sum(axis=1))[1])
        standard = (k / n) @ (n.sum(axis=0) / n.sum())
        for adjustment, found in (
            ("crude", crude),
            ("office_standardised", np.log(standard[0] / standard[1])),
        ):
            wanted = value(
                truth, "selection", "top_vs_bottom", "log_risk_ratio", adjustment=adjustment, term=term
            )
            assert abs(found - wanted) < 4 * error
