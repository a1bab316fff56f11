import datetime as dt
import re
from pathlib import Path

import pandas as pd
import pytest

import se_outcomes.cases.remarks as remarks
from se_outcomes.cases.check import check_cases
from se_outcomes.errors import CaseFileError, MappingError

STUDY = {"outcome_observed": "all", "horizon_days": 365}
#: Every key of a notice, as the modules that make them spell it.
KEYS = set(re.findall(r'Notice\(\s*"(\w+)"', Path(remarks.__file__).read_text(encoding="utf-8")))


def sound(n=12, **columns):
    """Cases that call for no warning: twelve offices, all referred and accepted, everything dated."""
    frame = pd.DataFrame(
        {
            "case_id": [f"c{i}" for i in range(n)],
            "office_id": [f"o{i % 12}" for i in range(n)],
            "entry_date": "2021-01-01",
            "eligible": True,
            "motivation": [float(i % 7) for i in range(n)],
            "motivation_date": "2021-01-15",
            "referred": True,
            "referral_date": "2021-02-01",
            "accepted": True,
            "placed": [i % 2 == 0 for i in range(n)],
            "followup_end": "2022-06-01",
        }
    )
    return frame.assign(**columns)


def check(frame, **study):
    return check_cases(frame, mapping={"study": {**STUDY, **study}})


def keys(frame, **study):
    return [notice.key for notice in check(frame, **study).warnings]


def notice(frame, **study):
    """The one warning there is."""
    [found] = check(frame, **study).warnings
    return found


def faults(frame, **options):
    with pytest.raises(CaseFileError) as caught:
        check_cases(frame, **options)
    found = caught.value.faults
    return [(row.column, row.rule, row.n_rows, row.first_rows) for row in found.itertuples(index=False)]


def first(value, others, n=12):
    return [value, *[others] * (n - 1)]


# --- faults ---------------------------------------------------------------------------------------


def test_sound_cases_have_no_fault_and_no_warning():
    cases = check(sound())
    assert cases.warnings == ()
    assert (cases.n_cases, cases.n_offices) == (12, 12)


def test_all_faults_at_once():
    frame = sound(14).astype(object)
    frame.loc[1, "motivation"] = "Xqhigh"
    frame.loc[2, "placed"] = "Xqperhaps"
    frame.loc[3, "case_id"] = "c0"
    frame.loc[4, "office_id"] = None
    frame.loc[5, "referral_date"] = "2020-12-31"
    frame.loc[6, "referred"] = False
    frame = frame.assign(job_pct=[100, 101, *[None] * 12], sex=["Xq", *["female"] * 13])
    frame = frame.assign(note=[*[""] * 13, "kari.nordmann@example.no"]).drop(columns="eligible")
    with pytest.raises(CaseFileError) as caught:
        check_cases(frame)
    found = caught.value.faults
    told = set(zip(found["column"], found["rule"], found["n_rows"], found["first_rows"], strict=True))
    assert told == {
        ("motivation", "not a number", 1, "2"),
        ("placed", "not true or false", 1, "3"),
        ("case_id", "each case once", 2, "1, 4"),
        ("office_id", "case and office known", 1, "5"),
        ("referral_date", "order", 1, "6"),
        ("accepted", "accepted requires referred", 1, "7"),
        ("job_pct", "out of bounds", 1, "2"),
        ("sex", "code not in the list", 1, "1"),
        ("note", "identifying: e-mail address", 1, "14"),
    }
    message = str(caught.value)
    assert message.startswith("the data frame cannot be used: 9 faults\n")
    assert message.count("\n  - ") == 9
    for secret in ("Xq", "kari", "2020", "101"):
        assert secret not in message


def test_columns_that_are_not_there_are_told_beside_rules_that_are_broken():
    frame = sound(case_id=first("c1", "c1")).drop(columns=["placed", "motivation"])
    assert set(faults(frame)) == {
        ("motivation", "required column missing", 0, ""),
        ("placed", "required column missing", 0, ""),
        ("case_id", "each case once", 12, "1, 2, 3, 4, 5"),
    }


def test_frame_without_rows_or_columns():
    assert faults(pd.DataFrame())
    assert faults(sound().iloc[:0])


@pytest.mark.parametrize("given", [None, [], {"case_id": ["1"]}, "frame", pd.Series([1])])
def test_what_is_no_frame_is_refused(given):
    with pytest.raises(
        TypeError, match="a file, a pandas or Spark data frame, or a DuckDB relation; this is a "
    ):
        check_cases(given)


