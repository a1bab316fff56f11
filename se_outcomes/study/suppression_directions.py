"""Directions in which the suppressed cells of a tally move an answer most.

A direction gives each suppressed cell a weight: where it is positive the cell is filled, where it is negative emptied,
as far as the tally allows. Which cells move a share, a slope or a gap, and how, follows from the answer's form: a case
that passed raises the share that passed; and it raises a slope if it has more of the exposure than was to be expected
from its office and its covariates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from se_outcomes.cases.cases import INSTRUMENT_OF, Cases
from se_outcomes.cases.suppressed_cells import Integers, SuppressedCells
from se_outcomes.study.design import as_text, is_numeric, numbers, ordered_levels

if TYPE_CHECKING:
    from se_outcomes.study.characteristics import CharacteristicsResult

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
#: From the counts of the suppressed cells (m,) to the weights (m,) that lead on from there.
Direction = Callable[[Integers], Floats]

#: Steps of a logit, and what keeps it from running away where cells are separated.
STEPS, RIDGE = 15, 1e-3

#: A level of the exposure or of a covariate beyond these has no direction of its own.
MOST_LEVELS = 12
REFERRED = ("undecided", "refused", "accepted")
IN_PROGRAMME = ("accepted", "bypassed")
DECIDED = ("refused", "accepted")
KNOWN = ("not_referred", "bypassed", *REFERRED)
#: Stages: who is at risk by gate state, whether the outcome must be known, and who passed.
STAGES: dict[str, tuple[tuple[str, ...], bool]] = {
    "referral": (KNOWN, False),
    "acceptance": (DECIDED, False),
    "admission": (KNOWN, False),
    "placement_accepted": (("accepted",), True),
    "placement_in_programme": (IN_PROGRAMME, True),
    "placement_rest": (("not_referred", "bypassed", "undecided", "refused"), True),
    "placement_referred": (REFERRED, True),
    "placement_all": (KNOWN, True),
}


@dataclass(frozen=True, eq=False)
class Pointer:
    """Works out directions on the told cells and the suppressed ones of the central completion.

    Attributes
    ----------
    cases : Cases
        Of the central completion.
    suppressed : SuppressedCells
    exposure : str
    adjust_for : tuple of str
        Columns that are there.
    """

    cases: Cases
    suppressed: SuppressedCells
    exposure: str
    adjust_for: tuple[str, ...]

    @cached_property
    def frame(self) -> pd.DataFrame:
        """Told cells, then suppressed ones, with ``n``."""
        cells = self.suppressed.cells.assign(n=self.suppressed.central())
        return pd.concat([self.suppressed.told, cells], ignore_index=True)

    @cached_property
    def hidden(self) -> slice:
        """The suppressed cells in :attr:`frame`."""
        return slice(len(self.suppressed.told), None)

    def n(self, suppressed: Integers) -> Floats:
        """Cases of each cell (r,) where the suppressed ones have these (m,)."""
        return np.concatenate([self.suppressed.told["n"].to_numpy(dtype=float), suppressed])

    @cached_property
    def exposures(self) -> dict[str, Floats]:
        """The exposure as numbers (r,): itself and top less bottom quarter, or each level as a yes or no."""
        if self.exposure not in self.frame:
            return {}
        column = self.frame[self.exposure]
        if not is_numeric(column):
            levels = ordered_levels(self.exposure, column)[:MOST_LEVELS]
            text = as_text(column).to_numpy(dtype=object)
            known = column.notna().to_numpy()
            return {level: np.where(known, text == level, np.nan).astype(float) for level in levels}
        quarters = self.text(f"{self.exposure}_group")
        ends = (quarters == "q4").astype(float) - (quarters == "q1")
        scaled = self.scaled
        # cases without a value are at risk of nothing; those in the middle say nothing of the ends
        return {"exposure": scaled, "ends": np.where(np.isnan(scaled), np.nan, ends)}

    @cached_property
    def scaled(self) -> Floats:
        """A numeric exposure in standard deviations (r,), missing where it is."""
        return self.place(self.exposure)["scaled"].to_numpy(dtype=float)

    def text(self, column: str) -> NDArray[np.object_]:
        """A column, or a number's quarters, as text (r,), "missing" where it is."""
        if column in self.frame:
            return as_text(self.frame[column]).fillna("missing").to_numpy(dtype=object)
        return self.place(column.rpartition("_")[0])["group"].fillna("missing").to_numpy(dtype=object)

    def place(self, number: str) -> pd.DataFrame:
        """A number's ``scaled, group, bin`` on the scale of the central completion."""
        recorded = INSTRUMENT_OF.get(number, "")
        instrument = np.full(len(self.frame), "", dtype=object)
        if recorded in self.frame:
            instrument = self.frame[recorded].astype("str").fillna("").to_numpy(dtype=object)
        return self.cases.scale(number).place(numbers(self.frame[number]), instrument)

    @cached_property
    def gate(self) -> NDArray[np.object_]:
        """Gate state (r,)."""
        return self.frame["gate_state"].astype("str").to_numpy(dtype=object)

    @cached_property
    def outcome(self) -> NDArray[np.object_]:
        """Outcome state (r,)."""
        return self.frame["outcome_state"].astype("str").to_numpy(dtype=object)

    def stage(self, name: str) -> tuple[Mask, Floats]:
        """Who is at risk at a stage (r,), and who passed (r,)."""
        if name == "retention":
            state = self.text("retention_state")
            placed = np.isin(self.gate, IN_PROGRAMME) & (self.outcome == "placed")
            return placed & (state != "unknown"), (state == "retained").astype(float)
        states, outcome_known = STAGES[name]
        at_risk = np.isin(self.gate, states)
        if outcome_known:
            return at_risk & (self.outcome != "unknown"), (self.outcome == "placed").astype(float)
        passed = REFERRED if name == "referral" else ("accepted",)
        return at_risk, np.isin(self.gate, passed).astype(float)

    def share(self, name: str, inside: Mask | None = None) -> Floats:
        """Towards a larger share at a stage (m,), of those ``inside``."""
        at_risk, passed = self.stage(name)
        if inside is not None:
            at_risk = at_risk & inside
        return np.where(at_risk, 2 * passed - 1, 0.0)[self.hidden]

    def slope(self, at_risk: Mask, outcome: Floats, exposure: Floats, *, scaled: bool = False) -> Direction:
        """Towards a larger average marginal effect of a logit of the outcome (r,) on the exposure (r,).

        Within offices and given the covariates. The weights are the influence of one case more in a cell on it.
        """
        used = at_risk & ~np.isnan(exposure)
        X = np.column_stack([np.nan_to_num(exposure), self._nuisance])[used]
        eligible = (self.gate != "ineligible") & ~np.isnan(exposure)

        def weights(suppressed: Integers) -> Floats:
            n = self.n(suppressed)
            found = np.zeros(len(used))
            found[used], average = _influence(X, outcome[used], n[used])
            if not scaled:
                return found[self.hidden]
            # per standard deviation: what widens the exposure's distribution makes the step longer
            mean, variance = _moments(np.nan_to_num(exposure), n * eligible)
            wide = (np.nan_to_num(exposure) - mean) ** 2 / variance - 1
            found += np.where(eligible, average * wide / (2 * (n * eligible).sum()), 0.0)
            return found[self.hidden]

        return weights

    def log_ratio(self, names: Sequence[str], ends: Floats, *, within_offices: bool) -> Direction:
        """Towards a larger ratio of the shares that pass some stages, of the cases at one end (r,) to the other (-1).

        The weights are the derivative of its logarithm by the count of each cell. Within offices, each office weighs
        what both ends together have at risk there (``standardised_rates`` of ``decomposition.log_risk_ratio``).
        """
        stages = [self.stage(name) for name in names]
        office = self._office if within_offices else np.zeros(len(self.frame), dtype=np.int64)

        def weights(suppressed: Integers) -> Floats:
            n, found = self.n(suppressed), np.zeros(len(self.frame))
            for at_risk, passed in stages:
                found += _log_ratio_gradient(n * at_risk, passed, np.where(at_risk, ends, 0.0), office)
            return found[self.hidden]

        return weights

    @cached_property
    def _office(self) -> NDArray[np.int64]:
        """Number of each cell's office (r,)."""
        return np.unique(self.text("office_id").astype(str), return_inverse=True)[1]

    def ends(self) -> list[Floats]:
        """Top (1) and bottom (-1) of the exposure (r,): as they are, and as they would be with other limits.

        The quarters of a number begin elsewhere where its suppressed cells have other counts.
        """
        if "ends" not in self.exposures:
            if self.exposure not in self.frame:
                return []
            text, levels = self.text(self.exposure), ordered_levels(self.exposure, self.frame[self.exposure])
            return [(text == levels[-1]).astype(float) - (text == levels[0])]
        as_is = np.nan_to_num(self.exposures["ends"])
        found = [as_is]
        values = np.nan_to_num(self.scaled)
        known = np.unique(values[~np.isnan(self.scaled)])
        low = known.searchsorted(values[as_is == -1].max(initial=known[0]))
        high = known.searchsorted(values[as_is == 1].min(initial=known[-1]))
        for bottom in range(max(low - 1, 0), low + 2):
            for top in range(high - 1, min(high + 2, len(known))):
                if bottom < top and (bottom, top) != (low, high):
                    moved = (values >= known[top]).astype(float) - (values <= known[bottom])
                    found.append(np.where(np.isnan(self.scaled), 0.0, moved))
        return found

    @cached_property
    def _nuisance(self) -> Floats:
        """Offices and covariates as columns (r, k)."""
        columns = [pd.get_dummies(pd.Series(self.text("office_id")), dtype=float).to_numpy()]
        for name in self.adjust_for:
            if is_numeric(self.frame[name]):
                values = numbers(self.frame[name])
                columns.append(np.nan_to_num(values, nan=float(np.nanmean(values)))[:, None])
            else:
                columns.append(pd.get_dummies(pd.Series(self.text(name)), dtype=float).to_numpy()[:, 1:])
        return np.column_stack(columns)


