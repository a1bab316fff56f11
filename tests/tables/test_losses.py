"""Where each group is lost, as a table: a row adds up to the group, and what is withheld is a colon."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import se_outcomes as so
from se_outcomes.cases.schema import LANGUAGES
from se_outcomes.tables.losses import tabulate_losses


def funnel(gates="separate", by="motivation_group", **shares):
    rows = [(group, stage, share) for group, passed in shares.items() for stage, share in passed.items()]
    return SimpleNamespace(
        gates=gates, by=by, counts=pd.DataFrame(rows, columns=["group", "stage", "estimate"])
    )


def test_rows_by_hand():
    table = tabulate_losses(
        funnel(
            all={"referred": 0.4, "accepted": 0.75, "placed": 0.5},
            q1={"referred": 0.2, "accepted": np.nan, "placed": 0.5},
        )
    )
    assert table.columns.tolist() == [
        "Group", "Not referred", "Referred, not accepted", "Accepted, not in work", "Accepted and in work",
    ]  # fmt: skip
    assert table.to_numpy().tolist() == [
        ["All", "60%", "10%", "15%", "15%"],
        ["Lowest quarter", "80%", ":", ":", ":"],
    ]


def test_merged_gates_and_no_groups():
    table = tabulate_losses(funnel("merged", None, all={"accepted": 0.25, "placed": 0.4}), language="nn")
    assert table.columns.tolist() == ["Ikkje teken inn", "Teken inn, ikkje i arbeid", "Teken inn og i arbeid"]
    assert table.to_numpy().tolist() == [["75\u00a0%", "15\u00a0%", "10\u00a0%"]]


@pytest.mark.parametrize("language", LANGUAGES)
def test_of_cases(cases, is_ready, language):
    assert is_ready(tabulate_losses(so.count_funnel(cases, by="motivation"), language=language))


def test_another_language_is_refused():
    with pytest.raises(ValueError, match="en, nb, nn"):
        tabulate_losses(None, language="sv")
