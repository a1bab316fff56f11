"""Where a group is lost: shares by hand, adding up to one, and nothing told past a stage that is withheld."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import se_outcomes as so
from se_outcomes.study.losses import FATES, share_losses


def funnel(gates="separate", **shares):
    rows = [(group, stage, share) for group, passed in shares.items() for stage, share in passed.items()]
    return SimpleNamespace(gates=gates, counts=pd.DataFrame(rows, columns=["group", "stage", "estimate"]))


def test_by_hand():
    losses = share_losses(funnel(q1={"referred": 0.4, "accepted": 0.75, "placed": 0.5, "retained": 0.9}))
    assert losses["group"].eq("q1").all()
    assert losses["fate"].tolist() == list(FATES)
    assert losses["share"].tolist() == pytest.approx([0.6, 0.1, 0.15, 0.15])
    assert losses["start"].tolist() == pytest.approx([0.0, 0.6, 0.7, 0.85])


def test_merged_gates_lose_nobody_at_a_referral():
    losses = share_losses(funnel("merged", all={"accepted": 0.25, "placed": 0.4}))
    assert losses["fate"].tolist() == list(FATES[1:])
    assert losses["share"].tolist() == pytest.approx([0.75, 0.15, 0.10])


def test_nothing_is_told_past_a_stage_that_is_withheld():
    losses = share_losses(funnel(q1={"referred": 0.4, "accepted": np.nan, "placed": 0.5}))
    assert losses["share"].tolist() == pytest.approx([0.6, np.nan, np.nan, np.nan], nan_ok=True)
    assert losses["start"].tolist()[:2] == pytest.approx([0.0, 0.6])


@pytest.mark.parametrize("gates", ["separate", "merged"])
def test_the_shares_of_cases_add_up_and_end_in_the_stages_product(gates):
    funnel = so.count_funnel(so.simulate_cases(1200, seed=1, gates=gates).cases, by="motivation")
    losses = share_losses(funnel)
    assert losses.groupby("group")["share"].sum().to_numpy() == pytest.approx(1.0, abs=1e-12)
    stages = funnel.counts.loc[funnel.counts["stage"].isin(["referred", "accepted", "placed"])]
    placed = losses.loc[losses["fate"] == "placed"].set_index("group")["share"]
    expected = (stages["n_passed"] / stages["n_at_risk"]).groupby(stages["group"]).prod()
    assert placed[expected.index].to_numpy() == pytest.approx(expected.to_numpy(), abs=1e-12)
