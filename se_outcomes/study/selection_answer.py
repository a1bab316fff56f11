"""What a fitted selection model says: every average computed once, over the profile, and read off as frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import chi2

from se_outcomes.errors import EstimationError
from se_outcomes.inference.clustered_fit import known_from_one_cluster
from se_outcomes.inference.intervals import t_p_value
from se_outcomes.inference.score_bootstrap import score_bootstrap
from se_outcomes.regression.dependence import solve_at
from se_outcomes.regression.paired_fit import PairedFit
from se_outcomes.regression.paired_marginal import (
    average_at,
    placement,
    placement_given_selection,
    placement_slope,
)
from se_outcomes.results import TIDY_COLUMNS, Test
from se_outcomes.study.contrasts import office_draws
from se_outcomes.study.selection_offices import AcrossOffices, look_across_offices, replicate_told
from se_outcomes.study.selection_sample import SelectionSample

Floats = NDArray[np.float64]

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
#: What is told: the AME, the log risk ratio of one SD, the combinations, then the curve, then coefficients.
AME, RATIO, FIRST_COMBINATION, FIRST_OF_CURVE = 0, 1, 2, 2 + len(COMBINATIONS)


@dataclass(frozen=True, eq=False)
class Reading:
    """A fit with all that it tells; the rows are those above.

    Attributes
    ----------
    fit, sample : PairedFit, SelectionSample
    identified : bool
        Whether an exclusion restriction was given, and a point may be told.
    grid : (m,) array
        Scaled values of the exposure that the curve goes through.
    across : AcrossOffices
        Estimates and their variation between offices, over the dependence.
    naive : (r,) arrays
        Values and standard errors with independent equations.
    naive_p_value : float
        Score bootstrap of the exposure's coefficient in the naive model.
    alone : (p - 1,) bool array
        Coefficients that one office alone tells.
    n_cases : dict
        Cases that ``accepted`` and the others are averages over.
    """

    fit: PairedFit
    sample: SelectionSample
    identified: bool
    grid: Floats
    across: AcrossOffices
    naive: tuple[Floats, Floats]
    naive_p_value: float
    alone: NDArray[np.bool_]
    n_cases: dict[str, int]

    @property
    def exposure_row(self) -> int:
        """The row of the exposure's coefficient, the first of the outcome."""
        return FIRST_OF_CURVE + len(self.grid) + self.fit.model.cells.widths[0]

    @property
    def coefficient_rows(self) -> slice:
        """The rows of all coefficients."""
        return slice(FIRST_OF_CURVE + len(self.grid), None)


