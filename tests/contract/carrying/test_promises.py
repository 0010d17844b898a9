"""What topics carry can be read for as long as it was let out; the committed documents say so."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from docs.reference.schemas import ASYNCAPI, FOLDER
from tests.support.decisions.declared import ROOT
from tests.support.machine.commands import typed
from torghut.adapters.filesystem.declared.topics import load_topics, released_schemas
from torghut.carrying.asyncapi import document, document_text
from torghut.carrying.promises import promises, to_release
from torghut.settings import DECLARATIONS_DIR, settings

TOPICS: Final = load_topics(ROOT)
RELEASED: Final = released_schemas(ROOT)
DOCUMENTED: Final[Any] = document(TOPICS)
DECIDED: Final = "events/live/decided.v1.json"


@pytest.mark.parametrize("promise", promises(RELEASED), ids=lambda one: one.released)
def test_released_schema_is_still_read(promise: Any) -> None:  # noqa: ANN401 - a parameter
    assert [str(one) for one in promise.broken] == []


def test_everything_that_topics_carry_was_released() -> None:
    assert to_release(TOPICS).keys() <= RELEASED.keys()


def test_older_control_record_is_read_by_the_newest() -> None:
    read_as = {one.released: one.read_as for one in promises(RELEASED)}

    assert read_as["events/control/fill.v1.json"] == "events/control/fill.v2.json"


def planted(change: Callable[[Any], None], path: str = DECIDED) -> list[str]:
    """Return what is broken once something was let out that today's schema does not have."""
    schema = json.loads(RELEASED[path])
    change(schema)
    (promise,) = promises({path: json.dumps(schema)})
    return [str(one) for one in promise.broken]


def test_key_that_went_away_breaks_its_readers() -> None:
    def with_key(schema: Any) -> None:  # noqa: ANN401 - JSON
        schema["properties"]["was_here"] = {"type": "string"}

    assert planted(with_key) == ["was_here: removed"]


def test_key_that_is_newly_required_breaks_its_readers() -> None:
    def without(schema: Any) -> None:  # noqa: ANN401 - JSON
        schema["required"].remove("speed")

    assert planted(without) == ["speed: newly required"]


def test_narrowing_deep_inside_is_found_with_its_place() -> None:
    def wider(schema: Any) -> None:  # noqa: ANN401 - JSON
        schema["$defs"]["Decision"]["properties"]["symbol"]["pattern"] = ".*"

    (found,) = planted(wider)

    assert found.startswith("decision.symbol: pattern was .*")


def test_schema_that_is_published_no_more_is_a_broken_promise() -> None:
    (promise,) = promises({"events/live/dreamt.v1.json": "{}"})

    assert [str(one) for one in promise.broken] == ["the whole: no longer published"]


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a copy of the declarations that commands read."""
    for name in ("streams", "governance", "router"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / "schemas" / "released", tmp_path / "schemas" / "released")
    monkeypatch.setenv(DECLARATIONS_DIR, str(tmp_path))
    settings.cache_clear()
    yield tmp_path
    settings.cache_clear()


def test_check_says_that_nothing_is_broken(elsewhere: Path) -> None:
    ended = typed("topics", "check")

    assert (ended.status, elsewhere.is_dir()) == (0, True)
    assert ended.out == f"12 topics, {len(RELEASED)} released schemas, 0 of them broken\n"


def test_check_fails_on_a_planted_breaking_change(elsewhere: Path) -> None:
    path = elsewhere / "schemas" / "released" / DECIDED
    schema = json.loads(path.read_text(encoding="utf-8"))
    schema["properties"]["was_here"] = {"type": "string"}
    path.write_text(json.dumps(schema), encoding="utf-8")

    ended, told = typed("topics", "check"), typed("topics", "check", "--json")

    assert (ended.status, told.status) == (3, 3)
    assert f"broken: {DECIDED}: was_here: removed" in ended.out
    assert told.json["broken"] == [
        {"schema": DECIDED, "read_as": DECIDED, "place": "was_here", "reason": "removed"}
    ]


def test_check_names_what_was_not_released_yet(elsewhere: Path) -> None:
    (elsewhere / "schemas" / "released" / DECIDED).unlink()

    ended = typed("topics", "check")

    assert ended.status == 0
    assert f"new: {DECIDED}, not released yet" in ended.out


def test_check_refuses_topics_that_do_not_go_together(elsewhere: Path) -> None:
    path = elsewhere / "streams" / "topics" / "torghut.fills.v1.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("partitions: 12", "partitions: 6"), encoding="utf-8")

    ended = typed("topics", "check")

    assert ended.status == 3
    assert ended.err.startswith("declarations.conflict: streams/topics/torghut.fills.v1.yaml")


def test_committed_document_is_what_the_declarations_say() -> None:
    written = (FOLDER / ASYNCAPI).read_text(encoding="utf-8")

    assert written == document_text(TOPICS), "run `python -m docs.reference.schemas`"


def test_document_has_a_channel_for_each_topic_with_its_keys() -> None:
    channels = DOCUMENTED["channels"]

    assert list(channels) == [topic.name for topic in TOPICS.declared]
    for topic in TOPICS.declared:
        channel = channels[topic.name]
        assert channel.keys() >= {"address", "description", "messages", "bindings"}
        assert list(channel["messages"]) == list(topic.values)
        assert channel["bindings"]["kafka"]["partitions"] == topic.partitions
        keyed = ["key" in one["bindings"]["kafka"] for one in channel["messages"].values()]
        assert set(keyed) == {topic.key != "none"}


def test_document_has_an_operation_for_each_who_writes_or_reads() -> None:
    operations = DOCUMENTED["operations"]

    assert {one["action"] for one in operations.values()} == {"send", "receive"}
    assert len(operations) == sum(1 + len(topic.consumers) for topic in TOPICS.declared)


def test_every_reference_in_the_document_leads_somewhere() -> None:
    for reference in re.findall(r'"\$ref": "([^"]+)"', document_text(TOPICS)):
        if not reference.startswith("#/"):
            assert (FOLDER / ASYNCAPI).parent.joinpath(reference).is_file(), reference
            continue
        found: Any = DOCUMENTED
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]


def test_document_is_of_the_version_that_it_states_and_holds_no_other_keys() -> None:
    assert DOCUMENTED["asyncapi"] == "3.0.0"
    assert DOCUMENTED.keys() == {
        *("asyncapi", "info", "defaultContentType", "channels", "operations", "components"),
    }
