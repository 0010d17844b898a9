"""``torghut decision``: list and show decisions, say why, prove them, and verify proofs."""

from __future__ import annotations

from pathlib import Path
from typing import Final, TypedDict

import click
import msgspec
from typing_extensions import Unpack

from torghut import bootstrap
from torghut.decisions.explaining.account import Explanation, explain
from torghut.decisions.explaining.refused import RefusalExplanation, explain_refusal
from torghut.entrypoints.cli.console import json_option, print_fields, print_json, shown
from torghut.entrypoints.lookup.accounts import (
    print_decision,
    print_listed,
    print_refusal,
    print_why,
)
from torghut.entrypoints.lookup.proof import verify
from torghut.entrypoints.lookup.reading import FILE, log_option, one_decision, read_log
from torghut.entrypoints.lookup.times import TimeType
from torghut.eventlog.ports import DecisionLog
from torghut.kernel.canonical import JsonObject, parse_json_object
from torghut.kernel.errors import ExitCode
from torghut.kernel.ids import SERVING
from torghut.schemas.codes import Intent
from torghut.schemas.decision import Decision
from torghut.workflows.lookup.errors import DecisionUnknownError
from torghut.workflows.lookup.finding import (
    LATEST_NS,
    DecisionFound,
    RefusalFound,
    Selection,
    find,
    find_last,
    parse_wanted,
    run_id_of,
    select_last,
)
from torghut.workflows.lookup.in_force import Rulebook
from torghut.workflows.lookup.proof import prove as make_proof
from torghut.workflows.lookup.refusals import refusal_json
from torghut.workflows.lookup.scanning import Progress

__all__ = ["list", "prove", "show", "verify", "why"]
