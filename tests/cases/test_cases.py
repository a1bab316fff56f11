import narwhals as nw
import numpy as np
import pandas as pd
import pytest

from se_outcomes.cases.cases import REMEMBERED, Cases
from se_outcomes.cases.check import check_cases
from se_outcomes.cases.rows import Rows
from se_outcomes.cases.simulate import simulate_cases
from se_outcomes.cases.study_plan import StudyPlan
from se_outcomes.errors import EstimationError

FRAME = pd.DataFrame(
    {
        "case_id": [f"Xqcase{i}" for i in range(8)],
        "office_id": ["Xqnorth"] * 5 + ["Xqsouth"] * 3,
        "eligible": [True] * 7 + [None],
        "motivation": [1, 2, 3, 4, 5, 6, None, 8],
        "referred": [False, True, True, True, None, False, True, True],
        "accepted": [None, True, False, None, None, None, True, True],
        "placed": [False, True, False, None, False, True, True, False],
        "sex": ["female", "male", None, "female", "male", "female", None, "male"],
        "entry_date": ["2021-05-04", None, *["2021-06-01"] * 6],
        "months_worked_prev_24m": [0, 0, 12, None, 24, 3, 3, 1],
    }
)


@pytest.fixture
def cases():
    return check_cases(FRAME, mapping={"study": {"outcome_observed": "all"}})


def rows(tally):
    """Rows as a set of tuples, with None for what is missing."""
    return {tuple(None if pd.isna(value) else value for value in row) for row in tally.to_numpy().tolist()}


# --- made by checking, shown to nobody ------------------------------------------------------------


@pytest.mark.parametrize("token", [None, object(), True, "CHECKED"])
def test_cases_cannot_be_made_by_hand(token):
    table = nw.from_native(FRAME, eager_only=True)
    with pytest.raises(TypeError, match="made by load_cases or check_cases"):
        Cases(table, StudyPlan(), (), token=token)


def test_cases_are_shown_as_counts_only(cases):
    # few offices, no horizon, ratings undated, eligibility unknown, refusals unattributed
    assert len(cases.warnings) > 1
    expected = f"Cases: 8 cases in 2 offices on pandas, {len(cases.warnings)} warnings (rows are not shown)"
    for shown in (repr(cases), str(cases), f"{cases}", f"{cases!r}"):
        assert shown == expected
    assert "Xq" not in str(cases.warnings)


def test_one_of_each_is_shown_in_the_singular():
    cases = check_cases(FRAME.iloc[[0]])
    assert repr(cases).startswith("Cases: 1 case in 1 office on pandas, ")


def test_cases_without_a_warning_do_not_speak_of_any():
    twelve = pd.DataFrame(
        {
            "case_id": [str(i) for i in range(12)],
            "office_id": [f"o{i}" for i in range(12)],
            "eligible": True,
            "motivation": [1.0, 2.0] * 6,
            "motivation_date": "2021-01-01",
            "referral_date": "2021-02-01",
            "referred": True,
            "accepted": True,
            "placed": [True, False] * 6,
            "entry_date": "2021-01-01",
            "followup_end": "2022-06-01",
        }
    )
    study = {"outcome_observed": "all", "horizon_days": 365}
    cases = check_cases(twelve, mapping={"study": study})
    assert cases.warnings == ()
    assert repr(cases) == "Cases: 12 cases in 12 offices on pandas (rows are not shown)"
    assert repr(check_cases(twelve, mapping={"study": {**study, "horizon_days": None}})) == (
        "Cases: 12 cases in 12 offices on pandas, 1 warning (rows are not shown)"
    )


def test_what_is_asked_of_the_cases_is_at_hand(cases):
    assert (cases.n_cases, cases.n_offices) == (8, 2)
    assert cases.plan == StudyPlan(outcome_observed="all")
    assert {"gate_state", "outcome_state", "sex", "motivation"} <= set(cases.columns)
    assert "retention_state" not in cases.columns


# --- tallies --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "columns",
    [
        ["office_id"],
        ["sex"],
        ["motivation"],
        ["motivation_group"],
        ["motivation_bin", "gate_state", "sex"],
        ["eligible", "referred", "accepted", "placed"],
        ["months_worked_prev_24m", "entry_date"],
        ["case_id", "motivation_scaled"],
        ["months_worked_prev_24m_group", "motivation_group", "motivation_scaled"],
    ],
)
def test_tally_counts_every_case_once(cases, columns):
    tally = cases.tally(columns)
    assert list(tally.columns) == [*columns, "n"]
    assert tally["n"].sum() == 8
    assert (tally["n"] > 0).all()
    assert not tally.duplicated(columns).any()


def test_missing_is_a_level(cases):
    assert rows(cases.tally(["sex"])) == {("female", 3), ("male", 3), (None, 2)}
    assert rows(cases.tally(["sex", "placed"])) == {
        ("female", False, 1),
        ("female", None, 1),
        ("female", True, 1),
        ("male", True, 1),
        ("male", False, 2),
        (None, False, 1),
        (None, True, 1),
    }
    entries = cases.tally(["entry_date"])
    assert entries.loc[entries["entry_date"].isna(), "n"].tolist() == [1]
    assert entries["n"].tolist() == [1, 6, 1]


