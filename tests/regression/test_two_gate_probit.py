"""Two gates and placement: against probits, selection probits and quadrature, by what must not matter, by refusal."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import ndtr, owens_t

from se_outcomes.errors import EstimationError
from se_outcomes.inference.cluster_covariance import cluster_covariance
from se_outcomes.inference.jackknife import jackknife
from se_outcomes.inference.score_bootstrap import score_bootstrap
from se_outcomes.regression import two_gate_search
from se_outcomes.regression.bivariate_probit import fit_recursive_probit
from se_outcomes.regression.paired import Point
from se_outcomes.regression.probit import fit_probit
from se_outcomes.regression.selection_probit import fit_selection_probit
from se_outcomes.regression.two_gate import TwoGateModel, correlations_at, evaluate
from se_outcomes.regression.two_gate_cells import arrange_two_gates
from se_outcomes.regression.two_gate_probit import fit_recursive_two_gate_probit, fit_two_gate_probit

RHO = (0.5, 0.3, 0.5)
FITS = {False: fit_two_gate_probit, True: fit_recursive_two_gate_probit}


def simulate(n, seed, *, rho=RHO, recursive=False, offices=0, whole=False):
    """Arguments of a fit; ``whole``: columns with few values, for tallies; ``offices``: levels, and no constants."""
    random = np.random.default_rng(seed)
    shape = (3, n)
    x, z1, z2 = random.integers(-2, 3, size=shape) / 2 if whole else random.normal(size=shape)
    matrix = np.array([[1, rho[0], rho[1]], [rho[0], 1, rho[2]], [rho[1], rho[2], 1]])
    errors = random.normal(size=(n, 3)) @ np.linalg.cholesky(matrix).T
    if offices:
        errors += 0.3 * random.normal(size=(offices, 3))[np.arange(n) % offices]
    referred = (0.3 + 0.4 * x + 0.6 * z1 + errors[:, 0] > 0).astype(float)
    accepted = np.where(referred > 0, 0.2 + 0.3 * x + 0.6 * z2 + errors[:, 1] > 0, np.nan)
    index = -0.2 + 0.4 * x + errors[:, 2]
    placed = (index + 0.6 * (accepted == 1) > 0) if recursive else np.where(accepted == 1, index > 0, np.nan)
    constant = [] if offices else [np.ones(n)]
    X, Z1, Z2 = (np.column_stack([*constant, *columns]) for columns in ([x], [x, z1], [x, z2]))
    Z2[referred == 0] = np.nan
    return placed.astype(float), X, referred, Z1, accepted, Z2


@pytest.fixture(scope="module", params=[False, True], ids=["selection", "recursive"])
def recursive(request):
    return request.param


@pytest.fixture(scope="module")
def data(recursive):
    return simulate(900, 1, recursive=recursive)


@pytest.fixture(scope="module")
def fit(data, recursive):
    return FITS[recursive](*data)


@pytest.fixture(scope="module")
def office():
    return np.arange(960) % 6


@pytest.fixture(scope="module")
def in_offices(recursive):
    """Six offices with levels of their own, of which the last refers everybody."""
    placed, X, referred, Z1, accepted, Z2 = simulate(960, 4, recursive=recursive, offices=6)
    last, random = np.arange(960) % 6 == 5, np.random.default_rng(5)
    new = last & (referred == 0)
    referred[last] = 1.0
    accepted[new], Z2[new] = (random.normal(size=new.sum()) > 0), np.column_stack([X[new, 0], Z1[new, 1]])
    if not recursive:
        placed[new & (accepted == 1)] = random.normal(size=(new & (accepted == 1)).sum()) > 0
    return placed, X, referred, Z1, accepted, Z2


@pytest.fixture(scope="module")
def office_fit(in_offices, office, recursive):
    return FITS[recursive](*in_offices, clusters=office, intercepts=office)


# ------------------------------------------------------------------------------------------- by quadrature


def orthant(limits, rho):
    """P(U_i < limits_i for all i): the first variable by quadrature, the two others given it by Owen's T."""
    r12, r13, r23 = rho
    s2, s3 = np.sqrt(1 - r12**2), np.sqrt(1 - r13**2)
    partial = (r23 - r12 * r13) / (s2 * s3)

    def pair(h, k):
        root, opposite = np.sqrt(1 - partial**2), 0.5 if h * k < 0 else 0.0
        first, second = owens_t(h, (k / h - partial) / root), owens_t(k, (h / k - partial) / root)
        return (ndtr(h) + ndtr(k)) / 2 - first - second - opposite

    def slice_at(x):
        density = np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)
        return density * pair((limits[1] - r12 * x) / s2, (limits[2] - r13 * x) / s3)

    return quad(slice_at, -12, limits[0], epsabs=1e-13, epsrel=1e-11, limit=200)[0]


