"""The operations on event source mappings, as boto3 and the aws command line see them.

    python event_sources.py ENDPOINT COMPONENT

Mappings are made of queues that are built in, changed, listed, tagged and deleted, and every refusal is held against Lambda's words.
"""

import json
import os
import subprocess
import sys
import time

import boto3
import botocore.config
import botocore.exceptions

from answers import conforms, expect

ENDPOINT = sys.argv[1]
KEY = {"region_name": "us-east-1", "aws_access_key_id": "any", "aws_secret_access_key": "any"}
# So that what is wrong with a request is the server's to say.
UNCHECKED = botocore.config.Config(parameter_validation=False)
LAMBDA = boto3.client("lambda", endpoint_url=ENDPOINT, config=UNCHECKED, **KEY)
SQS = boto3.client("sqs", endpoint_url=ENDPOINT, **KEY)
MODEL = LAMBDA.meta.service_model
ARN = "arn:aws:sqs:us-east-1:000000000000:"
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:f"
ROLE = "arn:aws:iam::000000000000:role/any"


def refused(code, message, call, **given):
    try:
        call(**given)
    except botocore.exceptions.ClientError as error:
        expect((error.response["Error"]["Code"], error.response["Error"]["Message"]), (code, message), given)
    else:
        sys.exit(f"{given} is not refused")


def settled(uuid, state):
    for _ in range(500):
        try:
            shown = LAMBDA.get_event_source_mapping(UUID=uuid)
        except LAMBDA.exceptions.ResourceNotFoundException:
            shown = {"State": None}
        if shown["State"] == state:
            return shown
        time.sleep(0.02)
    sys.exit(f"{uuid} does not become {state}")


def answer_of(answer):
    metadata = answer.pop("ResponseMetadata")
    # boto3 has made a time of a number.
    answer["LastModified"] = answer["LastModified"].timestamp()
    shape = MODEL.shape_for("EventSourceMappingConfiguration")
    members = {name: value for name, value in answer.items() if name != "LastModified"}
    conforms(members, shape, "answer")
    return metadata["HTTPStatusCode"], answer


with open(sys.argv[2], "rb") as code:
    CODE = code.read()
LAMBDA.create_function(
    FunctionName="f", Runtime="provided.al2023", Handler="x", Role=ROLE, Code={"ZipFile": CODE}, Timeout=20, Publish=True
)
LAMBDA.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
for name, attributes in {
    "q": {},
    "short": {"VisibilityTimeout": "10"},
    "q.fifo": {"FifoQueue": "true"},
}.items():
    SQS.create_queue(QueueName=name, Attributes=attributes)

# What is refused, and in which words.
CREATE = LAMBDA.create_event_source_mapping
INVALID = "InvalidParameterValueException"
MISSING = (
    "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. SQS Error Message: "
    "The specified queue does not exist."
)
WINDOW = "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
UNSUPPORTED = "Unsupported {} parameter for given event source mapping type."
VISIBILITY = (
    "Invalid request provided: Queue visibility timeout: 10 seconds is less than Function timeout: 20 seconds"
)
for message, given in [
    ("Unrecognized event source.", {"FunctionName": "f"}),
    (
        "Unrecognized event source. Only SQS queues are polled here.",
        {"FunctionName": "f", "EventSourceArn": "arn:aws:kinesis:us-east-1:000000000000:stream/s"},
    ),
    ("Function does not exist", {"FunctionName": "g", "EventSourceArn": ARN + "q"}),
    ("Function does not exist", {"FunctionName": "f:other", "EventSourceArn": ARN + "q"}),
    (MISSING, {"FunctionName": "f", "EventSourceArn": ARN + "none"}),
    (VISIBILITY, {"FunctionName": "f", "EventSourceArn": ARN + "short"}),
    (WINDOW, {"FunctionName": "f", "EventSourceArn": ARN + "q", "BatchSize": 11}),
    (
        "Batch size must be between 1 and 10 for FIFO queues, not 11.",
        {"FunctionName": "f", "EventSourceArn": ARN + "q.fifo", "BatchSize": 11, "MaximumBatchingWindowInSeconds": 1},
    ),
    (
        "Batching window is not supported for FIFO queues.",
        {"FunctionName": "f", "EventSourceArn": ARN + "q.fifo", "MaximumBatchingWindowInSeconds": 1},
    ),
    (
        UNSUPPORTED.format("StartingPosition"),
        {"FunctionName": "f", "EventSourceArn": ARN + "q", "StartingPosition": "LATEST"},
    ),
    (
        UNSUPPORTED.format("DestinationConfig"),
        {
            "FunctionName": "f",
            "EventSourceArn": ARN + "q",
            "DestinationConfig": {"OnFailure": {"Destination": ARN + "q"}},
        },
    ),
    (
        "Invalid filter pattern definition. filter 1: the pattern cannot be read: EOF while parsing an object at line 1 "
        "column 1",
        {"FunctionName": "f", "EventSourceArn": ARN + "q", "FilterCriteria": {"Filters": [{"Pattern": "{"}]}},
    ),
]:
    refused(INVALID, message, CREATE, **given)
refused(
    "ValidationException",
    "1 validation error detected: Value '1' at 'scalingConfig.maximumConcurrency' failed to satisfy constraint: Member "
    "must have value greater than or equal to 2",
    CREATE,
    FunctionName="f",
    EventSourceArn=ARN + "q",
    ScalingConfig={"MaximumConcurrency": 1},
)
NONE = "The resource you requested does not exist."
UNKNOWN = "00000000-0000-4000-8000-000000000000"
for call in [LAMBDA.get_event_source_mapping, LAMBDA.update_event_source_mapping, LAMBDA.delete_event_source_mapping]:
    refused("ResourceNotFoundException", NONE, call, UUID=UNKNOWN)

