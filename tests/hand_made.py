"""Answers made by hand, with the frames of the study's: creaming, who is left out, effect, policies, two gates."""

from dataclasses import fields

import numpy as np
import pandas as pd

from se_outcomes.results import Specification
from se_outcomes.study.bounds import BoundsResult
from se_outcomes.study.creaming import CreamingResult
from se_outcomes.study.effect import EffectResult
from se_outcomes.study.left_out import LeftOutResult
from se_outcomes.study.policies import PolicyResult
from se_outcomes.study.two_gates import TwoGateResult

INTERVAL = ["conf_low", "conf_high"]
STATUSES = ("not_referred", "not_accepted", "accepted")


def _fill(result, **told):
    """A result of which only some attributes are told."""
    return result(**{field.name: None for field in fields(result)} | told)


def asked(question):
    return Specification(question, "placed", "eligible", "motivation", ("age_group", "sex"))


def make_creaming(basis="without_se", merged=False):
    """An index that telescopes: .021 at the first gate, .006 at the second, .027 over both."""
    gates = ("both",) if merged else ("gate_1", "gate_2", "both")
    scale = 0.4 if basis == "gain" else 1.0
    points = {
        "gate_1": (0.021, 0.008, 0.034),
        "gate_2": (0.006, -0.004, 0.016),
        "both": (0.027, 0.012, 0.042),
    }
    ratios = {"gate_1": (0.31, 0.12, 0.50), "gate_2": (0.17, -0.11, 0.45), "both": (0.28, 0.13, 0.43)}
    came = {"gate_1": (1025, 359), "gate_2": (359, 249), "both": (1025, 249)}
    rows = []
    for gate in gates:
        low = points[gate]
        within, greatest = 0.8 * low[0], 0.8 * low[0] / ratios[gate][0]
        for measure, (estimate, *ends) in {
            "points": tuple(scale * end for end in low),
            "sd": tuple(8 * end for end in low),
            "within": (scale * within, scale * 0.5 * within, scale * 1.5 * within),
            "between": (scale * 0.2 * low[0], -0.01, 0.02),
            "greatest": (scale * greatest, scale * 0.9 * greatest, scale * 1.1 * greatest),
            "ratio": ratios[gate],
        }.items():
            rows.append((gate, measure, estimate, *ends, 0.012, *came[gate], 5))
    columns = ["gate", "measure", "estimate", *INTERVAL, "p_value", "n_at_risk", "n_passed", "n_offices"]
    estimates = pd.DataFrame(rows, columns=columns).assign(
        term="targeting" if basis == "gain" else "creaming", std_error=0.005, statistic=3.1
    )
    levels = pd.DataFrame(
        [("eligible", 0.225, 0.18, 0.27, 1025), ("referred", 0.246, 0.19, 0.30, 359),
         ("accepted", 0.252, 0.2, 0.3, 249)],
        columns=["stage", "estimate", *INTERVAL, "n"],
    )  # fmt: skip
    levels = levels.loc[levels["stage"] != "referred"] if merged else levels
    return _fill(
        CreamingResult, specification=asked("creaming"), basis=basis, estimates=estimates, levels=levels
    )


def make_left_out(merged=False, density_of="without_se"):
    """Shares, predictions and quantiles that rise with how far cases came."""
    statuses = STATUSES[1:] if merged else STATUSES
    centres = {"not_referred": 0.22, "not_accepted": 0.27, "accepted": 0.34}
    rows = []
    for status in statuses:
        for measure, estimate in (
            ("share", {"not_referred": 0.65, "not_accepted": 0.11, "accepted": 0.24}[status]),
            ("without_se", centres[status]), ("with_se", centres[status] + 0.12), ("gain", 0.12),
            ("chance", centres[status] - 0.05),
        ):  # fmt: skip
            contrast = (
                (np.nan,) * 4
                if status == "accepted"
                else (estimate - 0.3, estimate - 0.34, estimate - 0.26, 0.004)
            )
            rows.append((status, measure, estimate, 0.02, estimate - 0.04, estimate + 0.04, *contrast))
    columns = ["status", "measure", "estimate", "std_error", *INTERVAL]
    columns += ["difference", "difference_low", "difference_high", "difference_p"]
    groups = pd.DataFrame(rows, columns=columns)
    groups["n"] = groups["status"].map({"not_referred": 666, "not_accepted": 110, "accepted": 249})
    grid = np.linspace(0, 1, 201)
    bells = {
        s: np.exp(-0.5 * ((grid - c) / (0.07 + 0.02 * k)) ** 2) / 0.2
        for k, (s, c) in enumerate(centres.items())
    }
    density = pd.concat([pd.DataFrame({"status": s, "value": grid, "density": bells[s]}) for s in statuses])
    quantiles = pd.DataFrame(
        [(s, *(centres[s] + shift for shift in (-0.1, -0.05, 0.0, 0.05, 0.1))) for s in statuses],
        columns=["status", "p10", "p25", "p50", "p75", "p90"],
    )
    return _fill(LeftOutResult,
        specification=asked("left_out"), groups=groups, composition=_composition(statuses), overlap=_no_chance(),
        density=density.reset_index(drop=True), density_of=density_of, quantiles=quantiles, threshold=0.02,
    )  # fmt: skip


