"""What the model of both gates tells, from a fit: slopes, averages, correlations, the grid, coefficients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import t as t_distribution

from se_outcomes.errors import EstimationError
from se_outcomes.inference.clustered_fit import known_from_one_cluster
from se_outcomes.inference.intervals import t_p_value
from se_outcomes.inference.jackknife import jackknife
from se_outcomes.regression.two_gate_averages import average_slopes, population_averages
from se_outcomes.regression.two_gate_fit import TwoGateFit
from se_outcomes.regression.two_gate_probit import fit_recursive_two_gate_probit, fit_two_gate_probit
from se_outcomes.results import TIDY_COLUMNS
from se_outcomes.study.selection_question import WEAK, name_columns
from se_outcomes.study.two_gate_offices import ALPHA, AcrossOffices, look_across_offices
from se_outcomes.study.two_gate_sample import TwoGateSample

Floats = NDArray[np.float64]

EQUATIONS = ("referral", "acceptance", "placement")
PAIRS = ("referral_acceptance", "referral_placement", "acceptance_placement")
#: Averages told over the grid, as far as the situation has them.
OVER_GRID = ("open_gate", "effect_all", "effect_accepted", "creaming_both")
#: Averages that are shares.
SHARES = (
    "share_referred",
    "share_accepted",
    "accepted",
    "accepted_recorded",
    "open_gate",
    "open_gate_naive",
    "closed_gate",
    "today",
    "not_accepted",
)
#: Averages that do not hang on the correlations, and stand beside the others.
RAW = ("open_gate_naive", "gap_raw")


@dataclass(frozen=True, eq=False)
class TwoGateReading:
    """A fit, its sample, and what is told, with its variation between offices.

    What is told stands in this order: averages (by ``averages``), slopes (one for each equation), the correlations on
    the atanh scale, coefficients.

    Attributes
    ----------
    averages : tuple of str
    n_cases : int
        Cases that the averages are over.
    naive, naive_errors : (e,) arrays
        Slopes without correlations, and their standard errors by the office jackknife.
    strengths : mapping of str to (float, int)
        "gate_1", "gate_2": chi-squared of the gate's exclusions without correlations, and their number.
    identified : bool
    """

    fit: TwoGateFit
    sample: TwoGateSample
    across: AcrossOffices
    averages: tuple[str, ...]
    n_cases: int
    naive: Floats
    naive_errors: Floats
    strengths: Mapping[str, tuple[float, int]]
    identified: bool

    @property
    def equations(self) -> tuple[str, ...]:
        """The equations that there are."""
        return EQUATIONS[1:] if self.sample.referred is None else EQUATIONS

    @property
    def slopes(self) -> slice:
        """Where the slopes stand."""
        return slice(len(self.averages), len(self.averages) + len(self.equations))

    @property
    def correlations(self) -> slice:
        """Where the correlations stand."""
        return slice(self.slopes.stop, self.slopes.stop + 3)

    @property
    def coefficients(self) -> slice:
        """Where the coefficients stand."""
        return slice(self.correlations.stop, self.correlations.stop + len(self.fit.parameters) - 3)


def read_fit(sample: TwoGateSample, observed: str, *, identified: bool, grid: bool) -> TwoGateReading:
    """Fit the model of the situation and look at it across offices.

    Raises
    ------
    EstimationError
        As the fit; with names of variables.
    """
    fit = _fit(sample, observed)
    found = population_averages(fit)
    apart = fit.refit(restrict=dict.fromkeys(range(len(fit.parameters) - 3, len(fit.parameters)), 0.0))
    strengths = _measure_exclusions(apart, sample)
    moved, number = strengths.get("gate_1", (0.0, 1))
    weak = moved < WEAK * number
    across = look_across_offices(fit, _tell, identified=identified, hold_gates=weak, grid=grid)
    try:
        naive = jackknife(_slopes, apart)
    except EstimationError:
        naive = jackknife(_slopes, apart, kind="CV3L")
    return TwoGateReading(
        fit=fit,
        sample=sample,
        across=across,
        averages=found.names,
        n_cases=found.n_cases,
        naive=naive.estimate,
        naive_errors=naive.std_error,
        strengths=strengths,
        identified=identified,
    )


def _measure_exclusions(apart: TwoGateFit, sample: TwoGateSample) -> dict[str, tuple[float, int]]:
    """Wald's chi-squared of what each gate has and placement has not, for independent cases."""
    found = {}
    for gate, name, number in zip(
        ("gate_1", "gate_2"), ("gamma1", "gamma2"), sample.n_exclusions, strict=True
    ):
        if number == 0 or (gate == "gate_1" and sample.referred is None):
            continue
        place = apart.places[name]
        assert isinstance(place, slice)
        columns = np.arange(place.stop - number, place.stop)
        gamma, covariance = apart.parameters[columns], apart.covariance[np.ix_(columns, columns)]
        found[gate] = float(gamma @ np.linalg.solve(covariance, gamma)), number
    return found