def reference_loglik(theta, data, recursive):
    """Case by case, what is not seen being left out by a limit of 12."""
    placed, X, referred, Z1, accepted, Z2 = data
    if recursive:
        X = np.column_stack([X, np.nan_to_num(accepted)])
    k1, k2 = Z1.shape[1], Z2.shape[1]
    a = np.column_stack([Z1 @ theta[:k1], np.nan_to_num(Z2) @ theta[k1 : k1 + k2], X @ theta[k1 + k2 : -3]])
    r12, r13, r23_1 = np.tanh(theta[-3:])
    r23 = r12 * r13 + r23_1 * np.sqrt((1 - r12**2) * (1 - r13**2))
    total = 0.0
    for row, outcomes in zip(a, np.column_stack([referred, accepted, placed]), strict=True):
        seen = ~np.isnan(outcomes)
        if not outcomes[0]:
            seen[1] = False
        if not recursive and outcomes[1] != 1:
            seen[2] = False
        s = np.where(seen, 2 * np.nan_to_num(outcomes) - 1, 1.0)
        limits = np.where(seen, s * row, 12.0)
        total += np.log(orthant(limits, (s[0] * s[1] * r12, s[0] * s[2] * r13, s[1] * s[2] * r23)))
    return total


def test_the_likelihood_is_that_of_quadrature_whatever_is_seen(recursive):
    placed, X, referred, Z1, accepted, Z2 = simulate(60, 2, recursive=recursive)
    placed[::7] = np.nan
    if not recursive:
        accepted[::5] = np.nan  # undecided
    data = placed, X, referred, Z1, accepted, Z2
    fit = FITS[recursive](*simulate(900, 1, recursive=recursive))
    own = FITS[recursive](*(np.concatenate(pair) for pair in zip(data, data, strict=True))).model
    for theta in (fit.parameters, fit.parameters + 0.1 * np.cos(np.arange(len(fit.parameters)))):
        expected = 2 * reference_loglik(theta, data, recursive)
        assert evaluate(own, Point(theta, np.zeros((0, 3)))).loglik == pytest.approx(expected, abs=1e-9)


def test_a_tally_of_probabilities_gives_back_the_parameters_it_was_made_from(recursive):
    theta = np.r_[0.3, 0.8, -0.1, 0.9, 0.2, [0.5] * recursive, np.arctanh([0.4, 0.2, 0.5])]
    r23 = correlations_at(theta[-3:]).rho[2]
    rows, counts = [], []
    for z1, z2 in np.ndindex(3, 3):
        for r, s, q in np.ndindex(2, 2, 2):
            a = np.array([0.3 + 0.8 * z1 / 2, -0.1 + 0.9 * (z2 - 1), 0.2 + 0.5 * recursive * r * s])
            signs = 2 * np.array([r, s, q]) - 1
            rho = (
                signs[0] * signs[1] * 0.4,
                signs[0] * signs[2] * np.tanh(theta[-2]),
                signs[1] * signs[2] * r23,
            )
            rows.append([r, s, q, z1 / 2, z2 - 1])
            counts.append(1000 * orthant(signs * a, rho))
    referred, accepted, placed, z1, z2 = np.array(rows, float).T
    one = np.ones(len(rows))
    X, Z1, Z2 = one[:, None], np.column_stack([one, z1]), np.column_stack([one, z2])
    fit = FITS[recursive](placed, X, referred, Z1, accepted, Z2, counts=counts)
    np.testing.assert_allclose(fit.parameters, theta, atol=1e-7)
    assert fit.rho_23 == pytest.approx(r23, abs=1e-7)
    assert fit.n_cases == 9000


# ------------------------------------------------------------------------------------------ by other models


