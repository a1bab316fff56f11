"""Selection effects in Supported Employment, from case-level data: who passes the gates, and what that explains.

``import se_outcomes as so``. Cases become a tally, a tally becomes a fit, a fit answers a question, and the answer is
drawn, tabulated and released only if it discloses nobody. Every public name is listed below; it loads what it needs
when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # for editors and type checkers; the same names as in _CONTENTS, which a test compares
    from se_outcomes.cases.cases import Cases as Cases
    from se_outcomes.cases.check import check_cases as check_cases
    from se_outcomes.cases.load import load_cases as load_cases
    from se_outcomes.cases.schema import read_code_list as read_code_list
    from se_outcomes.cases.schema import read_schema as read_schema
    from se_outcomes.cases.simulate import simulate_cases as simulate_cases
    from se_outcomes.cases.tally_file import load_tally as load_tally
    from se_outcomes.cases.tally_file import write_tally as write_tally
    from se_outcomes.errors import CaseFileError as CaseFileError
    from se_outcomes.errors import DisclosureError as DisclosureError
    from se_outcomes.errors import EngineError as EngineError
    from se_outcomes.errors import EstimationError as EstimationError
    from se_outcomes.errors import MappingError as MappingError
    from se_outcomes.errors import SeOutcomesError as SeOutcomesError
    from se_outcomes.figures.corrected_effects import draw_corrected_effects as draw_corrected_effects
    from se_outcomes.figures.corrected_effects import draw_open_gate as draw_open_gate
    from se_outcomes.figures.correlation_grid import draw_correlation_grid as draw_correlation_grid
    from se_outcomes.figures.creaming import draw_creaming as draw_creaming
    from se_outcomes.figures.funnel import draw_funnel as draw_funnel
    from se_outcomes.figures.gap import draw_gap as draw_gap
    from se_outcomes.figures.left_out import draw_left_out as draw_left_out
    from se_outcomes.figures.losses import draw_losses as draw_losses
    from se_outcomes.figures.marginal_effects import draw_marginal_effects as draw_marginal_effects
    from se_outcomes.figures.passage import draw_passage as draw_passage
    from se_outcomes.figures.placement_curve import draw_placement_curve as draw_placement_curve
    from se_outcomes.figures.policies import draw_policies as draw_policies
    from se_outcomes.figures.prospects import draw_prospects as draw_prospects
    from se_outcomes.figures.rho_profile import draw_rho_profile as draw_rho_profile
    from se_outcomes.figures.selection import draw_selection as draw_selection
    from se_outcomes.report.codebook import render_codebook as render_codebook
    from se_outcomes.report.render import render_report as render_report
    from se_outcomes.report.render import render_reports as render_reports
    from se_outcomes.results import Result as Result
    from se_outcomes.results import Specification as Specification
    from se_outcomes.results import Test as Test
    from se_outcomes.study.acceptance import estimate_acceptance as estimate_acceptance
    from se_outcomes.study.bounds import estimate_bounds as estimate_bounds
    from se_outcomes.study.characteristics import count_characteristics as count_characteristics
    from se_outcomes.study.copula_sensitivity import (
        estimate_copula_sensitivity as estimate_copula_sensitivity,
    )
    from se_outcomes.study.creaming import estimate_creaming as estimate_creaming
    from se_outcomes.study.creaming import estimate_targeting as estimate_targeting
    from se_outcomes.study.effect import estimate_effect as estimate_effect
    from se_outcomes.study.familywise import estimate_familywise as estimate_familywise
    from se_outcomes.study.funnel import count_funnel as count_funnel
    from se_outcomes.study.hours_bounds import estimate_hours_bounds as estimate_hours_bounds
    from se_outcomes.study.left_out import estimate_left_out as estimate_left_out
    from se_outcomes.study.placement import estimate_placement as estimate_placement
    from se_outcomes.study.policies import estimate_policies as estimate_policies
    from se_outcomes.study.referral import estimate_referral as estimate_referral
    from se_outcomes.study.selected_placement import (
        estimate_selected_placement as estimate_selected_placement,
    )
    from se_outcomes.study.selection import decompose_selection as decompose_selection
    from se_outcomes.study.two_gates import estimate_two_gates as estimate_two_gates
    from se_outcomes.tables.bounds import tabulate_bounds as tabulate_bounds
    from se_outcomes.tables.characteristics import tabulate_characteristics as tabulate_characteristics
    from se_outcomes.tables.copula_sensitivity import (
        tabulate_copula_sensitivity as tabulate_copula_sensitivity,
    )
    from se_outcomes.tables.creaming import tabulate_creaming as tabulate_creaming
    from se_outcomes.tables.creaming import tabulate_creaming_levels as tabulate_creaming_levels
    from se_outcomes.tables.effect import tabulate_effect as tabulate_effect
    from se_outcomes.tables.effect import tabulate_effect_levels as tabulate_effect_levels
    from se_outcomes.tables.effect import tabulate_overlap as tabulate_overlap
    from se_outcomes.tables.exclusions import tabulate_exclusions as tabulate_exclusions
    from se_outcomes.tables.familywise import tabulate_familywise as tabulate_familywise
    from se_outcomes.tables.few_offices import tabulate_few_offices as tabulate_few_offices
    from se_outcomes.tables.funnel import tabulate_funnel as tabulate_funnel
    from se_outcomes.tables.left_out import tabulate_left_out as tabulate_left_out
    from se_outcomes.tables.left_out import tabulate_left_out_composition as tabulate_left_out_composition
    from se_outcomes.tables.left_out import tabulate_no_chance as tabulate_no_chance
    from se_outcomes.tables.left_out import tabulate_prospects as tabulate_prospects
    from se_outcomes.tables.losses import tabulate_losses as tabulate_losses
    from se_outcomes.tables.open_gate import tabulate_open_gate as tabulate_open_gate
    from se_outcomes.tables.passage import tabulate_passage as tabulate_passage
    from se_outcomes.tables.policies import tabulate_crowding as tabulate_crowding
    from se_outcomes.tables.policies import tabulate_inclusion as tabulate_inclusion
    from se_outcomes.tables.policies import tabulate_policies as tabulate_policies
    from se_outcomes.tables.selection import tabulate_selection as tabulate_selection
    from se_outcomes.tables.selection_equations import (
        tabulate_selection_equations as tabulate_selection_equations,
    )
    from se_outcomes.tables.two_gates import tabulate_correlations as tabulate_correlations
    from se_outcomes.tables.two_gates import tabulate_two_gates as tabulate_two_gates

__version__ = "0.1.0"

#: Public name -> the module that holds it (PEP 562: statsmodels, seaborn and matplotlib load only when needed).
_CONTENTS = {
    # cases
    "Cases": "cases.cases",
    "load_cases": "cases.load",
    "check_cases": "cases.check",
    "simulate_cases": "cases.simulate",
    "load_tally": "cases.tally_file",
    "write_tally": "cases.tally_file",
    "read_schema": "cases.schema",
    "read_code_list": "cases.schema",
    # study: the questions
    "count_funnel": "study.funnel",
    "count_characteristics": "study.characteristics",
    "estimate_referral": "study.referral",
    "estimate_acceptance": "study.acceptance",
    "estimate_placement": "study.placement",
    "estimate_familywise": "study.familywise",
    "estimate_copula_sensitivity": "study.copula_sensitivity",
    "estimate_selected_placement": "study.selected_placement",
    "decompose_selection": "study.selection",
    "estimate_creaming": "study.creaming",
    "estimate_targeting": "study.creaming",
    "estimate_left_out": "study.left_out",
    "estimate_effect": "study.effect",
    "estimate_bounds": "study.bounds",
    "estimate_hours_bounds": "study.hours_bounds",
    "estimate_policies": "study.policies",
    "estimate_two_gates": "study.two_gates",
    # figures
    "draw_funnel": "figures.funnel",
    "draw_passage": "figures.passage",
    "draw_marginal_effects": "figures.marginal_effects",
    "draw_selection": "figures.selection",
    "draw_corrected_effects": "figures.corrected_effects",
    "draw_open_gate": "figures.corrected_effects",
    "draw_rho_profile": "figures.rho_profile",
    "draw_placement_curve": "figures.placement_curve",
    "draw_creaming": "figures.creaming",
    "draw_gap": "figures.gap",
    "draw_correlation_grid": "figures.correlation_grid",
    "draw_left_out": "figures.left_out",
    "draw_losses": "figures.losses",
    "draw_policies": "figures.policies",
    "draw_prospects": "figures.prospects",
    # tables
    "tabulate_funnel": "tables.funnel",
    "tabulate_characteristics": "tables.characteristics",
    "tabulate_passage": "tables.passage",
    "tabulate_few_offices": "tables.few_offices",
    "tabulate_familywise": "tables.familywise",
    "tabulate_selection": "tables.selection",
    "tabulate_selection_equations": "tables.selection_equations",
    "tabulate_open_gate": "tables.open_gate",
    "tabulate_copula_sensitivity": "tables.copula_sensitivity",
    "tabulate_exclusions": "tables.exclusions",
    "tabulate_bounds": "tables.bounds",
    "tabulate_creaming": "tables.creaming",
    "tabulate_creaming_levels": "tables.creaming",
    "tabulate_effect": "tables.effect",
    "tabulate_effect_levels": "tables.effect",
    "tabulate_overlap": "tables.effect",
    "tabulate_left_out": "tables.left_out",
    "tabulate_left_out_composition": "tables.left_out",
    "tabulate_prospects": "tables.left_out",
    "tabulate_no_chance": "tables.left_out",
    "tabulate_losses": "tables.losses",
    "tabulate_policies": "tables.policies",
    "tabulate_inclusion": "tables.policies",
    "tabulate_crowding": "tables.policies",
    "tabulate_two_gates": "tables.two_gates",
    "tabulate_correlations": "tables.two_gates",
    # report
    "render_report": "report.render",
    "render_reports": "report.render",
    "render_codebook": "report.codebook",
    # results and errors
    "Result": "results",
    "Specification": "results",
    "Test": "results",
    "SeOutcomesError": "errors",
    "CaseFileError": "errors",
    "EngineError": "errors",
    "MappingError": "errors",
    "EstimationError": "errors",
    "DisclosureError": "errors",
}

__all__ = ["__version__", *_CONTENTS]  # noqa: PLE0604


def __getattr__(name: str) -> object:
    if name not in _CONTENTS:
        raise AttributeError(f"module 'se_outcomes' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_CONTENTS[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
