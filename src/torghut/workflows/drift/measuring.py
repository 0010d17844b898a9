"""A window of a decision log measured in one pass, in memory that does not grow with it.

What is measured is what stands in the rows and in the objects that the log keeps: nothing is
decided again, and no file of this installation is asked but the drift policy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torghut.drift.features import feature_drift
from torghut.drift.verdicts import DriftWindow
from torghut.eventlog.block import Head
from torghut.eventlog.ports import DecisionLog
from torghut.kernel.units import NS_PER_MS
from torghut.schemas.declarations.safety import DriftDetectors, DriftPolicy
from torghut.schemas.governing.drift_evidence import DriftObservation, is_beyond
from torghut.workflows.drift.spans import blocks_of, span_of
from torghut.workflows.drift.tallying import WindowTally
from torghut.workflows.lookup.scanning import Scanned, Scanning, silent


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowAsked:
    """What is to be measured.

    Attributes:
        subject: A run, a candidate, a log.
        from_ns: Receive time of its beginning, included; None for that of the log.
        to_ns: Receive time of its end, included; None for that of the log.
    """

    subject: str
    from_ns: int | None = None
    to_ns: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a window comes to.

    Attributes:
        window: The readings, for a verdict.
        observations: What is watched beside the checks.
        heads: Where the log ended.
        contexts: Records of all sources in the window.
        decisions: Of the serving arm, in the window.
        last_ns: Receive time of the last of them; None without any.
    """

    window: DriftWindow
    observations: Sequence[DriftObservation]
    heads: Sequence[Head]
    contexts: int
    decisions: int
    last_ns: int | None


async def measure(
    log: DecisionLog, asked: WindowAsked, policy: DriftPolicy, progress: Scanning = silent
) -> Measured:
    """Return what the window of ``log`` that is asked for comes to.

    Raises:
        LogIntegrityError: A block is not as it was written.
        ObjectMissingError: Declarations that its decisions cite are not in the log.
    """
    detectors = policy.detectors
    reference_ns = detectors.reference_ms * NS_PER_MS
    span = await span_of(log, from_ns=asked.from_ns, to_ns=asked.to_ns, reference_ns=reference_ns)
    tally, seen = WindowTally(span=span, detectors=detectors), 0
    for head in span.heads:
        async for found in blocks_of(log, head, span):
            await tally.fetch(log, found)
            tally.take(found)
            seen += 1
            progress(Scanned(blocks=seen, blocks_total=max(seen, head.number + 1)))
        tally.settle()
    return measured_by(tally, asked)


def measured_by(tally: WindowTally, asked: WindowAsked) -> Measured:
    """Return what a window comes to that was taken in and settled."""
    from_ns, to_ns = asked.from_ns, asked.to_ns
    return Measured(
        window=DriftWindow(
            subject=asked.subject,
            from_ns=max(0, tally.first_ns) if from_ns is None else from_ns,
            to_ns=max(0, tally.last_ns, from_ns or 0) if to_ns is None else to_ns,
            readings=tally.readings(),
        ),
        observations=_observations(tally, tally.detectors),
        heads=tally.span.heads,
        contexts=tally.data.records,
        decisions=tally.decisions,
        last_ns=tally.last_ns if tally.decisions else None,
    )


def _observations(tally: WindowTally, detectors: DriftDetectors) -> Sequence[DriftObservation]:
    """Return what is watched beside the checks."""
    streams = [stream for course in tally.courses for stream in course.streams.values()]
    z = tally.promises.z()
    return (
        feature_drift(streams, detectors),
        DriftObservation(
            name="calibration_spiegelhalter_z",
            reading=z,
            unit="z",
            limit=detectors.calibration_z_max,
            beyond=is_beyond(z, detectors.calibration_z_max),
            says="",
        ),
        DriftObservation(
            name="calibration_expected_error",
            reading=tally.promises.expected_error(),
            unit="probability",
            limit=None,
            beyond=False,
            says="",
        ),
    )
