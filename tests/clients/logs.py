"""Reads a running Samovar's logs through boto3, and holds every answer against botocore's own model of the API.

usage: logs.py ENDPOINT check GROUP     checks all operations; the group has a few lines
       logs.py ENDPOINT follow GROUP    prints lines as they come, as a tail does, until it is ended
"""

import json
import sys
import time
import urllib.request

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError

from answers import conforms, expect

endpoint, command, group = sys.argv[1:]
SETTINGS = {
    "endpoint_url": endpoint,
    "region_name": "us-east-1",
    "aws_access_key_id": "dummy",
    "aws_secret_access_key": "dummy",
    "config": Config(retries={"max_attempts": 0}),
}
logs = boto3.client("logs", **SETTINGS)

# What an answer has beside what is there only when there is more. The model says of nothing that it must be there.
PROMISED = {
    "DescribeLogGroupsResponse": {"logGroups"},
    "DescribeLogStreamsResponse": {"logStreams"},
    "GetLogEventsResponse": {"events", "nextForwardToken", "nextBackwardToken"},
    "FilterLogEventsResponse": {"events", "searchedLogStreams"},
    "LogGroup": {"logGroupName", "creationTime", "metricFilterCount", "arn", "storedBytes", "logGroupClass", "logGroupArn"},
    "LogStream": {"logStreamName", "creationTime", "firstEventTimestamp", "lastEventTimestamp", "lastIngestionTime", "arn", "storedBytes"},
    "OutputLogEvent": {"timestamp", "message", "ingestionTime"},
    "FilteredLogEvent": {"logStreamName", "timestamp", "message", "ingestionTime", "eventId"},
}


def raw(operation, body):
    request = urllib.request.Request(endpoint + "/", data=body if isinstance(body, bytes) else json.dumps(body).encode())
    request.add_header("Content-Type", "application/x-amz-json-1.1")
    request.add_header("X-Amz-Target", f"Logs_20140328.{operation}")
    try:
        with urllib.request.urlopen(request) as answer:
            expect(answer.headers["Content-Type"], "application/x-amz-json-1.1", "content type")
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def conforming(operation, body):
    status, answer = raw(operation, body)
    expect(status, 200, f"{operation} {body}: {answer}")
    model = botocore.session.get_session().get_service_model("logs")
    conforms(answer, model.operation_model(operation).output_shape, operation, PROMISED)
    return answer


