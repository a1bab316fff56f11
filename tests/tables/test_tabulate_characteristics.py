"""Table 1, by hand and withheld."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import se_outcomes as so
from se_outcomes.cases.schema import LANGUAGES
from se_outcomes.study.characteristics import CharacteristicsResult

STAGES = {"eligible": ("refused", "accepted"), "accepted": ("accepted",)}


@pytest.fixture
def by_hand():
    """One number and one variable with levels, two stages."""
    return CharacteristicsResult(
        counts=pd.DataFrame(
            [
                ("sex", "female", "eligible", 1200, 0.48),
                ("sex", "female", "accepted", 2, np.nan),
                ("sex", "male", "eligible", 1300, 0.52),
                ("sex", "male", "accepted", np.nan, np.nan),
                ("sex", "missing", "eligible", 64, 0.025),
                ("sex", "missing", "accepted", 0, 0.0),
            ],
            columns=["variable", "level", "stage", "n", "share"],
        ),
        moments=pd.DataFrame(
            [
                ("motivation", "eligible", 2564, 5.625, 2.224),
                ("motivation", "accepted", np.nan, np.nan, np.nan),
            ],
            columns=["variable", "stage", "n", "mean", "std_dev"],
        ),
        differences=pd.DataFrame(
            [
                ("motivation", "", "gate_1", 1.04),
                ("motivation", "", "gate_2", -0.5),
                ("sex", "female", "gate_1", -0.006),
                ("sex", "female", "gate_2", np.nan),
                ("sex", "male", "gate_1", 0.006),
                ("sex", "male", "gate_2", 0.071),
            ],
            columns=["variable", "level", "contrast", "difference"],
        ),
        states=pd.DataFrame(),
        stages=STAGES,
        contrasts={"gate_1": ((), ()), "gate_2": ((), ())},
        n_cases=2564,
        n_offices=5,
        warnings=(),
    )


def test_every_cell_in_english(by_hand):
    table = so.tabulate_characteristics(by_hand)
    assert table.columns.tolist() == [
        "Characteristic", "Value", "Target group", "Accepted",
        "Difference at the first gate", "Difference at the second gate",
    ]  # fmt: skip
    assert table.to_numpy().tolist() == [
        ["Motivation", "Mean (standard deviation)", "5.62 (2.22)", ":", "1.04", "\u22120.50"],
        ["Sex", "Female", "1,200 (48.0%)", "2", "\u22120.01", ":"],
        ["Sex", "Male", "1,300 (52.0%)", ":", "0.01", "0.07"],
        ["Sex", "Not recorded", "64 (2.5%)", "0 (0.0%)", "", ""],
    ]


def test_every_cell_in_bokmal(by_hand):
    table = so.tabulate_characteristics(by_hand, language="nb")
    assert table.columns[[0, 2, 4]].tolist() == ["Kjennetegn", "Målgruppen", "Forskjell ved første port"]
    assert table.iloc[[0, 1]].to_numpy().tolist() == [
        ["Motivasjon", "Gjennomsnitt (standardavvik)", "5,62 (2,22)", ":", "1,04", "\u22120,50"],
        ["Kjønn", "Kvinne", "1\u00a0200 (48,0\u00a0%)", "2", "\u22120,01", ":"],
    ]


@pytest.mark.parametrize("undecided", ["apart", "with_refused"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_all_that_is_described_by_default(cases, withhold, is_ready, undecided, language):
    result = so.count_characteristics(cases, undecided=undecided)
    table = so.tabulate_characteristics(result, language=language)
    assert is_ready(table)
    assert len(table) == 2 + len(result.counts.groupby(["variable", "level"]))  # motivation, months worked
    assert table.shape[1] == 4 + len(result.stages)
    withheld = replace(
        result,
        counts=withhold(result.counts),
        moments=withhold(result.moments),
        differences=withhold(result.differences),
    )
    table = so.tabulate_characteristics(withheld, language=language)
    assert is_ready(table)
    assert set(table.iloc[:, 2:].to_numpy().ravel()) == {":", ""}


def test_nothing_described_is_an_empty_table(cases):
    assert so.tabulate_characteristics(so.count_characteristics(cases, variables=[])).empty
