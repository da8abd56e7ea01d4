"""Functions, invoked asynchronously."""

import re

from conformance import known
from conformance.scenarios import step

COVERS = "InvokeAsync"

# The limit of Lambda for an event that is queued, in bytes.
PAYLOAD_MAX = 1_048_576
ROOT = "Root=1-5759e988-bd862e3fe1be46a994272793"


@step
def accepted(t):
    """an event is accepted under a request id, and nothing is answered"""
    t.function("f")
    answer = t.client.invoke(FunctionName="f", InvocationType="Event", Payload=b'{"a": 1}')
    t.equal((answer["StatusCode"], answer["Payload"].read()), (202, b""), "the answer of Invoke")
    t.true("ExecutedVersion" not in answer, "nobody knows yet which version will run")
    t.matches(known.UUID, t.last.header("x-amzn-RequestId"), "the request id")
    most = b'"' + b"x" * (PAYLOAD_MAX - 2) + b'"'
    for event in (b"", b"null", most):
        answer = t.client.invoke(FunctionName="f", InvocationType="Event", Payload=event)
        t.equal(answer["StatusCode"], 202, f"an event of {len(event)} bytes")
    answer = t.client.invoke_async(FunctionName="f", InvokeArgs=b"{}")
    t.equal(answer["Status"], 202, "the answer of InvokeAsync")
    t.matches(known.UUID, t.last.header("x-amzn-RequestId"), "the request id")


@step
def refused(t):
    """what cannot be queued is refused at once"""
    event, old = ("invoke", {"InvocationType": "Event", "Payload": b"{}"}), ("invoke_async", {"InvokeArgs": b"{}"})
    for operation, arguments in (event, old):
        nobody = f"Function not found: {t.arn('nobody')}"
        t.fails("ResourceNotFoundException", nobody, operation, FunctionName="nobody", **arguments)
    request = {"FunctionName": "f", "InvocationType": "Event"}
    too_large = f"{PAYLOAD_MAX + 1} byte payload is too large for the Event invocation type (limit {PAYLOAD_MAX} bytes)"
    payload = b'"' + b"x" * (PAYLOAD_MAX - 1) + b'"'
    t.fails("RequestTooLargeException", too_large, "invoke", **request, Payload=payload)
    no_json = re.compile("Could not parse request body into json: .+")
    t.fails("InvalidRequestContentException", no_json, "invoke", **request, Payload=b"{")
    t.fails("InvalidRequestContentException", no_json, "invoke_async", FunctionName="f", InvokeArgs=b"{")


@step
def in_a_circle(t):
    """a function that invokes itself for the seventeenth time in a chain is refused"""
    t.function("context", guest="context")
    given = [ROOT]

    def put(request, **_):
        request.headers["X-Amzn-Trace-Id"] = given[-1]

    t.client.meta.events.register("before-send.lambda.Invoke", put)
    for _ in range(16):
        answer = t.client.invoke(FunctionName="context", Payload=b"{}")
        given.append(re.search(rb'"xray_trace_id":\s*"([^"]+)"', answer["Payload"].read())[1].decode())
    message = re.compile(".+ recursive loop .+")
    t.fails("RecursiveInvocationException", message, "invoke", FunctionName="context", Payload=b"{}")
    t.client.meta.events.unregister("before-send.lambda.Invoke", put)
