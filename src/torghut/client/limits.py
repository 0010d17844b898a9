"""What a client waits for, how long, and how much it keeps: every one of them by name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """All of a client's budgets and bounds; the defaults fit the service's own.

    Attributes:
        connect_ms: For one attempt to connect.
        send_ms: For handing one message to the network.
        close_ms: For taking leave.
        stale_ms: Without a heartbeat for longer, nothing is opened any more.
        silence_ms: Without a heartbeat for longer, another connection is tried.
        look_ms: Between two looks at the own state when nobody asks.
        retry_first_ms: Before the second attempt to connect; doubles with each.
        retry_max_ms: Longest wait between attempts.
        quiet_ms: Without anything but heartbeats for so long, what has no announced end is over.
        heal_attempts: How often the same fault in the stream is asked for again.
        queue_max: Outcomes received and not yet handed out; then nothing more is read.
        in_flight_max: Questions waiting for an answer.
        frame_bytes: Longest message that is taken.
        remembered: Positions by which a repetition is recognised as one.
        clock_apart_ms: How far ahead of the own clock an ingress time may be.
    """

    connect_ms: int = 5_000
    send_ms: int = 5_000
    close_ms: int = 1_000
    stale_ms: int = 3_000
    silence_ms: int = 6_000
    look_ms: int = 100
    retry_first_ms: int = 50
    retry_max_ms: int = 2_000
    quiet_ms: int = 1_000
    heal_attempts: int = 3
    queue_max: int = 1_024
    in_flight_max: int = 4_096
    frame_bytes: int = 8_388_608
    remembered: int = 4_096
    clock_apart_ms: int = 1_000

    def __post_init__(self) -> None:
        """Refuse limits that nobody can keep."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        if small := [name for name, value in fields.items() if value < 1]:
            message = f"expected limits from 1 on, found less for {', '.join(small)}"
            raise ValueError(message)
        if self.silence_ms < self.stale_ms:
            message = "expected silence_ms not below stale_ms"
            raise ValueError(message)
