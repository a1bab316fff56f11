import dataclasses

import pytest

from se_outcomes.cases.mapping import read_mapping
from se_outcomes.cases.study_plan import CHOICES, StudyPlan
from se_outcomes.errors import MappingError


def problems(table):
    """The lines of the error, one for each problem."""
    with pytest.raises(MappingError) as caught:
        StudyPlan.from_mapping(table)
    return str(caught.value).split("\n  - ")


def test_nothing_said_is_the_plan_of_the_defaults():
    assert StudyPlan.from_mapping({}) == StudyPlan()
    assert (
        StudyPlan.from_mapping({field.name: None for field in dataclasses.fields(StudyPlan)}) == StudyPlan()
    )
    plan = StudyPlan()
    assert (plan.outcome_observed, plan.gates, plan.bypass) == (None, "separate", "refused")
    assert (plan.exposure, plan.adjust_for, plan.rating_after_gate) == ("motivation", (), "refuse")
    assert plan.outcome is plan.horizon_days is plan.source is plan.title is None


def test_everything_said():
    table = {
        "outcome_observed": "accepted",
        "gates": "merged",
        "bypass": "allowed",
        "outcome": "ordinary job within a year",
        "horizon_days": 365,
        "exposure": "caseload_at_referral",
        "adjust_for": ["age_group", "sex", "age_group"],
        "rating_after_gate": "keep",
        "source": {"en": "Register data", "nn": "Registerdata"},
        "title": "Five offices",
    }
    plan = StudyPlan.from_mapping(table)
    expected = {**table, "adjust_for": ("age_group", "sex")}
    assert {name: getattr(plan, name) for name in table} == expected


@pytest.mark.parametrize("name", CHOICES)
def test_choices_are_the_documented_words_and_no_others(name):
    for choice in CHOICES[name]:
        assert getattr(StudyPlan.from_mapping({name: choice}), name) == choice
    told = f"[study] {name}: expected one of " + ", ".join(f"'{choice}'" for choice in CHOICES[name])
    for other in (CHOICES[name][0].upper(), "", "perhaps", True, 1, [CHOICES[name][0]], {"en": "all"}):
        assert problems({name: other}) == [told]


def test_defaults_are_among_the_choices():
    for name, choices in CHOICES.items():
        assert getattr(StudyPlan(), name) in (*choices, None)


@pytest.mark.parametrize("days", [1, 365, 36525])
def test_horizon_of_whole_days(days):
    assert StudyPlan.from_mapping({"horizon_days": days}).horizon_days == days


@pytest.mark.parametrize("days", [0, -1, 365.0, 0.5, "365", True, False, [365], 36526, 10**20])
def test_horizon_that_is_no_number_of_days(days):
    assert problems({"horizon_days": days}) == [
        "[study] horizon_days: expected a whole number of days, from 1 to 36525"
    ]


@pytest.mark.parametrize(
    ("given", "columns"),
    [("sex", ("sex",)), (["sex"], ("sex",)), ((), ()), ([], ()), (("b", "a", "b"), ("b", "a"))],
)
def test_columns_to_adjust_for(given, columns):
    assert StudyPlan.from_mapping({"adjust_for": given}).adjust_for == columns


@pytest.mark.parametrize("given", ["", " ", 1, True, ["sex", 1], ["sex", ""], {"sex": True}, [["sex"]]])
def test_what_is_no_list_of_columns(given):
    assert problems({"adjust_for": given}) == [
        '[study] adjust_for: expected a list of columns, such as ["age_group", "sex"]'
    ]


@pytest.mark.parametrize("given", ["", "  ", 1, ["motivation"], {"en": "motivation"}])
def test_exposure_that_is_no_column(given):
    assert problems({"exposure": given}) == ["[study] exposure: expected the name of a column, in quotes"]


