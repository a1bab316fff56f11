"""What is true of the effect of acceptance on placement: averages, the gap taken apart, bounds, both gates opened.

* ``effect``: the *population value* is the mean of the study's doubly robust score, its logits at what they converge
  to (``within``, ``across``: :mod:`se_outcomes.cases.truth_of_prospects`). The *causal value* is the model's own mean
  effect on ``all``, the ``accepted``, the ``not_accepted``; for ``overlap`` it is weighted as the estimand is. The
  ``naive`` gap is set beside the effect on the accepted, naive shares beside the share with both gates open.
* ``gap``: the effect on the accepted, and selection. An analysis of the recorded columns takes all selection to be
  observed; in truth ``selection_observed`` is the difference in prospects without support that follows from the
  recorded columns and the office, ``selection_unobserved`` the rest.
* ``two_gates``: what a model of both gates aims at, so the population value is the causal value. Without outcomes for
  all, the gap is that between the accepted and open gates, in placement with support. ``_recorded``: of what follows
  from the recorded columns and the office.
* ``bounds``: of the population's shares (the estimand is the term, the assumption the contrast); the causal value of
  either bound is the quantity itself.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from se_outcomes.cases.population import Population
from se_outcomes.cases.recorded import Prospects, RecordedCells, Row, mean
from se_outcomes.cases.truth_of_prospects import AT_RISK, creaming_index, gates_of, node_weights

Floats = NDArray[np.float64]
CONTRAST = "accepted_vs_not"


def effect_rows(population: Population, cells: RecordedCells) -> Iterator[Row]:
    """Mean effects, and shares placed with the gates open, closed and as today."""
    causal = true_means(population)
    observed = observed_shares(cells)
    for adjustment, prospects in cells.predictions.items():
        true = causal | {"overlap": _effect_on_overlap(cells, prospects)}
        for term, value in doubly_robust(cells, prospects).items():
            yield _effect_row(adjustment, term, value, true[term])
    yield _effect_row("none", "naive", observed["gap"], causal["accepted"])
    yield _effect_row("none", "today", observed["today"], observed["today"])
    yield _effect_row("none", "open_gate_naive", observed["accepted"], causal["open_gate"])


SHARES = ("open_gate", "closed_gate", "today", "open_gate_naive")


def _effect_row(adjustment: str, term: str, population_value: float, causal_value: float) -> Row:
    contrast, measure = ("all", "share") if term in SHARES else (CONTRAST, "effect")
    return "effect", adjustment, "eligible", term, contrast, measure, population_value, causal_value


def _effect_on_overlap(cells: RecordedCells, prospects: Prospects) -> float:
    """The true gain of each cell, weighted as the overlap estimand is."""
    return mean((cells.with_se - cells.without_se) / cells.eligible, overlap_weights(cells, prospects))


def true_means(population: Population) -> dict[str, float]:
    """The model's own mean effects, and shares placed with the gates open and closed."""
    with_se, without_se, eligible = population.with_se, population.without_se, population.eligible
    accepted = eligible * population.both_gates.chance
    gain = with_se - without_se
    return {
        "all": mean(gain, eligible),
        "accepted": mean(gain, accepted),
        "not_accepted": mean(gain, eligible - accepted),
        "open_gate": mean(with_se, eligible),
        "closed_gate": mean(without_se, eligible),
    }


def observed_shares(cells: RecordedCells) -> dict[str, float]:
    """Shares accepted, and placed: of the accepted, of the rest, of all; and the gap between the first two."""
    taken = float(cells.accepted.sum() / cells.eligible.sum())
    accepted = float(cells.placed_accepted.sum() / cells.accepted.sum())
    rest = float(cells.placed_rest.sum() / cells.rest.sum())
    return {
        "taken": taken,
        "accepted": accepted,
        "rest": rest,
        "gap": accepted - rest,
        "today": taken * accepted + (1 - taken) * rest,
    }


def doubly_robust(cells: RecordedCells, prospects: Prospects) -> dict[str, float]:
    """Means of the doubly robust scores over the population: effects, and open and closed gates."""
    accepted, rest, chance = cells.accepted, cells.rest, prospects.chance
    with_se, without_se = prospects.with_se, prospects.without_se
    off_with = cells.placed_accepted - accepted * with_se
    off_without = cells.placed_rest - rest * without_se
    odds = chance / (1 - chance)
    opened, closed = potential_outcomes(cells, prospects)
    overlap = overlap_weights(cells, prospects)
    on_overlap = overlap * prospects.gain + (1 - chance) * off_with - chance * off_without
    return {
        "all": float((opened - closed).sum()),
        "accepted": float(
            (cells.placed_accepted - accepted * without_se - odds * off_without).sum() / accepted.sum()
        ),
        "not_accepted": float(
            (rest * with_se - cells.placed_rest + off_with / odds).sum() / rest.sum(),
        ),
        "overlap": float(on_overlap.sum() / overlap.sum()),
        "open_gate": float(opened.sum()),
        "closed_gate": float(closed.sum()),
    }


def potential_outcomes(cells: RecordedCells, prospects: Prospects) -> tuple[Floats, Floats]:
    """Sums of the doubly robust scores of placement with and without support, by cell (G, C)."""
    off_with = cells.placed_accepted - cells.accepted * prospects.with_se
    off_without = cells.placed_rest - cells.rest * prospects.without_se
    return (
        cells.eligible * prospects.with_se + off_with / prospects.chance,
        cells.eligible * prospects.without_se + off_without / (1 - prospects.chance),
    )


