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
from numpy.typing import NDArray

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
