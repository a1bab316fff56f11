"""Who was left out, and the cases used at the bottom."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import se_outcomes as so
from se_outcomes.cases.schema import LANGUAGES
from se_outcomes.study.at_risk import REASONS


def left_out(result, n_used, **reasons):
    """The result with its exclusions written down."""
    exclusions = pd.DataFrame({"reason": list(reasons), "n": list(reasons.values())})
    return replace(result, exclusions=exclusions, fit_statistics={**result.fit_statistics, "n_cases": n_used})


def test_reasons_stand_in_one_order_and_used_at_the_bottom(passages):
    one = left_out(passages[0], 1884, covariate_missing=89, ineligible=13)
    two = left_out(passages[1], 295, not_referred=1666, ineligible=13)
    table = so.tabulate_exclusions([one, two])
    assert table.columns.tolist() == ["Cases", "Referral, of the eligible", "Acceptance, of those referred"]
    assert table.to_numpy().tolist() == [
        ["Not in the target group", "13", "13"],
        ["Not referred", "0", "1,666"],
        ["Something adjusted for not recorded", "89", "0"],
        ["Used", "1,884", "295"],
    ]


def test_nynorsk(passages):
    table = so.tabulate_exclusions(left_out(passages[0], 1884, undecided=3), language="nn")
    assert table.to_numpy().tolist() == [["Ikkje avgjord", "3"], ["Brukt", "1\u00a0884"]]


def test_withheld_is_no_nought(passages):
    one = left_out(passages[0], np.nan, ineligible=np.nan)
    two = left_out(passages[1], 295, short_followup=7)
    table = so.tabulate_exclusions([one, two])
    assert table.to_numpy().tolist() == [
        ["Not in the target group", ":", "0"],
        ["Followed for too short a time", "0", "7"],
        ["Used", ":", "295"],
    ]


def test_every_case_is_in_one_row(passages, cases):
    table = so.tabulate_exclusions(passages)
    for column in table.columns[1:]:
        assert table[column].str.replace(",", "").astype(int).sum() == cases.n_cases


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_has_a_name(passages, is_ready, language):
    table = so.tabulate_exclusions(left_out(passages[0], 5, **dict.fromkeys(REASONS, 1)), language=language)
    assert is_ready(table)
    assert len(table) == len(set(table.iloc[:, 0])) == len(REASONS) + 1
