"""What a report tells of placement corrected for selection: no counts, rounded shares, nothing from too few."""

from dataclasses import replace

import numpy as np
import pytest

import se_outcomes as so
from se_outcomes.cases.schema import LANGUAGES
from se_outcomes.report.answers import ask_questions
from se_outcomes.report.contents import compose
from se_outcomes.report.disclosure import protect, protect_selected
from se_outcomes.report.plan import plan_disclosure
from se_outcomes.report.text import say_selected
from se_outcomes.wording.words import speak


@pytest.fixture(scope="module")
def cases():
    return so.simulate_cases(1200, seed=1, outcome_observed="accepted").cases


@pytest.fixture(scope="module")
def answers(cases):
    return ask_questions(cases)


@pytest.fixture(scope="module")
def plan(cases, answers):
    return plan_disclosure(cases, answers, 5)


@pytest.fixture(scope="module")
def told(answers, plan):
    return protect(answers, plan).selected


def test_it_is_asked(answers):
    assert answers.selected is not None
    assert answers.selected.specification.exclusion == ("caseload_at_referral",)


def test_no_count_is_told(told):
    counts = ("n_cases", "n_accepted", "n_events", "n_excluded", "loglik")
    assert all(np.isnan(told.fit_statistics[name]) for name in counts)
    assert told.estimates[["n_cases", "n_events"]].isna().all(axis=None)
    assert told.averages["n_cases"].isna().all()
    assert told.exclusions.empty
    assert told.used.empty
    assert not [name for name in told.diagnostics if name.startswith("left_out")]


def test_shares_to_the_whole_per_cent_and_differences_as_they_are(answers, told):
    exact = answers.selected.averages.set_index("measure")["estimate"]
    found = told.averages.set_index("measure")["estimate"]
    for name in ("accepted", "open_gate", "open_gate_naive"):
        assert found[name] == round(exact[name], 2)
    assert found["gap"] == exact["gap"]


def test_the_curve_keeps_within_bins_that_are_told(answers, told):
    before, after = answers.selected.curve["scaled"], told.curve["scaled"]
    assert before.min() < after.min()
    assert after.max() < before.max()


def test_levels_that_table_1_withholds_have_no_coefficient(answers, plan):
    stages = list(answers.characteristics.stages)
    few = replace(plan, counts={**plan.counts, ("age_group", "30+", stages[0]): False})
    found = protect_selected(answers.selected, answers, few).equations
    row = found.loc[(found["term"] == "age_group") & (found["level"] == "30+")]
    assert row[["estimate", "std_error", "conf_low"]].isna().all(axis=None)
    assert found.loc[found["term"] == "motivation", "estimate"].notna().all()


@pytest.mark.parametrize("side", ["n_accepted", "n_events"])
def test_too_few_on_a_side_and_nothing_is_told(answers, plan, side):
    statistics = {**answers.selected.fit_statistics, side: 3}
    few = replace(answers.selected, fit_statistics=statistics)
    assert protect_selected(few, answers, plan) is None


def test_what_the_question_beside_it_may_not_tell_it_may_not_either(answers, plan):
    silent = replace(plan, counts=dict.fromkeys(plan.counts, False), shares=dict.fromkeys(plan.shares, False))
    assert protect_selected(answers.selected, answers, silent) is None


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_section_in_each_language(cases, answers, plan, language):
    words = speak(language)
    blocks = compose(cases, protect(answers, plan), words, 5)
    stems = [block.stem for block in blocks if hasattr(block, "stem")]
    assert {"corrected_effects", "rho_profile", "placement_curve", "open_gate", "selection_equations"} <= set(
        stems
    )
    said = " ".join(say_selected(answers.selected, words))
    assert "{" not in said
    assert ":" not in said.split()


def test_withheld_it_says_so(cases, answers, plan):
    words = speak("en")
    blocks = compose(cases, replace(protect(answers, plan), selected=None), words, 5)
    texts = [block.text for block in blocks if block.kind == "paragraph"]
    assert words.say("finding_selected_withheld") in texts


def test_without_exclusion_it_speaks_of_sets(cases):
    result = so.estimate_selected_placement(cases, exclusion=())
    said = " ".join(say_selected(result, speak("en")))
    assert "the data allow anything from" in said
    assert "could be anything from" in said