@pytest.mark.parametrize(
    ("column", "least", "most"),
    [("job_pct", 0, 100), ("weeks_worked_12m", 0, 52), ("months_worked_prev_24m", 0, 24)],
)
def test_values_at_the_bounds_are_sound_and_beyond_them_are_not(column, least, most):
    values = [least, most, *[None] * 10]
    assert check(sound(**{column: values})).n_cases == 12
    beyond = [least - 1, most + 1, *[None] * 10]
    assert faults(sound(**{column: beyond})) == [(column, "out of bounds", 2, "1, 2")]


def test_infinity_is_no_measurement():
    assert faults(sound(motivation=first(float("inf"), 1.0))) == [("motivation", "not a number", 1, "1")]


def test_acceptance_without_referral_is_a_fault_unless_the_plan_says_otherwise():
    frame = sound(referred=first(False, True))
    assert faults(frame) == [("accepted", "accepted requires referred", 1, "1")]
    assert check(frame, bypass="allowed").n_cases == 12
    assert check(frame, gates="merged").n_cases == 12
    assert check_cases(frame, gates="merged").plan.gates == "merged"


def test_rules_also_look_at_columns_worked_out_under_a_mapping():
    frame = sound().rename(columns={"case_id": "saksnr"}).assign(saksnr="1")
    found = faults(frame, mapping={"columns": {"case_id": "saksnr"}})
    assert found == [("case_id", "each case once", 12, "1, 2, 3, 4, 5")]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("n", "number"),
        ("n", "text"),
        ("level", "number"),
        ("event", "boolean"),
        ("gate_state", "text"),
        ("outcome_state", "text"),
        ("retention_state", "text"),
        ("rated_after_referral", "boolean"),
        ("rated_after_decision", "boolean"),
        ("motivation_scaled", "number"),
        ("motivation_group", "text"),
        ("job_pct_bin", "text"),
    ],
)
def test_names_the_package_gives_itself_are_reserved(name, kind):
    value = {"number": 1.5, "text": "x", "boolean": True}[kind]
    frame = sound()
    frame[name] = value
    assert faults(frame, mapping={"extra": {name: kind}}) == [(name, "reserved name", 0, "")]
    # a column that is left out anyway bears whatever name it likes
    assert [notice.key for notice in check(frame).warnings] == ["columns_left_out"]


def test_endings_are_reserved_for_extra_numbers_only():
    frame = sound(locus=1.5, locus_group="x")
    both = {"locus": "number", "locus_group": "text"}
    assert faults(frame, mapping={"extra": both}) == [("locus_group", "reserved name", 0, "")]
    assert check_cases(frame, mapping={"extra": {**both, "locus": "text"}}).has("locus_group")
    assert check_cases(frame, mapping={"extra": {"locus_group": "text"}}).has("locus_group")


def test_options_of_the_call_go_before_the_mapping():
    mapping = {"study": {"gates": "separate", "outcome_observed": "accepted", "title": "of the mapping"}}
    plan = check_cases(sound(), mapping=mapping).plan
    assert (plan.gates, plan.outcome_observed, plan.title) == ("separate", "accepted", "of the mapping")
    plan = check_cases(
        sound(), mapping=mapping, gates="merged", outcome_observed="all", title="of the call"
    ).plan
    assert (plan.gates, plan.outcome_observed, plan.title) == ("merged", "all", "of the call")


def test_options_that_are_none_of_the_choices():
    with pytest.raises(MappingError) as caught:
        check_cases(sound(), gates="both", outcome_observed="some", title=" ")
    assert str(caught.value).splitlines() == [
        "the options cannot be used:",
        "  - gates: expected one of 'separate', 'merged'",
        "  - outcome_observed: expected one of 'all', 'accepted'",
        '  - title: expected a text in quotes, or one for each language: {en = "...", nb = "...", nn = "..."}',
    ]


# --- the caller's frame ---------------------------------------------------------------------------


def test_the_callers_frame_is_left_as_it_is():
    frame = sound(birth_year=1990, measure_code="IPSUNG", sex="kvinne").set_index(pd.Index(range(50, 62)))
    before, flags = frame.copy(deep=True), frame.dtypes
    cases = check(frame)
    cases.tally(["motivation_bin", "sex"])
    assert cases.fingerprint
    pd.testing.assert_frame_equal(frame, before)
    assert frame.dtypes.equals(flags)
    with pytest.raises(CaseFileError):
        check_cases(frame.assign(case_id="1"))
    pd.testing.assert_frame_equal(frame, before)


def test_cases_do_not_follow_a_frame_that_is_changed_later():
    frame = sound()
    cases = check(frame)
    tally = cases.tally(["motivation", "placed"])
    frame.loc[:, "motivation"] = 0.0
    frame["placed"] = False
    pd.testing.assert_frame_equal(cases.tally(["motivation", "placed"]), tally)


