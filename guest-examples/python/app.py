"""Greets whom the event names, and the world when it names nobody; what it is asked to echo, it echoes."""

import json
import traceback

from componentize_py_types import Err
from wit_world import exports
from wit_world.imports.types import Context, FunctionError

greeting = ""


class Lifecycle(exports.Lifecycle):
    def init(self) -> None:
        """Called once for each instance, before its first event."""
        global greeting
        greeting = "Hello"


class Handler(exports.Handler):
    def handle(self, event: bytes, context: Context) -> bytes:
        try:
            answer = answer_to(json.loads(event))
            print(f"{context.invoked_function_arn} answers")
            return json.dumps(answer).encode()
        except Exception as error:
            # Raised as a record of the contract, it is the function's error; raised as it is, it would end the instance.
            raise Err(function_error(error))


def answer_to(event: dict) -> object:
    if "echo" in event:
        return event["echo"]
    name = event.get("name", "World")
    if not isinstance(name, str):
        raise TypeError(f"cannot greet {name!r}")
    return {"message": f"{greeting}, {name}!"}


def function_error(error: Exception) -> FunctionError:
    frames = [frame.strip() for frame in traceback.format_tb(error.__traceback__)]
    return FunctionError(type(error).__name__, str(error), frames[::-1])
