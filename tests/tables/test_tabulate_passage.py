"""The model table, by hand and withheld."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import se_outcomes as so
from se_outcomes.cases.schema import LANGUAGES
from se_outcomes.study.contrasts import ESTIMATE_COLUMNS

ODDS, EFFECT, P = (
    "Odds ratio (95% interval)",
    "Average marginal effect, percentage points (95% interval)",
    "p",
)
NAMES = 3


def by_hand(result, *, p=0.0421, high=20.1, contrast="per_sd"):
    """The result with one contrast, written down."""
    rows = [
        ("odds_ratio", 3.226, 0.4, 8.0, p, 2.57, high, 2.6, 4.0),
        ("ame", 0.2038, 0.02, 9.0, p, -0.0004, 0.25, 0.164, 0.243),
    ]
    frame = pd.DataFrame(
        rows,
        columns=["measure", "estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high",
                 "cv1_conf_low", "cv1_conf_high"],
    )  # fmt: skip
    frame = frame.assign(term="motivation", contrast=contrast, adjustment="crude", std_error_kind="CV3L",
                         cv1_std_error=0.1, dof=4.0, n_cases=1884, n_events=306, n_offices=5)  # fmt: skip
    return replace(result, estimates=frame.reindex(columns=list(ESTIMATE_COLUMNS)))


def test_a_row_in_english(passages):
    table = so.tabulate_passage(by_hand(passages[0]))
    assert table.iloc[0].to_dict() == {
        "Question": "Referral, of the eligible",
        "Comparison": "Per standard deviation",
        "Model": "Crude",
        ODDS: "3.23 (2.57 to 20.10)",
        EFFECT: "20.4 (0.0 to 25.0)",
        "p": "p = 0.042",
        "Cases": "1,884",
        "Passed": "306",
        "Offices": "5",
    }


def test_a_row_in_nynorsk_with_detail(passages):
    table = so.tabulate_passage(by_hand(passages[1]), language="nn", detail=True)
    assert table.iloc[0].tolist() == [
        "Inntak, av dei tilviste", "Per standardavvik", "Ujustert", "3,23 (2,57 til 20,10)", "20,4 (0,0 til 25,0)",
        "p = 0,042", "1\u00a0884", "306", "5", "CV3L", "(16,4 til 24,3)",
    ]  # fmt: skip


def test_an_end_beyond_any_number_and_a_p_near_nought(passages):
    table = so.tabulate_passage(by_hand(passages[0], p=1e-12, high=np.inf))
    assert table.loc[0, ODDS] == "3.23 (2.57 to ∞)"
    assert table.loc[0, "p"] == "p < 0.001"


def test_levels_are_called_by_name(passages):
    result = by_hand(passages[0], contrast="male_vs_female")
    result = replace(result, specification=replace(result.specification, exposure="sex"))
    assert so.tabulate_passage(result).loc[0, "Comparison"] == "Male against female"
    assert so.tabulate_passage(result, language="nb").loc[0, "Sammenligning"] == "Mann mot kvinne"


def test_names_of_counties_keep_their_capital(passages):
    result = by_hand(passages[0], contrast="11_vs_03")
    result = replace(result, specification=replace(result.specification, exposure="county"))
    assert so.tabulate_passage(result, language="nb").loc[0, "Sammenligning"] == "Rogaland mot Oslo"


def test_crude_and_adjusted_of_every_contrast_and_question(passages):
    table = so.tabulate_passage(passages)
    assert len(table) == 3 * 2 * 2
    assert not table.duplicated(["Question", "Comparison", "Model"]).any()
    row = (
        passages[2]
        .estimates.query("measure == 'ame' and adjustment == 'adjusted' and contrast == 'top_vs_bottom'")
        .iloc[0]
    )
    said = table.loc[
        (table["Question"] == "Work, of those accepted")
        & (table["Comparison"] == "Highest against lowest quarter")
        & (table["Model"] == "Adjusted")
    ].iloc[0]
    assert said[EFFECT].replace("\u2212", "-").startswith(f"{100 * row['estimate']:.1f} (")
    assert said["Cases"] == str(row["n_cases"])


def test_one_result_is_a_list_of_one(passages):
    assert so.tabulate_passage(passages[0]).equals(so.tabulate_passage(passages[:1]))


@pytest.mark.parametrize("detail", [False, True])
@pytest.mark.parametrize("language", LANGUAGES)
def test_withheld(passages, withhold, is_ready, language, detail):
    assert is_ready(so.tabulate_passage(passages, language=language, detail=detail))
    withheld = [replace(result, estimates=withhold(result.estimates)) for result in passages]
    table = so.tabulate_passage(withheld, language=language, detail=detail)
    assert is_ready(table)
    assert set(table.iloc[:, NAMES:].to_numpy().ravel()) == {":", "CV3"} - (set() if detail else {"CV3"})


def test_of_one_contrast_only(passages, withhold):
    estimates = passages[0].estimates
    rows = (estimates["contrast"] == "top_vs_bottom").to_numpy()
    table = so.tabulate_passage(replace(passages[0], estimates=withhold(estimates, rows)))
    told = table["Comparison"] == "Per standard deviation"
    assert (table.loc[~told].iloc[:, NAMES:] == ":").all(axis=None)
    assert not (table.loc[told].iloc[:, NAMES:] == ":").any(axis=None)
