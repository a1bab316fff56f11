"""What a fitted selection model says: every average computed once, over the profile, and read off as frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import chi2, norm

from se_outcomes.errors import EstimationError
from se_outcomes.regression.dependence import Node, solve_at
from se_outcomes.regression.paired_fit import PairedFit
from se_outcomes.regression.paired_marginal import (
    Averages,
    ProfiledAverages,
    average_at,
    functional_set,
    placement,
    placement_given_selection,
    placement_slope,
    profile_averages,
)
from se_outcomes.results import TIDY_COLUMNS
from se_outcomes.study.selection_sample import SelectionSample

Floats = NDArray[np.float64]

#: Half the width of a 95 % interval, in standard errors.
WIDE = float(norm.ppf(0.975))
#: The profile is told at these correlations.
RHO_GRID = np.round(np.linspace(-0.95, 0.95, 77), 4)
#: Values of motivation (in SDs) that the curve is drawn through.
CURVE_POINTS = 21

AVERAGES = ("accepted", "open_gate_naive", "open_gate", "gap", "gap_observed", "gap_unobserved")
#: From placement given acceptance, of everyone, and of the accepted on recorded grounds, to what is told of them.
COMBINATIONS = {
    "accepted": (1.0, 0.0, 0.0),
    "open_gate": (0.0, 1.0, 0.0),
    "gap": (1.0, -1.0, 0.0),
    "gap_observed": (0.0, -1.0, 1.0),
    "gap_unobserved": (1.0, 0.0, -1.0),
}
#: The rows of :class:`Reading`: the AME, the combinations, then the curve.
AME, FIRST_COMBINATION, FIRST_OF_CURVE = 0, 1, 1 + len(COMBINATIONS)


@dataclass(frozen=True, eq=False)
class Reading:
    """A fit with all its averages: rows are the AME, :data:`COMBINATIONS`, and placement over the exposure's range.

    Attributes
    ----------
    fit, sample : PairedFit, SelectionSample
    identified : bool
        Whether an exclusion restriction was given, and a point may be told.
    grid : (m,) array
        Scaled values of the exposure that the curve goes through.
    naive_node : Node
        The two equations as if they were independent.
    naive, point : Averages
        There, and where the likelihood is highest.
    profiled : ProfiledAverages
        Over all of the profile.
    n_cases : dict
        Cases that ``accepted`` and the others are averages over.
    """

    fit: PairedFit
    sample: SelectionSample
    identified: bool
    grid: Floats
    naive_node: Node
    naive: Averages
    point: Averages
    profiled: ProfiledAverages
    n_cases: dict[str, int]


def read_fit(fit: PairedFit, sample: SelectionSample, *, endogenous: bool, identified: bool) -> Reading:
    """Compute every average once.

    Parameters
    ----------
    fit : PairedFit
    sample : SelectionSample
    endogenous : bool
        Whether acceptance is the last column of the outcome: with the gate open everyone has it.
    identified : bool
    """
    setting = {fit.model.cells.widths[1] - 1: 1.0} if endogenous else {}
    grid = np.linspace(sample.X[:, 0].min(), sample.X[:, 0].max(), CURVE_POINTS)
    quantities = [
        placement_slope(0, setting=setting),
        placement_given_selection(setting=setting),
        placement(setting=setting),
        placement(setting=setting, accepted_only=True),
        *(placement(setting={**setting, 0: float(value)}) for value in grid),
    ]
    weights = np.zeros((FIRST_OF_CURVE + len(grid), len(quantities)))
    weights[AME, 0] = 1.0
    weights[FIRST_COMBINATION:FIRST_OF_CURVE, 1:4] = list(COMBINATIONS.values())
    weights[FIRST_OF_CURVE:, 4:] = np.eye(len(grid))
    naive = solve_at(fit.model, 0.0, fit.independent.point)
    top = solve_at(fit.model, fit.peak.t, fit.peak.state.point)
    at_naive = average_at(fit.model, naive, quantities)
    return Reading(
        fit=fit,
        sample=sample,
        identified=identified,
        grid=grid,
        naive_node=naive,
        naive=at_naive.combine(weights),
        point=average_at(fit.model, top, quantities).combine(weights),
        profiled=profile_averages(fit, quantities, weights=weights, everywhere=True),
        n_cases={"accepted": round(at_naive.n_cases[1]), "open_gate": round(at_naive.n_cases[2])},
    )


def estimate_slopes(reading: Reading, exposure: str) -> pd.DataFrame:
    """The AME and the coefficient, naive and corrected."""
    fit, node = reading.fit, reading.naive_node
    place = fit.model.cells.widths[0]  # the exposure is the first column of the outcome
    low, high = (ends[AME] for ends in reading.profiled.quadratic_sets())
    sets = {
        "ame": (reading.point.values[AME], low, high),
        "coefficient": (
            fit.parameters[place],
            *functional_set(fit, lambda coefficients, rho: coefficients[place]),
        ),
    }
    naive = {
        "ame": (reading.naive.values[AME], np.sqrt(reading.naive.covariance[AME, AME])),
        "coefficient": (node.state.point.theta[place], np.sqrt(node.covariance[place, place])),
    }
    rows = []
    for measure, (point, low, high) in sets.items():
        estimate = point if reading.identified else np.nan
        corrected = {"measure": measure, "model": "corrected", "estimate": estimate}
        rows += [_wald(measure, *naive[measure]), {**corrected, "conf_low": low, "conf_high": high}]
    frame = pd.DataFrame(rows).assign(term=exposure, contrast="per_sd", **count_cases(reading))
    return frame[[*TIDY_COLUMNS, "contrast", "measure", "model", "n_cases", "n_events", "n_offices"]]


def count_cases(reading: Reading) -> dict[str, int]:
    """Cases, those of the accepted who were placed, and offices."""
    sample = reading.sample
    return {
        "n_cases": reading.fit.n_cases,
        "n_events": round(float(np.nansum(sample.counts * sample.placed * sample.selected))),
        "n_offices": reading.fit.n_clusters,
    }


def _wald(measure: str, estimate: float, std_error: float) -> dict[str, object]:
    """A row of the naive model."""
    statistic = estimate / std_error
    return {
        "measure": measure,
        "model": "naive",
        "estimate": estimate,
        "std_error": std_error,
        "statistic": statistic,
        "p_value": 2 * norm.sf(abs(statistic)),
        "conf_low": estimate - WIDE * std_error,
        "conf_high": estimate + WIDE * std_error,
    }


def compare_gates(reading: Reading) -> pd.DataFrame:
    """Placement of the accepted and with the gate open, and what lies between."""
    rows = slice(FIRST_COMBINATION, FIRST_OF_CURVE)
    low, high = (ends[rows] for ends in reading.profiled.quadratic_sets())
    frame = pd.DataFrame(
        {"estimate": reading.point.values[rows], "conf_low": low, "conf_high": high}, index=list(COMBINATIONS)
    )
    if not reading.identified:
        # the predicted placement of the accepted is known from their outcomes, whatever rho is
        frame.loc[frame.index != "accepted", "estimate"] = np.nan
    opened = FIRST_COMBINATION + list(COMBINATIONS).index("open_gate")
    naive, reach = reading.naive.values[opened], WIDE * np.sqrt(reading.naive.covariance[opened, opened])
    frame.loc["open_gate_naive"] = [naive, naive - reach, naive + reach]
    n_cases = [reading.n_cases.get(measure, reading.n_cases["open_gate"]) for measure in AVERAGES]
    return frame.loc[list(AVERAGES)].rename_axis("measure").reset_index().assign(n_cases=n_cases)


def tell_profile(reading: Reading) -> pd.DataFrame:
    """Everything over rho."""
    t = np.arctanh(RHO_GRID)
    values, errors = reading.profiled.at(t)
    deviance = reading.fit.profile.deviance(t)
    frame = pd.DataFrame({"rho": RHO_GRID, "deviance": deviance})
    opened = FIRST_COMBINATION + list(COMBINATIONS).index("open_gate")
    for name, row in (("ame", AME), ("open_gate", opened)):
        frame[name] = values[:, row]
        frame[f"{name}_low"] = values[:, row] - WIDE * errors[:, row]
        frame[f"{name}_high"] = values[:, row] + WIDE * errors[:, row]
    return frame.assign(inside=deviance <= chi2.ppf(0.95, 1))


def find_breakdown(reading: Reading) -> tuple[float, ...]:
    """Where over rho the interval of the AME begins or ceases to hold zero."""
    rho = np.linspace(RHO_GRID[0], RHO_GRID[-1], 1901)
    values, errors = reading.profiled.at(np.arctanh(rho))
    z = values[:, AME] / errors[:, AME]
    sign = np.where(np.abs(z) > WIDE, np.sign(z), 0.0)
    return tuple(float(round(value, 3)) for value in rho[1:][sign[1:] != sign[:-1]])


def draw_out_curve(reading: Reading, exposure: str) -> pd.DataFrame:
    """Placement over the exposure, naive and corrected."""
    rows = slice(FIRST_OF_CURVE, None)
    naive = reading.naive.values[rows]
    reach = WIDE * np.sqrt(np.diag(reading.naive.covariance)[rows])
    low, high = (ends[rows] for ends in reading.profiled.quadratic_sets())
    corrected = reading.point.values[rows] if reading.identified else np.full(len(reading.grid), np.nan)
    value = _in_points(reading.sample, exposure, reading.grid)
    parts = [
        pd.DataFrame(
            {
                "value": value,
                "scaled": reading.grid,
                "model": model,
                "estimate": estimate,
                "conf_low": np.clip(lower, 0, 1),
                "conf_high": np.clip(upper, 0, 1),
            }
        )
        for model, estimate, lower, upper in (
            ("naive", naive, naive - reach, naive + reach),
            ("corrected", corrected, low, high),
        )
    ]
    return pd.concat(parts, ignore_index=True)


def _in_points(sample: SelectionSample, exposure: str, grid: Floats) -> Floats:
    """The grid in the instrument's points; missing where instruments differ."""
    known = sample.used[[exposure, f"{exposure}_scaled"]].astype(float).drop_duplicates()
    line = np.polynomial.Polynomial.fit(known[f"{exposure}_scaled"], known[exposure], 1)
    straight = np.allclose(
        line(known[f"{exposure}_scaled"]), known[exposure], atol=1e-8 * known[exposure].abs().max()
    )
    return line(grid) if straight else np.full(len(grid), np.nan)


