"""How much the offices bear: each contrast with its tests, the effective number of offices, each office by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from se_outcomes.errors import EstimationError
from se_outcomes.inference.cluster_diagnostics import diagnose_clusters
from se_outcomes.inference.ibragimov_mueller import by_cluster, ibragimov_mueller
from se_outcomes.results import Notice
from se_outcomes.study.contrasts import Verdicts, judge_coefficient
from se_outcomes.study.replicated import Replicated
from se_outcomes.study.sample import Sample

BY_OFFICE = ("estimate", "conf_low", "conf_high", "p_value")
#: The columns of ``PassageResult.offices``.
OFFICE_COLUMNS = (
    "contrast",
    "adjustment",
    "n_offices",
    "effective_offices",
    "largest_leverage",
    "largest_share",
    "cr2_dof",
    *(f"by_office_{name}" for name in BY_OFFICE),
)


@dataclass(frozen=True, eq=False)
class Judged:
    """A contrast and its tests.

    Attributes
    ----------
    labels : dict
        ``term``, ``contrast``, ``adjustment``.
    column : int
        The coefficient's number.
    verdicts : Verdicts
    evidence : dict
        Numbers of :data:`OFFICE_COLUMNS`.
    """

    labels: dict[str, str]
    column: int
    verdicts: Verdicts
    evidence: dict[str, float]


def judge(replicated: Replicated, column: int, contrast: str, adjustment: str, sample: Sample) -> Judged:
    """Test a coefficient, and look at what each office contributes to it."""
    labels = {"term": sample.exposure, "contrast": contrast, "adjustment": adjustment}
    verdicts = judge_coefficient(replicated, column)
    return Judged(labels, column, verdicts, _evidence(replicated, column, sample))


def _evidence(replicated: Replicated, column: int, sample: Sample) -> dict[str, float]:
    """The numbers of a row of ``offices``."""
    fit = replicated.fit
    constant = None if sample.office_effects else len(fit.beta) - 1
    found = diagnose_clusters(fit, column, constant=constant)
    common = found.effective_common
    evidence = {
        "n_offices": float(found.n_clusters),
        # offices that differ as wholes where they are compared, else offices with slopes of their own
        "effective_offices": found.effective_slopes if common is None else common,
        "largest_leverage": float(found.partial_leverage.max()),
        "largest_share": found.largest_share,
        "cr2_dof": found.satterthwaite,
    }
    return evidence | _by_office(replicated, column, sample)


def _by_office(replicated: Replicated, column: int, sample: Sample) -> dict[str, float]:
    """Ibragimov and Mueller's test, where every office can be asked by itself."""
    missing = {f"by_office_{name}": np.nan for name in BY_OFFICE}
    if sample.office_level:
        return missing
    try:
        found = ibragimov_mueller(by_cluster(replicated.fit, column))
    except EstimationError:
        return missing
    return {f"by_office_{name}": float(getattr(found, name)) for name in BY_OFFICE}


def describe_offices(judged: Sequence[Judged]) -> pd.DataFrame:
    """The frame of :data:`OFFICE_COLUMNS`."""
    rows = [{**one.labels, **one.evidence} for one in judged]
    return pd.DataFrame(rows, columns=list(OFFICE_COLUMNS)).astype({"n_offices": int})


def say_disagreement(judged: Sequence[Judged]) -> tuple[Notice, ...]:
    """A sentence where the tests that hold with few offices lie on both sides of 5 %."""
    if not any(one.verdicts.disagree for one in judged):
        return ()
    return (
        Notice(
            "tests_disagree",
            "For some contrasts the tests that are made for few offices (score bootstrap, jackknife, CR2) lie on both "
            "sides of 5 %: what is found there hangs on the test, and the interval says more than the verdict.",
        ),
    )
