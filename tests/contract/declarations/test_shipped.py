"""Every shipped declaration fits its published schema, its model and the kernel's closed worlds."""

from __future__ import annotations

import re

import jsonschema
import pytest

from tests.support.decisions.declared import FILES, shipped, text_of
from torghut.schemas.codes import Expert, Mode, OnStop, RouterMode
from torghut.schemas.declarations.plain_yaml import read_plain
from torghut.schemas.publish import DECLARED
from torghut.schemas.rows import STATE


def kind_of(file: str) -> str:
    """Return the kind that a shipped declaration states."""
    document = read_plain(text_of(file))
    assert isinstance(document, dict)
    return str(document["kind"])


@pytest.mark.parametrize("file", FILES)
def test_file_fits_the_schema_of_its_kind(file: str) -> None:
    schema = DECLARED[kind_of(file)].model_json_schema()

    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(read_plain(text_of(file)), schema, cls=jsonschema.Draft202012Validator)


@pytest.mark.parametrize("file", FILES)
def test_schema_refuses_an_unknown_key(file: str) -> None:
    document = read_plain(text_of(file))
    assert isinstance(document, dict)

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document | {"surprise": 1}, DECLARED[kind_of(file)].model_json_schema())


def test_every_kind_is_shipped() -> None:
    assert {kind_of(file) for file in FILES} == set(DECLARED)


@pytest.mark.parametrize("kind", sorted(DECLARED))
def test_kind_is_a_name_with_a_version(kind: str) -> None:
    assert re.fullmatch(r"[a-z-]+\.v[0-9]+", kind)
    assert DECLARED[kind].model_json_schema()["additionalProperties"] is False


@pytest.mark.parametrize("file", [file for file in FILES if "instruments/" in file])
def test_file_is_named_after_its_symbol(file: str) -> None:
    document = read_plain(text_of(file))
    assert isinstance(document, dict)

    assert file == f"streams/instruments/{str(document['symbol']).replace(':', '-')}.yaml"


@pytest.mark.parametrize("file", [file for file in FILES if "/calendars/" in file])
def test_calendar_file_has_its_name(file: str) -> None:
    document = read_plain(text_of(file))
    assert isinstance(document, dict)

    assert file == f"streams/calendars/{document['name']}.yaml"


@pytest.mark.parametrize("file", [file for file in FILES if "/experts/" in file])
def test_expert_file_has_its_name(file: str) -> None:
    document = read_plain(text_of(file))
    assert isinstance(document, dict)

    assert file == f"router/experts/{document['expert']}.yaml"


@pytest.mark.parametrize(
    ("field", "members"),
    [("mode", Mode), ("router_mode", RouterMode), ("on_stop", OnStop)],
)
def test_declared_choices_are_the_kernels(field: str, members: type[Mode]) -> None:
    schema = DECLARED["instrument.v1"].model_json_schema()
    definitions = schema["$defs"]
    assert isinstance(definitions, dict)

    choices = definitions["Risk"]["properties"][field]["enum"]

    assert choices == [member.name.lower().replace("_", "-") for member in members]


def test_declared_experts_are_the_kernels() -> None:
    assert [one.expert for one in shipped().experts] == [e.name.lower() for e in Expert]


def test_experts_look_at_what_the_kernel_remembers() -> None:
    inputs = {name for expert in shipped().experts for name in expert.inputs}

    assert inputs <= set(STATE.names or ())


@pytest.mark.parametrize(
    "symbol",
    [
        "binance-spot:BTCUSDT",
        "binance-spot:ETHUSDT",
        "binance-usdm:BTCUSDT",
        "fxcm:EURUSD",
        "fxcm:NZDUSD",
        "index:NASDAQ",
        "index:SP500",
    ],
)
def test_instrument_starts_on_paper_and_reduces_when_stopped(symbol: str) -> None:
    risk = shipped().instrument(symbol).risk

    assert (risk.mode, risk.on_stop) == ("paper", "reduce-only")
