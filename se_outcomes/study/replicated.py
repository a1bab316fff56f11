"""A fit with its office jackknife: maximum likelihood, or Firth's where columns separate, for every replicate alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from se_outcomes.errors import EstimationError
from se_outcomes.inference.cluster_covariance import bias_reduced
from se_outcomes.inference.clustered_fit import known_from_one_cluster
from se_outcomes.inference.jackknife import Jackknife, jackknife
from se_outcomes.regression.binary import BinaryFit
from se_outcomes.results import Notice
from se_outcomes.study.design import Design, fit_design, fit_penalised_design

Floats = NDArray[np.float64]

#: Where CR2's degrees of freedom are below this share of G - 1, few offices bear a contrast, and t has these: with
#: G - 1 a level that two of six offices compare is covered 84 % of the time.
FEW_BEAR = 0.5


@dataclass(frozen=True, eq=False)
class Replicated:
    """A fit, what was computed from it, the office jackknife of that, and what had to be said about it.

    Attributes
    ----------
    estimator : {"ml", "firth"}
        The same for the fit and all its replicates.
    office_level : bool
        Whether the exposure is the same throughout each office.
    warnings : tuple of Notice
    """

    fit: BinaryFit
    jackknife: Jackknife
    estimator: str
    office_level: bool
    warnings: tuple[Notice, ...]

    @cached_property
    def _effective(self) -> Floats:
        return bias_reduced(self.fit, np.eye(len(self.fit.beta))).dof

    @cached_property
    def alone(self) -> NDArray[np.bool_]:
        """Coefficients (k,) that one office alone tells: nothing says how they vary between offices."""
        return known_from_one_cluster(self.fit)

    def dof(self, column: int = 0) -> float:
        """Degrees of freedom of the jackknife's t for a coefficient.

        G - 1; the effective ones (CR2's) where the exposure is the office's, or where they are fewer than half of it
        because few offices bear the contrast.
        """
        offices, effective = self.jackknife.dof, float(self._effective[column])
        few = self.office_level or effective < FEW_BEAR * offices
        return min(offices, effective) if few else offices


def replicate(design: Design, functional: Callable[[BinaryFit], Floats], what: str) -> Replicated:
    """Fit a design and jackknife a functional of it (CV3).

    Where the fit or a replicate separates, fit and replicates are Firth's; where a replicate fails otherwise, its
    linear form (CV3L) is taken, with a sentence. Replicates are never dropped.
    """
    fit, said = fit_or_penalise(design, what)
    if said:
        return _replicate_penalised(design, functional, fit, said)
    try:
        return _replicated(design, fit, jackknife(functional, fit), "ml", ())
    except EstimationError as failure:
        if failure.reason == "separation":
            said = (_say_penalised_replicates(what, failure),)
            return _replicate_penalised(design, functional, fit_penalised_design(design), said)
        if "n_failed" not in failure.details:
            raise
        return _replicated(
            design, fit, jackknife(functional, fit, kind="CV3L"), "ml", (_say_linear(what, failure),)
        )


def fit_or_penalise(design: Design, what: str) -> tuple[BinaryFit, tuple[Notice, ...]]:
    """The logit, or where columns separate Firth's with a sentence."""
    try:
        return fit_design(design), ()
    except EstimationError as refusal:
        if refusal.reason != "separation":
            raise
        return fit_penalised_design(design), (_say_penalised(what, refusal),)


def _replicate_penalised(
    design: Design, functional: Callable[[BinaryFit], Floats], fit: BinaryFit, said: tuple[Notice, ...]
) -> Replicated:
    try:
        return _replicated(design, fit, jackknife(functional, fit), "firth", said)
    except EstimationError as failure:
        if "n_failed" not in failure.details:
            raise
        linear = _say_linear(str(said[0].parts["what"]), failure)
        return _replicated(design, fit, jackknife(functional, fit, kind="CV3L"), "firth", (*said, linear))


def _replicated(
    design: Design, fit: BinaryFit, found: Jackknife, estimator: str, warnings: tuple[Notice, ...]
) -> Replicated:
    return Replicated(fit, found, estimator, design.office_level, warnings)


def _say_penalised(what: str, refusal: EstimationError) -> Notice:
    return Notice(
        "penalised",
        "{what}: {levels} predicts the outcome without error for some of the cases (separation), so no finite odds "
        "ratio fits best; Firth's penalised logit is used, for every replicate too.",
        what=what,
        columns=" and ".join(str(column) for column in _listed(refusal, "columns")),
        levels=" and ".join(str(level) for level in _listed(refusal, "levels")),
    )


def _say_penalised_replicates(what: str, failure: EstimationError) -> Notice:
    return Notice(
        "penalised_replicates",
        "{what}: without one office at a time the outcome is predicted without error for {n_failed} of {n_clusters} "
        "offices (separation); Firth's penalised logit is used, for the full fit too.",
        what=what,
        n_failed=failure.details["n_failed"],
        n_clusters=failure.details["n_clusters"],
    )


def _say_linear(what: str, failure: EstimationError) -> Notice:
    return Notice(
        "linear_jackknife",
        "{what}: without one office at a time the model cannot be fitted for {n_failed} of {n_clusters} "
        "offices ({why}), so the refitting jackknife (CV3) does not exist; its linear form (CV3L), which "
        "may be too narrow, is given instead.",
        what=what,
        n_failed=failure.details["n_failed"],
        n_clusters=failure.details["n_clusters"],
        why=failure.reason.replace("_", " "),
    )


def _listed(refusal: EstimationError, name: str) -> tuple[object, ...]:
    found = refusal.details.get(name, ())
    return found if isinstance(found, tuple) else (found,)
