"""The linear outcome behind a gate (Heckman 1979, Econometrica 47:153-161): maximum likelihood and two steps.

    S = 1[z'gamma + u > 0],   Y = x'beta + sigma e seen where S = 1,   (u, e) standard normal, correlation rho

Maximum likelihood in Olsen's coordinates (1982, International Economic Review 23:223-240): with h = 1/sigma and
delta = (beta - offset)/sigma the residual e = h (y - x'offset) - x'delta is linear in the coefficients, and for a fixed
rho the log-likelihood

    log Phi(-a) where not selected,   log h + log phi(e) + log Phi((a + rho e) / sqrt(1 - rho^2)) where selected

is concave in (gamma, delta, h). So it is one of the :class:`~se_outcomes.regression.paired.PairFamily` models, with
[-X, y - X offset] as the outcome's design. The offset changes nothing but the coordinates: least squares
to start with, so that the columns are not nearly collinear, and where a coefficient is to be held.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, cast, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import erfcx, log_ndtr

from se_outcomes.errors import EstimationError
from se_outcomes.regression.dependence_profile import Profile
from se_outcomes.regression.paired import PairFamily, PairModel, Point, Terms
from se_outcomes.regression.paired_cells import Block, PairedCells
from se_outcomes.regression.paired_checks import refuse_collinear
from se_outcomes.regression.paired_fit import PairedFit, fit_pair
from se_outcomes.regression.pairing import arrange_pairs
from se_outcomes.regression.probit import fit_probit
from se_outcomes.regression.selection_probit import EDGE, NODES, probit_alone

Floats = NDArray[np.float64]

HALF_LOG_TAU = math.log(2 * math.pi) / 2
#: An outcome of which this share (or less) is left unexplained is fitted perfectly; the second bound is rounding.
PERFECT, ROUNDING = 1e-12, 1e-24
#: Below this argument the normal distribution's derivatives come from their asymptotic series.
FAR_TAIL = -50.0


# ---------------------------------------------------------------------------------------------- the family


@dataclass(frozen=True)
class LinearSelectionFamily(PairFamily):
    """The family with the offset (kx,) that its outcome's coefficients are counted from."""

    offset: tuple[float, ...] = ()


def log_normal_cdf(m: Floats) -> tuple[Floats, Floats, Floats]:
    """log Phi(m) with two derivatives that keep their digits however far the tail is."""
    first = math.sqrt(2 / math.pi) / erfcx(-m / math.sqrt(2))
    second = -first * (first + m)
    far = m < FAR_TAIL
    if far.any():
        w = 1 / m[far] ** 2  # first + m = (1 - 2 w + 10 w^2 - ...) / |m|, where the sum itself cancels
        beyond = (1 - w * (2 - w * (10 - w * (74 - w * 706)))) / -m[far]
        first[far] = beyond - m[far]
        second[far] = -first[far] * beyond
    return log_ndtr(m), first, second


def linear_selection_joint(s: Floats, y: Floats, a: Floats, b: Floats, t: float, order: int) -> Terms:
    """Log density of the standardised residual b and of being selected, with derivatives by a, b and t.

    With rho = tanh t the argument of Phi is m = a cosh t + b sinh t, so nothing cancels near rho = 1; s and y are not
    looked at (all are selected, and y is in b).
    """
    cosh, sinh = math.cosh(t), math.sinh(t)
    m = a * cosh + b * sinh
    if order == 0:
        return (-(b**2) / 2 - HALF_LOG_TAU + log_ndtr(m),)
    value, first, second = log_normal_cdf(m)
    m_t = a * sinh + b * cosh
    return (
        -(b**2) / 2 - HALF_LOG_TAU + value,
        first * cosh,
        -b + first * sinh,
        first * m_t,
        second * cosh**2,
        second * cosh * sinh,
        -1 + second * sinh**2,
        second * cosh * m_t + first * sinh,
        second * sinh * m_t + first * cosh,
        second * m_t**2 + first * m,
    )


def residual_alone(y: Floats, b: Floats) -> Terms:
    """Standard normal log density of the residual b with two derivatives."""
    return -(b**2) / 2 - HALF_LOG_TAU, -b, -np.ones_like(b)


