"""Clients of SQS that hold every answer against botocore's own model of it."""

import json
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from answers import conforms, expect

endpoint = sys.argv[1]
ACCOUNT = "000000000000"


def check_raw(model, response_dict, **_):
    headers = {name.lower(): value for name, value in response_dict["headers"].items()}
    expect(headers["content-type"], "application/x-amz-json-1.0", f"{model.name}: content type")
    if "x-amzn-requestid" not in headers:
        sys.exit(f"{model.name}: no request id")
    body, status = response_dict["body"], response_dict["status_code"]
    if status == 200:
        if model.output_shape:
            conforms(json.loads(body), model.output_shape, model.name)
        else:
            expect(body, b"", f"{model.name}: body")
        return
    error = json.loads(body)
    expect(set(error), {"__type", "message"}, f"{model.name}: members of the error")
    prefix, _, name = error["__type"].partition("#")
    expect(prefix, "com.amazonaws.sqs", f"{model.name}: namespace of the error")
    code, _, fault = headers["x-amzn-query-error"].partition(";")
    expect((bool(code), fault), (True, "Sender"), f"{model.name}: {headers['x-amzn-query-error']}")
    unmodelled = {"InvalidParameterValueException", "MissingRequiredParameterException", "SerializationException"}
    if name not in unmodelled | {shape.name for shape in model.error_shapes}:
        sys.exit(f"{model.name}: {name} is no error of it")


def client_of(region):
    client = boto3.client(
        "sqs",
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id="dummy",
        aws_secret_access_key="dummy",
        config=Config(retries={"max_attempts": 0}),
    )
    client.meta.events.register("before-parse.sqs", lambda operation_model, **kw: check_raw(operation_model, **kw))
    return client


sqs = client_of("us-east-1")


def refused(code, operation, **arguments):
    try:
        getattr(sqs, operation)(**arguments)
    except ClientError as error:
        expect(error.response["Error"]["Code"], code, f"{operation} {str(arguments)[:200]}: {error}")
        return error.response["Error"]["Message"]
    sys.exit(f"{operation} {str(arguments)[:200]} was not refused")


def receive(url, **arguments):
    return sqs.receive_message(QueueUrl=url, **arguments).get("Messages", [])


def attributes_of(url, *names):
    return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(names)).get("Attributes", {})
