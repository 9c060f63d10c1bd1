"""Draws a causal graph as inline SVG, causes on the left and effects on the right, in the page's colours."""

from collections.abc import Mapping, Sequence
from html import escape
from itertools import pairwise

NODE_HEIGHT = 30
ROW = 40  # distance of two rows of nodes, in SVG units
COLUMN = 70  # space for arrows between two columns
CHARACTER = 8.2  # width of one character, at most
MARGIN = 6


def graph_svg(
    edges: Sequence[tuple[str, str]], title: str, captions: Mapping[str, str], room: int = 3
) -> str:
    """An <svg> element of the graph with `edges` (cause, effect); `title` is its accessible name.

    `captions` has short explanations of nodes, e.g. {"M": "shape"}. In Y1 and X_gen, what follows the first
    letter is a subscript. The nodes of the first column have room for `room` characters. Raises ValueError
    when the graph has a cycle.
    """
    columns = _columns(edges)
    rows = _rows(edges, columns)
    texts = {node: f"{node} {captions.get(node, '')}".strip() for node in columns}
    widths: dict[int, float] = {}
    for node, column in columns.items():
        characters = max(len(texts[node]), 3 if column else room)
        widths[column] = max(widths.get(column, 0), CHARACTER * characters + 18)
    lefts, left = {}, float(MARGIN)
    for column in sorted(widths):
        lefts[column] = left
        left += widths[column] + COLUMN
    width = left - COLUMN + MARGIN
    height = ROW * max(rows.values()) + NODE_HEIGHT + 2 * MARGIN
    middles = {node: MARGIN + NODE_HEIGHT / 2 + ROW * row for node, row in rows.items()}

    # Each graph has its own marker, because ids must be unique on the page.
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
            f'<g class="node {role}" data-node="{escape(node)}">'
            f'<rect x="{x:.1f}" y="{y - NODE_HEIGHT / 2:.1f}" '
            f'width="{widths[column]:.1f}" height="{NODE_HEIGHT}" rx="8"/>'
            f'<text x="{x + widths[column] / 2:.1f}" y="{y + 5:.1f}">{label}</text></g>'
        )
    return "".join(parts) + "</svg>"


def _columns(edges: Sequence[tuple[str, str]]) -> dict[str, int]:
    """The column of every node: right of all its causes, and next to its nearest effect."""
    distance = {node: 0 for edge in edges for node in edge}  # longest path to a last effect
    for _ in range(len(distance) + 1):
        before = dict(distance)
        for cause, effect in edges:
            distance[cause] = max(distance[cause], distance[effect] + 1)
        if distance == before:
            longest = max(distance.values(), default=0)
            return {node: longest - far for node, far in distance.items()}
    raise ValueError("the graph has a cycle")


def _rows(edges: Sequence[tuple[str, str]], columns: dict[str, int]) -> dict[str, float]:
    """The row of every node: nodes without a cause are listed; an effect is at the mean of its causes."""
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
    # Two effects of the same causes would overlap, so the later one is moved down.
    for column in set(columns.values()):
        members = sorted((node for node in columns if columns[node] == column), key=lambda name: rows[name])
        for above, below in pairwise(members):
            rows[below] = max(rows[below], rows[above] + 1)
    return rows


def _label(node: str, caption: str) -> str:
    """The node's text; what follows the first letter is a subscript."""
    subscript = node[1:].lstrip("_")
    text = escape(node[0])
    if subscript:
        text += f'<tspan class="sub" dy="4">{escape(subscript)}</tspan>'
    if caption:
        # dy moves all following text, so it is undone after a subscript.
        text += f'<tspan class="caption" dx="5" dy="{-4 if subscript else 0}">{escape(caption)}</tspan>'
    return text
