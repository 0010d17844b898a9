"""A client's own futures are no defects of ours; everybody else's are reported as ever."""

from __future__ import annotations

import asyncio
import gc
import logging

import pytest
from aiokafka.errors import ProducerFenced

from torghut.adapters.kafka.unsaid import let_unasked_pass

pytestmark = pytest.mark.usefixtures("little_to_search")


def reported(error: Exception, caplog: pytest.LogCaptureFixture, *, task: bool) -> list[str]:
    """Return what a loop reports of a failure that nobody looks at."""

    async def fail() -> None:
        raise error

    async def main() -> None:
        loop = asyncio.get_running_loop()
        let_unasked_pass(loop)
        let_unasked_pass(loop)
        if task:
            failing = asyncio.ensure_future(fail())
            await asyncio.sleep(0)
            del failing
        else:
            future = loop.create_future()
            future.set_exception(error)
            del future
        gc.collect()
        await asyncio.sleep(0)

    with caplog.at_level(logging.ERROR, "asyncio"):
        asyncio.run(main())
        gc.collect()
    return caplog.messages


def test_failure_that_a_client_told_nobody_is_no_defect(caplog: pytest.LogCaptureFixture) -> None:
    assert not reported(ProducerFenced(), caplog, task=False)


@pytest.mark.parametrize("task", [False, True])
def test_every_other_failure_is_reported(caplog: pytest.LogCaptureFixture, *, task: bool) -> None:
    assert reported(ValueError("ours"), caplog, task=task)


def test_task_that_fails_is_reported_whatever_it_failed_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert reported(ProducerFenced(), caplog, task=True)
