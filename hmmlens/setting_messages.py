"""Plain sentences for mistakes in a config: YAML that cannot be read, settings that do not fit.

What a key wants is read from the JSON Schema of :class:`hmmlens.study.config.Study`, so no sentence
repeats a range, a choice or a key that the models already hold.
"""

from __future__ import annotations

import datetime
import json
import math
import re
import reprlib
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

from hmmlens.errors import _nearest, did_you_mean

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

Schema = Mapping[str, Any]

#: What the one pattern of the schema, that of ``hmmlens.settings.Name``, allows.
_NAME = (
    "a name of lowercase letters, digits and hyphens that begins with a letter or digit, "
    "at most 40 characters"
)

#: A key that may be any text.
_TEXT: Schema = {"type": "string"}

#: Exact types, because True is an int too.
_TYPES: dict[str, tuple[type, ...]] = {
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}

_shortened = reprlib.Repr()
_shortened.maxstring = _shortened.maxlong = _shortened.maxother = 40
_shortened.maxlevel = 2


class _Section(NamedTuple):
    """The keys of one section that are missing from it, or do not belong in it."""

    properties: Schema
    missing: list[str]
    unknown: list[Any]


def sentences(errors: Sequence[ErrorDetails], json_schema: Schema) -> list[str]:
    """Describe validation errors, in one plain sentence without newline for each mistake.

    Parameters
    ----------
    errors : sequence
        The items of a pydantic ``ValidationError``.
    json_schema : mapping
        The JSON Schema of the model that raised it.

    Returns
    -------
    list of str
        ``key.path: ...``, wrong values first, then wrong and missing keys. An unknown key that
        looks like a missing key of the same section is one mistake, not two.
    """
    schema = _simplified(json_schema, json_schema["$defs"])
    problems: list[str] = []
    sections: dict[str, _Section] = {}
    for error in errors:
        kind, loc, found = error["type"], error["loc"], error["input"]
        if kind in ("missing", "extra_forbidden", "invalid_key"):
            path, node = _locate(schema, loc[:-1])
            section = sections.setdefault(path, _Section(node["properties"], [], []))
            if kind == "missing":
                section.missing.append(str(loc[-1]))
            else:
                # A location spells a key that is not text in its own way; the input is the key.
                section.unknown.append(found if kind == "invalid_key" else loc[-1])
        elif kind == "union_tag_not_found":
            path, node = _locate(schema, loc)
            unknown = [key for key in found if key not in node["properties"]]
            sections[path] = _Section(node["properties"], ["kind"], unknown)
        elif kind == "union_tag_invalid":
            path, node = _locate(schema, loc)
            problems.append(_wrong_value(f"{path}.kind", node["properties"]["kind"], found["kind"]))
        elif kind.startswith("string_") and loc[-1:] == ("[key]",):
            path, node = _locate(schema, loc[:-2])
            problems.append(_wrong_value(_join(path, found), node.get("name", _TEXT), found))
        elif kind in ("value_error", "assertion_error"):
            path, _ = _locate(schema, loc)
            text = str(error["ctx"]["error"])
            problems += [f"{path}: {text}"] if path else text.splitlines()
        else:
            problems.append(_wrong_value(*_locate(schema, loc), found))
    for path, section in sections.items():
        problems += _wrong_keys(path, section)
    # All that str.splitlines takes for the end of a line.
    breaks = r"\s*[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]\s*"
    return [re.sub(breaks, " ", sentence) for sentence in problems]


# --- Where a mistake is ---------------------------------------------------------------------


