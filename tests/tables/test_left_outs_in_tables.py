"""What holds for every table of who is taken and who is left: text only, in three languages, colons where withheld."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hand_made import make_bounds, make_creaming, make_effect, make_left_out, make_policies, make_two_gates

from se_outcomes.cases.schema import LANGUAGES
from se_outcomes.tables.bounds import tabulate_bounds
from se_outcomes.tables.creaming import tabulate_creaming, tabulate_creaming_levels
from se_outcomes.tables.effect import tabulate_effect, tabulate_effect_levels, tabulate_overlap
from se_outcomes.tables.left_out import (
    tabulate_left_out,
    tabulate_left_out_composition,
    tabulate_no_chance,
    tabulate_prospects,
)
from se_outcomes.tables.policies import tabulate_crowding, tabulate_inclusion, tabulate_policies
from se_outcomes.tables.two_gates import tabulate_correlations, tabulate_two_gates

#: Each table with its result and the columns that name its rows.
TABLES = {
    "creaming": (tabulate_creaming, make_creaming, 2),
    "creaming_levels": (tabulate_creaming_levels, make_creaming, 2),
    "left_out": (tabulate_left_out, make_left_out, 2),
    "composition": (tabulate_left_out_composition, make_left_out, 2),
    "prospects": (tabulate_prospects, make_left_out, 1),
    "no_chance": (tabulate_no_chance, make_left_out, 1),
    "effect": (tabulate_effect, make_effect, 2),
    "effect_levels": (tabulate_effect_levels, make_effect, 2),
    "overlap": (tabulate_overlap, make_effect, 1),
    "bounds": (tabulate_bounds, make_bounds, 2),
    "policies": (tabulate_policies, make_policies, 1),
    "inclusion": (tabulate_inclusion, make_policies, 1),
    "crowding": (tabulate_crowding, make_policies, 1),
    "two_gates": (tabulate_two_gates, make_two_gates, 1),
    "two_gates_accepted": (tabulate_two_gates, lambda: make_two_gates("accepted"), 1),
    "correlations": (tabulate_correlations, make_two_gates, 1),
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", TABLES)
def test_is_ready_to_print_and_its_rows_have_names_of_their_own(name, language, is_ready):
    tabulate, make, n_names = TABLES[name]
    table = tabulate(make(), language=language)
    assert is_ready(table)
    assert not table.iloc[:, :n_names].duplicated().any()
    decimal = r"\d,\d(?!\d\d)" if language == "en" else r"\d\.\d"
    assert not table.astype(str).apply(lambda column: column.str.contains(decimal)).any(axis=None)


@pytest.mark.parametrize("name", TABLES)
def test_what_is_withheld_is_a_colon(name, is_ready):
    tabulate, make, n_names = TABLES[name]
    result = make()
    told = {name: value for name, value in vars(result).items() if isinstance(value, pd.DataFrame)}
    for attribute, frame in told.items():
        columns = frame.select_dtypes("number").columns.difference(["crowding"])
        told[attribute] = frame.astype(dict.fromkeys(columns, "float64")).assign(
            **dict.fromkeys(columns, np.nan)
        )
    table = tabulate(replace(result, **told), language="nb")
    assert is_ready(table)
    cells = table.iloc[:, n_names:].to_numpy()
    assert set(cells.ravel()) <= {":", ""}
    assert ":" in cells


@pytest.mark.parametrize("name", TABLES)
def test_another_language_is_refused(name):
    with pytest.raises(ValueError, match="en, nb, nn"):
        TABLES[name][0](None, language="sv")


def test_creaming_by_hand():
    table = tabulate_creaming([make_creaming(), make_creaming("gain")])
    assert table.iloc[0].tolist() == [
        "Creaming: work without SE", "First gate: referral", "1,025", "359", "2.1 (0.8 to 3.4)", "p = 0.012",
        "0.17 (0.06 to 0.27)", "1.7", "0.4", "5.4", "0.31 (0.12 to 0.50)",
    ]  # fmt: skip
    assert table["Index"].tolist()[3:] == ["Targeting: gain of SE"] * 3
    assert tabulate_creaming(make_creaming(merged=True))["Gate"].tolist() == ["Acceptance"]
    levels = tabulate_creaming_levels([make_creaming(), make_creaming("gain")], language="nn")
    assert levels.iloc[1].tolist() == [
        "Berekna arbeid utan SE", "Tilvist", "359", "24,6\u00a0% (19,0\u00a0% til 30,0\u00a0%)",
    ]  # fmt: skip
    assert levels.iloc[-1].tolist() == [
        "Berekna nytte av SE (prosentpoeng)",
        "Teken inn",
        "249",
        "25,2 (20,0 til 30,0)",
    ]


def test_left_out_by_hand():
    table = tabulate_left_out(make_left_out(), language="nb")
    assert table.iloc[3].tolist() == [
        "Beregnet arbeid uten SE", "Ikke henvist", "666", "22,0\u00a0% (18,0\u00a0% til 26,0\u00a0%)",
        "−8,0 (−12,0 til −4,0)", "p = 0,004",
    ]  # fmt: skip
    assert table.iloc[5, 4:].tolist() == ["", ""]  # the accepted are not compared with themselves
    assert table.iloc[9, 3] == "12,0 (8,0 til 16,0)"  # a gain is told in points
    assert set(table.iloc[:3, 4]) == {""}  # shares of the whole are not compared


def test_composition_by_hand():
    table = tabulate_left_out_composition(make_left_out())
    assert table.columns.tolist()[2:] == [
        "Not referred", "Referred, not accepted", "Accepted",
        "Not referred, less accepted: percentage points (95% interval)",
        "Referred, not accepted, less accepted: percentage points (95% interval)",
    ]  # fmt: skip
    assert table.iloc[0].tolist() == [
        "Motivation", "Lowest quarter", "360 (36.0%)", "300 (30.0%)", "120 (12.0%)", "24.0 (21.0 to 27.0)",
        "18.0 (15.0 to 21.0)",
    ]  # fmt: skip


def test_prospects_and_no_chance_by_hand():
    assert tabulate_prospects(make_left_out(merged=True)).iloc[0].tolist() == [
        "Not accepted", "17%", "22%", "27%", "32%", "37%",
    ]  # fmt: skip
    table = tabulate_no_chance(make_left_out())
    assert table.columns.tolist()[2:] == [
        "Chance of acceptance below 2% (95% interval)", "Chance of acceptance above 98%",
    ]  # fmt: skip
    assert table.to_numpy().tolist()[1:] == [
        ["Lowest quarter", "319", "13.0% (5.0% to 21.0%)", "0.0%"], ["Highest quarter", "217", "0.0%", "2.0%"],
    ]  # fmt: skip


def test_effect_by_hand():
    table = tabulate_effect(make_effect())
    assert table.iloc[0].tolist() == [
        "Accepted less the others, not adjusted", "Not adjusted", "26.0 (21.0 to 31.0)", "p = 0.002", "1,013", "5",
    ]  # fmt: skip
    assert table.iloc[2, :3].tolist() == [
        "Effect of SE, those accepted", "Doubly robust, within offices", "13.0 (8.0 to 18.0)",
    ]  # fmt: skip
    assert tabulate_effect_levels(make_effect(), language="nn").iloc[0].tolist() == [
        "I arbeid, med opne portar", "Dobbelt robust, innanfor kontora", "41,0\u00a0% (37,0\u00a0% til 45,0\u00a0%)",
    ]  # fmt: skip


def test_policies_by_hand():
    table = tabulate_policies(make_policies())
    assert table.iloc[0].tolist() == ["Today", "32.1% (28.0% to 36.0%)", "", "24.3%"]
    assert table.iloc[1].tolist() == ["Open gates", "40.5% (36.4% to 44.4%)", "8.4 (4.0 to 12.8)", "100.0%"]
    assert tabulate_inclusion(make_policies()).iloc[4, :2].tolist() == [
        "Need first",
        "33.0% (24.0% to 42.0%)",
    ]
    assert tabulate_crowding(make_policies()).iloc[-1].tolist() == ["1.00", "37.5%", "5.4 (1.0 to 9.8)"]


def test_bounds_by_hand():
    table = tabulate_bounds(make_bounds())
    assert table.to_numpy().tolist()[0] == [
        "Placed, with open gates", "None", "11.4% to 87.1%", "(8.0% to 91.0%)",
    ]  # fmt: skip
    assert table.to_numpy().tolist()[-1] == [
        "Effect of SE, everyone in the target group (percentage points)", "Both", "0.0 to 26.0", "(−2.0 to 31.0)",
    ]  # fmt: skip


def test_two_gates_by_hand():
    table = tabulate_two_gates(make_two_gates())
    told = dict(zip(table["What"], table["Estimate"], strict=True))
    assert told["Placed, of those accepted"] == "47.0%"
    assert told["Difference by the model (percentage points)"] == "25.0"
    assert told["Creaming on all grounds, first gate: referral (percentage points)"] == "7.1"
    assert told["Creaming on what is recorded, both gates (percentage points)"] == "3.3"
    accepted = tabulate_two_gates(make_two_gates("accepted"))["What"].tolist()
    assert (
        "Difference, corrected: those accepted less everyone in the target group (percentage points)"
        in accepted
    )
    assert tabulate_correlations(make_two_gates(), language="nb").to_numpy().tolist() == [
        ["Henvisning og inntak", "0,31 (0,02 til 0,60)"],
        ["Henvisning og arbeid", "0,42 (0,10 til 0,70)"],
        ["Inntak og arbeid", "−0,20 til 0,80, ikke ett tall"],
    ]  # fmt: skip
