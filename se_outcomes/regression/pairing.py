"""From the caller's arrays to the cells of two equations: checked, sorted, and put into blocks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from se_outcomes.errors import EstimationError
from se_outcomes.regression.paired_cells import Block, PairedCells

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
Flags = NDArray[np.bool_]


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
            "groups_outcome": int((~in_outcome).sum()),
            **_count_left_out(counts, seen, gate_here, outcome_here),
        },
    )


def _count_left_out(counts: Floats, seen: Flags, gate_here: Flags, outcome_here: Flags) -> dict[str, int]:
    """Cases of groups that left the gate, the outcome, or both."""
    left = {
        "cases_gate": ~gate_here,
        "cases_outcome": seen & ~outcome_here,
        "cases": ~gate_here & ~(seen & outcome_here),
    }
    return {name: round(float(counts[rows].sum())) for name, rows in left.items()}


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
