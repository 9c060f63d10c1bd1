import re
from xml.etree import ElementTree

import pytest

from cgn.report.graph import graph_svg

EDGES = [("Y1", "M"), ("U1", "M"), ("Y2", "F"), ("M", "X_gen"), ("F", "X_gen")]


def boxes(svg: str) -> dict[str, tuple[float, float, float]]:
    """Node text -> left, right and top of its box."""
    root = ElementTree.fromstring(svg)
    found = {}
    for group in root.iter("g"):
        rect, text = group.find("rect"), group.find("text")
        assert rect is not None
        assert text is not None
        left, top = float(rect.attrib["x"]), float(rect.attrib["y"])
        found["".join(text.itertext())] = (left, left + float(rect.attrib["width"]), top)
    return found


def test_effects_stand_right_of_their_causes() -> None:
    nodes = boxes(graph_svg(EDGES, "a graph", {"X_gen": "composer"}))

    assert set(nodes) == {"Y1", "U1", "Y2", "M", "F", "Xgencomposer"}
    for cause, effect in EDGES:
        assert nodes[cause][1] < nodes["Xgencomposer" if effect == "X_gen" else effect][0]


def test_nodes_do_not_overlap_even_with_the_same_causes() -> None:
    nodes = boxes(graph_svg([*EDGES, ("Y1", "T"), ("U1", "T")], "a graph", {}))

    places = [(left, top) for left, _, top in nodes.values()]
    assert len({place[1] for place in places if place[0] == nodes["M"][0]}) == sum(
        place[0] == nodes["M"][0] for place in places
    )
    assert len(set(places)) == len(places)


def test_names_are_escaped_and_roles_are_classes() -> None:
    svg = graph_svg([("<u>", "x")], 'the "graph"', {"x": "a & b"})

    assert "<u>" not in svg
    assert "a &amp; b" in svg
    assert re.findall(r'class="(node [^"]*)"', svg) == ["node source", "node sink"]


def test_a_cycle_is_refused() -> None:
    with pytest.raises(ValueError, match="cycle"):
        graph_svg([("a", "b"), ("b", "a")], "a circle", {})
