"""On many simulated cases every estimate is its population value, within sampling error.

The truth comes from quadrature and a logit of its own (`se_outcomes.cases.population`): nothing that is
tested here made it. Errors are those of textbook formulas on the observed table, for these offices (only the
cases vary): Woolf's for the odds ratio, Katz's for the risk ratio, the binomial's for a difference of shares,
1/sqrt(sum n p (1-p) (x - mean)^2)
for a logit's slope.
"""

import numpy as np
import pytest

import se_outcomes as so

N_CASES = 200_000
#: In errors. The formulas leave out that the scale SD is estimated and that a logit on M alone is not quite right;
#: over seventy seeds the slope of referral was 1.2 of its errors off in the root mean square.
TOLERANCE = 4.0
QUESTIONS = {
    "referral": ("eligible", so.estimate_referral),
    "acceptance": ("referred", so.estimate_acceptance),
    "placement of the accepted": ("accepted", so.estimate_placement),
    "placement of all": ("eligible", lambda cases: so.estimate_placement(cases, at_risk="eligible")),
}
DESIGNS = {
    "five offices": {"n_offices": 5, "seed": 11},
    "twelve offices, values missing": {"n_offices": 12, "seed": 12, "missing": 0.1},
}


@pytest.fixture(scope="module", params=DESIGNS.values(), ids=DESIGNS)
def study(request):
    return so.simulate_cases(N_CASES, **request.param)


def sampling_errors(result, cases):
    """(contrast, measure) -> standard error if only cases vary."""
    groups = result.groups.set_index("group").loc[["q1", "q4"]]
    n, k = groups["n"], groups["n_passed"]
    share = k / n
    bins = result.bins
    weight = bins["n"] * bins["share"] * (1 - bins["share"])
    scaled = bins["mean"] / cases.scale("motivation").sd
    slope = 1 / np.sqrt((weight * (scaled - np.average(scaled, weights=weight)) ** 2).sum())
    return {
        ("per_sd", "log_odds"): slope,
        # the marginal effect is the slope times the mean of p (1 - p)
        ("per_sd", "ame"): slope * weight.sum() / bins["n"].sum(),
        ("top_vs_bottom", "log_odds"): np.sqrt((1 / k + 1 / (n - k)).sum()),
        ("top_vs_bottom", "ame"): np.sqrt((share * (1 - share) / n).sum()),
    }


@pytest.mark.parametrize("name", QUESTIONS)
def test_passage_estimates_recover_their_population_values(study, name):
    at_risk, estimate = QUESTIONS[name]
    result = estimate(study.cases)
    errors = sampling_errors(result, study.cases)
    found = result.tidy().merge(
        study.truth[(study.truth["question"] == result.question) & (study.truth["at_risk"] == at_risk)],
        on=["term", "contrast", "measure", "adjustment"],
        validate="one_to_one",
    )
    told = result.tidy()
    assert len(found) == (told["measure"] != "risk_ratio").sum() == 12
    assert len(told) == 16  # the truth knows no risk ratios
    ratios = found.query("measure == 'odds_ratio'")["estimate"].to_numpy()
    logs = found.query("measure == 'log_odds'")["estimate"].to_numpy()
    assert ratios == pytest.approx(np.exp(logs), rel=1e-9)
    for row in found.query("measure != 'odds_ratio'").itertuples():
        off = (row.estimate - row.population_value) / errors[row.contrast, row.measure]
        assert abs(off) < TOLERANCE, (row.contrast, row.measure, row.adjustment, off)
    # of the last model, whose standardised shares are shown: the risk ratio is that of the shares
    last = told.query("contrast == 'top_vs_bottom' and measure == 'risk_ratio'").iloc[-1]
    share = result.groups.set_index("group")["estimate"]
    assert last["estimate"] == pytest.approx(share["q4"] / share["q1"], rel=1e-9)


def test_intervals_across_offices_cover_the_population_values(study):
    """With few offices they are wide, so that covering is little: their width is bounded too."""
    result = so.estimate_referral(study.cases)
    errors = sampling_errors(result, study.cases)
    found = result.tidy().merge(
        study.truth.query("question == 'referral'"), on=["term", "contrast", "measure", "adjustment"]
    )
    assert (
        (found["conf_low"] < found["population_value"]) & (found["population_value"] < found["conf_high"])
    ).all()
    for row in found.query("measure != 'odds_ratio'").itertuples():
        half = (row.conf_high - row.conf_low) / 2
        assert 0.5 < half / errors[row.contrast, row.measure] < 10 * 1.96


def test_selection_recovers_its_population_values(study):
    result = so.decompose_selection(study.cases)
    found = result.tidy().merge(
        study.truth.query("question == 'selection'"), on=["term", "adjustment"], validate="one_to_one"
    )
    assert len(found) == len(result.tidy()) == 6
    rates = result.rates.set_index(["adjustment", "gate"])
    katz = 1 / rates["n_passed"] - 1 / rates["n_at_risk"]
    errors = np.sqrt(katz.groupby(["adjustment", "gate"]).sum())
    for row in found.itertuples():
        off = (row.estimate - row.population_value) / errors[row.adjustment, row.term]
        assert abs(off) < TOLERANCE, (row.term, row.adjustment, off)


def test_the_comparison_can_fail(study):
    """The causal value of gate 1 is many errors away from what the estimator converges to."""
    result = so.estimate_referral(study.cases)
    row = (
        result.tidy()
        .query("contrast == 'per_sd' and measure == 'log_odds' and adjustment == 'crude'")
        .iloc[0]
    )
    truth = study.truth.query(
        "question == 'referral' and contrast == 'per_sd' and measure == 'log_odds' and adjustment == 'crude'"
    ).iloc[0]
    error = sampling_errors(result, study.cases)["per_sd", "log_odds"]
    assert abs(row["estimate"] - truth["causal_value"]) > 2 * TOLERANCE * error


def test_merged_gates_recover_their_population_values():
    study = so.simulate_cases(N_CASES, n_offices=5, seed=13, gates="merged")
    result = so.estimate_acceptance(study.cases)
    errors = sampling_errors(result, study.cases)
    found = result.tidy().merge(
        study.truth.query("question == 'acceptance'"), on=["term", "contrast", "measure", "adjustment"]
    )
    assert len(found) == 12  # of the 16 told: the truth knows no risk ratios
    for row in found.query("measure != 'odds_ratio'").itertuples():
        off = (row.estimate - row.population_value) / errors[row.contrast, row.measure]
        assert abs(off) < TOLERANCE, (row.contrast, row.measure, row.adjustment, off)
