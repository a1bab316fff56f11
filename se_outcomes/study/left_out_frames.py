"""The frames of who is left out, with the office jackknife of every number in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import logit

from se_outcomes.inference.intervals import share_interval, t_interval, t_p_value
from se_outcomes.inference.jackknife import jackknife_covariance
from se_outcomes.results import Notice
from se_outcomes.study.design import as_text, is_numeric, ordered_levels
from se_outcomes.study.prospects import STATUSES, Prospects

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

#: A chance of acceptance below this is practically none, above its complement practically certain.
NO_CHANCE = 0.02
ACCEPTED = "accepted"
#: Where the density is drawn, and the least bandwidth that this grid can show.
GRID = np.linspace(0.0, 1.0, 201)
LEAST_BANDWIDTH = 0.005
QUANTILES = (0.10, 0.25, 0.50, 0.75, 0.90)


@dataclass(frozen=True, eq=False)
class Described:
    """What is described of the cells: it stays the same in every replicate.

    Attributes
    ----------
    prospects : Prospects
    statuses : tuple of str
        Those found, in the order of the way.
    measures : tuple of str
        Predictions that can be known, and the gain.
    variables : mapping of str to (levels, codes)
        Levels of each variable, and the level's number of each cell (n,).
    """

    prospects: Prospects
    statuses: tuple[str, ...]
    measures: tuple[str, ...]
    variables: Mapping[str, tuple[tuple[str, ...], Integers]]

    def without(self, office: int) -> Described:
        """The same of the replicate without an office."""
        keep = self.prospects.offices != office
        kept = {name: (levels, codes[keep]) for name, (levels, codes) in self.variables.items()}
        return Described(self.prospects.without(office), self.statuses, self.measures, kept)

    def of_status(self) -> Floats:
        """Cases of each status in each cell (S, n)."""
        status = self.prospects.status
        return np.array([np.where(status == name, self.prospects.counts, 0.0) for name in self.statuses])

    def predicted(self) -> Floats:
        """The measures of each cell (M, n)."""
        found = self.prospects
        columns = {
            "without_se": found.without_se,
            "with_se": found.with_se,
            "gain": found.with_se - found.without_se,
            "chance": found.chance,
        }
        return np.array([columns[name] for name in self.measures])


@dataclass(frozen=True, eq=False)
class Jackknifed:
    """Numbers with their replicates: ``estimate`` (...) and ``replicates`` (G, ...)."""

    estimate: Floats
    replicates: Floats

    def minus(self, place: int) -> Jackknifed:
        """Less the row ``place`` of the first axis."""
        return Jackknifed(
            self.estimate - self.estimate[[place]], self.replicates - self.replicates[:, [place]]
        )

    @property
    def std_error(self) -> Floats:
        """Office jackknife; missing where a replicate does not exist or none differs."""
        shape = self.estimate.shape
        flat = self.replicates.reshape(len(self.replicates), -1)
        found = np.array(
            [
                np.sqrt(jackknife_covariance([value], flat[:, [number]])[0, 0])
                for number, value in enumerate(self.estimate.ravel())
            ]
        )
        return np.where(found > 0, found, np.nan).reshape(shape)


def describe(prospects: Prospects) -> tuple[Described, tuple[Notice, ...]]:
    """What there is to describe, and what cannot be."""
    statuses = tuple(name for name in STATUSES if (prospects.status == name).any())
    for_all = prospects.outcome_observed == "all"
    measures = ("without_se", "with_se", "gain", "chance") if for_all else ("with_se", "chance")
    variables: dict[str, tuple[tuple[str, ...], Integers]] = {}
    said = []
    for variable in (prospects.exposure, *prospects.adjust_for):
        text = _levels_of(prospects, variable)
        if text is None:
            said.append(
                Notice(
                    "left_out_not_composed",
                    "{variable} is a number without quarters, and is left out of the composition.",
                    variable=variable,
                )
            )
            continue
        levels = ordered_levels(variable, text)
        codes = text.map({level: number for number, level in enumerate(levels)}).to_numpy().astype(np.int64)
        variables[variable] = levels, codes
    return Described(prospects, statuses, measures, variables), tuple(said)


def _levels_of(prospects: Prospects, variable: str) -> pd.Series | None:
    cells = prospects.cells
    if not is_numeric(cells[variable]):
        return as_text(cells[variable])
    quarter = f"{variable}_group"
    return as_text(cells[quarter]) if quarter in cells else None


def jackknifed(
    described: Described, replicates: Sequence[Described], functional: Callable[[Described], Floats]
) -> Jackknifed:
    """What ``functional`` finds in the cells and in each replicate."""
    return Jackknifed(functional(described), np.array([functional(replicate) for replicate in replicates]))


def mean_predictions(described: Described) -> Floats:
    """Means (S, M) of the measures by status; missing where a replicate has nobody of it."""
    weights = described.of_status()
    return _divide(weights @ described.predicted().T, weights.sum(axis=1)[:, None])


def shares_of_status(described: Described) -> Floats:
    """Share of each status in all cases (S, 1)."""
    weights = described.of_status().sum(axis=1)
    return weights[:, None] / described.prospects.counts.sum()


def shares_of_levels(described: Described) -> Floats:
    """Share of each level of each variable within each status (S, L)."""
    weights = described.of_status()
    counts = np.concatenate([_by_level(weights, *found) for found in described.variables.values()], axis=1)
    return _divide(counts, weights.sum(axis=1)[:, None])


def shares_without_overlap(described: Described) -> Floats:
    """Shares (groups, 2) with practically no chance of acceptance, and with a practically certain one."""
    found = described.prospects
    levels, codes = described.variables[found.exposure]
    extreme = np.array([found.chance < NO_CHANCE, found.chance > 1 - NO_CHANCE]) * found.counts
    groups = _by_level(np.vstack([found.counts, extreme]), levels, codes)
    everyone = groups.sum(axis=1, keepdims=True)
    n, *rows = np.hstack([everyone, groups])
    return _divide(np.array(rows).T, n[:, None])


def _by_level(weights: Floats, levels: tuple[str, ...], codes: Integers) -> Floats:
    """Sums of each row of weights (r, n) by level (r, L)."""
    return np.array([np.bincount(codes, row, len(levels)) for row in weights])


def _divide(parts: Floats, whole: Floats) -> Floats:
    whole = np.broadcast_to(whole, parts.shape)
    return np.divide(parts, whole, out=np.full(parts.shape, np.nan), where=whole > 0)


def dof_of_status(described: Described) -> Floats:
    """Offices that have the status, less one (S, 1)."""
    found = described.prospects
    present = [len(np.unique(found.offices[found.status == name])) for name in described.statuses]
    return np.array(present, dtype=float)[:, None] - 1.0


def compare_groups(described: Described, replicates: Sequence[Described]) -> pd.DataFrame:
    """Frame of every measure by status, and its difference from the accepted."""
    share = jackknifed(described, replicates, shares_of_status)
    means = jackknifed(described, replicates, mean_predictions)
    dof = dof_of_status(described)
    place = described.statuses.index(ACCEPTED)
    names = ("share", *described.measures)
    estimate = np.hstack([share.estimate, means.estimate])
    std_error = np.hstack([share.std_error, means.std_error])
    low, high = _intervals(estimate, std_error, dof, of_shares=np.array([name != "gain" for name in names]))
    apart = means.minus(place)
    difference, error = apart.estimate, apart.std_error
    difference[place], error[place] = np.nan, np.nan
    between = np.minimum(dof, dof[place])
    from_accepted = {
        "difference": difference,
        "difference_std_error": error,
        **dict(zip(("difference_low", "difference_high"), _t(difference, error, between), strict=True)),
        "difference_p": _p(difference, error, between),
    }
    missing = np.full((len(described.statuses), 1), np.nan)
    columns = {"estimate": estimate, "std_error": std_error, "conf_low": low, "conf_high": high}
    columns |= {name: np.hstack([missing, values]) for name, values in from_accepted.items()}
    rows = pd.MultiIndex.from_product([described.statuses, names], names=["status", "measure"])
    frame = pd.DataFrame({name: values.ravel() for name, values in columns.items()}, index=rows).reset_index()
    n = described.of_status().sum(axis=1).round().astype(np.int64)
    frame.insert(2, "n", np.repeat(n, len(names)))
    return frame


def compose(described: Described, replicates: Sequence[Described]) -> pd.DataFrame:
    """Frame of the levels' shares in every status, and their difference from those in the accepted.

    A level that one office alone has gets no interval.
    """
    found = jackknifed(described, replicates, shares_of_levels)
    place = described.statuses.index(ACCEPTED)
    apart = found.minus(place)
    dof = dof_of_status(described)
    difference, error = apart.estimate, apart.std_error
    difference[place], error[place] = np.nan, np.nan
    error[:, levels_of_one_office(described)] = np.nan
    low, high = _t(difference, error, np.minimum(dof, dof[place]))
    weights = described.of_status()
    counts = np.hstack([_by_level(weights, *levels) for levels in described.variables.values()])
    rows = [
        (variable, level, status, *numbers)
        for variable, level, *by_status in _each_level(
            described, counts, found.estimate, difference, low, high
        )
        for status, numbers in zip(described.statuses, zip(*by_status, strict=True), strict=True)
    ]
    columns = ["variable", "level", "status", "n", "share", "difference", "difference_low", "difference_high"]
    return pd.DataFrame(rows, columns=columns).astype({"n": "float64"}).round({"n": 0}).astype({"n": "int64"})


def levels_of_one_office(described: Described) -> NDArray[np.bool_]:
    """Levels (L,) that only one office has."""
    offices = np.eye(described.prospects.n_offices)[:, described.prospects.offices]
    found = [_by_level(offices, *levels) for levels in described.variables.values()]
    return np.asarray((np.hstack(found) > 0).sum(axis=0) < 2)


def _each_level(described: Described, *tables: Floats) -> list[tuple[object, ...]]:
    """Variable, level, and the column (S,) of each table (S, L)."""
    names = [(variable, level) for variable, (levels, _) in described.variables.items() for level in levels]
    return [(*name, *(table[:, number] for table in tables)) for number, name in enumerate(names)]


def judge_overlap(described: Described, replicates: Sequence[Described]) -> pd.DataFrame:
    """Frame of the shares with practically no chance of acceptance, in all and by the exposure's groups.

    The interval is the office jackknife of the logit. It is missing where nobody or everybody has no chance, in all or
    without some office, or where one office has all of them: how the share varies between offices cannot be seen.
    """
    found = jackknifed(described, replicates, shares_without_overlap)
    levels, codes = described.variables[described.prospects.exposure]
    n = np.bincount(codes, described.prospects.counts, len(levels))
    share = Jackknifed(found.estimate[:, 0], found.replicates[:, :, 0])
    dof = described.prospects.n_offices - 1.0
    ends = _overlap_interval(share, _offices_without_chance(described), dof)
    return pd.DataFrame(
        {
            "group": ["all", *levels],
            "n": np.append(n.sum(), n).round().astype(np.int64),
            **dict(zip(("share", "share_certain"), found.estimate.T, strict=True)),
            **dict(zip(("conf_low", "conf_high"), ends, strict=True)),
        }
    )


def _offices_without_chance(described: Described) -> Integers:
    """Offices with cases that have practically no chance, in all and in each group of the exposure."""
    found = described.prospects
    levels, codes = described.variables[found.exposure]
    none = found.chance < NO_CHANCE
    groups = [none, *(none & (codes == level) for level in range(len(levels)))]
    return np.array([len(np.unique(found.offices[rows])) for rows in groups], dtype=np.int64)


def _overlap_interval(share: Jackknifed, offices: Integers, dof: float) -> tuple[Floats, Floats]:
    """Jackknife intervals of logits; missing where one does not exist or one office has all."""
    low, high = np.full((2, len(offices)), np.nan)
    shares = np.vstack([share.estimate, share.replicates])
    told = ((shares > 0) & (shares < 1)).all(axis=0) & (offices >= 2)
    logits = Jackknifed(logit(shares[0, told]), logit(shares[1:, told]))
    low[told], high[told] = share_interval(shares[0, told], logits.std_error, dof)
    return low, high


def draw_density(described: Described, values: Floats) -> pd.DataFrame:
    """Frame ``status, value, density``: Gaussian kernel, Silverman's bandwidth, reflected at 0 and 1."""
    frames = []
    for status, weights in zip(described.statuses, described.of_status(), strict=True):
        density = kernel_density(values[weights > 0], weights[weights > 0])
        frames.append(pd.DataFrame({"status": status, "value": GRID, "density": density}))
    return pd.concat(frames, ignore_index=True)


