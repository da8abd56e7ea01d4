"""What becomes of events that are queued: retries, their age, destinations and dead letters."""

import re
import time

from conformance.scenarios import step

COVERS = """
    PutFunctionEventInvokeConfig UpdateFunctionEventInvokeConfig GetFunctionEventInvokeConfig
    DeleteFunctionEventInvokeConfig ListFunctionEventInvokeConfigs
"""

INVALID = "InvalidParameterValueException"
NOT_FOUND = "ResourceNotFoundException"
QUEUE = "arn:aws:sqs:us-east-1:000000000000:failed"
NOTHING = {"OnSuccess": {}, "OnFailure": {}}


def config(answer):
    """An answer without what is not compared."""
    return {key: value for key, value in answer.items() if key not in ("ResponseMetadata", "LastModified")}


def missing(t, qualified):
    return f"The function {t.arn(qualified)} doesn't have an EventInvokeConfig"


@step
def put_and_got(t):
    """what is put is there, under the ARN with its qualifier, and with a number for a time"""
    t.function("e")
    t.function("other")
    t.client.publish_version(FunctionName="e")
    t.client.create_alias(FunctionName="e", Name="live", FunctionVersion="1")
    before = time.time()
    put = t.client.put_function_event_invoke_config(
        FunctionName="e", MaximumRetryAttempts=2, MaximumEventAgeInSeconds=21600)
    wanted = {
        "FunctionArn": t.arn("e:$LATEST"), "MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 21600,
        "DestinationConfig": NOTHING,
    }
    t.equal(config(put), wanted, "what was put")
    t.true(before - 5 < put["LastModified"].timestamp() < time.time() + 5, f"the time {put['LastModified']}")
    t.equal(config(t.client.get_function_event_invoke_config(FunctionName="e", Qualifier="$LATEST")), wanted, "got")
    for name, more, qualifier in (
        ("e:$LATEST", {"Qualifier": "$LATEST"}, "$LATEST"), ("e", {"Qualifier": "1"}, "1"), ("e:1", {}, "1"),
        ("e", {"Qualifier": "live"}, "live"), (t.arn("e:live"), {"Qualifier": "live"}, "live"), ("e:live", {}, "live"),
    ):
        put = t.client.put_function_event_invoke_config(FunctionName=name, **more, MaximumRetryAttempts=1)
        wanted = {"FunctionArn": t.arn(f"e:{qualifier}"), "MaximumRetryAttempts": 1, "DestinationConfig": NOTHING}
        t.equal(config(put), wanted, f"of {name} {more}")


@step
def replaced_and_changed(t):
    """putting replaces all there was, updating leaves what it does not name"""
    function = {"FunctionName": "e"}
    t.client.put_function_event_invoke_config(**function, MaximumRetryAttempts=2, MaximumEventAgeInSeconds=60)
    put = t.client.put_function_event_invoke_config(**function, MaximumRetryAttempts=0)
    t.equal((put["MaximumRetryAttempts"], "MaximumEventAgeInSeconds" in put), (0, False), "what was put")
    destinations = {"OnFailure": {"Destination": QUEUE}}
    t.client.put_function_event_invoke_config(**function, MaximumEventAgeInSeconds=60, DestinationConfig=destinations)
    updated = t.client.update_function_event_invoke_config(**function, MaximumRetryAttempts=0)
    wanted = {
        "FunctionArn": t.arn("e:$LATEST"), "MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60,
        "DestinationConfig": {"OnSuccess": {}} | destinations,
    }
    t.equal(config(updated), wanted, "what was updated")
    t.equal(config(t.client.get_function_event_invoke_config(**function)), wanted, "what is there")


@step
def destinations(t):
    """queues and other functions can be told, and an empty ARN tells nobody any more"""
    other = t.arn("other")
    both = {"OnSuccess": {"Destination": other}, "OnFailure": {"Destination": QUEUE}}
    for given, wanted in (
        (both, both),
        ({"OnSuccess": {"Destination": f"{other}:$LATEST"}},
         NOTHING | {"OnSuccess": {"Destination": f"{other}:$LATEST"}}),
        ({"OnSuccess": {}}, NOTHING),
        ({"OnFailure": {"Destination": ""}}, NOTHING),
    ):
        put = t.client.put_function_event_invoke_config(FunctionName="e", DestinationConfig=given)
        t.equal(put["DestinationConfig"], wanted, f"of {given}")


