"""The measures of creaming from cells with prospects, with the office jackknife of the whole.

How far an index moves prospects (points, within, between) does not suffer from the noise in predictions, which has
nothing to do with who passes. What measures their spread does: noise spreads them, so the standard deviation and the
greatest possible part are too large, and the index in these units ("sd", "ratio") too small, by a fifth with five
offices and a thousand cases. The share of the spread that is noise follows from the information of the fits
(:func:`se_outcomes.decomposition.creaming_index.spread_noise`), and is taken out as it is and in every replicate, so
that the jackknife sees what this costs. The greatest part stays as large as what was reached: a perfect ranking is
exactly 1. Where the spread may be noise alone, there is nothing to measure by: "sd", or "greatest" and "ratio", are
missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.linalg import block_diag

from se_outcomes.decomposition.creaming_index import (
    SpreadNoise,
    creaming_index,
    offices_with_choice,
    spread_noise,
)
from se_outcomes.errors import EstimationError
from se_outcomes.inference.intervals import share_interval, t_interval, t_p_value
from se_outcomes.inference.jackknife import jackknife_covariance
from se_outcomes.regression.binary import COLLINEAR
from se_outcomes.results import TIDY_COLUMNS, Notice
from se_outcomes.study.prospects import Prospects

Floats = NDArray[np.float64]

#: What the index is about, and the predictions that it needs.
BASES: Mapping[str, tuple[str, ...]] = {
    "without_se": ("without_se",),
    "with_se": ("with_se",),
    "gain": ("without_se", "with_se"),
}
#: How the index is called, by what it is about.
TERMS = {"without_se": "creaming", "with_se": "prospects", "gain": "targeting"}
MEASURES = ("points", "sd", "within", "between", "greatest", "ratio")
#: Measures that say how offices choose among their own.
OF_CHOICE = frozenset({"within", "greatest", "ratio"})
PLACE = dict(zip(MEASURES, range(len(MEASURES)), strict=True))
STAGES = ("eligible", "referred", "accepted")
ESTIMATE_COLUMNS = [*TIDY_COLUMNS, "gate", "measure", "dof", "n_at_risk", "n_passed", "n_offices"]

#: A spread that noise alone would reach more often than this tells nothing.
NOISE_LEVEL = 0.05
WEAK = Notice(
    "creaming_weak",
    "The recorded columns hardly tell prospects apart: that they differ by more than the noise of predictions is not "
    "clear. There is nothing to measure by then, so the index in standard deviations, or the greatest part that a "
    "ranking could reach and the ratio to it, are not told. Read the percentage points.",
)


@dataclass(frozen=True, eq=False)
class Measured:
    """The measures of the cells, or of a replicate.

    Attributes
    ----------
    indices : (S, 6) array
        Of each gate, less the noise of predictions; missing where the spread is no more than noise.
    means : (S + 1 or 2,) array
        Mean prospects at each stage.
    sizes : (S + 1,) array
        The greatest part of each gate and the standard deviation among all eligible, as predicted.
    noise : tuple of SpreadNoise
        In each of the sizes.
    """

    indices: Floats
    means: Floats
    sizes: Floats
    noise: tuple[SpreadNoise, ...]


def gates(prospects: Prospects) -> dict[str, tuple[Floats, Floats]]:
    """Gate to cases at risk of it and passing it, (n,) each; merged gates are one."""
    n, referred, accepted = prospects.counts, prospects.referred, prospects.accepted
    both = {"both": (n, n * accepted)}
    if prospects.merged:
        return both
    return {"gate_1": (n, n * referred), "gate_2": (n * referred, n * accepted), **both}


def scores(prospects: Prospects, basis: str) -> Floats:
    """The prospects that the index is about (n,)."""
    if basis == "gain":
        return prospects.with_se - prospects.without_se
    return prospects.without_se if basis == "without_se" else prospects.with_se


def spread(prospects: Prospects, basis: str) -> float:
    """Standard deviation of the prospects among all eligible."""
    p, n = scores(prospects, basis), prospects.counts
    return float(np.sqrt(np.average((p - np.average(p, weights=n)) ** 2, weights=n)))


def measure(prospects: Prospects, basis: str) -> Measured:
    """The measures of each gate, and mean prospects at each stage."""
    p, n, sd = scores(prospects, basis), prospects.counts, spread(prospects, basis)
    found = [
        creaming_index(p, at_risk, passed, prospects.offices, spread=sd)
        for at_risk, passed in gates(prospects).values()
    ]
    weights = [n, *([] if prospects.merged else [n * prospects.referred]), n * prospects.accepted]
    means = np.array([np.average(p, weights=weight) for weight in weights])
    indices = np.array([[getattr(index, name) for name in MEASURES] for index in found])
    noise = find_noise(prospects, basis)
    sizes = np.append(indices[:, PLACE["greatest"]], sd)
    return Measured(without_noise(indices, [part.share for part in noise]), means, sizes, noise)


def find_noise(prospects: Prospects, basis: str) -> tuple[SpreadNoise, ...]:
    """The noise of predictions in the spread within offices of those at each gate, and in that of all eligible."""
    moves = [_moves(prospects, name) for name in BASES[basis]]
    moved = np.hstack([derivative for derivative, _, _ in moves])  # the sign of a part does not matter
    covariance = block_diag(*(of_slopes for _, of_slopes, _ in moves))
    apart = np.concatenate([of_intercepts for _, _, of_intercepts in moves])
    p, n, offices = scores(prospects, basis), prospects.counts, prospects.offices
    within = [
        spread_noise(p, at_risk, offices, moved, covariance) for at_risk, _ in gates(prospects).values()
    ]
    return (*within, spread_noise(p, n, np.zeros_like(offices), moved, covariance, apart))


def _moves(prospects: Prospects, name: str) -> tuple[Floats, Floats, Floats]:
    """Derivatives (n, k) of a prediction in its slopes, their covariance, and what own intercepts add to the squares.

    The covariance is the inverse information of those learned from, with the intercepts taken out, by how many more
    they are than the parts that predict.
    """
    p, n, parts = getattr(prospects, name), prospects.counts, prospects.parts
    slope, within = p * (1 - p), prospects.cross_fit == "within"
    block = prospects.offices if within else np.zeros_like(prospects.offices)
    learned = prospects.learners(name) * slope
    more = parts / (parts - 1)
    weight = np.bincount(block, learned)
    known = np.where(weight > 0, weight, np.inf)
    mean = np.array([np.bincount(block, learned * column) / known for column in prospects.X.T]).T
    X = prospects.X - mean[block]
    covariance = more * _inverse((X.T * learned) @ X, learned @ prospects.X**2)
    of_intercepts = more * np.bincount(block, n * slope**2) / known if within else np.zeros(0)
    return slope[:, None] * X, covariance, of_intercepts


def _inverse(information: Floats, squares: Floats) -> Floats:
    """Inverse (k, k), with nothing for columns that do not vary beside their ``squares`` (k,), or add nothing."""
    varied = np.diag(information)
    varies = varied > COLLINEAR * squares
    scale = np.divide(1.0, np.sqrt(varied), out=np.zeros_like(varied), where=varies)
    inverse = np.linalg.pinv(information * scale[:, None] * scale, rcond=COLLINEAR, hermitian=True)
    return np.asarray(inverse * scale[:, None] * scale, dtype=np.float64)


def without_noise(indices: Floats, shares: Sequence[float]) -> Floats:
    """The measures (S, 6) with the noise taken out of the spread; missing where nothing is left.

    Parameters
    ----------
    indices : (S, 6) array
    shares : S + 1 numbers
        Of the spread within offices at each gate, and among all; missing where there is none.
    """
    left = 1 - np.nan_to_num(np.asarray(shares, dtype=float))
    left = np.sqrt(np.where(left > 0, left, np.nan))
    found = indices.copy()
    found[:, PLACE["sd"]] /= left[-1]
    within, greatest = indices[:, PLACE["within"]], indices[:, PLACE["greatest"]]
    # nobody can have reached more than is possible
    found[:, PLACE["greatest"]] = np.where(
        np.isnan(left[:-1]), np.nan, np.maximum(greatest * left[:-1], within)
    )
    possible = greatest > 0
    found[possible, PLACE["ratio"]] = within[possible] / found[possible, PLACE["greatest"]]
    return found


def refuse_one_passing_office(prospects: Prospects) -> None:
    """A gate that is passed in one office only.

    Raises
    ------
    EstimationError
        ``one_office``.
    """
    for gate, (_, passed) in gates(prospects).items():
        if len(np.unique(prospects.offices[passed > 0])) < 2:
            raise EstimationError(
                f"All who passed {gate} did so in one office: how that varies between offices cannot be seen. Add "
                "offices, or show the counts (count_funnel).",
                reason="one_office",
                gate=gate,
            )


def estimate_frame(
    prospects: Prospects, basis: str, found: Measured, replicates: Sequence[Measured]
) -> tuple[pd.DataFrame, list[Notice]]:
    """Rows for each gate and measure, and what must be said of those that are missing."""
    rows, said = [], []
    indices, passes = np.array([replicate.indices for replicate in replicates]), gates(prospects)
    choosing = [_offices_choosing(prospects, basis, gate) for gate in passes]
    weak = _weak_sizes(found, replicates, np.array([*choosing, prospects.n_offices]) - 1.0)
    for s, (gate, (at_risk, passed)) in enumerate(passes.items()):
        present = len(np.unique(prospects.offices[at_risk > 0]))
        if choosing[s] < 2:
            said.append(_say_no_choice(gate, choosing[s]))
        dof = np.array([(choosing[s] if name in OF_CHOICE else present) - 1.0 for name in MEASURES])
        untold = {"sd": weak[-1], "greatest": weak[s], "ratio": weak[s]}
        estimate = np.where([untold.get(name, False) for name in MEASURES], np.nan, found.indices[s])
        std_error = np.where(dof >= 1, _std_errors(found.indices[s], indices[:, s]), np.nan)
        counted = (round(float(at_risk.sum())), round(float(passed.sum())), present)
        for m, name in enumerate(MEASURES):
            judge = _judge_size if name == "greatest" else _judge
            judged = judge(float(estimate[m]), float(std_error[m]), float(dof[m]))
            rows.append((TERMS[basis], *judged, gate, name, float(dof[m]), *counted))
    return pd.DataFrame(rows, columns=ESTIMATE_COLUMNS), [*said, *([WEAK] if any(weak) else [])]


def _offices_choosing(prospects: Prospects, basis: str, gate: str) -> int:
    at_risk, passed = gates(prospects)[gate]
    return int(offices_with_choice(scores(prospects, basis), at_risk, passed, prospects.offices).sum())


def _weak_sizes(found: Measured, replicates: Sequence[Measured], dof: Floats) -> list[bool]:
    """Whether the sizes may be noise alone, by the noise of predictions or by how they vary between offices.

    Parameters
    ----------
    dof : (S + 1,) array
        Offices that bear on each size, less one; with none, how it varies between them is not seen.
    """
    std_error = _std_errors(found.sizes, np.array([replicate.sizes for replicate in replicates]))
    weak = []
    for s, (size, noise) in enumerate(zip(found.sizes, found.noise, strict=True)):
        lost = any(measured.noise[s].share >= 1 for measured in (found, *replicates))
        varies = dof[s] >= 1 and t_interval(size, std_error[s], dof[s])[0] <= 0
        weak.append(bool(size > 0 and (noise.p_value > NOISE_LEVEL or lost or varies)))
    return weak


def _std_errors(found: Floats, replicates: Floats) -> Floats:
    """Office jackknife of each number (m,), from replicates (G, m)."""
    return np.array(
        [np.sqrt(jackknife_covariance([value], replicates[:, [m]])[0, 0]) for m, value in enumerate(found)]
    )


def _judge(estimate: float, std_error: float, dof: float) -> tuple[float, ...]:
    """Estimate, error, statistic, p-value and interval; what cannot be had is missing."""
    if not (np.isfinite(estimate) and std_error > 0):
        return (estimate, *[np.nan] * 5)
    low, high = t_interval(estimate, std_error, dof)
    statistic = estimate / std_error
    return estimate, std_error, statistic, float(t_p_value(statistic, dof)), float(low), float(high)


def _judge_size(estimate: float, std_error: float, dof: float) -> tuple[float, ...]:
    """The same of what is above zero: no test, and the interval on the log scale."""
    if not (std_error > 0 and estimate > 0):
        return (estimate, *[np.nan] * 5)
    with np.errstate(over="ignore"):
        low, high = np.exp(t_interval(np.log(estimate), std_error / estimate, dof))
    return estimate, std_error, np.nan, np.nan, float(low), float(high)


def _say_no_choice(gate: str, choosing: int) -> Notice:
    if choosing == 0:
        return Notice(
            "creaming_no_choice",
            "At {gate} no office lets in some and leaves out others with other prospects: there is no choice within "
            "offices to measure, and no ratio.",
            gate=gate,
        )
    return Notice(
        "creaming_one_chooses",
        "At {gate} one office alone lets in some and leaves out others: how offices choose has no interval.",
        gate=gate,
    )


def level_frame(prospects: Prospects, basis: str, means: Floats, replicates: Floats) -> pd.DataFrame:
    """Frame ``stage, estimate, conf_low, conf_high, n``; probabilities have their interval on the logit scale."""
    stages = [stage for stage in STAGES if not (prospects.merged and stage == "referred")]
    std_error = np.sqrt(np.diag(jackknife_covariance(means, replicates)))
    dof = prospects.n_offices - 1.0
    if basis == "gain":
        low, high = t_interval(means, std_error, dof)
    else:
        low, high = share_interval(means, std_error / (means * (1 - means)), dof)
    n = prospects.counts
    cases = {"eligible": n.sum(), "referred": n @ prospects.referred, "accepted": n @ prospects.accepted}
    return pd.DataFrame(
        {
            "stage": stages,
            "estimate": means,
            "conf_low": low,
            "conf_high": high,
            "n": [round(float(cases[stage])) for stage in stages],
        }
    )
