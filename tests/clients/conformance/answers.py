"""Holds whole answers against the operations they are answers to: status, headers and body."""

import json
import re
from dataclasses import dataclass

from conformance import known, shapes


@dataclass
class Answer:
    """An answer as it came off the wire."""

    status: int
    headers: dict
    body: bytes

    def header(self, name):
        """The value of a header, None if it is not there."""
        values = {key.lower(): value for key, value in self.headers.items()}
        return values.get(name.lower())


def problems(operation, answer):
    """What is wrong with an answer to that operation of botocore's model, as a list of sentences."""
    request_id = answer.header("x-amzn-RequestId")
    found = []
    if request_id is None or not re.fullmatch(known.UUID, request_id):
        found.append(f"x-amzn-RequestId should be a UUID, and is {request_id!r}")
    return found + (_error(operation, answer) if answer.status >= 300 else _success(operation, answer))


def _success(operation, answer):
    found = []
    wanted = known.STATUS.get(operation.name, {operation.http.get("responseCode", 200)})
    if answer.status not in wanted:
        found.append(f"the status should be {wanted}, and is {answer.status}")
    if answer.header("x-amzn-ErrorType") is not None:
        found.append("x-amzn-ErrorType stands in an answer that is none")
    output = operation.output_shape
    members = output.members if output else {}
    found += _headers(members, answer)
    payload = output.serialization.get("payload") if output else None
    has_body = payload or any("location" not in member.serialization for member in members.values())
    # An event that was accepted is answered without the payload.
    if not has_body or answer.status == 204 or (payload and answer.status == 202):
        return found + ([f"the body should be empty, and is {answer.body!r}"] if answer.body else [])
    value, wrong = _json(answer)
    if payload or wrong:
        # A payload is whatever the function answered, here always JSON.
        return found + wrong
    if not isinstance(value, dict):
        return found + [f"the body should be an object, and is {value!r}"]
    may_lack = known.MAY_LACK.get(operation.name, ())
    return found + shapes.structure_problems(output, value, "body", may_lack)


def _error(operation, answer):
    name = answer.header("x-amzn-ErrorType")
    modelled = {shape.name: shape for shape in operation.error_shapes}
    if name in modelled:
        shape = modelled[name]
        status = shape.metadata["error"]["httpStatusCode"]
        in_body = {key: member for key, member in shape.members.items() if "location" not in member.serialization}
        members = {member.serialization.get("name", key) for key, member in in_body.items()}
        found = _headers(shape.members, answer, required=True)
    elif name in known.UNMODELLED:
        status, members = known.UNMODELLED[name]
        shape, found = None, []
    else:
        return [f"x-amzn-ErrorType should be an error of {operation.name}, and is {name!r}"]
    if answer.status != status and (name, answer.status) not in known.OTHER_STATUS:
        found.append(f"the status of {name} should be {status}, and is {answer.status}")
    value, wrong = _json(answer)
    if wrong:
        return found + wrong
    if set(value) != members:
        found.append(f"{name} should have the members {sorted(members)}, and has {sorted(value)}")
    fault = "User" if answer.status < 500 else "Service"
    if value.get("Type", fault) != fault:
        found.append(f"the Type of {name} should be {fault}, and is {value['Type']!r}")
    if shape is not None:
        found += shapes.problems(shape, value)
    elif not all(isinstance(part, str) for part in value.values()):
        found.append(f"{name} should have strings, and has {value}")
    return found


def _headers(members, answer, required=False):
    """Checks the members that headers carry, and that there are no others of this kind."""
    found = []
    carried = {}
    for name, member in members.items():
        if member.serialization.get("location") == "header":
            carried[member.serialization["name"].lower()] = member
            if required and answer.header(member.serialization["name"]) is None:
                found.append(f"the header {member.serialization['name']} of {name} is missing")
    for key, text in answer.headers.items():
        key = key.lower()
        if key in carried:
            found += shapes.problems(carried[key], _typed(carried[key], text), f"the header {key}")
        elif key.startswith("x-amz-"):
            found.append(f"there is a header that the model has not: {key}")
    return found


def _typed(member, text):
    """A header as the type it stands for, or as text if it does not."""
    try:
        return json.loads(text) if member.type_name in ("integer", "long", "boolean") else text
    except ValueError:
        return text


def _json(answer):
    """The body as strict JSON, and what is wrong with it."""
    wrong = []
    content_type = answer.header("Content-Type")
    if content_type != "application/json":
        wrong.append(f"Content-Type should be application/json, and is {content_type!r}")

    def members(pairs):
        twice = [key for key, _ in pairs if [other for other, _ in pairs].count(key) > 1]
        wrong.extend(f"the member {key} is there twice" for key in dict.fromkeys(twice))
        return dict(pairs)

    try:
        return json.loads(answer.body.decode("utf-8"), object_pairs_hook=members), wrong
    except ValueError as error:
        return None, wrong + [f"the body is not JSON: {error}: {answer.body[:200]!r}"]
