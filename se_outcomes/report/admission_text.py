"""The report's sentences about admission: who is taken and who is left, what it does, and other rules."""

from __future__ import annotations

from typing import Any

import pandas as pd

from se_outcomes.report.admission_answers import ADMISSION
from se_outcomes.report.answers import Answers
from se_outcomes.study.bounds import BoundsResult
from se_outcomes.study.creaming import CreamingResult
from se_outcomes.study.effect import EffectResult
from se_outcomes.study.funnel import FunnelResult
from se_outcomes.study.left_out import LeftOutResult
from se_outcomes.study.leniency import LENIENCY
from se_outcomes.study.losses import share_losses
from se_outcomes.study.policies import PolicyResult
from se_outcomes.study.two_gates import TwoGateResult
from se_outcomes.wording.words import Words


def _name_question(key: str, words: Words) -> str:
    """What a question about admission is called inside a sentence."""
    return {
        "left_out": words.say("asked_left_out"),
        "creaming": words.say("asked_creaming"),
        "targeting": words.say("asked_targeting"),
        "effect": words.say("asked_effect"),
        "bounds": words.say("asked_bounds"),
        "two_gates": words.say("asked_two_gates"),
        "policies": words.say("asked_policies"),
    }[key]


def _as_begun(said: str) -> str:
    return said[:1].upper() + said[1:]


def say_remedies(answers: Answers, exposure: str, words: Words) -> list[str]:
    """Questions about admission without an answer: why, and what would give one."""
    said = []
    for key in ADMISSION:
        if key not in answers.refusals:
            continue
        refusal = answers.refusals[key]
        remedies = {
            "outcome_for_accepted_only": words.say("remedy_register"),
            "outcome_observed_unknown": words.say("remedy_plan"),
            "one_office": words.say("remedy_offices"),
            "no_variation": words.say("remedy_cases"),
            "no_cases": words.say("remedy_cases"),
            "empty_cell": words.say("remedy_cases"),
            "separation": words.say("remedy_fewer"),
            "collinearity": words.say("remedy_fewer"),
            "not_converged": words.say("remedy_fewer"),
        }
        why = words.refusal(refusal, exposure)
        why = " ".join(filter(None, (why, remedies.get(refusal.reason, ""))))
        said.append(words.say("left_out_question", question=_as_begun(_name_question(key, words)), why=why))
    if answers.admission.withheld:
        named = words.listed([_name_question(key, words) for key in answers.admission.withheld])
        why = words.say("finding_admission_withheld")
        said.append(words.say("left_out_question", question=_as_begun(named), why=why))
    return said


# --- who is taken, and who is left ------------------------------------------------------------------


def say_losses(funnel: FunnelResult, exposure: str, words: Words) -> list[str]:
    """Where the lowest and the highest quarter are lost."""
    shares: Any = share_losses(funnel).set_index(["group", "fate"])["share"]
    fates = ("not_accepted",) if funnel.gates == "merged" else ("not_referred", "not_accepted")
    if not {("q1", fates[0]), ("q4", fates[0])} <= set(shares.index):
        return []
    told = {(group, fate): shares[group, fate] for group in ("q1", "q4") for fate in fates}
    if pd.isna(list(told.values())).any():
        return []
    parts = {f"{group}_{fate}": words.percent(share, 0) for (group, fate), share in told.items()}
    merged = funnel.gates == "merged"
    key = "finding_losses_merged" if merged else "finding_losses"
    return [words.say(key, exposure=exposure, **parts)]


def say_left_out_groups(result: LeftOutResult, gates: str, words: Words) -> list[str]:
    """How many there are of each, and how those who came least far would fare; a status may have nobody."""
    rows: Any = result.groups.set_index(["status", "measure"])
    statuses = (
        ("not_accepted", "accepted") if gates == "merged" else ("not_referred", "not_accepted", "accepted")
    )
    present = [status for status in statuses if (status, "share") in rows.index]
    said = _say_statuses({status: rows.loc[(status, "share"), "estimate"] for status in present}, words)
    first = present[0]
    who = words.say("who_not_referred" if first == "not_referred" else "who_not_accepted")
    for measure in ("without_se", "with_se"):
        if (first, measure) not in rows.index or pd.isna(rows.loc[(first, measure), "estimate"]):
            continue
        row = rows.loc[(first, measure)]
        said.append(
            words.say(
                "finding_prospects_without" if measure == "without_se" else "finding_prospects_with",
                who=who,
                rest=words.percent(row["estimate"], 0),
                accepted=words.percent(rows.loc[("accepted", measure), "estimate"], 0),
                points=words.points(row["difference"]),
                interval=words.interval(row["difference_low"], row["difference_high"], words.points),
            )
        )
    return said


def _say_statuses(shares: dict[str, float], words: Words) -> list[str]:
    """How many there are of each, unless one is withheld or nobody was left between the gates."""
    if "not_accepted" not in shares or pd.isna(list(shares.values())).any():
        return []
    key = "finding_statuses" if "not_referred" in shares else "finding_statuses_merged"
    return [words.say(key, **{status: words.percent(share, 0) for status, share in shares.items()})]


