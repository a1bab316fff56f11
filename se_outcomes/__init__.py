"""Selection effects in Supported Employment, from case-level data: who passes the gates, and what that explains.

``import se_outcomes as so``. Cases become a tally, a tally becomes a fit, a fit answers a question, and the answer is
drawn, tabulated and released only if it discloses nobody. Every public name is listed below; it loads what it needs
when it is first used.
"""

from __future__ import annotations

import importlib

__version__ = "0.1.0"

#: Public name -> the module that holds it (PEP 562: statsmodels, seaborn and matplotlib load only when needed).
_CONTENTS = {
    # cases
    "Cases": "cases.cases",
    "load_cases": "cases.load",
    "check_cases": "cases.check",
    "simulate_cases": "cases.simulate",
    "read_schema": "cases.schema",
    "read_code_list": "cases.schema",
    # study: the questions
    "count_funnel": "study.funnel",
    "count_characteristics": "study.characteristics",
    "estimate_referral": "study.referral",
    "estimate_acceptance": "study.acceptance",
    "estimate_placement": "study.placement",
    "decompose_selection": "study.selection",
    # figures
    "draw_funnel": "figures.funnel",
    "draw_passage": "figures.passage",
    "draw_marginal_effects": "figures.marginal_effects",
    "draw_selection": "figures.selection",
    # tables
    "tabulate_funnel": "tables.funnel",
    "tabulate_characteristics": "tables.characteristics",
    "tabulate_passage": "tables.passage",
    "tabulate_selection": "tables.selection",
    "tabulate_exclusions": "tables.exclusions",
    # report
    "render_report": "report.render",
    "render_codebook": "report.codebook",
    # results and errors
    "Result": "results",
    "Specification": "results",
    "Test": "results",
    "SeOutcomesError": "errors",
    "CaseFileError": "errors",
    "MappingError": "errors",
    "EstimationError": "errors",
    "DisclosureError": "errors",
}

__all__ = ["__version__", *_CONTENTS]


def __getattr__(name: str) -> object:
    if name not in _CONTENTS:
        raise AttributeError(f"module 'se_outcomes' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_CONTENTS[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
