"""Both equations side by side: coefficients, dashes where a variable is not, colons where nothing may be told."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import se_outcomes as so
from se_outcomes.cases.schema import LANGUAGES
from se_outcomes.results import Specification


def answer(identified=True, at_risk="referred"):
    equations = pd.DataFrame(
        [
            ("gate", "motivation", None, 0.42, 0.25, 0.59),
            ("gate", "age_group", "30+", 0.6, -0.001, 1.2),
            ("gate", "constant", None, 0.1, -0.1, 0.3),
            ("gate", "caseload_at_referral", None, -0.17, -0.29, -0.05),
            ("placement", "motivation", None, -0.01, -0.17, 0.15),
            ("placement", "age_group", "30+", 0.1, -0.48, 0.69),
            ("placement", "constant", None, 1.0, 0.5, 1.5),
            ("placement", "accepted", None, 0.86, 0.75, 0.97),
        ],
        columns=["equation", "term", "level", "estimate", "conf_low", "conf_high"],
    ).assign(std_error=0.1)
    return SimpleNamespace(
        specification=Specification("selected_placement", "placed", at_risk, "motivation"),
        equations=equations,
        point_identified=identified,
    )


def test_rows_by_hand():
    table = so.tabulate_selection_equations(answer())
    assert table.columns.tolist() == [
        "Characteristic",
        "Value",
        "Acceptance, of those referred: probit coefficient (95% interval)",
        "Work, corrected for selection: probit coefficient (95% interval)",
    ]
    assert table.to_numpy().tolist() == [
        ["Motivation", "Per standard deviation", "0.42 (0.25 to 0.59)", "−0.01 (−0.17 to 0.15)"],
        ["Age group", "30 and over", "0.60 (0.00 to 1.20)", "0.10 (−0.48 to 0.69)"],
        ["Constant", "", "0.10 (−0.10 to 0.30)", "1.00 (0.50 to 1.50)"],
        ["Caseload at referral", "Per standard deviation", "−0.17 (−0.29 to −0.05)", "—"],
        ["Accepted", "Yes", "—", "0.86 (0.75 to 0.97)"],
    ]


def test_norwegian_headings_and_names():
    table = so.tabulate_selection_equations(answer(at_risk="eligible"), language="nb")
    assert table.columns[2] == "Inntak, av målgruppen: probitkoeffisient (95\u00a0%-intervall)"
    assert table.iloc[3].tolist()[:3] == [
        "Portefølje ved henvisning", "Per standardavvik", "−0,17 (−0,29 til −0,05)"
    ]  # fmt: skip
    assert so.tabulate_selection_equations(answer(), language="nn").iloc[-1, 0] == "Teken inn"


def test_without_exclusion_the_heading_says_that_the_correlation_is_held():
    heading = so.tabulate_selection_equations(answer(identified=False)).columns[3]
    assert heading.startswith("Work, with the correlation held where it fits best: ")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("identified", [True, False])
def test_withheld(withhold, is_ready, language, identified):
    result = answer(identified)
    assert is_ready(so.tabulate_selection_equations(result, language=language))
    result.equations = withhold(result.equations)
    table = so.tabulate_selection_equations(result, language=language)
    assert is_ready(table)
    assert table.iloc[:, 2:].isin([":", "—"]).all(axis=None)
    assert (table.iloc[:, 2:] == "—").sum().sum() == 2


def test_a_coefficient_without_interval_stands_alone():
    result = answer()
    result.equations.loc[0, ["conf_low", "conf_high"]] = np.nan
    assert so.tabulate_selection_equations(result).iloc[0, 2] == "0.42"


def test_another_language_is_refused():
    with pytest.raises(ValueError, match="en, nb, nn"):
        so.tabulate_selection_equations(None, language="sv")
