"""Tokens are read from lines, found by digest, and never repeated in an error."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torghut.workflows.live.access.errors import RoleMissingError, TokensMalformedError
from torghut.workflows.live.access.tokens import Role, parse_tokens

TOKEN = "t" * 32
OTHER = "u" * 32

TEXT = f"""\
# who may do what
read watcher {TOKEN}

operate  desk\t{OTHER}   # two people
"""


def test_each_line_is_a_caller() -> None:
    callers = parse_tokens(TEXT, "tokens").callers

    assert [(one.name, one.role) for one in callers] == [
        ("watcher", Role.READ),
        ("desk", Role.OPERATE),
    ]


def test_a_token_is_found_and_anything_else_is_not() -> None:
    ring = parse_tokens(TEXT, "tokens")
    found = ring.find(TOKEN.encode())

    assert found is not None
    assert found.name == "watcher"
    assert ring.find(TOKEN[:-1].encode()) is None
    assert ring.find(b"") is None
    assert ring.find(b"\xff" * 32) is None


def test_a_keyring_keeps_no_token() -> None:
    assert TOKEN not in repr(parse_tokens(TEXT, "tokens"))


@pytest.mark.parametrize(
    ("role", "may"),
    [
        (Role.READ, {Role.READ}),
        (Role.REPORT, {Role.READ, Role.REPORT}),
        (Role.OPERATE, {Role.READ, Role.OPERATE}),
    ],
)
def test_a_role_includes_reading_and_nothing_else(role: Role, may: set[Role]) -> None:
    caller = parse_tokens(f"{role} somebody {TOKEN}", "tokens").callers[0]

    assert {other for other in Role if caller.may(other)} == may


def test_who_may_not_is_told_which_role_is_wanted() -> None:
    caller = parse_tokens(TEXT, "tokens").callers[0]

    with pytest.raises(RoleMissingError, match="may operate, found watcher"):
        caller.require(Role.OPERATE)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (f"read {TOKEN}", "2 words"),
        (f"read a b {TOKEN}", "4 words"),
        (f"admin somebody {TOKEN}", "a role"),
        (f"read {'n' * 41} {TOKEN}", "a name"),
        (f"read na/me {TOKEN}", "a name"),
        (f"read somebody {TOKEN[:-1]}", "one of 31 characters"),
        (f"read somebody {TOKEN}!", "one of 33 characters"),
    ],
)
def test_a_line_that_is_no_token_is_refused_by_number(line: str, reason: str) -> None:
    with pytest.raises(TokensMalformedError, match=f"tokens, line 2: .*{reason}"):
        parse_tokens(f"# first\n{line}\n", "tokens")


@pytest.mark.parametrize("second", [f"read watcher {OTHER}", f"read other {TOKEN}"])
def test_names_and_tokens_come_once(second: str) -> None:
    with pytest.raises(TokensMalformedError, match="line 2"):
        parse_tokens(f"read watcher {TOKEN}\n{second}\n", "tokens")


@given(st.text(), st.text(alphabet="abc-_ 0#\n\t", max_size=80))
def test_no_error_repeats_a_token(before: str, after: str) -> None:
    said = ""
    try:
        parse_tokens(f"{before} {TOKEN} {after}", "tokens")
    except TokensMalformedError as error:
        said = str(error)

    assert TOKEN not in said