def refused(name, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        expect(error.response["Error"]["Code"], name, f"{call} {arguments}")
        return error.response["Error"]["Message"]
    sys.exit(f"{call} {arguments} was not refused")


def elsewhere(service):
    """A client whose requests look like those of a web page."""
    client = boto3.client(service, **SETTINGS)
    page = lambda request, **_: request.headers.add_header("Origin", "https://evil.example/<&>")
    client.meta.events.register("before-sign", page)
    return client


def check():
    of_group = {"logGroupName": group}
    listed = conforming("DescribeLogGroups", {"logGroupNamePrefix": group})["logGroups"]
    expect([it["logGroupName"] for it in listed], [group], "groups")
    arn = f"arn:aws:logs:us-east-1:000000000000:log-group:{group}"
    expect((listed[0]["arn"], listed[0]["logGroupArn"]), (arn + ":*", arn), "ARNs")
    expect(conforming("DescribeLogGroups", {"logGroupNamePrefix": group + "/none"}), {"logGroups": []}, "no groups")
    streams = conforming("DescribeLogStreams", {**of_group, "orderBy": "LastEventTime", "descending": True})["logStreams"]
    conforming("DescribeLogStreams", {"logGroupIdentifier": arn, "limit": 1})
    stream = streams[0]["logStreamName"]

    everything = conforming("FilterLogEvents", of_group)["events"]
    expect(len({event["eventId"] for event in everything}), len(everything), "event ids")
    expect(everything, sorted(everything, key=lambda event: event["eventId"]), "order")
    paginator = logs.get_paginator("filter_log_events")
    paged = [event for page in paginator.paginate(**of_group, limit=2) for event in page["events"]]
    expect(paged, everything, "pages of two")
    newest = conforming("FilterLogEvents", {**of_group, "limit": 2, "startFromHead": False})
    expect(newest["events"], everything[:-3:-1], "the newest two")
    ends = [event for event in everything if event["message"].startswith("END ")]
    expect(conforming("FilterLogEvents", {**of_group, "filterPattern": '"END RequestId"'})["events"], ends, "filtered")
    first = everything[0]["timestamp"]
    at_first = conforming("FilterLogEvents", {**of_group, "startTime": first, "endTime": first})["events"]
    expect({event["timestamp"] for event in at_first}, {first}, "the end belongs to the range")
    expect(conforming("GetLogEvents", {**of_group, "logStreamName": stream, "endTime": first})["events"], [], "it does not")

    messages = [event["message"] for event in everything if event["logStreamName"] == stream]
    call = {**of_group, "logStreamName": stream, "startFromHead": True, "limit": 3}
    forwards, token = [], None
    while True:
        page = conforming("GetLogEvents", {**call, **({"nextToken": token} if token else {})})
        forwards += [event["message"] for event in page["events"]]
        if page["nextForwardToken"] == token:
            break
        token = page["nextForwardToken"]
    expect(forwards, messages, "forwards")
    call["startFromHead"] = False
    backwards, token = [], None
    while True:
        page = conforming("GetLogEvents", {**call, **({"nextToken": token} if token else {})})
        backwards[:0] = [event["message"] for event in page["events"]]
        if page["nextBackwardToken"] == token:
            break
        token = page["nextBackwardToken"]
    expect(backwards, messages, "backwards")

    missing = {"logGroupName": "/aws/lambda/nobody"}
    text = refused("ResourceNotFoundException", logs.filter_log_events, **missing)
    expect(text, "The specified log group does not exist.", "the message")
    refused("ResourceNotFoundException", logs.describe_log_streams, **missing)
    refused("ResourceNotFoundException", logs.get_log_events, logStreamName="none", **of_group)
    refused("ResourceNotFoundException", logs.filter_log_events, logGroupIdentifier=arn.replace("us-east-1", "eu-west-1"))
    refused("InvalidParameterException", logs.filter_log_events)
    refused("InvalidParameterException", logs.filter_log_events, filterPattern='{ $.level = "ERROR" }', **of_group)
    refused("InvalidParameterException", logs.filter_log_events, nextToken="nonsense", **of_group)
    refused("InvalidParameterException", logs.filter_log_events, limit=10001, **of_group)
    refused("InvalidParameterException", logs.filter_log_events, logStreamNames=["a"], logStreamNamePrefix="a", **of_group)
    refused("InvalidParameterException", logs.describe_log_streams, orderBy="LastEventTime", logStreamNamePrefix="a", **of_group)
    refused("UnknownOperationException", logs.create_log_group, **of_group)
    expect(raw("GetLogEvents", {**of_group, "limit": "1"})[1]["__type"], "SerializationException", "a wrong type")
    expect(raw("FilterLogEvents", b"{")[0], 400, "no JSON")
    expect(raw("FilterLogEvents", {**of_group, "startTime": -1})[1]["__type"], "InvalidParameterException", "a time")

    identity = boto3.client("sts", **SETTINGS).get_caller_identity()
    expect(identity["Account"], "000000000000", "account")
    expect(identity["Arn"], "arn:aws:iam::000000000000:user/samovar", "ARN")
    refused("InvalidAction", boto3.client("sts", **SETTINGS).get_session_token)

    # What is refused before it comes to an operation has the form of its service too.
    refused("RequestEntityTooLargeException", logs.filter_log_events, filterPattern="x" * (1 << 20), **of_group)
    refused("AccessDeniedException", elsewhere("logs").describe_log_groups)
    text = refused("AccessDenied", elsewhere("sts").get_caller_identity)
    expect("https://evil.example/<&>" in text, True, f"the message: {text}")
    print("logs: all as on AWS")


def follow():
    """As tails of CloudWatch Logs do: from the time of the newest line on, but for lines that were there already."""
    since, seen = 0, set()
    while True:
        arguments = {"logGroupName": group, "interleaved": True, "startTime": since}
        while True:
            page = logs.filter_log_events(**arguments)
            for event in page["events"]:
                if event["timestamp"] > since:
                    since, seen = event["timestamp"], set()
                if event["eventId"] not in seen:
                    seen.add(event["eventId"])
                    print(event["message"], flush=True)
            if "nextToken" not in page:
                break
            arguments["nextToken"] = page["nextToken"]
        time.sleep(0.2)


{"check": check, "follow": follow}[command]()
