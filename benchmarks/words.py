"""Words: figures, ratios, goals and misses as people read them."""

from __future__ import annotations

from typing import Final

from benchmarks.figures import Goal, Line, Quantity, is_noisy

_HUNDRED: Final = 100
_NAMES: Final = {
    Quantity.CPU: "CPU",
    Quantity.WALL: "wall",
    Quantity.CPU_RATIO: "CPU ratio",
    Quantity.WALL_RATIO: "wall ratio",
}


def shown(figure: float | None) -> str:
    """Return a number with three digits that matter, thousands set apart; nothing for None."""
    if figure is None:
        return ""
    return f"{figure:,.0f}" if abs(figure) >= _HUNDRED else f"{figure:.3g}"


def with_unit(figure: float | None, unit: str) -> str:
    """Return a figure and its unit, nothing where there is none."""
    return "" if figure is None else f"{shown(figure)} {unit}"


def figures(line: Line) -> tuple[str, str]:
    """Return the figures by CPU and by wall time, the first one marked if its rounds disagree."""
    cpu, wall = with_unit(line.cpu, line.unit), with_unit(line.wall, line.unit)
    mark = "~" if is_noisy(line) else ""
    return (f"{mark}{cpu}", wall) if cpu else ("", f"{mark}{wall}")


def ratios(line: Line) -> str:
    """Return the ratios by CPU and by wall time."""
    if line.cpu_ratio is None and line.wall_ratio is None:
        return ""
    return f"{shown(line.cpu_ratio) or '-'} / {shown(line.wall_ratio) or '-'}"


def goals(line: Line) -> str:
    """Return what the figures of ``line`` should be."""
    return ", ".join(goal_text(goal, line) for goal in line.goals)


def goal_text(goal: Goal, line: Line) -> str:
    """Return one goal of ``line`` in words; a line's only figure needs no name."""
    bound = f"≥ {shown(goal.least)}" if goal.least is not None else f"≤ {shown(goal.most)}"
    if goal.quantity in {Quantity.CPU, Quantity.WALL}:
        bound = f"{bound} {line.unit}"
    name = "" if goal.quantity is Quantity.WALL and line.cpu is None else _NAMES[goal.quantity]
    return f"{name} {bound}{'' if goal.required else ' (aim)'}".strip()


def misses(line: Line) -> str:
    """Return which goals ``line`` misses, and by what figure."""
    return "; ".join(
        f"{goal_text(goal, line)}: {shown(line.figure(goal.quantity)) or 'none'}"
        for goal in line.missed
    )
