"""Looking for the maximum of a two-equation likelihood: over the whole range of the dependence, or near a known one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from se_outcomes.errors import EstimationError
from se_outcomes.regression.dependence import (
    Node,
    Peak,
    climb_from,
    find_peaks,
    inverse,
    look_around,
    refuse_flat,
    solve_at,
)
from se_outcomes.regression.paired import PairModel, Point
from se_outcomes.regression.paired_checks import fit_independent, refuse_collinear, refuse_separation
from se_outcomes.regression.paired_climb import State, climb

Floats = NDArray[np.float64]

#: With so many cells the first look over the dependence is at a sample of so many; peaks that are lower in it by
#: more than the third number are left.
SAMPLED_FROM, SAMPLE, CLOSE = 8_000, 3_000, 30.0
#: Between the sample and the whole lies a larger sample, a sixteenth of the whole: it brings the climb near the top at
#: a sixteenth of the price.
STEP_UP = 16
#: Below this share of the information that it would have alone, the dependence is not identified.
NOT_IDENTIFIED = 1e-9


def search(model: PairModel, start: Point) -> tuple[State, list[Node], list[Peak]]:
    """Independent equations, the first look over the dependence, and every peak of it, the highest first.

    Raises
    ------
    EstimationError
        ``separation``, ``not_identified``, ``not_converged``.
    """
    # group intercepts may not be estimable from a sample
    if model.cells.n_cells >= SAMPLED_FROM and not model.cells.n_groups:
        try:
            return _search_by_sample(model, start)
        except EstimationError:
            pass  # a sample may separate, or be flat, where the whole is not
    independent = fit_independent(model, start)
    rough = look_around(model, independent)
    refuse_flat(rough)
    return independent, rough, find_peaks(model, rough)


def _search_by_sample(model: PairModel, start: Point) -> tuple[State, list[Node], list[Peak]]:
    """Look around in a sample of the cells, then climb in all of them from every peak that may be the highest.

    With many cells the log-likelihood of two peaks differs by far more than a sample could mistake: peaks that the
    sample has lower by more than ``CLOSE`` are not climbed (and not listed). Making the profile looks over the whole
    range in all cells, and refuses if anything there is higher.
    """
    sample = PairModel(model.family, model.cells.sample(SAMPLE), model.names, model.fixed)
    refuse_collinear(sample)
    apart = fit_independent(sample, start)
    nodes = look_around(sample, apart)
    refuse_flat(nodes)
    candidates = find_peaks(sample, nodes)
    close = [peak for peak in candidates if candidates[0].loglik - peak.loglik < CLOSE]
    if model.cells.n_cells // STEP_UP > 2 * SAMPLE:
        larger = PairModel(
            model.family, model.cells.sample(model.cells.n_cells // STEP_UP), model.names, model.fixed
        )
        apart = fit_independent(larger, apart.point)
        close = [climb_from(larger, peak.state.point, peak.edge) for peak in close]
    peaks: list[Peak] = []
    for candidate in close:
        peak = climb_from(model, candidate.state.point, candidate.edge)
        if all(abs(peak.t - other.t) > 1e-6 for other in peaks):
            peaks.append(peak)
    return fit_independent(model, apart.point), [], sorted(peaks, key=lambda peak: -peak.loglik)


def search_near(model: PairModel, start: Point, *, edge: bool) -> Peak | None:
    """The peak that a climb from a point near it leads to; None where it leads nowhere.

    Parameters
    ----------
    model : PairModel
    start : Point
        The maximum of nearly the same model (without a cluster, under a restriction).
    edge : bool
        Whether that one sits at the end of the range.
    """
    try:
        peak = climb_from(model, start, edge)
        refuse_separation(model, peak.state)
        refuse_unidentified(model, peak)
    except EstimationError:
        return None
    return peak


def solve_pinned(model: PairModel, t: float, start: Point) -> Peak:
    """The inner maximum at one dependence, as a peak that stays there.

    Raises
    ------
    EstimationError
        ``separation``, ``not_converged``.
    """
    node = solve_at(model, t, start)
    refuse_separation(model, node.state)
    return Peak(t, node.state.loglik, node.state, True)


def step_intercepts(model: PairModel, point: Point) -> State:
    """The likelihood at given coefficients and dependence, the intercepts at their best."""
    return climb(model, point, np.zeros(model.n_parameters, dtype=bool))


def refuse_unidentified(model: PairModel, peak: Peak) -> None:
    """Refuse a maximum so flat in a coefficient, or in the dependence, that its curvature is rounding.

    Raises
    ------
    EstimationError
        ``not_identified``.
    """
    hessian = peak.state.evaluation.profiled_hessian
    inverse(-hessian[np.ix_(model.free, model.free)])  # refuses where a coefficient has no curvature
    if peak.edge:
        return
    moving = model.free_with_t
    information = -hessian[np.ix_(moving, moving)]
    try:
        inside = inverse(information)[-1, -1]
    except EstimationError:
        inside = np.inf
    if not 1 / inside > NOT_IDENTIFIED * information[-1, -1]:
        raise EstimationError(
            "The likelihood is as good as the same for every dependence between the equations: the data say nothing "
            "about it. Add a variable that moves the gate and not the outcome (exclusion).",
            reason="not_identified",
        )