LINEAR_SELECTION = LinearSelectionFamily(
    name="linear selection model",
    joint=linear_selection_joint,
    gate=probit_alone,
    outcome=residual_alone,
    independence=0.0,
    limits=(-EDGE, EDGE),
    nodes=NODES,
    dependence=np.tanh,
    ends=(-1.0, 1.0),
    null="The errors of gate and outcome are uncorrelated (rho = 0)",
    scaled=True,
    outcome_weight=np.ones_like,
)


# ------------------------------------------------------------------------------------------------- records


@dataclass(frozen=True, eq=False)
class LinearSelectionProfile(Profile):
    """The profile likelihood over rho with the coefficients as (gamma, beta, log sigma)."""

    offset: Floats | None = None

    @property
    def coefficients(self) -> Floats:
        """gamma, beta and log sigma at each node (m, p - 1)."""
        found, offset = super().coefficients.copy(), np.asarray(self.offset)
        h = found[:, -1:].copy()
        beta = slice(found.shape[1] - 1 - len(offset), -1)
        found[:, beta] = offset + found[:, beta] / h
        found[:, -1:] = -np.log(h)
        return found


class HeckmanFit(PairedFit):
    """A maximised linear selection model; parameters in the order gamma, beta, log sigma, atanh rho.

    Beside what :class:`~se_outcomes.regression.paired_fit.PairedFit` has:
    """

    @property
    def _offset(self) -> Floats:
        return np.array(cast(LinearSelectionFamily, self.model.family).offset)

    @property
    def _h(self) -> float:
        return float(self.peak.state.point.theta[-2])

    @property
    def gamma(self) -> Floats:
        """Coefficients of the gate (kz,)."""
        return self.first

    @property
    def beta(self) -> Floats:
        """Coefficients of the outcome (kx,)."""
        return self._offset + self.peak.state.point.theta[self.model.cells.widths[0] : -2] / self._h

    @property
    def second(self) -> Floats:
        """Coefficients of the outcome, as ``beta``."""
        return self.beta

    @property
    def sigma(self) -> float:
        """Standard deviation of the outcome's error."""
        return 1 / self._h

    @property
    def rho(self) -> float:
        """Correlation of the two equations' errors; -1 or 1 at the edge."""
        return self.dependence

    @property
    def parameters(self) -> Floats:
        """gamma, beta, log sigma, atanh rho (p,), in the order of ``covariance``."""
        return np.concatenate([self.gamma, self.beta, [-np.log(self._h), self.peak.t]])

    @property
    def intercept_values(self) -> Floats:
        """Intercepts of each group in ``intercept_codes`` (q, 2), the outcome's in its own unit; infinite where the
        group left the equation."""
        values, present = super().intercept_values.copy(), self.model.cells.in_outcome
        values[present, 1] *= -self.sigma
        return values

    @cached_property
    def _back(self) -> Floats:
        """Derivatives (p, p) of the coordinates maximised in by the parameters: delta = (beta - offset) h, h."""
        kz, kx = self.model.cells.widths
        back, scale = np.eye(kz + kx + 1), kz + kx - 1
        own = np.arange(kz, scale)
        back[own, own] = self._h
        back[kz : scale + 1, scale] = -self.peak.state.point.theta[kz : scale + 1]
        return back

    @cached_property
    def covariance(self) -> Floats:
        """Model-based covariance (p, p) by the observed information; zero for what is held, and for the
        dependence at the boundary."""
        forth = np.linalg.inv(self._back)
        return forth @ super().covariance @ forth.T

    @cached_property
    def scores(self) -> Floats:
        """Score of each cluster (G, p), after the intercepts; they sum to zero (but the dependence's at the edge)."""
        return super().scores @ self._back

    @cached_property
    def information(self) -> Floats:
        """Observed information of each cluster (G, p, p), after the intercepts."""
        information = np.einsum("ki,gkl,lj->gij", self._back, super().information, self._back)
        kz, kx = self.model.cells.widths
        scale = kz + kx - 1
        inner = super().scores[:, kz : scale + 1]  # what the coordinates' own curvature adds to the Hessian
        information[:, kz:scale, scale] += self._h * inner[:, :-1]
        information[:, scale, kz:scale] += self._h * inner[:, :-1]
        information[:, scale, scale] -= inner @ self.peak.state.point.theta[kz : scale + 1]
        return information

    @cached_property
    def profile(self) -> Profile:
        """The profile likelihood over rho, with gamma, beta and log sigma at every node."""
        found = super().profile
        return LinearSelectionProfile(found.nodes, found.maximum, found.dependence, self._offset)

    def refit(self, *, without: int | None = None, restrict: Mapping[int, float] | None = None) -> HeckmanFit:
        """Fit again without a cluster, or with coefficients held at given values.

        Parameters
        ----------
        without : int, optional
            Row of ``scores`` whose cluster is left out; its intercepts leave with it. Columns without variation among
            the rest are held at their value here and marked in ``held``.
        restrict : mapping of int to float, optional
            Position in ``parameters`` (not the last, the dependence: see ``profile``) to the value it is held at.

        Raises
        ------
        EstimationError
            As the fit itself.
        """
        restrict, kz = restrict or {}, self.model.cells.widths[0]
        parameters = self.parameters.copy()
        for position, value in restrict.items():
            if not 0 <= position < len(parameters) - 1:
                raise ValueError(f"restrict: positions 0 to {len(parameters) - 2}; got {position}")
            parameters[position] = value
        cells, intercepts = self.model.cells, self.peak.state.point.intercepts
        if without is not None:
            intercepts = intercepts[cells.group_cluster != without]
            cells = cells.without_cluster(without)
        _least_squares(cells)  # refuses a perfect fit
        beta = parameters[kz:-2]
        cells, family = _counted_from(cells, beta, self._offset)
        theta = np.concatenate(
            [parameters[:kz], np.zeros(len(beta)), [np.exp(-parameters[-2]), parameters[-1]]]
        )
        model = PairModel(family, cells, self.model.names, tuple(restrict))
        return fit_pair(HeckmanFit, model, start=Point(theta, intercepts), hold=True)


