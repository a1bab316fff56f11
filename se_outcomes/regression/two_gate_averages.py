"""Averages over the cases of what the two gates' model predicts: open and closed gate, the gap, creaming, slopes.

Chances are the model's, covariates those of the cases. Let Y1 be placement with acceptance and Y0 without, and write
E[f; A] for the mean of f times being accepted, over all cases. What needs the acceptance's chance is summed over the
cases that were referred, each with its chance given referral:

    E[Y1; A] = (1/n) sum over the referred of Phi3(a1, a2, b1) / Phi(a1),

whose expectation is the sum over all cases of Phi3, because a case is referred with the chance Phi(a1). So who was
never referred needs no caseload, which is recorded of the referred only. Means of those not accepted follow from the
whole: E[Y0; not A] = E[Y0] - E[Y0; A].

"Recorded" means are those that the recorded grounds alone would make: the chance of placement Phi(b) and the chance of
acceptance of each case multiplied as if they were independent given the case's columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr, ndtr

from se_outcomes.errors import EstimationError
from se_outcomes.regression.bivariate_normal import log_bivariate_normal_cdf
from se_outcomes.regression.probit import PROBIT
from se_outcomes.regression.trivariate_normal import log_trivariate
from se_outcomes.regression.two_gate import correlations_at
from se_outcomes.regression.two_gate_fit import TwoGateFit

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

#: A predictor whose probability is 0 or 1 in double precision: that of an office where nothing varies.
CERTAIN = 40.0


@dataclass(frozen=True, eq=False)
class PopulationAverages:
    """Averages by name.

    Attributes
    ----------
    names : tuple of str
    values : (m,) array
        In the order of the names; the same names for every fit of the same kind.
    n_cases : int
        Cases that they are over.
    n_cases_left_out : int
        Cases of offices without an intercept that an average needs.
    """

    names: tuple[str, ...]
    values: Floats
    n_cases: int
    n_cases_left_out: int

    def __getitem__(self, name: str) -> float:
        return float(self.values[self.names.index(name)])


def population_averages(fit: TwoGateFit) -> PopulationAverages:
    """What the model says of everybody, the accepted and the others.

    Every model has

    * ``share_accepted`` P(A), and with two gates ``share_referred`` P(R);
    * ``accepted`` E[Y1 | A] by the model, ``accepted_recorded`` the same on recorded grounds alone;
    * ``open_gate`` E[Y1]: everybody referred and accepted;
    * ``open_gate_naive``: the raw mean of placement among the accepted of whom it is known.

    Where placement is seen for the accepted only: ``gap`` E[Y1 | A] - E[Y1] = ``gap_observed`` (accepted_recorded -
    open_gate) + ``gap_unobserved`` (accepted - accepted_recorded).

    Where it is seen for everybody (the recursive model):

    * ``closed_gate`` E[Y0], ``today`` E[Y], ``not_accepted`` E[Y0 | not A];
    * ``effect_all``, ``effect_accepted``, ``effect_not_accepted``: means of Y1 - Y0;
    * ``gap`` E[Y1 | A] - E[Y0 | not A] = ``gap_effect`` (effect_accepted) + ``gap_observed`` + ``gap_unobserved``: the
      selection E[Y0 | A] - E[Y0 | not A] on recorded grounds, and the rest of it; ``gap_raw`` the difference of the raw
      means;
    * ``creaming_both`` E[Y0 | A] - E[Y0], with two gates ``creaming_gate_1`` E[Y0 | R] - E[Y0] and ``creaming_gate_2``
      E[Y0 | A] - E[Y0 | R], each also ``..._recorded``.

    Parameters
    ----------
    fit : TwoGateFit

    Raises
    ------
    EstimationError
        ``no_cases`` where there is nobody to average over.

    Examples
    --------
    >>> from se_outcomes.regression.two_gate_probit import fit_two_gate_probit
    >>> rng = np.random.default_rng(1)
    >>> x, z1, z2, u, v, w = rng.normal(size=(6, 3000))
    >>> ones = np.ones(3000)
    >>> referred, accepted = 0.5 * x + 0.7 * z1 + u > 0, 0.8 * z2 + v > 0
    >>> placed = 0.4 * x + 0.6 * u + 0.5 * v + 0.6 * w > 0
    >>> X, Z1, Z2 = (np.column_stack(columns) for columns in ([ones, x], [ones, x, z1], [ones, x, z2]))
    >>> found = population_averages(fit_two_gate_probit(placed, X, referred, Z1, accepted, Z2))
    >>> round(found["open_gate"], 1), found["open_gate_naive"] > 0.65
    (0.5, True)
    """
    chances = _chances(fit)
    found = _shares(fit, chances)
    found |= _of_everybody(fit, chances, found) if fit.model.recursive else _of_the_accepted(found)
    counts = fit.model.cells.counts
    used = round(float(counts[chances.used].sum()))
    return PopulationAverages(
        tuple(found), np.array(list(found.values())), used, round(float(counts.sum())) - used
    )


def average_slopes(fit: TwoGateFit, columns: Sequence[int] = (0, 0, 0)) -> Floats:
    """Average marginal effects of a column in each equation: the mean of phi(predictor) times the coefficient.

    Parameters
    ----------
    fit : TwoGateFit
    columns : sequence of int
        The column in each equation there is: referral (not where the gates are merged), acceptance, placement.

    Returns
    -------
    (3,) or, where the gates are merged, (2,) array
        Referral: dP(R)/dx over everybody. Acceptance: dP(A)/dx were everybody who was referred sent on whatever
        brought them there, over the referred. Placement: dP(Y)/dx over everybody, whoever is selected; in the recursive
        model with each one's own acceptance. Each is over the offices that have its intercept.

    Raises
    ------
    EstimationError
        ``no_cases``.
    """
    cells = fit.model.cells
    if len(columns) != len(cells.equations):
        raise ValueError(f"columns: one for each of {len(cells.equations)} equations; got {len(columns)}")
    found = []
    for equation, column in zip(cells.equations, columns, strict=True):
        rows = cells.present[cells.group, equation] if cells.n_groups else np.ones(cells.n_cells, dtype=bool)
        if equation == 1:
            rows = rows & cells.referred
        places = fit.model.slices[equation]
        if not 0 <= column < places.stop - places.start:
            raise ValueError(f"columns: equation {equation} has no column {column}")
        density = PROBIT.slope(_predictor(fit, equation)[rows])
        found.append(_mean(density, cells.counts[rows]) * fit.parameters[places][column])
    return np.array(found)


# ------------------------------------------------------------------------------------------------ chances


@dataclass(frozen=True, eq=False)
class _Chances:
    """What the model says of each cell.

    ``referred``, ``open``, ``closed`` (n,): P(R), P(Y1), P(Y0), and ``closed_referred`` P(Y0, R); ``closed`` ones only
    in the recursive model. ``accepted``, ``open_accepted``, ``closed_accepted`` (n,): P(A), P(Y1, A) and P(Y0, A)
    given referral for the referred, 0 elsewhere. ``used`` (n,): cells of offices with the intercepts they need.
    """

    used: Flags
    referred: Floats
    open: Floats
    accepted: Floats
    open_accepted: Floats
    closed: Floats
    closed_referred: Floats
    closed_accepted: Floats


def _predictor(fit: TwoGateFit, equation: int) -> Floats:
    """Predictor of every cell (n,); certain where the cell's office does not vary, NaN where nothing is seen of it."""
    cells = fit.model.cells
    found = cells.designs[equation] @ fit.parameters[fit.model.slices[equation]]
    if not cells.n_groups:
        return found
    intercepts = fit.intercept_values[:, equation]
    certain = np.where(np.isinf(intercepts), np.sign(intercepts) * CERTAIN, np.nan)[cells.group]
    return np.where(cells.present[cells.group, equation], found + intercepts[cells.group], certain)


