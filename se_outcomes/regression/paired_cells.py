"""Cells of two equations that share their errors: a gate (or first outcome) and an outcome, seen for some or all.

A cell is a distinct row with its count. What it contributes depends on which equations it is in:

* ``joint``: both outcomes are seen and both equations have the cell;
* ``gate``: the gate's outcome alone (not selected, or an office whose outcome does not vary);
* ``outcome``: the outcome alone (an office whose gate does not vary).

An office intercept that would run off to plus or minus infinity because nothing varies in that office and equation
leaves only the other equation's share of the likelihood behind, which is what these blocks hold: the supremum over
such an intercept is exact, not an approximation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from se_outcomes.errors import EstimationError

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
Flags = NDArray[np.bool_]

#: Rows worked on at a time: what one pass makes of them stays in the processor's cache.
CHUNK = 8_192


@dataclass(frozen=True, eq=False)
class Block:
    """Cells of one kind, sorted by cluster and within it by intercept group.

    Attributes
    ----------
    kind : str
        ``"joint"``, ``"gate"`` or ``"outcome"``.
    s, y : (n,) arrays
        Signs (-1, 1) of the gate's outcome and of the outcome; 0 for an outcome that is not seen.
    Z, X : (n, kz) and (n, kx) arrays
        Designs of the gate and of the outcome.
    counts : (n,) array
        Cases.
    cluster, group : (n,) integer arrays
        Positions of the cell's cluster and intercept group; all zero where there are none.
    """

    kind: str
    s: Floats
    y: Floats
    Z: Floats
    X: Floats
    counts: Floats
    cluster: Codes
    group: Codes

    def __len__(self) -> int:
        return len(self.counts)

    @cached_property
    def chunks(self) -> tuple[Chunk, ...]:
        """The block in pieces of at most ``CHUNK`` rows."""
        return tuple(
            Chunk(self, slice(start, min(start + CHUNK, len(self)))) for start in range(0, len(self), CHUNK)
        )

    def take(self, keep: Flags | Codes | slice) -> Block:
        """Some of the rows, as they are."""
        return Block(
            self.kind,
            self.s[keep],
            self.y[keep],
            self.Z[keep],
            self.X[keep],
            self.counts[keep],
            self.cluster[keep],
            self.group[keep],
        )


@dataclass(frozen=True, eq=False)
class Chunk:
    """Consecutive rows of a block, with where its intercept groups start."""

    block: Block
    rows: slice

    @cached_property
    def s(self) -> Floats:
        """Signs of the gate's outcome."""
        return self.block.s[self.rows]

    @cached_property
    def y(self) -> Floats:
        """Signs of the outcome."""
        return self.block.y[self.rows]

    @cached_property
    def Z(self) -> Floats:
        """Gate design."""
        return self.block.Z[self.rows]

    @cached_property
    def X(self) -> Floats:
        """Outcome design."""
        return self.block.X[self.rows]

    @cached_property
    def counts(self) -> Floats:
        """Cases."""
        return self.block.counts[self.rows]

    @cached_property
    def group(self) -> Codes:
        """Intercept group of each row."""
        return self.block.group[self.rows]

    @cached_property
    def _runs(self) -> tuple[Codes, Codes]:
        return _runs_of(self.group)

    @cached_property
    def _cluster_runs(self) -> tuple[Codes, Codes]:
        return _runs_of(self.block.cluster[self.rows])

    def add_by_group(self, target: Floats, values: Floats) -> None:
        """Add row values (n, ...) to their groups' rows of ``target`` (q, ...)."""
        starts, groups = self._runs
        target[groups] += np.add.reduceat(values, starts, axis=0)  # a group is one run: sorted

    @property
    def clusters(self) -> Iterator[tuple[int, slice]]:
        """Every cluster (position) of the chunk with its rows, counted from the chunk's first."""
        starts, clusters = self._cluster_runs
        ends = np.append(starts[1:], len(self.counts))
        for cluster, start, end in zip(clusters, starts, ends, strict=True):
            yield int(cluster), slice(int(start), int(end))

    def add_by_cluster(self, target: Floats, values: Floats) -> None:
        """Add row values (n, ...) to their clusters' rows of ``target`` (G, ...)."""
        starts, clusters = self._cluster_runs
        target[clusters] += np.add.reduceat(values, starts, axis=0)


