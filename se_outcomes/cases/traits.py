"""Recorded covariates of simulated cases: partly what goes with motivation and employability, partly chance.

Shares follow the target group of the youth effort (Fafo 2020:19): mostly 20-29, little education, slightly
more men, many with a health limitation and a benefit that implies one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import norm

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class OrderedTrait:
    """A covariate in ordered levels: an ordered probit in M and U.

    Attributes
    ----------
    column : str
    levels : tuple of str
    share_up_to : tuple of float
        Share of the population at or below each level but the last.
    motivation, employability : float
        Loadings of M and U, against a residual of N(0, 1).
    """

    column: str
    levels: tuple[str, ...]
    share_up_to: tuple[float, ...]
    motivation: float
    employability: float

    @property
    def cuts(self) -> Floats:
        """Latent values between the levels, such that the shares hold in the population."""
        spread = np.sqrt(1 + self.motivation**2 + self.employability**2)
        return spread * norm.ppf(np.array(self.share_up_to))

    def chances(self, motivation: Floats, employability: Floats) -> Floats:
        """P(level | M, U): the broadcast shape of the arguments and a last axis of levels."""
        location = self.motivation * np.asarray(motivation) + self.employability * np.asarray(employability)
        up_to = norm.cdf(self.cuts - location[..., None])
        ends = np.zeros((*location.shape, 1))
        return np.diff(np.concatenate([ends, up_to, ends + 1], axis=-1), axis=-1)

    def draw(
        self, motivation: Floats, employability: Floats, rng: np.random.Generator
    ) -> NDArray[np.object_]:
        """Levels (n,)."""
        latent = self.motivation * motivation + self.employability * employability
        latent = latent + rng.normal(size=len(latent))
        return np.array(self.levels, dtype=object)[np.searchsorted(self.cuts, latent)]


AGE_GROUP = OrderedTrait("age_group", ("18-19", "20-24", "25-29", "30+"), (0.12, 0.47, 0.88), 0.10, 0.20)
#: First digit of NUS2000: lower secondary, some upper secondary, upper secondary, a first degree.
EDUCATION_LEVEL = OrderedTrait("education_level", ("2", "3", "4", "6"), (0.38, 0.66, 0.90), 0.10, 0.45)
EFFORT_GROUP = OrderedTrait(
    "effort_group",
    ("JOBBE_DELVIS", "TRENGER_VEILEDNING_NEDSATT_ARBEIDSEVNE", "TRENGER_VEILEDNING", "GODE_MULIGHETER"),
    (0.08, 0.55, 0.90),
    0.10,
    0.60,
)
#: What the study plan of simulated cases adjusts for.
ADJUST_FOR = (AGE_GROUP, EDUCATION_LEVEL)


def draw_traits(
    motivation: Floats, employability: Floats, rng: np.random.Generator
) -> dict[str, NDArray[Any]]:
    """The covariates of cases with these M and U (n,); codes as in the schema."""
    n = len(motivation)
    effort = EFFORT_GROUP.draw(motivation, employability, rng)
    reduced = np.isin(effort, EFFORT_GROUP.levels[:2])
    health = np.where(rng.random(n) < np.where(reduced, 0.80, 0.15), "JA", "NEI")
    worked = expit(-1.6 + 0.3 * motivation + 0.9 * employability + 0.8 * rng.normal(size=n))
    return {
        AGE_GROUP.column: AGE_GROUP.draw(motivation, employability, rng),
        "sex": np.where(rng.random(n) < 0.57, "male", "female"),
        EDUCATION_LEVEL.column: EDUCATION_LEVEL.draw(motivation, employability, rng),
        "born_abroad": rng.random(n) < 0.2,
        "benefit": _draw_benefit(reduced, rng),
        "effort_group": effort,
        "health_limits_work": np.where(rng.random(n) < 0.08, "VET_IKKE", health),
        "months_worked_prev_24m": rng.binomial(24, worked),
    }


def _draw_benefit(reduced: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.object_]:
    """Work assessment allowance (AAP) where work capacity is reduced, else social assistance or none."""
    benefits = np.array(["AAP", "social_assistance", "DAGP", "none"], dtype=object)
    up_to = np.where(reduced[:, None], [0.75, 0.87, 0.90], [0.05, 0.50, 0.75])
    return benefits[(rng.random(len(reduced))[:, None] > up_to).sum(axis=1)]
