"""Placement corrected for selection by copula: the normal one is the selection probit; refusals are said."""

import numpy as np
import pytest

import se_outcomes as so
from se_outcomes.errors import EstimationError
from se_outcomes.regression.paired_marginal import placement, placement_slope
from se_outcomes.regression.profiled_averages import profile_averages
from se_outcomes.results import Result
from se_outcomes.study import copula_sensitivity
from se_outcomes.study.copula_sensitivity import estimate_copula_sensitivity
from se_outcomes.study.selection_question import ask_selected_placement, fit_situation


@pytest.fixture(scope="module")
def cases():
    return so.simulate_cases(4000, seed=4, outcome_observed="accepted").cases


@pytest.fixture(scope="module")
def result(cases):
    return estimate_copula_sensitivity(cases, copulas=("normal", "frank", "clayton90"), adjust_for=())


def test_a_result_like_every_other(result):
    assert isinstance(result, Result)
    assert "profile-quadratic" in result.method
    assert result.glance()["n_copulas"] == 3
    assert len(result.tidy()) == 6


def test_normal_is_the_selection_probit(cases, result):
    """The same point; and the same profile-quadratic set, which is not what the selection probit's answer tells."""
    probit = so.estimate_selected_placement(cases, adjust_for=())
    rows = result.tidy().query("copula == 'normal'").set_index("measure")
    ame = probit.estimates.query("model == 'corrected' and measure == 'ame'").iloc[0]
    opened = probit.averages.set_index("measure").loc["open_gate"]
    assert rows.loc["ame", "estimate"] == pytest.approx(ame["estimate"], abs=1e-8)
    assert rows.loc["open_gate", "estimate"] == pytest.approx(opened["estimate"], abs=1e-8)
    assert rows.loc["ame", "kendall_tau"] == pytest.approx(2 / np.pi * np.arcsin(probit.rho), abs=1e-9)
    _, sample, observed = ask_selected_placement(
        cases,
        exclusion=None,
        outcome_observed=None,
        at_risk="referred",
        exposure=None,
        adjust_for=(),
        office_effects=True,
    )
    fit = fit_situation(sample, observed)
    low, high = profile_averages(fit, [placement_slope(0), placement()]).quadratic_sets()
    for number, measure in enumerate(("ame", "open_gate")):
        assert rows.loc[measure, "conf_low"] == pytest.approx(low[number], abs=1e-8)
        assert rows.loc[measure, "conf_high"] == pytest.approx(high[number], abs=1e-8)


def test_only_this_answer_is_conditional_on_the_offices(cases, result):
    probit = so.estimate_selected_placement(cases, adjust_for=())
    assert "conditional_on_offices" in {notice.key for notice in result.warnings}
    assert "conditional_on_offices" not in {notice.key for notice in probit.warnings}


def test_the_best_fit_comes_first(result):
    assert result.tidy()["loglik"].is_monotonic_decreasing


def test_a_copula_that_fails_is_said(cases, monkeypatch):
    def refuse(sample, copula):
        if copula == "frank":
            raise EstimationError("did not converge", reason="not_converged")
        return fit(sample, copula)

    fit = copula_sensitivity._fit
    monkeypatch.setattr(copula_sensitivity, "_fit", refuse)
    found = estimate_copula_sensitivity(cases, copulas=("normal", "frank"), adjust_for=())
    assert set(found.tidy()["copula"]) == {"normal"}
    assert [notice.parts["copula"] for notice in found.warnings if notice.key == "copula_refused"] == [
        "frank"
    ]
    with pytest.raises(EstimationError, match="did not converge"):
        estimate_copula_sensitivity(cases, copulas=("frank",), adjust_for=())


def test_outcomes_of_all_are_not_thrown_away():
    cases = so.simulate_cases(300, seed=1).cases
    with pytest.raises(EstimationError) as refused:
        estimate_copula_sensitivity(cases)
    assert refused.value.reason == "outcome_for_all"


def test_unknown_copula(cases):
    with pytest.raises(ValueError, match="frank"):
        estimate_copula_sensitivity(cases, copulas=("gauss",))
