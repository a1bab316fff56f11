"""The cases of all questions about who is taken and who is left, with predictions made without them.

Everyone eligible whose referral is known, by the status they reached, and for each cell four predictions from the
exposure and what is adjusted for: the chance of referral, the chance of acceptance, placement without Supported
Employment (learned from those not accepted) and placement with it (learned from the accepted). A prediction comes from
fits that have not seen the case (:mod:`se_outcomes.study.cross_fitting`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from se_outcomes.cases.cases import Cases
from se_outcomes.errors import EstimationError
from se_outcomes.results import Notice
from se_outcomes.study.at_risk import count_exclusions
from se_outcomes.study.cross_fitting import (
    MOST_OFFICES,
    NOBODY,
    CrossFit,
    Problem,
    cross_fit,
    deal_cases,
    deal_offices,
)
from se_outcomes.study.design import as_text, is_numeric
from se_outcomes.study.passage import asked_variables
from se_outcomes.study.prospects_sample import (
    ask_who_is_observed,
    known_placement,
    prospects_design,
    refuse_unknown_outcomes,
    tally_prospects,
)

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

#: Statuses in the order of the way; with merged gates the first is none.
STATUSES = ("not_referred", "not_accepted", "accepted")
#: What is predicted, and how it is called in sentences.
PREDICTED: Mapping[str, str] = {
    "chance": "The chance of acceptance",
    "referral_chance": "The chance of referral",
    "without_se": "Placement without SE",
    "with_se": "Placement with SE",
}
#: Attributes with a value for each cell, predictions aside.
ARRAYS = ("counts", "offices", "folds", "referred", "accepted", "placed", "status", "X", "group")


@dataclass(frozen=True, eq=False)
class Prospects:
    """Cells with predictions made without them.

    Attributes
    ----------
    sorted_cases : frame
        The tally of all cases with ``level`` ("used" or why not) and ``event`` (accepted).
    cells : frame
        The used rows in the order of the arrays: ``office_id, gate_state, outcome_state``, the exposure with what is
        derived from it, the variables adjusted for, ``n``. Within offices a row may be dealt into several.
    counts : (n,) array
    offices : (n,) integer array
        Codes 0 ... G - 1 in the order of the offices' names.
    folds : (n,) integer array
        Within offices the part that a row is predicted in; -1 across offices, where the office says it.
    referred, accepted : (n,) arrays
        1 or 0; with merged gates only the accepted count as referred.
    placed : (n,) array
        1, 0, or missing where it is not known (for nobody but the accepted, if the outcome is observed for these).
    status : (n,) array of str
        "not_referred", "not_accepted" or "accepted"; with merged gates one of the last two.
    X : (n, k) array
        Design without a constant; the exposure first.
    names : tuple of (variable, level)
    group : (n,) array of str
        Quarter ("q1" ... "q4") or level of the exposure.
    exposure, adjust_for : what predicts
    outcome_observed : {"all", "accepted"}
    merged : bool
    cross_fit : {"across", "within"}
    chance, referral_chance, without_se, with_se : (n,) arrays
        P(accepted | x), P(referred | x), and P(placed | x) learned from those not accepted and from the accepted.
        Missing throughout where it cannot be known (referral with merged gates, placement without SE where the outcome
        is observed for the accepted) or was not wanted; in a replicate for the office left out.
    estimators : dict
        "ml" or "firth", by what was predicted.
    exclusions : frame
        Cases left out by ``reason``.
    """

    sorted_cases: pd.DataFrame
    cells: pd.DataFrame
    counts: Floats
    offices: Integers
    folds: Integers
    referred: Floats
    accepted: Floats
    placed: Floats
    status: NDArray[np.str_]
    X: Floats
    names: tuple[tuple[str, str], ...]
    group: NDArray[np.str_]
    exposure: str
    adjust_for: tuple[str, ...]
    outcome_observed: str
    merged: bool
    cross_fit: str
    chance: Floats
    referral_chance: Floats
    without_se: Floats
    with_se: Floats
    warnings: tuple[Notice, ...]
    exclusions: pd.DataFrame
    _fits: Mapping[str, CrossFit] = field(default_factory=dict, repr=False)

    @property
    def n_offices(self) -> int:
        """Offices with cases used, G."""
        return int(self.offices.max()) + 1

    @property
    def n_cases(self) -> int:
        """Cases used."""
        return round(float(self.counts.sum()))

    @property
    def counted(self) -> dict[str, object]:
        """What ``glance`` of an answer tells of the cases; events are acceptances."""
        return {
            "n_cases": self.n_cases,
            "n_events": round(float(self.counts @ self.accepted)),
            "n_offices": self.n_offices,
            "n_excluded": int(self.exclusions["n"].sum()),
            "dof": self.n_offices - 1.0,
        }

    @property
    def parts(self) -> int:
        """Parts of the cases, each predicted from all the others; in a replicate those that are left."""
        problem = next(iter(self._fits.values())).problem
        by_office = self.cross_fit == "across" and problem.exact
        return len(np.unique(self.offices if by_office else problem.folds))

    def learners(self, name: str) -> Floats:
        """Cases (n,) that a prediction is learned from."""
        return np.where(np.isnan(_learned_from(self)[name]), 0.0, self.counts)

    @property
    def estimators(self) -> dict[str, str]:
        """What predicted."""
        return {name: fit.estimator for name, fit in self._fits.items()}

    def without(self, office: int) -> Prospects:
        """The replicate without an office: all that predicts the others fitted without it; arrays, no ``cells``."""
        keep = self.offices != office
        predicted = {name: fit.predict(office)[keep] for name, fit in self._fits.items()}
        missing = np.full(int(keep.sum()), np.nan)
        return replace(
            self,
            cells=self.cells.iloc[:0],
            **{name: predicted.get(name, missing) for name in PREDICTED},
            **{name: getattr(self, name)[keep] for name in ARRAYS},
        )


def estimate_prospects(
    cases: Cases,
    *,
    exposure: str | None = None,
    adjust_for: Sequence[str] | None = None,
    outcome_observed: str | None = None,
    cross_fit: str = "across",
    wanted: Sequence[str] = tuple(PREDICTED),
    replicated: bool = False,
) -> Prospects:
    """Draw the cases and predict for each, by fits that have not seen it.

    Parameters
    ----------
    cases : Cases
    exposure, adjust_for, outcome_observed : optional
        By default what the study plan says.
    cross_fit : {"across", "within"}
        Without office effects, each office predicted by the others; or with an intercept for each office, the cases
        dealt into five parts.
    wanted : sequence of str
        Which of :data:`PREDICTED`; those that cannot be known are passed over.
    replicated : bool
        Whether :meth:`Prospects.without` will be asked for: one estimator then serves all replicates.

    Raises
    ------
    EstimationError
        ``outcome_observed_unknown``, ``outcome_for_accepted_only``, ``column_missing``, ``rated_after_gate``,
        ``no_cases``, ``exposure_constant``, ``one_office``, ``no_variation``.
    ValueError
        On another ``cross_fit`` or ``outcome_observed``.

    Examples
    --------
    >>> import se_outcomes as so
    >>> prospects = estimate_prospects(so.simulate_cases(400, seed=1).cases)
    >>> prospects.n_offices, bool(np.isnan(prospects.with_se).any())
    (5, False)
    """
    if cross_fit not in ("across", "within"):
        raise ValueError(f'cross_fit must be "across" or "within"; got {cross_fit!r}')
    observed = ask_who_is_observed(cases, outcome_observed)
    drawn = draw_prospects(
        cases, *asked_variables(cases, exposure, adjust_for), observed=observed, cross_fit=cross_fit
    )
    refuse_too_few_offices(drawn, replicated=replicated)
    return predict(drawn, wanted=wanted, replicated=replicated)


def draw_prospects(
    cases: Cases, exposure: str, adjust_for: Sequence[str], *, observed: str, cross_fit: str
) -> Prospects:
    """The cells used, without predictions yet."""
    tally, warnings = tally_prospects(cases, exposure, adjust_for)
    refuse_unknown_outcomes(tally, observed)
    used = tally.loc[tally["level"] == "used"].reset_index(drop=True)
    cell, fold, count = _deal(used, cross_fit)
    used = used.iloc[cell].reset_index(drop=True).assign(n=count.astype(np.int64))
    accepted, merged = used["event"].to_numpy(float), cases.plan.gates == "merged"
    state = used["gate_state"].astype(str).to_numpy(dtype=object)
    referred = accepted if merged else np.asarray(state != "not_referred", dtype=float)
    names, X = prospects_design(used, exposure, adjust_for)
    missing = np.full(len(used), np.nan)
    group = f"{exposure}_group" if is_numeric(used[exposure]) else exposure
    return Prospects(
        sorted_cases=tally,
        cells=used.drop(columns=["level", "event"]),
        counts=count,
        offices=_codes(used),
        folds=fold,
        referred=referred,
        accepted=accepted,
        placed=known_placement(used, accepted, observed),
        status=np.select(
            [accepted == 1, (referred == 1) | merged], ["accepted", "not_accepted"], "not_referred"
        ),
        X=X,
        names=names,
        group=as_text(used[group]).to_numpy(dtype=str),
        exposure=exposure,
        adjust_for=tuple(adjust_for),
        outcome_observed=observed,
        merged=merged,
        cross_fit=cross_fit,
        chance=missing,
        referral_chance=missing,
        without_se=missing,
        with_se=missing,
        warnings=warnings,
        exclusions=count_exclusions(tally),
    )


def predict(prospects: Prospects, *, wanted: Sequence[str], replicated: bool) -> Prospects:
    """The same cells with the predictions wanted, as far as they can be known."""
    fits, said = {}, list(prospects.warnings)
    for name, y in _learned_from(prospects).items():
        if name not in wanted:
            continue
        problem = Problem(
            y=y,
            X=prospects.X,
            counts=prospects.counts,
            offices=prospects.offices,
            folds=_folds(prospects),
            n_offices=prospects.n_offices,
            office_effects=prospects.cross_fit == "within",
        )
        fits[name] = _cross_fit_named(problem, name, replicated)
        said += _say(fits[name], name)
    return replace(
        prospects,
        _fits=fits,
        warnings=tuple(said),
        **{name: fit.predict() for name, fit in fits.items()},  # type: ignore[arg-type]
    )


def say_cross_fit(prospects: Prospects) -> str:
    """How the predictions were made, in words."""
    if prospects.cross_fit == "within":
        how = "logits with an intercept for each office, the cases dealt into five parts, each predicted by the others"
    elif prospects.n_offices <= MOST_OFFICES:
        how = "logits without office effects, each office predicted by a fit to the others"
    else:
        how = "logits without office effects, twenty groups of offices each predicted by a fit to the others"
    firth = [name for name, estimator in prospects.estimators.items() if estimator == "firth"]
    return f"{how}{' (Firth: ' + ', '.join(firth) + ')' if firth else ''}"


def say_jackknife(prospects: Prospects) -> str:
    """How replicates were made, in words."""
    again = "every fit again" if prospects.n_offices <= MOST_OFFICES else "every fit by one step"
    return f"office jackknife of the whole, {again} without the office"


def refuse_too_few_offices(prospects: Prospects, *, replicated: bool) -> None:
    """Offices that predict each other, and replicates, need offices enough.

    Raises
    ------
    EstimationError
        ``one_office``.
    """
    across = prospects.cross_fit == "across"
    least = 2 + (across and replicated)
    if prospects.n_offices >= least:
        return
    found = "is one office" if prospects.n_offices == 1 else f"are {prospects.n_offices} offices"
    raise EstimationError(
        f"There {found} only with cases that can be used, and {least} are needed"
        + (
            ": an office is predicted by the others, and how that varies is seen by leaving one more out. Add "
            'offices, or predict within offices (cross_fit="within"), which needs two.'
            if across
            else ": what varies between offices cannot be seen in one. Add offices, or show counts (count_funnel)."
        ),
        reason="one_office",
        n_offices=prospects.n_offices,
    )


def _codes(used: pd.DataFrame) -> Integers:
    names = used["office_id"].to_numpy(dtype=object).astype(str)
    return np.unique(names, return_inverse=True)[1].astype(np.int64)


def _deal(used: pd.DataFrame, cross_fit: str) -> tuple[Integers, Integers, Floats]:
    """Rows of ``used``, their folds and cases; across offices the folds come from the offices."""
    counts = used["n"].to_numpy(float)
    if cross_fit == "across":
        return np.arange(len(used), dtype=np.int64), np.full(len(used), NOBODY, dtype=np.int64), counts
    keys = [used["office_id"].astype(str), used["event"], used["outcome_state"].astype(str)]
    strata = used.groupby(keys, sort=True).ngroup().to_numpy().astype(np.int64)
    return deal_cases(counts, strata)


def _folds(prospects: Prospects) -> Integers:
    if prospects.cross_fit == "within":
        return prospects.folds
    order_by = np.column_stack(
        [prospects.accepted, np.nan_to_num(prospects.placed, nan=0.5), prospects.referred, prospects.X]
    )
    return deal_offices(prospects.counts, prospects.offices, order_by)


def _learned_from(prospects: Prospects) -> dict[str, Floats]:
    """The outcome of each prediction, missing for cells that it is not learned from."""
    accepted, placed = prospects.accepted, prospects.placed
    found = {"chance": accepted, "with_se": np.where(accepted == 1, placed, np.nan)}
    if not prospects.merged:
        found["referral_chance"] = prospects.referred
    if prospects.outcome_observed == "all":
        found["without_se"] = np.where(accepted == 0, placed, np.nan)
    return found


def _cross_fit_named(problem: Problem, name: str, replicated: bool) -> CrossFit:
    try:
        return cross_fit(problem, replicated=replicated)
    except EstimationError as refusal:
        # columns are told by number here, and which of them it is changes with the part
        if refusal.reason not in ("no_variation", "no_cases", "not_converged", "collinearity", "separation"):
            raise
        learners = {"with_se": "accepted", "without_se": "cases not accepted"}.get(name, "eligible")
        raise EstimationError(
            f"{PREDICTED[name]} cannot be predicted: without an office at a time (or a part of the cases) the "
            f"{learners} that are left are none, all have the same outcome, or no fit to them converges. Merge small "
            "offices.",
            reason=refusal.reason if refusal.reason in ("no_variation", "no_cases") else "not_converged",
            what=name,
        ) from None


def _say(fit: CrossFit, name: str) -> list[Notice]:
    penalised = Notice(
        "prospects_penalised",
        "{what} is predicted by Firth's penalised logit: for part of the cases the columns predict it without error "
        "(separation).",
        what=PREDICTED[name],
    )
    borrowed = Notice(
        "prospects_borrowed",
        "{what}: in some offices the cases to learn from are none or all alike; these offices take the intercept of "
        "all offices together.",
        what=PREDICTED[name],
    )
    return [penalised] * (fit.estimator == "firth") + [borrowed] * fit.borrowed
