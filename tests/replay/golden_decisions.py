"""Golden decisions: a stored row with what its rendering needs, beside the rendering itself.

``golden/decisions/<name>.json`` is the decision as published, ``golden/rows/<name>.json`` the row
(hexadecimal) with the declared names, units and limits of its time, so that neither a changed
declaration nor a changed kernel can change what an old row is rendered to.
"""

from __future__ import annotations

import json
from math import isfinite, nan
from pathlib import Path
from typing import Final

from torghut.decisions.fold.lineage import Lineage, lineage_words
from torghut.decisions.render_context import RenderContext
from torghut.kernel.canonical import canonical_bytes
from torghut.kernel.ids import symbol_key

GOLDEN: Final = Path(__file__).resolve().parent / "golden"
DECISIONS: Final = GOLDEN / "decisions"
ROWS: Final = GOLDEN / "rows"


def golden_text(row: bytes, context: RenderContext) -> str:
    """Return the golden text of a row, for ``golden/rows``."""
    lineage = json.loads(bytes(context.lineage))
    del lineage["digest"]
    stated = {
        "row": row.hex(),
        "symbol": context.symbol,
        "unit": context.unit,
        "currency": context.currency,
        "regimes": context.regimes,
        "gates": context.gates,
        "thresholds": [limit if isfinite(limit) else None for limit in context.thresholds],
        "limits_ns": context.limits_ns,
        "suffix": context.suffix,
        "lineage": lineage,
    }
    return json.dumps(stated, indent=2) + "\n"


def golden_row(name: str) -> tuple[bytes, RenderContext]:
    """Return the row called ``name`` and what its rendering needs."""
    stated = json.loads((ROWS / f"{name}.json").read_text(encoding="utf-8"))
    lineage = Lineage(**stated["lineage"])
    context = RenderContext(
        symbol=stated["symbol"],
        unit=stated["unit"],
        currency=stated["currency"],
        regimes=tuple(stated["regimes"]),
        gates=tuple((name, comparator, unit) for name, comparator, unit in stated["gates"]),
        thresholds=tuple(nan if limit is None else limit for limit in stated["thresholds"]),
        limits_ns=tuple(stated["limits_ns"]),
        suffix=stated["suffix"],
        symbol_key=symbol_key(stated["symbol"]),
        lineage_words=tuple(lineage_words(lineage.digest).tolist()),
        lineage=canonical_bytes({**lineage.spelled(), "digest": lineage.digest}),
    )
    return bytes.fromhex(stated["row"]), context


def golden_names() -> list[str]:
    """Return the names of all golden decisions, sorted."""
    return sorted(path.stem for path in DECISIONS.glob("*.json"))


def pretty(rendered: bytes) -> str:
    """Return rendered JSON as it stands in golden files and on the reference page."""
    return json.dumps(json.loads(rendered), indent=2) + "\n"
