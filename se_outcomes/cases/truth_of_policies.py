"""What is true of policies that serve as many in each office as today, and of opening both gates.

The policies rank by what the study's logits converge to (``within``: with office intercepts). The *population value*
of ``placed`` is the mean of the doubly robust score, as the study estimates it; the *causal value* is what the model
says of the same policy, serving the same clients. ``status_quo`` serves those accepted today, with what came of it.
``served`` and ``inclusion`` (the share served of each quarter of motivation, and of the quarter with the lowest
predicted prospects) are no estimates of anything unrecorded: both values are the same. Where motivation is exact,
inclusion is right to a hundredth or two: the last who are served are a whole node's.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from se_outcomes.cases.recorded import Prospects, RecordedCells, Row, mean, served_first
from se_outcomes.cases.truth_of_effects import potential_outcomes

Floats = NDArray[np.float64]
QUARTERS = ("q1", "q2", "q3", "q4")


def policy_rows(cells: RecordedCells) -> Iterator[Row]:
    """Policy -> placed, difference to the status quo, served, and who is included."""
    prospects = cells.predictions["within"]
    scores, true = potential_outcomes(cells, prospects), (cells.with_se, cells.without_se)
    today = float((cells.placed_accepted + cells.placed_rest).sum())
    groups = groups_of(cells, prospects)
    for policy, share in served_by_policy(cells, prospects).items():
        row = ("policies", "within", "eligible", policy)
        placed = [
            today if policy == "status_quo" else float((share * yes + (1 - share) * no).sum())
            for yes, no in (scores, true)
        ]
        served = cells.eligible * share
        yield *row, "all", "placed", placed[0], placed[1]
        yield *row, "status_quo", "difference", placed[0] - today, placed[1] - today
        yield *row, "all", "served", float(served.sum()), float(served.sum())
        for group, weight in groups.items():
            included = mean(share, weight)
            yield *row, group, "inclusion", included, included


def groups_of(cells: RecordedCells, prospects: Prospects) -> dict[str, Floats]:
    """Group -> share of all eligible who are in the cell and the group (G, C)."""
    quarters = {name: cells.eligible * (cells.quarter == number) for number, name in enumerate(QUARTERS)}
    together, n = -prospects.without_se.reshape(1, -1), cells.eligible.reshape(1, -1)
    lowest = served_first(together, n, n.sum(axis=1) / 4).reshape(cells.eligible.shape)
    return {**quarters, "lowest_prospects": cells.eligible * lowest}


def served_by_policy(cells: RecordedCells, prospects: Prospects) -> dict[str, Floats]:
    """Policy -> share served of each cell (G, C)."""
    eligible, capacity = cells.eligible, cells.capacity
    lottery = np.broadcast_to((capacity / eligible.sum(axis=1))[:, None], eligible.shape)
    rankings = {
        "highest_prospects": prospects.without_se,
        "need_first": -prospects.without_se,
        "largest_gain": prospects.gain,
    }
    return {
        "status_quo": cells.accepted / eligible,
        "open_gate": np.ones_like(eligible),
        "lottery": lottery,
        **{policy: served_first(score, eligible, capacity) for policy, score in rankings.items()},
    }
