"""The gate lets in one good token in one header, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from typing_extensions import override

from tests.fakes.clock import Stopwatch
from torghut.kernel.errors import TorghutError
from torghut.workflows.live.access.errors import (
    RateExceededError,
    TokenMissingError,
    TokensAwayError,
    TokensMalformedError,
    TokenUnknownError,
)
from torghut.workflows.live.access.gate import Gatekeeper
from torghut.workflows.live.access.rates import Rates
from torghut.workflows.live.access.tokens import Keyring, TokenSource, parse_tokens

TOKEN = "t" * 32


@dataclass
class Kept(TokenSource):
    """A keyring that a test changes."""

    ring: Keyring
    trouble: TokensMalformedError | None = None

    @override
    def keyring(self) -> Keyring:
        if self.trouble is not None:
            raise self.trouble
        return self.ring


def gatekeeper(per_s: int = 100) -> Gatekeeper:
    """Return one who knows one token."""
    kept = Kept(parse_tokens(f"read watcher {TOKEN}", "tokens"))
    return Gatekeeper(tokens=kept, rates=Rates(per_s=per_s, steady=Stopwatch()))


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_good_token_lets_its_name_in(scheme: str) -> None:
    assert gatekeeper().admit([f"{scheme} {TOKEN}".encode()]).name == "watcher"


def test_no_header_is_no_token() -> None:
    with pytest.raises(TokenMissingError):
        gatekeeper().admit([])


@pytest.mark.parametrize(
    "said",
    [
        [b""],
        [b"Bearer"],
        [b"Bearer "],
        [f"Basic {TOKEN}".encode()],
        [TOKEN.encode()],
        [f"Bearer {TOKEN}x".encode()],
        [f"Bearer {TOKEN}".encode(), f"Bearer {TOKEN}".encode()],
        [b"Bearer \xff\xfe"],
    ],
)
def test_anything_else_is_an_unknown_token(said: list[bytes]) -> None:
    with pytest.raises(TokenUnknownError):
        gatekeeper().admit(said)


def test_a_known_token_that_comes_too_often_is_held_back() -> None:
    gate = gatekeeper(per_s=1)
    said = [f"Bearer {TOKEN}".encode()]
    for _ in range(2):
        gate.admit(said)

    with pytest.raises(RateExceededError, match="watcher"):
        gate.admit(said)


def test_a_token_taken_away_is_known_to_be_lost() -> None:
    gate = gatekeeper()
    caller = gate.admit([f"Bearer {TOKEN}".encode()])
    assert isinstance(gate.tokens, Kept)

    assert not gate.lost(caller)
    gate.tokens.ring = parse_tokens("read watcher " + "u" * 32, "tokens")
    assert gate.lost(caller)


def test_while_nobody_can_tell_nothing_is_lost_and_nobody_is_let_in() -> None:
    gate = gatekeeper()
    caller = gate.admit([f"Bearer {TOKEN}".encode()])
    assert isinstance(gate.tokens, Kept)
    gate.tokens.trouble = TokensMalformedError(place="x", expected="y", found="z")

    assert not gate.lost(caller)
    with pytest.raises(TokensAwayError):
        gate.admit([f"Bearer {TOKEN}".encode()])


def test_what_is_wrong_with_the_tokens_is_told_once_and_not_to_who_asks() -> None:
    told: list[TorghutError] = []
    gate = gatekeeper()
    gate.unread = told.append
    assert isinstance(gate.tokens, Kept)
    gate.tokens.trouble = TokensMalformedError(
        place="/srv/api-tokens, line 2", expected="a name of its own", found="desk again"
    )

    for _ in range(2):
        with pytest.raises(TokensAwayError) as refusal:
            gate.admit([b"Bearer anything"])
        assert "api-tokens" not in str(refusal.value)
        assert "desk" not in str(refusal.value)

    assert told == [gate.tokens.trouble]
    gate.tokens.trouble = None
    gate.admit([f"Bearer {TOKEN}".encode()])
    gate.tokens.trouble = TokensMalformedError(place="x", expected="y", found="z")
    with pytest.raises(TokensAwayError):
        gate.admit([b"Bearer anything"])
    assert len(told) == 2