@dataclass(frozen=True, eq=False)
class TwoStepFit:
    """Heckman's two steps: a probit of the gate, then least squares with the inverse Mills ratio as a column.

    Attributes
    ----------
    gamma, beta : (kz,), (kx,) arrays
        Coefficients of the gate and of the outcome.
    mills : float
        Coefficient of the inverse Mills ratio, rho times sigma.
    sigma, rho : float
        Standard deviation of the outcome's error and correlation with the gate's; nothing in the two steps keeps rho
        between -1 and 1.
    covariance : (kz + kx + 1, kz + kx + 1) array
        Of gamma, beta and ``mills``, allowing for the gate being estimated (Heckman 1979; Greene 1981, Econometrica
        49:795-798).
    condition : float
        Condition number of [X, inverse Mills ratio] with columns of unit length; above about 30 the ratio is as good
        as a linear combination of X and the correction rests on the shape of the normal distribution.
    n_cases, n_outcomes : int
        Cases in all, and those with an outcome.
    """

    gamma: Floats
    beta: Floats
    mills: float
    sigma: float
    rho: float
    covariance: Floats
    condition: float
    n_cases: int
    n_outcomes: int


# ------------------------------------------------------------------------------------------------- fitting


@overload
def fit_heckman(
    y: ArrayLike,
    X: ArrayLike,
    selected: ArrayLike,
    Z: ArrayLike,
    *,
    method: Literal["ml"] = "ml",
    counts: ArrayLike | None = None,
    clusters: ArrayLike | None = None,
    intercepts: ArrayLike | None = None,
) -> HeckmanFit: ...


@overload
def fit_heckman(
    y: ArrayLike,
    X: ArrayLike,
    selected: ArrayLike,
    Z: ArrayLike,
    *,
    method: Literal["two_step"],
    counts: ArrayLike | None = None,
    clusters: None = None,
    intercepts: None = None,
) -> TwoStepFit: ...


