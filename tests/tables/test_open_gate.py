"""Placement with the gate open as a table: shares in per cent, differences in points, sets without an estimate."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import se_outcomes as so
from se_outcomes.cases.schema import LANGUAGES
from se_outcomes.results import Specification


def answer(at_risk="referred", is_set=False):
    averages = pd.DataFrame(
        [
            ("accepted", 0.4659, 0.4046, 0.5273, 249),
            ("open_gate_naive", 0.4754, 0.4125, 0.5383, 1347),
            ("open_gate", 0.3340, 0.2844, 0.4883, 1347),
            ("gap", 0.1319, -0.0175, 0.1631, 1347),
            ("gap_observed", 0.0060, -0.0130, 0.0167, 1347),
            ("gap_unobserved", 0.1259, np.nan, np.nan, 1347),
        ],
        columns=["measure", "estimate", "conf_low", "conf_high", "n_cases"],
    )
    if is_set:
        averages.loc[2:, "estimate"] = np.nan
    return SimpleNamespace(
        specification=Specification("selected_placement", "placed", at_risk, "motivation"), averages=averages
    )


def test_rows_by_hand():
    table = so.tabulate_open_gate(answer())
    assert table.columns.tolist() == ["What", "Estimate", "95% interval", "Cases"]
    assert table.to_numpy().tolist() == [
        ["Placed, of those accepted", "46.6%", "(40.5% to 52.7%)", "249"],
        ["Placed, if everyone referred were accepted: not corrected", "47.5%", "(41.2% to 53.8%)", "1,347"],
        ["Placed, if everyone referred were accepted: corrected for selection", "33.4%", "(28.4% to 48.8%)", "1,347"],
        [
            "Difference, corrected: those accepted less everyone referred (percentage points)",
            "13.2", "(−1.8 to 16.3)", "1,347",
        ],
        ["Of the difference, selection on what is recorded (percentage points)", "0.6", "(−1.3 to 1.7)", "1,347"],
        ["Of the difference, selection on what is not recorded (percentage points)", "12.6", ":", "1,347"],
    ]  # fmt: skip


def test_who_is_everyone_is_said():
    rows = so.tabulate_open_gate(answer("eligible"), language="nb")["Hva"].tolist()
    assert rows[2] == "I arbeid, om alle i målgruppen ble tatt inn: korrigert for seleksjon"
    rows = so.tabulate_open_gate(answer(), language="nn")["Kva"].tolist()
    assert rows[1] == "I arbeid, om alle tilviste vart tekne inn: ikkje korrigert"


def test_a_set_has_an_interval_and_a_colon():
    row = so.tabulate_open_gate(answer(is_set=True), language="nb").iloc[2].tolist()
    assert row[1:] == [":", "(28,4\u00a0% til 48,8\u00a0%)", "1\u00a0347"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_withheld(withhold, is_ready, language):
    result = answer()
    assert is_ready(so.tabulate_open_gate(result, language=language))
    result.averages = withhold(result.averages)
    table = so.tabulate_open_gate(result, language=language)
    assert is_ready(table)
    assert (table.iloc[:, 1:] == ":").all(axis=None)


def test_another_language_is_refused():
    with pytest.raises(ValueError, match="en, nb, nn"):
        so.tabulate_open_gate(None, language="sv")
