from dataclasses import replace

import narwhals as nw
import pandas as pd
import pytest

from se_outcomes.cases.rows import rows_of_pandas
from se_outcomes.cases.rules import find_breaches
from se_outcomes.cases.schema import Rule, read_schema
from se_outcomes.cases.study_plan import StudyPlan

CASES = read_schema()["cases"]


def breaches(columns, rule, *, plan=None, severity="fault"):
    """Column, number of rows and first rows of every breach of one rule, or of the bounds alone."""
    table = replace(CASES, rules=() if rule is None else (rule,))
    frame = rows_of_pandas(pd.DataFrame(columns))
    found = find_breaches(frame, table, plan or StudyPlan(), severity=severity)
    return [(fault.column, fault.n_rows, fault.first_rows) for _, fault in found]


def rule(kind, *columns, severity="fault", unless=()):
    return Rule("a rule", kind, columns, severity, unless, {}, "what was expected", "What to do.")


def days(*texts):
    return pd.array(pd.to_datetime(list(texts)), dtype="datetime64[us]")


def booleans(*values):
    return pd.array(list(values), dtype="boolean")


def texts(*values):
    return pd.array(list(values), dtype="str")


# --- each kind of rule ----------------------------------------------------------------------------


def test_unique_tells_every_row_of_a_value_that_stands_twice():
    columns = {"case_id": texts("a", "b", "a", "c", "b", "b")}
    assert breaches(columns, rule("unique", "case_id")) == [("case_id", 5, "1, 2, 3, 5, 6")]
    assert breaches({"case_id": texts("a", "A", "a ")}, rule("unique", "case_id")) == []


def test_missing_values_are_not_duplicates():
    assert breaches({"case_id": texts("a", None, None)}, rule("unique", "case_id")) == []


def test_unique_over_two_columns():
    one, other = texts("a", "a", "a", "b", "a"), texts("x", "y", "x", "x", None)
    both = rule("unique", "case_id", "office_id")
    assert breaches({"case_id": one, "office_id": other}, both) == [("case_id", 2, "1, 3")]
    # neither is the pair the two texts run together, nor is a part missing the same as another
    assert breaches({"case_id": texts("ab", "a"), "office_id": texts("c", "bc")}, both) == []
    assert breaches({"case_id": texts("a", "a"), "office_id": texts(None, None)}, both) == []


def test_unique_is_not_asked_where_a_column_is_not_there():
    assert breaches({"case_id": texts("a", "a")}, rule("unique", "case_id", "office_id")) == []


def test_not_missing_names_each_column_with_its_rows():
    columns = {"case_id": texts("a", None, "b"), "office_id": texts(None, None, "x")}
    found = breaches(columns, rule("not_missing", "case_id", "office_id", "person_id"))
    assert found == [("case_id", 1, "2"), ("office_id", 2, "1, 2")]


def test_order_names_the_two_dates_that_disagree():
    columns = {
        "entry_date": days("2021-01-05", "2021-01-05", "2021-01-05", None),
        "referral_date": days("2021-01-04", "2021-01-05", None, "2021-01-01"),
        "decision_date": days("2021-01-06", "2021-01-05", "2021-01-04", "2021-01-01"),
    }
    order = rule("order", "entry_date", "referral_date", "decision_date")
    assert breaches(columns, order) == [("referral_date", 1, "1"), ("decision_date", 1, "3")]
    table = replace(CASES, rules=(order,))
    frame = rows_of_pandas(pd.DataFrame(columns))
    told = [fault.expected for _, fault in find_breaches(frame, table, StudyPlan(), severity="fault")]
    assert told == [
        "what was expected: referral_date on or after entry_date",
        "what was expected: decision_date on or after entry_date",
    ]


def test_order_looks_past_a_column_that_is_not_there():
    columns = {"entry_date": days("2021-01-05"), "decision_date": days("2021-01-04")}
    order = rule("order", "entry_date", "referral_date", "decision_date")
    assert breaches(columns, order) == [("decision_date", 1, "1")]
    assert breaches({"entry_date": columns["entry_date"]}, order) == []


