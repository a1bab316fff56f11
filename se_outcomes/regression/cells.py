"""Cells: distinct rows with counts, in the order that makes sums by cluster and by intercept group cheap."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from se_outcomes.errors import EstimationError

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Cells:
    """n cells in blocks: sorted by cluster, within it by intercept group.

    Attributes
    ----------
    y, counts, sign : (n,) arrays
        Outcome (0 or 1), number of cases, and 2y - 1.
    X : (n, k) array
        Design without the group intercepts.
    cluster, group : (n,) integer arrays
        Positions in ``cluster_codes`` and ``group_codes``; ``group`` is None without group intercepts.
    cluster_starts, group_starts : arrays
        First cell of each block.
    cluster_codes, group_codes : arrays
        The codes as the caller gave them.
    n_groups_left_out, n_cases_left_out : int
        Groups without variation in y, and their cases, which are no longer among the cells.
    """

    y: Floats
    X: Floats
    counts: Floats
    sign: Floats
    cluster: Codes
    group: Codes | None
    cluster_starts: Codes
    group_starts: Codes
    cluster_codes: Codes
    group_codes: Codes
    n_groups_left_out: int = 0
    n_cases_left_out: int = 0

    def spread(self, values: Floats) -> Floats | float:
        """Group values (groups,) at every cell (n,); 0.0 without groups."""
        return 0.0 if self.group is None else values[self.group]

    def group_sums(self, values: Floats) -> Floats:
        """Sums of cell values (n, ...) by intercept group (groups, ...); no rows without groups."""
        if self.group is None:
            return np.zeros((0, *values.shape[1:]))
        return np.add.reduceat(values, self.group_starts, axis=0)

    def cluster_sums(self, values: Floats) -> Floats:
        """Sums of cell values (n, ...) by cluster (G, ...)."""
        return np.add.reduceat(values, self.cluster_starts, axis=0)

    def group_clusters(self) -> Codes:
        """The cluster (position) that each intercept group lies in."""
        return self.cluster[self.group_starts] if self.group is not None else np.zeros(0, dtype=np.int64)

    def kept_groups(self, without: int) -> NDArray[np.bool_]:
        """Which intercept groups remain without a cluster."""
        return self.group_clusters() != without

    def gram(self) -> tuple[Floats, Floats]:
        """X'NX with N the counts (k, k), raw and after the group means are taken out."""
        weighted = self.X * self.counts[:, None]
        raw = self.X.T @ weighted
        sums, sizes = self.group_sums(weighted), self.group_sums(self.counts)
        return raw, raw - sums.T @ (sums / sizes[:, None])

    def profile(self, residual: Floats, weight: Floats) -> tuple[Floats, Floats]:
        """Scores (G, k) and information (G, k, k) by cluster after the intercepts are profiled out.

        Parameters
        ----------
        residual, weight : (n,) arrays
            Derivative of the log-likelihood by the linear predictor, and minus the second, counts included.
        """
        scores = self.cluster_sums(self.X * residual[:, None])
        ends = np.append(self.cluster_starts[1:], len(self.y))
        # cluster by cluster: an (n, k, k) array would not fit where the cells are many
        blocks = [slice(start, end) for start, end in zip(self.cluster_starts, ends, strict=True)]
        information = np.stack([self.X[block].T @ (self.X[block] * weight[block, None]) for block in blocks])
        group_score, group_weight = self.group_sums(residual), self.group_sums(weight)
        cross = self.group_sums(self.X * weight[:, None])
        owner = self.group_clusters()
        np.subtract.at(scores, owner, cross * (group_score / group_weight)[:, None])
        np.subtract.at(information, owner, cross[:, :, None] * (cross / group_weight[:, None])[:, None, :])
        return scores, information


def arrange_cells(
    y: ArrayLike,
    X: ArrayLike,
    *,
    counts: ArrayLike | None = None,
    clusters: ArrayLike | None = None,
    intercepts: ArrayLike | None = None,
) -> Cells:
    """Check the arrays, sort them into blocks, and leave out intercept groups without variation in y.

    Raises
    ------
    ValueError
        On arrays of the wrong shape or with impossible values (not 0/1 outcomes, missing or infinite entries,
        negative counts), and where an intercept group lies in several clusters.
    EstimationError
        ``no_cases``, ``no_variation`` (one outcome only) or ``no_variation_within_offices`` (in every group).
    """
    y, X, counts = _checked(y, X, counts)
    cluster = np.zeros(len(y), dtype=np.int64) if clusters is None else _codes(clusters, len(y), "clusters")
    group = None if intercepts is None else _codes(intercepts, len(y), "intercepts")
    keep = counts > 0
    y, X, counts, cluster = y[keep], X[keep], counts[keep], cluster[keep]
    group = None if group is None else group[keep]
    _refuse_no_variation(y)
    left_out = (0, 0)
    if group is not None:
        varies, left_out = _groups_with_variation(y, counts, group)
        y, X, counts, cluster, group = y[varies], X[varies], counts[varies], cluster[varies], group[varies]
    order = np.argsort(cluster, kind="stable") if group is None else np.lexsort((group, cluster))
    return _blocks(
        y[order], X[order], counts[order], cluster[order], None if group is None else group[order], left_out
    )


