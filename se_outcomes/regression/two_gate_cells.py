"""Cells of two gates and an outcome: referral, acceptance of the referred, placement.

A cell is a distinct row with its count. It contributes the probability of just those outcomes that are seen, so cells
with the same outcomes seen form a block. An office intercept that would run off to infinity
because nothing varies in that office and equation leaves only the other equations' share of the likelihood behind: the
office leaves that equation. The supremum over such an intercept is exact, not an approximation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from se_outcomes.errors import EstimationError
from se_outcomes.regression.cells import Cells, arrange_cells

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
Flags = NDArray[np.bool_]

EQUATIONS = ("referral", "acceptance", "placement")
#: Rows worked on at a time: what one pass makes of them stays in the processor's cache.
CHUNK = 8_192


@dataclass(frozen=True, eq=False)
class Block:
    """Cells with the same outcomes seen, sorted by cluster and within it by intercept group.

    Attributes
    ----------
    margins : tuple of int
        Equations (0 referral, 1 acceptance, 2 placement) that the cells are in.
    signs : (m, n) array
        Their outcomes there, -1 or 1.
    columns : (k, n) array
        The columns of these equations' designs, one equation after the other.
    widths : tuple of int
        How many each has.
    counts, cluster, group : (n,) arrays
        Cases; positions of the cluster and of the intercept group (zero where there are none).
    """

    margins: tuple[int, ...]
    signs: Floats
    columns: Floats
    widths: tuple[int, ...]
    counts: Floats
    cluster: Codes
    group: Codes

    def __len__(self) -> int:
        return len(self.counts)

    def part(self, rows: slice) -> Block:
        """Consecutive rows."""
        return replace(
            self,
            signs=self.signs[:, rows],
            columns=self.columns[:, rows],
            counts=self.counts[rows],
            cluster=self.cluster[rows],
            group=self.group[rows],
        )

    @cached_property
    def own_columns(self) -> tuple[slice, ...]:
        """Where each margin's columns are."""
        ends = np.cumsum(self.widths).tolist()
        return tuple(slice(end - width, end) for end, width in zip(ends, self.widths, strict=True))

    @cached_property
    def _runs(self) -> tuple[Codes, Codes]:
        return _runs_of(self.group)

    @property
    def groups(self) -> Codes:
        """Positions of the block's intercept groups."""
        return self._runs[1]

    def by_group(self, values: Floats) -> Floats:
        """Sums of values (..., n) over the rows of each of the ``groups``."""
        sums: Floats = np.add.reduceat(values, self._runs[0], axis=-1)  # a group is one run: sorted
        return sums

    @property
    def clusters(self) -> Iterator[tuple[int, slice]]:
        """Every cluster (position) of the block with its rows."""
        starts, clusters = _runs_of(self.cluster)
        ends = np.append(starts[1:], len(self))
        for cluster, start, end in zip(clusters, starts, ends, strict=True):
            yield int(cluster), slice(int(start), int(end))


def _runs_of(codes: Codes) -> tuple[Codes, Codes]:
    """First positions and codes of the runs of equal codes."""
    starts = np.flatnonzero(np.append(True, codes[1:] != codes[:-1]))
    return starts, codes[starts]