def point_to_passage(
    pointer: Pointer, stages: Sequence[str], *, thorough: bool = True
) -> Iterator[Direction]:
    """Directions of the shares and slopes of some stages, of the exposure's distribution, and of the whole."""
    yield _constant(np.ones(len(pointer.suppressed.cells)))
    slopes = []
    for name in stages:
        at_risk, passed = pointer.stage(name)
        yield _constant(pointer.share(name))
        slopes += [
            pointer.slope(at_risk, passed, exposure, scaled=what == "exposure")
            for what, exposure in pointer.exposures.items()
        ]
    yield from slopes
    if "exposure" in pointer.exposures:
        eligible = (pointer.gate != "ineligible") & ~np.isnan(pointer.scaled)
        scaled = np.where(eligible, np.nan_to_num(pointer.scaled), 0.0)[pointer.hidden]
        yield _constant(scaled)
        yield _constant(np.where(eligible[pointer.hidden], scaled**2 - 1, 0.0))
        for slope in slopes if thorough else ():
            # where quarters begin hangs on how many have little of the exposure
            yield from (_sum(slope, scaled), _sum(slope, -scaled))


def point_to_ratio(pointer: Pointer) -> Iterator[Direction]:
    """Directions of the log ratios of passing, top to bottom of the exposure, gate by gate and over all."""
    gates = ("admission",) if pointer.cases.plan.gates == "merged" else ("referral", "acceptance")
    for number, ends in enumerate(pointer.ends()):
        for within_offices in (True, False):
            yield pointer.log_ratio(gates, ends, within_offices=within_offices)
            for name in gates if number == 0 else ():
                yield pointer.log_ratio((name,), ends, within_offices=within_offices)


