import narwhals as nw
import pandas as pd
import pytest

from se_outcomes.cases.check import check_cases
from se_outcomes.cases.derive import (
    GATE_STATES,
    OUTCOME_STATES,
    RETENTION_STATES,
    fill_in_columns,
    state_columns,
)
from se_outcomes.cases.study_plan import StudyPlan

YES, NO, UNKNOWN = True, False, None
BOOLEANS = ("eligible", "referred", "accepted", "placed", "retained_6m", "retained_12m")


def typed(columns):
    """A frame with the types of parsed cases; placed is false where it is not given."""
    n = len(next(iter(columns.values())))
    frame = pd.DataFrame({"referred": [NO] * n, "accepted": [UNKNOWN] * n, "placed": [NO] * n, **columns})
    frame = frame.astype({name: "boolean" for name in BOOLEANS if name in frame})
    dates = {name: "datetime64[us]" for name in frame if name.endswith(("_date", "_end"))}
    whole = {"birth_year": "Int64"} if "birth_year" in frame else {}
    texts = {"measure_code": "str"} if "measure_code" in frame else {}
    return nw.from_native(frame.astype({**dates, **whole, **texts}), eager_only=True)


def states(columns, **plan):
    frame = typed(columns)
    added = frame.with_columns(**state_columns(set(frame.columns), StudyPlan(**plan))).to_pandas()
    return {name: added[name].tolist() for name in added if name not in frame.columns}


def state(name, columns, **plan):
    return states(columns, **plan)[name]


def filled_in(name, columns):
    frame = typed(columns)
    added = frame.with_columns(**fill_in_columns(set(frame.columns))).to_pandas()
    return [None if pd.isna(value) else value for value in added[name]]


# --- gates ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("referred", "accepted", "expected"),
    [
        (YES, YES, "accepted"),
        (YES, NO, "refused"),
        (YES, UNKNOWN, "undecided"),
        (NO, YES, "bypassed"),
        (NO, NO, "not_referred"),
        (NO, UNKNOWN, "not_referred"),
        (UNKNOWN, YES, "referral_unknown"),
        (UNKNOWN, NO, "referral_unknown"),
        (UNKNOWN, UNKNOWN, "referral_unknown"),
    ],
)
@pytest.mark.parametrize("bypass", ["refused", "allowed"])
def test_state_at_separate_gates(referred, accepted, expected, bypass):
    columns = {"referred": [referred], "accepted": [accepted]}
    assert state("gate_state", columns, bypass=bypass) == [expected]


@pytest.mark.parametrize(
    ("referred", "accepted", "expected"),
    [
        (YES, YES, "accepted"),
        (NO, YES, "accepted"),
        (UNKNOWN, YES, "accepted"),
        (YES, NO, "refused"),
        (NO, NO, "refused"),
        (UNKNOWN, NO, "refused"),
        (NO, UNKNOWN, "refused"),
        (YES, UNKNOWN, "undecided"),
        (UNKNOWN, UNKNOWN, "undecided"),
    ],
)
def test_state_at_merged_gates(referred, accepted, expected):
    assert state("gate_state", {"referred": [referred], "accepted": [accepted]}, gates="merged") == [expected]


def test_only_who_is_recorded_as_eligible_is_in_the_target_group():
    columns = {"eligible": [YES, NO, UNKNOWN], "referred": [YES] * 3, "accepted": [YES] * 3}
    for gates in ("separate", "merged"):
        assert state("gate_state", columns, gates=gates) == ["accepted", "ineligible", "ineligible"]


def test_without_a_column_eligible_everyone_is_in_the_target_group():
    assert state("gate_state", {"referred": [YES, NO], "accepted": [NO, UNKNOWN]}) == [
        "refused",
        "not_referred",
    ]


@pytest.mark.parametrize("gates", ["separate", "merged"])
def test_followed_for_exactly_the_horizon_is_long_enough(gates):
    columns = {
        "referred": [YES] * 5,
        "accepted": [YES] * 5,
        "entry_date": ["2021-01-01", "2021-01-01", "2021-01-01", None, "2021-01-01"],
        # 365 days after the first of January 2021 is the first of January 2022
        "followup_end": ["2021-12-31", "2022-01-01", "2022-01-02", "2022-06-01", None],
    }
    expected = ["short_followup", "accepted", "accepted", "short_followup", "short_followup"]
    assert state("gate_state", columns, horizon_days=365, gates=gates) == expected


def test_horizon_counts_days_across_a_leap_day():
    columns = {
        "referred": [NO, NO],
        "entry_date": ["2020-02-28", "2020-02-28"],
        "followup_end": ["2020-02-29", "2020-03-01"],
    }
    assert state("gate_state", columns, horizon_days=2) == ["short_followup", "not_referred"]


def test_a_horizon_of_a_century_at_the_last_date_there_is():
    columns = {"entry_date": ["2100-12-31"], "followup_end": ["2100-12-31"]}
    assert state("gate_state", columns, horizon_days=36525) == ["short_followup"]


def test_ineligible_goes_before_short_follow_up():
    columns = {"eligible": [NO], "entry_date": ["2021-01-01"], "followup_end": ["2021-01-02"]}
    assert state("gate_state", columns, horizon_days=365) == ["ineligible"]


