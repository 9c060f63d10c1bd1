"""The range of a parameter in words, from the JSON schema that pydantic makes of the types."""

from collections.abc import Mapping
from typing import Any


def range_of(schema: Any, key: str) -> str:
    """The range of a dotted key, in words, by the JSON schema of the parameters."""
    fields = _fields(schema, schema)
    parts = key.split(".")
    found = _descend(schema, fields, parts)
    if found is None:  # sizes of a profile have a section of their own
        found = _descend(schema, _fields(schema, fields["budgets"]), parts)
    assert found is not None, key
    return _in_words(schema, found)


def _descend(schema: Any, fields: Mapping[str, Any], parts: list[str]) -> Any:
    first, *others = parts
    if first not in fields:
        return None
    return _descend(schema, _fields(schema, fields[first]), others) if others else fields[first]


def _fields(schema: Any, node: Any) -> dict[str, Any]:
    """The fields of a section; of one of several kinds, those of all, with all values that they take."""
    if "$ref" in node:
        return _fields(schema, schema["$defs"][node["$ref"].rpartition("/")[2]])
    if kinds := node.get("oneOf"):
        fields: dict[str, Any] = {}
        for kind in kinds:
            for name, field in _fields(schema, kind).items():
                known = fields.get(name, {})
                fields[name] = (
                    {"enum": [*known.get("enum", []), field["const"]]} if "const" in field else field
                )
        return fields
    if "properties" not in node and isinstance(node.get("additionalProperties"), dict):
        return dict.fromkeys(node["propertyNames"]["enum"], node["additionalProperties"])
    return dict(node.get("properties", {}))


def _in_words(schema: Any, node: Any) -> str:
    if "$ref" in node:
        return _in_words(schema, schema["$defs"][node["$ref"].rpartition("/")[2]])
    if "anyOf" in node:
        return " or ".join(_in_words(schema, each) for each in node["anyOf"])
    if "enum" in node:
        return ", ".join(f"`{each}`" for each in node["enum"])
    if "const" in node:
        return f"`{node['const']}`"
    if node["type"] == "array":
        return _list_in_words(schema, node)
    kinds = {"boolean": "true or false", "null": "empty", "string": "text", "object": "by name"}
    if node["type"] in kinds:
        return kinds[node["type"]]
    low, high = node.get("minimum"), node.get("maximum")
    if low is not None and high is not None:
        bounds = [f"{low:g} to {high:g}"]
    else:
        signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
        bounds = [f"{sign} {node[name]:g}" for name, sign in signs.items() if name in node]
    step = [f"a multiple of {node['multipleOf']}"] if "multipleOf" in node else []
    whole = ["an integer"] if node["type"] == "integer" else []
    return ", ".join([*whole, *bounds, *step]) or "a number"


def _list_in_words(schema: Any, node: Any) -> str:
    if "prefixItems" in node:
        items, count = node["prefixItems"][0], f"{len(node['prefixItems'])}"
    else:
        items, low, high = node["items"], node.get("minItems", 0), node.get("maxItems")
        count = f"{low}" if low == high else f"{low} to {high}" if high else f"at least {low}"
    if items.get("type") == "array":
        return f"{count} colours"
    return f"a list of {count}: {_in_words(schema, items)}"
