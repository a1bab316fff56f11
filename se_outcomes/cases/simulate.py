"""Simulated cases with the truth beside them: to try a study before the data come, and to test estimators."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from se_outcomes.cases.cases import Cases
from se_outcomes.cases.check import check_cases
from se_outcomes.cases.draw import draw_clients
from se_outcomes.cases.gate_model import GateModel, Ruler, draw_offices
from se_outcomes.cases.population import Population, make_grid
from se_outcomes.cases.record import EMPLOYABILITY, record_cases
from se_outcomes.cases.timeline import HORIZON_DAYS, draw_timeline
from se_outcomes.cases.traits import ADJUST_FOR
from se_outcomes.cases.truth import tell_truth
from se_outcomes.cases.write import write_cases

#: Share of values lost when ``missing=True``.
USUAL_MISSING = 0.05


@dataclass(frozen=True, eq=False, repr=False)
class SimulatedStudy:
    """Simulated cases, and what is true of them.

    Attributes
    ----------
    cases : Cases
        Checked as a file's would be.
    truth : DataFrame
        ``question, adjustment, at_risk, term, contrast, measure, population_value, causal_value``: for each
        estimand of the study's questions what a right estimate converges to with the recorded columns in
        these offices, and the model's own contrast with employability held (:mod:`se_outcomes.cases.truth`
        defines each).
    population : Population
        The model, the offices drawn, and every chance by quadrature.
    """

    cases: Cases
    population: Population
    _frame: pd.DataFrame = field(repr=False)

    @property
    def truth(self) -> pd.DataFrame:
        """The true values (a copy); computed when first asked for."""
        return self._truth.copy()

    @cached_property
    def _truth(self) -> pd.DataFrame:
        plan = self.cases.plan
        return tell_truth(
            self.population, merged=plan.gates == "merged", outcome_for_all=plan.outcome_observed == "all"
        )

    def write(self, path: str | Path) -> Path:
        """Write the case file as an evaluator would get it, in the format of the ending.

        Parameters
        ----------
        path : str or Path
            ``.csv`` (Norwegian: semicolons, decimal commas, dd.mm.yyyy, UTF-8), ``.xlsx``, ``.dta`` and
            ``.sav`` (with value labels) or ``.parquet``.

        Returns
        -------
        Path
            Where it was written.

        Raises
        ------
        ValueError
            On another ending, or more cases than an Excel sheet has rows.
        """
        return write_cases(self._frame, Path(path))

    def __repr__(self) -> str:
        return f"SimulatedStudy of {self.cases!r}, with its truth"


def simulate_cases(
    n_cases: int = 1200,
    *,
    n_offices: int = 5,
    seed: int = 0,
    outcome_observed: str = "all",
    gates: str = "separate",
    missing: float = 0.0,
    referral_effect: float = 1.0,
    acceptance_effect: float = 0.9,
    placement_effect: float = 0.3,
    employability_effect: float = 0.6,
    variation: float = 1.0,
    rounded: bool = True,
    employability_recorded: bool = False,
) -> SimulatedStudy:
    """Draw a study of clients on their way through the gates of Supported Employment, and its truth.

    Motivation and employability open both gates and help to find a job; only motivation is recorded, on a
    0-10 ruler. Offices, counsellors and job specialists differ; a specialist's caseload at referral bears on
    acceptance alone. Some cases are ineligible, undecided, or followed for less than the horizon of a year.
    The equations stand in :mod:`se_outcomes.cases.gate_model`. The same seed gives the same offices whatever
    ``n_cases``.

    Parameters
    ----------
    n_cases : int
        Cases in all, at least one per office.
    n_offices : int
        Offices; unequal in size.
    seed : int
        Same arguments and seed, same cases.
    outcome_observed : {"all", "accepted"}
        Whether placement is known for all, as in a register, or for the accepted only.
    gates : {"separate", "merged"}
        "merged" records a referral only once it is accepted.
    missing : float
        Share of motivation, of each covariate and of what nobody must register that is lost at random, in [0,
        1); ``True`` for 0.05.
    referral_effect, acceptance_effect, placement_effect : float
        Log odds per SD of motivation at gate 1, at gate 2, and of placement.
    employability_effect : float
        Log odds per SD of unrecorded employability at either gate. With this and the first two at zero, the
        gates are a lottery.
    variation : float
        Multiplies how much offices, counsellors, specialists and caseloads differ; 0 for not at all.
    rounded : bool
        Motivation in whole points; else exactly.
    employability_recorded : bool
        Whether the cases have a column ``employability`` (in standard deviations, to one decimal, or exactly
        without ``rounded``) that the plan adjusts for. No value of it is ever missing. A file of them is read
        with ``employability = "number"`` under ``[extra]``.

    Returns
    -------
    SimulatedStudy
        ``cases``, ``truth``, and ``write(path)``.

    Raises
    ------
    ValueError
        On an argument outside these bounds.

    Examples
    --------
    >>> import se_outcomes as so
    >>> study = so.simulate_cases(400, n_offices=5, seed=1)
    >>> study.cases.n_cases, study.cases.n_offices
    (400, 5)
    >>> referral = study.truth.query("question == 'referral' and adjustment == 'crude'")
    >>> referral.query("measure == 'log_odds'")[["contrast", "population_value", "causal_value"]].round(2)
            contrast  population_value  causal_value
    0         per_sd              0.89          0.98
    3  top_vs_bottom              2.20          2.53
    """
    _refuse_arguments(n_cases, n_offices, seed, outcome_observed, gates, missing, variation)
    if not isinstance(employability_recorded, bool):
        raise ValueError(f"employability_recorded must be True or False; got {employability_recorded!r}")
    effects = (referral_effect, acceptance_effect, placement_effect, employability_effect)
    _refuse_effects(effects)
    model = GateModel(*effects, variation=variation, ruler=Ruler(rounded))
    # one stream for each concern: more cases, or lost values, leave the offices as they are
    of_offices, of_clients, of_dates, of_records = (
        np.random.default_rng(stream) for stream in np.random.SeedSequence(seed).spawn(4)
    )
    offices = draw_offices(n_offices, model, of_offices)
    draw = draw_clients(n_cases, offices, model, of_clients)
    frame = record_cases(
        draw,
        draw_timeline(draw, of_dates),
        model.ruler,
        of_records,
        merged=gates == "merged",
        outcome_for_all=outcome_observed == "all",
        missing=USUAL_MISSING if missing is True else float(missing),
        employability=employability_recorded,
    )
    cases = check_cases(frame, mapping=_mapping(outcome_observed, gates, employability_recorded))
    population = Population(model, offices, make_grid(model.ruler), employability_recorded)
    return SimulatedStudy(cases, population, frame)


#: What moves simulated acceptance and not placement.
EXCLUSION = "caseload_at_referral"
#: What moves simulated referral and neither acceptance nor placement.
EXCLUSION_REFERRAL = "counsellor_leniency"


def _mapping(outcome_observed: str, gates: str, employability_recorded: bool) -> dict[str, object]:
    """What the columns of simulated cases do not say."""
    extra = {EMPLOYABILITY: "number"} if employability_recorded else {}
    study = {
        "outcome_observed": outcome_observed,
        "gates": gates,
        "bypass": "refused",
        "outcome": "first ordinary job within twelve months of entering the target group",
        "horizon_days": HORIZON_DAYS,
        "exposure": "motivation",
        "adjust_for": [*(trait.column for trait in ADJUST_FOR), *extra],
        "exclusion": [EXCLUSION],
        "exclusion_referral": [EXCLUSION_REFERRAL],
        "source": "Simulated cases",
    }
    return {"study": study, "extra": extra}


def _refuse_arguments(
    n_cases: int,
    n_offices: int,
    seed: int,
    outcome_observed: str,
    gates: str,
    missing: float,
    variation: float,
) -> None:
    for name, number, least in (("n_cases", n_cases, 1), ("n_offices", n_offices, 1), ("seed", seed, 0)):
        if isinstance(number, bool) or not isinstance(number, int | np.integer) or number < least:
            raise ValueError(f"{name} must be a whole number of at least {least}; got {number!r}")
    if n_cases < n_offices:
        raise ValueError(
            f"n_cases must be at least n_offices, one case each; got {n_cases} cases, {n_offices} offices"
        )
    if outcome_observed not in ("all", "accepted"):
        raise ValueError(f'outcome_observed must be "all" or "accepted"; got {outcome_observed!r}')
    if gates not in ("separate", "merged"):
        raise ValueError(f'gates must be "separate" or "merged"; got {gates!r}')
    if missing is not True and not (_is_number(missing) and 0 <= missing < 1):
        raise ValueError(f"missing must be a share from 0 to below 1, or True; got {missing!r}")
    if not (_is_number(variation) and 0 <= variation <= 5):
        raise ValueError(f"variation must be a number from 0 to 5; got {variation!r}")


def _refuse_effects(effects: tuple[float, ...]) -> None:
    names = ("referral_effect", "acceptance_effect", "placement_effect", "employability_effect")
    for name, effect in zip(names, effects, strict=True):
        if not (_is_number(effect) and -5 <= effect <= 5):
            raise ValueError(
                f"{name} is in log odds per SD and must be a number from -5 to 5; got {effect!r}"
            )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.number)
