"""Why a context was refused: the rule it broke, and the values it broke it with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from torghut.decisions.explaining.refusals import RULES
from torghut.decisions.explaining.words import number
from torghut.kernel.times import moment
from torghut.schemas.codes import RefusalCode
from torghut.schemas.rows import INT64_LAST_NS

_NS_PER_HOUR: Final = 3_600_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalExplanation:
    """Why a context was refused.

    Attributes:
        code: As published.
        rule: What it broke.
        found: What it carried, as ``name value``.
        limit: The declared numbers of the rule; empty where it has none.
        do: What to do about it.
    """

    code: str
    rule: str
    found: tuple[str, ...]
    limit: str
    do: str


def explain_refusal(
    context: np.void, code: RefusalCode, parameters: np.void | None
) -> RefusalExplanation:
    """Return why ``context`` was refused.

    Args:
        context: One row of dtype ``CONTEXT``.
        code: As recorded.
        parameters: The symbol's row of dtype ``PARAMETERS``; None where it is not known which
            declarations were in force.
    """
    broken = RULES[code]
    return RefusalExplanation(
        code=code.code,
        rule=broken.rule,
        found=tuple(_spelled(context, name) for name in broken.shown),
        limit="" if parameters is None else _limit(code, parameters),
        do=broken.do,
    )


def _spelled(context: np.void, name: str) -> str:
    """Return one field of a context in words."""
    if name.endswith("_ns"):
        time_ns = int(context[name])
        return f"{name[:-3]} time {moment(time_ns) if 0 <= time_ns <= INT64_LAST_NS else time_ns}"
    if name == "sequence":
        return f"sequence {int(context[name])}"
    value = float(context[name])
    return f"{name.replace('_', ' ')} {'none' if np.isnan(value) else repr(value)}"


def _limit(code: RefusalCode, parameters: np.void) -> str:
    """Return the declared numbers of the rule that ``code`` names."""
    confirmed = f"until {int(parameters['jump_confirmations'])} more contexts confirm it"
    match code:
        case RefusalCode.ABSURD_JUMP:
            ratio = float(parameters["jump_ratio"])
            return f"a jump of {number(ratio)} of the price, {confirmed}"
        case RefusalCode.TIME_LEAP:
            hours = int(parameters["receive_leap_ns"]) / _NS_PER_HOUR
            return f"{number(hours)} h ahead of the symbol's last one, {confirmed}"
        case RefusalCode.WRONG_UNIT:
            low, high = float(parameters["price_min"]), float(parameters["price_max"])
            return f"from {number(low)} to {number(high)}"
        case _:
            return ""