def test_tally_is_sorted_and_in_the_order_asked_for(cases):
    tally = cases.tally(["office_id", "motivation"])
    assert tally["office_id"].tolist() == ["Xqnorth"] * 5 + ["Xqsouth"] * 3
    assert tally["motivation"].dropna().tolist() == [1, 2, 3, 4, 5, 6, 8]
    assert list(cases.tally(["motivation", "office_id"]).columns) == ["motivation", "office_id", "n"]


def test_one_name_alone_and_a_name_given_twice(cases):
    once = cases.tally(["sex"])
    pd.testing.assert_frame_equal(cases.tally("sex"), once)
    pd.testing.assert_frame_equal(cases.tally(["sex", "sex"]), once)
    pd.testing.assert_frame_equal(cases.tally(("sex",)), once)


def test_text_comes_as_text(cases):
    tally = cases.tally(["sex", "gate_state", "motivation_group"])
    assert tally.dtypes.astype(str)[["sex", "gate_state", "motivation_group"]].tolist() == ["str"] * 3


def test_tally_of_nothing_is_refused(cases):
    for nothing in ([], ()):
        with pytest.raises(ValueError, match="at least one column"):
            cases.tally(nothing)


def test_a_tally_that_is_changed_changes_nothing(cases):
    tally = cases.tally(["sex"])
    tally["n"] = 0
    tally.loc[0, "sex"] = "other"
    assert cases.tally(["sex"])["n"].sum() == 8
    assert "other" not in set(cases.tally(["sex"])["sex"])


def test_states_by_hand(cases):
    assert rows(cases.tally(["gate_state"])) == {
        ("not_referred", 2),
        ("accepted", 2),
        ("refused", 1),
        ("undecided", 1),
        ("referral_unknown", 1),
        ("ineligible", 1),
    }
    assert rows(cases.tally(["outcome_state"])) == {("placed", 3), ("not_placed", 4), ("unknown", 1)}


def test_derived_columns_by_hand(cases):
    # eligible with a value: 1 to 6; quarters end at 2, 3 and 5
    found = rows(cases.tally(["motivation", "motivation_group"]))
    assert found == {
        (1, "q1", 1),
        (2, "q1", 1),
        (3, "q2", 1),
        (4, "q3", 1),
        (5, "q3", 1),
        (6, "q4", 1),
        (8, "q4", 1),
        (None, None, 1),
    }
    scaled = cases.tally(["motivation", "motivation_scaled"]).dropna()
    assert scaled["motivation_scaled"].tolist() == pytest.approx(
        [(value - 3.5) / 3.5**0.5 for value in (1, 2, 3, 4, 5, 6, 8)]
    )


def test_derived_columns_of_another_number_and_of_an_extra_one():
    frame = FRAME.assign(locus=[1.0, 2, 3, 4, 1, 2, 3, 4], age=[20.0] * 4 + [30.0] * 4)
    cases = check_cases(frame, mapping={"extra": {"locus": "number", "age": "number"}})
    assert cases.has("locus")
    assert cases.has("locus_group")
    assert cases.tally(["locus_group"])["n"].sum() == 8
    # the quarters of an age would bear the name of the schema's own age groups
    assert cases.has("age")
    for name in ("age_scaled", "age_group", "age_bin"):
        assert not cases.has(name)


def test_only_numbers_have_derived_columns(cases):
    for name in ("sex_group", "entry_date_bin", "placed_scaled", "motivation_quarter", "_group", "n"):
        assert not cases.has(name)
        with pytest.raises(EstimationError):
            cases.tally([name])
    for name in ("motivation_scaled", "motivation_group", "motivation_bin", "months_worked_prev_24m_bin"):
        assert cases.has(name)


def test_scale_of_what_is_no_number_is_refused(cases):
    for name in ("sex", "motivasjon"):
        with pytest.raises(EstimationError) as caught:
            cases.scale(name)
        assert caught.value.reason == "column_missing"


# --- order ----------------------------------------------------------------------------------------


def test_order_of_rows_and_columns_does_not_matter(cases):
    for seed in range(3):
        shuffled = FRAME.sample(frac=1, random_state=seed)
        shuffled = shuffled[shuffled.columns.to_series().sample(frac=1, random_state=seed)]
        again = check_cases(shuffled, mapping={"study": {"outcome_observed": "all"}})
        for columns in (["sex", "placed"], ["gate_state", "motivation_bin"], ["office_id", "motivation"]):
            pd.testing.assert_frame_equal(again.tally(columns), cases.tally(columns))
        pd.testing.assert_frame_equal(again.bins("motivation"), cases.bins("motivation"))
        assert again.fingerprint == cases.fingerprint
        assert again.warnings == cases.warnings