def _runs_of(codes: Codes) -> tuple[Codes, Codes]:
    """First positions and codes of the runs of equal codes."""
    starts = np.flatnonzero(np.append(True, codes[1:] != codes[:-1]))
    return starts, codes[starts]


@dataclass(frozen=True, eq=False)
class PairedCells:
    """Everything two equations are estimated from.

    Attributes
    ----------
    joint, gate, outcome : Block
        The three kinds of cells; each may be empty.
    cluster_codes, group_codes : (G,), (q,) integer arrays
        Codes of the clusters and of the intercept groups (none without ``intercepts``) as the caller gave them.
    group_cluster : (q,) integer array
        The cluster's position for each group.
    in_gate, in_outcome : (q,) bool arrays
        Whether the group has an intercept in the equation.
    n_left_out : dict
        ``groups_gate``, ``cases_gate``, ``groups_outcome``, ``cases_outcome``: groups without variation in an
        equation and their cases, which left that equation; ``cases``: those in neither.
    """

    joint: Block
    gate: Block
    outcome: Block
    cluster_codes: Codes
    group_codes: Codes
    group_cluster: Codes
    in_gate: Flags
    in_outcome: Flags
    n_left_out: dict[str, int]

    @property
    def widths(self) -> tuple[int, int]:
        """Columns of Z and X."""
        return self.joint.Z.shape[1], self.joint.X.shape[1]

    @property
    def n_groups(self) -> int:
        """Intercept groups, q."""
        return len(self.group_codes)

    @property
    def n_clusters(self) -> int:
        """Clusters, G."""
        return len(self.cluster_codes)

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The blocks that are not empty."""
        return tuple(block for block in (self.joint, self.gate, self.outcome) if len(block))

    @property
    def n_cells(self) -> int:
        """Cells in all."""
        return sum(len(block) for block in self.blocks)

    @cached_property
    def chunks(self) -> tuple[Chunk, ...]:
        """All blocks in pieces."""
        return tuple(chunk for block in self.blocks for chunk in block.chunks)

    def sample(self, n: int) -> PairedCells:
        """About n of the cells, taken at random but always the same from the same cells."""
        rng = np.random.default_rng(0)

        def some(block: Block) -> Block:
            size = min(len(block), round(n * len(block) / self.n_cells))
            return block.take(np.sort(rng.permutation(len(block))[:size]))

        return replace(self, joint=some(self.joint), gate=some(self.gate), outcome=some(self.outcome))

    def of_cluster(self, cluster: int) -> Iterator[Block]:
        """The blocks' rows of one cluster (a position)."""
        for block in self.blocks:
            first, last = np.searchsorted(block.cluster, [cluster, cluster + 1])
            if last > first:
                yield block.take(slice(first, last))

    def without_cluster(self, cluster: int) -> PairedCells:
        """The cells without one cluster (a position), whose intercepts leave with it."""
        if not 0 <= cluster < self.n_clusters:
            raise IndexError(f"cluster {cluster} of {self.n_clusters}")
        stay = self.group_cluster != cluster
        renumbered = np.cumsum(stay) - 1 if self.n_groups else np.zeros(1, dtype=np.int64)

        def rest(block: Block) -> Block:
            kept = block.take(block.cluster != cluster)
            shifted = kept.cluster - (kept.cluster > cluster)
            return Block(
                kept.kind, kept.s, kept.y, kept.Z, kept.X, kept.counts, shifted, renumbered[kept.group]
            )

        group_cluster = self.group_cluster[stay]
        return PairedCells(
            joint=rest(self.joint),
            gate=rest(self.gate),
            outcome=rest(self.outcome),
            cluster_codes=np.delete(self.cluster_codes, cluster),
            group_codes=self.group_codes[stay],
            group_cluster=group_cluster - (group_cluster > cluster),
            in_gate=self.in_gate[stay],
            in_outcome=self.in_outcome[stay],
            n_left_out=self.n_left_out,
        )


