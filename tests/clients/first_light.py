"""Drives a running Samovar through boto3 with nothing but an endpoint URL and dummy credentials.

usage: first_light.py ENDPOINT ECHO_WASM COUNTER_WASM
"""

import base64
import hashlib
import json
import sys

import boto3
from botocore.config import Config

endpoint, echo_path, counter_path = sys.argv[1:]
client = boto3.client(
    "lambda",
    endpoint_url=endpoint,
    region_name="eu-central-1",
    aws_access_key_id="dummy",
    aws_secret_access_key="dummy",
    config=Config(retries={"max_attempts": 0}),
)
echo = open(echo_path, "rb").read()
ROLE = "arn:aws:iam::000000000000:role/any"
ARN = "arn:aws:lambda:eu-central-1:000000000000:function:echo"


def expect(actual, wanted, what):
    if actual != wanted:
        sys.exit(f"{what}: expected {wanted!r}, got {actual!r}")


def fails_with(error_name, status, call, **arguments):
    try:
        call(**arguments)
    except getattr(client.exceptions, error_name) as error:
        expect(error.response["ResponseMetadata"]["HTTPStatusCode"], status, error_name)
        return error.response["Error"]["Message"]
    sys.exit(f"{call.__name__} did not fail with {error_name}")


created = client.create_function(
    FunctionName="echo",
    Runtime="provided.al2023",
    Role=ROLE,
    Handler="bootstrap",
    Code={"ZipFile": echo},
    MemorySize=256,
    Timeout=5,
    Environment={"Variables": {"STAGE": "test"}},
)
expect(created["ResponseMetadata"]["HTTPStatusCode"], 201, "create")
expect(created["FunctionArn"], ARN, "its ARN, in the region of the credentials")
expect(created["CodeSha256"], base64.b64encode(hashlib.sha256(echo).digest()).decode(), "its digest")
expect((created["CodeSize"], created["MemorySize"], created["Timeout"]), (len(echo), 256, 5), "its sizes")
expect((created["Version"], created["Environment"]["Variables"]), ("$LATEST", {"STAGE": "test"}), "its version")
client.get_waiter("function_active_v2").wait(FunctionName="echo")

message = fails_with(
    "ResourceConflictException", 409, client.create_function,
    FunctionName="echo", Runtime="provided.al2023", Role=ROLE, Handler="b", Code={"ZipFile": echo},
)
expect(message, "Function already exist: echo", "the message of a conflict")
message = fails_with("ResourceNotFoundException", 404, client.get_function, FunctionName="nobody")
expect(message, "Function not found: " + ARN.replace("echo", "nobody"), "the message of a function that is not there")
message = fails_with(
    "InvalidParameterValueException", 400, client.update_function_code,
    FunctionName="echo", ZipFile=b"\0asm\1\0\0\0",
)
assert "core WebAssembly module that cannot be run" in message, message

first = client.publish_version(FunctionName="echo", Description="the first")
expect((first["Version"], first["FunctionArn"], first["Description"]), ("1", ARN + ":1", "the first"), "version 1")
expect(client.publish_version(FunctionName="echo")["Version"], "1", "an unchanged version")
client.update_function_code(FunctionName="echo", ZipFile=open(counter_path, "rb").read())
client.get_waiter("function_updated_v2").wait(FunctionName="echo")
expect(client.publish_version(FunctionName="echo")["Version"], "2", "a changed version")
fails_with("PreconditionFailedException", 412, client.publish_version, FunctionName="echo", RevisionId="stale")

alias = client.create_alias(FunctionName="echo", Name="live", FunctionVersion="1")
expect((alias["AliasArn"], alias["FunctionVersion"]), (ARN + ":live", "1"), "the alias")
fails_with("ResourceConflictException", 409, client.create_alias, FunctionName="echo", Name="live", FunctionVersion="1")
fails_with("ResourceNotFoundException", 404, client.create_alias, FunctionName="echo", Name="no", FunctionVersion="9")

event = {"text": "чай", "list": [1, 2.5, None]}
answer = client.invoke(
    FunctionName="echo", Qualifier="live", Payload=json.dumps(event), LogType="Tail",
    ClientContext=base64.b64encode(b'{"custom":{"k":"v"}}').decode(),
)
expect((answer["StatusCode"], answer["ExecutedVersion"]), (200, "1"), "invoke through the alias")
expect(json.loads(answer["Payload"].read()), event, "the echo")
assert "FunctionError" not in answer
log = base64.b64decode(answer["LogResult"]).decode()
request_id = answer["ResponseMetadata"]["RequestId"]
assert f"START RequestId: {request_id} Version: 1\n" in log and "\tInit Duration: " in log, log

routing = {"AdditionalVersionWeights": {"2": 1.0}}
alias = client.update_alias(FunctionName="echo", Name="live", RoutingConfig=routing)
expect(alias["RoutingConfig"], routing, "the weights")
answer = client.invoke(FunctionName=ARN + ":live", Payload=b"{}")
expect((answer["ExecutedVersion"], json.loads(answer["Payload"].read())), ("2", {"count": 1}), "the other version")
expect(client.invoke(FunctionName="echo", InvocationType="DryRun")["StatusCode"], 204, "a dry run")

answer = client.invoke(FunctionName="echo:1", Payload=b"")
expect(answer["Payload"].read(), b"{}", "an empty payload is an empty object")
message = fails_with("InvalidRequestContentException", 400, client.invoke, FunctionName="echo", Payload=b"{no")
assert message.startswith("Could not parse request body into json: "), message
fails_with("RequestTooLargeException", 413, client.invoke, FunctionName="echo", Payload=b" " * 6291457)
fails_with("ResourceNotFoundException", 404, client.invoke, FunctionName="echo", Qualifier="nowhere")

described = client.get_function(FunctionName="echo", Qualifier="1")
expect(described["Configuration"]["FunctionArn"], ARN + ":1", "the qualified ARN")
import urllib.request

expect(urllib.request.urlopen(described["Code"]["Location"]).read(), echo, "the package at its location")
print("boto3: all as on AWS")
