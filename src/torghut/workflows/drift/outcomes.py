"""What became of confident decisions, judged as the labels are that confidence is fitted on.

A confidence is the probability that the decision's target gains more than its own round trip costs,
over the declared horizon. So the outcome is the package's training label: at a sample, with a
horizon without a gap, in the direction of the target, at the decision's own cost; labels of one
symbol share no return.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Final

import numpy as np

from torghut.router.training.labels import Flags, Labels, SampledDecisions, label, label_places
from torghut.schemas.codes import Gate, Intent
from torghut.schemas.rows import DECISION, Floats, RowArray

_SPREAD: Final = int(Gate.SPREAD)
_VOLATILITY: Final = int(Gate.VOLATILITY)


def promises(rows: RowArray, gap: Flags, costs: float) -> SampledDecisions:
    """Return decisions at samples, with their confidence in place of a score.

    Its sign is the target's; it is 0 where nothing was promised: without a target, or flat.

    Args:
        rows: Shape (k,), dtype ``DECISION``, of one symbol.
        gap: Shape (k,): whether each follows a pause.
        costs: Fees and slippage of a round trip, as a ratio of the price.
    """
    promised = rows["intent"] != Intent.ABSTAIN
    signed: Floats = np.sign(rows["target"]) * rows["confidence"]
    return SampledDecisions(
        receive_ns=np.ascontiguousarray(rows["receive_ns"]),
        gap=gap,
        mid=np.ascontiguousarray(rows["reference_price"]),
        score=np.where(promised, signed, 0.0),
        volatility=np.ascontiguousarray(rows["gate_value"][:, _VOLATILITY]),
        cost=rows["gate_value"][:, _SPREAD] + costs,
    )


@dataclass(slots=True, kw_only=True)
class Outcomes:
    """One symbol's decisions whose horizon has not ended; no more than one horizon of them."""

    waiting: SampledDecisions = field(
        default_factory=lambda: promises(np.zeros(0, DECISION), np.zeros(0, np.bool_), 0.0)
    )

    def take(self, decisions: SampledDecisions, horizon_samples: int) -> Labels:
        """Return what became of decisions whose horizon has ended with these."""
        joined = SampledDecisions(
            **{
                one.name: np.concatenate(
                    [getattr(self.waiting, one.name), getattr(decisions, one.name)]
                )
                for one in fields(SampledDecisions)
            }
        )
        places = label_places(joined, horizon_samples)
        free = int(places[-1]) + horizon_samples if len(places) else 0
        begin = max(free, len(joined) - horizon_samples)
        self.waiting = SampledDecisions(
            **{one.name: getattr(joined, one.name)[begin:] for one in fields(SampledDecisions)}
        )
        return label(joined, horizon_samples)
