"""How the demo tells its steps: each with a number, a name, what came of it, how long it took."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from torghut.composition import standby
from torghut.entrypoints.cli.console import Progress
from torghut.kernel.units import NS_PER_S


@dataclass(slots=True, kw_only=True)
class Steps:
    """Tells steps, each with a number, a name and the time it took.

    Attributes:
        told: Where to say what is being done.
        silent: Whether steps are counted and not told: one JSON object follows.
        seconds: That each step took, by name.
    """

    told: Progress
    silent: bool
    seconds: dict[str, float] = field(default_factory=dict)
    _last_ns: int = field(default_factory=lambda: standby.steady_clock().now_ns())

    def stage(self, text: str) -> None:
        """Begin to do something."""
        self.told.stage(text)

    def say(self, text: str) -> None:
        """Tell a line that is no step."""
        if not self.silent:
            self.told.say(text)

    def done(self, name: str, text: str, *more: str) -> None:
        """Tell a step that is over.

        Args:
            name: Of the step, a word.
            text: What came of it.
            more: Lines below it.
        """
        now_ns = standby.steady_clock().now_ns()
        self.seconds[name] = round((now_ns - self._last_ns) / NS_PER_S, 3)
        self._last_ns = now_ns
        self.say(f"  {len(self.seconds):<2} {name:<8}  {text}; {self.seconds[name]:.1f} s")
        for line in more:
            self.say(f"{'':15}{line}")

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Let another command show its own progress meanwhile."""
        with self.told.hidden():
            yield
