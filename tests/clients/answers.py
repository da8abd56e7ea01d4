"""Answers of a server, held against botocore's model of its API."""

import sys

TYPES = {"string": str, "integer": int, "long": int, "boolean": bool, "blob": str, "timestamp": float}


def expect(actual, wanted, what):
    if actual != wanted:
        sys.exit(f"{what}: expected {wanted!r}, got {actual!r}")


def conforms(value, shape, path, promised={}):
    """Every member of an answer is one of the model and of its type, and those that must be there are: those that the model says, and
    those that are promised of structures by their names."""
    if shape.type_name == "structure":
        expect(type(value), dict, path)
        for name in value:
            if name not in shape.members:
                sys.exit(f"{path}: {name} is no member of {shape.name}")
            conforms(value[name], shape.members[name], f"{path}.{name}", promised)
        absent = (promised.get(shape.name, set()) | set(shape.required_members)) - set(value)
        expect(absent, set(), f"{path}: absent members")
    elif shape.type_name == "list":
        expect(type(value), list, path)
        for number, member in enumerate(value):
            conforms(member, shape.member, f"{path}[{number}]", promised)
    elif shape.type_name == "map":
        expect(type(value), dict, path)
        for key, member in value.items():
            conforms(key, shape.key, f"{path}.{key}", promised)
            conforms(member, shape.value, f"{path}[{key}]", promised)
    else:
        expect(type(value), TYPES[shape.type_name], path)
        if value not in (getattr(shape, "enum", None) or [value]):
            sys.exit(f"{path}: {value!r} is none of {shape.enum}")
        if shape.type_name == "string" and len(value) < shape.metadata.get("min", 0):
            sys.exit(f"{path}: {value!r} is too short")