def test_native_dates_and_text_are_one():
    dated = sound(
        entry_date=dt.date(2021, 1, 1),
        motivation_date=pd.Timestamp("2021-01-15"),
        referral_date="01.02.2021",
    )
    assert check(dated).fingerprint == check(sound()).fingerprint


# --- warnings: one test for each ------------------------------------------------------------------


def test_offices():
    assert keys(sound(office_id="x")) == ["one_office"]
    assert keys(sound(office_id=[f"o{i % 2}" for i in range(12)])) == ["few_offices"]
    nine = notice(sound(office_id=[f"o{i % 9}" for i in range(12)]))
    assert nine.startswith("There are 9 offices:")
    assert nine.parts == {"n_offices": 9}
    assert keys(sound(office_id=[f"o{i % 10}" for i in range(12)])) == []


def test_eligibility():
    assert keys(sound().drop(columns="eligible")) == ["eligible_absent"]
    assert keys(sound(eligible=first(None, True))) == ["eligible_unknown"]
    assert keys(sound(eligible=first(False, True))) == []


def test_follow_up():
    assert keys(sound(), horizon_days=None) == ["horizon_absent"]
    for column in ("entry_date", "followup_end"):
        unknown = notice(sound().drop(columns=column))
        assert unknown.key == "followup_unknown"
        assert unknown.parts == {"days": 365}
        assert keys(sound(**{column: first(None, sound()[column][0])})) == ["followup_missing"]
        # one that is not eligible is not counted among those followed too briefly
        frame = sound(**{column: first(None, sound()[column][0])}, eligible=first(False, True))
        assert keys(frame) == []
    assert keys(sound(followup_end=first("2021-03-01", "2022-06-01"))) == []
    assert keys(sound(followup_end=None), horizon_days=None) == ["horizon_absent"]


def test_for_whom_the_outcome_is_known():
    assert keys(sound(), outcome_observed=None) == ["outcome_observed_unknown"]
    assert keys(sound(), outcome_observed="accepted") == []
    for accepted in (False, None):
        frame = sound(accepted=first(accepted, True), non_acceptance_by="agency")
        assert keys(frame, outcome_observed="accepted") == ["outcomes_set_aside"]
        assert keys(frame) == []
        without = frame.assign(placed=first(None, False))
        assert keys(without, outcome_observed="accepted") == []


def test_motivation_missing_on_one_side_of_the_first_gate():
    half = {"referred": [i < 10 for i in range(20)], "accepted": [True] * 10 + [None] * 10}

    def motivation(n_referred, n_others):
        values = [1.0] * n_referred + [None] * (10 - n_referred) + [2.0] * n_others + [None] * (10 - n_others)
        return sound(20, **half, motivation=values)

    assert keys(motivation(10, 0)) == ["motivation_of_referred_only"]
    assert keys(motivation(1, 0)) == ["motivation_of_referred_only"]
    assert keys(motivation(0, 0)) == []
    # 20 points apart are not more than 20 points apart; 30 are
    assert keys(motivation(10, 8)) == []
    assert keys(motivation(10, 7)) == ["motivation_missing_by_gate"]
    assert keys(motivation(7, 10)) == ["motivation_missing_by_gate"]
    assert keys(motivation(0, 10)) == ["motivation_missing_by_gate"]
    # those who are not in the target group do not count
    assert keys(motivation(10, 0).assign(eligible=[True] * 10 + [False] * 10)) == []


def test_motivation_of_the_undecided_is_that_of_the_referred():
    undecided = sound(20, referred=[i < 10 for i in range(20)], accepted=None)
    assert keys(undecided.assign(motivation=[1.0] * 10 + [None] * 10)) == ["motivation_of_referred_only"]


def test_motivation_missing_a_little_more_often_than_a_fifth():
    frame = sound(50, referred=[i < 25 for i in range(50)], accepted=[True] * 25 + [None] * 25)
    for lost, told in ((5, []), (6, ["motivation_missing_by_gate"])):
        assert keys(frame.assign(motivation=[1.0] * (50 - lost) + [None] * lost)) == told


def test_ratings_by_a_gatekeeper():
    for source in ("counsellor", "job_specialist"):
        assert keys(sound(motivation_source=first(source, "client"))) == ["rated_by_gatekeeper"]
    for source in ("client", "evaluator", None):
        assert keys(sound(motivation_source=first(source, "client"))) == []


def test_ratings_that_are_late_or_undated():
    for column in ("motivation_date", "referral_date"):
        assert keys(sound().drop(columns=column)) == ["rating_undated"]
    assert keys(sound(motivation_date="2021-02-01")) == []
    assert keys(sound(motivation_date=None)) == []
    late = notice(sound(motivation_date=first("2021-02-02", "2021-02-01")))
    assert late.key == "rated_after_gate"
    assert "for 1 case:" in late
    assert "(rows 1)" in late
    assert "for 12 cases:" in notice(sound(motivation_date="2021-02-02"))