def fit_heckman(
    y: ArrayLike,
    X: ArrayLike,
    selected: ArrayLike,
    Z: ArrayLike,
    *,
    method: Literal["ml", "two_step"] = "ml",
    counts: ArrayLike | None = None,
    clusters: ArrayLike | None = None,
    intercepts: ArrayLike | None = None,
) -> HeckmanFit | TwoStepFit:
    """Fit a linear outcome with sample selection.

    Parameters
    ----------
    y : (n,) array
        Outcome, any number; not looked at where not selected (it may be missing there).
    X : (n, kx) array
        Design of the outcome with its constant (without, where ``intercepts`` are given); not looked at where not
        selected.
    selected : (n,) array
        1 where the gate let the case through, else 0.
    Z : (n, kz) array
        Design of the gate, with its constant as X.
    method : {"ml", "two_step"}
        The global maximum of the likelihood, or Heckman's two steps (independent cases only: neither ``clusters`` nor
        ``intercepts``).
    counts : (n,) array, optional
        Cases of each row (a tally); 1 by default.
    clusters : (n,) integer array, optional
        Codes whose scores and information are kept apart.
    intercepts : (n,) integer array, optional
        Groups (offices), each with an intercept of its own in both equations, profiled out. A group whose gate does
        not vary leaves the gate, one with a single outcome leaves the outcome; ``n_left_out`` counts them.

    Returns
    -------
    HeckmanFit or TwoStepFit

    Raises
    ------
    ValueError
        On arrays of the wrong shape or with impossible values.
    EstimationError
        ``no_cases``, ``no_variation``, ``no_variation_within_offices``, ``collinearity``, ``separation`` (of the
        gate), ``perfect_fit`` (the outcome has no error), ``not_identified``, ``not_converged``.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> z, x = rng.normal(size=(2, 2000))
    >>> u, e = rng.multivariate_normal([0, 0], [[1, .5], [.5, 1]], size=2000).T
    >>> Z, X = np.column_stack([np.ones(2000), x, z]), np.column_stack([np.ones(2000), x])
    >>> selected, y = 0.5 * x + 0.7 * z + u > 0, 3 + 0.4 * x + 2 * e
    >>> fit = fit_heckman(y, X, selected, Z)
    >>> round(fit.sigma, 1), [[round(float(end), 2) for end in interval] for interval in fit.dependence_set()]
    (2.0, [[0.29, 0.6]])
    """
    y, X, selected, Z = (np.asarray(values, dtype=float) for values in (y, X, selected, Z))
    _check_shapes(y, X, selected, Z)
    seen = selected == 1
    design = np.column_stack([-X, y])
    design[~seen] = 0.0
    cells = arrange_pairs(
        selected,
        Z,
        y,
        design,
        seen=seen,
        counts=counts,
        clusters=clusters,
        intercepts=intercepts,
        binary=False,
    )
    if method == "two_step":
        if clusters is not None or intercepts is not None:
            raise ValueError(
                "the two steps are for independent cases: no clusters or intercepts; use method='ml'"
            )
        return _fit_two_step(cells)
    if method != "ml":
        raise ValueError(f"method must be 'ml' or 'two_step'; got {method!r}")
    offset, h, intercept_start = _least_squares(cells)
    cells, family = _counted_from(cells, offset, np.zeros(len(offset)))
    theta = np.zeros(sum(cells.widths) + 1)
    theta[-2] = h
    return fit_pair(HeckmanFit, PairModel(family, cells), start=Point(theta, intercept_start))


def _check_shapes(y: Floats, X: Floats, selected: Floats, Z: Floats) -> None:
    n = len(y) if y.ndim else 0
    if y.shape != (n,) or selected.shape != (n,) or any(D.ndim != 2 or len(D) != n for D in (X, Z)):
        raise ValueError(
            "y and selected must be (n,) and X and Z (n, k); "
            f"got {y.shape}, {selected.shape}, {X.shape} and {Z.shape}"
        )
    if not X.shape[1] or not Z.shape[1]:
        raise ValueError("X and Z must have at least one column")


def _counted_from(cells: PairedCells, offset: Floats, previous: Floats) -> tuple[PairedCells, PairFamily]:
    """The same cells with the outcome's coefficients counted from another offset, and the family that knows it."""

    def moved(block: Block) -> Block:
        design = block.X.copy()
        design[:, -1] += design[:, :-1] @ (offset - previous)
        return replace(block, X=design)

    cells = replace(cells, joint=moved(cells.joint), gate=moved(cells.gate), outcome=moved(cells.outcome))
    return cells, replace(LINEAR_SELECTION, offset=tuple(float(value) for value in offset))