def test_without_correlations_it_is_three_probits(data, fit, recursive):
    placed, X, referred, Z1, accepted, Z2 = data
    p, at_risk = len(fit.parameters), referred == 1
    apart = fit.refit(restrict={p - 3: 0.0, p - 2: 0.0, p - 1: 0.0})
    seen = np.ones(len(placed), dtype=bool) if recursive else accepted == 1
    design = np.column_stack([X, np.nan_to_num(accepted)]) if recursive else X
    probits = (
        fit_probit(referred, Z1),
        fit_probit(accepted[at_risk], Z2[at_risk]),
        fit_probit(placed[seen], design[seen]),
    )
    assert apart.loglik == pytest.approx(sum(probit.loglik for probit in probits), abs=1e-8)
    assert fit.loglik_apart == pytest.approx(apart.loglik, abs=1e-8)
    for found, probit in zip((apart.gamma1, apart.gamma2, apart.beta), probits, strict=True):
        np.testing.assert_allclose(found, probit.beta, atol=1e-8)
    assert (apart.rho_12, apart.rho_13, apart.rho_23) == (0, 0, 0)


def test_with_independent_placement_it_is_a_selection_probit_of_the_gates_and_a_probit(data, fit, recursive):
    placed, X, referred, Z1, accepted, Z2 = data
    p = len(fit.parameters)
    held = fit.refit(restrict={p - 2: 0.0, p - 1: 0.0})
    gates = fit_selection_probit(accepted, Z2, referred, Z1)
    seen = np.ones(len(placed), dtype=bool) if recursive else accepted == 1
    design = np.column_stack([X, np.nan_to_num(accepted)]) if recursive else X
    placement = fit_probit(placed[seen], design[seen])
    assert held.loglik == pytest.approx(gates.loglik + placement.loglik, abs=1e-8)
    np.testing.assert_allclose(
        held.parameters[:-3], np.r_[gates.gamma, gates.beta, placement.beta], atol=1e-8
    )
    assert held.rho_12 == pytest.approx(gates.rho, abs=1e-8)
    assert held.free.sum() == p - 2


def test_merged_gates_are_the_model_of_one_gate(data, recursive):
    placed, X, referred, _, accepted, Z2 = (part[data[2] == 1] for part in data)
    cluster = np.arange(len(placed)) % 5
    found = FITS[recursive](placed, X, None, None, accepted, Z2, clusters=cluster)
    one = fit_recursive_probit if recursive else fit_selection_probit
    expected = one(placed, X, accepted, Z2, clusters=cluster)
    assert found.loglik == pytest.approx(expected.loglik, abs=1e-8)
    np.testing.assert_allclose(found.parameters[:-3], expected.parameters[:-1], atol=1e-8)
    assert (found.rho_12, found.rho_13) == (0, 0)
    assert found.rho_23 == pytest.approx(expected.rho, abs=1e-8)
    moving = found.free
    np.testing.assert_allclose(found.scores[:, moving], expected.scores, atol=1e-6)
    np.testing.assert_allclose(
        found.information[:, moving][:, :, moving], expected.information, rtol=1e-6, atol=1e-6
    )
    assert len(referred) == found.n_cases


def with_dummies(data, office):
    placed, X, referred, Z1, accepted, Z2 = data
    dummies = np.eye(office.max() + 1)[office]
    return placed, *(
        np.column_stack([dummies, design]) if design.ndim == 2 else design
        for design in (X, referred, Z1, accepted, Z2)
    )


def test_office_intercepts_are_dummies_never_made(recursive):
    data, office = simulate(900, 6, recursive=recursive, offices=4), np.arange(900) % 4
    found = FITS[recursive](*data, intercepts=office, clusters=office)
    wide = FITS[recursive](*with_dummies(data, office))
    own = np.r_[4:6, 10:12, 16 : len(wide.parameters)]
    assert found.loglik == pytest.approx(wide.loglik, abs=1e-9)
    np.testing.assert_allclose(found.parameters, wide.parameters[own], atol=1e-7)
    np.testing.assert_allclose(
        found.intercept_values.T, [wide.gamma1[:4], wide.gamma2[:4], wide.beta[:4]], atol=1e-7
    )
    np.testing.assert_allclose(found.covariance, wide.covariance[np.ix_(own, own)], atol=1e-7)
    assert set(found.n_left_out.values()) == {0}


