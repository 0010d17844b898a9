"""The page is one well-formed file that needs nothing else and lets no text act."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from hashlib import sha256
from html.parser import HTMLParser

import pytest
from typing_extensions import override

from tests.support.decisions.summaries import hostile, largest, small
from torghut.entrypoints.report.figures import count, duration
from torghut.entrypoints.report.page import page
from torghut.workflows.report.summary import Summary

_KNOWN = frozenset(
    {"html", "head", "meta", "title", "style", "body", "script"}
    | {"header", "h1", "h2", "p", "span", "dl", "dt", "dd", "div", "nav", "a", "b", "i", "pre"}
    | {"table", "caption", "thead", "tbody", "tr", "th", "td", "small", "code"}
    | {"section", "figure", "figcaption", "svg", "path", "g", "line", "text"}
)
_WITHOUT_END = frozenset({"meta"})
_OUTSIDE = re.compile(r"(?:https?:)?//[a-z]|@import|url\(|\bsrc=", re.IGNORECASE)


@dataclass(slots=True)
class Outline(HTMLParser):
    """What a page consists of, and whether every element ends where it must."""

    open: list[str] = field(default_factory=list)
    elements: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        HTMLParser.__init__(self)

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if len(dict(attrs)) != len(attrs):
            self.faults.append(f"{tag} says something twice")
        if tag not in _WITHOUT_END:
            self.open.append(tag)

    @override
    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    @override
    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"{tag} ends out of place at {self.getpos()}")

    @override
    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def named(self, tag: str) -> list[dict[str, str | None]]:
        """Return the attributes of all elements called ``tag``."""
        return [attributes for name, attributes in self.elements if name == tag]


def outline(summary: Summary) -> Outline:
    """Return the outline of a summary's page."""
    found = Outline()
    found.feed(page(summary))
    found.close()
    return found


@pytest.mark.parametrize("summary", [small, largest, hostile])
def test_page_is_well_formed_and_of_known_elements(summary: Callable[[], Summary]) -> None:
    found = outline(summary())

    assert found.faults == []
    assert found.open == []
    assert {tag for tag, _ in found.elements} <= _KNOWN


@pytest.mark.parametrize("summary", [small, hostile])
def test_page_needs_nothing_from_elsewhere(summary: Callable[[], Summary]) -> None:
    text = page(summary())
    found = outline(summary())

    own = text.replace("src=x", "") if summary is hostile else text
    assert _OUTSIDE.findall(own) == []
    assert all((a["href"] or "").startswith("#") for a in found.named("a"))


def test_policy_names_exactly_the_style_and_the_script() -> None:
    text = page(small())
    policy = str(outline(small()).named("meta")[1]["content"])
    style = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    script = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)

    assert len(style) == len(script) == 1
    assert policy.startswith("default-src 'none'")
    for content in (style[0], script[0]):
        digest = b64encode(sha256(content.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert "unsafe" not in policy


def test_hostile_text_stays_text() -> None:
    plain, attacked = outline(small()), outline(hostile())
    text = "".join(attacked.texts)

    assert "<script>alert(1)</script>" in text
    scripts = re.findall(r"<script>.*?</script>", page(hostile()), re.DOTALL)
    assert "alert(1)" not in "".join(scripts)
    assert len(attacked.named("script")) == len(plain.named("script"))
    assert attacked.named("img") == []
    for _, attributes in attacked.elements:
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
    assert not set(page(hostile())) & {"\x00", "\x1b", "\u202e"}


def test_numbers_for_the_script_are_json_and_end_at_the_last_point() -> None:
    text = page(small())
    found = re.findall(r'<script type="application/json" class="numbers">(.*?)</script>', text)

    assert len(found) == len([one for one in small().symbols if one.series])
    for raw, symbol in zip(found, small().symbols, strict=True):
        numbers = json.loads(raw)
        assert symbol.series is not None
        points = len(symbol.series.price)
        assert sum(numbers["time"]) == symbol.series.time_ns[-1] // 1_000_000
        assert len(numbers["time"]) == len(numbers["regime"]) == points
        price = numbers["columns"][0]
        assert sum(price["steps"]) / 10 ** price["digits"] == pytest.approx(
            symbol.series.price[-1], abs=1e-6
        )


def test_page_of_three_symbols_stays_below_600_kb() -> None:
    assert len(page(largest()).encode()) < 600_000


def test_page_says_what_was_counted_and_that_it_is_simulated() -> None:
    text = "".join(outline(small()).texts)
    summary = small()

    for said in (
        "not live",
        "Every gain below is simulated",
        count(summary.contexts),
        count(summary.decided),
        summary.facts.root,
        f"{summary.facts.head_number}:{summary.facts.head_digest}",
        summary.facts.licence,
        "torghut log verify",
        "market.undecodable",
        "crossed-book",
    ):
        assert said in text, said


def test_what_is_not_as_it_should_be_is_said_first() -> None:
    one = small().symbols[0]
    fit = replace(small().fits[0], overlaps=True)
    odd = replace(
        small(),
        contexts=small().contexts + 1,
        fits=(fit,),
        first_block=9,
        symbols=(replace(one, modes={"live": 3}), *small().symbols[1:]),
    )

    head = "".join(outline(odd).texts).partition("What came of it")[0]

    for said in ("mode live", "do not add up", "has seen its own run", "Blocks before 9"):
        assert said in head, said
    assert "not live" not in head


def test_page_without_decisions_is_still_a_page() -> None:
    found = outline(replace(small(), symbols=(), decided=0, fits=(), examples=(), arms=()))

    assert found.faults == []
    assert "nothing decided" in "".join(found.texts)


def test_page_says_what_is_in_each_measured_time() -> None:
    text, pace = page(small()), small().pace

    for label, time_ns in (
        ("deciding one context, half within", pace.decide_p50_ns),
        ("deciding one context, 99 % within", pace.decide_p99_ns),
        ("making a block durable, half within", pace.durable_p50_ns),
        ("making a block durable, 99 % within", pace.durable_p99_ns),
    ):
        assert label in text
        assert duration(time_ns) in text
