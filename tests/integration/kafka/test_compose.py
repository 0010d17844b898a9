"""The file for those who have containers has the form that compose wants, and runs what we test."""

from __future__ import annotations

import re
from typing import Any, Final

import jsonschema
import yaml

from ops.servers.jars import POM
from ops.servers.node import BrokerOptions, properties
from tests.support.decisions.declared import ROOT

COMPOSE: Final[Any] = yaml.safe_load((ROOT / "ops" / "compose.yaml").read_text(encoding="utf-8"))

SERVICE: Final = {
    "type": "object",
    "additionalProperties": False,
    "required": ["image", "ports", "environment", "healthcheck"],
    "properties": {
        "image": {"type": "string", "pattern": r"^(apache/kafka|postgres):[0-9][0-9.]*$"},
        "ports": {"type": "array", "items": {"pattern": r"^127\.0\.0\.1:[0-9]+:[0-9]+$"}},
        "environment": {"type": "object", "additionalProperties": {"type": "string"}},
        "command": {"type": "array", "items": {"type": "string"}},
        "healthcheck": {
            "type": "object",
            "additionalProperties": False,
            "required": ["test"],
            "properties": {
                "test": {"type": "array", "items": {"type": "string"}},
                "interval": {"pattern": "^[0-9]+s$"},
                "timeout": {"pattern": "^[0-9]+s$"},
                "retries": {"type": "integer"},
            },
        },
    },
}
"""As much of compose's form as the file uses."""


def test_file_has_the_form_of_a_compose_file() -> None:
    form = {
        "type": "object",
        "additionalProperties": False,
        "required": ["name", "services"],
        "properties": {
            "name": {"pattern": "^[a-z0-9][a-z0-9_-]*$"},
            "services": {"type": "object", "additionalProperties": SERVICE},
        },
    }

    jsonschema.validate(COMPOSE, form, cls=jsonschema.Draft202012Validator)
    assert COMPOSE["services"].keys() == {"kafka", "postgres"}


def test_image_is_of_the_version_that_tests_run() -> None:
    jars = re.search(r"<version>(\d+\.\d+\.\d+)</version>", POM.read_text(encoding="utf-8"))

    assert jars is not None
    assert COMPOSE["services"]["kafka"]["image"] == f"apache/kafka:{jars[1]}"


def test_broker_in_a_container_is_set_up_as_the_one_that_tests_run() -> None:
    tested = properties(1, [(9092, 9093)], BrokerOptions(), ROOT)
    contained = {
        name.removeprefix("KAFKA_").lower().replace("_", "."): value
        for name, value in COMPOSE["services"]["kafka"]["environment"].items()
    }
    placed = {name for name in contained if "listener" in name or name.endswith("voters")}

    assert {name: tested[name] for name in contained.keys() - placed} == {
        name: contained[name] for name in contained.keys() - placed
    }


def test_postgres_in_a_container_keeps_what_it_acknowledges() -> None:
    command = COMPOSE["services"]["postgres"]["command"]

    assert {"fsync=on", "synchronous_commit=on", "full_page_writes=on"} <= set(command)