def test_an_office_that_refers_everybody_leaves_the_referral_and_nothing_else(
    in_offices, office, office_fit, recursive
):
    assert office_fit.n_left_out["groups_referral"] == 1
    assert office_fit.n_left_out["cases_referral"] == 160
    assert office_fit.n_left_out["groups_acceptance"] == office_fit.n_left_out["cases"] == 0
    np.testing.assert_array_equal(np.isinf(office_fit.intercept_values[:, 0]), [False] * 5 + [True])
    assert office_fit.n_cases == 960
    # the likelihood with dummies rises to it as that office's intercept does
    placed, X, referred, Z1, accepted, Z2 = with_dummies(in_offices, office)
    if recursive:
        X = np.column_stack([X, np.nan_to_num(accepted)])
    model = TwoGateModel(arrange_two_gates(placed, X, referred, Z1, accepted, Z2), recursive)
    values = np.where(np.isinf(office_fit.intercept_values), 14.0, office_fit.intercept_values)
    parts = zip(values.T, (office_fit.gamma1, office_fit.gamma2, office_fit.beta), strict=True)
    theta = np.concatenate([*(part for pair in parts for part in pair), office_fit.parameters[-3:]])
    assert evaluate(model, Point(theta, np.zeros((0, 3)))).loglik == pytest.approx(
        office_fit.loglik, abs=1e-9
    )


# --------------------------------------------------------------------------------------------- derivatives


def differences(function, point, step=1e-5):
    moves = step * np.eye(len(point))
    return np.array([(function(point + move) - function(point - move)) / (2 * step) for move in moves])


def test_slopes_and_curvature_by_differences(recursive):
    office = np.arange(120) % 2
    near = FITS[recursive](*simulate(600, 6, recursive=recursive, offices=2), intercepts=np.arange(600) % 2)
    data = simulate(120, 3, recursive=recursive, offices=2)
    if recursive:
        data = (data[0], np.column_stack([data[1], np.nan_to_num(data[4])]), *data[2:])
    model, point = (
        TwoGateModel(arrange_two_gates(*data, intercepts=office), recursive),
        near.peak.state.point,
    )
    theta, q = point.theta + 0.05 * np.cos(np.arange(len(point.theta))), 3 * model.cells.n_groups
    start = np.r_[theta, point.intercepts.ravel()]

    def at(whole):
        return evaluate(model, Point(whole[:-q], whole[-q:].reshape(-1, 3)))

    found = at(start)
    present = model.cells.present.ravel()
    np.testing.assert_allclose(
        differences(lambda whole: at(whole).loglik, start),
        np.r_[found.score, found.group_score.ravel()],
        atol=1e-6,
    )
    np.testing.assert_allclose(
        differences(lambda whole: at(whole).score, start),
        np.vstack([found.hessian, found.cross.reshape(q, -1)]),
        atol=2e-5,
    )
    blocks = differences(lambda whole: at(whole).group_score.ravel(), start)[-q:]
    for group, block in enumerate(found.group_hessian):
        own = slice(3 * group, 3 * group + 3)
        kept = np.ix_(present[own], present[own])
        np.testing.assert_allclose(blocks[own, own][kept], block[kept], atol=2e-5)


def test_correlations_at_their_working_parameters_by_differences():
    t = np.array([0.7, -0.4, 1.1])
    found = correlations_at(t)
    np.testing.assert_allclose(differences(lambda t: correlations_at(t).rho, t).T, found.slopes, atol=1e-9)
    np.testing.assert_allclose(
        differences(lambda t: correlations_at(t).slopes, t).transpose(1, 2, 0), found.curvature, atol=1e-9
    )


# -------------------------------------------------------------------------------- what must not matter


def tally(data):
    """Distinct rows with counts."""
    columns = np.nan_to_num(np.column_stack(data), nan=99.0)
    rows, counts = np.unique(columns, axis=0, return_counts=True)
    rows[rows == 99] = np.nan
    ends = np.cumsum([1 if part.ndim == 1 else part.shape[1] for part in data])[:-1]
    parts = np.split(rows, ends, axis=1)
    return [part[:, 0] if own.ndim == 1 else part for part, own in zip(parts, data, strict=True)], counts