def without_cluster(cells: Cells, cluster: int) -> Cells:
    """The cells without one cluster (a position 0 ... G - 1).

    Raises
    ------
    IndexError
        If there is no such cluster.
    EstimationError
        If nothing, or one outcome only, is left.
    """
    return _part(cells, cells.cluster != _require_cluster(cells, cluster))


def only_cluster(cells: Cells, cluster: int) -> Cells:
    """The cells of one cluster (a position 0 ... G - 1); errors as :func:`without_cluster`."""
    return _part(cells, cells.cluster == _require_cluster(cells, cluster))


def _require_cluster(cells: Cells, cluster: int) -> int:
    if not 0 <= cluster < len(cells.cluster_codes):
        raise IndexError(f"cluster {cluster} of {len(cells.cluster_codes)}")
    return cluster


def _part(cells: Cells, keep: NDArray[np.bool_]) -> Cells:
    """The cells marked, whole clusters at a time."""
    _refuse_no_variation(cells.y[keep])
    group = None if cells.group is None else cells.group_codes[cells.group[keep]]
    codes = cells.cluster_codes[cells.cluster[keep]]
    left_out = (cells.n_groups_left_out, cells.n_cases_left_out)
    return _blocks(cells.y[keep], cells.X[keep], cells.counts[keep], codes, group, left_out)


def _blocks(
    y: Floats, X: Floats, counts: Floats, cluster: Codes, group: Codes | None, left_out: tuple[int, int]
) -> Cells:
    """The record, from arrays that are already in order."""
    cluster_codes, cluster_starts, cluster_positions = _runs(cluster)
    none = np.zeros(0, dtype=np.int64)
    group_codes, group_starts, group_positions = (none, none, None) if group is None else _runs(group)
    if len(group_codes) != len(np.unique(group_codes)):
        raise ValueError("every intercept group must lie in one cluster")
    return Cells(
        y=y,
        X=X,
        counts=counts,
        sign=2 * y - 1,
        cluster=cluster_positions,
        group=group_positions,
        cluster_starts=cluster_starts,
        group_starts=group_starts,
        cluster_codes=cluster_codes,
        group_codes=group_codes,
        n_groups_left_out=left_out[0],
        n_cases_left_out=left_out[1],
    )


def _runs(codes: Codes) -> tuple[Codes, Codes, Codes]:
    """Codes, first positions and run numbers of the runs of equal codes."""
    new = np.append(True, codes[1:] != codes[:-1])
    starts = np.flatnonzero(new)
    return codes[starts], starts, np.cumsum(new) - 1


def _groups_with_variation(
    y: Floats, counts: Floats, group: Codes
) -> tuple[NDArray[np.bool_], tuple[int, int]]:
    _, position = np.unique(group, return_inverse=True)
    cases, events = np.bincount(position, counts), np.bincount(position, counts * y)
    varies = (events > 0) & (events < cases)
    if not varies.any():
        raise EstimationError(
            "Within every group that has an intercept of its own all cases have the same outcome: nothing "
            "can be compared within groups. Fit without group intercepts.",
            reason="no_variation_within_offices",
        )
    return varies[position], (int((~varies).sum()), round(cases[~varies].sum()))


def _refuse_no_variation(y: Floats) -> None:
    if not len(y):
        raise EstimationError("There are no cases to estimate from.", reason="no_cases")
    if y.min() == y.max():
        raise EstimationError(
            "All cases have the same outcome: there is nothing to explain.", reason="no_variation"
        )


def _checked(y: ArrayLike, X: ArrayLike, counts: ArrayLike | None) -> tuple[Floats, Floats, Floats]:
    y, X = np.asarray(y, dtype=float), np.asarray(X, dtype=float)
    if y.ndim != 1 or X.ndim != 2 or len(X) != len(y) or X.shape[1] == 0:
        raise ValueError(f"y must be (n,) and X (n, k) with k > 0; got {y.shape} and {X.shape}")
    counts = np.ones(len(y)) if counts is None else np.asarray(counts, dtype=float)
    if counts.shape != y.shape or not np.isfinite(counts).all() or (counts < 0).any():
        raise ValueError("counts must be (n,), finite and not negative")
    if not np.isin(y, (0.0, 1.0)).all():
        raise ValueError("y must be 0 or 1 everywhere, without missing values")
    if not np.isfinite(X).all():
        raise ValueError("X must be finite everywhere, without missing values")
    return y, X, counts


def _codes(codes: ArrayLike, n: int, name: str) -> Codes:
    array = np.asarray(codes)
    if array.shape != (n,) or not np.issubdtype(array.dtype, np.integer):
        raise ValueError(f"{name} must be (n,) integer codes")
    return array.astype(np.int64)