@step
def refused(t):
    """what cannot be is refused in Lambda's words"""
    nothing = "You must specify at least one of error handling or destination setting."
    for operation in ("put_function_event_invoke_config", "update_function_event_invoke_config"):
        for name in ("e", "nobody"):
            t.fails(INVALID, nothing, operation, FunctionName=name)

    def put(error, message, side, arn):
        t.fails(error, message, "put_function_event_invoke_config", FunctionName="e",
                DestinationConfig={side: {"Destination": arn}})

    nobody = t.arn("nobody")
    put(INVALID, f"The destination ARN {nobody} is invalid.", "OnSuccess", nobody)
    put(INVALID, f"The destination ARN {QUEUE}.fifo is invalid.", "OnFailure", f"{QUEUE}.fifo")
    itself = "You can't specify the function as a destination for itself."
    for own in (t.arn("e"), t.arn("e:1")):
        put(INVALID, itself, "OnSuccess", own)
    iam = t.arn("e").replace(":lambda:", ":iam:")
    whole = "The provided destination config DestinationConfig({}) is invalid."
    put(INVALID, whole.format(f"onSuccess=OnSuccess(destination={iam}), onFailure=null"), "OnSuccess", iam)
    put(INVALID, whole.format(f"onSuccess=null, onFailure=OnFailure(destination={iam})"), "OnFailure", iam)
    no_arn = t.arn("e").replace(":lambda:", ":_-/!lambda:")
    message = re.compile("1 validation error detected: Value '.*' at 'destinationConfig.onFailure.destination' failed to "
                         "satisfy constraint: Member must satisfy regular expression pattern: .*")
    put("ValidationException", message, "OnFailure", no_arn)
    lenient = t.client_of("us-east-1", parameter_validation=False)
    for member, value, bound in (
        ("MaximumRetryAttempts", 3, "less than or equal to 2"), ("MaximumRetryAttempts", -1, "greater than or equal to 0"),
        ("MaximumEventAgeInSeconds", 59, "greater than or equal to 60"),
        ("MaximumEventAgeInSeconds", 21601, "less than or equal to 21600"),
    ):
        text = (f"1 validation error detected: Value '{value}' at '{member[0].lower() + member[1:]}' failed to satisfy "
                f"constraint: Member must have value {bound}")
        t.fails("ValidationException", text, lenient.put_function_event_invoke_config, FunctionName="e", **{member: value})


@step
def not_supported(t):
    """what Lambda can tell and Samovar cannot is refused by its name"""
    for arn, what in (
        ("arn:aws:sns:us-east-1:000000000000:t", "SNS topics"), ("arn:aws:s3:::bucket", "S3 buckets"),
        ("arn:aws:events:us-east-1:000000000000:event-bus/b", "EventBridge event buses"),
    ):
        message = f"{what} as destinations are not supported by Samovar: {arn}. Name an SQS queue or a Lambda function."
        t.fails(INVALID, message, "put_function_event_invoke_config", FunctionName="e",
                DestinationConfig={"OnFailure": {"Destination": arn}})


@step
def not_there(t):
    """what is not there has none, and what has none says so"""
    gone = "The function doesn't exist."
    for operation in ("put_function_event_invoke_config", "update_function_event_invoke_config"):
        for function in ({"FunctionName": "nobody"}, {"FunctionName": "e", "Qualifier": "none"},
                         {"FunctionName": "e", "Qualifier": "9"}):
            t.fails(NOT_FOUND, gone, operation, **function, MaximumRetryAttempts=1)
    t.fails(NOT_FOUND, gone, "list_function_event_invoke_configs", FunctionName="nobody")
    differ = "The derived qualifier from the function name does not match the specified qualifier."
    t.fails(INVALID, differ, "put_function_event_invoke_config", FunctionName="e:live", Qualifier="1", MaximumRetryAttempts=1)
    t.fails(NOT_FOUND, missing(t, "other:$LATEST"), "update_function_event_invoke_config",
            FunctionName="other", MaximumRetryAttempts=1)
    for operation in ("get_function_event_invoke_config", "delete_function_event_invoke_config"):
        t.fails(NOT_FOUND, missing(t, "nobody:$LATEST"), operation, FunctionName="nobody")
        t.fails(NOT_FOUND, missing(t, "other:$LATEST"), operation, FunctionName="other")
        t.fails(NOT_FOUND, missing(t, "e:none"), operation, FunctionName="e", Qualifier="none")


