"""The reference page of the decision: its fields from the schema, and five golden decisions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pydantic import BaseModel, JsonValue

from torghut.schemas.codes import Reason, Trigger
from torghut.schemas.decision import (
    ByExpert,
    Decision,
    DecisionLineage,
    Freshness,
    GateResult,
)

PAGE: Final = Path(__file__).resolve().parent / "decision.md"
GOLDEN: Final = PAGE.parents[2] / "tests" / "replay" / "golden" / "decisions"
EXAMPLES: Final = {
    "buy": "Buy: raise the position to the target",
    "sell": "Sell: lower the position to the target",
    "hold": "Hold: keep the target",
    "abstain": "Abstain: no target; open nothing, cancel resting entries",
    "slow": "The slow path with reasoning off: the fallback raises no exposure",
}
"""The golden decisions shown, by file name, with what each of them says."""

PARTS: Final[tuple[type[BaseModel], ...]] = (GateResult, Freshness, ByExpert, DecisionLineage)

HEAD: Final = """\
# Decision

Written by `make docs` from the code. The promise is
[`schemas/events/decisions/decided.v1.json`](../../schemas/events/decisions/decided.v1.json).

- `target_position` binds, `delta` informs. `hold` keeps the target; `abstain` has none: open
  nothing, cancel resting entries.
- Discard a decision after `valid_until_ns`, and one whose `sequence` is not above the last one of
  its symbol.
- `shadow` never trades, `paper` simulates, `live` trades up to `notional_cap`.
- Nanoseconds since 1970 UTC, and a source's own numbers, are decimal strings; everything else that
  is a number is a JSON number, the shortest that gives the row's float64 back.
- `null` stands for a number that was not computed or is not finite. Values to act on are never
  null, but for target and delta of `abstain`.
- Reasons and triggers explain; new ones may come without a new version of the schema.

The five examples below were decided on recorded EURUSD ticks of May 2014, one for each thing that
a decision can say; they are kept as golden files.
"""


def decision_page() -> str:
    """Return the page."""
    sections = [HEAD, _table("Fields", Decision), *(_table(p.__name__, p) for p in PARTS)]
    sections.append(f"## Reasons\n\n{_codes(reason.code for reason in Reason)}")
    triggers = (trigger.name.lower().replace("_", "-") for trigger in Trigger)
    sections.append(f"## Triggers\n\n{_codes(triggers)}")
    sections.extend(
        f"## {title}\n\n```json\n{(GOLDEN / f'{name}.json').read_text(encoding='utf-8')}```\n"
        for name, title in EXAMPLES.items()
    )
    return "\n".join(sections)


def _table(title: str, model: type[BaseModel]) -> str:
    """Return the fields of a model as a section."""
    properties = model.model_json_schema(mode="serialization")["properties"]
    rows = "".join(
        f"| `{name}` | {_kind(schema)} | {schema.get('description', '')} |\n"
        for name, schema in properties.items()
    )
    return f"## {title}\n\n| key | value | meaning |\n|---|---|---|\n{rows}"


def _kind(schema: dict[str, JsonValue]) -> str:
    """Return what a value may be, in words."""
    match schema:
        case {"const": value}:
            words = f"`{value}`"
        case {"enum": [*values]}:
            words = ", ".join(f"`{value}`" for value in values)
        case {"$ref": str(place)}:
            words = place.rpartition("/")[2]
        case {"anyOf": [*choices]}:
            words = " or ".join(_kind(choice) for choice in choices if isinstance(choice, dict))
        case {"items": dict(item)}:
            words = f"list of {_kind(item)}"
        case _:
            decimal = str(schema.get("pattern")).startswith("^(0|")
            words = "decimal string" if decimal else str(schema["type"])
    return words


def _codes(names: Iterator[str]) -> str:
    """Return a list of codes."""
    return ", ".join(f"`{name}`" for name in names) + "\n"


def main() -> None:
    """Write the page."""
    PAGE.write_text(decision_page(), encoding="utf-8")


if __name__ == "__main__":
    main()