@pytest.mark.parametrize(
    ("then", "needed", "broken"),
    [
        (True, True, False),
        (True, False, True),
        (True, None, True),
        (False, False, False),
        (False, None, False),
        (None, False, False),
        (None, None, False),
    ],
)
def test_requires(then, needed, broken):
    columns = {"accepted": booleans(then), "referred": booleans(needed)}
    expected = [("accepted", 1, "1")] if broken else []
    assert breaches(columns, rule("requires", "accepted", "referred")) == expected


def test_requires_is_not_asked_where_a_column_is_not_there():
    assert breaches({"accepted": booleans(True)}, rule("requires", "accepted", "referred")) == []


def test_between_allows_its_ends_and_missing_values():
    columns = {
        "motivation": [0.0, 10.0, -0.5, 10.5, None, 3.0],
        "motivation_min": [0.0, 0.0, 0.0, 0.0, 0.0, None],
        "motivation_max": [10.0, 10.0, 10.0, 10.0, 10.0, None],
    }
    between = rule("between", "motivation", "motivation_min", "motivation_max")
    assert breaches(columns, between) == [("motivation", 1, "3"), ("motivation", 1, "4")]


def test_between_with_one_end_and_with_ends_that_are_no_scale():
    between = rule("between", "motivation", "motivation_min", "motivation_max")
    assert breaches({"motivation": [1.0, 2.0], "motivation_min": [2.0, 2.0]}, between) == [
        ("motivation", 1, "1")
    ]
    assert breaches({"motivation": [1.0, 2.0], "motivation_max": [1.0, 1.0]}, between) == [
        ("motivation", 1, "2")
    ]
    ends = {"motivation": [None] * 3, "motivation_min": [1.0, 5.0, 1.0], "motivation_max": [1.0, 1.0, 5.0]}
    ends["motivation"] = pd.array(ends["motivation"], dtype="float64")
    assert breaches(ends, between) == [("motivation_min", 2, "1, 2")]
    assert breaches({"motivation": [1.0]}, between) == []


def test_not_after_allows_the_same_day_and_missing_values():
    columns = {
        "motivation_date": days("2021-01-01", "2021-01-02", "2021-01-03", None, "2021-01-03"),
        "referral_date": days("2021-01-02", "2021-01-02", "2021-01-02", "2021-01-02", None),
    }
    not_after = rule("not_after", "motivation_date", "referral_date", severity="warning")
    assert breaches(columns, not_after, severity="warning") == [("motivation_date", 1, "3")]
    assert breaches(columns, not_after, severity="fault") == []
    del columns["referral_date"]
    assert breaches(columns, not_after, severity="warning") == []


# --- bounds ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "least", "most"),
    [
        ("job_pct", 0, 100),
        ("weeks_worked_12m", 0, 52),
        ("fidelity_score", 25, 125),
        ("birth_year", 1900, 2100),
    ],
)
def test_bounds_are_themselves_allowed(column, least, most):
    values = pd.array([least, most, None, least - 1, most + 1], dtype="Int64")
    assert breaches({column: values}, None) == [(column, 2, "4, 5")]


def test_bound_on_one_side():
    values = pd.array([-1, 0, 10**6, None], dtype="Int64")
    assert breaches({"caseload_at_referral": values}, None) == [("caseload_at_referral", 1, "1")]


def test_bounds_are_told_in_plain_numbers_and_only_among_the_faults():
    frame = rows_of_pandas(pd.DataFrame({"job_pct": [101.0], "caseload_at_referral": [-1]}))
    found = find_breaches(frame, CASES, StudyPlan(), severity="fault")
    assert [(name, fault.rule, fault.expected) for name, fault in found] == [
        ("out of bounds", "out of bounds", "a number from 0 to 100"),
        ("out of bounds", "out of bounds", "a number of at least 0"),
    ]
    assert find_breaches(frame, CASES, StudyPlan(), severity="warning") == []


