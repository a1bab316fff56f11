"""What a report asks and says about admission: by hand in three languages, and what cannot be answered."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hand_made import make_bounds, make_creaming, make_effect, make_left_out, make_policies, make_two_gates

import se_outcomes as so
from se_outcomes.cases.schema import LANGUAGES
from se_outcomes.errors import EstimationError
from se_outcomes.report import admission_answers, admission_text
from se_outcomes.report.admission_answers import ADMISSION, AdmissionAnswers, ask_admission
from se_outcomes.report.answers import ask_questions
from se_outcomes.report.cells import shares_alone, whole_numbers, without_columns
from se_outcomes.report.contents import compose
from se_outcomes.report.disclosure import protect
from se_outcomes.report.plan import plan_disclosure
from se_outcomes.report.policy_chapter import tabulate_ways
from se_outcomes.study import two_gates
from se_outcomes.wording.words import speak

EN, NB, NN = map(speak, ("en", "nb", "nn"))
NBSP = "\u00a0"


def says(say, *args):
    return [say(*args, speak(language)) for language in LANGUAGES]


def with_index(result, gate, measure, estimate, low, high):
    estimates = result.estimates.copy()
    row = (estimates["gate"] == gate) & (estimates["measure"] == measure)
    estimates.loc[row, ["estimate", "conf_low", "conf_high"]] = [estimate, low, high]
    return replace(result, estimates=estimates)


def stems(blocks):
    return [block.stem for block in blocks if hasattr(block, "stem")]


def headings(blocks):
    return [block.text for block in blocks if block.kind == "heading"]


# --- asked -------------------------------------------------------------------------------------------


def test_questions_are_the_attributes():
    assert set(ADMISSION) == set(AdmissionAnswers.__dataclass_fields__) - {"withheld"}


def test_with_outcomes_of_the_accepted_what_can_be_answered_is_and_the_rest_is_said():
    cases = so.simulate_cases(400, seed=1, outcome_observed="accepted").cases
    answers, refusals = ask_admission(cases, by_level=False)
    assert set(answers.answered) == {"left_out", "bounds", "two_gates"}
    assert {key: refusal.reason for key, refusal in refusals.items()} == dict.fromkeys(
        ("creaming", "targeting", "effect", "policies"), "outcome_for_accepted_only"
    )


def test_an_exposure_with_levels_is_not_asked_of_the_model_of_both_gates():
    cases = so.simulate_cases(400, seed=1).cases
    answers, refusals = ask_admission(cases, by_level=True)
    assert answers.two_gates is None
    assert "two_gates" not in refusals


def test_small_offices_are_asked_across(monkeypatch):
    asked = []

    def refuse_within(cases, office_effects=True):
        asked.append(office_effects)
        if office_effects:
            raise EstimationError("too small", reason="small_offices")
        return make_two_gates()

    monkeypatch.setattr(admission_answers, "estimate_two_gates", refuse_within)
    assert ADMISSION["two_gates"](None).outcome_observed == "all"
    assert asked == [True, False]


def test_the_real_model_of_merged_gates(monkeypatch):
    """Elsewhere in these tests the model is made by hand."""
    monkeypatch.setattr(admission_answers, "estimate_two_gates", two_gates.estimate_two_gates)
    cases = so.simulate_cases(800, seed=5, gates="merged").cases
    answers = ask_questions(cases)
    assert answers.admission.two_gates.gates == "merged"
    told = protect(answers, plan_disclosure(cases, answers, 5))
    blocks = compose(cases, told, EN, 5)
    assert {"losses", "creaming", "correlations", "open_gates"} <= set(stems(blocks))
    assert "{" not in " ".join(admission_text.say_two_gates(told.admission.two_gates, EN))


# --- said: creaming ----------------------------------------------------------------------------------


def test_creaming_up():
    result = with_index(make_creaming(), "both", "points", 0.0271, 0.0122, 0.0423)
    said = [sentences[0] for sentences in says(admission_text.say_creaming, result)]
    assert said == [
        "Those accepted had better prospects without SE than the target group as a whole, by 2.7 percentage points "
        "(1.2 to 4.2): there is creaming.",
        "De som ble tatt inn, hadde bedre utsikter uten SE enn målgruppen som helhet, med 2,7 prosentpoeng (1,2 til "
        "4,2): det er fløteskumming.",
        "Dei som vart tekne inn, hadde betre utsikter utan SE enn målgruppa som heilskap, med 2,7 prosentpoeng (1,2 "
        "til 4,2): det er fløyteskumming.",
    ]


def test_creaming_down_is_said_in_positive_numbers_the_smaller_first():
    result = with_index(make_creaming(), "both", "points", -0.03, -0.05, -0.01)
    said = admission_text.say_creaming(result, EN)
    assert "poorer prospects" in said[0]
    assert "3.0 percentage points (1.0 to 5.0)" in said[0]


@pytest.mark.parametrize(("low", "high"), [(0.0, 0.05), (-0.02, 0.0), (-0.02, 0.05)])
def test_an_index_whose_interval_touches_zero_is_unclear(low, high):
    result = with_index(make_creaming(), "both", "points", 0.01, low, high)
    assert admission_text.say_creaming(result, EN)[0].startswith("Whether there is creaming")
    gain = with_index(make_creaming("gain"), "both", "points", 0.01, low, high)
    assert admission_text.say_creaming(gain, EN)[0].startswith("Whether those who gain most")


def test_the_gates_parts_and_the_ratio():
    result = with_index(make_creaming(), "both", "ratio", 0.284, 0.131, 0.431)
    said = admission_text.say_creaming(result, NB)
    assert said[1] == "Av dette oppstår 2,1 poeng ved den første porten og 0,6 ved den andre."
    assert "0,28 (0,13 til 0,43)" in said[2]
    merged = admission_text.say_creaming(make_creaming(merged=True), EN)
    assert not [sentence for sentence in merged if "first gate" in sentence]


def test_an_index_withheld_says_nothing():
    assert admission_text.say_creaming(with_index(make_creaming(), "both", "points", *[np.nan] * 3), EN) == []


@pytest.mark.parametrize("lost", ["number", "interval", "row"])
def test_without_a_ratio_it_is_not_said_nor_drawn(usual_cases, usual_answers, usual_plan, lost):
    result = make_creaming()
    if lost == "row":
        result = replace(result, estimates=result.estimates.query("measure != 'ratio'"))
    else:
        result = with_index(result, "both", "ratio", np.nan if lost == "number" else 0.28, np.nan, np.nan)
    for words in (EN, NB, NN):
        said = admission_text.say_creaming(result, words)
        assert len(said) == 2
        assert not [sentence for sentence in said if "nan" in sentence or "{" in sentence]
    assert len(admission_text.say_creaming(make_creaming(), EN)) == 3
    if lost == "row":
        return
    told = protect(usual_answers, usual_plan)
    found = replace(told.admission.creaming, estimates=told.admission.creaming.estimates)
    found = with_index(found, "both", "sd", *[np.nan] * 3)
    for gate in ("gate_1", "gate_2", "both"):
        for measure in ("greatest", "ratio"):
            found = with_index(found, gate, measure, *[np.nan] * 3)
    blocks = compose(usual_cases, replace(told, admission=replace(told.admission, creaming=found)), EN, 5)
    cells = next(
        block.cells for block in blocks if getattr(block, "stem", "") == "creaming" and block.kind == "table"
    )
    assert not cells.map(lambda cell: "nan" in str(cell)).to_numpy().any()


def test_targeting_is_never_called_creaming():
    for low, high in ((0.01, 0.03), (-0.03, -0.01), (-0.01, 0.01)):
        result = with_index(make_creaming("gain"), "both", "points", (low + high) / 2, low, high)
        for sentences in says(admission_text.say_creaming, result):
            assert not [said for said in sentences if "cream" in said.lower() or "skumming" in said.lower()]


# --- said: who is left, what it does, other rules ----------------------------------------------------


def test_where_the_lowest_and_the_highest_are_lost(usual_answers):
    said = admission_text.say_losses(usual_answers.funnel, "motivasjon", NN)
    assert said[0].startswith(f"Av lågaste fjerdedel av motivasjon fell 85{NBSP}% frå ved den første porten")
    counts = usual_answers.funnel.counts.copy()
    counts.loc[(counts["group"] == "q1") & (counts["stage"] == "accepted"), "estimate"] = np.nan
    hidden = replace(usual_answers.funnel, counts=counts)
    assert admission_text.say_losses(hidden, "motivasjon", NN) == []


def test_who_is_left_and_how_they_would_fare():
    result = make_left_out()
    for language, first in zip(
        LANGUAGES, ("those never referred", "dem som aldri", "dei som aldri"), strict=True
    ):
        said = " ".join(admission_text.say_left_out_groups(result, "separate", speak(language)))
        assert first in said
        assert "{" not in said
        assert "nan" not in said
    merged = " ".join(admission_text.say_left_out_groups(make_left_out(merged=True), "merged", EN))
    assert "never referred" not in merged
    assert "those not accepted" in merged


def without_status(result, status):
    frames = ("groups", "composition", "density", "quantiles")
    return replace(
        result, **{name: getattr(result, name).loc[lambda f: f["status"] != status] for name in frames}
    )


def test_a_status_may_have_nobody():
    for words in (EN, NB, NN):
        said = admission_text.say_left_out_groups(
            without_status(make_left_out(), "not_accepted"), "separate", words
        )
        assert len(said) == 2  # how they would fare, without and with SE
        assert all(words.say("who_not_referred") in sentence for sentence in said)
    said = admission_text.say_left_out_groups(without_status(make_left_out(), "not_referred"), "separate", EN)
    assert said[0].startswith("Of the target group, 11% were not accepted and 24% were accepted")
    assert "those not accepted" in said[1]


@pytest.mark.parametrize(("share", "start"), [(0.04, "4% of"), (0.004, "Hardly anybody"), (np.nan, None)])
def test_practically_no_chance(share, start):
    result = make_left_out()
    overlap = result.overlap.assign(share=[share, *result.overlap["share"][1:]])
    said = admission_text.say_no_chance(replace(result, overlap=overlap), EN)
    assert said == [] if start is None else said[0].startswith(start)


def test_the_effect_beside_the_raw_gap_and_what_it_holds_for():
    said = admission_text.say_effect(make_effect(), EN)
    assert "is 26 percentage points (21 to 31)" in said[0]
    assert "13.0 percentage points (8.0 to 18.0) for those accepted" in said[1]
    assert "11.5 (6.5 to 16.5)" in said[1]
    assert said[2].startswith("This holds if what is recorded is all that gatekeepers went by")


def test_bounds_of_open_gates():
    assert "between 11% and 87%" in admission_text.say_bounds(make_bounds(), EN)[0]
    assert f"høyst 47{NBSP}%" in admission_text.say_bounds(make_bounds(), NB)[0]


def two_gates_by_hand(**told):
    named = {
        "warnings": (),
        "identified": True,
        "inside": True,
        "exclusion_referral": ("counsellor_leniency",),
        "exclusion_acceptance": ("caseload_at_referral",),
    }
    return replace(make_two_gates(told.pop("outcome_observed", "all")), **(named | told))


def test_the_model_of_both_gates_names_its_assumption_and_its_parts():
    said = " ".join(admission_text.say_two_gates(two_gates_by_hand(), EN))
    assert "how readily the counsellor refers others to move referral alone" in said
    assert "counsellor_leniency" not in said
    assert "38% of the target group would be in work with open gates (31% to 45%)" in said
    assert "7.0 are selection on what is recorded and 5.0 on what is not" in said
    of_accepted = admission_text.say_two_gates(two_gates_by_hand(outcome_observed="accepted"), EN)
    assert not [sentence for sentence in of_accepted if "effect" in sentence]


def test_a_set_has_no_single_value():
    result = two_gates_by_hand(identified=False, inside=False)
    averages = result.averages.assign(estimate=np.nan)
    said = " ".join(admission_text.say_two_gates(replace(result, averages=averages), EN))
    assert "gives no single value" in said
    assert "could be anything from 31% to 45%" in said
    assert "could be anything from 6.0 to 20.0 percentage points" in said


def with_open_gate(result, low, high):
    averages = result.averages.copy()
    averages.loc[averages["measure"] == "open_gate", ["conf_low", "conf_high"]] = [low, high]
    return replace(result, averages=averages)


def test_an_interval_of_everything_is_said_and_not_shown(usual_cases, usual_answers, usual_plan):
    everything = with_open_gate(two_gates_by_hand(inside=False), 0.0, 1.0)
    assert admission_text.tells_nothing(everything)
    assert not admission_text.tells_nothing(with_open_gate(everything, 0.02, 1.0))
    assert not admission_text.tells_nothing(replace(everything, inside=True))
    assert "tells nothing" in admission_text.say_two_gates(everything, EN)[-1]
    told = protect(usual_answers, usual_plan)
    blocks = compose(
        usual_cases, replace(told, admission=replace(told.admission, two_gates=everything)), EN, 5
    )
    assert not {"two_gates", "correlations", "gap_two_gates"} & set(stems(blocks))
    assert "open_gates" in stems(blocks)


def test_a_correlation_of_which_nothing_is_known_is_a_colon(usual_cases, usual_answers, usual_plan):
    result = two_gates_by_hand(identified=False, inside=False)
    correlations = result.correlations.copy()
    correlations.loc[0, ["estimate", "conf_low", "conf_high"]] = np.nan
    told = protect(usual_answers, usual_plan)
    unknown = replace(told.admission.two_gates, correlations=correlations)
    for words in (EN, NB, NN):
        assert not [said for said in admission_text.say_two_gates(unknown, words) if "nan" in said.split()]
        blocks = compose(
            usual_cases, replace(told, admission=replace(told.admission, two_gates=unknown)), words, 5
        )
        cells = next(block.cells for block in blocks if getattr(block, "stem", "") == "correlations")
        assert cells.iloc[0, 1] == ":"
        assert cells.iloc[1:, 1].str.contains("0[.,]").all()


def test_other_rules():
    said = " ".join(admission_text.say_policies(make_policies(), EN))
    assert "Today 32% of the target group are in work." in said
    assert "a change of 8.4 (4.0 to 12.8) percentage points" in said
    assert "a lottery would change the share by −0.2 (−0.9 to 0.5) points" in said
    assert "(crowding 1), open gates change the share by 5.4 (1.0 to 9.8)" in said
    inclusion = admission_text.say_inclusion(make_policies(), "motivasjon", NB)
    assert f"tas 6{NBSP}% inn i dag" in inclusion[0] or f"tas 7{NBSP}% inn i dag" in inclusion[0]


def test_who_is_accepted_today_withheld_is_not_said():
    result = make_policies()
    hidden = result.inclusion["estimate"].where(result.inclusion["policy"] != "status_quo")
    assert (
        admission_text.say_inclusion(
            replace(result, inclusion=result.inclusion.assign(estimate=hidden)), "x", EN
        )
        == []
    )


def test_open_gates_beside_each_other(usual_answers, usual_plan):
    told = protect(usual_answers, usual_plan).admission
    table = tabulate_ways(told, EN)
    assert len(table) == 5
    assert table["Estimate"].tolist()[2] == "38%"
    assert " to " in table["Estimate"].tolist()[4]
    assert tabulate_ways(AdmissionAnswers(), EN).empty


# --- chapters ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_three_chapters_with_their_exhibits(usual_cases, usual_answers, usual_plan, language):
    words = speak(language)
    blocks = compose(usual_cases, protect(usual_answers, usual_plan), words, 5)
    expected = [words.say("heading_taken"), words.say("heading_effect"), words.say("heading_open_gates")]
    assert [text for text in headings(blocks) if text in expected] == expected
    texts = [block.text for block in blocks if block.kind == "paragraph"]
    assert not [text for text in texts if "{" in text or "nan" in text.split()]
    for block in blocks:
        if block.kind == "table":
            assert not block.cells.map(lambda cell: "nan" in str(cell).split()).to_numpy().any(), block.stem


def test_nothing_answered_leaves_the_losses_alone(usual_cases, usual_answers, usual_plan):
    told = replace(protect(usual_answers, usual_plan), admission=AdmissionAnswers())
    blocks = compose(usual_cases, told, EN, 5)
    assert EN.say("heading_taken") in headings(blocks)
    assert EN.say("heading_effect") not in headings(blocks)
    assert EN.say("heading_open_gates") not in headings(blocks)
    assert "losses" in stems(blocks)
    assert not {"creaming", "left_out", "policies"} & set(stems(blocks))


def test_why_not_and_what_would_help(usual_answers):
    refusals = {
        "creaming": EstimationError("x", reason="outcome_for_accepted_only"),
        "effect": EstimationError("x", reason="one_office"),
        "policies": EstimationError("x", reason="boundary"),
    }
    withheld = AdmissionAnswers(withheld=("left_out", "bounds"))
    answers = replace(usual_answers, refusals=refusals, admission=withheld)
    said = admission_text.say_remedies(answers, "motivation", EN)
    assert said[0].startswith(
        "Creaming: The outcome was observed for the accepted only. A link to a register"
    )
    assert said[1].endswith("Cases from more offices would answer it.")
    assert said[2].startswith("Other rules of admission: The likelihood")
    assert said[3].startswith("Who is left out and bounds of the effect and of open gates: So few cases")
    assert len(said) == 4


# --- cells -------------------------------------------------------------------------------------------


def test_a_decimal_that_says_nothing_goes_only_where_all_are_rounded():
    rounded = pd.DataFrame({"a": ["22,0\u00a0% (8,0\u00a0% til 30,0\u00a0%)"], "b": ["−4,0 (−12,0 til 5,0)"]})
    assert whole_numbers(rounded).iloc[0].tolist() == ["22\u00a0% (8\u00a0% til 30\u00a0%)", "−4 (−12 til 5)"]
    exact = pd.DataFrame({"a": ["22.5%", "22.0%"], "b": ["4.0", "4.5"]})
    assert whole_numbers(exact).equals(exact)
    hundredths = pd.DataFrame({"a": ["0.00", "0.25"], "b": ["1.0", ":"]})
    assert whole_numbers(hundredths).equals(hundredths)


def test_withheld_counts_leave_the_share_and_no_empty_column():
    cells = pd.DataFrame({"Cases": [":"], "Accepted": [": (24%)"]})
    assert shares_alone(without_columns(cells, EN, "head_cases")).to_dict("list") == {"Accepted": ["24%"]}
    assert without_columns(cells, EN, "head_offices").equals(cells)