@dataclass(frozen=True, eq=False)
class TwoGateCells:
    """Everything the two gates and the placement are estimated from, sorted by cluster and intercept group.

    Attributes
    ----------
    signs : (n, 3) array
        Outcomes of referral, acceptance and placement: -1, 1, or 0 where not seen.
    referred : (n,) bool array
        Cells at risk of acceptance: the referred, or all where the gates are merged.
    designs : three (n, k) arrays
        Without columns for the referral where the gates are merged; the acceptance's is zero where not referred.
    counts, cluster, group : (n,) arrays
        Cases; positions of the cluster and of the intercept group (zero where there are none).
    cluster_codes, group_codes : (G,), (q,) integer arrays
        Codes as the caller gave them.
    group_cluster : (q,) integer array
        The cluster's position for each group.
    """

    signs: Floats
    referred: Flags
    designs: tuple[Floats, Floats, Floats]
    counts: Floats
    cluster: Codes
    group: Codes
    cluster_codes: Codes
    group_codes: Codes
    group_cluster: Codes

    @property
    def widths(self) -> tuple[int, int, int]:
        """Columns of each design."""
        first, second, third = (design.shape[1] for design in self.designs)
        return first, second, third

    @property
    def equations(self) -> tuple[int, ...]:
        """Equations there are: all three, or the last two where the gates are merged."""
        return tuple(equation for equation in range(3) if self.widths[equation])

    @property
    def n_groups(self) -> int:
        """Intercept groups, q."""
        return len(self.group_codes)

    @property
    def n_clusters(self) -> int:
        """Clusters, G."""
        return len(self.cluster_codes)

    @property
    def n_cells(self) -> int:
        """Cells in all."""
        return len(self.counts)

    @cached_property
    def limits(self) -> Floats:
        """Where each group's intercepts (q, 3) are: 0 in range; infinite without variation; NaN with nothing seen."""
        found = np.zeros((self.n_groups, 3))
        for equation in range(3):
            sign = self.signs[:, equation]
            ones, zeros = (
                np.bincount(self.group, self.counts * (sign == value), minlength=self.n_groups)[
                    : self.n_groups
                ]
                for value in (1, -1)
            )
            found[ones == 0, equation] = -np.inf
            found[zeros == 0, equation] = np.inf
            found[(ones == 0) & (zeros == 0), equation] = np.nan
        return found

    @property
    def present(self) -> Flags:
        """Whether the group has an intercept in the equation (q, 3)."""
        return self.limits == 0

    @cached_property
    def contributing(self) -> Floats:
        """``signs`` (n, 3) with 0 also where the cell's group left the equation."""
        return self.signs * self.present[self.group] if self.n_groups else self.signs

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """Cells by what is seen of them, in pieces of at most ``CHUNK`` rows."""
        pattern = (self.contributing != 0) @ np.array([4, 2, 1])
        found: list[Block] = []
        for code in np.unique(pattern[pattern > 0]):
            found += self._pieces(np.flatnonzero(pattern == code))
        return tuple(found)

    def _pieces(self, rows: Codes) -> list[Block]:
        margins = tuple(int(margin) for margin in np.flatnonzero(self.contributing[rows[0]]))
        designs = [self.designs[margin][rows] for margin in margins]
        whole = Block(
            margins,
            np.ascontiguousarray(self.contributing[rows][:, margins].T),
            np.ascontiguousarray(np.hstack(designs).T),
            tuple(design.shape[1] for design in designs),
            self.counts[rows],
            self.cluster[rows],
            self.group[rows],
        )
        return [whole.part(slice(start, start + CHUNK)) for start in range(0, len(rows), CHUNK)]

    @property
    def n_left_out(self) -> dict[str, int]:
        """Groups without variation in an equation and their cases, by equation; ``cases``: those in no equation."""
        found = {}
        for equation in self.equations:
            left = (self.signs[:, equation] != 0) & (self.contributing[:, equation] == 0)
            name = EQUATIONS[equation]
            found[f"groups_{name}"] = len(np.unique(self.group[left]))
            found[f"cases_{name}"] = round(float(self.counts[left].sum()))
        found["cases"] = round(float(self.counts[~self.contributing.any(axis=1)].sum()))
        return found

    def equation(self, equation: int) -> Cells:
        """One equation's cells by themselves.

        Raises
        ------
        EstimationError
            ``no_cases``, ``no_variation``, ``no_variation_within_offices``, with ``details["equation"]``.
        """
        rows = self.signs[:, equation] != 0
        with EquationNamed(equation):
            return arrange_cells(
                (self.signs[rows, equation] + 1) / 2,
                self.designs[equation][rows],
                counts=self.counts[rows],
                clusters=self.cluster[rows],
                intercepts=self.group[rows] if self.n_groups else None,
            )

    def sample(self, n: int) -> TwoGateCells:
        """About n of the cells, taken at random but always the same from the same cells."""
        size = min(n, self.n_cells)
        return self._take(np.sort(np.random.default_rng(0).permutation(self.n_cells)[:size]))

    def _take(self, rows: Codes | Flags) -> TwoGateCells:
        first, second, third = (design[rows] for design in self.designs)
        return replace(
            self,
            signs=self.signs[rows],
            referred=self.referred[rows],
            designs=(first, second, third),
            counts=self.counts[rows],
            cluster=self.cluster[rows],
            group=self.group[rows],
        )

    def without_cluster(self, cluster: int) -> TwoGateCells:
        """The cells without one cluster (a position), whose intercepts leave with it."""
        if not 0 <= cluster < self.n_clusters:
            raise IndexError(f"cluster {cluster} of {self.n_clusters}")
        rest = self._take(self.cluster != cluster)
        stay = self.group_cluster != cluster
        group_cluster = self.group_cluster[stay]
        return replace(
            rest,
            cluster=rest.cluster - (rest.cluster > cluster),
            group=(np.cumsum(stay) - 1)[rest.group] if self.n_groups else rest.group,
            cluster_codes=np.delete(self.cluster_codes, cluster),
            group_codes=self.group_codes[stay],
            group_cluster=group_cluster - (group_cluster > cluster),
        )


class EquationNamed:
    """A context in which refusals tell which equation they are about."""

    def __init__(self, equation: int) -> None:
        self.name = EQUATIONS[equation]

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, EstimationError):
            details = {**error.details, "equation": self.name}
            raise EstimationError(
                f"In the {self.name} equation: {error}", reason=error.reason, **details
            ) from error


# ------------------------------------------------------------------------------------------------ from arrays


