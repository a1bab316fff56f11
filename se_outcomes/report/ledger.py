"""Every count that a report would publish, as a set of cases: the linked exhibits in one place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from se_outcomes.cases.derive import GATE_STATES, OUTCOME_STATES, RETENTION_STATES
from se_outcomes.report.answers import Answers
from se_outcomes.report.suppression import Published
from se_outcomes.study.acceptance import ACCEPTANCE
from se_outcomes.study.at_risk import REASONS, sort_cases
from se_outcomes.study.characteristics import CharacteristicsResult
from se_outcomes.study.funnel import FLOW, IN_PROGRAMME, STAGES, in_place
from se_outcomes.study.linkage import MISSING, STATES, question_of
from se_outcomes.study.passage import PassageResult
from se_outcomes.study.referral import REFERRAL

Mask = NDArray[np.bool_]
#: The rows of table 1 that have a value.
RECORDED = "recorded"
#: Exhibit, then what names the count in it.
Key = tuple[str, ...]


@dataclass(eq=False)
class Ledger:
    """Counts to be published over the rows of a frame of cells.

    Attributes
    ----------
    cells : DataFrame (a,)
        With ``n``, how many cases are in each.
    sets : dict of Key to (a,) bool array
    shares : list of (Key, Key)
        Whole and part of counts between which a share can be read.
    known : dict of Key to (a,) bool array
        Counts that are told elsewhere and are not for this plan to withhold.
    """

    cells: pd.DataFrame
    sets: dict[Key, Mask] = field(default_factory=dict)
    shares: list[tuple[Key, Key]] = field(default_factory=list)
    known: dict[Key, Mask] = field(default_factory=dict)

    def publish(self, key: Key, rows: pd.Series | Mask) -> Key:
        """Enter a count."""
        self.sets[key] = np.asarray(rows, dtype=bool)
        return key

    def publish_share(self, whole: Key, part: Key) -> None:
        """Say that a share can be read between two counts entered before."""
        self.shares.append((whole, part))

    def published(self) -> tuple[Published, dict[Key, int]]:
        """The counts for the suppression plan, and the number of each key: equal sets are one count."""
        numbers: dict[bytes, int] = {}
        place = {key: numbers.setdefault(mask.tobytes(), len(numbers)) for key, mask in self.sets.items()}
        rank = np.zeros(len(numbers), dtype=np.int64)
        sets = np.zeros((len(numbers), len(self.cells)), dtype=bool)
        for key, number in place.items():
            rank[number] = max(rank[number], rank_of(key))
            sets[number] = self.sets[key]
        place |= {key: len(numbers) + number for number, key in enumerate(self.known)}
        known = np.array(list(self.known.values()), dtype=bool).reshape(-1, len(self.cells))
        share_rank: dict[tuple[int, int], int] = {}
        for whole, part in self.shares:
            pair = (place[whole], place[part])
            share_rank[pair] = max(share_rank.get(pair, 0), share_rank_of(part))
        table = Published(
            cells=self.cells["n"].to_numpy(float),
            sets=sets,
            shares=np.array(list(share_rank), dtype=np.int64).reshape(-1, 2),
            known=known,
            rank=rank,
            share_rank=np.array(list(share_rank.values()), dtype=np.int64),
        )
        return table, place


#: How much a number is worth keeping: totals before groups before bins, and what comes early on the way before what
#: comes late, because withholding late counts protects the few who are undecided or not observed at the least cost.
RANKS = {
    "total": 90,
    "group": 60,
    "bin": 30,
    "reason": 10,
}
STEPS = {"referred": 8, "referral": 8, "gate_1": 8, "accepted": 5, "acceptance": 5, "gate_2": 5, "net": 5}
STEPS |= {"placement_eligible": 4, "placed": 3, "placement": 3, "retained": 0}


def rank_of(key: Key) -> int:
    """How much a count is worth keeping.

    Examples
    --------
    >>> [rank_of(key) for key in (("flow", "accepted"), ("passage", "referral", "bin", "q1.2", "n"))]
    [90, 38]
    """
    exhibit = key[0]
    if exhibit == "characteristics" and key[1].startswith("gate_"):
        return RANKS["reason"]
    if exhibit in ("flow", "characteristics") or key[1] == "all" or key[-1] in ("used", "n_events"):
        return RANKS["total"]
    if exhibit == "funnel":
        return 0 if key[2] == "retained" else RANKS["group"] + STEPS[key[2]]
    if exhibit == "selection":
        return RANKS["group"] + STEPS[key[2]]
    if exhibit == "passage":
        return RANKS[key[2]] + STEPS[key[1]]
    return RANKS["reason"]


def share_rank_of(part: Key) -> int:
    """How much a rounded share is worth keeping: in a group more than its counts, in all less than they.

    Examples
    --------
    >>> share_rank_of(("funnel", "q1", "accepted", "n_passed")) > rank_of(("funnel", "q1", "accepted", "n_passed"))
    True
    """
    rank = rank_of(part)
    if rank == RANKS["total"]:
        return rank - 5
    return rank + 2 if rank > RANKS["reason"] else rank


def enter_gates(answers: Answers, linkage: pd.DataFrame) -> Ledger:
    """The ledger of all exhibits that count cases by group, state and place in the questions.

    Parameters
    ----------
    answers : Answers
    linkage : DataFrame
        :func:`se_outcomes.study.linkage.count_linkage` of the answers' passage questions.
    """
    ledger = Ledger(possible_cells(linkage, answers))
    cells = ledger.cells
    # the number of cases in all stands on the first page
    ledger.known["cases",] = np.ones(len(cells), dtype=bool)
    _enter_funnel(ledger, answers)
    _enter_flow(ledger, answers)
    for key, result in answers.passages.items():
        _enter_passage(ledger, key, result)
    if answers.selection is not None:
        _enter_selection(ledger, answers)
    columns = {**answers.characteristics.stages, **_compared_sides(answers.characteristics)}
    for stage, states in columns.items():
        ledger.publish(("characteristics", stage), cells["gate_state"].isin(states))
    return ledger


def possible_cells(linkage: pd.DataFrame, answers: Answers) -> pd.DataFrame:
    """The linkage with the cells that happen to be empty: a reader does not know that they are.

    What was found in one group is possible in every group; and every state is possible.
    """
    keys = list(answers.passages)
    seen = linkage[["group", "bin"]].drop_duplicates()
    patterns = linkage.drop(columns=["bin", "n"]).assign(known=linkage["group"] != MISSING)
    patterns = patterns.drop(columns="group").drop_duplicates()
    states = pd.DataFrame(list(product(GATE_STATES, OUTCOME_STATES, RETENTION_STATES)), columns=list(STATES))
    states = states.loc[(states["retention_state"] == "unknown") | (states["outcome_state"] == "placed")]
    clean = {
        key: sort_cases(states, question_of(answers.passages[key].specification))["level"] for key in keys
    }
    without = {key: level.replace("used", "exposure_missing") for key, level in clean.items()}
    clean_states = [states.assign(**clean, known=True), states.assign(**without, known=False)]
    patterns = pd.concat([patterns, *clean_states]).drop_duplicates()
    possible = seen.assign(known=seen["group"] != MISSING).merge(patterns, on="known").drop(columns="known")
    columns = ["group", "bin", *STATES, *keys]
    return possible.merge(linkage, on=columns, how="outer").fillna({"n": 0}).reset_index(drop=True)


def _enter_funnel(ledger: Ledger, answers: Answers) -> None:
    cells = ledger.cells
    stages = {stage.name: stage for stage in STAGES}
    for group, name in answers.funnel.counts[["group", "stage"]].itertuples(index=False):
        stage = stages[name]
        inside = _in_group(cells, group)
        if stage.of:
            inside &= cells["gate_state"].isin(IN_PROGRAMME)
        if name == "retained":
            inside &= cells["outcome_state"] == "placed"
        state = cells[stage.column].where(inside, "")
        whole = ledger.publish(
            ("funnel", group, name, "n_at_risk"), state.isin([*stage.passed, *stage.failed])
        )
        part = ledger.publish(("funnel", group, name, "n_passed"), state.isin(stage.passed))
        ledger.publish(("funnel", group, name, "n_unknown"), state.isin(stage.unknown))
        ledger.publish_share(whole, part)


def _enter_flow(ledger: Ledger, answers: Answers) -> None:
    places = set(answers.funnel.flow["place"])
    keys = {
        place: ledger.publish(("flow", place), in_place(ledger.cells, place))
        for place in FLOW
        if place in places
    }
    for whole, parts in (
        ("followed", ("not_referred", "accepted", "refused")),
        ("referred", ("refused", "accepted")),
        ("accepted", ("placed", "not_placed")),
    ):
        for part in parts:
            if {whole, part} <= set(keys):
                ledger.publish_share(keys[whole], keys[part])


def _enter_passage(ledger: Ledger, key: str, result: PassageResult) -> None:
    cells = ledger.cells
    used = cells[key] == "used"
    passed = used & (sort_cases(cells, question_of(result.specification))["event"] > 0)
    whole = ledger.publish(("exclusions", key, "used"), used)
    part = ledger.publish(("passage", key, "n_events"), passed)
    ledger.publish_share(whole, part)
    ledger.publish(("exclusions", key, "n_excluded"), ~used)
    for reason in REASONS:
        ledger.publish(("exclusions", key, reason), cells[key] == reason)
    for column, frame in (("group", result.groups), ("bin", result.bins)):
        for name in frame[column]:
            inside = cells[column] == name
            whole = ledger.publish(("passage", key, column, name, "n"), inside & used)
            part = ledger.publish(("passage", key, column, name, "n_passed"), inside & passed)
            ledger.publish_share(whole, part)


def _enter_selection(ledger: Ledger, answers: Answers) -> None:
    cells, selection = ledger.cells, answers.selection
    assert selection is not None
    merged = answers.funnel.gates == "merged"
    gates = {"net": ACCEPTANCE} if merged else {"gate_1": REFERRAL, "gate_2": ACCEPTANCE}
    sorted_gates = {gate: sort_cases(cells, question) for gate, question in gates.items()}
    first, last = next(iter(sorted_gates)), list(sorted_gates)[-1]
    for group in (selection.top, selection.bottom):
        inside = _in_group(cells, group)
        for gate, found in sorted_gates.items():
            used = inside & (found["level"] == "used")
            whole = ledger.publish(("selection", group, gate, "n_at_risk"), used)
            part = ledger.publish(("selection", group, gate, "n_passed"), used & (found["event"] > 0))
            ledger.publish_share(whole, part)
        if not merged:
            for count, gate in (("n_at_risk", first), ("n_passed", last)):
                ledger.publish(
                    ("selection", group, "net", count), ledger.sets["selection", group, gate, count]
                )


def enter_variables(described: CharacteristicsResult, told: Sequence[str]) -> Iterator[Ledger]:
    """A ledger for each variable of table 1: its levels by the states that make up the stages.

    Parameters
    ----------
    described : CharacteristicsResult
    told : sequence of str
        The stages, and sides of a gate, whose number of cases may be told; the others have no numbers in the table.
    """
    stages = described.stages
    reached = sorted({state for states in stages.values() for state in states})
    columns = {**stages, **_compared_sides(described)}
    columns = {stage: states for stage, states in columns.items() if stage in told}
    for variable, states in described.states.groupby("variable", sort=False):
        levels = list(dict.fromkeys(states["level"]))
        cells = pd.DataFrame(list(product(levels, reached)), columns=["level", "gate_state"])
        cells = cells.merge(states[["level", "gate_state", "n"]], how="left").fillna({"n": 0})
        ledger = Ledger(cells)
        for stage, gates in columns.items():
            inside = cells["gate_state"].isin(gates)
            whole = (str(variable), "", stage)
            ledger.known[whole] = inside.to_numpy()
            # percentages are of those recorded, so they tell how many these are
            ledger.publish((str(variable), RECORDED, stage), inside & (cells["level"] != MISSING))
            for level in levels:
                if level != RECORDED:
                    part = ledger.publish((str(variable), level, stage), inside & (cells["level"] == level))
                    ledger.publish_share(whole, part)
        yield ledger


def _compared_sides(described: CharacteristicsResult) -> dict[str, tuple[str, ...]]:
    """Who a standardised difference is between, as stages of their own: it tells of their shares."""
    return {
        f"{contrast}_{side}": gates
        for contrast, sides in described.contrasts.items()
        for side, gates in zip(("passed", "failed"), sides, strict=True)
    }


def _in_group(cells: pd.DataFrame, group: str) -> pd.Series:
    return pd.Series(True, index=cells.index) if group == "all" else cells["group"] == group