def arrange_pairs(
    s: ArrayLike,
    Z: ArrayLike,
    y: ArrayLike,
    X: ArrayLike,
    *,
    seen: Flags,
    counts: ArrayLike | None = None,
    clusters: ArrayLike | None = None,
    intercepts: ArrayLike | None = None,
    binary: bool = True,
) -> PairedCells:
    """Check the arrays and sort them into blocks.

    Parameters
    ----------
    s, y : (n,) arrays
        Outcomes of the two equations, 0 or 1; ``y`` is read where ``seen`` only.
    Z, X : (n, kz) and (n, kx) arrays
        Their designs; X is needed where ``seen``.
    seen : (n,) bool array
        Where the second outcome is observed.
    counts, clusters, intercepts : (n,) arrays, optional
        Cases of each row; integer codes of clusters; integer codes of groups with intercepts of their own.
    binary : bool
        Whether y is 0 or 1 (else any number, and every group has variation that has two seen cases).

    Raises
    ------
    ValueError
        On arrays of the wrong shape or with impossible values.
    EstimationError
        ``no_cases``; ``no_variation`` in either equation; ``no_variation_within_offices`` in every group.
    """
    s, Z, y, X, counts = _checked(s, Z, y, X, seen, counts, binary)
    cluster = _codes(clusters, len(s), "clusters")
    group = _codes(intercepts, len(s), "intercepts")
    if not (counts > 0).all():
        keep = counts > 0
        s, Z, y, X, counts, seen = s[keep], Z[keep], y[keep], X[keep], counts[keep], seen[keep]
        cluster = None if cluster is None else cluster[keep]
        group = None if group is None else group[keep]
    _refuse_no_variation(s, y[seen], binary)
    if cluster is not None or group is not None:
        order = np.lexsort([codes for codes in (group, cluster) if codes is not None])
        s, Z, y, X, counts, seen = s[order], Z[order], y[order], X[order], counts[order], seen[order]
        cluster = None if cluster is None else cluster[order]
        group = None if group is None else group[order]
    return _sorted_into_blocks(s, Z, y, X, counts, seen, cluster, group, binary)


def _sorted_into_blocks(
    s: Floats,
    Z: Floats,
    y: Floats,
    X: Floats,
    counts: Floats,
    seen: Flags,
    cluster: Codes | None,
    group: Codes | None,
    binary: bool,
) -> PairedCells:
    """Blocks from arrays in order; which intercepts exist is decided group by group."""
    cluster_codes, cluster_position = _positions(cluster, len(s))
    if group is None:
        group_codes, group_position = np.zeros(0, dtype=np.int64), np.zeros(len(s), dtype=np.int64)
        in_gate = in_outcome = np.ones(1, dtype=bool)
        group_cluster = np.zeros(0, dtype=np.int64)
    else:
        group_codes, group_position = _positions(group, len(s))
        group_cluster = _cluster_of_group(group_position, cluster_position, len(group_codes))
        in_gate = _varies(group_position, len(group_codes), s, counts)
        varies = _varies if binary else _two_cases
        in_outcome = varies(group_position[seen], len(group_codes), y[seen], counts[seen])
    gate_here, outcome_here = in_gate[group_position], in_outcome[group_position]
    _refuse_no_variation_within(s[gate_here], y[seen & outcome_here], group is not None)
    sign_s, sign_y = 2 * s - 1, np.where(seen, 2 * y - 1, 0.0) if binary else np.where(seen, y, 0.0)

    everything = Block("all", sign_s, sign_y, Z, X, counts, cluster_position, group_position)

    def block(kind: str, rows: Flags) -> Block:
        return replace(everything.take(rows), kind=kind)

    return PairedCells(
        joint=block("joint", seen & gate_here & outcome_here),
        gate=block("gate", gate_here & ~(seen & outcome_here)),
        outcome=block("outcome", seen & outcome_here & ~gate_here),
        cluster_codes=cluster_codes,
        group_codes=group_codes,
        group_cluster=group_cluster,
        in_gate=in_gate[: len(group_codes)],
        in_outcome=in_outcome[: len(group_codes)],
        n_left_out={
            "groups_gate": int((~in_gate).sum()),
            "cases_gate": round(float(counts[~gate_here].sum())),
            "groups_outcome": int((~in_outcome).sum()),
            "cases_outcome": round(float(counts[seen & ~outcome_here].sum())),
            "cases": round(float(counts[~gate_here & ~(seen & outcome_here)].sum())),
        },
    )