def arrange_two_gates(
    placed: ArrayLike,
    X: ArrayLike,
    referred: ArrayLike | None,
    Z1: ArrayLike | None,
    accepted: ArrayLike,
    Z2: ArrayLike,
    *,
    counts: ArrayLike | None = None,
    clusters: ArrayLike | None = None,
    intercepts: ArrayLike | None = None,
) -> TwoGateCells:
    """Check the arrays and sort them.

    Parameters
    ----------
    placed, accepted : (n,) arrays
        0 or 1; NaN where not seen.
    referred : (n,) array or None
        0 or 1; None where the gates are merged. Who is not referred has no acceptance: it is not looked at.
    X, Z1, Z2 : (n, k) arrays
        Designs; Z2 is not looked at where not referred, Z1 is None where the gates are merged.

    Raises
    ------
    ValueError
        On arrays of the wrong shape or with impossible values.
    EstimationError
        ``no_cases``.
    """
    if (referred is None) != (Z1 is None):
        raise ValueError("referred and Z1 belong together: give both, or none where the gates are merged")
    n = len(np.atleast_1d(placed))
    if Z1 is not None:
        Z1 = _design(Z1, n, "Z1")
    at_risk = np.ones(n, dtype=bool) if referred is None else _outcome(referred, n, "referred", False) > 0
    first = np.zeros(n) if referred is None else 2.0 * at_risk - 1
    outcomes = [first, _signs(accepted, n, "accepted", at_risk), _signs(placed, n, "placed")]
    designs = (
        np.zeros((n, 0)) if Z1 is None else Z1,
        _design(Z2, n, "Z2", at_risk),
        _design(X, n, "X"),
    )
    weight = np.ones(n) if counts is None else np.asarray(counts, float)
    if weight.shape != (n,) or not np.isfinite(weight).all() or (weight < 0).any():
        raise ValueError("counts must be (n,), finite and not negative")
    if not (weight > 0).any():
        raise EstimationError("There are no cases to estimate from.", reason="no_cases")
    keep = np.flatnonzero(weight > 0)
    cluster_codes, cluster = _positions(clusters, keep, n, "clusters")
    group_codes, group = _positions(intercepts, keep, n, "intercepts")
    group_cluster = _owners(group, cluster) if intercepts is not None else np.zeros(0, dtype=np.int64)
    order = np.lexsort((group, cluster))
    rows = keep[order]
    return TwoGateCells(
        signs=np.column_stack(outcomes)[rows],
        referred=at_risk[rows],
        designs=(designs[0][rows], designs[1][rows], designs[2][rows]),
        counts=weight[rows],
        cluster=cluster[order],
        group=group[order],
        cluster_codes=cluster_codes,
        group_codes=group_codes if intercepts is not None else np.zeros(0, dtype=np.int64),
        group_cluster=group_cluster,
    )


def _outcome(values: ArrayLike, n: int, name: str, missing: bool) -> Floats:
    """Zeros and ones (n,), perhaps with missing values."""
    found = np.asarray(values, float)
    known = np.isin(found, (0.0, 1.0)) | (np.isnan(found) & missing)
    if found.shape != (n,) or not known.all():
        raise ValueError(f"{name} must be (n,) with values 0 and 1" + (", or NaN where not seen" * missing))
    return found


def _signs(values: ArrayLike, n: int, name: str, rows: Flags | None = None) -> Floats:
    """-1, 1, and 0 where not seen; looked at in ``rows`` only."""
    found = np.array(values, dtype=float)
    if rows is not None and found.shape == (n,):
        found[~rows] = np.nan
    return np.nan_to_num(2 * _outcome(found, n, name, True) - 1)


def _design(values: ArrayLike, n: int, name: str, rows: Flags | None = None) -> Floats:
    """A design (n, k); zero outside of ``rows``, where it is not looked at."""
    found = np.array(values, dtype=float)
    if found.ndim != 2 or len(found) != n or not found.shape[1]:
        raise ValueError(f"{name} must be (n, k) with n = {n} and k > 0; got {found.shape}")
    if rows is not None:
        found[~rows] = 0.0
    if not np.isfinite(found).all():
        where = "" if rows is None else " wherever referred"
        raise ValueError(f"{name} must be finite{where}")
    return found


def _positions(codes: ArrayLike | None, keep: Codes, n: int, name: str) -> tuple[Codes, Codes]:
    """Distinct codes of the rows kept, and each row's position among them."""
    if codes is None:
        return np.zeros(1, dtype=np.int64), np.zeros(len(keep), dtype=np.int64)
    array = np.asarray(codes)
    if array.shape != (n,) or not np.issubdtype(array.dtype, np.integer):
        raise ValueError(f"{name} must be (n,) integer codes")
    found, position = np.unique(array[keep].astype(np.int64), return_inverse=True)
    return found, position


def _owners(group: Codes, cluster: Codes) -> Codes:
    """The cluster of each group (q,)."""
    pairs = np.unique(np.column_stack([group, cluster]), axis=0)
    if len(pairs) > group.max() + 1:
        raise ValueError("every intercept group must lie in one cluster")
    return pairs[:, 1]
