"""Holds JSON values against the shapes of botocore's model."""

import base64
import binascii
import re
import warnings

from conformance import known

# The model's patterns are Java's; Python warns of sets in them that may mean something else one day.
warnings.simplefilter("ignore", FutureWarning)


def problems(shape, value, at="body"):
    """What is wrong with a value of that shape, as a list of sentences."""
    if value is None:
        return [f"{at} is null: what is absent is left out"]
    if not _TYPES[shape.type_name](value):
        return [f"{at} should be a {shape.type_name}, not {value!r}"]
    return _bounds(shape, value, at) + _PARTS.get(shape.type_name, _none)(shape, value, at)


def structure_problems(shape, value, at, may_lack=()):
    """The same of a structure, some of whose members may be absent although the model wants them."""
    members = {name: member for name, member in shape.members.items() if "location" not in member.serialization}
    wire = {member.serialization.get("name", name): name for name, member in members.items()}
    found = [f"{at} has a member that the model has not: {key}" for key in value if key not in wire]
    wanted = set(shape.required_members) & set(members) | known.ALWAYS.get(shape.name, set())
    missing = wanted - {wire.get(key) for key in value} - set(may_lack)
    found += [f"{at} lacks {name}" for name in sorted(missing)]
    for key, part in value.items():
        if key in wire:
            found += problems(members[wire[key]], part, f"{at}.{key}")
            found += _format(key, part, f"{at}.{key}")
    return found


def _format(key, value, at):
    """What AWS writes in a form that the model does not tell."""
    form = known.FORMATS.get(key)
    if form is None or not isinstance(value, str) or re.fullmatch(form, value):
        return []
    return [f"{at} should have the form {form}, and is {value!r}"]


def _bounds(shape, value, at):
    found = []
    bounds = shape.metadata
    if isinstance(value, str) and value not in known.BEYOND.get(shape.name, ()):
        if "enum" in bounds and value not in bounds["enum"]:
            found.append(f"{at} should be one of {', '.join(bounds['enum'])}, and is {value!r}")
        if "pattern" in bounds and not re.fullmatch(_python(bounds["pattern"]), value):
            found.append(f"{at} should satisfy {bounds['pattern']}, and is {value!r}")
    size = value if isinstance(value, (int, float)) else len(value)
    if "min" in bounds and size < bounds["min"]:
        found.append(f"{at} is below the model's {bounds['min']}: {value!r}")
    if "max" in bounds and size > bounds["max"]:
        found.append(f"{at} is above the model's {bounds['max']}: {value!r}")
    return found


def _python(pattern):
    """A pattern of the model, with what Python has for Java's classes of characters."""
    for java, python in ((r"\p{L}", r"\w"), (r"\p{N}", r"\d"), (r"\p{Z}", r"\s")):
        pattern = pattern.replace(java, python)
    return pattern


def _list(shape, value, at):
    return [problem for n, item in enumerate(value) for problem in problems(shape.member, item, f"{at}[{n}]")]


def _map(shape, value, at):
    keys = [problem for key in value for problem in problems(shape.key, key, f"the key {at}.{key}")]
    return keys + [problem for key, part in value.items() for problem in problems(shape.value, part, f"{at}.{key}")]


def _none(_shape, _value, _at):
    return []


def _is_whole(value):
    # 3.0 is no integer on the wire, and True is one only in Python.
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_base64(value):
    try:
        return isinstance(value, str) and base64.b64decode(value, validate=True) is not None
    except binascii.Error:
        return False


_TYPES = {
    "structure": lambda value: isinstance(value, dict),
    "map": lambda value: isinstance(value, dict),
    "list": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "integer": _is_whole,
    "long": _is_whole,
    "float": _is_number,
    "double": _is_number,
    "boolean": lambda value: isinstance(value, bool),
    "blob": _is_base64,
    # Seconds since 1970 wherever this API has a timestamp that is not a string.
    "timestamp": _is_number,
}

_PARTS = {"structure": structure_problems, "list": _list, "map": _map}