def list_coefficients(reading: Reading) -> pd.DataFrame:
    """Coefficients of both equations; standard errors with rho held where it is not identified."""
    fit, sample = reading.fit, reading.sample
    if reading.identified:
        errors = np.sqrt(np.diag(fit.covariance))[:-1]
    else:
        node = solve_at(fit.model, fit.peak.t, fit.peak.state.point)
        errors = np.sqrt(np.diag(node.covariance))
    names_X = list(sample.names_X)
    if fit.model.cells.widths[1] > len(names_X):
        names_X.append(("accepted", ""))
    labels = [("gate", *name) for name in sample.names_Z] + [("placement", *name) for name in names_X]
    frame = pd.DataFrame(labels, columns=["equation", "term", "level"])
    estimate = fit.parameters[:-1]
    return frame.assign(
        level=frame["level"].where(frame["level"] != "", None),
        estimate=estimate,
        std_error=errors,
        conf_low=estimate - WIDE * errors,
        conf_high=estimate + WIDE * errors,
    )


def diagnose(reading: Reading) -> dict[str, object]:
    """Strength of the exclusion in the gate, condition of the information, maxima."""
    fit, sample = reading.fit, reading.sample
    found: dict[str, object] = {
        "condition": fit.condition,
        "n_local_maxima": len(fit.local_maxima),
        **_score_test(fit),
        **{f"left_out_{name}": number for name, number in fit.n_left_out.items()},
    }
    columns = list(sample.exclusion_columns)
    if columns:
        gamma = fit.independent.point.theta[columns]
        information = -fit.independent.evaluation.profiled_hessian[:-1, :-1]
        inside = np.linalg.inv(information)[np.ix_(columns, columns)]
        statistic = float(gamma @ np.linalg.solve(inside, gamma))
        found |= {
            "exclusion_chi2": statistic,
            "exclusion_df": len(columns),
            "exclusion_p": float(chi2.sf(statistic, len(columns))),
        }
    return found


def _score_test(fit: PairedFit) -> dict[str, object]:
    """Its p-value, where the test exists."""
    try:
        return {"score_p": fit.score_test().p_value}
    except EstimationError:
        return {}
