"""Table 1: counts and standardised differences by hand."""

import numpy as np
import pandas as pd
import pytest

from se_outcomes.errors import EstimationError
from se_outcomes.results import Result
from se_outcomes.study.characteristics import STAGES, count_characteristics

COLUMNS = ["office_id", "sex", "motivation", "eligible", "referred", "accepted", "placed"]
TABLE = [
    ("a", "female", 7.0, True, True, True, True, 12),
    ("a", "male", 6.0, True, True, True, True, 8),
    ("a", "female", 5.0, True, True, False, False, 4),
    ("a", "male", 3.0, True, True, False, False, 6),
    ("b", "male", 2.0, True, False, None, False, 30),
    ("b", "female", 4.0, True, False, None, False, 20),
    ("b", None, 4.0, True, False, None, False, 5),
    ("b", "male", 1.0, False, False, None, False, 5),
]


@pytest.fixture
def described(expand, make_cases):
    return count_characteristics(make_cases(expand(TABLE, COLUMNS)), variables=["sex", "motivation"])


def test_counts_and_shares_by_hand(described):
    counts = described.counts.set_index(["level", "stage"])
    assert counts.loc[("female", "accepted"), "n"] == 12
    assert counts.loc[("female", "accepted"), "share"] == pytest.approx(0.6)
    assert counts.loc[("female", "eligible"), ["n", "share"]].tolist() == [36, pytest.approx(36 / 80)]
    assert counts.loc[("missing", "not_referred"), ["n", "share"]].tolist() == [5, pytest.approx(5 / 55)]
    assert described.counts["stage"].unique().tolist() == list(STAGES)


def test_shares_among_those_recorded_add_up(described):
    known = described.counts.query("level != 'missing' and stage != 'undecided'")
    np.testing.assert_allclose(known.groupby("stage")["share"].sum(), 1)


def test_moments_by_hand(described):
    accepted = described.moments.query("stage == 'accepted'").iloc[0]
    values = np.repeat([7.0, 6.0], [12, 8])
    assert accepted.tolist()[2:] == [20, pytest.approx(values.mean()), pytest.approx(values.std(ddof=1))]
    assert described.moments.query("stage == 'eligible'")["n"].item() == 85


def test_standardised_differences_by_hand(described):
    found = described.differences.set_index(["variable", "level", "contrast"])["difference"]
    p, q = 12 / 20, 4 / 10
    expected = (p - q) / np.sqrt((p * (1 - p) + q * (1 - q)) / 2)
    assert found["sex", "female", "gate_2"] == pytest.approx(expected)
    assert found["sex", "male", "gate_2"] == pytest.approx(-expected)
    referred, others = np.repeat([7.0, 6, 5, 3], [12, 8, 4, 6]), np.repeat([2.0, 4.0], [30, 25])
    spread = np.sqrt((referred.var(ddof=1) + others.var(ddof=1)) / 2)
    assert found["motivation", "", "gate_1"] == pytest.approx((referred.mean() - others.mean()) / spread)


def test_an_empty_group_has_no_difference(expand, make_cases):
    nobody_refused = [row for row in TABLE if row[5] is not False]
    result = count_characteristics(make_cases(expand(nobody_refused, COLUMNS)), variables=["sex"])
    assert result.differences.query("contrast == 'gate_2'")["difference"].isna().all()
    assert result.differences.query("contrast == 'gate_1'")["difference"].notna().all()


def test_states_hold_every_case_once_per_variable(described):
    assert described.states.groupby("variable")["n"].sum().to_dict() == {"sex": 90, "motivation": 90}


def test_default_variables_are_those_recorded(cases):
    result = count_characteristics(cases)
    assert set(result.differences["variable"]) == {
        "motivation",
        "age_group",
        "sex",
        "born_abroad",
        "months_worked_prev_24m",
    }
    assert isinstance(result, Result)
    assert "standardised differences" in result.summary()
    assert result.tidy()["estimate"].notna().all()


def test_row_order_changes_nothing(make_frame, make_cases):
    frame = make_frame()
    one, other = (count_characteristics(make_cases(f)) for f in (frame, frame.sample(frac=1, random_state=4)))
    pd.testing.assert_frame_equal(one.counts, other.counts)
    pd.testing.assert_frame_equal(one.differences, other.differences)


def test_the_undecided_can_stand_with_the_refused(expand, make_cases):
    undecided = [("a", "female", 5.0, True, True, None, False, 3)]
    cases = make_cases(expand([*TABLE, *undecided], COLUMNS))
    apart = count_characteristics(cases, variables=["sex"])
    assert apart.counts.query("level == 'female' and stage == 'undecided'")["n"].item() == 3
    together = count_characteristics(cases, variables=["sex"], undecided="with_refused")
    counts = together.counts.set_index(["level", "stage"])["n"]
    assert "undecided" not in counts.index.get_level_values("stage")
    assert counts["female", "not_accepted"] == 4 + 3
    # accepted 12 of 20, not accepted 7 of 13
    p, q = 12 / 20, 7 / 13
    found = together.differences.set_index(["level", "contrast"])["difference"]
    assert found["female", "gate_2"] == pytest.approx((p - q) / np.sqrt((p * (1 - p) + q * (1 - q)) / 2))
    with pytest.raises(ValueError, match="undecided must be"):
        count_characteristics(cases, undecided="nowhere")


def test_unknown_column(cases):
    with pytest.raises(EstimationError) as refusal:
        count_characteristics(cases, variables=["colour"])
    assert refusal.value.reason == "column_missing"
