"""Functions, invoked."""

import base64
import json
import re

from conformance import known
from conformance.modules import talkative
from conformance.scenarios import step

COVERS = "Invoke"

# The limits of Lambda, in bytes.
PAYLOAD_MAX, ANSWER_MAX, LOG_TAIL_MAX, CLIENT_CONTEXT_MAX = 6_291_456, 6_291_556, 4096, 3583
TRACE = r"Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=[01](;Lineage=[^;]+)?"


def answered(answer):
    return json.loads(answer["Payload"].read())


@step
def event_and_answer(t):
    """an event of JSON comes in and an answer of JSON out"""
    t.function("echo")
    event = {"text": "чай", "list": [1, 2.5, None, {"deep": [True]}], "large": 12345678901234567890}
    answer = t.client.invoke(FunctionName="echo", Payload=json.dumps(event))
    t.equal((answer["StatusCode"], answer["ExecutedVersion"]), (200, "$LATEST"), "the status and the version")
    t.equal(answered(answer), event, "the answer")
    t.true("FunctionError" not in answer and "LogResult" not in answer, "no error and no log")
    t.matches(TRACE, t.last.header("X-Amzn-Trace-Id"), "the trace header")
    t.equal(t.last.header("X-Amzn-Remapped-Content-Length"), "0", "the remapped length")
    for scalar in (b"1", b'"text"', b"null", b"true", b"[]", b" {} "):
        answer = t.client.invoke(FunctionName="echo", Payload=scalar)
        t.equal(answered(answer), json.loads(scalar), f"the event {scalar}")


@step
def nothing_in_and_out(t):
    """an event without a body is {}, an answer without a value null"""
    t.equal(t.client.invoke(FunctionName="echo")["Payload"].read(), b"{}", "no payload")
    t.equal(t.client.invoke(FunctionName="echo", Payload=b"")["Payload"].read(), b"{}", "an empty payload")
    t.function("null", guest="null")
    t.equal(t.client.invoke(FunctionName="null")["Payload"].read(), b"null", "nothing answered")


@step
def not_json(t):
    """what is no JSON is refused before it comes to the function"""
    for event in (b"{no", b"\xff\xfe", b"{} {}", b"n\x87r", b"{'a': 1}"):
        message = re.compile("Could not parse request body into json: .+")
        t.fails("InvalidRequestContentException", message, "invoke", FunctionName="echo", Payload=event)


@step
def dry_runs(t):
    """a dry run answers 204, or what stands in its way, and runs nothing"""
    t.function("counter", guest="counter")
    answer = t.client.invoke(FunctionName="counter", InvocationType="DryRun", Payload=b"{}")
    t.equal((answer["StatusCode"], answer["Payload"].read()), (204, b""), "the answer")
    t.equal(answered(t.client.invoke(FunctionName="counter")), {"count": 1}, "the first event")
    nobody = f"Function not found: {t.arn('nobody')}"
    t.fails("ResourceNotFoundException", nobody, "invoke", FunctionName="nobody", InvocationType="DryRun")


@step
def of_another_type(t):
    """a type that is none is refused with those that are"""
    t.fails(
        "ValidationException",
        "1 validation error detected: Value 'Later' at 'invocationType' failed to satisfy constraint: Member must satisfy "
        "enum value set: [Event, RequestResponse, DryRun]",
        "invoke", FunctionName="echo", InvocationType="Later",
    )
    t.fails(
        "ValidationException",
        "1 validation error detected: Value 'Head' at 'logType' failed to satisfy constraint: Member must satisfy enum "
        "value set: [None, Tail]",
        "invoke", FunctionName="echo", LogType="Head",
    )


@step
def not_there(t):
    """a function, version or alias that is not there is told by its ARN"""
    for name, qualifier in (("nobody", None), ("echo", "9"), ("echo", "none")):
        request = {"FunctionName": name} | ({"Qualifier": qualifier} if qualifier else {})
        message = re.compile(re.escape(f"Function not found: {t.arn(name)}") + (f":{qualifier}" if qualifier else "(:.LATEST)?"))
        t.fails("ResourceNotFoundException", message, "invoke", **request)


@step
def with_its_log(t):
    """LogType: Tail brings the end of the log, with the report and the id of the request"""
    answer = t.client.invoke(FunctionName="echo", LogType="Tail")
    log = base64.b64decode(answer["LogResult"], validate=True).decode()
    request_id = answer["ResponseMetadata"]["RequestId"]
    t.true(f"START RequestId: {request_id} Version: $LATEST\n" in log, log)
    t.true(f"END RequestId: {request_id}\n" in log, log)
    report = (
        rf".*REPORT RequestId: {request_id}\tDuration: \d+\.\d\d ms\tBilled Duration: \d+ ms\tMemory Size: 128 MB\t"
        r"Max Memory Used: \d+ MB\t(Init Duration: \d+\.\d+ ms\t)?\n?"
    )
    t.matches(report, log, "the report")
    t.true("LogResult" not in t.client.invoke(FunctionName="echo", LogType="None"), "no log that nobody asked for")


@step
def with_the_end_of_a_long_log(t):
    """of a long log only the last 4 KB come"""
    said = b"".join(b"line %04d\n" % number for number in range(1000))
    t.function("talkative", Code={"ZipFile": talkative(said)})
    answer = t.client.invoke(FunctionName="talkative", LogType="Tail")
    tail = base64.b64decode(answer["LogResult"], validate=True)
    t.equal(len(tail), LOG_TAIL_MAX, "its length")
    lines = tail.decode().splitlines()
    t.true(lines[-1].startswith("REPORT RequestId: ") and lines[-2].startswith("END RequestId: "), str(lines[-2:]))
    t.equal(lines[-3], "line 0999", "what the function said last")


