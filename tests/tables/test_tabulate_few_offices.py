"""The appendix table of few offices, by hand and withheld."""

from dataclasses import replace

import numpy as np
import pytest

import se_outcomes as so
from se_outcomes.cases.schema import LANGUAGES
from se_outcomes.tables.few_offices import disagreements

NAMES = 3


def by_hand(result, **numbers):
    """The result with one row, written down."""
    estimates = result.estimates.query("contrast == 'per_sd' and adjustment == 'crude' and measure == 'ame'")
    offices = result.offices.query("contrast == 'per_sd' and adjustment == 'crude'")
    told = {
        "estimate": 0.0337, "conf_low": 0.0011, "conf_high": 0.0664, "p_value": 0.0388, "jackknife_p_value": 0.0386,
        "cr2_p_value": 0.0560, "cv1_p_value": 0.0481, "p_value_kind": "WCLR-S",
    } | numbers  # fmt: skip
    carried = {
        "effective_offices": 3.13,
        "largest_leverage": 0.338,
        "cr2_dof": 3.217,
        "by_office_p_value": 0.162,
    }
    return replace(result, estimates=estimates.assign(**told), offices=offices.assign(**carried))


def test_a_row_in_english(passages):
    table = so.tabulate_few_offices(by_hand(passages[0]))
    assert table.iloc[0].to_dict() == {
        "Question": "Referral, of the eligible",
        "Comparison": "Per standard deviation",
        "Model": "Crude",
        "Average marginal effect, percentage points (95% interval)": "3.4 (0.1 to 6.6)",
        "p, score bootstrap": "0.039",
        "p, office jackknife": "0.039",
        "p, CR2 (degrees of freedom)": "0.056 (3.2)",
        "Tests differ at 5%": "Yes",
        "p, the usual test (CV1)": "0.048",
        "Effective number of offices (largest share of one)": "3.1 (34%)",
        "p, offices one by one": "0.162",
    }


def test_a_row_in_nynorsk(passages):
    table = so.tabulate_few_offices(by_hand(passages[0], cr2_p_value=0.0004), language="nn")
    assert table.iloc[0, NAMES:].tolist() == [
        "3,4 (0,1 til 6,6)", "0,039", "0,039", "< 0,001 (3,2)", "Nei", "0,048", "3,1 (34\u00a0%)", "0,162",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("numbers", "differ"),
    [
        ({"p_value": 0.049, "jackknife_p_value": 0.049, "cr2_p_value": 0.05}, True),
        ({"p_value": 0.05, "jackknife_p_value": 0.06, "cr2_p_value": 0.9}, False),
        ({"p_value": 0.01, "jackknife_p_value": 0.02, "cr2_p_value": 0.03, "cv1_p_value": 0.5}, False),
        ({"p_value": 0.04, "jackknife_p_value": np.nan, "cr2_p_value": 0.06}, True),
    ],
)
def test_the_usual_test_has_no_say_in_whether_they_differ(passages, numbers, differ):
    result = by_hand(passages[0], **numbers)
    assert bool(disagreements(result)) == differ
    assert so.tabulate_few_offices(result).loc[0, "Tests differ at 5%"] == ("Yes" if differ else "No")


def test_without_a_bootstrap_there_is_no_p_value_of_it(passages):
    table = so.tabulate_few_offices(by_hand(passages[0], p_value_kind="CV3"))
    assert table.loc[0, "p, score bootstrap"] == ":"


def test_a_row_for_each_question_contrast_and_adjustment(passages, is_ready):
    table = so.tabulate_few_offices(passages)
    assert is_ready(table)
    assert len(table) == 3 * 2 * 2
    assert not table.duplicated(["Question", "Comparison", "Model"]).any()
    said = [result for result in passages if disagreements(result)]
    told = [result for result in passages if "tests_disagree" in [notice.key for notice in result.warnings]]
    assert said == told  # the notice and the table are of one mind


@pytest.mark.parametrize("language", LANGUAGES)
def test_withheld(passages, withhold, is_ready, language):
    withheld = [
        replace(result, estimates=withhold(result.estimates), offices=withhold(result.offices))
        for result in passages
    ]
    table = so.tabulate_few_offices(withheld, language=language)
    assert is_ready(table)
    assert (table.iloc[:, NAMES:] == ":").all(axis=None)
