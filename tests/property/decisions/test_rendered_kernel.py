"""Every row that the kernel writes can be published."""

from __future__ import annotations

import json
from typing import Final

import numpy as np
from jsonschema import Draft202012Validator

from tests.support.decisions import rows
from tests.support.decisions.declared import shipped
from tests.support.decisions.kernels import reference
from torghut.decisions.fold.lineage import Lineage, lineage_words
from torghut.decisions.kernel.engine import Tables
from torghut.decisions.parameters import initial_states, parameter_rows
from torghut.decisions.render_context import render_context
from torghut.decisions.rendering import render_decision, render_json
from torghut.schemas.decision import Decision
from torghut.schemas.publish import publications, schema_text
from torghut.schemas.rows import SOURCE

SYMBOL: Final = "binance-spot:BTCUSDT"
CONTEXTS: Final = 400


def test_every_row_the_kernel_writes_is_rendered() -> None:
    declarations = shipped()
    parameters, sessions = parameter_rows(declarations, {}, [SYMBOL])
    lineage = Lineage(
        arm="serving", kernel_version=1, declarations=declarations.digest, package="", control=""
    )
    states = initial_states(declarations, [SYMBOL])
    states["lineage"] = lineage_words(lineage.digest)
    tables = Tables(
        parameters=parameters,
        sources=np.array([(1, 2), (3, 4)], SOURCE),
        sessions=sessions,
        due_ns=np.zeros(1, np.int64),
    )
    contexts = rows.walk(CONTEXTS)
    for price in ("bid", "ask", "last"):
        contexts[price] *= 50_000.0
    context = render_context(
        instrument=declarations.instrument(SYMBOL),
        gates=declarations.gates,
        parameters=parameters[0],
        lineage=lineage,
    )
    published = next(one for one in publications() if one.model is Decision)
    validator = Draft202012Validator(json.loads(schema_text(published)))

    decisions, _ = rows.decide(reference(), contexts, states, tables)

    assert len(decisions) > CONTEXTS // 2
    for row in decisions:
        rendered = json.loads(render_json(row, context))
        validator.validate(rendered)
        assert json.loads(render_decision(row, context).model_dump_json()) == rendered