def _fit(sample: TwoGateSample, observed: str) -> TwoGateFit:
    groups = sample.offices if sample.office_effects else None
    model = fit_recursive_two_gate_probit if observed == "all" else fit_two_gate_probit
    accepted = sample.accepted
    if observed == "all":
        accepted = np.nan_to_num(accepted)  # who was not referred was not accepted
    try:
        return model(
            sample.placed,
            sample.X,
            sample.referred,
            None if sample.referred is None else sample.Z1,
            accepted,
            sample.Z2,
            counts=sample.counts,
            clusters=sample.offices,
            intercepts=groups,
        )
    except EstimationError as refusal:
        names = {
            "referral": sample.names_Z1,
            "acceptance": sample.names_Z2,
            "placement": (*sample.names_X, ("accepted", "")),
        }
        raise name_columns(refusal, names.get(str(refusal.details.get("equation")), ())) from None


def _slopes(fit: TwoGateFit) -> Floats:
    """Of the exposure, the first column of every equation."""
    return average_slopes(fit, (0,) * len(fit.model.cells.equations))


def _tell(fit: TwoGateFit) -> Floats:
    theta = fit.parameters
    correlations = np.append(theta[-3:-1], np.arctanh(fit.rho_23))
    return np.concatenate([population_averages(fit).values, _slopes(fit), correlations, theta[:-3]])


def estimate_slopes(reading: TwoGateReading, exposure: str) -> pd.DataFrame:
    """Average marginal effects of the exposure in each equation, naive and corrected."""
    across, place = reading.across, reading.slopes
    corrected = _rows(reading, place)
    reach = float(t_distribution.ppf(1 - ALPHA / 2, across.dof))
    naive = {
        "estimate": reading.naive,
        "std_error": reading.naive_errors,
        "conf_low": reading.naive - reach * reading.naive_errors,
        "conf_high": reading.naive + reach * reading.naive_errors,
    }
    parts = []
    for model, columns in (("naive", naive), ("corrected", corrected)):
        part = pd.DataFrame(columns).assign(equation=reading.equations, model=model)
        statistic = part["estimate"] / part["std_error"]
        parts.append(part.assign(statistic=statistic, p_value=t_p_value(statistic, across.dof)))
    frame = pd.concat(parts).assign(
        term=exposure,
        contrast="per_sd",
        measure="ame",
        n_cases=reading.fit.n_cases,
        n_offices=reading.fit.n_clusters,
    )
    frame = frame.sort_values(
        "equation", key=lambda names: names.map(EQUATIONS.index), kind="stable", ignore_index=True
    )
    return frame[[*TIDY_COLUMNS, "contrast", "measure", "equation", "model", "n_cases", "n_offices"]]


def _rows(reading: TwoGateReading, place: slice) -> dict[str, Floats]:
    """Estimate, error and interval of a part of what is told; no estimate where it is a set."""
    across = reading.across
    estimate = across.estimate[place]
    return {
        "estimate": estimate if reading.identified else np.full(len(estimate), np.nan),
        "std_error": across.std_error[place],
        "conf_low": across.low[place],
        "conf_high": across.high[place],
    }