def overlap_weights(cells: RecordedCells, prospects: Prospects) -> Floats:
    """Sums of (accepted or not, less the chance of it) squared, by cell (G, C)."""
    chance = prospects.chance
    return np.asarray(cells.accepted * (1 - chance) ** 2 + cells.rest * chance**2)


def gap_rows(population: Population, cells: RecordedCells) -> Iterator[Row]:
    """The gap in placement between accepted and others: effect and selection."""
    gap = observed_shares(cells)["gap"]
    causal = true_means(population)["accepted"]
    effect = doubly_robust(cells, cells.predictions["within"])["accepted"]
    observed = _prospects_gap(cells)
    found = {
        "gap": (gap, gap),
        "effect": (effect, causal),
        "selection": (gap - effect, gap - causal),
        "selection_observed": (gap - effect, observed),
        "selection_unobserved": (0.0, gap - causal - observed),
    }
    for term, values in found.items():
        yield "gap", "within", "eligible", term, CONTRAST, "points", *values


def _prospects_gap(cells: RecordedCells) -> float:
    """Difference in placement without support that follows from the recorded columns and the office."""
    expected = cells.without_se / cells.eligible
    return mean(expected, cells.accepted) - mean(expected, cells.rest)


def two_gate_rows(
    population: Population, cells: RecordedCells, *, merged: bool, outcome_for_all: bool
) -> Iterator[Row]:
    """What a model of both gates aims at."""
    causal = true_means(population)
    shares = observed_shares(cells)
    found = {
        ("accepted", "share"): shares["accepted"],
        ("accepted_recorded", "share"): mean(cells.with_se / cells.eligible, cells.accepted),
        ("open_gate", "share"): causal["open_gate"],
        **_two_gate_gap(cells, causal, shares, outcome_for_all=outcome_for_all),
    }
    if outcome_for_all:
        found |= {(f"effect_{of}", "effect"): causal[of] for of in ("all", "accepted", "not_accepted")}
        found |= _creaming_on_all_grounds(population, cells, merged=merged)
    for (term, measure), value in found.items():
        gate = term.removeprefix("creaming_").removesuffix("_recorded")
        yield "two_gates", "none", AT_RISK.get(gate, "eligible"), term, "all", measure, value, value


def _two_gate_gap(
    cells: RecordedCells, causal: dict[str, float], shares: dict[str, float], *, outcome_for_all: bool
) -> dict[tuple[str, str], float]:
    if outcome_for_all:
        gap, effect, observed = shares["gap"], causal["accepted"], _prospects_gap(cells)
        parts = {
            "gap": gap,
            "gap_raw": gap,
            "gap_effect": effect,
            "gap_observed": observed,
            "gap_unobserved": gap - effect - observed,
        }
    else:
        gap = shares["accepted"] - causal["open_gate"]
        observed = mean(cells.with_se / cells.eligible, cells.accepted) - causal["open_gate"]
        parts = {"gap": gap, "gap_observed": observed, "gap_unobserved": gap - observed}
    return {(part, "points"): value for part, value in parts.items()}


def _creaming_on_all_grounds(
    population: Population, cells: RecordedCells, *, merged: bool
) -> dict[tuple[str, str], float]:
    """Points of creaming at each gate; ``_recorded``: of what follows from the recorded columns and the office."""
    nodes = node_weights(population)
    without_se = population.without_se.reshape(len(nodes["eligible"]), -1)
    expected = cells.without_se / cells.eligible
    sides = {
        "": (without_se, nodes, nodes["eligible"]),
        "_recorded": (expected, vars(cells), cells.eligible),
    }
    return {
        (f"creaming_{gate}{ending}", "points"): creaming_index(prospects, *passing, eligible)["points"]
        for ending, (prospects, weights, eligible) in sides.items()
        for gate, passing in gates_of(weights, merged=merged).items()
    }


def bounds_rows(population: Population, cells: RecordedCells, *, outcome_for_all: bool) -> Iterator[Row]:
    """Bounds by estimand and assumption; those that need outcomes for all have rows only then."""
    causal = true_means(population)
    bounds = population_bounds(observed_shares(cells))
    for (estimand, assumption), ends in bounds.items():
        needs_all = estimand != "open_gate" or assumption in ("monotone_response", "both")
        if outcome_for_all or not needs_all:
            for measure, value in zip(("lower", "upper"), ends, strict=True):
                yield "bounds", "none", "eligible", estimand, assumption, measure, value, causal[estimand]


def population_bounds(shares: dict[str, float]) -> dict[tuple[str, str], tuple[float, float]]:
    """(Estimand, assumption) -> lower and upper bound.

    Monotone selection: the accepted are at least as well off as the others would be, with support or without.
    Monotone response: support harms nobody.
    """
    taken, accepted, rest = shares["taken"], shares["accepted"], shares["rest"]
    found = {}
    for assumption in ("none", "monotone_selection", "monotone_response", "both"):
        selection = assumption in ("monotone_selection", "both")
        response = assumption in ("monotone_response", "both")
        # what the others would do with support, and the accepted without it
        rest_with = (rest if response else 0.0, accepted if selection else 1.0)
        accepted_without = (rest if selection else 0.0, accepted if response else 1.0)
        on_accepted = (accepted - accepted_without[1], accepted - accepted_without[0])
        on_rest = (rest_with[0] - rest, rest_with[1] - rest)
        opened, on_all = (
            tuple(taken * a + (1 - taken) * b for a, b in zip(first, second, strict=True))
            for first, second in (((accepted, accepted), rest_with), (on_accepted, on_rest))
        )
        found["open_gate", assumption] = (opened[0], opened[1])
        found["all", assumption] = (on_all[0], on_all[1])
        found["accepted", assumption] = on_accepted
        found["not_accepted", assumption] = on_rest
    return found