@step
def failed(t):
    """an error of the function's own is a 200 that says so"""
    t.function("fails", guest="fails")
    answer = t.client.invoke(FunctionName="fails", Payload=b'{"id": 7}', LogType="Tail")
    t.equal((answer["StatusCode"], answer["FunctionError"]), (200, "Unhandled"), "the status")
    error = answered(answer)
    t.equal((error["errorType"], error["errorMessage"]), ("OrderNotFound", "there is no order 7"), "the error")
    t.function("spinner", guest="spinner", Timeout=1)
    answer = t.client.invoke(FunctionName="spinner")
    request_id = answer["ResponseMetadata"]["RequestId"]
    wanted = {
        "errorType": "Sandbox.Timedout",
        "errorMessage": f"RequestId: {request_id} Error: Task timed out after 1.00 seconds",
    }
    t.equal((answer["FunctionError"], answered(answer)), ("Unhandled", wanted), "a time-out")


@step
def context(t):
    """the function sees who was invoked, and what the client says of itself"""
    t.function("context", guest="context", MemorySize=192)
    t.client.publish_version(FunctionName="context")
    t.client.create_alias(FunctionName="context", Name="live", FunctionVersion="1")
    client = {key: "чай" for key in
              ("installation_id", "app_title", "app_version_name", "app_version_code", "app_package_name")}
    given = {"client": client, "custom": {"key": "value"}}
    header = base64.b64encode(json.dumps(given).encode()).decode()
    seen = answered(t.client.invoke(FunctionName="context", Qualifier="live", ClientContext=header))
    t.equal(seen["invoked_function_arn"], t.arn("context:live"), "the ARN that was invoked")
    t.equal(seen["request_id"], t.last.header("x-amzn-RequestId"), "the id of the request")
    t.equal(seen["client_context"]["custom"], {"key": "value"}, "the client's own")
    t.equal(seen["client_context"]["client"]["appTitle"], "чай", "the client")
    t.equal(seen["env_config"]["version"], "1", "the version")
    t.equal(seen["env_config"]["memory"], 192, "the memory")
    long = base64.b64encode(json.dumps({"custom": {"key": "x" * CLIENT_CONTEXT_MAX}}).encode()).decode()
    message = re.compile(f"Client context must be at most {CLIENT_CONTEXT_MAX} bytes.*")
    t.fails("InvalidRequestContentException", message, "invoke", FunctionName="context", ClientContext=long)
    message = "Client context must be a valid Base64-encoded JSON object."
    for bad in ("%%%", base64.b64encode(b"[1]").decode(), base64.b64encode(b"{").decode()):
        t.fails("InvalidRequestContentException", message, "invoke", FunctionName="context", ClientContext=bad)


@step
def traced(t):
    """a trace header goes in and comes out"""
    given = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"

    def put(request, **_):
        request.headers["X-Amzn-Trace-Id"] = given

    t.client.meta.events.register("before-send.lambda.Invoke", put)
    seen = answered(t.client.invoke(FunctionName="context"))
    t.client.meta.events.unregister("before-send.lambda.Invoke", put)
    t.equal(t.last.header("X-Amzn-Trace-Id"), given, "the header of the answer")
    # The invocation is counted, as chains have an end.
    t.matches(re.escape(given) + ";Lineage=[0-9a-f]{8}:1", seen["xray_trace_id"], "what the function sees")


@step
def too_large(t):
    """6 MB are the limit, in and out"""
    event = b'"' + b"x" * (PAYLOAD_MAX - 2) + b'"'
    t.equal(t.client.invoke(FunctionName="echo", Payload=event)["Payload"].read(), event, "as much as fits")
    message = f"Request must be smaller than {PAYLOAD_MAX} bytes for the InvokeFunction operation"
    t.fails("RequestTooLargeException", message, "invoke", FunctionName="echo", Payload=event + b" ")
    t.function("large", guest="large", MemorySize=512)
    answer = t.client.invoke(FunctionName="large", Payload=json.dumps({"bytes": ANSWER_MAX}))
    t.equal(("FunctionError" in answer, len(answer["Payload"].read())), (False, ANSWER_MAX), "as much as fits")
    answer = t.client.invoke(FunctionName="large", Payload=json.dumps({"bytes": ANSWER_MAX + 1}))
    wanted = {
        "errorType": "Function.ResponseSizeTooLarge",
        "errorMessage": f"Response payload size exceeded maximum allowed payload size ({ANSWER_MAX} bytes).",
    }
    t.equal((answer["StatusCode"], answer["FunctionError"]), (200, "Unhandled"), "too much")
    t.equal(answered(answer), wanted, "the error")


@step
def of_no_kind_here(t):
    """what promises more than is kept is refused"""
    for name, value in (("DurableExecutionName", "once"), ("TenantId", "tenant")):
        message = re.compile(f"{name} is given, but the function .*")
        t.fails("InvalidParameterValueException", message, "invoke", FunctionName="echo", **{name: value})


@step
def each_with_its_own_id(t):
    """every invocation has a request id of its own"""
    ids = [t.client.invoke(FunctionName="echo")["ResponseMetadata"]["RequestId"] for _ in range(5)]
    t.equal(len(set(ids)), 5, "five ids")
    t.true(all(re.fullmatch(known.UUID, request_id) for request_id in ids), "UUIDs")
