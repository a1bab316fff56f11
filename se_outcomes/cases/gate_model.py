"""The equations that simulated cases are drawn from and that their true values are computed from.

M is motivation and U unrecorded employability, both N(0, 1) and independent. A client meets a counsellor, a
job specialist and a caseload at random within the office, and passes

    logit P(R)       = -0.75 + 1.0 M + 0.6 U + office + counsellor                (gate 1: referral)
    logit P(A | R)   =  0.55 + 0.9 M + 0.6 U + office + specialist + caseload     (gate 2: acceptance)
    logit P(Y1)      = -0.55 + 0.3 M + 0.8 U + office                             (placed, if accepted)
    logit P(Y0)      = -1.15 + 0.3 M + 0.8 U + office                             (placed, if not)

The placement levels are those of the Norwegian trial of individual placement and support (Reme et al. 2019,
Scand. J. Work Environ. Health 45:33: 37 against 27 per cent); the gates are a judgement, for no Norwegian
rate was found.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

Floats = NDArray[np.float64]

#: Share of the registered who turn out not to belong to the target group.
INELIGIBLE_SHARE = 0.02
#: Share of the referred on whom nobody has decided when follow-up ends, however long it was.
UNDECIDED_SHARE = 0.03
#: A job specialist's other clients at referral: Binomial(32, 1/2), 16 on average (12-20 are usual).
CASELOAD_TRIALS = 32
CASELOAD_MEAN = CASELOAD_TRIALS / 2
CASELOAD_EFFECT = -0.1
OFFICE_GATE_SD, OFFICE_OUTCOME_SD, COUNSELLOR_SD, SPECIALIST_SD = 0.4, 0.2, 0.4, 0.3


@dataclass(frozen=True)
class Ruler:
    """How motivation is recorded: points of a 0-10 ruler, or exactly.

    The constants keep the quarter cuts away from a knife edge: rounded, the shares at or below 3, 4, 5, 6 and
    7 are .16, .29, .46, .64 and .79, so the cuts are 4, 6 and 7 in nearly every sample of a thousand.

    Attributes
    ----------
    rounded : bool
        Whole points, cut off at the ends of the ruler; else ``mean + points_per_sd * M``, on a finer ruler.
    """

    rounded: bool = True

    low, high = 0.0, 10.0

    @property
    def mean(self) -> float:
        """Recorded value of M = 0."""
        return 5.72 if self.rounded else 5.0

    @property
    def points_per_sd(self) -> float:
        """Points per standard deviation of M."""
        return 2.25 if self.rounded else 0.8  # 0.8: the ends are more than six standard deviations out

    def record(self, motivation: Floats) -> Floats:
        """Recorded values of M (n,)."""
        points = self.mean + self.points_per_sd * motivation
        return np.clip(np.floor(points + 0.5) if self.rounded else points, self.low, self.high)

    def thresholds(self) -> Floats:
        """The values of M (10,) at which the rounded record steps from one point to the next."""
        return (np.arange(self.low, self.high) + 0.5 - self.mean) / self.points_per_sd


@dataclass(frozen=True)
class GateModel:
    """The slopes of the gates and of placement, and how much offices and gatekeepers differ.

    Attributes
    ----------
    referral_effect, acceptance_effect, placement_effect : float
        Log odds per standard deviation of motivation.
    employability_effect : float
        Log odds per standard deviation of unrecorded employability, at both gates.
    variation : float
        Multiplies the standard deviations of offices, counsellors and specialists, and the effect of the
        caseload.
    ruler : Ruler
    """

    referral_effect: float = 1.0
    acceptance_effect: float = 0.9
    placement_effect: float = 0.3
    employability_effect: float = 0.6
    variation: float = 1.0
    ruler: Ruler = Ruler()

    referral_constant = -0.75
    acceptance_constant = 0.55
    placement_employability_effect = 0.8

    def referral(self, motivation: Floats, employability: Floats) -> Floats:
        """Log odds of referral, office and counsellor apart."""
        return (
            self.referral_constant
            + self.referral_effect * motivation
            + self.employability_effect * employability
        )

    def acceptance(self, motivation: Floats, employability: Floats) -> Floats:
        """Log odds of acceptance once referred; office, specialist and caseload apart."""
        return (
            self.acceptance_constant
            + self.acceptance_effect * motivation
            + self.employability_effect * employability
        )

    def placement(self, motivation: Floats, employability: Floats, *, accepted: bool) -> Floats:
        """Log odds of placement if ``accepted`` or if not, office apart."""
        return (
            (-0.55 if accepted else -1.15)
            + self.placement_effect * motivation
            + self.placement_employability_effect * employability
        )

    def caseload(self, clients: Floats | NDArray[np.int64]) -> Floats:
        """What the specialist's caseload at referral adds to the log odds of acceptance; zero on average."""
        return self.variation * CASELOAD_EFFECT * (np.asarray(clients, np.float64) - CASELOAD_MEAN)

    def counsellor_effects(self) -> tuple[Floats, Floats]:
        """Nodes and weights over counsellors: what one met at random adds to the log odds of referral."""
        return normal_nodes(self.variation * COUNSELLOR_SD)

    def specialist_effects(self) -> tuple[Floats, Floats]:
        """Nodes and weights over specialists with their caseloads, for the log odds of acceptance."""
        nodes, weights = normal_nodes(self.variation * SPECIALIST_SD)
        clients = np.arange(CASELOAD_TRIALS + 1)
        chances = binom.pmf(clients, CASELOAD_TRIALS, 0.5)
        return np.add.outer(nodes, self.caseload(clients)).ravel(), np.multiply.outer(
            weights, chances
        ).ravel()


@dataclass(frozen=True, eq=False)
class Offices:
    """The offices drawn.

    Attributes
    ----------
    share : (G,) array
        Share of all cases; sums to one.
    referral, acceptance, placement : (G,) arrays
        What the office adds to each log odds.
    """

    share: Floats
    referral: Floats
    acceptance: Floats
    placement: Floats

    def sizes(self, n_cases: int) -> NDArray[np.int64]:
        """Cases by office (G,): in proportion to the shares, at least one each, ``n_cases`` in all."""
        spare = self.share * (n_cases - len(self.share))
        sizes = np.floor(spare).astype(np.int64) + 1
        most_owed = np.argsort(-(spare - np.floor(spare)), kind="stable")
        sizes[most_owed[: n_cases - sizes.sum()]] += 1
        return sizes


def draw_offices(n_offices: int, model: GateModel, rng: np.random.Generator) -> Offices:
    """Offices of unequal size, a few times as large as each other, with effects of their own."""
    size = np.exp(rng.normal(0.0, 0.4, n_offices))
    effects = model.variation * rng.normal(size=(3, n_offices))
    return Offices(
        share=size / size.sum(),
        referral=OFFICE_GATE_SD * effects[0],
        acceptance=OFFICE_GATE_SD * effects[1],
        placement=OFFICE_OUTCOME_SD * effects[2],
    )


def normal_nodes(sd: float, n_nodes: int = 11) -> tuple[Floats, Floats]:
    """Gauss-Hermite nodes and weights of N(0, sd squared)."""
    if sd == 0:
        return np.zeros(1), np.ones(1)
    nodes, weights = np.polynomial.hermite_e.hermegauss(n_nodes)
    return sd * nodes, weights / weights.sum()