def point_to_gap(pointer: Pointer) -> Iterator[Direction]:
    """Directions of the difference in placement between those accepted and all others."""
    at_risk, placed = pointer.stage("placement_all")
    yield pointer.slope(at_risk, placed, (pointer.gate == "accepted").astype(float))


def point_to_groups(pointer: Pointer, by: str | None, stages: Sequence[str]) -> Iterator[Direction]:
    """Directions of the share of each stage in all and in each group; with them its range is exact.

    Where a group is a quarter of a number, it is exact as long as the quarters' limits stay where they are.
    """
    groups = {"all": np.ones(len(pointer.frame), dtype=bool)}
    if by is not None:
        text = pointer.text(by)
        groups |= {str(level): text == level for level in sorted(set(text))}
    for name in stages:
        if name == "retention" and "retention_state" not in pointer.frame:
            continue
        for inside in groups.values():
            yield _constant(pointer.share(name, inside))


def point_to_characteristics(pointer: Pointer, described: CharacteristicsResult) -> Iterator[Direction]:
    """Directions of the differences in each level's share between those who passed a gate and those who did not."""
    rows = described.differences[["variable", "level", "contrast"]]
    for variable, level, contrast in rows.itertuples(index=False):
        passed, failed = described.contrasts[contrast]
        side = np.isin(pointer.gate, passed).astype(float) - np.isin(pointer.gate, failed)
        if level:
            text = pointer.text(variable)
            value = np.where(text == "missing", 0.0, np.where(text == level, 1.0, -1.0))
        else:
            values = numbers(pointer.frame[variable])
            value = np.nan_to_num(values - np.nanmean(values))
        yield _constant((side * value)[pointer.hidden])


