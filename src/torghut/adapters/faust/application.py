"""The Faust application: one agent on one topic, nothing declared, nothing kept, no table.

Nothing of it comes from Faust's own environment variables: what they might say is not what a worker
of ours may do, ``PROCESSING_GUARANTEE`` above all.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from faust.app import App
from faust.auth import SASLCredentials, SSLCredentials
from faust.types.auth import CredentialsT

from torghut.access.options import ClientOptions
from torghut.adapters.faust.transport import CommittedTransport
from torghut.kernel.units import MS_PER_S

_BUFFER: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How an application is a member of its group.

    Attributes:
        options: What a client is told of the broker.
        client_id: What the broker's own log calls this process.
        group: That it is a member of.
        session_ms: After so long without a sign of life its partitions go to others.
        budget_ms: Longest wait for an answer.
        web: Where its pages are, ``HOST:PORT``; None for none.
    """

    options: ClientOptions
    client_id: str
    group: str
    session_ms: int
    budget_ms: int
    web: tuple[str, int] | None = None


def new_app(terms: Terms, folder: Path) -> App:
    """Return an application that is not started; it keeps nothing outside ``folder``."""
    session_s = terms.session_ms / MS_PER_S
    host, port = terms.web or ("127.0.0.1", 6066)
    urls = ";".join(f"kafka://{one}" for one in terms.options["bootstrap_servers"].split(","))
    app = App(
        terms.group,
        env={},
        broker=urls,
        broker_client_id=terms.client_id,
        broker_credentials=_credentials(terms.options),
        broker_session_timeout=session_s,
        broker_heartbeat_interval=session_s / 4,
        broker_request_timeout=max(terms.budget_ms, terms.session_ms) / MS_PER_S,
        broker_rebalance_timeout=max(terms.budget_ms, terms.session_ms) / MS_PER_S,
        broker_commit_interval=1.0,
        consumer_auto_offset_reset="earliest",
        processing_guarantee="at_least_once",
        stream_buffer_maxsize=_BUFFER,
        topic_allow_declare=False,
        topic_disable_leader=True,
        autodiscover=False,
        datadir=folder,
        store="memory://",
        web_enabled=terms.web is not None,
        web_bind=host,
        web_host=host,
        web_port=port,
    )
    app.transport = CommittedTransport(app.conf.broker_consumer, app)
    return app


def _credentials(options: ClientOptions) -> CredentialsT | None:
    """Return how Faust proves who it is."""
    context = options["ssl_context"]
    if options["security_protocol"].startswith("SASL"):
        found = SASLCredentials(
            username=options["sasl_plain_username"],
            password=options["sasl_plain_password"],
            ssl_context=context,
            mechanism=options["sasl_mechanism"],
        )
        return cast("CredentialsT", found)
    return None if context is None else cast("CredentialsT", SSLCredentials(context))