@step
def listed_and_deleted(t):
    """they are listed page by page, and go alone or with what they are for"""
    listed = t.client.list_function_event_invoke_configs(FunctionName="e")["FunctionEventInvokeConfigs"]
    arns = [t.arn(f"e:{qualifier}") for qualifier in ("$LATEST", "1", "live")]
    t.equal([item["FunctionArn"] for item in listed], arns, "all of them")
    first = t.client.list_function_event_invoke_configs(FunctionName="e", MaxItems=2)
    rest = t.client.list_function_event_invoke_configs(FunctionName="e", MaxItems=2, Marker=first["NextMarker"])
    pages = [[item["FunctionArn"] for item in page["FunctionEventInvokeConfigs"]] for page in (first, rest)]
    t.equal((pages, "NextMarker" in rest), ([arns[:2], arns[2:]], False), "the pages")
    t.client.delete_function_event_invoke_config(FunctionName="e")
    t.fails(NOT_FOUND, missing(t, "e:$LATEST"), "delete_function_event_invoke_config", FunctionName="e")
    t.client.delete_alias(FunctionName="e", Name="live")
    t.client.delete_function(FunctionName="e", Qualifier="1")
    t.equal(t.client.list_function_event_invoke_configs(FunctionName="e")["FunctionEventInvokeConfigs"], [], "none is left")


@step
def dead_letters(t):
    """a function's dead letters go to a queue, which versions are locked with, until they go nowhere"""
    made = t.client.create_function(**t.creation("d", DeadLetterConfig={"TargetArn": QUEUE}))
    t.equal(made["DeadLetterConfig"], {"TargetArn": QUEUE}, "of a new function")
    t.client.get_waiter("function_active_v2").wait(FunctionName="d")
    published = t.client.publish_version(FunctionName="d")
    t.equal(published["DeadLetterConfig"], {"TargetArn": QUEUE}, "of a version")
    other = f"{QUEUE}-2"
    changed = t.client.update_function_configuration(FunctionName="d", DeadLetterConfig={"TargetArn": other})
    t.equal(changed["DeadLetterConfig"], {"TargetArn": other}, "the change")
    changed = t.client.update_function_configuration(FunctionName="d", Timeout=9)
    t.equal(changed["DeadLetterConfig"], {"TargetArn": other}, "another change")
    changed = t.client.update_function_configuration(FunctionName="d", DeadLetterConfig={"TargetArn": ""})
    t.true("DeadLetterConfig" not in changed, "it was taken away")
    t.true("DeadLetterConfig" not in t.client.get_function_configuration(FunctionName="d"), "it is gone")
    version = t.client.get_function_configuration(FunctionName="d", Qualifier="1")
    t.equal(version["DeadLetterConfig"], {"TargetArn": QUEUE}, "the version keeps its own")


@step
def no_dead_letters(t):
    """what gets no dead letters is refused in Lambda's words, or by its name"""
    invalid = "Invalid dead letter queue ARN: "
    topic = "arn:aws:sns:us-east-1:000000000000:t"
    for arn, message in (
        (f"{QUEUE}.fifo", invalid + "FIFO SQS queue is not supported for dead letter configuration"),
        (t.arn("e"), invalid + "The service specified by the TargetArn is not supported for dead letter configuration."),
        (topic, f"{invalid}SNS topics are not supported by Samovar: {topic}. Name an SQS queue."),
        ("arn:aws:sqs:us-east-1:000000000000:a b", invalid + "arn:aws:sqs:us-east-1:000000000000:a b"),
    ):
        target = {"DeadLetterConfig": {"TargetArn": arn}}
        t.fails(INVALID, message, "create_function", **t.creation("bad", **target))
        t.fails(INVALID, message, "update_function_configuration", FunctionName="d", **target)
