"""What is true of selection on prospects: creaming, targeting, and who is left out.

The *population value* ranks by what logits on the recorded columns converge to, ``within`` with office intercepts or
``across`` offices without them, every office then predicted from all others (the study deals more than twenty offices
into groups; where they are many, that is the same limit). The *causal value* is the same index of the true chances,
employability and office known: selection on all grounds, whether recorded or not.

* ``creaming``: of the chance of placement without support (contrast ``without_se``); where outcomes are known for the
  accepted only, of the chance with it (``with_se``). ``targeting``: of what acceptance adds (``gain``).
* ``points``: mean of those who pass less mean of those at risk; ``sd``: the same in standard deviations over all
  eligible; ``within``, ``between``: its parts within and between offices; ``greatest``: the within part if every
  office passed as many, the highest first; ``ratio``: within by greatest.
* ``left_out``: share of each status among all eligible, and the means of what is predicted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from se_outcomes.cases.population import Population
from se_outcomes.cases.recorded import RecordedCells, Row, mean, served_first

Floats = NDArray[np.float64]
#: Gate -> who is at risk.
AT_RISK = {"gate_1": "eligible", "gate_2": "referred", "both": "eligible"}


def gates_of(weights: Mapping[str, Floats], *, merged: bool) -> dict[str, tuple[Floats, Floats]]:
    """Gate -> weights of those at risk and of those who pass."""
    eligible, referred, accepted = (weights[name] for name in ("eligible", "referred", "accepted"))
    both = {"both": (eligible, accepted)}
    return both if merged else {"gate_1": (eligible, referred), "gate_2": (referred, accepted), **both}


def node_weights(population: Population) -> dict[str, Floats]:
    """Who is at each node of each office, and who of them passes (G, K J)."""
    eligible = population.eligible
    return {
        "eligible": _flat(eligible),
        "referred": _flat(eligible * population.referral.chance),
        "accepted": _flat(eligible * population.both_gates.chance),
    }


def creaming_index(prospects: Floats, at_risk: Floats, passed: Floats, eligible: Floats) -> dict[str, float]:
    """Measure -> value, of prospects (G, N) and the weights of those at risk, passing and eligible."""
    n, k = at_risk.sum(axis=1), passed.sum(axis=1)
    all_at_risk = (at_risk * prospects).sum(axis=1) / n
    best = (at_risk * served_first(prospects, at_risk, k) * prospects).sum(axis=1) / k
    share = k / k.sum()
    points = mean(prospects, passed) - mean(prospects, at_risk)
    within = float(share @ ((passed * prospects).sum(axis=1) / k - all_at_risk))
    greatest = float(share @ (best - all_at_risk))
    spread = np.sqrt(mean((prospects - mean(prospects, eligible)) ** 2, eligible))
    return {
        "points": points,
        "sd": points / float(spread),
        "within": within,
        "between": points - within,
        "greatest": greatest,
        "ratio": within / greatest,
    }


def creaming_rows(
    population: Population, cells: RecordedCells, *, merged: bool, outcome_for_all: bool
) -> Iterator[Row]:
    """Selection on prospects and, where outcomes are known for all, on the gain."""
    bases = {"creaming": "without_se", "targeting": "gain"} if outcome_for_all else {"creaming": "with_se"}
    nodes = node_weights(population)
    true = {
        "without_se": _flat(population.without_se),
        "with_se": _flat(population.with_se),
        "gain": _flat(population.with_se - population.without_se),
    }
    causal = {
        (question, gate): creaming_index(true[basis], *weights, nodes["eligible"])
        for question, basis in bases.items()
        for gate, weights in gates_of(nodes, merged=merged).items()
    }
    recorded = gates_of(vars(cells), merged=merged)
    for cross_fit, prospects in cells.predictions.items():
        for question, basis in bases.items():
            for gate, weights in recorded.items():
                found = creaming_index(getattr(prospects, basis), *weights, cells.eligible)
                for measure, value in found.items():
                    row = (question, cross_fit, AT_RISK[gate], gate, basis, measure)
                    yield (*row, value, causal[question, gate][measure])


def left_out_rows(
    population: Population, cells: RecordedCells, *, merged: bool, outcome_for_all: bool
) -> Iterator[Row]:
    """Status -> its share, and means of what is predicted and of what is true of it."""
    nodes, recorded = (
        _statuses(weights, merged=merged) for weights in (node_weights(population), vars(cells))
    )
    true = {
        "chance": _flat(population.both_gates.chance),
        "without_se": _flat(population.without_se),
        "with_se": _flat(population.with_se),
        "gain": _flat(population.with_se - population.without_se),
    }
    measures = tuple(true) if outcome_for_all else ("chance", "with_se")
    for status, weight in nodes.items():
        yield "left_out", "none", "eligible", status, "all", "share", float(weight.sum()), float(weight.sum())
    for cross_fit, prospects in cells.predictions.items():
        for status, weight in recorded.items():
            for measure in measures:
                row = ("left_out", cross_fit, "eligible", status, "all", measure)
                yield (*row, mean(getattr(prospects, measure), weight), mean(true[measure], nodes[status]))


def _statuses(weights: Mapping[str, Floats], *, merged: bool) -> dict[str, Floats]:
    eligible, referred, accepted = (weights[name] for name in ("eligible", "referred", "accepted"))
    if merged:
        return {"not_accepted": eligible - accepted, "accepted": accepted}
    return {"not_referred": eligible - referred, "not_accepted": referred - accepted, "accepted": accepted}


def _flat(values: Floats) -> Floats:
    """Nodes (G, K, J) in one line per office (G, K J)."""
    return values.reshape(len(values), -1)