def say_no_chance(result: LeftOutResult, words: Words) -> list[str]:
    """How many have practically no chance of being accepted."""
    of_all = result.overlap.loc[result.overlap["group"] == "all", "share"].iloc[0]
    if pd.isna(of_all):
        return []
    threshold = words.percent(result.threshold, 0)
    if round(100 * of_all) == 0:
        return [words.say("finding_no_chance_none", threshold=threshold)]
    return [words.say("finding_no_chance", share=words.percent(of_all, 0), threshold=threshold)]


def say_creaming(result: CreamingResult, words: Words) -> list[str]:
    """Which way the index goes over both gates, its parts, and how far it is from a strict ranking."""
    rows: Any = result.estimates.set_index(["gate", "measure"])
    both = rows.loc[("both", "points")]
    if pd.isna(both["estimate"]) or pd.isna(both["conf_low"]):
        return []
    down = both["conf_high"] < 0
    sign = -1.0 if down else 1.0
    ends = sorted((sign * both["conf_low"], sign * both["conf_high"]))
    parts = {
        "points": words.points(sign * both["estimate"]),
        "low": words.points(ends[0]),
        "high": words.points(ends[1]),
    }
    way = "down" if down else "up" if both["conf_low"] > 0 else "unclear"
    index = "targeting" if result.basis == "gain" else "creaming"
    said = [words.say(f"finding_{index}_{way}", **parts)]
    gates = [
        rows.loc[(gate, "points"), "estimate"]
        for gate in ("gate_1", "gate_2")
        if (gate, "points") in rows.index
    ]
    if len(gates) == 2 and not pd.isna(gates).any():
        first, second = map(words.points, gates)
        said.append(words.say("finding_creaming_gates", first=first, second=second))
    ratio = rows.loc[("both", "ratio")] if ("both", "ratio") in rows.index else None
    if ratio is not None and not pd.isna([ratio["estimate"], ratio["conf_low"], ratio["conf_high"]]).any():
        said.append(
            words.say(
                "finding_ratio",
                ratio=words.number(ratio["estimate"]),
                low=words.number(ratio["conf_low"]),
                high=words.number(ratio["conf_high"]),
            )
        )
    return said


# --- what it does -----------------------------------------------------------------------------------


def say_effect(result: EffectResult, words: Words) -> list[str]:
    """The gap as it stands, and the effect on the accepted and on the others."""
    rows: Any = result.estimates.set_index(["method", "estimand"])
    naive, accepted, others = (
        rows.loc[key] for key in (("naive", "all"), ("within", "accepted"), ("within", "not_accepted"))
    )
    if pd.isna(accepted["estimate"]):
        return []
    return [
        words.say(
            "finding_gap_naive",
            points=words.points(naive["estimate"], 0),
            interval=words.interval(naive["conf_low"], naive["conf_high"], _whole(words)),
        ),
        words.say(
            "finding_effect",
            points=words.points(accepted["estimate"]),
            interval=words.interval(accepted["conf_low"], accepted["conf_high"], words.points),
            others=words.points(others["estimate"]),
            others_interval=words.interval(others["conf_low"], others["conf_high"], words.points),
        ),
        words.say("finding_effect_holds"),
    ]


def say_bounds(result: BoundsResult, words: Words) -> list[str]:
    """What an open gate would give without an assumption, and with one."""
    rows: Any = result.bounds.set_index(["estimand", "assumption"])
    none, selection = (rows.loc[("open_gate", name)] for name in ("none", "monotone_selection"))
    if pd.isna([none["lower"], none["upper"], selection["upper"]]).any():
        return []
    low, high, most = (words.percent(end, 0) for end in (none["lower"], none["upper"], selection["upper"]))
    return [words.say("finding_bounds", low=low, high=high, most=most)]


def tells_nothing(result: TwoGateResult) -> bool:
    """Whether the interval of the open gate holds every share there can be: the rest of the model says no more."""
    row = result.averages.set_index("measure").loc["open_gate"]
    return not result.inside and bool(row["conf_low"] <= 0.005 and row["conf_high"] >= 0.995)


def say_two_gates(result: TwoGateResult, words: Words) -> list[str]:
    """What the model of both gates assumes, and what it finds."""
    said = [words.say("explain_two_gates")]
    if result.identified:
        first, second = (_name_exclusions(names, words) for names in _exclusions(result))
        key = "explain_two_exclusions" if first else "explain_one_exclusion"
        said.append(words.say(key, referral=first, acceptance=second))
    else:
        said.append(words.say("finding_two_gates_not_identified"))
    if tells_nothing(result):
        return [*said, words.say("finding_two_gates_nothing")]
    rows: Any = result.averages.set_index("measure")
    opened = rows.loc["open_gate"]
    ends = {"low": words.percent(opened["conf_low"], 0), "high": words.percent(opened["conf_high"], 0)}
    if pd.isna(opened["estimate"]):
        said.append(words.say("finding_two_gates_open_set", **ends))
    else:
        said.append(words.say("finding_two_gates_open", share=words.percent(opened["estimate"], 0), **ends))
    if "effect_accepted" in rows.index:
        said += _say_gap(rows, words)
    return said


