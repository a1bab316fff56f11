"""The split over the gates as a table."""

from dataclasses import replace

import numpy as np
import pytest

import se_outcomes as so
from se_outcomes.cases.schema import LANGUAGES


@pytest.fixture(scope="module")
def selection(cases):
    return so.decompose_selection(cases)


def test_headings_name_the_groups_compared(selection, cases):
    assert so.tabulate_selection(selection, language="nn").columns.tolist() == [
        "Samanlikning", "Port", "Høgaste fjerdedel", "Lågaste fjerdedel", "Log relativ risiko (95\u00a0%-intervall)",
        "Felles intervall for begge portane", "Relativ risiko (95\u00a0%-intervall)", "Del av forskjellen",
    ]  # fmt: skip
    by_sex = so.tabulate_selection(so.decompose_selection(cases, exposure="sex"))
    assert by_sex.columns[2:4].tolist() == ["Male", "Female"]


def test_a_row_by_hand(selection):
    estimates, rates = selection.estimates.copy(), selection.rates.copy()
    first = estimates.index[0]
    numbers = {"estimate": 1.2, "conf_low": 0.7, "conf_high": 1.7, "joint_low": 0.5, "joint_high": 1.9,
               "risk_ratio": 3.3201, "rr_conf_low": 2.0138, "rr_conf_high": np.inf, "share": 0.615}  # fmt: skip
    estimates.loc[first, list(numbers)] = list(numbers.values())
    for group, rate in ((selection.top, 0.7), (selection.bottom, 0.2108)):
        rates.loc[
            (rates["adjustment"] == "crude") & (rates["gate"] == "gate_1") & (rates["group"] == group), "rate"
        ] = rate
    table = so.tabulate_selection(replace(selection, estimates=estimates, rates=rates))
    assert table.iloc[0].tolist() == [
        "Crude", "First gate: referral", "70.0%", "21.1%", "1.20 (0.70 to 1.70)", "(0.50 to 1.90)",
        "3.32 (2.01 to ∞)", "62%",
    ]  # fmt: skip


def test_shares_of_the_gates_make_up_the_whole(selection):
    shares = so.tabulate_selection(selection)["Part of the difference"]
    numbers = shares.str.rstrip("%").astype(int).tolist()
    assert numbers[2] == numbers[5] == 100
    assert numbers[0] + numbers[1] == pytest.approx(100, abs=1)


def test_merged_gates_are_one_row_each(merged_cases):
    table = so.tabulate_selection(so.decompose_selection(merged_cases))
    assert table["Gate"].tolist() == ["Both gates", "Both gates"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_withheld(selection, merged_cases, withhold, is_ready, language):
    for result in (selection, so.decompose_selection(merged_cases)):
        assert is_ready(so.tabulate_selection(result, language=language))
        result = replace(result, estimates=withhold(result.estimates), rates=withhold(result.rates))
        table = so.tabulate_selection(result, language=language)
        assert is_ready(table)
        assert (table.iloc[:, 2:] == ":").all(axis=None)


def test_a_missing_interval_alone_is_a_colon_beside_the_estimate(selection):
    estimates = selection.estimates.assign(
        conf_low=np.nan, rr_conf_low=np.nan, joint_low=np.nan, share=np.nan
    )
    row = so.tabulate_selection(replace(selection, estimates=estimates)).iloc[0]
    assert row.iloc[4].endswith(" :")
    assert row.iloc[5] == row.iloc[7] == ":"


def test_rounded_numbers_have_no_decimals_that_say_nothing(cases):
    """As a report has them: counts withheld, shares to the whole per cent, ratios to one decimal."""
    result = so.decompose_selection(cases)
    rates = result.rates.assign(n_at_risk=np.nan, n_passed=np.nan, rate=0.6)
    numbers = dict.fromkeys(
        ["estimate", "conf_low", "conf_high", "risk_ratio", "rr_conf_low", "rr_conf_high"], 1.4
    )
    table = so.tabulate_selection(replace(result, rates=rates, estimates=result.estimates.assign(**numbers)))
    crude = table.loc[table["Comparison"] == "Crude"].iloc[0]
    assert crude["Highest quarter"] == "60%"
    assert crude["Log risk ratio (95% interval)"] == "1.4 (1.4 to 1.4)"
    other = table.loc[table["Comparison"] != "Crude"].iloc[0]
    assert other["Highest quarter"] == "60.0%"
    assert other["Risk ratio (95% interval)"] == "1.40 (1.40 to 1.40)"