def test_upper_bound_alone_and_pattern():
    columns = {
        "upper": replace(CASES.columns["motivation"], name="upper", maximum=3),
        "form": replace(CASES.columns["office_id"], name="form", pattern="[0-9]{4}|x"),
    }
    table = replace(CASES, columns=columns, rules=())
    frame = pd.DataFrame({"upper": [3.0, 3.5, None, 1, 1], "form": texts("0301", "03011", None, "x", "ax")})
    found = find_breaches(rows_of_pandas(frame), table, StudyPlan(), severity="fault")
    assert [(fault.column, fault.rule, fault.first_rows, fault.expected) for _, fault in found] == [
        ("upper", "out of bounds", "2", "a number of at most 3"),
        ("form", "not of the form", "2, 5", "text of the form [0-9]{4}|x"),
    ]


# --- counts, rows, and the study plan ---------------------------------------------------------------


def test_all_rows_are_counted_and_the_first_five_named():
    columns = {"case_id": texts(*["x"] * 3, *[None] * 7)}
    assert breaches(columns, rule("not_missing", "case_id")) == [("case_id", 7, "4, 5, 6, 7, 8")]


def test_the_first_rows_are_those_where_it_is_true_and_not_where_it_is_missing():
    rows = rows_of_pandas(pd.DataFrame({"hit": booleans(None, True, False, True)}))
    assert rows.first(nw.col("hit")) == "2, 4"
    assert rows.first(nw.col("hit") & ~nw.col("hit")) == ""


def test_rows_are_counted_by_place_whatever_the_index():
    frame = pd.DataFrame({"case_id": texts("a", None)}, index=[7, 7])
    table = replace(CASES, rules=(rule("not_missing", "case_id"),))
    [(_, fault)] = find_breaches(rows_of_pandas(frame), table, StudyPlan(), severity="fault")
    assert (fault.n_rows, fault.first_rows) == (1, "2")


@pytest.mark.parametrize(
    ("unless", "lifting"),
    [
        ((), []),
        (("bypass",), ["bypass"]),
        (("merged",), ["merged"]),
        (("bypass", "merged"), ["bypass", "merged"]),
    ],
)
def test_rules_lifted_by_the_plan(unless, lifting):
    columns = {"accepted": booleans(True), "referred": booleans(False)}
    asked = rule("requires", "accepted", "referred", unless=unless)
    assert breaches(columns, asked) == [("accepted", 1, "1")]
    for answer, plan in {"bypass": StudyPlan(bypass="allowed"), "merged": StudyPlan(gates="merged")}.items():
        assert breaches(columns, asked, plan=plan) == ([] if answer in lifting else [("accepted", 1, "1")])


def test_a_fault_bears_what_the_rule_says():
    frame = rows_of_pandas(pd.DataFrame({"case_id": texts(None)}))
    table = replace(CASES, rules=(rule("not_missing", "case_id"),))
    [(name, fault)] = find_breaches(frame, table, StudyPlan(), severity="fault")
    assert name == fault.rule == "a rule"
    assert (fault.table, fault.expected, fault.remedy) == ("cases", "what was expected", "What to do.")


def test_every_rule_of_every_table_is_of_a_known_kind():
    """An empty frame breaks nothing, and every kind is one that can be looked up."""
    for table in read_schema().values():
        columns = {name: texts() for name in table.columns}
        for name, column in table.columns.items():
            if column.type != "string":
                kind = {"date": "datetime64[us]", "boolean": "boolean", "integer": "Int64"}.get(column.type)
                columns[name] = pd.array([], dtype=kind or "float64")
        frame = rows_of_pandas(pd.DataFrame(columns))
        for severity in ("fault", "warning"):
            assert find_breaches(frame, table, StudyPlan(), severity=severity) == []