def _positions(codes: Codes | None, n: int) -> tuple[Codes, Codes]:
    """Distinct codes in the order of their blocks, and each row's position among them."""
    if codes is None:
        return np.zeros(1, dtype=np.int64), np.zeros(n, dtype=np.int64)
    new = np.append(True, codes[1:] != codes[:-1])
    found = codes[new]
    if len(found) != len(np.unique(found)):
        raise ValueError("every intercept group must lie in one cluster")
    return found, np.cumsum(new) - 1


def _cluster_of_group(group: Codes, cluster: Codes, n_groups: int) -> Codes:
    owner = np.zeros(n_groups, dtype=np.int64)
    owner[group] = cluster
    return owner


def _varies(group: Codes, n_groups: int, outcome: Floats, counts: Floats) -> Flags:
    """Which groups have both outcomes."""
    events = np.bincount(group, outcome * counts, minlength=n_groups)
    others = np.bincount(group, (1 - outcome) * counts, minlength=n_groups)
    return (events > 0) & (others > 0)


def _two_cases(group: Codes, n_groups: int, outcome: Floats, counts: Floats) -> Flags:
    """Which groups have at least two cases with an outcome: one alone is fitted exactly by its intercept."""
    return np.bincount(group, counts, minlength=n_groups) >= 2


def _refuse_no_variation(s: Floats, y: Floats, binary: bool) -> None:
    if not len(s):
        raise EstimationError("There are no cases to estimate from.", reason="no_cases")
    if s.min() == s.max():
        raise EstimationError(
            "Nobody, or everybody, passed the gate: there is no selection to correct for. "
            "Estimate the outcome without a selection model.",
            reason="no_variation",
        )
    if not len(y):
        raise EstimationError("No outcome is seen.", reason="no_cases")
    if y.min() == y.max():
        what = "All cases with an outcome have the same one" if binary else "The outcome is constant"
        raise EstimationError(f"{what}: there is nothing to explain.", reason="no_variation")


def _refuse_no_variation_within(s: Floats, y: Floats, grouped: bool) -> None:
    if grouped and (not len(s) or not len(y)):
        where = "gate" if not len(s) else "outcome"
        raise EstimationError(
            f"Within every group that has an intercept of its own the {where} is the same for all: nothing can be "
            "compared within groups. Fit without group intercepts.",
            reason="no_variation_within_offices",
        )


def _checked(
    s: ArrayLike,
    Z: ArrayLike,
    y: ArrayLike,
    X: ArrayLike,
    seen: Flags,
    counts: ArrayLike | None,
    binary: bool,
) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    s, y = np.asarray(s, dtype=float), np.asarray(y, dtype=float)
    Z, X = np.asarray(Z, dtype=float), np.asarray(X, dtype=float)
    n = len(s)
    if (
        s.shape != (n,)
        or y.shape != (n,)
        or any(D.ndim != 2 or len(D) != n or not D.shape[1] for D in (Z, X))
    ):
        raise ValueError(
            f"the two outcomes must be (n,) and their designs (n, k) with k > 0; got {s.shape}, {y.shape}, "
            f"{Z.shape} and {X.shape}"
        )
    counts = np.ones(n) if counts is None else np.asarray(counts, dtype=float)
    if counts.shape != (n,) or not np.isfinite(counts).all() or (counts < 0).any():
        raise ValueError("counts must be (n,), finite and not negative")
    if not _zero_or_one(s):
        raise ValueError("the gate must be 0 or 1 everywhere, without missing values")
    if binary and not _zero_or_one(y[seen]):
        raise ValueError("the outcome must be 0 or 1 wherever it is seen, without missing values")
    if not np.isfinite(y[seen]).all():
        raise ValueError("the outcome must be finite wherever it is seen")
    if not np.isfinite(Z).all() or not np.isfinite(X[seen]).all():
        raise ValueError("the designs must be finite, X at least wherever the outcome is seen")
    return s, Z, y, X, counts


def _zero_or_one(values: Floats) -> bool:
    return bool(((values == 0) | (values == 1)).all())


def _codes(codes: ArrayLike | None, n: int, name: str) -> Codes | None:
    if codes is None:
        return None
    array = np.asarray(codes)
    if array.shape != (n,) or not np.issubdtype(array.dtype, np.integer):
        raise ValueError(f"{name} must be (n,) integer codes")
    return array.astype(np.int64)
