"""What is asked of a topic that is not there is refused, whatever the broker."""

from __future__ import annotations

import asyncio

from tests.support.carrying.carriers import Carrier, says
from torghut.carrying.errors import BrokerRefusedError


def test_topic_that_is_not_there_is_no_broker_that_is_away(carrier: Carrier) -> None:
    async def test() -> None:
        broker = carrier.broker()
        sender, voice, reader = broker.sender(), broker.voice("no-such", 0), broker.reader()
        answers = await asyncio.gather(
            sender.send("no-such", says("a")),
            voice.raise_(),
            reader.ends([("no-such", 0)]),
            return_exceptions=True,
        )
        for answer in answers:
            assert isinstance(answer, BrokerRefusedError)
            assert "no-such" in str(answer)
            assert "torghut topics apply" in str(answer)
        await sender.close()
        await voice.fall_silent()
        await reader.close()

    carrier.run(test())
