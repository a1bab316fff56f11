"""What few-office inference asks of a fit: scores and information by cluster, and refits. Any likelihood will do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from se_outcomes.errors import EstimationError

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


class ClusteredFit(Protocol):
    """A maximised likelihood of k parameters on G clusters; group intercepts are profiled out."""

    @property
    def parameters(self) -> Floats:
        """Parameters (k,)."""

    @property
    def free(self) -> Flags:
        """Parameters (k,) that were maximised over; False where restricted, held, or at the end of their range."""

    @property
    def held(self) -> Flags:
        """Parameters (k,) that the data at hand say nothing about."""

    @property
    def scores(self) -> Floats:
        """Score by cluster (G, k)."""

    @property
    def information(self) -> Floats:
        """Information by cluster (G, k, k)."""

    @property
    def clusters(self) -> NDArray[np.int64]:
        """The clusters' codes (G,), in the order of ``scores``."""

    @property
    def cluster_sizes(self) -> Floats:
        """Their cases (G,)."""

    @property
    def n_cases(self) -> int:
        """Cases in the equation."""

    def refit(self, *, without: int | None = None, restrict: Mapping[int, float] | None = None) -> Any:
        """The fit without a cluster, or with parameters (by number) held at values."""

    def approximate(self, *, without: int) -> Any:
        """The one-step fit without a cluster."""


def require_two_clusters(n_clusters: int) -> None:
    """Refuse what one cluster cannot tell.

    Raises
    ------
    EstimationError
        ``one_office``.
    """
    if n_clusters < 2:
        raise EstimationError(
            "Variation between clusters cannot be measured in one cluster. Two are the least; more are "
            "better.",
            reason="one_office",
        )


#: A direction with less information than this, of a unit diagonal's, has none.
NO_INFORMATION, INVOLVED = 1e-9, 1e-6


def known_from_one_cluster(fit: ClusteredFit) -> Flags:
    """Parameters (k,) about which nothing would be known without some one cluster.

    Nothing tells how such a parameter varies between clusters: a jackknife holds it, CR2 and CV1 find nearly no
    variance. It is one if, for some g, it takes part in a direction on which J - J_g has no information.

    Examples
    --------
    A level that one office alone has:

    >>> from se_outcomes.regression.logit import fit_logit
    >>> office, level = np.repeat([0, 1, 2], 4), np.array([0, 0, 1, 1] + [0, 0, 0, 0] * 2, float)
    >>> X = np.column_stack([np.ones(12), level])
    >>> fit = fit_logit([1, 0] * 6, X, counts=[3, 4] * 6, clusters=office)
    >>> known_from_one_cluster(fit)
    array([False,  True])
    """
    free = np.flatnonzero(fit.free)
    information = fit.information[:, free][:, :, free]
    total = information.sum(axis=0)
    scale = 1 / np.sqrt(np.maximum(np.diag(total), np.finfo(float).tiny))
    values, vectors = np.linalg.eigh((total - information) * scale[:, None] * scale)
    lost = (np.abs(vectors) * (values < NO_INFORMATION)[:, None, :]).max(axis=2) > INVOLVED  # (G, free)
    found = np.zeros(len(fit.free), dtype=bool)
    found[free] = lost.any(axis=0)
    return found