def kernel_density(values: Floats, weights: Floats) -> Floats:
    """Density on :data:`GRID` of probabilities with weights, what the kernel puts beyond 0 and 1 reflected.

    Silverman's bandwidth, 0.9 min(SD, IQR / 1.34) n^(-1/5) (Silverman 1986, Density Estimation, eq. 3.31), on the
    grid's scale at least. Cells of one value count once.

    Examples
    --------
    >>> density = kernel_density(np.array([0.1, 0.5, 0.7]), np.array([4.0, 2.0, 4.0]))
    >>> round(float(np.trapezoid(density, GRID)), 4)
    1.0
    """
    points, place = np.unique(values, return_inverse=True)
    mass = np.bincount(place.ravel(), weights).astype(np.float64)
    total = float(mass.sum())
    spread = np.sqrt(np.average((points - np.average(points, weights=mass)) ** 2, weights=mass))
    low, high = weighted_quantiles(points, mass, (0.25, 0.75))
    scale = min(spread, (high - low) / 1.34) or spread
    width = max(0.9 * scale * total**-0.2, LEAST_BANDWIDTH)
    density = np.zeros(len(GRID))
    for start in range(0, len(points), 2000):  # so that many distinct values do not fill the memory
        block = points[start : start + 2000]
        for centre in (block, -block, 2 - block):
            kernel = np.exp(-0.5 * ((GRID[:, None] - centre) / width) ** 2)
            density += kernel @ mass[start : start + 2000]
    return density / (total * width * np.sqrt(2 * np.pi))