def test_cells_and_rows_tell_the_same(recursive):
    data = simulate(2000, 8, recursive=recursive, whole=True)
    cells, counts = tally(data)
    rows = FITS[recursive](*data)
    tallied = FITS[recursive](*cells, counts=counts)
    assert len(counts) < 1000
    np.testing.assert_allclose(tallied.parameters, rows.parameters, atol=1e-10)
    assert tallied.loglik == pytest.approx(rows.loglik, abs=1e-9)
    assert tallied.n_cases == 2000
    again = FITS[recursive](*cells, counts=np.where(np.arange(len(counts)) % 9, counts, 0))
    assert again.n_cases == counts[np.arange(len(counts)) % 9 > 0].sum()


def test_the_order_of_rows_and_the_units_of_columns_do_not_matter(in_offices, office, office_fit, recursive):
    order = np.random.default_rng(0).permutation(960)
    shuffled = FITS[recursive](
        *(part[order] for part in in_offices), clusters=office[order] + 7, intercepts=3 * office[order]
    )
    np.testing.assert_allclose(shuffled.parameters, office_fit.parameters, atol=1e-9)
    np.testing.assert_allclose(shuffled.scores, office_fit.scores, atol=1e-6)
    assert shuffled.clusters.tolist() == [7, 8, 9, 10, 11, 12]
    placed, X, referred, Z1, accepted, Z2 = in_offices
    scaled = FITS[recursive](placed, X * 1e4, referred, Z1 / 1e3, accepted, Z2 * 50, intercepts=office)
    assert scaled.loglik == pytest.approx(office_fit.loglik, abs=1e-8)
    np.testing.assert_allclose(scaled.gamma1 / 1e3, office_fit.gamma1, rtol=1e-7)
    np.testing.assert_allclose(scaled.parameters[-3:], office_fit.parameters[-3:], atol=1e-7)


def test_what_is_not_seen_is_not_looked_at():
    placed, X, referred, Z1, accepted, Z2 = simulate(900, 1)
    away, rest = referred == 0, accepted != 1
    found = fit_two_gate_probit(placed, X, referred, Z1, accepted, Z2)
    filled = fit_two_gate_probit(
        np.where(rest, 1.0, placed),
        X,
        referred,
        Z1,
        np.where(away, 1.0, accepted),
        np.where(away[:, None], 99.0, Z2),
    )
    np.testing.assert_array_equal(filled.parameters, found.parameters)


# ------------------------------------------------------------------------------------------ what it knows


def test_scores_and_information_add_up(office_fit):
    moving = office_fit.free
    np.testing.assert_allclose(office_fit.scores.sum(axis=0)[moving], 0, atol=1e-6)
    np.testing.assert_allclose(
        office_fit.information.sum(axis=0), -office_fit.peak.state.evaluation.profiled_hessian, atol=1e-8
    )
    np.testing.assert_allclose(
        office_fit.covariance @ office_fit.information.sum(axis=0), np.eye(len(moving)), atol=1e-8
    )
    assert office_fit.cluster_sizes.tolist() == [160.0] * 6


def test_without_an_office_it_is_the_fit_to_the_rest(in_offices, office, office_fit, recursive):
    keep = office != 2
    rest = FITS[recursive](
        *(part[keep] for part in in_offices), clusters=office[keep], intercepts=office[keep]
    )
    found = office_fit.refit(without=2)
    np.testing.assert_allclose(found.parameters, rest.parameters, atol=1e-7)
    np.testing.assert_allclose(found.scores, rest.scores, atol=1e-5)
    assert found.clusters.tolist() == [0, 1, 3, 4, 5]
    close = office_fit.approximate(without=2)
    away = np.abs(found.parameters - office_fit.parameters).max()
    assert np.abs(close.parameters - found.parameters).max() < 0.5 * away
    with pytest.raises(IndexError):
        office_fit.refit(without=6)


def test_few_office_inference_takes_it_as_it_takes_any_fit(office_fit):
    errors = {
        kind: cluster_covariance(office_fit, kind=kind).std_error for kind in ("CV1", "CV3", "CV3L", "CR2")
    }
    for kind in ("CV1", "CV3L", "CR2"):
        assert (np.abs(np.log(errors[kind] / errors["CV3"])) < 0.6).all()
    replicated = jackknife(lambda fit: np.array([fit.rho_23]), office_fit)
    assert 0 < replicated.std_error[0] < 1
    motivation = score_bootstrap(office_fit, office_fit.places["gamma1"].start)
    assert motivation.enumerated
    assert motivation.p_value < 0.05
    together = score_bootstrap(
        office_fit, [office_fit.places[name] for name in ("rho_13", "rho_23_1")], statistic="score"
    )
    assert 0 < together.p_value <= 1