# A mapping from its beginning to its end.
status, made = answer_of(CREATE(FunctionName="f", EventSourceArn=ARN + "q", Tags={"team": "tea"}))
uuid = made["UUID"]
mapping_arn = f"arn:aws:lambda:us-east-1:000000000000:event-source-mapping:{uuid}"
expect(abs(made.pop("LastModified") - time.time()) < 60, True, "LastModified")
expect(
    (status, made),
    (
        202,
        {
            "UUID": uuid,
            "BatchSize": 10,
            "MaximumBatchingWindowInSeconds": 0,
            "EventSourceArn": ARN + "q",
            "FunctionArn": FUNCTION,
            "State": "Creating",
            "StateTransitionReason": "USER_INITIATED",
            "FunctionResponseTypes": [],
            "EventSourceMappingArn": mapping_arn,
        },
    ),
    "what a mapping is made as",
)
settled(uuid, "Enabled")
refused(
    "ResourceConflictException",
    f'An event source mapping with SQS arn (" {ARN}q ") and function (" f ") already exists. Please update or delete the '
    f"existing mapping with UUID {uuid}",
    CREATE,
    FunctionName="f",
    EventSourceArn=ARN + "q",
)
pattern = json.dumps({"body": {"item": ["tea"]}})
status, changed = answer_of(
    LAMBDA.update_event_source_mapping(
        UUID=uuid,
        BatchSize=100,
        MaximumBatchingWindowInSeconds=2,
        ScalingConfig={"MaximumConcurrency": 7},
        FilterCriteria={"Filters": [{"Pattern": pattern}]},
        FunctionResponseTypes=["ReportBatchItemFailures"],
        FunctionName="f:live",
    )
)
expect((status, changed["State"], changed["FunctionArn"]), (202, "Updating", FUNCTION + ":live"), "a change")
shown = settled(uuid, "Enabled")
for name, value in {
    "BatchSize": 100,
    "MaximumBatchingWindowInSeconds": 2,
    "ScalingConfig": {"MaximumConcurrency": 7},
    "FilterCriteria": {"Filters": [{"Pattern": pattern}]},
    "FunctionResponseTypes": ["ReportBatchItemFailures"],
}.items():
    expect(shown[name], value, name)
refused(INVALID, WINDOW, LAMBDA.update_event_source_mapping, UUID=uuid, MaximumBatchingWindowInSeconds=0)
_, cleared = answer_of(
    LAMBDA.update_event_source_mapping(UUID=uuid, FilterCriteria={}, ScalingConfig={}, FunctionResponseTypes=[])
)
expect(("FilterCriteria" in cleared, "ScalingConfig" in cleared, cleared["BatchSize"]), (False, False, 100), "cleared")

# Tags.
LAMBDA.tag_resource(Resource=mapping_arn, Tags={"team": "coffee", "stage": "test"})
LAMBDA.untag_resource(Resource=mapping_arn, TagKeys=["stage", "other"])
expect(LAMBDA.list_tags(Resource=mapping_arn)["Tags"], {"team": "coffee"}, "tags")
other_arn = mapping_arn.replace(uuid, UNKNOWN)
for call, more in [
    (LAMBDA.list_tags, {}),
    (LAMBDA.tag_resource, {"Tags": {"a": "b"}}),
    (LAMBDA.untag_resource, {"TagKeys": ["a"]}),
]:
    refused(
        "ResourceNotFoundException", f"Event source mapping not found: {other_arn}", call, Resource=other_arn, **more
    )

# Lists.
fifo = CREATE(FunctionName="f", EventSourceArn=ARN + "q.fifo", Enabled=False)["UUID"]
settled(fifo, "Disabled")


def listed(**given):
    pages = LAMBDA.get_paginator("list_event_source_mappings").paginate(**given)
    return {mapping["UUID"] for page in pages for mapping in page["EventSourceMappings"]}


expect(listed(), {uuid, fifo}, "all")
expect(listed(PaginationConfig={"PageSize": 1}), {uuid, fifo}, "page by page")
expect(listed(FunctionName="f"), {uuid, fifo}, "of a function")
expect(listed(FunctionName="f:live"), {uuid}, "of an alias")
expect(listed(EventSourceArn=ARN + "q.fifo"), {fifo}, "of a queue")
expect(listed(FunctionName="g"), set(), "of another function")

# The aws command line.
environment = {
    **os.environ, "AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any", "AWS_DEFAULT_REGION": "us-east-1",
}
command = [os.path.join(os.path.dirname(sys.executable), "aws"), "--endpoint-url", ENDPOINT, "--output", "json", "lambda"]


def aws(*arguments):
    return json.loads(subprocess.run([*command, *arguments], env=environment, check=True, capture_output=True).stdout)


expect(aws("update-event-source-mapping", "--uuid", fifo, "--enabled")["State"], "Enabling", "aws")
settled(fifo, "Enabled")
expect(len(aws("list-event-source-mappings")["EventSourceMappings"]), 2, "aws")
for one in [uuid, fifo]:
    expect(aws("delete-event-source-mapping", "--uuid", one)["State"], "Deleting", "aws")
    settled(one, None)
expect(listed(), set(), "nothing is left")