def _chances(fit: TwoGateFit) -> _Chances:
    model, cells = fit.model, fit.model.cells
    rho = correlations_at(fit.parameters[-3:]).rho
    b = _predictor(fit, 2)
    effect, own = (fit.beta[-1], cells.designs[2][:, -1]) if model.recursive else (0.0, np.zeros(len(b)))
    b1, b0 = b + (1 - own) * effect, b - own * effect
    a1 = np.full(len(b), CERTAIN) if model.merged else _predictor(fit, 0)
    a2 = _predictor(fit, 1)
    used = np.ones(len(b), dtype=bool)
    if cells.n_groups:
        used = cells.present[cells.group, 2] & ~(cells.referred & np.isnan(a2))
        known = np.ones(cells.n_groups, dtype=bool)  # whole offices
        known[cells.group[~used]] = False
        used = known[cells.group]
    rows = np.flatnonzero(cells.referred & used)
    referred, given = ndtr(a1), log_ndtr(a1[rows])

    def at_rows(log_chance: Floats) -> Floats:
        found = np.zeros(len(b))
        found[rows] = np.exp(log_chance - given)
        return found

    def with_placement(predictor: Floats) -> Floats:
        limits = a1[rows], a2[rows], predictor[rows]
        return at_rows(log_trivariate(*limits, *rho.tolist(), order=0)[0])

    nothing = np.zeros(len(b))
    if model.recursive:
        closed_referred = np.zeros(len(b))
        closed_referred[used] = np.exp(log_bivariate_normal_cdf(a1[used], b0[used], rho[1]))
    return _Chances(
        used=used,
        referred=referred,
        open=ndtr(b1),
        accepted=at_rows(log_bivariate_normal_cdf(a1[rows], a2[rows], rho[0])),
        open_accepted=with_placement(b1),
        closed=ndtr(b0),
        closed_referred=closed_referred if model.recursive else nothing,
        closed_accepted=with_placement(b0) if model.recursive else nothing,
    )


