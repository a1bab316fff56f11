"""The selection model by copula as a table."""

from types import SimpleNamespace

import pandas as pd
import pytest

import se_outcomes as so


def answer():
    columns = ["copula", "measure", "estimate", "conf_low", "conf_high", "kendall_tau", "loglik"]
    rows = [
        ("joe270", "ame", 0.016, -0.039, 0.064, -0.146, -1637.714),
        ("joe270", "open_gate", 0.499, 0.441, 0.58, -0.146, -1637.714),
        ("normal", "ame", 0.025, -0.033, 0.079, -0.079, -1637.968),
        ("normal", "open_gate", 0.488, 0.382, 0.59, -0.079, -1637.968),
    ]
    return SimpleNamespace(estimates=pd.DataFrame(rows, columns=columns))


def test_rows_by_hand():
    table = so.tabulate_copula_sensitivity(answer())
    assert table.to_numpy().tolist() == [
        ["Joe 270°", "−0.15", "1.6 (−3.9 to 6.4)", "49.9% (44.1% to 58.0%)", "−1,637.71"],
        ["Normal", "−0.08", "2.5 (−3.3 to 7.9)", "48.8% (38.2% to 59.0%)", "−1,637.97"],
    ]


@pytest.mark.parametrize(
    ("language", "head", "share"),
    [("nb", "Kendalls tau", "49,9\u00a0% (44,1\u00a0% til 58,0\u00a0%)"), ("nn", "Kopula", "Joe 270°")],
)
def test_other_languages(language, head, share):
    table = so.tabulate_copula_sensitivity(answer(), language=language)
    assert head in table.columns
    assert share in table.iloc[0].tolist()