def _simplified(node: Schema, defs: Schema) -> Schema:
    """Return a JSON Schema in which each node holds all of its properties.

    References are followed, the null of an optional value is left out, and a constant is a
    choice of one. A mapping from names holds ``name`` and ``each``; a section of several kinds
    holds ``kinds``, and in ``properties`` the keys of all of them.
    """
    if "$ref" in node:
        node = {**defs[node["$ref"].rpartition("/")[2]], **node}
    if "anyOf" in node:
        branch = next(branch for branch in node["anyOf"] if branch != {"type": "null"})
        node = {**_simplified(branch, defs), **node}
    out = dict(node)
    if "const" in node:
        out["enum"] = [node["const"]]
    if "properties" in node:
        out["properties"] = {k: _simplified(v, defs) for k, v in node["properties"].items()}
    if "items" in node:
        out["items"] = _simplified(node["items"], defs)
    for pattern, each in node.get("patternProperties", {}).items():
        out["name"] = {"type": "string", "pattern": pattern}
        out["each"] = _simplified(each, defs)
    if "discriminator" in node:
        members = [_simplified(member, defs) for member in node["oneOf"]]
        out["kinds"] = {m["properties"]["kind"]["const"]: m for m in members}
        out["properties"] = {k: v for m in members for k, v in m["properties"].items()}
        out["properties"]["kind"] = {"type": "string", "enum": list(out["kinds"])}
    return out


def _locate(schema: Schema, loc: Sequence[int | str]) -> tuple[str, Schema]:
    """Return a location's path as the user wrote it, and the schema of what it should hold."""
    path, node = "", schema
    for part in loc:
        if "kinds" in node:
            # This part is the kind that pydantic chose; the user wrote no such key.
            node = node["kinds"][part]
        elif "items" in node:
            path, node = f"{path}[{part}]", node["items"]
        else:
            path, node = _join(path, part), node.get("each") or node["properties"][part]
    return path, node


def _join(path: str, key: Any) -> str:
    """Add a key to a path; a key that would blur the path is quoted."""
    word = _plain(key)
    word = word if re.fullmatch(r"[\w-]+", word) else _shortened.repr(word)
    return f"{path}.{word}" if path else word


# --- What is wrong, and what is wanted ------------------------------------------------------


def _wrong_value(path: str, wanted: Schema, found: Any) -> str:
    choices = wanted.get("enum", ())
    hint = did_you_mean(found, choices) if isinstance(found, str) else ""
    remedy = _remedy(wanted, found)
    return (
        (f"{path}: " if path else "")
        + f"found {_found(wanted, found)}{hint}, wants {_wants(wanted)}"
        + (f"; {remedy}" if remedy else "")
    )


def _wrong_keys(path: str, section: _Section) -> list[str]:
    """Describe unknown and missing keys of a section; two that look alike are one mistake."""
    properties, missing, unknown = section
    valid = f"valid keys{f' of {path}' if path else ''}: {', '.join(properties)}"
    missing, problems = list(missing), []
    for key in unknown:
        if not isinstance(key, str):
            problems.append(f"{_join(path, key)}: found the key {_plain(key)}, wants text; {valid}")
        elif meant := _nearest(key, missing):
            missing.remove(meant)
            problems.append(
                f"{_join(path, key)}: unknown key {_shortened.repr(key)}, and {meant!r} is "
                f"missing (did you mean {meant!r}?), which wants {_wants(properties[meant])}"
            )
        else:
            hint = did_you_mean(key, properties)
            problems.append(
                f"{_join(path, key)}: unknown key {_shortened.repr(key)}{hint}; {valid}"
            )
    for key in missing:
        wants = _wants(properties[key])
        problems.append(f"{_join(path, key)}: the key {key!r} is missing, it wants {wants}")
    return problems