# --- texts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["outcome", "source", "title"])
@pytest.mark.parametrize(
    "given",
    ["", " ", 7, [], ["x"], {}, {"en": ""}, {"en": " "}, {"en": 1}, {"de": "x"}, {"en": "x", "de": "y"}],
)
def test_what_is_no_text(name, given):
    assert problems({name: given}) == [
        f"[study] {name}: expected a text in quotes, "
        'or one for each language: {en = "...", nb = "...", nn = "..."}'
    ]


def test_a_text_without_language_is_for_all():
    plan = StudyPlan(title="Five offices")
    assert [plan.text("title", language) for language in ("en", "nb", "nn")] == ["Five offices"] * 3
    assert [plan.text("source", language) for language in ("en", "nb", "nn")] == [""] * 3


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"en": "E", "nb": "B", "nn": "N"}, ["E", "B", "N"]),
        ({"en": "E"}, ["E", "E", "E"]),
        ({"nb": "B"}, ["B", "B", "B"]),
        ({"nn": "N"}, ["N", "N", "N"]),
        # either written Norwegian goes before English
        ({"en": "E", "nb": "B"}, ["E", "B", "B"]),
        ({"en": "E", "nn": "N"}, ["E", "N", "N"]),
        ({"nb": "B", "nn": "N"}, ["B", "B", "N"]),
    ],
)
def test_a_text_in_the_nearest_language(given, expected):
    for name in ("outcome", "source", "title"):
        plan = StudyPlan.from_mapping({name: given})
        assert [plan.text(name, language) for language in ("en", "nb", "nn")] == expected


# --- errors ---------------------------------------------------------------------------------------


def test_everything_wrong_is_said_at_once():
    table = {
        "outcome_observd": "all",
        "zzz": 1,
        "outcome_observed": "some",
        "gates": "both",
        "bypass": "no",
        "outcome": 1,
        "horizon_days": 0,
        "exposure": "",
        "adjust_for": 3,
        "rating_after_gate": "drop",
        "source": {},
        "title": "",
    }
    told = problems(table)
    assert told[:2] == [
        "[study] outcome_observd: no such setting. Did you mean 'outcome_observed'?",
        "[study] zzz: no such setting.",
    ]
    assert [line.split(":")[0] for line in told[2:]] == [f"[study] {name}" for name in list(table)[2:]]


def test_everything_wrong_is_said_beside_what_else_is_wrong_with_the_mapping():
    with pytest.raises(MappingError) as caught:
        read_mapping({"study": {"gates": "both", "bypass": "no"}, "read": {"decimal": ";"}})
    lines = str(caught.value).splitlines()
    assert lines[0] == "the mapping cannot be used:"
    assert [line.split(":")[0] for line in lines[1:]] == [
        "  - [read] decimal",
        "  - [study] gates",
        "  - [study] bypass",
    ]


def test_a_name_that_is_no_text_is_no_setting():
    assert problems({7: "all", None: 1}) == [
        "[study] 7: no such setting.",
        "[study] None: no such setting.",
    ]


# --- answers of a call ----------------------------------------------------------------------------


def test_answers_of_a_call_go_before_the_plan():
    plan = StudyPlan(gates="separate", outcome_observed="accepted", title="of the plan")
    assert plan.answered(gates=None, outcome_observed=None, title=None) == plan
    answered = plan.answered(gates="merged", outcome_observed="all", title="of the call")
    assert (answered.gates, answered.outcome_observed, answered.title) == ("merged", "all", "of the call")
    assert (plan.gates, plan.outcome_observed, plan.title) == ("separate", "accepted", "of the plan")


def test_wrong_answers_of_a_call_are_all_said():
    with pytest.raises(MappingError) as caught:
        StudyPlan().answered(gates="both", outcome_observed="some")
    assert str(caught.value).splitlines() == [
        "the options cannot be used:",
        "  - gates: expected one of 'separate', 'merged'",
        "  - outcome_observed: expected one of 'all', 'accepted'",
    ]


def test_a_plan_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        StudyPlan().gates = "merged"
