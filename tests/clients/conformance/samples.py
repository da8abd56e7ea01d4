"""Requests that botocore lets through, for operations whose answer does not depend on what they are asked."""

WORDS = {
    "Resource": "arn:aws:lambda:us-east-1:000000000000:function:sample",
    "ResourceArn": "arn:aws:lambda:us-east-1:000000000000:function:sample",
    "FunctionName": "sample",
}


def request(operation):
    """The least that may be given to an operation of botocore's model."""
    return _structure(operation.input_shape) if operation.input_shape else {}


def _structure(shape):
    return {name: _value(shape.members[name], name) for name in shape.required_members}


def _value(shape, name):
    bounds = shape.metadata
    if "enum" in bounds:
        return bounds["enum"][0]
    match shape.type_name:
        case "structure":
            return _structure(shape)
        case "list":
            return [_value(shape.member, name)] * bounds.get("min", 0)
        case "map":
            return {}
        case "string":
            return WORDS.get(name, "x" * max(1, bounds.get("min", 1)))
        case "integer" | "long":
            return max(1, bounds.get("min", 1))
        case "boolean":
            return True
        case "blob":
            return b"{}"
        case "timestamp":
            return 0
    raise ValueError(f"no sample of {shape.type_name} for {name}")