def _wants(node: Schema) -> str:
    """Describe what a schema allows."""
    kind = node.get("type")
    if "kinds" in node:
        return f"a section with a kind, one of: {', '.join(node['kinds'])}"
    if "enum" in node:
        return ("one of: " if len(node["enum"]) > 1 else "") + ", ".join(map(str, node["enum"]))
    if "each" in node:
        return f"a mapping of one or more names, each to {_wants(node['each'])}"
    if "properties" in node:
        return f"a section with the keys: {', '.join(node['properties'])}"
    if "items" in node:
        size = " of at least 1 item" if node.get("minItems") else ""
        return f"a list{size}, each {_wants(node['items'])}"
    if kind == "string":
        if "pattern" in node:
            return str(node.get("description", _NAME))
        return "text that is not empty" if "minLength" in node else "text"
    if kind == "boolean":
        return "true or false"
    if kind == "object":
        return "a mapping"
    return ("a whole number" if kind == "integer" else "a number") + _range(node)


def _range(node: Schema) -> str:
    if "minimum" in node and "maximum" in node:
        return f" from {node['minimum']} to {node['maximum']}"
    words = {
        "minimum": "of {} or more",
        "exclusiveMinimum": "above {}",
        "maximum": "at most {}",
        "exclusiveMaximum": "below {}",
    }
    ends = [word.format(node[key]) for key, word in words.items() if key in node]
    return f" {' and '.join(ends)}" if ends else ""


def _found(wanted: Schema, value: Any) -> str:
    """Describe what was found."""
    if value is None:
        return "nothing"
    if isinstance(value, str):
        # Write "text" only where something else is wanted, as in: found text '1'.
        return ("" if wanted.get("type") == "string" else "text ") + _shortened.repr(value)
    if isinstance(value, datetime.date):
        return f"the date {value}"
    if isinstance(value, Mapping):
        keys = ", ".join(_shortened.repr(key) for key in list(value)[:4])
        return f"a mapping with the keys {keys}" if value else "an empty mapping"
    if isinstance(value, list):
        return f"the list {_shortened.repr(value)}" if value else "an empty list"
    return _plain(value)


def _plain(value: Any) -> str:
    """Spell a scalar as YAML does."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return str(value) if isinstance(value, str | datetime.date) else _shortened.repr(value)


def _remedy(wanted: Schema, found: Any) -> str:
    """Describe how to write what was probably meant, above all where YAML 1.1 surprises."""
    kind = wanted.get("type")
    if found is None and "default" in wanted:
        return "remove the key to keep the default"
    if kind in ("integer", "number", "boolean") and isinstance(found, str):
        return _unquoted(kind, found)
    if isinstance(found, float) and not math.isfinite(found):
        return "infinity and nan are not allowed"
    if kind == "integer" and isinstance(found, float) and found.is_integer() and found < 1e15:
        return f"write {found:.0f}"
    if kind == "string" and "enum" not in wanted:
        if isinstance(found, bool):
            return "YAML reads yes, no, on and off as true or false, so put the word in quotes"
        if isinstance(found, int | float | datetime.date):
            return "put it in quotes"
    if kind == "array" and isinstance(found, str | int | float) and len(str(found)) < 40:
        return f"write it as a list: [{_plain(found)}]"
    if isinstance(found, str) and found in wanted.get("kinds", ()):
        return f"write {{kind: {found}}}"
    return ""


def _unquoted(kind: str, text: str) -> str:
    """Describe how to write a number, or true or false, that YAML took for text."""
    try:
        value = yaml.safe_load(text)
        if type(value) in _TYPES[kind]:
            return "remove the quotes"
        number = Decimal(text)
    except (yaml.YAMLError, ValueError, InvalidOperation):
        return ""
    if kind == "boolean" or not number.is_finite() or abs(number.adjusted()) > 12:
        return ""
    if kind == "integer":
        return f"write {number:.0f}" if number == int(number) else ""
    # YAML 1.1 takes a number with an exponent for text unless it has a point and a sign.
    mantissa, _, exponent = text.strip().lower().partition("e")
    mantissa += "" if "." in mantissa else ".0"
    exponent = exponent if exponent.startswith(("-", "+")) else f"+{exponent}"
    return f"YAML reads {text.strip()} as text, write {mantissa}e{exponent} or {number:f}"


# --- YAML -----------------------------------------------------------------------------------