def _mean(values: Floats, counts: Floats) -> float:
    if not counts.sum() > 0:
        raise EstimationError("There is nobody to average over.", reason="no_cases")
    return float(values @ counts / counts.sum())


# ------------------------------------------------------------------------------------------------ averages


def _shares(fit: TwoGateFit, chances: _Chances) -> dict[str, float]:
    """What every model has."""
    cells, used = fit.model.cells, chances.used
    counts = cells.counts[used]
    share = _mean(chances.accepted[used], counts)
    found = {} if fit.model.merged else {"share_referred": _mean(chances.referred[used], counts)}
    found |= {
        "share_accepted": share,
        "accepted": _mean(chances.open_accepted[used], counts) / share,
        "accepted_recorded": _mean((chances.open * chances.accepted)[used], counts) / share,
        "open_gate": _mean(chances.open[used], counts),
        "open_gate_naive": _raw_mean(fit, used & (cells.signs[:, 1] > 0)),
    }
    return found


def _raw_mean(fit: TwoGateFit, rows: Flags) -> float:
    """Share placed of those whose placement is known."""
    cells = fit.model.cells
    rows = rows & (cells.signs[:, 2] != 0)
    return _mean((cells.signs[rows, 2] > 0).astype(float), cells.counts[rows])


def _of_the_accepted(found: dict[str, float]) -> dict[str, float]:
    """The gap of the accepted to the open gate."""
    observed = found["accepted_recorded"] - found["open_gate"]
    unobserved = found["accepted"] - found["accepted_recorded"]
    return {"gap": observed + unobserved, "gap_observed": observed, "gap_unobserved": unobserved}


def _of_everybody(fit: TwoGateFit, chances: _Chances, found: dict[str, float]) -> dict[str, float]:
    """Effects, the gap and creaming."""
    used = chances.used
    counts, share = fit.model.cells.counts[used], found["share_accepted"]
    closed = _mean(chances.closed[used], counts)
    passed = _mean(chances.closed_accepted[used], counts)  # E[Y0; A]
    recorded = _mean((chances.closed * chances.accepted)[used], counts)
    opened = found["accepted"] * share  # E[Y1; A]
    rest, rest_recorded = (closed - passed) / (1 - share), (closed - recorded) / (1 - share)
    effect = found["accepted"] - passed / share
    observed = recorded / share - rest_recorded
    selection = passed / share - rest
    not_accepted = used & (fit.model.cells.signs[:, 1] <= 0)
    return {
        "closed_gate": closed,
        "today": opened + closed - passed,
        "not_accepted": rest,
        "effect_all": found["open_gate"] - closed,
        "effect_accepted": effect,
        "effect_not_accepted": (found["open_gate"] - opened) / (1 - share) - rest,
        "gap": effect + selection,
        "gap_effect": effect,
        "gap_observed": observed,
        "gap_unobserved": selection - observed,
        "gap_raw": found["open_gate_naive"] - _raw_mean(fit, not_accepted),
        **_creaming(fit, chances, closed, passed / share, recorded / share),
    }


def _creaming(
    fit: TwoGateFit, chances: _Chances, closed: float, accepted: float, recorded: float
) -> dict[str, float]:
    """How much better than those at risk the passers of each gate would do without acceptance."""
    found = {"creaming_both": accepted - closed, "creaming_both_recorded": recorded - closed}
    if fit.model.merged:
        return found
    used = chances.used
    counts = fit.model.cells.counts[used]
    share = _mean(chances.referred[used], counts)
    referred = _mean(chances.closed_referred[used], counts) / share
    by_record = _mean((chances.closed * chances.referred)[used], counts) / share
    return {
        "creaming_gate_1": referred - closed,
        "creaming_gate_2": accepted - referred,
        **found,
        "creaming_gate_1_recorded": by_record - closed,
        "creaming_gate_2_recorded": recorded - by_record,
    }
