"""The table of commands, each imported only when it is called, and what their endings mean.

``torghut --help`` shows names and help from this table alone: nothing that decides is imported.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import io
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import ClassVar, Final, NoReturn

import click
from typing_extensions import override

from torghut.kernel.errors import ExitCode, TorghutError
from torghut.settings import DEBUG, debugging

COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "run": ("run.command", "Decide a source into a log; taken up again where it stopped."),
    "serve": ("serve.command", "Serve decisions live, with an API, until asked to stop."),
    "worker": ("carrying.working", "Decide what Kafka carries, one of many, until asked to."),
    "audit": ("carrying.auditing", "Compare what Kafka holds with what the log holds."),
    "relay": ("carrying.relaying", "Send governance's events to Kafka, each once, in order."),
    "feed": ("carrying.feeding", "Send a source to Kafka, to be decided by workers."),
    "status": ("status.command", "Say how every worker stands, and what to type next; read only."),
    "switch list": ("switch.listing", "List the switches: thrown by whom, when, why."),
    "switch throw": ("switch.throwing", "Throw a switch, whatever else is broken."),
    "switch release": ("switch.releasing", "Release a switch, on the record."),
    "switch drill": ("switch.throwing", "See every worker acknowledge a switch, without force."),
    "switch incident show": ("switch.incident", "Show what a throw left, and what is open."),
    "switch incident update": ("switch.updating", "Write what is known of a throw by now."),
    "demo": (
        "demo.command",
        "Decide real prices, be killed, resume, replay; govern a loop on made ones.",
    ),
    "decision list": ("decision", "List decisions, newest last."),
    "decision show": ("decision", "Show one decision whole."),
    "decision why": ("decision", "Explain one decision: what bound it, and what would flip it."),
    "decision prove": ("decision", "Write a proof of one decision that verifies without the log."),
    "decision tail": ("live.decisions", "Print a live service's outcomes as they come."),
    "decision verify": ("lookup.proof", "Verify a proof file, offline."),
    "control send": ("live.controls", "Hand control records to a live service."),
    "control tail": ("live.placing", "Print where a live service's control records applied."),
    "log stats": ("log", "Count what is in a log, and show its root."),
    "log head": ("log", "Show the head of each partition, to keep outside."),
    "log verify": ("log", "Verify every block, chain, leaf and object of a log."),
    "log export": ("log", "Write decisions, refusals and control records as JSON lines."),
    "log migrate": ("moving", "Copy a log's file into a database, hashes and all."),
    "log archive": ("moving", "Move a database's closed blocks to files, still provable."),
    "log upgrade": ("moving", "Bring a database's layout up to this version's."),
    "log accept-truncation": ("log", "Accept, on the record, that a log lost its tail."),
    "replay": ("replay", "Decide a log again from the log alone and compare every byte."),
    "source check": (
        "source",
        "Say what a source is and what deciding it would do; write nothing.",
    ),
    "router fit": ("router", "Fit a regime package on a window of a source."),
    "router show": ("router", "Show a regime package."),
    "router verify": ("router", "Verify a regime package's files against its digest."),
    "lane submit": ("lane.submitting", "Let a candidate wait for its run on a decision log."),
    "lane run": ("lane.working", "Run waiting candidates through the phases of the rollout."),
    "lane list": ("lane.listing", "List waiting candidates, the run at work and the last one."),
    "scheduler run": ("scheduler.command", "Govern a loop in cycles, until asked to stop."),
    "scheduler cycle": ("scheduler.command", "Run one cycle of governance, and print its note."),
    "rollout verify": ("rollout.verifying", "Verify a phase manifest or an export, offline."),
    "latch show": ("latch.showing", "Show whether governance stops the loop, why, and what next."),
    "latch release": ("latch.releasing", "Open the stop latch, signed; not the switch stop."),
    "rollout show": ("rollout.showing", "Show the phases and gates of a phase manifest."),
    "rollout list": ("rollout.listing", "List every run: candidate, verdict, status, signer."),
    "rollout history": ("rollout.listing", "Show what the current manifest said, and when."),
    "rollout export": ("rollout.reviewing", "Write a run into one file that verifies anywhere."),
    "rollout review": ("rollout.reviewing", "Write the page of a run again."),
    "rollout why": ("rollout.showing", "Say what a phase manifest hangs on, and what turns it."),
    "key new": ("approval.keys", "Make a pair of keys to sign with."),
    "key fingerprint": ("approval.keys", "Say what to declare of a key."),
    "approval request": ("approval.requesting", "Ask that a candidate may go to live, signed."),
    "approval grant": ("approval.answering", "Grant a request, signed, for a day at most."),
    "approval deny": ("approval.answering", "Deny a request, signed."),
    "approval revoke": ("approval.answering", "Revoke an approval, signed, before it is used."),
    "approval list": ("approval.listing", "List approvals, and whether each holds now."),
    "promotion list": ("promotion.showing", "List who serves for each router."),
    "promotion show": ("promotion.showing", "Show a router's ledger, every candidate in it."),
    "promotion apply": ("promotion.applying", "Promote a run's candidate, on the record."),
    "promotion revert": ("promotion.applying", "Take a promotion back, on the record."),
    "stage show": ("stage.showing", "Show the rollout's stage, its caps and its exit criteria."),
    "stage advance": ("stage.moving", "Review the stage, and go on if everything is shown."),
    "stage back": ("stage.moving", "Go back to an earlier stage."),
    "stage evidence": ("stage.evidencing", "Keep which tests passed, to offer to stage advance."),
    "governance record": ("measure.recording", "Put a stage on record for those who audit it."),
    "slo show": ("measure.windows", "Judge a log's windows against the service levels."),
    "exposure show": ("measure.exposure", "Show how much exposure is given, and why not more."),
    "exposure review": ("measure.exposure", "Look at the exposure ladder by hand."),
    "baseline capture": ("measure.baseline", "Freeze what a log has come to, by its digest."),
    "baseline diff": ("measure.baseline", "Compare a baseline with another or with a log."),
    "drift check": ("drift.checking", "Say whether a window of a log has drifted, by each check."),
    "drift why": ("drift.checking", "Say what the verdict on drift hangs on, and what turns it."),
    "topics plan": ("topics.applying", "Show what would make a cluster's topics as declared."),
    "topics apply": ("topics.applying", "Make a cluster's topics as declared; again: nothing."),
    "topics diff": ("topics.applying", "Compare a cluster's topics with those declared."),
    "topics check": ("topics.checking", "Check topics, and that what was released is readable."),
    "reasoning compile": (
        "reasoning.programs.compiling",
        "Compile a program from a log's questions.",
    ),
    "reasoning eval": (
        "reasoning.programs.evaluating",
        "Ask a program a suite, and compare with hindsight.",
    ),
    "reasoning submit": (
        "reasoning.programs.submitting",
        "Let a compiled program wait for its run of the lane.",
    ),
    "reasoning promote": (
        "reasoning.programs.promoting",
        "Promote a compiled program, on the record.",
    ),
    "reasoning mode": ("reasoning.mode", "Have a live service ask for advice, or nobody."),
    "reasoning record": ("reasoning.showing", "Show what was asked and answered of a question."),
    "reasoning replay": ("reasoning.replaying", "Have advice said again from its record."),
    "reasoning report": ("reasoning.reporting", "Say what recorded advice would have been worth."),
    "reasoning probe": ("reasoning.probing", "Say how far the model's endpoint is reached."),
    "reasoning show": ("reasoning.programs.showing", "Show a compiled program."),
    "reasoning verify": (
        "reasoning.programs.showing",
        "Verify a compiled program, and how it renders.",
    ),
    "reasoning status": ("reasoning.standing", "Say how the breaker stands, and what is left."),
    "reasoning serve": ("reasoning.serving", "Ask a model for advice; serve --advise starts it."),
    "endpoint fake": (
        "endpoint.faking",
        "Stand in for a model: good answers, or faults on command.",
    ),
    "lookahead check": ("lookahead", "Look for outputs that depend on the future."),
    "doctor": ("doctor", "Check this installation: declarations, kernel, cache, disk."),
}
"""Command to (module below ``torghut.entrypoints.cli``, help). The function is its last word."""


_SLOW_S: Final = 1.5
"""Seconds after which loading a command is no longer silent."""


class UnforeseenError(TorghutError):
    """Something happened that nobody foresaw: a defect of Torghut; please report it."""

    # Not 1, which is an answer, nor 7, which invites to try again: Torghut broke its own contract.
    code: ClassVar[str] = "cli.unforeseen"
    exit_code: ClassVar[ExitCode] = ExitCode.CONTRACT

    def __init__(self, error: Exception) -> None:
        found = " ".join(f"{type(error).__name__}: {error}".split())
        super().__init__(
            f"expected nothing of the kind, found {found}; this is a defect of torghut: "
            f"set {DEBUG}=1 to see where it happened, and report it"
        )
        self.found = found


class _Table(click.Group):
    """A group whose commands are in ``COMMANDS``, under this group's own words."""

    def __init__(self, *, words: Sequence[str], help: str) -> None:  # noqa: A002 - click's name
        super().__init__(name=words[-1] if words else "torghut", help=help)
        self._words = tuple(words)

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._entries())

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        text = self._entries().get(cmd_name)
        if text is None:
            return None
        words = (*self._words, cmd_name)
        if " ".join(words) not in COMMANDS:
            return _Table(words=words, help=text)
        module, _ = COMMANDS[" ".join(words)]
        found = _loaded(f"torghut.entrypoints.cli.{module}")
        command: click.Command = getattr(found, cmd_name.replace("-", "_"))
        return command

    @override
    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(self._entries().items()))

    def _entries(self) -> dict[str, str]:
        """Return this group's commands and subgroups with their help."""
        found: dict[str, str] = {}
        depth = len(self._words)
        for command, (_, text) in COMMANDS.items():
            words = tuple(command.split())
            if words[:depth] != self._words:
                continue
            if len(words) == depth + 1:
                found[words[depth]] = text
            elif words[depth] not in found:
                verbs = [c.split()[-1] for c in COMMANDS if c.split()[:1] == [words[depth]]]
                found[words[depth]] = ", ".join(verbs) + "."
        return found


