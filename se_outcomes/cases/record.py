"""What a case file holds of the simulated clients: the schema's columns, as known when follow-up ends."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from se_outcomes.cases.draw import Booleans, Draw, Integers
from se_outcomes.cases.gate_model import Ruler
from se_outcomes.cases.schema import read_schema
from se_outcomes.cases.timeline import HALF_YEAR, HORIZON_DAYS, YEAR, Timeline
from se_outcomes.cases.traits import draw_traits

INSTRUMENT = "readiness_ruler"
#: Column of what is otherwise unrecorded; none of the schema's.
EMPLOYABILITY = "employability"
#: Columns that lose values under ``missing``: motivation, the covariates, and what nobody must register.
MAY_BE_MISSING = (
    "motivation",
    "age_group",
    "sex",
    "education_level",
    "born_abroad",
    "benefit",
    "effort_group",
    "health_limits_work",
    "months_worked_prev_24m",
    "non_acceptance_by",
    "non_acceptance_reason",
    "engagement_date",
    "profiling_date",
    "job_search_date",
    "match_date",
    "support_date",
    "end_reason",
    "job_pct",
    "wage_subsidy",
    "caseload_at_referral",
)
REFUSALS = (  # who said no, why, how often
    ("agency", "TRENGER_ANNEN_STOTTE", 0.35),
    ("agency", "OPPFYLLER_IKKE_KRAVENE", 0.20),
    ("client", "SYK", 0.10),
    ("client", "ANNET", 0.15),
    ("no_slot", "FIKK_IKKE_PLASS", 0.15),
    ("unknown", "ANNET", 0.05),
)
ENDS_WITHOUT_JOB = (("SYK", 0.3), ("UTDANNING", 0.25), ("TRENGER_ANNEN_STOTTE", 0.25), ("ANNET", 0.2))
JOB_SHARES = (20.0, 37.5, 50.0, 60.0, 80.0, 100.0)


def record_cases(
    draw: Draw,
    timeline: Timeline,
    ruler: Ruler,
    rng: np.random.Generator,
    *,
    merged: bool,
    outcome_for_all: bool,
    missing: float,
    employability: bool = False,
) -> pd.DataFrame:
    """The case file as a typed frame, one row per case in the order of entry.

    Parameters
    ----------
    draw, timeline
        What happened, and when.
    ruler : Ruler
        How motivation is recorded.
    merged : bool
        Record being received and accepted as one event, and nothing of those who were not.
    outcome_for_all : bool
        Record outcomes of all, or of the accepted only.
    missing : float
        Share of the values of each column in :data:`MAY_BE_MISSING` that are lost, at random.
    employability : bool
        Record employability too, in a column of its own; rounded where the ruler is.
    """
    seen = timeline.as_observed()
    frame = pd.DataFrame(
        {
            **_record_meetings(draw, seen),
            **_record_motivation(draw, seen, ruler, rng),
            **_record_gates(draw, seen, rng),
            **_record_steps(draw, seen, rng),
            **_record_outcomes(draw, timeline, seen, rng),
            **_record_traits(draw, rng),
        }
    )
    if merged:
        frame = _merge_gates(frame)
    if not outcome_for_all:
        frame = _known_if(frame, frame["accepted"].fillna(False), OUTCOMES)
    frame = _lose(frame, missing, rng)
    extra = []
    if employability:
        extra = [EMPLOYABILITY]
        frame[EMPLOYABILITY] = (
            np.round(draw.employability, 1) + 0.0 if ruler.rounded else draw.employability  # no minus zero
        )
    frame = frame.iloc[np.argsort(timeline.entry, kind="stable")].reset_index(drop=True)
    width = max(5, len(str(draw.n_cases)))
    frame["case_id"] = pd.Series(
        [f"{number:0{width}d}" for number in range(1, draw.n_cases + 1)], dtype="str"
    )
    return frame[[*(column for column in read_schema()["cases"].columns if column in frame), *extra]]


OUTCOMES = (
    "placed",
    "first_job_date",
    "first_job_end",
    "job_pct",
    "wage_subsidy",
    "weeks_worked_12m",
    "retained_6m",
    "retained_12m",
)


def _record_meetings(draw: Draw, seen: Timeline) -> dict[str, object]:
    """Where the case belongs and who dealt with it; the job specialist is known once the case is referred."""
    referred = ~np.isnan(seen.referral)
    # pseudonyms with a leading zero, as the numbers of offices have
    offices = [f"{301 + number:04d}" for number in range(draw.office.max() + 1)]
    return {
        "office_id": _labels(offices, draw.office),
        "counsellor_id": _staff_ids(offices, "v", draw.office, draw.counsellor),
        "job_specialist_id": _staff_ids(offices, "j", draw.office, draw.specialist).where(referred),
        "entry_date": seen.date(np.zeros(draw.n_cases)),
        "followup_end": seen.date(seen.followup),
        "eligible": _booleans(draw.eligible),
    }


def _record_motivation(
    draw: Draw, seen: Timeline, ruler: Ruler, rng: np.random.Generator
) -> dict[str, object]:
    return {
        "motivation": ruler.record(draw.motivation),
        "motivation_instrument": _labels([INSTRUMENT], np.zeros(draw.n_cases, dtype=np.int64)),
        "motivation_min": np.full(draw.n_cases, ruler.low),
        "motivation_max": np.full(draw.n_cases, ruler.high),
        "motivation_source": _labels(["client", "evaluator"], rng.binomial(1, 0.3, draw.n_cases)),
        "motivation_date": seen.date(seen.motivation),
    }


def _record_gates(draw: Draw, seen: Timeline, rng: np.random.Generator) -> dict[str, object]:
    """Acceptance is missing for those not referred, and for those nobody has decided on."""
    referred, decided = ~np.isnan(seen.referral), ~np.isnan(seen.decision)
    refused = decided & ~draw.accepted
    refusal = rng.choice(len(REFUSALS), draw.n_cases, p=[share for *_, share in REFUSALS])
    taken_in = decided & draw.accepted
    return {
        "referred": _booleans(referred),
        "referral_date": seen.date(seen.referral),
        "caseload_at_referral": pd.Series(draw.caseload, dtype="Int64").where(referred),
        "accepted": _booleans(draw.accepted, decided),
        "decision_date": seen.date(seen.decision),
        "non_acceptance_by": _labels([by for by, *_ in REFUSALS], refusal).where(refused),
        "non_acceptance_reason": _labels([reason for _, reason, _ in REFUSALS], refusal).where(refused),
        "provision": _labels(["none", "inhouse"], taken_in.astype(np.int64)),
        "measure_code": _labels(["UTVAOONAV"], np.zeros(draw.n_cases, dtype=np.int64)).where(taken_in),
    }


def _record_steps(draw: Draw, seen: Timeline, rng: np.random.Generator) -> dict[str, object]:
    reasons = [reason for reason, _ in ENDS_WITHOUT_JOB]
    reason = rng.choice(len(reasons), draw.n_cases, p=[share for _, share in ENDS_WITHOUT_JOB])
    ended = ~np.isnan(seen.end)
    return {
        "start_date": seen.date(seen.start),
        "engagement_date": seen.date(seen.engagement),
        "profiling_date": seen.date(seen.profiling),
        "job_search_date": seen.date(seen.job_search),
        "match_date": seen.date(seen.match),
        "support_date": seen.date(seen.support),
        "end_date": seen.date(seen.end),
        "end_reason": _labels([*reasons, "FATT_JOBB"], np.where(draw.placed, len(reasons), reason)).where(
            ended
        ),
    }


def _record_outcomes(
    draw: Draw, timeline: Timeline, seen: Timeline, rng: np.random.Generator
) -> dict[str, object]:
    """Missing: placed where follow-up ended before horizon and job; retention where it cannot be seen."""
    n = draw.n_cases
    placed = ~np.isnan(seen.first_job)
    followed = seen.followup >= HORIZON_DAYS
    tenure = timeline.job_end - timeline.first_job
    weeks = np.floor((np.fmin(timeline.job_end, HORIZON_DAYS) - timeline.first_job) / 7)
    supported = ~np.isnan(seen.start)
    retained = {}
    for column, days in (("retained_6m", HALF_YEAR), ("retained_12m", YEAR)):
        retained[column] = _booleans(tenure >= days, placed & (timeline.first_job + days <= seen.followup))
    return {
        "placed": _booleans(placed, placed | followed),
        "first_job_date": seen.date(seen.first_job),
        "first_job_end": seen.date(seen.job_end),
        "job_pct": np.where(placed, rng.choice(JOB_SHARES, n, p=[0.1, 0.1, 0.25, 0.15, 0.1, 0.3]), np.nan),
        "wage_subsidy": _booleans(rng.random(n) < np.where(supported, 0.35, 0.12), placed),
        "weeks_worked_12m": np.where(followed, np.where(placed, weeks, 0.0), np.nan),
        **retained,
    }


def _record_traits(draw: Draw, rng: np.random.Generator) -> dict[str, object]:
    kinds = {"born_abroad": "boolean", "months_worked_prev_24m": "Int64"}
    traits = draw_traits(draw.motivation, draw.employability, rng)
    return {column: pd.Series(values, dtype=kinds.get(column, "str")) for column, values in traits.items()}


def _merge_gates(frame: pd.DataFrame) -> pd.DataFrame:
    """Referral as received *and* accepted (so IPS Grow counts); nothing is known of the others."""
    accepted = frame["accepted"].fillna(False).astype("boolean")
    merged = frame.assign(referred=accepted, accepted=accepted, referral_date=frame["decision_date"])
    only_of_accepted = ("referral_date", "decision_date", "job_specialist_id", "caseload_at_referral")
    return _known_if(merged, accepted, only_of_accepted).drop(
        columns=["non_acceptance_by", "non_acceptance_reason"]
    )


def _lose(frame: pd.DataFrame, share: float, rng: np.random.Generator) -> pd.DataFrame:
    """A share of each column's values set missing, whatever they are."""
    columns = [column for column in MAY_BE_MISSING if column in frame and share > 0]
    return frame.assign(**{column: frame[column].mask(rng.random(len(frame)) < share) for column in columns})


def _known_if(frame: pd.DataFrame, known: pd.Series, columns: Sequence[str]) -> pd.DataFrame:
    rows = known.to_numpy(dtype=bool)
    return frame.assign(**{column: frame[column].where(rows) for column in columns})


def _labels(labels: Sequence[str], codes: Integers) -> pd.Series:
    return pd.Series(np.array(labels, dtype=object)[codes], dtype="str")


def _staff_ids(offices: Sequence[str], letter: str, office: Integers, number: Integers) -> pd.Series:
    """Pseudonyms such as "0301-v07"."""
    most = int(number.max()) + 1
    width = len(str(most))
    ids = [f"{name}-{letter}{k:0{width}d}" for name in offices for k in range(1, most + 1)]
    return _labels(ids, office * most + number)


def _booleans(values: Booleans | NDArray[np.bool_], known: Booleans | None = None) -> pd.Series:
    series = pd.Series(values, dtype="boolean")
    return series if known is None else series.where(known)
