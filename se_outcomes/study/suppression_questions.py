"""Which directions the suppressed cells of a tally are moved in for each question, and what its main estimate is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from se_outcomes.cases.cases import Cases
from se_outcomes.cases.suppressed_cells import SuppressedCells
from se_outcomes.study.suppression_directions import (
    Direction,
    Pointer,
    point_to_characteristics,
    point_to_gap,
    point_to_groups,
    point_to_passage,
    point_to_ratio,
)


@dataclass(frozen=True)
class Asked:
    """How a question is asked over completions.

    Attributes
    ----------
    stages : tuple of str
        Of :data:`~se_outcomes.study.suppression_directions.STAGES`: whose shares and slopes the answer hangs on.
    main : tuple of mappings
        Rows of ``tidy()`` that are the main estimates, the first of them the one that is told in words.
    gap : bool
        Whether the answer hangs on the difference in placement between the accepted and others.
    counted : bool
        Whether the answer is a count of groups, whose range is then exact.
    slow : bool
        Whether an answer takes so long that fewer completions are tried.
    """

    stages: tuple[str, ...]
    main: tuple[Mapping[str, str], ...] = ({},)
    gap: bool = False
    counted: bool = False
    slow: bool = False

    def directions(
        self, central: Cases, suppressed: SuppressedCells, call: Mapping[str, Any], result: Any
    ) -> Iterator[Direction]:
        """Every direction."""
        plan = central.plan
        adjust_for = call.get("adjust_for")
        adjusted = plan.adjust_for if adjust_for is None else adjust_for
        adjusted = (adjusted,) if isinstance(adjusted, str) else tuple(adjusted)
        exposure = str(call.get("exposure") or plan.exposure)
        there = tuple(name for name in adjusted if name in central.columns and name != exposure)
        pointer = Pointer(central, suppressed, exposure, there)
        stages = self._stages(plan.gates)
        if result.question == "characteristics":
            yield from point_to_characteristics(pointer, result)
            return
        if self.counted:
            yield from point_to_groups(pointer, result.by, stages)
            return
        if result.question == "selection":  # first, as a report tries the first few only
            yield from point_to_ratio(pointer)
        yield from point_to_passage(pointer, stages, thorough=not self.slow)
        if self.gap:
            yield from point_to_gap(pointer)

    def _stages(self, gates: str) -> tuple[str, ...]:
        """Where the gates are merged, acceptance is of all eligible, and nothing is known of referral."""
        if gates != "merged":
            return self.stages
        merged = {"acceptance": "admission", "referral": "admission", "placement_referred": "placement_all"}
        return tuple(dict.fromkeys(merged.get(name, name) for name in self.stages))

    def targets(self, estimates: pd.Series) -> list[Any]:
        """Rows whose range is looked for most: of each main estimate the last that there is."""
        keys = estimates.attrs["keys"]
        found: list[Any] = []
        for wanted in self.main:
            rows = [
                row
                for row in estimates.index
                if wanted.items() <= dict(zip(keys, row, strict=True)).items() and np.isfinite(estimates[row])
            ]
            found += rows[-1:] if wanted else rows[:1]
        return list(dict.fromkeys(found))

    @staticmethod
    def key(result: Any) -> str:
        """What the question is called in the wording."""
        asked = getattr(result, "specification", None)
        everyone = result.question == "placement" and asked is not None and asked.at_risk == "eligible"
        return "placement_eligible" if everyone else str(result.question)


_PASSAGE = (
    {"measure": "ame", "contrast": "per_sd"},
    {"measure": "ame", "contrast": "top_vs_bottom"},
    {"measure": "ame"},
)
_ALL = ("referral", "acceptance", "admission", "placement_accepted", "placement_rest", "placement_all")

#: By ``result.question``.
QUESTIONS: Mapping[str, Asked] = {
    "funnel": Asked(("referral", "acceptance", "placement_in_programme", "retention"), counted=True),
    "characteristics": Asked((), counted=True),
    "referral": Asked(("referral",), _PASSAGE),
    "acceptance": Asked(("acceptance",), _PASSAGE),
    "placement": Asked(("placement_accepted", "placement_all"), _PASSAGE),
    "selection": Asked(("referral", "acceptance", "placement_accepted"), ({"term": "net"}, {})),
    "selected_placement": Asked(
        ("acceptance", "placement_accepted", "placement_referred"),
        ({"measure": "ame", "model": "corrected"}, {"measure": "ame", "model": "naive"}),
        gap=True,
        slow=True,
    ),
    "copula_sensitivity": Asked(
        ("acceptance", "placement_accepted", "placement_referred"), ({"measure": "ame"},), slow=True
    ),
    "creaming": Asked(_ALL, ({"gate": "both", "measure": "points"},)),
    "targeting": Asked(_ALL, ({"gate": "both", "measure": "points"},), gap=True),
    "left_out": Asked(("referral", "acceptance", "admission", "placement_accepted", "placement_rest")),
    "effect": Asked(
        ("admission", "placement_accepted", "placement_rest"),
        ({"estimand": "all", "method": "within"}, {"estimand": "accepted", "method": "within"}),
        gap=True,
    ),
    "bounds": Asked(("admission", "placement_accepted", "placement_rest", "placement_all"), gap=True),
    "hours_bounds": Asked(("admission", "placement_accepted", "placement_rest", "placement_all"), gap=True),
    "policies": Asked(
        ("admission", "placement_accepted", "placement_rest"),
        ({"term": "open_gate", "measure": "difference"},),
        gap=True,
    ),
    "two_gates": Asked(
        ("referral", "acceptance", "placement_accepted", "placement_rest"),
        ({"equation": "placement", "model": "corrected"},),
        gap=True,
        slow=True,
    ),
}