def read_fit(fit: PairedFit, sample: SelectionSample, *, endogenous: bool, identified: bool) -> Reading:
    """Compute everything once.

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
        placement(setting=setting, shift=(0, 1.0)),
        placement_given_selection(setting=setting),
        placement(setting=setting),
        placement(setting=setting, accepted_only=True),
        *(placement(setting={**setting, 0: float(value)}) for value in grid),
    ]
    naive_node = solve_at(fit.model, 0.0, fit.independent.point)
    at_naive = fit.pin(naive_node)
    across = look_across_offices(fit, quantities, _tell, identified=identified)
    sizes = average_at(fit.model, naive_node, quantities[2:4]).n_cases
    place = fit.model.cells.widths[0]  # the exposure is the first column of the outcome
    return Reading(
        fit=fit,
        sample=sample,
        identified=identified,
        grid=grid,
        across=across,
        naive=replicate_told(at_naive, quantities, _tell),
        naive_p_value=score_bootstrap(at_naive, place, weights=office_draws(fit.n_clusters)).p_value,
        alone=known_from_one_cluster(at_naive)[:-1],
        n_cases={"accepted": round(sizes[0]), "open_gate": round(sizes[1])},
    )


def _tell(averages: Floats, coefficients: Floats) -> Floats:
    """The rows (..., r) of averages (..., m) of the quantities above and coefficients (..., p - 1)."""
    slope, shifted, gates = averages[..., :1], averages[..., 1:2], averages[..., 2:5]
    combined = gates @ np.array(list(COMBINATIONS.values())).T
    ratio = np.log(shifted / averages[..., 3:4])
    return np.concatenate([slope, ratio, combined, averages[..., 5:], coefficients], axis=-1)


def estimate_slopes(reading: Reading, exposure: str) -> pd.DataFrame:
    """The AME, the risk ratio of one SD more and the coefficient, naive and corrected."""
    across, rows = reading.across, []
    low, high = across.sets
    for measure, row in (("ame", AME), ("risk_ratio", RATIO), ("coefficient", reading.exposure_row)):
        value, error = reading.naive[0][row], reading.naive[1][row]
        naive = {
            "model": "naive",
            "estimate": value,
            "std_error": error,
            "statistic": value / error,
            "p_value": reading.naive_p_value,
            "conf_low": value - across.reach * error,
            "conf_high": value + across.reach * error,
        }
        corrected = {
            "model": "corrected",
            "estimate": across.estimate[row] if reading.identified else np.nan,
            "std_error": across.std_error[row],
            "statistic": across.estimate[row] / across.std_error[row],
            "p_value": float(t_p_value(across.estimate[row] / across.std_error[row], across.dof)),
            "conf_low": low[row],
            "conf_high": high[row],
        }
        for found in (naive, corrected):
            rows.append({"measure": measure, **(_as_ratio(found) if measure == "risk_ratio" else found)})
    frame = pd.DataFrame(rows).assign(term=exposure, contrast="per_sd", **count_cases(reading))
    return frame[[*TIDY_COLUMNS, "contrast", "measure", "model", "n_cases", "n_events", "n_offices"]]


def _as_ratio(row: dict[str, object]) -> dict[str, object]:
    """From logarithms: ends exponentiated, the error by the delta method."""
    found = dict(row)
    for name in ("estimate", "conf_low", "conf_high"):
        found[name] = np.exp(float(str(row[name])))
    found["std_error"] = float(str(row["std_error"])) * float(str(found["estimate"]))
    return found


def count_cases(reading: Reading) -> dict[str, int]:
    """Cases, those of the accepted who were placed, and offices."""
    sample = reading.sample
    return {
        "n_cases": reading.fit.n_cases,
        "n_events": round(float(np.nansum(sample.counts * sample.placed * sample.selected))),
        "n_offices": reading.fit.n_clusters,
    }


def compare_gates(reading: Reading) -> pd.DataFrame:
    """Placement of the accepted and with the gate open, and what lies between."""
    across, rows = reading.across, slice(FIRST_COMBINATION, FIRST_OF_CURVE)
    low, high = (ends[rows] for ends in across.sets)
    frame = pd.DataFrame(
        {"estimate": across.estimate[rows], "conf_low": low, "conf_high": high}, index=list(COMBINATIONS)
    )
    if not reading.identified:
        # the predicted placement of the accepted is known from their outcomes, whatever rho is
        frame.loc[frame.index != "accepted", "estimate"] = np.nan
    opened = FIRST_COMBINATION + list(COMBINATIONS).index("open_gate")
    naive, half = reading.naive[0][opened], across.reach * reading.naive[1][opened]
    frame.loc["open_gate_naive"] = [naive, naive - half, naive + half]
    levels = ["accepted", "open_gate", "open_gate_naive"]
    frame.loc[levels] = frame.loc[levels].clip(0, 1)
    n_cases = [reading.n_cases.get(measure, reading.n_cases["open_gate"]) for measure in AVERAGES]
    return frame.loc[list(AVERAGES)].rename_axis("measure").reset_index().assign(n_cases=n_cases)


def tell_profile(reading: Reading) -> pd.DataFrame:
    """Everything over rho."""
    t, across = np.arctanh(RHO_GRID), reading.across
    values, errors = across.at(t)
    frame = pd.DataFrame(
        {"rho": RHO_GRID, "deviance": reading.fit.profile.deviance(t), "p_value": across.test_at(t)}
    )
    opened = FIRST_COMBINATION + list(COMBINATIONS).index("open_gate")
    for name, row in (("ame", AME), ("open_gate", opened)):
        frame[name] = values[:, row]
        frame[f"{name}_low"] = values[:, row] - across.reach * errors[:, row]
        frame[f"{name}_high"] = values[:, row] + across.reach * errors[:, row]
    # not p > 5 %: what is cut off from every maximum is left out of the set (AcrossOffices)
    inside = np.any([(low <= t) & (t <= high) for low, high in across.accepted], axis=0)
    return frame.assign(inside=inside)


def find_breakdown(reading: Reading) -> tuple[float, ...]:
    """Where over rho the interval of the AME begins or ceases to hold zero."""
    rho = np.linspace(RHO_GRID[0], RHO_GRID[-1], 1901)
    values, errors = reading.across.at(np.arctanh(rho))
    z = values[:, AME] / errors[:, AME]
    sign = np.where(np.abs(z) > reading.across.reach, np.sign(z), 0.0)
    return tuple(float(round(value, 3)) for value in rho[1:][sign[1:] != sign[:-1]])


def draw_out_curve(reading: Reading, exposure: str) -> pd.DataFrame:
    """Placement over the exposure, naive and corrected."""
    across, rows = reading.across, slice(FIRST_OF_CURVE, FIRST_OF_CURVE + len(reading.grid))
    naive, half = reading.naive[0][rows], across.reach * reading.naive[1][rows]
    low, high = (ends[rows] for ends in across.sets)
    corrected = across.estimate[rows] if reading.identified else np.full(len(reading.grid), np.nan)
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
            ("naive", naive, naive - half, naive + half),
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
    """Coefficients of both equations; standard errors with rho held where its own is not to be trusted.

    None for coefficients that one office alone tells.
    """
    fit, sample, across = reading.fit, reading.sample, reading.across
    rows = reading.coefficient_rows
    errors = across.std_error[rows] if across.inside else across.at(np.array([fit.peak.t]))[1][0, rows]
    errors = np.where(reading.alone, np.nan, errors)
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
        conf_low=estimate - across.reach * errors,
        conf_high=estimate + across.reach * errors,
    )


def judge_independence(reading: Reading) -> Test:
    """Score bootstrap of independent equations."""
    fit, draws = reading.fit, office_draws(reading.fit.n_clusters)
    last = len(fit.parameters) - 1
    at_null = fit.model.family.independence
    found = score_bootstrap(fit, last, null=at_null, weights=draws, statistic="score", recentre="share")
    return Test(fit.model.family.null, found.statistic, "score bootstrap (S)", found.p_value)


def diagnose(reading: Reading) -> dict[str, object]:
    """Strength of the exclusion in the gate, condition of the information, maxima."""
    fit, sample = reading.fit, reading.sample
    found: dict[str, object] = {
        "condition": fit.condition,
        "likelihood_ratio_p": fit.likelihood_ratio_test().p_value,
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