def _exclusions(result: TwoGateResult) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return result.exclusion_referral, result.exclusion_acceptance


def _name_exclusions(names: tuple[str, ...], words: Words) -> str:
    told = [words.say("exclusion_leniency") if name == LENIENCY else words.noun(name) for name in names]
    return words.listed(told) if told else ""


def _say_gap(rows: Any, words: Words) -> list[str]:
    effect = rows.loc["effect_accepted"]
    ends = {"low": words.points(effect["conf_low"]), "high": words.points(effect["conf_high"])}
    if pd.isna(effect["estimate"]):
        return [words.say("finding_two_gates_effect_set", **ends)]
    parts = {name: words.points(rows.loc[f"gap_{name}", "estimate"]) for name in ("observed", "unobserved")}
    return [
        words.say("finding_two_gates_effect", points=words.points(effect["estimate"]), **ends),
        words.say("finding_two_gates_gap", gap=words.points(rows.loc["gap", "estimate"]), **parts),
    ]


# --- other rules ------------------------------------------------------------------------------------


def say_policies(result: PolicyResult, words: Words) -> list[str]:
    """How many would be placed by other rules, with open gates, and if the gain shrinks."""
    values: Any = result.values.set_index(["policy", "measure"])
    changes = {
        policy: values.loc[(policy, "difference")] for policy in dict.fromkeys(result.values["policy"])
    }
    told = {name: _change(row, words) for name, row in changes.items() if name != "status_quo"}
    today, opened = (values.loc[(policy, "placed"), "estimate"] for policy in ("status_quo", "open_gate"))
    if pd.isna([today, opened]).any():
        return []
    said = [
        words.say("finding_policies_today", today=words.percent(today, 0)),
        words.say("finding_policies_open", opened=words.percent(opened, 0), change=told["open_gate"]),
        words.say(
            "finding_policies",
            lottery=told["lottery"],
            highest=told["highest_prospects"],
            need=told["need_first"],
            gain=told["largest_gain"],
        ),
    ]
    row: Any = result.crowding.loc[result.crowding["crowding"] == 1.0].iloc[0]
    change = (
        f"{words.points(row['difference'])} {words.interval(row['conf_low'], row['conf_high'], words.points)}"
    )
    return [*said, words.say("finding_crowding", change=change)]


def say_inclusion(result: PolicyResult, exposure: str, words: Words) -> list[str]:
    """Who of the lowest quarter is let in today, by lot, and by need."""
    rows: Any = result.inclusion.set_index(["policy", "group"])["estimate"]
    if ("status_quo", "q1") not in rows.index:
        return []
    shares = {policy: rows[policy, "q1"] for policy in ("status_quo", "lottery", "need_first")}
    if pd.isna(list(shares.values())).any():
        return []
    parts = {policy: words.percent(share, 0) for policy, share in shares.items()}
    return [words.say("finding_inclusion", exposure=exposure, **parts)]


def _change(row: Any, words: Words) -> str:
    interval = words.interval(row["conf_low"], row["conf_high"], words.points)
    return f"{words.points(row['estimate'])} {interval}"


def _whole(words: Words) -> Any:
    return lambda difference: words.points(difference, 0)


# --- summary and method -----------------------------------------------------------------------------


def say_admission_in_short(answers: Answers, words: Words) -> list[str]:
    """Two findings for the summary: creaming, and the effect with open gates."""
    found, said = answers.admission, []
    if found.creaming is not None:
        said.append(" ".join(say_creaming(found.creaming, words)[:2]))
    if found.effect is not None:
        opened = [] if found.policies is None else say_policies(found.policies, words)[1:2]
        said.append(" ".join([*say_effect(found.effect, words), *opened]))
    return [sentence for sentence in said if sentence]


def say_admission_method(answers: Answers, words: Words) -> list[str]:
    """How the numbers about admission were made."""
    found, said = answers.admission, []
    if found.left_out is not None or found.creaming is not None:
        said.append(words.say("method_prospects"))
    if found.creaming is not None:
        said.append(words.say("method_creaming"))
    if found.effect is not None:
        said.append(words.say("method_effect"))
    if found.bounds is not None:
        said.append(words.say("method_bounds"))
    if found.two_gates is not None:
        said.append(words.say("method_two_gates"))
        if not found.two_gates.specification.office_effects:
            said.append(words.say("method_two_gates_across"))
    if found.policies is not None:
        said.append(words.say("method_policies"))
    if found.answered:
        said.append(words.say("explain_whole_per_cent"))
    return said


def say_admission_notices(answers: Answers, words: Words) -> list[str]:
    """Every notice of the answers about admission; those of a model that tells nothing are in its section."""
    return [
        words.notice(notice) for answer in answers.admission.answered.values() for notice in answer.warnings
    ]