def _composition(statuses):
    levels = {
        "motivation": {"q1": (0.36, 0.30, 0.12), "q2": (0.29, 0.26, 0.18), "q3": (0.20, 0.22, 0.26),
                             "q4": (0.15, 0.22, 0.44)},
        "age_group": {"18-19": (0.18, 0.19, 0.17), "20-24": (0.41, 0.38, 0.43), "25-29": (0.41, 0.43, 0.40)},
        "sex": {"female": (0.44, 0.48, 0.47), "male": (0.56, 0.52, 0.53)},
    }  # fmt: skip
    rows = []
    for variable, shares in levels.items():
        for level, by_status in shares.items():
            for status, share in zip(STATUSES, by_status, strict=True):
                difference = np.nan if status == "accepted" else share - by_status[-1]
                rows.append((variable, level, status, round(1000 * share), share, difference, difference - 0.03,
                             difference + 0.03))  # fmt: skip
    columns = ["variable", "level", "status", "n", "share", "difference", "difference_low", "difference_high"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.loc[frame["status"].isin(statuses)].reset_index(drop=True)


def _no_chance():
    return pd.DataFrame(
        [("all", 1025, 0.041, 0.0, 0.01, 0.072), ("q1", 319, 0.13, 0.0, 0.05, 0.21),
         ("q4", 217, 0.0, 0.02, np.nan, np.nan)],
        columns=["group", "n", "share", "share_certain", *INTERVAL],
    )  # fmt: skip


def make_effect():
    """A raw gap of .26, of which .13 is effect on the accepted and .13 selection on what is recorded."""
    rows = [("all", "naive", 0.26, 0.21, 0.31)] + [
        (estimand, method, estimate + 0.002 * (method == "across"), estimate - 0.05, estimate + 0.05)
        for method in ("within", "across")
        for estimand, estimate in (
            ("all", 0.12),
            ("accepted", 0.13),
            ("not_accepted", 0.115),
            ("overlap", 0.125),
        )
    ]
    estimates = pd.DataFrame(rows, columns=["estimand", "method", "estimate", *INTERVAL]).assign(
        term="accepted",
        measure="effect",
        std_error=0.018,
        statistic=7.0,
        p_value=0.002,
        n_cases=1013,
        n_offices=5,
    )
    averages = pd.DataFrame(
        [(measure, method, estimate, 0.01, estimate - 0.04, estimate + 0.04)
         for measure, method, estimate in (("open_gate", "within", 0.41), ("closed_gate", "within", 0.29),
                                           ("today", "within", 0.32), ("open_gate_naive", "naive", 0.47))],
        columns=["measure", "method", "estimate", "std_error", *INTERVAL],
    )  # fmt: skip
    gap = pd.DataFrame(
        [("gap", 0.26, 0.21, 0.31), ("effect", 0.13, 0.08, 0.18), ("selection", 0.13, 0.09, 0.17)],
        columns=["part", "estimate", *INTERVAL],
    )
    overlap = pd.DataFrame(
        [("all", 180.4, 640.2, 0.041, 0.0, 0.011, 0.83, 0.021, 0.06, 0.93),
         ("q1", 20.1, 270.3, 0.13, 0.0, 0.004, 0.31, 0.09, np.nan, np.nan)],
        columns=["group", "ess_accepted", "ess_not_accepted", "share_below", "share_above", "p1", "p99",
                 "largest_weight_share", "crump_alpha", "crump_share"],
    )  # fmt: skip
    return _fill(
        EffectResult,
        specification=asked("effect"),
        estimates=estimates,
        averages=averages,
        gap=gap,
        overlap=overlap,
        threshold=0.02,
    )


def make_policies():
    """Today's places by other rules, and the open gate."""
    rows = {
        "status_quo": (0.0, np.nan, np.nan, 0.065, 0.03, 0.10),
        "open_gate": (0.084, 0.04, 0.128, 1.0, np.nan, np.nan),
        "lottery": (-0.002, -0.009, 0.005, 0.24, 0.18, 0.30),
        "highest_prospects": (-0.006, -0.016, 0.004, 0.15, 0.09, 0.21),
        "need_first": (0.003, -0.008, 0.014, 0.33, 0.24, 0.42),
        "largest_gain": (0.009, -0.004, 0.022, 0.27, 0.12, 0.42),
    }
    values, inclusion = [], []
    for policy, (gain, low, high, included, in_low, in_high) in rows.items():
        served = 1.0 if policy == "open_gate" else 0.243
        values += [(policy, "placed", 0.321 + gain, 0.02, 0.28 + gain, 0.36 + gain),
                   (policy, "difference", gain, 0.004, low, high),
                   (policy, "served", served, np.nan, np.nan, np.nan)]  # fmt: skip
        inclusion += [(policy, "q1", included, in_low, in_high)]
        inclusion += [
            (policy, group, served, served - 0.02, served) for group in ("q2", "q3", "q4", "lowest_prospects")
        ]
    crowding = pd.DataFrame(
        [(eta, 0.405 - 0.03 * eta, 0.084 - 0.03 * eta, 0.04 - 0.03 * eta, 0.128 - 0.03 * eta)
         for eta in (0.0, 0.25, 0.5, 0.75, 1.0)],
        columns=["crowding", "placed", "difference", *INTERVAL],
    )  # fmt: skip
    return _fill(
        PolicyResult,
        specification=asked("policies"),
        values=pd.DataFrame(values, columns=["policy", "measure", "estimate", "std_error", *INTERVAL]),
        inclusion=pd.DataFrame(inclusion, columns=["policy", "group", "estimate", *INTERVAL]),
        crowding=crowding,
    )


def make_two_gates(outcome_observed="all"):
    """A modelled gap of .25 = .13 effect + .07 observed + .05 unobserved, .26 as observed."""
    rows = [
        ("share_accepted", 0.24, 0.2, 0.28),
        ("accepted", 0.47, 0.41, 0.53),
        ("open_gate", 0.38, 0.31, 0.45),
        ("open_gate_naive", 0.46, 0.40, 0.52),
    ]
    if outcome_observed == "all":
        rows += [("effect_all", 0.11, 0.04, 0.18), ("effect_accepted", 0.13, 0.06, 0.20),
                 ("effect_not_accepted", 0.105, 0.03, 0.18), ("gap_raw", 0.26, 0.21, 0.31), ("gap", 0.25, 0.2, 0.3),
                 ("gap_effect", 0.13, 0.06, 0.20), ("gap_observed", 0.07, 0.04, 0.10),
                 ("gap_unobserved", 0.05, -0.02, 0.12)]  # fmt: skip
        for gate, index in (("gate_1", 0.071), ("gate_2", 0.012), ("both", 0.083)):
            rows += [(f"creaming_{gate}", index, index - 0.02, index + 0.02),
                     (f"creaming_{gate}_recorded", 0.4 * index, 0.3 * index, 0.5 * index)]  # fmt: skip
    else:
        rows += [
            ("gap", 0.09, 0.01, 0.17),
            ("gap_observed", 0.05, 0.02, 0.08),
            ("gap_unobserved", 0.04, -0.03, 0.11),
        ]
    averages = pd.DataFrame(rows, columns=["measure", "estimate", *INTERVAL]).assign(std_error=0.02)
    correlations = pd.DataFrame(
        [("referral_acceptance", 0.31, 0.02, 0.6), ("referral_placement", 0.42, 0.1, 0.7),
         ("acceptance_placement", np.nan, -0.2, 0.8)],
        columns=["pair", "estimate", *INTERVAL],
    )  # fmt: skip
    return _fill(TwoGateResult,
        specification=asked("two_gates"), averages=averages, correlations=correlations, grid=pd.DataFrame(),
        outcome_observed=outcome_observed, gates="separate",
    )  # fmt: skip


def make_bounds():
    """Manski's bounds of the open gate, and of the effect without and with both assumptions."""
    bounds = pd.DataFrame(
        [("open_gate", "none", 0.114, 0.871, 0.08, 0.91), ("open_gate", "monotone_selection", 0.114, 0.47, 0.08, 0.53),
         ("all", "none", -0.2, 0.8, -0.24, 0.84), ("all", "monotone_response", 0.0, 0.8, -0.02, 0.84),
         ("all", "both", 0.0, 0.26, -0.02, 0.31)],
        columns=["estimand", "assumption", "lower", "upper", *INTERVAL],
    )  # fmt: skip
    return _fill(BoundsResult, specification=asked("bounds"), bounds=bounds)
