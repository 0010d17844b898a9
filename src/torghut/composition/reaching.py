"""The composition root of what asks a running service: its address, a token, one request.

It stands apart from what must work when nothing else does: there, nothing may wait for a service.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torghut.adapters.filesystem.tokens import operating_token
from torghut.adapters.http.posting import JSON, Knock, post
from torghut.adapters.http.reaching import RecordedLoop, ServedLoop
from torghut.adapters.http.releasing import Became, Door
from torghut.adapters.http.releasing import send_release as _send
from torghut.client.machine import TOKEN_FILE_VARIABLE, variable
from torghut.client.wire.address import Credentials, parse_address
from torghut.composition import standby
from torghut.schemas.live.delivery import SwitchName
from torghut.schemas.live.offering import ReleaseAsked
from torghut.workflows.scheduling.ports import LoopControls

__all__ = ["Became", "Door", "knock_with", "recorded_loop", "send_release", "served_loop"]


def send_release(
    switch: SwitchName, door: Door, asked: ReleaseAsked, token_file: Path | None
) -> Became:
    """Return what became of a release at one worker; one that does not answer stops no other.

    Args:
        switch: Of which.
        door: Where it is sent.
        asked: Who releases what, and why.
        token_file: With a token that may operate; None: the service's own.

    Raises:
        AddressMalformedError: The address is none.
        TokenUnreadableError: There is no token to show.
        ServiceUnknownError: What answers there is no service.
    """
    return _send(switch, door, asked, knock_with(token_file))


def served_loop(token_file: Path | None, budget_ms: int) -> LoopControls:
    """Return what reaches the loop of the workers that live.

    Args:
        token_file: With a token that may operate; None: the service's own.
        budget_ms: Longest wait for an answer.
    """
    return ServedLoop(
        pages=standby.worker_pages,
        folder=standby.switch_folder(),
        wall=standby.wall_clock(),
        knock=knock_with(token_file),
        budget_ms=budget_ms,
    )


def recorded_loop() -> LoopControls:
    """Return what stands for the loop of recorded data, which nobody plays."""
    return RecordedLoop()


def knock_with(token_file: Path | None) -> Knock:
    """Return what asks a service at an address as people write it, and shows what lets in.

    Args:
        token_file: With a token; None: the service's own.
    """

    def knock(
        api: str, path: str, body: bytes, *, media_type: str = JSON, budget_ms: int
    ) -> tuple[int, bytes]:
        address = parse_address(api)
        root = address.uri.removeprefix("ws").removesuffix("/v1/stream")
        return post(
            f"http{root}{path}",
            body,
            {"Content-Type": media_type, **_shown_to(token_file)},
            unix=address.socket,
            budget_ms=budget_ms,
        )

    return knock


def _shown_to(token_file: Path | None) -> Mapping[str, str]:
    """Return the headers that let in."""
    token = operating_token(token_file or standby.token_file())
    stated = token_file or variable(TOKEN_FILE_VARIABLE)
    file = None if stated is None else Path(stated)
    return Credentials(token=token or "", file=file).headers()