def test_the_profile_and_the_grid_are_fits_with_correlations_held(fit):
    own = fit.rho_13
    profile = fit.profile("rho_13", [-0.6, own, 0.5])
    assert profile.deviance[1] == pytest.approx(0, abs=1e-9)
    assert (profile.deviance[[0, 2]] > 0).all()
    place = fit.places["rho_13"]
    for value, held in zip(profile.values, profile.fits, strict=True):
        assert held.rho_13 == pytest.approx(value)
        assert not held.free[place]
        direct = fit.refit(restrict={place: np.arctanh(value)})
        np.testing.assert_allclose(held.parameters, direct.parameters, atol=1e-5)
        assert held.loglik == pytest.approx(direct.loglik, abs=1e-9)
    grid = fit.grid([0.0, own], [0.0, fit.rho_23_1])
    assert grid.deviance[1, 1] == pytest.approx(0, abs=1e-9)
    direct = fit.refit(restrict={place: 0.0, place + 1: 0.0})
    assert grid.loglik[0, 0] == pytest.approx(direct.loglik, abs=1e-9)
    assert grid.fits[1][0].rho_23_1 == 0
    assert fit.profile("rho_12").values.shape == (19,)


def test_it_finds_the_correlations_that_cases_were_made_with(recursive):
    found = FITS[recursive](*simulate(5000, 11, recursive=recursive))
    errors = np.sqrt(np.diag(found.covariance))[-3:]
    away = np.arctanh([found.rho_12, found.rho_13, found.rho_23_1]) - np.arctanh(
        [0.5, 0.3, 0.35 / np.sqrt(0.75 * 0.91)]
    )
    assert (np.abs(away) < 2.5 * errors).all()
    assert (errors < 0.25).all()
    assert abs(found.rho_12 - 0.5) < 0.12
    assert len(found.local_maxima) == 1


def test_many_cells_are_first_looked_at_in_a_sample(monkeypatch, recursive):
    data = simulate(3000, 12, recursive=recursive)
    whole = FITS[recursive](*data)
    monkeypatch.setattr(two_gate_search, "SAMPLED_FROM", 1000)
    monkeypatch.setattr(two_gate_search, "SAMPLE", 600)
    sampled = FITS[recursive](*data)
    np.testing.assert_allclose(sampled.parameters, whole.parameters, atol=1e-7)


# ---------------------------------------------------------------------------------- edges and refusals


def at_the_edge():
    """The job specialist knows who will be placed: acceptance and placement have the same error."""
    x, z1, z2, u, v = np.random.default_rng(6).normal(size=(5, 500))
    one = np.ones(500)
    referred = (0.4 * x + 0.6 * z1 + u > -0.3).astype(float)
    accepted = (0.3 * x + z2 + v > 0).astype(float)
    return (
        (0.4 * x + v > 0).astype(float),
        np.column_stack([one, x]),
        referred,
        np.column_stack([one, x, z1]),
        accepted,
        np.column_stack([one, x, z2]),
    )


def test_a_perfect_correlation_is_the_end_of_the_range_and_no_failure():
    office = np.arange(500) % 5
    found = fit_two_gate_probit(*at_the_edge(), clusters=office)
    assert found.boundary
    assert "rho_23_1" in found.at_boundary
    assert found.rho_23_1 > 0.998
    place = found.places["rho_23_1"]
    assert not found.free[place]
    assert (found.covariance[place] == 0).all()
    assert "at the edge" in repr(found)
    assert found.local_maxima[0].edge
    rest = found.refit(without=0)
    assert rest.rho_23_1 > 0.9
    held = found.refit(restrict={place: 0.5})
    assert held.loglik < found.loglik
    assert not held.boundary


