"""The traffic patch is whole and plain, and goes to a revision that somebody knows."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from pydantic import TypeAdapter, ValidationError

from tests.fakes.workers import status_of
from tests.support.decisions.declared import text_of
from torghut.composition.standby import TRAFFIC
from torghut.schemas.declarations.plain_yaml import read_plain
from torghut.schemas.live.traffic import TrafficPatch, patch_to
from torghut.workflows.live.switch_ports import WorkerSeen
from torghut.workflows.switches.traffic import last_stable


def template() -> TrafficPatch:
    return TypeAdapter(TrafficPatch).validate_json(json.dumps(read_plain(text_of(TRAFFIC))))


def test_the_declared_template_gives_all_traffic_to_one_revision() -> None:
    patch = patch_to(template(), "torghut-00041")

    (target,) = patch.spec.traffic
    assert (target.revisionName, target.percent, target.latestRevision) == (
        "torghut-00041",
        100,
        False,
    )


def changed(**spec: object) -> dict[str, object]:
    return {**template().model_dump(mode="json"), **spec}


def traffic(*targets: tuple[str, object]) -> dict[str, object]:
    return {"traffic": [{"revisionName": name, "percent": share} for name, share in targets]}


@pytest.mark.parametrize(
    "body",
    [
        changed(kind="Route"),
        changed(apiVersion="v1"),
        changed(metadata={"name": "Torghut"}),
        changed(metadata={"name": "torghut", "namespace": "x"}),
        changed(spec=traffic()),
        changed(spec=traffic(("a", 99))),
        changed(spec=traffic(("a", 50), ("a", 50))),
        changed(spec=traffic(("a", 101), ("b", -1))),
        changed(spec=traffic(("a", "100"))),
        changed(spec=traffic(("a_b", 100))),
        changed(spec={**traffic(("a", 100)), "template": {}}),
        changed(spec={"traffic": [{"latestRevision": True, "percent": 100}]}),
        changed(surprise=1),
    ],
)
def test_what_a_cluster_might_let_through_with_a_warning_is_refused(body: object) -> None:
    with pytest.raises(ValidationError):
        TrafficPatch.model_validate_json(json.dumps(body))


def seen(revision: str, written_ns: int) -> WorkerSeen:
    status = status_of(f"w-{written_ns}", revision=revision, written_wall_ns=written_ns)
    return WorkerSeen(worker=status.worker, alive=False, pid=status.pid, status=status)


PAGES = [
    seen("r1", 1),
    seen("r3", 3),
    seen("r2", 2),
    seen("", 9),
    WorkerSeen(worker="x", alive=True),
]


@pytest.mark.parametrize(
    ("asked", "fenced", "expected"),
    [
        ("", (), "r3"),
        ("", ("r3",), "r2"),
        ("", ("r1", "r2", "r3"), ""),
        ("r9", ("r3",), "r9"),
    ],
)
def test_the_revision_that_served_last_and_is_not_fenced_gets_the_traffic(
    asked: str, fenced: Sequence[str], expected: str
) -> None:
    assert last_stable(asked, PAGES, fenced) == expected