def _least_squares(cells: PairedCells) -> tuple[Floats, float, Floats]:
    """Coefficients (from the cells' offset), inverse scale and intercepts of the outcome without selection.

    Raises
    ------
    EstimationError
        ``perfect_fit``.
    """
    blocks = [cells.joint, cells.outcome]
    design = np.vstack([block.X for block in blocks])
    counts, group = (
        np.concatenate([getattr(block, name) for block in blocks]) for name in ("counts", "group")
    )
    means = np.zeros((max(1, cells.n_groups), design.shape[1]))
    np.add.at(means, group, design * counts[:, None])
    means /= np.maximum(np.bincount(group, counts, minlength=len(means)), np.finfo(float).tiny)[:, None]
    centred = design - means[group]
    used = centred if cells.n_groups else design
    root = np.sqrt(counts)
    b = np.linalg.lstsq(-used[:, :-1] * root[:, None], used[:, -1] * root, rcond=None)[0]
    left = float(counts @ (used[:, -1] + used[:, :-1] @ b) ** 2)
    if left <= max(
        PERFECT * float(counts @ centred[:, -1] ** 2), ROUNDING * float(counts @ design[:, -1] ** 2)
    ):
        raise EstimationError(
            "The outcome is a linear combination of its predictors for everyone who has one: nothing is left that "
            "could be correlated with the gate. Leave predictors out.",
            reason="perfect_fit",
        )
    h = float(np.sqrt(counts.sum() / left))
    intercepts = np.zeros((cells.n_groups, 2))
    if cells.n_groups:
        intercepts[:, 1] = -h * (means[:, -1] + means[:, :-1] @ b)
    return b, h, intercepts


def _fit_two_step(cells: PairedCells) -> TwoStepFit:
    """Probit of the gate, least squares with the inverse Mills ratio, covariance allowing for the first step."""
    _least_squares(cells)  # refuses a perfect fit
    refuse_collinear(PairModel(LINEAR_SELECTION, cells))
    blocks = [cells.joint, cells.gate]
    s, Z, counts = (
        np.concatenate([getattr(block, name) for block in blocks]) for name in ("s", "Z", "counts")
    )
    gate = fit_probit((s + 1) / 2, Z, counts=counts)
    joint = cells.joint
    a, root = joint.Z @ gate.beta, np.sqrt(joint.counts)
    _, mills, curvature = log_normal_cdf(a)
    W = np.column_stack([-joint.X[:, :-1], mills])
    _refuse_linear_mills(W * root[:, None])
    b = np.linalg.lstsq(W * root[:, None], joint.X[:, -1] * root, rcond=None)[0]
    residual, n = joint.X[:, -1] - W @ b, float(joint.counts.sum())
    sigma = math.sqrt(float(joint.counts @ (residual**2 - curvature * b[-1] ** 2)) / n)
    return TwoStepFit(
        gamma=gate.beta,
        beta=b[:-1],
        mills=float(b[-1]),
        sigma=sigma,
        rho=float(b[-1]) / sigma,
        covariance=_two_step_covariance(joint, W, -curvature, float(b[-1]), sigma, gate.covariance),
        condition=_condition(W * root[:, None]),
        n_cases=round(float(counts.sum())),
        n_outcomes=round(n),
    )


def _two_step_covariance(
    joint: Block, W: Floats, delta: Floats, mills: float, sigma: float, gate: Floats
) -> Floats:
    """Covariance of gamma, beta and the Mills ratio's coefficient.

    b - E b = (W'W)^-1 W'(v + mills * Delta Z (gamma_hat - gamma)), where v, with the variance sigma^2 - mills^2 delta
    of an outcome whose error's tail was cut, is uncorrelated with the gate's estimate.
    """
    scale = 1 / np.sqrt(joint.counts @ W**2)
    cross = (W * scale).T @ (W * scale * joint.counts[:, None])
    inner = (W * scale).T @ (W * scale * (joint.counts * (sigma**2 - mills**2 * delta))[:, None])
    carried = mills * np.linalg.solve(cross, (W * scale).T @ (joint.Z * (joint.counts * delta)[:, None]))
    own = np.linalg.solve(cross, np.linalg.solve(cross, inner).T) + carried @ gate @ carried.T
    both = scale[:, None] * carried @ gate
    return np.block([[gate, both.T], [both, own * scale[:, None] * scale]])


def _condition(W: Floats) -> float:
    return float(np.linalg.cond(W / np.sqrt((W**2).sum(axis=0))))


def _refuse_linear_mills(W: Floats) -> None:
    if not _condition(W) < 1e7:
        raise EstimationError(
            "The inverse Mills ratio is a linear combination of the outcome's predictors: the two steps cannot tell "
            "selection from them. Add a variable that moves the gate and not the outcome (exclusion).",
            reason="not_identified",
        )
