"""What answers have in common: notices travel, and refusals name what one can leave out."""

import copy
import pickle

import pytest

from se_outcomes.errors import EstimationError
from se_outcomes.results import Notice
from se_outcomes.study.referral import estimate_referral


def test_a_notice_can_be_copied_and_pickled_with_its_key_and_parts():
    notice = Notice("columns_left_out", "{told}", told="a header with {braces}")
    for twin in (copy.deepcopy(notice), pickle.loads(pickle.dumps(notice))):
        assert twin == notice == "a header with {braces}"
        assert (type(twin), twin.key, twin.parts) == (Notice, notice.key, notice.parts)


def test_checked_cases_can_be_copied(cases):
    twin = copy.deepcopy(cases)
    assert twin.warnings == cases.warnings
    assert twin.fingerprint == cases.fingerprint


def test_a_separation_across_offices_does_not_name_the_constant(make_frame, make_cases):
    frame = make_frame()
    frame.loc[frame["age_group"] == "18-19", ["referred", "accepted"]] = [False, None]
    call = {"exposure": "sex", "adjust_for": ("age_group",), "office_effects": False}
    said = [
        notice
        for notice in estimate_referral(make_cases(frame), **call).warnings
        if notice.key == "penalised"
    ]
    assert [notice.parts["columns"] for notice in said] == ["age_group"]
    assert "constant" not in said[0]


def test_a_collinearity_across_offices_does_not_name_the_constant(make_frame, make_cases):
    frame = make_frame()
    frame["weeks_worked_12m"] = (frame["months_worked_prev_24m"] * 2).astype("float64")
    with pytest.raises(EstimationError) as refusal:
        estimate_referral(
            make_cases(frame),
            adjust_for=("months_worked_prev_24m", "weeks_worked_12m"),
            office_effects=False,
        )
    assert set(refusal.value.details["columns"]) == {"months_worked_prev_24m", "weeks_worked_12m"}
    assert "constant" not in str(refusal.value)
