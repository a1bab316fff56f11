"""When things happened: entry, referral, decision, start, first job and its end, in that order."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from se_outcomes.cases.draw import Booleans, Draw, Floats, Integers

#: Placement counts within so many days of entry.
HORIZON_DAYS = 365
#: People enter over two years; the study ends 270 days later, too early for the last to be followed for a
#: year.
FIRST_ENTRY = np.datetime64("2021-01-01", "D")
ENTRY_DAYS, STUDY_DAYS = 730, 1000
LOST_SHARE = 0.04
#: The latest referral, and the longest waits after it: every decision but those never made comes within a
#: year.
LATEST_REFERRAL, LONGEST_DECISION, LONGEST_WAIT_FOR_START = 200, 60, 30
HALF_YEAR, YEAR = 183, 365


@dataclass(frozen=True, eq=False)
class Timeline:
    """Days from entry (n,), NaN where a thing never happened; ``entry`` in days from the study's start.

    ``followup`` is when observation ends: the study's end, or earlier for the few who are lost from sight.
    """

    entry: Integers
    followup: Integers
    motivation: Floats
    referral: Floats
    decision: Floats
    start: Floats
    engagement: Floats
    profiling: Floats
    job_search: Floats
    match: Floats
    support: Floats
    first_job: Floats
    job_end: Floats
    end: Floats

    def as_observed(self) -> Timeline:
        """The same with NaN for what came after follow-up ended."""
        later = {}
        for field in fields(self):
            if field.name not in ("entry", "followup"):
                days = getattr(self, field.name)
                later[field.name] = np.where(days <= self.followup, days, np.nan)
        return replace(self, **later)

    def date(self, days: Floats | Integers) -> NDArray[np.datetime64]:
        """Days from entry as dates (n,), NaN as NaT."""
        known = ~np.isnan(days)
        whole = np.where(known, days, 0).astype("timedelta64[D]")
        date = (FIRST_ENTRY + self.entry.astype("timedelta64[D]") + whole).astype("datetime64[us]")
        return np.where(known, date, np.datetime64("NaT", "us"))


def draw_timeline(draw: Draw, rng: np.random.Generator) -> Timeline:
    """Waits depend on neither M nor U; the jobs of the motivated and employable last longer."""
    n = draw.n_cases
    entry = rng.integers(0, ENTRY_DAYS, n)
    followup = STUDY_DAYS - entry
    followup = np.where(rng.random(n) < LOST_SHARE, rng.integers(1, followup + 1), followup)
    referral = _wait(np.zeros(n), draw.referred, 3, 35, LATEST_REFERRAL, rng)
    decision = _wait(referral, draw.referred & ~draw.undecided, 3, 10, LONGEST_DECISION, rng)
    start = _wait(decision, draw.accepted, 1, 5, LONGEST_WAIT_FOR_START, rng)
    first_job = _first_job(draw, np.fmax(np.fmax(np.fmax(0.0, referral), decision), start), rng)
    tenure = 7 + np.floor(rng.exponential(280, n) * np.exp(0.2 * draw.motivation + 0.3 * draw.employability))
    leaves_with_job = _wait(first_job, draw.accepted & draw.placed, 60, 60, 700, rng)
    leaves_without = _wait(start, draw.accepted & ~draw.placed, 120, 120, 1000, rng)
    # rated at intake: before referral, and within the first weeks of those never referred
    rated = np.floor(rng.random(n) * np.fmin(np.nan_to_num(referral, nan=60.0), 60))
    return Timeline(
        entry=entry,
        followup=followup,
        motivation=np.minimum(rated, followup),
        referral=referral,
        decision=decision,
        start=start,
        first_job=first_job,
        job_end=first_job + tenure,
        end=np.fmin(leaves_with_job, leaves_without),
        **_draw_steps(draw, start, first_job, rng),
    )


def _wait(
    since: Floats, happens: Booleans, least: int, scale: int, most: int, rng: np.random.Generator
) -> Floats:
    """A day at least ``least`` and at most ``most`` after ``since``, NaN where it does not happen."""
    days = np.minimum(least + np.floor(rng.gamma(2.0, scale, len(since))), most)
    return np.where(happens, since + days, np.nan)


def _first_job(draw: Draw, earliest: Floats, rng: np.random.Generator) -> Floats:
    """A day after whatever came before and within the horizon, for the placed."""
    share = rng.beta(1.2, 1.8, draw.n_cases)
    day = earliest + 1 + np.floor(share * (HORIZON_DAYS - earliest - 1))
    return np.where(draw.placed, day, np.nan)


def _draw_steps(draw: Draw, start: Floats, first_job: Floats, rng: np.random.Generator) -> dict[str, Floats]:
    """The five steps of those who started; some never look for jobs, a few are matched to no avail."""
    n = draw.n_cases
    placed = draw.accepted & draw.placed
    searches = placed | (draw.accepted & (rng.random(n) < 0.8))
    tries = draw.accepted & ~draw.placed & searches & (rng.random(n) < 0.25)
    engagement = _wait(start, draw.accepted, 0, 3, 21, rng)
    # with a job soon after the start, what should have come first is done in haste
    deadline = np.where(placed, first_job, np.inf)
    profiling = np.minimum(_wait(engagement, draw.accepted, 3, 10, 60, rng), deadline)
    job_search = np.minimum(_wait(start, searches, 5, 15, 90, rng), deadline)
    match = np.where(
        placed,
        np.maximum(start, first_job - rng.integers(0, 15, n)),
        _wait(job_search, tries, 10, 30, 200, rng),
    )
    return {
        "engagement": np.minimum(engagement, deadline),
        "profiling": profiling,
        "job_search": job_search,
        "match": match,
        "support": _wait(first_job, placed, 0, 5, 30, rng),
    }