def find_quantiles(described: Described, values: Floats) -> pd.DataFrame:
    """Frame ``status, p10, p25, p50, p75, p90``."""
    rows = [
        (status, *weighted_quantiles(values[weights > 0], weights[weights > 0], QUANTILES))
        for status, weights in zip(described.statuses, described.of_status(), strict=True)
    ]
    return pd.DataFrame(rows, columns=["status", *(f"p{100 * level:.0f}" for level in QUANTILES)])


def weighted_quantiles(values: Floats, weights: Floats, levels: Sequence[float]) -> tuple[float, ...]:
    """The smallest value with a cumulative share of each level or more.

    Examples
    --------
    >>> weighted_quantiles(np.array([0.3, 0.1, 0.2]), np.array([1.0, 2.0, 1.0]), (0.5, 0.75, 0.9))
    (0.1, 0.2, 0.3)
    """
    order = np.argsort(values, kind="stable")
    through = np.cumsum(weights[order])
    # the margin lets a share that is the level by construction be the level in floating point
    places = np.searchsorted(through, np.asarray(levels) * through[-1] * (1 - 1e-12))
    return tuple(float(value) for value in values[order][places])


def _intervals(
    estimate: Floats, std_error: Floats, dof: Floats, *, of_shares: NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    """t intervals row by row, on the logit scale for the columns that are shares."""
    inside = (estimate > 0) & (estimate < 1)
    at = np.where(inside, estimate, 0.5)
    on_logit = np.where(inside, std_error / (at * (1 - at)), np.nan)
    ends = _by_row(share_interval, at, on_logit, dof)
    plain = _t(estimate, std_error, dof)
    return np.where(of_shares, ends[0], plain[0]), np.where(of_shares, ends[1], plain[1])


def _t(estimate: Floats, std_error: Floats, dof: Floats) -> tuple[Floats, Floats]:
    return _by_row(t_interval, estimate, std_error, dof)


def _by_row(
    interval: Callable[..., tuple[Floats, Floats]], estimate: Floats, std_error: Floats, dof: Floats
) -> tuple[Floats, Floats]:
    """Ends of the intervals of each row (r, m) with its degrees of freedom (r, 1); missing where there are none."""
    low, high = np.full(estimate.shape, np.nan), np.full(estimate.shape, np.nan)
    for row, free in enumerate(dof[:, 0].tolist()):
        if free >= 1:
            low[row], high[row] = interval(estimate[row], std_error[row], free)
    return low, high


def _p(estimate: Floats, std_error: Floats, dof: Floats) -> Floats:
    found = np.full(estimate.shape, np.nan)
    for row, free in enumerate(dof[:, 0].tolist()):
        if free >= 1:
            found[row] = t_p_value(estimate[row] / std_error[row], free)
    return found
