"""Drawing clients, whom they meet, and whether they pass: everything that happens, recorded or not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from se_outcomes.cases.gate_model import (
    CASELOAD_TRIALS,
    COUNSELLOR_SD,
    INELIGIBLE_SHARE,
    SPECIALIST_SD,
    UNDECIDED_SHARE,
    GateModel,
    Offices,
)

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

CASES_PER_COUNSELLOR, CASES_PER_SPECIALIST = 40, 80


@dataclass(frozen=True, eq=False)
class Draw:
    """What happened to each of n clients, all arrays (n,).

    Attributes
    ----------
    office, counsellor, specialist : integer arrays
        Office 0 ... G - 1; counsellor and specialist counted from 0 within the office.
    motivation, employability : arrays
        M and U.
    caseload : integer array
        The specialist's other clients when the case was, or would have been, referred.
    eligible, referred, accepted, undecided, placed : boolean arrays
        ``accepted`` is never true without ``referred``; ``undecided`` are referred and neither accepted nor
        refused; ``placed`` is placement with support where accepted, else without.
    """

    office: Integers
    counsellor: Integers
    specialist: Integers
    motivation: Floats
    employability: Floats
    caseload: Integers
    eligible: Booleans
    referred: Booleans
    accepted: Booleans
    undecided: Booleans
    placed: Booleans

    @property
    def n_cases(self) -> int:
        """Number of clients."""
        return len(self.office)


def draw_clients(n_cases: int, offices: Offices, model: GateModel, rng: np.random.Generator) -> Draw:
    """Draw clients, whom they meet in the office, and what came of it, by the model's equations."""
    office = rng.permutation(np.repeat(np.arange(len(offices.share)), offices.sizes(n_cases)))
    motivation, employability = rng.normal(size=(2, n_cases))
    counsellor, lenience = _meet(office, CASES_PER_COUNSELLOR, model.variation * COUNSELLOR_SD, rng)
    specialist, openness = _meet(office, CASES_PER_SPECIALIST, model.variation * SPECIALIST_SD, rng)
    caseload = rng.binomial(CASELOAD_TRIALS, 0.5, n_cases)
    eligible = rng.random(n_cases) >= INELIGIBLE_SHARE

    def happens(log_odds: Floats) -> Booleans:
        return rng.random(n_cases) < expit(log_odds)

    referral = model.referral(motivation, employability) + offices.referral[office] + lenience
    referred = eligible & happens(referral)
    undecided = referred & (rng.random(n_cases) < UNDECIDED_SHARE)
    acceptance = model.acceptance(motivation, employability) + offices.acceptance[office]
    accepted = referred & ~undecided & happens(acceptance + openness + model.caseload(caseload))
    placement = np.where(
        accepted,
        model.placement(motivation, employability, accepted=True),
        model.placement(motivation, employability, accepted=False),
    )
    placed = happens(placement + offices.placement[office])
    return Draw(
        office=office,
        counsellor=counsellor,
        specialist=specialist,
        motivation=motivation,
        employability=employability,
        caseload=caseload,
        eligible=eligible,
        referred=referred,
        accepted=accepted,
        undecided=undecided,
        placed=placed,
    )


def _meet(office: Integers, cases_each: int, sd: float, rng: np.random.Generator) -> tuple[Integers, Floats]:
    """A gatekeeper of the office at random for each case (n,), of two or more, and their effect (n,)."""
    staff = np.maximum(2, np.round(np.bincount(office) / cases_each).astype(np.int64))
    effects = rng.normal(0.0, 1.0, staff.sum()) * sd
    number = (rng.random(len(office)) * staff[office]).astype(np.int64)
    return number, effects[(np.cumsum(staff) - staff)[office] + number]