@pytest.mark.parametrize("given", ["entry_date", "followup_end"])
def test_nobody_is_followed_too_briefly_where_a_date_or_the_horizon_is_not_there(given):
    assert state("gate_state", {given: ["2021-01-01"]}, horizon_days=365) == ["not_referred"]
    both = {"entry_date": ["2021-01-01"], "followup_end": ["2021-01-02"]}
    assert state("gate_state", both) == ["not_referred"]


def test_every_gate_state_is_listed_and_can_occur():
    columns = {
        "eligible": [NO, *[YES] * 7],
        "referred": [YES, YES, UNKNOWN, NO, NO, YES, YES, YES],
        "accepted": [YES, YES, YES, NO, YES, UNKNOWN, NO, YES],
        "entry_date": ["2021-01-01"] * 8,
        "followup_end": ["2022-01-01", "2021-02-01", *["2022-01-01"] * 6],
    }
    assert tuple(state("gate_state", columns, horizon_days=365)) == GATE_STATES


# --- outcomes -------------------------------------------------------------------------------------


@pytest.mark.parametrize("observed", ["all", None])
def test_outcome_of_everyone(observed):
    columns = {"placed": [YES, NO, UNKNOWN, YES], "accepted": [YES, UNKNOWN, YES, NO]}
    found = state("outcome_state", columns, outcome_observed=observed)
    assert found == ["placed", "not_placed", "unknown", "placed"]
    assert set(found) == set(OUTCOME_STATES)


def test_outcome_of_the_accepted_only_is_unknown_for_all_others():
    columns = {
        "placed": [YES, NO, UNKNOWN, YES, NO, YES, NO],
        "accepted": [YES, YES, YES, NO, NO, UNKNOWN, UNKNOWN],
    }
    found = state("outcome_state", columns, outcome_observed="accepted")
    assert found == ["placed", "not_placed", *["unknown"] * 5]


def test_retention_after_twelve_months_goes_before_six():
    six = {"retained_6m": [YES, NO, UNKNOWN]}
    assert state("retention_state", six) == ["retained", "not_retained", "unknown"]
    assert set(state("retention_state", six)) == set(RETENTION_STATES)
    both = {**six, "retained_12m": [UNKNOWN, YES, NO]}
    assert state("retention_state", both) == ["unknown", "retained", "not_retained"]


def test_retention_is_not_worked_out_from_nothing():
    assert set(states({"referred": [YES]})) == {"gate_state", "outcome_state"}


def test_rated_after_is_a_later_day_and_not_a_missing_one():
    dates = {
        "motivation_date": ["2021-03-01", "2021-03-02", "2021-03-03", None, "2021-03-02"],
        "referral_date": ["2021-03-02", "2021-03-02", "2021-03-02", "2021-03-02", None],
    }
    expected = [False, False, True, False, False]
    assert state("rated_after_referral", dates) == expected
    assert "rated_after_decision" not in states(dates)
    dates["decision_date"] = dates.pop("referral_date")
    assert state("rated_after_decision", dates) == expected
    assert "rated_after_referral" not in states(dates)


# --- columns that follow from others ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("age", "group"),
    [
        (0, "under 18"),
        (17, "under 18"),
        (18, "18-19"),
        (19, "18-19"),
        (20, "20-24"),
        (24, "20-24"),
        (25, "25-29"),
        (29, "25-29"),
        (30, "30+"),
        (67, "30+"),
    ],
)
def test_age_group_is_of_the_year_of_entry(age, group):
    columns = {"birth_year": [2021 - age] * 2, "entry_date": ["2021-01-01", "2021-12-31"]}
    assert filled_in("age_group", columns) == [group, group]


def test_age_group_is_missing_where_a_part_is():
    columns = {"birth_year": [None, 1990, 1999], "entry_date": ["2021-05-04", None, "2021-05-04"]}
    assert filled_in("age_group", columns) == [None, None, "20-24"]


def test_provision_follows_from_the_measure():
    codes = ["UTVAOONAV", "IPSUNG", "ARBFORB", "INDOPPFAG", "ARBTREN", "INKLUTILS", "SUPPEMP", None]
    expected = ["inhouse", "inhouse", "supplier", "supplier", "none", "none", None, None]
    assert filled_in("provision", {"measure_code": codes}) == expected


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (set(), set()),
        ({"measure_code"}, {"provision"}),
        ({"measure_code", "provision"}, set()),
        ({"birth_year", "entry_date"}, {"age_group"}),
        ({"birth_year", "entry_date", "age_group"}, set()),
        ({"birth_year"}, set()),
        ({"entry_date"}, set()),
    ],
)
def test_what_the_file_says_itself_is_not_worked_out(columns, expected):
    assert set(fill_in_columns(columns)) == expected


def test_columns_worked_out_are_columns_of_the_cases():
    frame = pd.DataFrame(
        {
            "case_id": ["a", "b", "c"],
            "office_id": ["x", "x", "y"],
            "motivation": [1, 2, 3],
            "referred": [True, True, False],
            "accepted": [True, False, None],
            "placed": [True, False, False],
            "birth_year": [1990, 2002, None],
            "entry_date": ["2021-05-04"] * 3,
            "measure_code": ["IPSUNG", "ARBFORB", None],
        }
    )
    tally = check_cases(frame).tally(["age_group", "provision", "gate_state"])
    found = {tuple(None if pd.isna(value) else value for value in row) for row in tally.to_numpy().tolist()}
    assert found == {
        ("30+", "inhouse", "accepted", 1),
        ("18-19", "supplier", "refused", 1),
        (None, None, "not_referred", 1),
    }
