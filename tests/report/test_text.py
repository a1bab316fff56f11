"""The report's sentences on findings, by hand: every direction, numbers withheld, questions left out."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import se_outcomes as so
from se_outcomes.cases.check import check_cases
from se_outcomes.cases.schema import LANGUAGES
from se_outcomes.errors import EstimationError
from se_outcomes.report import text
from se_outcomes.report.admission_answers import AdmissionAnswers
from se_outcomes.report.answers import Answers, ask_questions
from se_outcomes.report.contents import compose
from se_outcomes.results import Notice, Test
from se_outcomes.tables.few_offices import MADE_FOR_FEW
from se_outcomes.wording.words import speak


@pytest.fixture(scope="module")
def cases():
    return so.simulate_cases(500, seed=1).cases


@pytest.fixture(scope="module")
def answers(cases):
    return ask_questions(cases)


@pytest.fixture(scope="module")
def merged_answers():
    return ask_questions(so.simulate_cases(500, seed=1, gates="merged", outcome_observed="accepted").cases)


def with_effect(result, estimate, low, high, adjustment=("crude", "adjusted"), p=None):
    """A result whose average marginal effect per standard deviation is this, and its test of the same mind."""
    if p is None:
        p = 0.2 if low <= 0 <= high else 0.01
    estimates = result.estimates.copy()
    rows = (estimates["contrast"] == "per_sd") & (estimates["measure"] == "ame")
    rows &= estimates["adjustment"].isin(adjustment)
    assert rows.any()
    estimates.loc[rows, ["estimate", "conf_low", "conf_high"]] = [estimate, low, high]
    estimates.loc[rows, list(MADE_FOR_FEW)] = p
    return replace(result, estimates=estimates)


def with_net(selection, adjustment, **numbers):
    """A split whose row of the net has these numbers."""
    estimates = selection.estimates.copy()
    rows = (estimates["term"] == "net") & (estimates["adjustment"] == adjustment)
    estimates.loc[rows, list(numbers)] = list(numbers.values())
    return replace(selection, estimates=estimates)


def say_findings(key, result):
    return [text.say_finding(key, result, speak(language)) for language in LANGUAGES]


# --- one question -----------------------------------------------------------------------------------


def test_higher(answers):
    assert say_findings("referral", with_effect(answers.passages["referral"], 0.1234, 0.0651, 0.1817)) == [
        "The share of the target group that is referred is 12.3 percentage points higher for each standard "
        "deviation more motivation (6.5 to 18.2).",
        "Andelen av målgruppen som henvises, er 12,3 prosentpoeng høyere for hvert standardavvik mer motivasjon "
        "(6,5 til 18,2).",
        "Delen av målgruppa som blir tilvist, er 12,3 prosentpoeng høgare for kvart standardavvik meir motivasjon "
        "(6,5 til 18,2).",
    ]


def test_lower_is_said_in_positive_numbers_the_smaller_first(answers):
    assert say_findings("acceptance", with_effect(answers.passages["acceptance"], -0.08, -0.121, -0.039)) == [
        "The share of those referred that is accepted is 8.0 percentage points lower for each standard deviation "
        "more motivation (3.9 to 12.1 lower).",
        "Andelen av de henviste som tas inn, er 8,0 prosentpoeng lavere for hvert standardavvik mer motivasjon "
        "(3,9 til 12,1 lavere).",
        "Delen av dei tilviste som blir teken inn, er 8,0 prosentpoeng lågare for kvart standardavvik meir motivasjon "
        "(3,9 til 12,1 lågare).",
    ]


def test_unclear_where_the_interval_holds_both_signs(answers):
    assert say_findings("placement", with_effect(answers.passages["placement"], 0.012, -0.05, 0.074)) == [
        "Whether the share of those accepted that gets a job goes with motivation cannot be told from these cases: "
        "the estimate is 1.2 percentage points for each standard deviation more motivation, and the interval from "
        "−5.0 to 7.4 holds both signs.",
        "Om andelen av dem som er tatt inn, som får jobb, henger sammen med motivasjon, kan ikke avgjøres med disse "
        "sakene: anslaget er 1,2 prosentpoeng for hvert standardavvik mer motivasjon, og intervallet fra −5,0 til "
        "7,4 rommer begge fortegn.",
        "Om delen av dei som er tekne inn, som får jobb, heng saman med motivasjon, kan ikkje avgjerast med desse "
        "sakene: anslaget er 1,2 prosentpoeng for kvart standardavvik meir motivasjon, og intervallet frå −5,0 til "
        "7,4 rommar begge forteikn.",
    ]


@pytest.mark.parametrize(("low", "high"), [(0.0, 0.1), (-0.1, 0.0), (-0.1, 0.1)])
def test_an_interval_that_touches_zero_is_unclear(low, high, answers):
    said = text.say_finding(
        "referral", with_effect(answers.passages["referral"], 0.0, low, high), speak("en")
    )
    assert said.startswith("Whether the share")


def test_an_interval_without_zero_and_a_test_that_does_not_bear_it_out(answers):
    result = with_effect(answers.passages["referral"], 0.1234, 0.0651, 0.1817, p=0.0522)
    said = say_findings("referral", result)
    assert said[0].endswith(
        "(6.5 to 18.2). The test does not bear this out at 5 per cent (p = 0.052, score bootstrap), so the finding is "
        "not certain."
    )
    assert said[1].endswith("(p = 0,052, skår-bootstrap), så funnet er ikke sikkert.")
    assert said[2].endswith("(p = 0,052, skår-bootstrap), så funnet er ikkje sikkert.")


def test_a_test_below_5_per_cent_and_an_interval_that_holds_zero(answers):
    result = with_effect(answers.passages["placement"], 0.012, -0.05, 0.074, p=0.039)
    said = say_findings("placement", result)
    assert said[0].startswith("Whether the share")
    assert "The test would by itself call this a difference at 5 per cent (p = 0.039" in said[0]
    assert said[1].endswith("siden intervallet ikke gjør det, står spørsmålet åpent.")
    assert said[2].endswith("sidan intervallet ikkje gjer det, står spørsmålet ope.")


def test_where_tests_lie_on_both_sides_the_section_says_so_once(answers):
    result = answers.passages["referral"]
    agreed = replace(result, estimates=result.estimates.assign(**dict.fromkeys(MADE_FOR_FEW, 0.2)))
    torn = replace(agreed, estimates=agreed.estimates.assign(cr2_p_value=0.03))
    withheld = replace(
        torn, estimates=torn.estimates.assign(**dict.fromkeys((*MADE_FOR_FEW, "estimate"), np.nan))
    )
    said = "the tests made for few offices lie on both sides of 5 per cent"
    for doctored, times in ((agreed, 0), (torn, 1), (withheld, 0)):
        sentences = text.say_passage("referral", doctored, answers, speak("en"))
        assert sum(said in sentence for sentence in sentences) == times


def test_withheld(answers):
    withheld = with_effect(answers.passages["placement_eligible"], np.nan, np.nan, np.nan)
    assert say_findings("placement_eligible", withheld) == [
        "So few cases have the one or the other outcome that no estimate of the share of the target group that gets "
        "a job is given.",
        "Så få saker har det ene eller det andre utfallet at det ikke gis noe anslag for andelen av målgruppen som "
        "får jobb.",
        "Så få saker har det eine eller det andre utfallet at det ikkje blir gitt noko anslag for delen av målgruppa "
        "som får jobb.",
    ]


def test_levels_have_no_direction(cases):
    result = so.estimate_referral(cases, exposure="age_group", adjust_for=())
    english, bokmal, nynorsk = say_findings("referral", result)
    assert english == (
        "The figure shows the share of the target group that is referred for each group of age group, and the table "
        "below compares the groups."
    )
    assert "som henvises, for hver gruppe av aldersgruppe" in bokmal
    assert "som blir tilvist, for kvar gruppe av aldersgruppe" in nynorsk


def test_the_last_model_is_the_one_told(answers):
    result = with_effect(answers.passages["referral"], 0.05, 0.02, 0.08, adjustment=("adjusted",))
    result = with_effect(result, 0.2, 0.1, 0.3, adjustment=("crude",))
    assert "is 5.0 percentage points" in text.say_finding("referral", result, speak("en"))
    crude_only = replace(result, estimates=result.estimates.query("adjustment == 'crude'"))
    assert "is 20.0 percentage points" in text.say_finding("referral", crude_only, speak("en"))
    said = text.say_passage("referral", result, answers, speak("en"))
    assert (
        "Adjusted for age group and level of education it is 5.0 (2.0 to 8.0), and 20.0 without adjustment."
        in said
    )


def test_merged_gates_are_said_as_one(merged_answers):
    result = with_effect(merged_answers.passages["acceptance"], 0.1, 0.05, 0.15)
    for language, event in {
        "en": "The share of the target group that is accepted is 10.0",
        "nb": "Andelen av målgruppen som tas inn, er 10,0",
        "nn": "Delen av målgruppa som blir teken inn, er 10,0",
    }.items():
        assert text.say_finding("acceptance", result, speak(language)).startswith(event)
    assert text.heading_of("acceptance", result, speak("nb")) == "Porten: henvisning og inntak i ett"
    assert text.caption_of("acceptance", result, speak("nn")).startswith(
        "Del av målgruppa som vart tilvist og teken"
    )
    said = text.say_passage("acceptance", result, merged_answers, speak("en"))
    assert not any("already passed one gate" in sentence for sentence in said)


# --- the paragraph of a question --------------------------------------------------------------------


def test_counts_and_quarters_of_a_question(answers):
    result = answers.passages["referral"]
    groups = result.groups.assign(estimate=[0.141, 0.3, 0.4, 0.706])
    statistics = {**result.fit_statistics, "n_cases": 1234, "n_events": 56}
    doctored = replace(result, groups=groups, fit_statistics=statistics)
    said = text.say_passage("referral", doctored, answers, speak("nb"))
    assert said[0] == "Spørsmålet er besvart for 1\u00a0234 saker, og 56 av dem passerte."
    assert (
        "I laveste fjerdedel av motivasjon er andelen 14\u00a0%, i høyeste 71\u00a0%, når kontorene holdes like."
        in said
    )
    across = replace(doctored, specification=replace(result.specification, office_effects=False))
    said = text.say_passage("referral", across, answers, speak("en"))
    assert "In the lowest quarter of motivation the share is 14%, in the highest 71%." in said
    hidden = replace(doctored, groups=groups.assign(estimate=[np.nan, 0.3, 0.4, 0.706]))
    assert not any(
        "lowest quarter" in sentence
        for sentence in text.say_passage("referral", hidden, answers, speak("en"))
    )


@pytest.mark.parametrize(
    ("p", "fits", "said"),
    [
        (0.05, True, "p = 0.050"),
        (0.2, True, "p = 0.200"),
        (0.049, False, "p = 0.049"),
        (1e-5, False, "p < 0.001"),
    ],
)
def test_linearity(p, fits, said, answers):
    test = Test("the squared term is zero", 1.0, "t(4)", p)
    doctored = replace(answers.passages["referral"], linearity=test)
    sentences = [
        s for s in text.say_passage("referral", doctored, answers, speak("en")) if "straight line" in s
    ]
    assert len(sentences) == 1
    assert ("fits well enough" in sentences[0]) == fits
    assert f"({said})" in sentences[0]
    untested = replace(answers.passages["referral"], linearity=None)
    assert not any("straight" in s for s in text.say_passage("referral", untested, answers, speak("en")))


def test_levels_taken_together(answers):
    test = Test("passing does not differ", 1.0, "score bootstrap (WCLR-S)", 0.041)
    doctored = replace(answers.passages["referral"], joint=test)
    said = text.say_passage("referral", doctored, answers, speak("en"))
    assert "That none of the groups differ has p = 0.041 (score bootstrap)." in said


def test_across_offices_says_why(answers):
    refusal = EstimationError("english", reason="no_variation_within_offices")
    asked = replace(answers, refusals={"referral": refusal})
    said = text.say_passage("referral", answers.passages["referral"], asked, speak("en"))
    assert said[1] == (
        "Cases are compared across offices, not within them, because: the outcome does not vary within offices, so "
        "comparisons within offices cannot be made."
    )
    assert (
        len(said) == len(text.say_passage("referral", answers.passages["referral"], answers, speak("en"))) + 1
    )


def test_a_weak_relation_at_the_second_gate_is_explained(answers):
    said = text.say_passage("acceptance", answers.passages["acceptance"], answers, speak("nn"))
    assert said[-1].startswith("Dei tilviste har alt passert éin port")


# --- the flow ---------------------------------------------------------------------------------------


def with_flow(funnel, **numbers):
    flow = funnel.flow.set_index("place")
    flow["n"] = flow["n"].astype("float64")
    for place, n in numbers.items():
        flow.loc[place, "n"] = n
    return replace(funnel, flow=flow.reset_index())


def test_flow(answers):
    funnel = with_flow(answers.funnel, followed=1025, referred=359, undecided=12, accepted=249, placed=116)
    asked = replace(answers, funnel=funnel)
    assert text.say_flow(asked, speak("en")) == [
        "Of 1,025 cases in the target group that were followed for long enough, 359 were referred, 249 were accepted, "
        "and 116 of those accepted got a job.",
        "Those undecided (12) were referred and are counted apart.",
    ]
    nobody = replace(answers, funnel=with_flow(funnel, undecided=0))
    assert len(text.say_flow(nobody, speak("en"))) == 1
    hidden = replace(answers, funnel=with_flow(funnel, undecided=np.nan, referred=np.nan))
    said = text.say_flow(hidden, speak("nb"))
    assert "ble et tilbakeholdt antall henvist" in said[0]
    assert "(et tilbakeholdt antall)" in said[1]
    no_horizon = replace(answers, funnel=replace(funnel, horizon_days=None))
    assert text.say_flow(no_horizon, speak("nn"))[0].startswith(
        "Av 1\u00a0025 saker i målgruppa vart 359 tilviste"
    )


def test_flow_of_merged_gates(merged_answers):
    funnel = with_flow(merged_answers.funnel, followed=500, accepted=122, placed=61)
    assert text.say_flow(replace(merged_answers, funnel=funnel), speak("nb")) == [
        "Av 500 saker i målgruppen som er fulgt lenge nok, ble 122 tatt inn, og 61 av dem fikk jobb."
    ]


# --- the split --------------------------------------------------------------------------------------


def doctored_split(selection, **net):
    """A split of 2.0 (1.2 to 3.3) on the ratio scale, 70 per cent of it at the first gate."""
    numbers = {"estimate": 0.69, "conf_low": 0.18, "conf_high": 1.19, "risk_ratio": 2.0} | net
    numbers = {"rr_conf_low": 1.2, "rr_conf_high": 3.3, "share": 1.0} | numbers
    estimates = selection.estimates.copy()
    estimates.loc[estimates["term"] == "gate_1", "share"] = 0.7
    return with_net(replace(selection, estimates=estimates), "office_standardised", **numbers)


def test_the_split_is_told_with_the_part_of_the_first_gate(answers):
    split = doctored_split(answers.selection)
    assert [text.say_selection(split, speak(language)) for language in LANGUAGES] == [
        [
            "Cases in the highest group of motivation are 2.0 times as likely to get through both gates as cases in "
            "the lowest (1.2 to 3.3).",
            "On the log scale, 70% of this difference arises at the first gate and the rest at the second.",
        ],
        [
            "Saker i høyeste gruppe av motivasjon kommer 2,0 ganger så ofte gjennom begge portene som saker i laveste "
            "(1,2 til 3,3).",
            "På logskalaen oppstår 70\u00a0% av denne forskjellen ved den første porten og resten ved den andre.",
        ],
        [
            "Saker i høgaste gruppe av motivasjon kjem 2,0 gonger så ofte gjennom begge portane som saker i lågaste "
            "(1,2 til 3,3).",
            "På logskalaen oppstår 70\u00a0% av denne forskjellen ved den første porten og resten ved den andre.",
        ],
    ]


def test_the_split_of_an_unclear_difference_is_not_told(answers):
    split = doctored_split(answers.selection, conf_low=-0.1, rr_conf_low=0.9, share=np.nan)
    assert text.say_selection(split, speak("en")) == [
        "Whether the highest and the lowest group of motivation differ in getting through both gates cannot be told "
        "from these cases (risk ratio 2.0; 0.9 to 3.3)."
    ]
    assert text.say_selection(split, speak("nb"))[0].endswith("(relativ risiko 2,0; 0,9 til 3,3).")


def test_a_difference_the_other_way_is_clear_too(answers):
    lower = {"estimate": -0.69, "conf_low": -1.19, "conf_high": -0.18, "risk_ratio": 0.5}
    split = doctored_split(answers.selection, **lower, rr_conf_low=0.3, rr_conf_high=0.8)
    said = text.say_selection(split, speak("en"))
    assert "are 0.5 times as likely" in said[0]
    assert len(said) == 2


def test_a_split_without_an_interval_is_unclear(answers):
    none = dict.fromkeys(("conf_low", "conf_high", "rr_conf_low", "rr_conf_high", "share"), np.nan)
    said = text.say_selection(doctored_split(answers.selection, **none), speak("en"))
    assert len(said) == 1
    assert said[0].startswith("Whether the highest and the lowest group")


def test_nothing_is_said_of_a_split_withheld(answers):
    assert text.say_selection(doctored_split(answers.selection, estimate=np.nan), speak("en")) == []


def test_without_the_standardised_split_the_crude_one_is_told(answers):
    crude = answers.selection.estimates.query("adjustment == 'crude'")
    selection = with_net(
        replace(answers.selection, estimates=crude.copy()), "crude",
        estimate=1.1, conf_low=0.5, conf_high=1.7, risk_ratio=3.0, rr_conf_low=1.6, rr_conf_high=5.5,
    )  # fmt: skip
    assert "are 3.0 times as likely" in text.say_selection(selection, speak("en"))[0]


def test_merged_gates_have_no_part_of_the_first(merged_answers):
    selection = with_net(
        merged_answers.selection, "office_standardised",
        estimate=1.1, conf_low=0.5, conf_high=1.7, risk_ratio=3.0, rr_conf_low=1.6, rr_conf_high=5.5, share=1.0,
    )  # fmt: skip
    assert len(text.say_selection(selection, speak("en"))) == 1


# --- what was left out ------------------------------------------------------------------------------


def test_nothing_left_out(cases, answers):
    said = [text.say_left_out(cases, answers, speak(language)) for language in LANGUAGES]
    assert said == [
        ["Every question of this report was answered."],
        ["Alle spørsmålene i denne rapporten er besvart."],
        ["Alle spørsmåla i denne rapporten er svart på."],
    ]


def test_an_exposure_with_levels_is_not_asked_of_a_selection_model(tmp_path):
    path = so.simulate_cases(500, seed=1).write(tmp_path / "cases.csv")
    study = {"exposure": "sex", "outcome_observed": "all", "adjust_for": []}
    cases = so.load_cases(path, mapping={"study": study})
    answers = ask_questions(cases)
    assert answers.by_level
    assert answers.selected is None
    assert len(answers.familywise.estimates) == len(answers.passages)
    assert (
        "Placement corrected for selection: Sex has levels"
        in text.say_left_out(cases, answers, speak("en"))[0]
    )
    headings = [block.anchor for block in compose(cases, answers, speak("nn"), 5) if block.kind == "heading"]
    assert "selected-placement" not in headings
    assert "few-offices" in headings


def test_refusals_by_question_in_order(cases, answers):
    refusals = {
        "selection": EstimationError("english", reason="empty_cell"),
        "placement_eligible": EstimationError("english", reason="outcome_for_accepted_only"),
        "placement": EstimationError("english", reason="separation", columns=("benefit", "sex")),
        "acceptance": EstimationError(
            "english", reason="exposure_constant_within_offices", column="motivation"
        ),
    }
    # acceptance was answered across offices; the others not at all
    passages = {key: answers.passages[key] for key in ("referral", "acceptance")}
    asked = replace(answers, passages=passages, selection=None, refusals=refusals)
    assert text.say_left_out(cases, asked, speak("en")) == [
        "Acceptance, within offices: Motivation does not vary within offices, so comparisons within offices cannot be "
        "made.",
        "Work among those accepted: The outcome follows too closely from benefit and sex in parts of the data "
        "(separation), so that no finite estimate fits best.",
        "Work in the whole target group: The outcome was observed for the accepted only.",
        "The split of selection by gate: One of the groups compared has too few cases at a gate.",
    ]
    bokmal = text.say_left_out(cases, asked, speak("nb"))
    assert bokmal[0].startswith("Inntak, innen kontor: Motivasjon varierer ikke innad i kontorene")
    assert bokmal[1].startswith(
        "Arbeid blant dem som er tatt inn: Ytelse og kjønn forutsier utfallet for godt"
    )
    nynorsk = text.say_left_out(cases, asked, speak("nn"))
    assert (
        nynorsk[3]
        == "Delinga av seleksjonen på portar: Ei av gruppene som blir samanlikna, har for få saker ved ein port."
    )
    assert not any("english" in sentence for sentence in [*bokmal, *nynorsk])


@pytest.fixture(scope="module")
def bare_cases():
    """Twelve cases in two offices, nothing recorded but what must be, one rate of retention and one date."""
    frame = pd.DataFrame(
        {
            "case_id": [f"case{number}" for number in range(12)],
            "office_id": ["north", "south"] * 6,
            "motivation": [3, 4, 5, 6, 7, 8] * 2,
            "referred": pd.array([True, False] * 6, "boolean"),
            "accepted": pd.array([True, pd.NA, False, pd.NA] * 3, "boolean"),
            "placed": pd.array([True, False] * 6, "boolean"),
            "retained_6m": pd.array([True, pd.NA] * 6, "boolean"),
            "eligible": True,
            "entry_date": pd.Timestamp("2020-01-01"),
        }
    )
    return check_cases(frame, mapping={"study": {"outcome_observed": "all"}})


def test_chapters_whose_columns_are_missing(bare_cases, answers):
    said = text.say_left_out(bare_cases, answers, speak("en"))
    assert len(said) == 4  # staying in work can be answered from one of its two columns
    assert said[0].startswith("Follow-up of equal length: the file does not have ")
    assert said[1].startswith("Whether motivation was rated before the gates: the file does not have ")
    assert said[1].count(",") == 1  # three columns: a comma and an "and"
    assert " and " in said[1]
    assert not any("retained" in sentence or "Staying" in sentence for sentence in said)
    columns = [speak("nn").noun(name) for name in ("counsellor_id", "job_specialist_id")]
    nynorsk = text.say_left_out(bare_cases, answers, speak("nn"))
    assert nynorsk[-1] == f"Portvaktarar med få saker: fila har ikkje {columns[0]} og {columns[1]}."
    assert columns[0] != "counsellor_id"


# --- reservations and method ------------------------------------------------------------------------


def test_reservations_are_said_once_and_only_what_readers_need(cases, answers):
    twice = Notice("nobody_at_risk", "english")
    silent = Notice("columns_left_out", "{told}", told="shoe size")
    funnel = replace(answers.funnel, warnings=(twice, silent, twice))
    said = text.say_reservations(cases, replace(answers, funnel=funnel), speak("nn"))
    assert said.count("Ei gruppe der ingen kom til eit steg, har ingen del der.") == 1
    assert all(said)
    assert not any("shoe size" in sentence or "english" in sentence for sentence in said)


def test_no_reservations(answers):
    funnel, described = replace(answers.funnel, warnings=()), replace(answers.characteristics, warnings=())

    class Untroubled:
        warnings = ()

    asked = Answers(funnel, described, {}, None)
    assert text.say_reservations(Untroubled(), asked, speak("nb")) == [
        "Kontrollen av dataene ga ingen grunn til forbehold."
    ]


def test_method_names_what_was_adjusted_for(cases, answers):
    said = text.say_method(cases, answers, 5, speak("en"))
    assert "adjusted for age group and level of education" in said[0]
    assert any(sentence.startswith("Groups of fewer than 5 cases") for sentence in said)
    crude = {
        key: replace(result, specification=replace(result.specification, adjust_for=()))
        for key, result in answers.passages.items()
    }
    assert "adjusted" not in text.say_method(cases, replace(answers, passages=crude), 5, speak("en"))[0]
    nothing = replace(answers, passages={}, selected=None, admission=AdmissionAnswers())
    none = text.say_method(cases, nothing, 10, speak("nb"))
    assert none[0].startswith("Grupper på færre enn 10 saker")


def test_method_says_how_intervals_and_tests_are_made(cases, answers):
    said = " ".join(text.say_method(cases, answers, 5, speak("en")))
    for what in ("CV3", "WCLR-S", "CR2", "CV1", "Firth"):
        assert what in said
    assert "likelihood" not in said


def test_separation_is_told_by_variable_and_never_by_level(cases, answers):
    notice = Notice(
        "penalised", "{what} {columns} {levels}", what="Odds", columns="benefit and sex", levels="sex = x"
    )
    funnel = replace(answers.funnel, warnings=(notice,))
    for language in LANGUAGES:
        words = speak(language)
        said = text.say_reservations(cases, replace(answers, funnel=funnel), words)
        named = words.nouns(("benefit", "sex"))
        assert any(sentence.startswith(named[:1].upper() + named[1:]) for sentence in said)
        assert not any("sex =" in sentence or "Odds" in sentence for sentence in said)


def test_summary_tells_of_every_question_and_the_split(answers):
    said = list(text.say_summary(answers, speak("nb")))
    assert len(said) == 2 + len(answers.passages) + 2  # creaming, and the effect with open gates
    assert said[0].startswith("Av ")
    assert any("begge portene" in sentence for sentence in said)
    assert len(list(text.say_summary(replace(answers, selection=None), speak("nb")))) == len(said) - 1
