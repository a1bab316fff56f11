"""The funnel as a table, by hand."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import se_outcomes as so
from se_outcomes.cases.schema import LANGUAGES
from se_outcomes.study.funnel import COUNT_COLUMNS

BY_HAND = pd.DataFrame(
    [
        ("all", "referred", 1200, 420, 3, 0.35, 0.2, 0.5, 0.32, 0.38),
        ("q1", "referred", 300, 0, 0, 0.0, np.nan, np.nan, 0.0, 0.0126),
        ("missing", "referred", 52, 20, 0, 0.3846, 0.158, 0.675, 0.265, 0.52),
        ("all", "accepted", 400, 300, 17, 0.75, 0.6, 0.85, 0.7, 0.79),
        ("q1", "accepted", np.nan, np.nan, np.nan, np.nan, np.nan, np.nan, np.nan, np.nan),
        ("missing", "accepted", 20, 13, 0, 0.65, 0.246, 0.914, 0.433, 0.819),
    ],
    columns=COUNT_COLUMNS,
)


@pytest.fixture
def by_hand(cases):
    return replace(so.count_funnel(cases), counts=BY_HAND, by="motivation_group")


def test_rows_stand_stage_by_stage_and_cells_are_text(by_hand):
    table = so.tabulate_funnel(by_hand)
    assert table.columns.tolist() == [
        "Stage", "Group", "Came to the stage", "Passed", "Share", "Interval, offices like these",
        "Interval, independent cases (Wilson)", "Not known",
    ]  # fmt: skip
    assert table.iloc[0].tolist() == [
        "Referred", "All", "1,200", "420", "35.0%", "(20.0 to 50.0)", "(32.0 to 38.0)", "3"
    ]  # fmt: skip
    assert table["Stage"].tolist() == ["Referred"] * 3 + ["Accepted"] * 3
    assert table["Group"].tolist() == ["All", "Lowest quarter", "Not recorded"] * 2


def test_order_of_rows_does_not_follow_the_group(by_hand):
    mixed = BY_HAND.iloc[[0, 3, 1, 4, 2, 5]]  # group by group, as count_funnel gives them
    assert so.tabulate_funnel(replace(by_hand, counts=mixed)).equals(so.tabulate_funnel(by_hand))


def test_nynorsk_numbers_and_words(by_hand):
    table = so.tabulate_funnel(by_hand, language="nn")
    assert table.iloc[0].tolist() == [
        "Tilvist", "Alle", "1\u00a0200", "420", "35,0\u00a0%", "(20,0 til 50,0)", "(32,0 til 38,0)", "3"
    ]  # fmt: skip
    assert table.columns[2] == "Kom til steget"


def test_a_nought_is_a_nought_and_a_missing_number_a_colon(by_hand):
    table = so.tabulate_funnel(by_hand)
    assert table.iloc[1].tolist()[2:] == ["300", "0", "0.0%", ":", "(0.0 to 1.3)", "0"]
    assert table.iloc[4].tolist() == ["Accepted", "Lowest quarter", *[":"] * 6]


def test_without_groups_there_is_no_column_of_them(cases):
    table = so.tabulate_funnel(so.count_funnel(cases), language="nb")
    assert table.columns[0] == "Trinn"
    assert "Gruppe" not in table
    assert table["Trinn"].tolist() == ["Henvist", "Tatt inn", "I arbeid", "Fortsatt i arbeid"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_all_withheld_in_every_language(cases, merged_cases, withhold, is_ready, language):
    for some, by in ((cases, None), (cases, "motivation"), (merged_cases, "sex")):
        result = so.count_funnel(some, by=by)
        assert is_ready(so.tabulate_funnel(result, language=language))
        table = so.tabulate_funnel(replace(result, counts=withhold(result.counts)), language=language)
        assert is_ready(table)
        assert (table.iloc[:, -6:] == ":").all(axis=None)


def test_another_language_is_refused(by_hand):
    with pytest.raises(ValueError, match="en, nb, nn"):
        so.tabulate_funnel(by_hand, language="da")