def compare_averages(reading: TwoGateReading) -> pd.DataFrame:
    """Every average, within what is possible; raw ones have an estimate whatever is identified."""
    place = slice(0, len(reading.averages))
    frame = pd.DataFrame({"measure": reading.averages, **_rows(reading, place)})
    raw = frame["measure"].isin(RAW)
    frame["estimate"] = frame["estimate"].mask(raw, reading.across.estimate[place])
    lowest = np.where(frame["measure"].isin(SHARES), 0.0, -1.0)
    for end in ("conf_low", "conf_high"):
        frame[end] = np.clip(frame[end], lowest, 1.0)
    return frame.assign(n_cases=reading.n_cases)


def tell_correlations(reading: TwoGateReading) -> pd.DataFrame:
    """The three correlations; with merged gates that of acceptance and placement.

    Nothing of the gates' own where it was held on the grid.
    """
    rows, place = _rows(reading, reading.correlations), reading.correlations
    rows["conf_low"], rows["conf_high"] = (ends[place] for ends in reading.across.not_rejected)
    told = {name: np.tanh(values) for name, values in rows.items()}
    frame = pd.DataFrame({"pair": PAIRS, **told}).drop(columns="std_error")
    grid = reading.across.grid
    if not reading.across.inside and grid is not None and len(grid.rho_12) > 1:
        frame.loc[0, ["estimate", "conf_low", "conf_high"]] = (
            np.nan
        )  # held at a few values: nothing is known of it
    merged = reading.sample.referred is None
    return frame.loc[[2]].reset_index(drop=True) if merged else frame


def tell_grid(reading: TwoGateReading) -> pd.DataFrame:
    """A row for each pair of correlations with placement: by the gates' correlation that fits best with it."""
    grid, reach = reading.across.grid, float(t_distribution.ppf(1 - ALPHA / 2, reading.across.dof))
    told = [name for name in OVER_GRID if name in reading.averages]
    columns = [end for name in told for end in (name, f"{name}_low", f"{name}_high")]
    names = ["rho_referral", "rho_acceptance", "rho_gates", "deviance", "p_value", "inside", *columns]
    if grid is None:
        return pd.DataFrame(columns=names).astype("float64")
    rows = []
    for i, j in np.ndindex(grid.deviance.shape[1:]):
        best = int(grid.p_values[:, i, j].argmax())
        p_value = grid.p_values[best, i, j]
        row = [grid.rho_13[i], grid.rho_23_1[j], grid.rho_12[best], grid.deviance[best, i, j], p_value]
        for place in map(reading.averages.index, told):
            value, half = grid.values[best, i, j, place], reach * grid.std_errors[best, i, j, place]
            row += [value, value - half, value + half]
        rows.append([*row[:5], p_value > ALPHA, *row[5:]])
    return pd.DataFrame(rows, columns=names)


def list_coefficients(reading: TwoGateReading) -> pd.DataFrame:
    """Coefficients of every equation; no error and interval for those that one office alone tells."""
    fit, sample = reading.fit, reading.sample
    told = _rows(reading, reading.coefficients)
    alone = known_from_one_cluster(fit)[:-3]
    names: list[tuple[str, str, str]] = []
    for equation, columns in zip(EQUATIONS, (sample.names_Z1, sample.names_Z2, sample.names_X), strict=True):
        if equation in reading.equations:
            names += [(equation, *name) for name in columns]
    if fit.model.recursive:
        names.append(("placement", "accepted", ""))
    frame = pd.DataFrame(names, columns=["equation", "term", "level"]).assign(**told)
    frame["level"] = frame["level"].where(frame["level"] != "", None)
    for name in ("std_error", "conf_low", "conf_high"):
        frame[name] = frame[name].mask(alone)
    return frame