@pytest.mark.parametrize(
    ("column", "row", "value"),
    [
        ("case_id", 0, "Xqcase9"),
        ("office_id", 0, "Xqsouth"),
        ("eligible", 7, True),
        ("motivation", 6, 7),
        ("motivation", 5, 6.5),
        ("referred", 0, None),
        ("placed", 7, None),
        ("sex", 0, "other"),
        ("sex", 0, None),
        ("entry_date", 0, "2021-05-05"),
        ("months_worked_prev_24m", 0, 1),
    ],
)
def test_fingerprint_is_another_when_one_value_is(cases, column, row, value):
    frame = FRAME.astype(object)
    frame.loc[row, column] = value
    changed = check_cases(frame, mapping={"study": {"outcome_observed": "all"}})
    assert changed.fingerprint != cases.fingerprint


def test_fingerprint_tells_columns_and_rows_apart(cases):
    study = {"study": {"outcome_observed": "all"}}
    renamed = FRAME.rename(columns={"months_worked_prev_24m": "caseload_at_referral"})
    swapped = FRAME.assign(motivation=FRAME["motivation"].iloc[::-1].to_numpy())
    fewer, without = FRAME.iloc[:-1], FRAME.drop(columns="sex")
    prints = {check_cases(frame, mapping=study).fingerprint for frame in (renamed, swapped, fewer, without)}
    assert len(prints | {cases.fingerprint}) == 5


def test_fingerprint_is_the_same_for_the_same_data_in_other_dress(cases):
    dressed = FRAME.astype(object).assign(
        motivation=["1,0", "2,0", "3,0", "4,0", "5,0", "6,0", "", "8,0"],
        placed=["nei", "ja", "nei", "", "nei", "ja", "ja", "nei"],
        sex=["kvinne", "mann", "", "kvinne", "mann", "kvinne", "", "mann"],
    )
    again = check_cases(dressed, mapping={"study": {"outcome_observed": "all"}})
    assert again.fingerprint == cases.fingerprint
    assert len(cases.fingerprint) == 64


def test_fingerprint_does_not_depend_on_categories_that_others_have(cases):
    """Text is kept as categories: their numbers differ with what else is in the column."""
    study = {"study": {"outcome_observed": "all"}}
    first = FRAME.assign(sex=["other", *FRAME["sex"][1:]])
    one = check_cases(first.iloc[1:], mapping=study)
    other = check_cases(FRAME.iloc[1:], mapping=study)
    assert one.fingerprint == other.fingerprint


def test_fingerprint_is_of_names_and_values_not_of_the_order_of_extra_columns():
    frame = FRAME.assign(aa=range(8), bb=range(8, 16))

    def fingerprint(*names):
        extra = dict.fromkeys(names, "number")
        named = frame.rename(columns=dict(zip(("aa", "bb"), sorted(names), strict=True)))
        return check_cases(named, mapping={"extra": extra}).fingerprint

    assert fingerprint("aa", "bb") == fingerprint("bb", "aa")
    # the same values in the same order under another name
    assert fingerprint("aa", "bb") != fingerprint("aa", "bc")


def test_bins_are_a_copy(cases):
    edges = cases.bins("motivation")
    edges["low"] = -1.0
    assert cases.bins("motivation")["low"].min() == 1.0


# --- columns that are not there -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("motivasjon", "motivation"),
        ("gatestate", "gate_state"),
        ("motivation_groups", "motivation_group"),
        ("months_worked_prev_24", "months_worked_prev_24m"),
    ],
)
def test_column_missing_says_what_was_perhaps_meant(cases, name, meant):
    with pytest.raises(EstimationError) as caught:
        cases.tally(["sex", name])
    assert caught.value.reason == "column_missing"
    assert caught.value.details == {"columns": (name,)}
    assert f"no column {name}. Did you mean {meant}? Add it" in str(caught.value)


def test_column_missing_that_is_like_no_other(cases):
    with pytest.raises(EstimationError) as caught:
        cases.tally(["benefit", "zzzzz"])
    assert "The cases have no column benefit, zzzzz. Add it to the file" in str(caught.value)
    assert caught.value.details == {"columns": ("benefit", "zzzzz")}
    assert not cases.has("benefit")


def test_a_tally_from_a_finer_one_is_that_of_the_rows():
    options = {"n_cases": 400, "seed": 3, "missing": True}
    remembering, forgetting = simulate_cases(**options).cases, simulate_cases(**options).cases
    derived = ["motivation_group", "motivation_scaled", "months_worked_prev_24m_bin"]
    random = np.random.default_rng(0)
    for size in [6, *random.integers(1, 6, 40)]:
        asked = random.choice([*remembering.columns, *derived], size, replace=False).tolist()
        forgetting._counts.clear()
        pd.testing.assert_frame_equal(remembering.tally(asked), forgetting.tally(asked))
    assert len(remembering._counts) <= REMEMBERED


def test_a_coarser_tally_does_not_go_through_the_rows_again(cases, monkeypatch):
    fine = cases.tally(["sex", "referred", "motivation"])
    monkeypatch.setattr(Rows, "count", None)
    coarse = cases.tally(["referred", "sex"])
    assert coarse["n"].sum() == fine["n"].sum() == 8
    fine["n"] = 0
    assert cases.tally(["sex", "referred", "motivation"])["n"].sum() == 8
    with pytest.raises(TypeError):
        cases.tally(["months_worked_prev_24m"])
