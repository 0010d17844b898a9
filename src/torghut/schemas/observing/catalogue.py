"""Every metric of the service; ``docs/reference/metrics.md`` is made from this module."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, get_args

from torghut.schemas.codes import UNADVISED, ControlKind, Intent, Path, Reason, RefusalCode
from torghut.schemas.live.delivery import Degraded, LiveState, SwitchName
from torghut.schemas.observing.endpoints import ENDPOINTS, HttpMethod, Route, StatusClass
from torghut.schemas.observing.metric import Counter, Gauge, Histogram, Label, Metric
from torghut.schemas.scheduling.cycles import CycleOutcome

Outcome = Literal["decided", "refused", "quarantined"]
ControlStatus = Literal["taken", "repeated", "refused"]
NotTaken = Literal[
    "live.queue-full",
    "live.closing",
    "live.context-malformed",
    "live.too-many-at-once",
    "live.feeds-exhausted",
    "live.source-closed",
    "live.rate-exceeded",
    "live.token-missing",
    "live.token-unknown",
    "live.tokens-away",
    "live.role-missing",
    "api.body-too-long",
    "api.media-type",
    "api.message-not-text",
    "api.origin-refused",
    "api.records-too-many",
    "api.request-unfit",
    "api.subscribers-exhausted",
    "api.unready",
    "http.request-malformed",
    "http.handshake-malformed",
    "http.header-too-long",
    "http.request-late",
    "http.connections-exhausted",
    "other",
]
"""Codes under which something is not taken; one of none of these is counted as other."""

FALLBACKS: Final = (
    *UNADVISED,
    Reason.ENTROPY_HIGH,
    Reason.POSTERIOR_INVALID,
    Reason.PACKAGE_MISSING,
    Reason.DEFENSIVE_WEIGHTS,
)
"""Reasons by which a decision says that the safe path answered, for advice or for weights."""

REFUSALS: Final = tuple(code for code in RefusalCode if code is not RefusalCode.NONE)

# --- deciding ------------------------------------------------------------------------------------

CONTEXTS: Final[Counter[Outcome]] = Counter(
    name="torghut_live_contexts_total",
    help="Contexts and other records that were taken, by what became of them, once durable.",
    unit="contexts",
    labels=(Label("outcome", get_args(Outcome)),),
)
REFUSED: Final[Counter[RefusalCode]] = Counter(
    name="torghut_live_refusals_total",
    help="Contexts and other records that were taken and not decided, by refusal code.",
    unit="contexts",
    labels=(Label("code", REFUSALS),),
)
DECISIONS: Final[Counter[Intent, Path]] = Counter(
    name="torghut_live_decisions_total",
    help="Decisions that became durable, by intent and path.",
    unit="decisions",
    labels=(Label("intent", tuple(Intent)), Label("path", tuple(Path))),
)
FALLBACK_DECISIONS: Final[Counter[Reason]] = Counter(
    name="torghut_live_fallbacks_total",
    help="Decisions that the safe path answered, by why; one decision may have several reasons.",
    unit="decisions",
    labels=(Label("reason", FALLBACKS),),
)
BLOCKS: Final[Counter[()]] = Counter(
    name="torghut_live_blocks_total", help="Blocks that became durable.", unit="blocks"
)
CONTROL_RECORDS: Final[Counter[ControlKind, ControlStatus]] = Counter(
    name="torghut_live_control_records_total",
    help="Control records that became durable, by kind and by what became of them.",
    unit="records",
    labels=(Label("kind", tuple(ControlKind)), Label("status", get_args(ControlStatus))),
)
DECIDE_DURATION: Final[Histogram[()]] = Histogram(
    name="torghut_live_decide_duration_seconds",
    help="From taking what waits to a whole block.",
)
COMMIT_DURATION: Final[Histogram[()]] = Histogram(
    name="torghut_live_commit_duration_seconds",
    help="From a whole block until it was durable, all attempts together.",
)
INGRESS_TO_DURABLE: Final[Histogram[()]] = Histogram(
    name="torghut_live_ingress_to_durable_seconds",
    help="From the moment that a context came in until its outcome was durable.",
)
INGRESS_TO_HANDED_OVER: Final[Histogram[()]] = Histogram(
    name="torghut_live_ingress_to_handed_over_seconds",
    help="From the moment that a context came in until its outcome was handed over.",
)

ADVISED_LATE: Final[Counter[()]] = Counter(
    name="torghut_live_advised_late_decisions_total",
    help="Decisions that had waited for advice and were handed over after their budget.",
    unit="decisions",
)

# --- how it stands -------------------------------------------------------------------------------

LAG: Final[Gauge[()]] = Gauge(
    name="torghut_live_lag_seconds",
    help="Age of the oldest context when it was last taken, times the playing speed; "
    "NaN where lag is not measured.",
    unit="seconds",
)
PENDING: Final[Gauge[()]] = Gauge(
    name="torghut_live_pending_contexts",
    help="Contexts and other records that wait to be decided.",
    unit="contexts",
)
LAST_DECISION_AGE: Final[Gauge[()]] = Gauge(
    name="torghut_live_last_decision_age_seconds",
    help="Wall time since an outcome last became durable; NaN before the first since the start.",
    unit="seconds",
)
STATE: Final[Gauge[LiveState]] = Gauge(
    name="torghut_live_state",
    help="1 for what the trading loop is told, else 0.",
    labels=(Label("state", get_args(LiveState)),),
)
DEGRADED: Final[Gauge[Degraded]] = Gauge(
    name="torghut_live_degraded",
    help="1 while the degraded mode is on, else 0.",
    labels=(Label("code", get_args(Degraded)),),
)
CLOCK_APART: Final[Gauge[()]] = Gauge(
    name="torghut_live_clock_apart_seconds",
    help="How far the wall clock was set against the steady one since the start; below 0 if back.",
    unit="seconds",
)
PAUSES: Final[Counter[()]] = Counter(
    name="torghut_live_pauses_total",
    help="Halts of this process that it noticed on waking.",
    unit="halts",
)
DEFECTS: Final[Counter[()]] = Counter(
    name="torghut_live_defects_total",
    help="Errors that nobody foresaw; each is in the log of the service with its place.",
    unit="errors",
)

# --- switches and the log ------------------------------------------------------------------------

SWITCH_THROWN: Final[Gauge[SwitchName]] = Gauge(
    name="torghut_switch_thrown",
    help="1 while the switch is thrown, by file or record, else 0.",
    labels=(Label("name", get_args(SwitchName)),),
)
LATCH_CLOSED: Final[Gauge[()]] = Gauge(
    name="torghut_switch_latch_closed",
    help="1 while the stop latch is closed for a symbol, else 0.",
)
SWITCH_ACKNOWLEDGEMENT: Final[Histogram[()]] = Histogram(
    name="torghut_switch_acknowledgement_seconds",
    help="Wall time from the throw of a switch file until this worker acknowledged it.",
)
LOG_REOPENED: Final[Counter[()]] = Counter(
    name="torghut_log_reopened_total",
    help="Times that the event log was had again after it had been away.",
    unit="times",
)

# --- subscribers and the door --------------------------------------------------------------------

SUBSCRIBERS: Final[Gauge[()]] = Gauge(
    name="torghut_stream_subscribers",
    help="Subscribers that are listening.",
    unit="subscribers",
)
SUBSCRIBERS_LET_GO: Final[Counter[()]] = Counter(
    name="torghut_stream_subscribers_let_go_total",
    help="Subscribers that were let go because they took nothing for too long.",
    unit="subscribers",
)
HEARTBEATS: Final[Counter[()]] = Counter(
    name="torghut_stream_heartbeats_total",
    help="Heartbeats that were sent, to all subscribers together.",
    unit="heartbeats",
)
NOT_TAKEN: Final[Counter[NotTaken]] = Counter(
    name="torghut_door_not_taken_total",
    help="What was offered and not taken, by code; it has no outcome.",
    unit="requests",
    labels=(Label("code", get_args(NotTaken)),),
)
HTTP_REQUESTS: Final[Counter[Route, HttpMethod, StatusClass]] = Counter(
    name="torghut_http_requests_total",
    help="HTTP requests that were answered, by endpoint and class of status.",
    unit="requests",
    labels=(
        Label("route", get_args(Route)),
        Label("method", get_args(HttpMethod)),
        Label("status", get_args(StatusClass)),
    ),
    only=[(*endpoint, status) for endpoint in ENDPOINTS for status in get_args(StatusClass)],
)
HTTP_DURATION: Final[Histogram[Route, HttpMethod]] = Histogram(
    name="torghut_http_request_duration_seconds",
    help="From the head of a request to the end of its answer; of a stream, to its first bytes.",
    labels=(Label("route", get_args(Route)), Label("method", get_args(HttpMethod))),
    only=ENDPOINTS,
)

# --- governance, as far as it says so on the disk ------------------------------------------------

GOVERNANCE_CYCLES: Final[Counter[CycleOutcome]] = Counter(
    name="torghut_governance_cycles_total",
    help="Cycles of governance that were seen to end, by outcome.",
    unit="cycles",
    labels=(Label("outcome", get_args(CycleOutcome)),),
)
GOVERNANCE_LAST_CYCLE_AGE: Final[Gauge[()]] = Gauge(
    name="torghut_governance_last_cycle_age_seconds",
    help="Age of governance's last cycle; NaN where nobody knows of one.",
    unit="seconds",
)
GOVERNANCE_LATCH_CLOSED: Final[Gauge[()]] = Gauge(
    name="torghut_governance_latch_closed",
    help="1 while governance's stop latch was closed at its last cycle, else 0; "
    "NaN where nobody knows.",
)
GOVERNANCE_LEASE_EPOCH: Final[Gauge[()]] = Gauge(
    name="torghut_governance_lease_epoch",
    help="Epoch of the lease that was taken last; 0 before the first.",
    unit="epochs",
)
GOVERNANCE_ALIVE: Final[Gauge[()]] = Gauge(
    name="torghut_governance_alive",
    help="1 while somebody holds governance's lease, else 0.",
)
GOVERNANCE_STARTS: Final[Counter[()]] = Counter(
    name="torghut_governance_starts_total",
    help="Times that this service started a scheduler beside it.",
    unit="starts",
)

REASONING_STARTS: Final[Counter[()]] = Counter(
    name="torghut_reasoning_starts_total",
    help="Times that this service started a process that asks for advice beside it.",
    unit="starts",
)
REASONING_CONNECTED: Final[Gauge[()]] = Gauge(
    name="torghut_reasoning_connected",
    help="1 while the process that asks for advice can be asked, else 0.",
)
REASONING_TOKENS: Final[Counter[()]] = Counter(
    name="torghut_reasoning_tokens_total",
    help="Tokens that questions of this service used, as far as the endpoint said so.",
    unit="tokens",
)

# --- carrying over a broker -----------------------------------------------------------------------

CARRIED_PARTITIONS: Final[Gauge[()]] = Gauge(
    name="torghut_carried_partitions",
    help="Partitions of market context that this worker decides now.",
    unit="partitions",
)
CARRIED_BEHIND: Final[Gauge[()]] = Gauge(
    name="torghut_carried_behind_records",
    help="Records of those partitions that the broker has and this worker was not handed yet.",
    unit="records",
)
CARRIED_TROUBLES: Final[Gauge[()]] = Gauge(
    name="torghut_carried_troubles",
    help="Partitions that this worker was given and cannot take up; it tries again.",
    unit="partitions",
)
CARRIED_TO_ACKNOWLEDGED: Final[Histogram[()]] = Histogram(
    name="torghut_carried_ingress_to_acknowledged_seconds",
    help="From the moment that a context came in until the broker acknowledged its outcome; what "
    "is said again, for it never became final, counts again.",
)
CARRIED_REBALANCES: Final[Counter[()]] = Counter(
    name="torghut_carried_rebalances_total",
    help="Times that the group shared its partitions anew.",
    unit="rebalances",
)
CARRIED_TAKEOVERS: Final[Counter[()]] = Counter(
    name="torghut_carried_takeovers_total",
    help="Partitions that another worker took over while this one still held them.",
    unit="partitions",
)

# --- observing itself ----------------------------------------------------------------------------

LINES_DROPPED: Final[Counter[()]] = Counter(
    name="torghut_observing_lines_dropped_total",
    help="Lines of the service's own log that could not be written, or were too many at once.",
    unit="lines",
)
TRACES_DROPPED: Final[Counter[()]] = Counter(
    name="torghut_observing_traces_dropped_total",
    help="Traces that were not exported: too many waited, or the collector did not take them.",
    unit="traces",
)

BUILD: Final = "torghut_build_info"
"""Always 1; its labels say which version runs."""
BUILD_HELP: Final = "Always 1; says by its labels what runs."
BUILD_LABELS: Final = ("version", "kernel_version")

METRICS: Final[Sequence[Metric]] = tuple(
    value for value in tuple(globals().values()) if isinstance(value, Metric)
)
"""All of them, in the order in which they stand here."""


def not_taken(code: str) -> NotTaken:
    """Return how something that was not taken is counted.

    Example:
        >>> not_taken("live.closing"), not_taken("live.made-up")
        ('live.closing', 'other')
    """
    known: Sequence[NotTaken] = get_args(NotTaken)
    return next((one for one in known if one == code), "other")
