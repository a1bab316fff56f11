"""How much of the difference in who gets in arises at gate 1, and how much at gate 2?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from se_outcomes.cases.cases import Cases
from se_outcomes.decomposition.log_risk_ratio import gate_log_risk_ratios, pooled_rates, standardised_rates
from se_outcomes.errors import EstimationError
from se_outcomes.inference.intervals import t_interval, t_p_value
from se_outcomes.inference.jackknife import jackknife_covariance
from se_outcomes.results import TIDY_COLUMNS, Notice, Ranged, Specification
from se_outcomes.study.acceptance import ACCEPTANCE
from se_outcomes.study.at_risk import PassageQuestion, refuse_ratings_after_gate, sort_cases
from se_outcomes.study.design import as_text, is_numeric, ordered_levels, require_columns
from se_outcomes.study.referral import REFERRAL
from se_outcomes.study.sentences import say_interval, say_number
from se_outcomes.study.suppression import over_completions

Floats = NDArray[np.float64]
ESTIMATORS = {"crude": pooled_rates, "office_standardised": standardised_rates}
ESTIMATE_COLUMNS = [
    *TIDY_COLUMNS,
    "adjustment",
    "risk_ratio",
    "rr_conf_low",
    "rr_conf_high",
    "joint_low",
    "joint_high",
    "share",
]


@dataclass(frozen=True, eq=False)
class SelectionResult(Ranged):
    """The log risk ratio of top against bottom over the gates.

    Attributes
    ----------
    estimates : frame
        ``term`` ("gate_1", "gate_2", "net"), ``estimate`` (log risk ratio) with office-jackknife errors and
        t(G-1), ``adjustment`` ("crude", "office_standardised"), ``risk_ratio`` with its interval,
        ``joint_low, joint_high`` (intervals that cover both gates together, by Bonferroni's inequality),
        ``share`` of the net (missing where the net's interval holds zero: a share of about nothing says
        nothing).
    rates : frame
        ``adjustment, group, gate, n_at_risk, n_passed, rate``; the net rate is the product of the pass rates.
    covariance : mapping
        Adjustment to the joint covariance of the gates' log risk ratios.
    refusals : tuple of str
        What could not be given, and why.
    """

    specification: Specification
    top: str
    bottom: str
    estimates: pd.DataFrame
    rates: pd.DataFrame
    covariance: Mapping[str, Floats]
    n_cases: int
    n_offices: int
    refusals: tuple[Notice, ...]
    warnings: tuple[Notice, ...]

    @property
    def question(self) -> str:
        """The question's key."""
        return "selection"

    @property
    def method(self) -> str:
        """Estimator and standard errors, in words."""
        return (
            "Log risk ratios of pass rates, crude and directly standardised over offices; net = product of "
            f"the pass rates; standard errors: office jackknife (CV3), t({self.n_offices - 1}); joint "
            "intervals by Bonferroni."
        )

    def tidy(self) -> pd.DataFrame:
        """One row per gate and adjustment."""
        return self.estimates.copy()

    def glance(self) -> dict[str, object]:
        """``n_cases`` at risk of the first gate in the two groups, ``n_offices``, ``dof``, and the groups."""
        return {
            "n_cases": self.n_cases,
            "n_offices": self.n_offices,
            "dof": self.n_offices - 1,
            "top": self.top,
            "bottom": self.bottom,
        }

    def summary(self) -> str:
        """What was found, to read at the prompt."""
        lines = [f"{self.specification.exposure}: {self.top} against {self.bottom}. {self.method}", ""]
        for row in self.estimates.itertuples():
            interval = say_interval(row.conf_low, row.conf_high, ".3f")
            ratio = (
                f"log RR {say_number(row.estimate, '.3f')} {interval}, RR {say_number(row.risk_ratio, '.2f')}"
            )
            lines.append(f"  {row.adjustment:20s} {row.term:7s} {ratio}")
        return "\n".join([*lines, *(f"Note: {said}" for said in (*self.refusals, *self.warnings))])

    def __repr__(self) -> str:
        return self.summary()


@over_completions
def decompose_selection(cases: Cases, *, exposure: str | None = None) -> SelectionResult:
    """Split the net log risk ratio of acceptance, top against bottom, into gate 1 and gate 2, exactly.

    Parameters
    ----------
    cases : Cases
        Checked cases.
    exposure : str, optional
        A number (top against bottom quarter) or levels (the last against the first of the code list; true
        against false). The study plan's exposure if absent.

    Raises
    ------
    EstimationError
        ``empty_cell`` where a group has nobody at risk of a gate or nobody passing it, ``one_office``,
        ``exposure_constant``, ``column_missing``, ``rated_after_gate``.

    Examples
    --------
    >>> import se_outcomes as so
    >>> result = so.decompose_selection(so.simulate_cases(1200, seed=1).cases)
    >>> crude = result.tidy().query("adjustment == 'crude'").set_index("term")["estimate"]
    >>> bool(np.isclose(crude["gate_1"] + crude["gate_2"], crude["net"]))
    True
    """
    exposure = exposure or cases.plan.exposure
    gates = (MERGED,) if cases.plan.gates == "merged" else (REFERRAL, ACCEPTANCE)
    require_columns(cases, [exposure])
    warnings = [said for gate in gates for said in refuse_ratings_after_gate(cases, gate, exposure)]
    group = f"{exposure}_group" if is_numeric(cases.tally([exposure])[exposure]) else exposure
    tally = cases.tally(["office_id", "gate_state", "outcome_state", group])
    compared = top_and_bottom(tally, group, exposure)
    at_risk, passed = count_gates(tally, group, compared, gates)
    refuse_empty_cells(at_risk, passed, compared, gates)
    found, refusals = decompose(at_risk, passed)
    names: tuple[str, ...] = ("gate_1", "gate_2")
    if len(gates) == 1:
        names = ("net",)
        refusals.append(
            Notice(
                "split_merged",
                "The gates are merged in these data: the net is given, its split into gates is not.",
            )
        )
    frames = [
        estimate_frame(*answer, names, adjustment, len(at_risk) - 1.0) for adjustment, answer in found.items()
    ]
    return SelectionResult(
        specification=Specification("selection", "accepted", "eligible", exposure, office_effects=False),
        top=compared[0],
        bottom=compared[1],
        estimates=pd.concat(frames, ignore_index=True),
        rates=rates_frame(at_risk, passed, compared, names, tuple(found)),
        covariance={adjustment: covariance for adjustment, (_, covariance) in found.items()},
        n_cases=int(at_risk[:, :, 0].sum()),
        n_offices=len(at_risk),
        refusals=tuple(refusals),
        warnings=tuple(dict.fromkeys([*warnings, *say_what_is_apart(tally, group)])),
    )


def top_and_bottom(tally: pd.DataFrame, group: str, exposure: str) -> tuple[str, str]:
    """The last and the first of the levels found: top and bottom quarter of a number."""
    levels = ordered_levels(group, tally[group])
    if len(levels) < 2:
        raise EstimationError(
            f"{exposure} has the same value for all cases: there is no top and no bottom to compare.",
            reason="exposure_constant",
        )
    return levels[-1], levels[0]


#: Both gates as one, for data that record them as one.
MERGED = PassageQuestion("acceptance", "accepted", "eligible", ACCEPTANCE.states)


def count_gates(
    tally: pd.DataFrame, group: str, compared: tuple[str, str], gates: tuple[PassageQuestion, ...]
) -> tuple[Floats, Floats]:
    """Cases at risk of and passing each gate, (G, 2, S) each; offices with cases at risk of gate 1."""
    text = as_text(tally[group]).to_numpy(dtype=object)
    names = np.unique(tally["office_id"].to_numpy(dtype=object).astype(str))
    at_risk = np.zeros((len(names), 2, len(gates)))
    passed = np.zeros_like(at_risk)
    for s, gate in enumerate(gates):
        sorted_cases = sort_cases(tally, gate)
        for c, level in enumerate(compared):
            rows = sorted_cases.loc[(sorted_cases["level"] == "used").to_numpy() & (text == level)]
            office = rows["office_id"].to_numpy(dtype=object).astype(str)
            place = np.searchsorted(names, office)
            at_risk[:, c, s] = np.bincount(place, rows["n"], len(names))
            passed[:, c, s] = np.bincount(place, rows["n"] * rows["event"], len(names))
    present = at_risk[:, :, 0].sum(axis=1) > 0
    return at_risk[present], passed[present]


def refuse_empty_cells(
    at_risk: Floats, passed: Floats, compared: tuple[str, str], gates: tuple[PassageQuestion, ...]
) -> None:
    """One office, nobody at risk, or nobody passing: a logarithm that does not exist."""
    if len(at_risk) < 2:
        raise EstimationError(
            "The decomposition needs at least two offices with cases in the groups compared: what varies "
            "between offices cannot be seen in one.",
            reason="one_office",
        )
    for c, level in enumerate(compared):
        for s, gate in enumerate(gates):
            for count, what in ((at_risk, f"at risk of {gate.name}"), (passed, f"passing {gate.name}")):
                if count[:, c, s].sum() == 0:
                    raise EstimationError(
                        f"Nobody in group {level} is {what}, so the log risk ratio does not exist (its rate "
                        "is zero or unknown). Compare broader groups, or show the counts (count_funnel).",
                        reason="empty_cell",
                        gate=gate.name,
                    )


def decompose(at_risk: Floats, passed: Floats) -> tuple[dict[str, tuple[Floats, Floats]], list[Notice]]:
    """Adjustment to log risk ratios (S,) and covariance (S, S); and sentences on what could not be given."""
    found: dict[str, tuple[Floats, Floats]] = {}
    refusals: list[Notice] = []
    lacking = int(((at_risk == 0).any(axis=1) & (at_risk.sum(axis=1) > 0)).any(axis=1).sum())
    for adjustment, rates in ESTIMATORS.items():
        if adjustment == "office_standardised" and lacking:
            refusals.append(
                Notice(
                    "standardised_refused",
                    "The comparison standardised over offices is not given: {lacking} of {n_offices} offices "
                    "lack one of the groups at a gate, so rates cannot be compared there.",
                    lacking=lacking,
                    n_offices=len(at_risk),
                )
            )
            continue
        estimate = gate_log_risk_ratios(rates(at_risk, passed))
        covariance, empty = replicate_without_offices(rates, at_risk, passed, estimate)
        if empty:
            refusals.append(
                Notice(
                    "ratio_without_interval",
                    "No interval is given ({adjustment}): without one office at a time a group has nobody passing "
                    "a gate for {empty} of {n_offices} offices, so how the ratio varies cannot be seen.",
                    adjustment=adjustment.replace("_", " "),
                    empty=empty,
                    n_offices=len(at_risk),
                )
            )
        elif (np.diag(covariance) == 0).any():
            refusals.append(
                Notice(
                    "gate_without_test",
                    "A gate has no test ({adjustment}): the groups' rates there do not change with the offices, as "
                    "when everybody passes.",
                    adjustment=adjustment.replace("_", " "),
                )
            )
        found[adjustment] = (estimate, covariance)
    return found, refusals


def replicate_without_offices(
    rates: Callable[[Floats, Floats], Floats], at_risk: Floats, passed: Floats, estimate: Floats
) -> tuple[Floats, int]:
    """Jackknife covariance (S, S) over offices, and how many replicates do not exist (then it is missing)."""
    offices = np.arange(len(at_risk))
    left = [rates(at_risk[offices != office], passed[offices != office]) for office in offices]
    empty = sum(not (shares > 0).all() for shares in left)
    if empty:
        return np.full((len(estimate), len(estimate)), np.nan), empty
    return jackknife_covariance(estimate, np.array([gate_log_risk_ratios(shares) for shares in left])), 0


def estimate_frame(
    estimate: Floats, covariance: Floats, names: tuple[str, ...], adjustment: str, dof: float
) -> pd.DataFrame:
    """Rows for the gates and, after two of them, the net; its variance is that of the sum."""
    joint = len(names)
    if joint > 1:
        sums = np.vstack([np.eye(joint), np.ones(joint)])
        estimate, covariance, names = sums @ estimate, sums @ covariance @ sums.T, (*names, "net")
    std_error = np.sqrt(np.diag(covariance))
    low, high = t_interval(estimate, std_error, dof)
    joint_low, joint_high = t_interval(estimate, std_error, dof, n_joint=joint)
    statistic = np.divide(estimate, std_error, out=np.full(len(estimate), np.nan), where=std_error > 0)
    net_is_clear = bool(low[-1] > 0 or high[-1] < 0)
    frame = pd.DataFrame(
        {
            "term": names,
            "estimate": estimate,
            "std_error": std_error,
            "statistic": statistic,
            "p_value": t_p_value(statistic, dof),
            "conf_low": low,
            "conf_high": high,
            "adjustment": adjustment,
            **exponentiated(estimate, low, high),
            "joint_low": joint_low,
            "joint_high": joint_high,
            "share": estimate / estimate[-1] if net_is_clear else np.nan,
        }
    )
    if joint > 1:  # the net follows from the gates: it is not a third interval of the joint statement
        frame.loc[frame["term"] == "net", ["joint_low", "joint_high"]] = [low[-1], high[-1]]
    return frame[ESTIMATE_COLUMNS]


def exponentiated(estimate: Floats, low: Floats, high: Floats) -> dict[str, Floats]:
    """Risk ratios with their intervals; an end beyond any number is infinite."""
    with np.errstate(over="ignore"):
        return {"risk_ratio": np.exp(estimate), "rr_conf_low": np.exp(low), "rr_conf_high": np.exp(high)}


def rates_frame(
    at_risk: Floats,
    passed: Floats,
    compared: tuple[str, str],
    names: tuple[str, ...],
    adjustments: tuple[str, ...],
) -> pd.DataFrame:
    """Frame ``adjustment, group, gate, n_at_risk, n_passed, rate``; the net is of those at risk of gate 1."""
    rows = []
    for adjustment in adjustments:
        rates = ESTIMATORS[adjustment](at_risk, passed)
        for c, level in enumerate(compared):
            total, through = at_risk[:, c].sum(axis=0), passed[:, c].sum(axis=0)
            cells = [(name, total[s], through[s], rates[c, s]) for s, name in enumerate(names)]
            if len(names) > 1:
                cells.append(("net", total[0], through[-1], rates[c].prod()))
            rows += [(adjustment, level, gate, int(n), int(k), float(rate)) for gate, n, k, rate in cells]
    return pd.DataFrame(rows, columns=["adjustment", "group", "gate", "n_at_risk", "n_passed", "rate"])


def say_what_is_apart(tally: pd.DataFrame, group: str) -> list[Notice]:
    """Sentences on cases that are in no gate's rate."""
    states = set(tally.loc[tally[group].notna(), "gate_state"])
    sentences = {
        "bypassed": Notice(
            "bypassed_at_gate_1",
            "Cases accepted without referral count as not referred at gate 1 and are not in gate 2.",
        ),
        "undecided": Notice(
            "undecided_at_gate_2",
            "Undecided cases have passed gate 1 and are not yet at risk of gate 2; the net is the product of the "
            "rates.",
        ),
    }
    return [sentence for state, sentence in sentences.items() if state in states]
