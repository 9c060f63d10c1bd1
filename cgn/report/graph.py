"""A causal graph as inline SVG: causes on the left, effects on the right, in the colours of the page."""

from collections.abc import Mapping, Sequence
from html import escape
from itertools import pairwise

NODE_HEIGHT = 30
ROW = 40  # from one row of nodes to the next, in SVG units
COLUMN = 70  # free space between two columns, for the arrows
CHARACTER = 8.2  # generous width of one character
MARGIN = 6


def graph_svg(edges: Sequence[tuple[str, str]], title: str, captions: Mapping[str, str]) -> str:
    """An <svg> element of the graph with `edges` (cause, effect); `title` is its accessible name.

    `captions` explains nodes in a word, e.g. {"M": "shape"}. Y1 and X_gen show a subscript.
    Raises ValueError when the graph has a cycle.
    """
    columns = _columns(edges)
    rows = _rows(edges, columns)
    texts = {node: f"{node} {captions.get(node, '')}".strip() for node in columns}
    widths: dict[int, float] = {}
    for node, column in columns.items():
        widths[column] = max(widths.get(column, 0), CHARACTER * max(len(texts[node]), 3) + 18)
    lefts, left = {}, float(MARGIN)
    for column in sorted(widths):
        lefts[column] = left
        left += widths[column] + COLUMN
    width = left - COLUMN + MARGIN
    height = ROW * max(rows.values()) + NODE_HEIGHT + 2 * MARGIN
    middles = {node: MARGIN + NODE_HEIGHT / 2 + ROW * row for node, row in rows.items()}

    # One marker a graph: its id must not clash with that of another graph on the page.
    arrow = "arrow-" + "".join(character if character.isalnum() else "-" for character in title.lower())
    parts = [
        f'<svg class="graph" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" role="img" '
        f'aria-label="{escape(title)}"><defs><marker id="{arrow}" viewBox="0 0 8 8" refX="7" refY="4" '
        'markerWidth="8" markerHeight="8" orient="auto"><path d="M0,0 L8,4 L0,8 z"/></marker></defs>'
    ]
    for cause, effect in edges:
        x1, x2 = lefts[columns[cause]] + widths[columns[cause]], lefts[columns[effect]] - 1
        y1, y2, bend = middles[cause], middles[effect], (x2 - x1) / 2
        parts.append(
            f'<path class="edge" d="M{x1:.1f},{y1:.1f} C{x1 + bend:.1f},{y1:.1f} {x2 - bend:.1f},{y2:.1f} '
            f'{x2:.1f},{y2:.1f}" marker-end="url(#{arrow})"/>'
        )
    causes = {cause for cause, _ in edges}
    effects = {effect for _, effect in edges}
    for node, column in columns.items():
        role = "source" if node not in effects else "sink" if node not in causes else "mechanism"
        x, y = lefts[column], middles[node]
        label = _label(node, captions.get(node, ""))
        parts.append(
            f'<g class="node {role}"><rect x="{x:.1f}" y="{y - NODE_HEIGHT / 2:.1f}" '
            f'width="{widths[column]:.1f}" height="{NODE_HEIGHT}" rx="8"/>'
            f'<text x="{x + widths[column] / 2:.1f}" y="{y + 5:.1f}">{label}</text></g>'
        )
    return "".join(parts) + "</svg>"


def _columns(edges: Sequence[tuple[str, str]]) -> dict[str, int]:
    """The column of every node: right of all its causes, and just left of its first effect."""
    distance = {node: 0 for edge in edges for node in edge}  # to the last effect
    for _ in range(len(distance) + 1):
        before = dict(distance)
        for cause, effect in edges:
            distance[cause] = max(distance[cause], distance[effect] + 1)
        if distance == before:
            longest = max(distance.values(), default=0)
            return {node: longest - far for node, far in distance.items()}
    raise ValueError("the graph has a cycle")


def _rows(edges: Sequence[tuple[str, str]], columns: dict[str, int]) -> dict[str, float]:
    """The row of every node: nodes without a cause one under the other, every effect amid its causes."""
    causes: dict[str, list[str]] = {node: [] for node in columns}
    for cause, effect in edges:
        causes[effect].append(cause)
    rows: dict[str, float] = {}
    free = 0

    def place(node: str) -> None:
        nonlocal free
        if node in rows:
            return
        if not causes[node]:
            rows[node] = free
            free += 1
            return
        for cause in causes[node]:
            place(cause)
        rows[node] = sum(rows[cause] for cause in causes[node]) / len(causes[node])

    for node in sorted(columns, key=lambda name: -columns[name]):
        place(node)
    # Two effects of the same causes would lie on each other: push the later one down.
    for column in set(columns.values()):
        members = sorted((node for node in columns if columns[node] == column), key=lambda name: rows[name])
        for above, below in pairwise(members):
            rows[below] = max(rows[below], rows[above] + 1)
    return rows


def _label(node: str, caption: str) -> str:
    """The node's text: what follows its first letter is set as a subscript."""
    subscript = node[1:].lstrip("_")
    text = escape(node[0])
    if subscript:
        text += f'<tspan class="sub" dy="4">{escape(subscript)}</tspan>'
    if caption:
        # dy moves all text that follows: go back up after a subscript.
        text += f'<tspan class="caption" dx="5" dy="{-4 if subscript else 0}">{escape(caption)}</tspan>'
    return text