def test_instruments():
    assert keys(sound(motivation_instrument=["ruler", "sofa"] * 6)) == ["several_instruments"]
    assert keys(sound(motivation_instrument="ruler")) == []
    assert keys(sound(motivation_instrument=None)) == []


def test_instruments_are_those_that_shape_the_scale():
    # a value without a named instrument is compared with its like, so there are two scales
    unnamed = sound(motivation_instrument=[*[None] * 6, *["ruler"] * 6])
    assert keys(unnamed) == ["several_instruments"]
    assert len(check(unnamed).scale("motivation").rulers) == 2
    assert keys(unnamed.assign(motivation=[*[None] * 6, *[1.0, 2.0] * 3])) == []
    assert keys(unnamed.assign(eligible=[*[False] * 6, *[True] * 6])) == []


def test_gates():
    assert keys(sound(), gates="merged") == ["gates_merged"]
    passed = sound(referred=first(False, True))
    assert keys(passed, bypass="allowed") == ["bypassed"]
    assert keys(passed, gates="merged") == ["gates_merged"]
    assert keys(sound(), bypass="allowed") == []
    assert keys(passed.assign(eligible=first(False, True)), bypass="allowed") == []


def test_refusals():
    refused = sound(accepted=first(False, True))
    assert keys(refused) == ["refusals_unattributed"]
    assert keys(refused.assign(non_acceptance_by=first("merged", None))) == ["refusals_merged"]
    assert keys(refused.assign(non_acceptance_by=first("client", None))) == []
    # "merged" of one who was not refused says nothing of refusals
    elsewhere = [*["agency", "merged"], *[None] * 10]
    assert keys(refused.assign(non_acceptance_by=elsewhere)) == []
    assert keys(refused, gates="merged") == ["gates_merged"]
    assert keys(sound(accepted=first(None, True))) == []


@pytest.mark.parametrize(
    ("column", "who"), [("counsellor_id", "counsellors"), ("job_specialist_id", "job specialists")]
)
def test_gatekeepers_of_few_cases(column, who):
    assert keys(sound(**{column: ["k1"] * 5 + ["k2"] * 5 + [None] * 2})) == []
    few = notice(sound(**{column: ["k1"] * 4 + ["k2"] * 8}))
    assert few.key == "small_gatekeepers"
    assert few == f"1 of 2 {who} have fewer than 5 cases: nothing can be said of each of them."


def test_first_job_after_follow_up():
    jobs = first("2022-06-02", "2022-06-01")
    late = notice(sound(first_job_date=jobs))
    assert late.key == "first_job_after_followup"
    assert "for 1 case: correct followup_end (rows 1)" in late
    assert keys(sound(first_job_date="2022-06-01")) == []


def test_columns_left_out():
    left = notice(sound(note="x", motivasjonen="y"))
    assert left.key == "columns_left_out"
    assert left.startswith("2 columns are neither in the schema nor in the mapping and left out: ")
    kept = check_cases(sound(note="x"), mapping={"study": STUDY, "extra": {"note": "text"}})
    assert kept.warnings == ()


def test_columns_that_the_plan_asks_for_and_the_file_does_not_have():
    found = notice(sound(), exposure="readiness", adjust_for=["sex"])
    assert found.key == "asked_for_absent"
    assert "readiness, sex" in found
    assert keys(sound(sex="female"), exposure="motivation", adjust_for=["sex"]) == []


def test_every_notice_has_its_test():
    source = Path(__file__).read_text(encoding="utf-8")
    assert len(KEYS) > 20
    assert [key for key in sorted(KEYS) if f'"{key}"' not in source] == []


def test_warnings_come_in_the_order_of_a_cases_way():
    frame = sound(
        office_id="x",
        accepted=first(False, True),
        motivation_source="counsellor",
        counsellor_id="k1",
        motivation_date="2021-03-01",
        note="x",
    ).drop(columns="eligible")
    frame.loc[0, "counsellor_id"] = "k2"
    assert keys(frame, horizon_days=None, outcome_observed=None) == [
        "columns_left_out",
        "one_office",
        "eligible_absent",
        "horizon_absent",
        "rated_by_gatekeeper",
        "refusals_unattributed",
        "small_gatekeepers",
        "outcome_observed_unknown",
        "rated_after_gate",
    ]


def test_a_sentence_says_no_value():
    frame = sound(office_id="Xqoffice", counsellor_id=first("Xqone", "Xqtwo"), motivation_date="2021-03-01")
    told = "\n".join(check(frame).warnings)
    for secret in ("Xq", "2021", "2022"):
        assert secret not in told