def test_everybody_accepted_is_refused_by_name(recursive):
    placed, X, referred, Z1, accepted, Z2 = simulate(300, 1, recursive=recursive)
    with pytest.raises(EstimationError, match="In the acceptance equation: All cases") as refusal:
        FITS[recursive](np.ones(300) * (np.arange(300) % 2), X, referred, Z1, np.ones(300), Z2)
    assert refusal.value.reason == "no_variation"
    assert refusal.value.details["equation"] == "acceptance"
    with pytest.raises(EstimationError, match="In the referral equation"):
        FITS[recursive](placed, X, np.zeros(300), Z1, accepted, Z2)
    with pytest.raises(EstimationError) as refusal:
        FITS[recursive](placed, X, referred, Z1, accepted, Z2, intercepts=np.arange(300))
    assert refusal.value.reason == "no_variation_within_offices"
    with pytest.raises(EstimationError) as refusal:
        FITS[recursive](placed, X, referred, Z1, accepted, Z2, counts=np.zeros(300))
    assert refusal.value.reason == "no_cases"


@pytest.mark.parametrize("equation", ["referral", "acceptance", "placement"])
def test_collinear_and_separating_columns_are_refused_in_their_equation(equation):
    placed, X, referred, Z1, accepted, Z2 = simulate(600, 1)
    designs = {"referral": Z1, "acceptance": Z2, "placement": X}
    outcome = {"referral": referred, "acceptance": accepted, "placement": placed}[equation]
    own = designs[equation]
    for column, reason in ((2 * own[:, 1] - own[:, 0], "collinearity"), (outcome == 1, "separation")):
        wide = {**designs, equation: np.column_stack([own, np.nan_to_num(column)])}
        with pytest.raises(EstimationError, match=f"the {equation} equation") as refusal:
            fit_two_gate_probit(
                placed, wide["placement"], referred, wide["referral"], accepted, wide["acceptance"]
            )
        assert refusal.value.reason == reason
        assert refusal.value.details["equation"] == equation
        assert own.shape[1] in refusal.value.details["columns"]


def test_what_is_not_identified_is_refused_and_can_be_held():
    placed, _, referred, _, accepted, _ = simulate(600, 1)
    one = np.ones((600, 1))
    with pytest.raises(EstimationError, match="the data say nothing about it") as refusal:
        fit_two_gate_probit(placed, one, referred, one, accepted, one)
    assert refusal.value.reason == "not_identified"


def test_impossible_arrays_are_told():
    placed, X, referred, Z1, accepted, Z2 = simulate(100, 1)
    fit = fit_two_gate_probit
    with pytest.raises(ValueError, match="belong together"):
        fit(placed, X, None, Z1, accepted, Z2)
    with pytest.raises(ValueError, match="referred must be"):
        fit(placed, X, 2 * referred, Z1, accepted, Z2)
    with pytest.raises(ValueError, match="Z2 must be finite wherever referred"):
        fit(placed, X, referred, Z1, accepted, Z2 * np.nan)
    with pytest.raises(ValueError, match="X must be"):
        fit(placed, X[:50], referred, Z1, accepted, Z2)
    with pytest.raises(ValueError, match="every intercept group"):
        fit(placed, X, referred, Z1, accepted, Z2, clusters=np.arange(100) % 2, intercepts=np.arange(100) % 3)
    with pytest.raises(ValueError, match="counts"):
        fit(placed, X, referred, Z1, accepted, Z2, counts=-np.ones(100))
    with pytest.raises(ValueError, match="the undecided are not accepted"):
        fit_recursive_two_gate_probit(np.zeros(100), X, referred, Z1, np.full(100, np.nan), Z2)
    found = fit(*simulate(600, 1))
    with pytest.raises(ValueError, match="name must be"):
        found.profile("rho_23")
    with pytest.raises(ValueError, match="between -1 and 1"):
        found.profile("rho_13", [1.0])
    with pytest.raises(ValueError, match="restrict: positions"):
        found.refit(restrict={99: 0.0})
    with pytest.raises(ValueError, match="restrict: atanh"):
        found.refit(restrict={len(found.parameters) - 1: 9.0})


def test_merged_gates_hold_the_correlations_of_a_referral_that_there_is_not():
    placed, X, _, _, accepted, Z2 = (part[:600] for part in simulate(1500, 1))
    known = ~np.isnan(accepted)
    found = fit_two_gate_probit(placed[known], X[known], None, None, accepted[known], Z2[known])
    assert found.gamma1.shape == (0,)
    assert found.places["gamma2"] == slice(0, 3)
    with pytest.raises(ValueError, match="merged"):
        found.profile("rho_13", [0.5])
    assert found.grid([0.0], [0.0, 0.3]).loglik.shape == (1, 2)
