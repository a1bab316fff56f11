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