def _loaded(name: str) -> ModuleType:
    """Return the module of a command with its libraries, brought once it is called.

    This is the one place that imports late. What comes lives as long as the process: no search for
    garbage goes through it, neither while it comes, which took an eighth of the start, nor later.
    """
    if name in sys.modules:
        return sys.modules[name]
    collecting = gc.isenabled()
    gc.disable()
    try:
        with _said_if_slow():
            return importlib.import_module(name)
    finally:
        gc.freeze()
        if collecting:
            gc.enable()


@contextlib.contextmanager
def _said_if_slow() -> Iterator[None]:
    """Say on stderr that a command is still being loaded, on a slow disk or a busy machine."""
    loaded = threading.Event()

    def speak() -> None:
        while not loaded.wait(_SLOW_S):
            click.echo("Loading the command", err=True)

    thread = threading.Thread(target=speak, name="torghut-loading", daemon=True)
    thread.start()
    try:
        yield
    finally:
        loaded.set()
        thread.join()


def program() -> click.Group:
    """Return the whole command line."""
    return _Table(words=(), help="Torghut governs the decisions of a trading loop.")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and leave with its exit code; errors are one line and a code.

    Where ``TORGHUT_DEBUG`` is set, an error that nobody foresaw shows its traceback too.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # an ASCII terminal has no check mark
    try:
        status = program()(arguments, prog_name="torghut", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(ExitCode.USAGE)
    except click.Abort:
        click.echo("stopped", err=True)
        sys.exit(ExitCode.NOT_FINAL)
    except TorghutError as error:
        _leave_with(error)
    except Exception as error:  # noqa: BLE001 -- the outermost handler: nothing ends as a "no"
        if debugging():
            traceback.print_exc()
        _leave_with(UnforeseenError(error))
    sys.exit(status if isinstance(status, int) else ExitCode.YES)


def _leave_with(error: TorghutError) -> NoReturn:
    """Say what happened in one line and leave with its exit code."""
    click.echo(f"{error.code}: {error}", err=True)
    sys.exit(error.exit_code)