def _constant(weights: Floats) -> Direction:
    return lambda _: weights


def _sum(direction: Direction, weights: Floats) -> Direction:
    """A direction and weights (m,), both of the same size."""

    def both(suppressed: Integers) -> Floats:
        return _unit(direction(suppressed)) + _unit(weights)

    return both


def _unit(weights: Floats) -> Floats:
    size = np.abs(weights).max(initial=0.0)
    return weights / size if size > 0 else weights


def _log_ratio_gradient(n: Floats, passed: Floats, ends: Floats, office: NDArray[np.int64]) -> Floats:
    """Derivative by the counts at risk n (r,) of the log ratio of standardised shares, ends 1 to ends -1."""
    size = int(office.max(initial=0)) + 1
    both = np.bincount(office, n * (ends != 0), size)
    found = np.zeros(len(n))
    for end in (1.0, -1.0):
        inside = ends == end
        cases = np.bincount(office, n * inside, size)
        # an office without cases at this end has no share: half of one case more stands for its pull
        share = np.divide(
            np.bincount(office, n * passed * inside, size), cases, out=np.full(size, 0.5), where=cases > 0
        )
        whole = both @ share / both.sum() if both.sum() > 0 else 0.0
        if whole <= 0:
            continue
        by_weight = (share - whole)[office] / both.sum() * (ends != 0)
        by_share = (
            np.divide(both, np.maximum(cases, 0.5) * both.sum())[office] * (passed - share[office]) * inside
        )
        found += end * (by_weight + by_share) / whole
    return found


def _moments(values: Floats, n: Floats) -> tuple[float, float]:
    """Mean and variance; the variance is 1 where there is none."""
    mean = float(n @ values / n.sum())
    variance = float(n @ (values - mean) ** 2 / n.sum())
    return mean, variance if variance > 0 else 1.0


def _influence(X: Floats, y: Floats, n: Floats) -> tuple[Floats, float]:
    """Of one case more in each cell (r,) on the average marginal effect of the first column; and that effect."""
    beta = np.zeros(X.shape[1])
    ridge = RIDGE * np.eye(X.shape[1])
    for _ in range(STEPS):
        p = expit(X @ beta)
        information = (X * (n * p * (1 - p))[:, None]).T @ X + ridge
        step = np.linalg.solve(information, X.T @ (n * (y - p)) - ridge @ beta)
        beta += step
        if np.abs(step).max() < 1e-6:
            break
    p = expit(X @ beta)
    flat = p * (1 - p)
    total = n.sum()
    average = float(beta[0] * (n @ flat) / total)
    gradient = beta[0] * (X.T @ (n * flat * (1 - 2 * p))) / total
    gradient[0] += n @ flat / total
    by_score = (X @ np.linalg.solve(information, gradient)) * (y - p)
    return by_score + (beta[0] * flat - average) / total, average
