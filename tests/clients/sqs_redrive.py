"""Dead-letter queues of queues, through boto3.

usage: sqs_redrive.py ENDPOINT
"""

import json
import threading
import time

from sqs_model import ACCOUNT, attributes_of, client_of, endpoint, expect, receive, refused, sqs

ARN = f"arn:aws:sqs:us-east-1:{ACCOUNT}:"


def made(name, **attributes):
    return sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]


def redrive_to(name, count):
    return json.dumps({"deadLetterTargetArn": ARN + name, "maxReceiveCount": count})


def policies():
    """A queue has a dead-letter queue, which may say whose it is."""
    dead = made("dead")
    url = made("orders", VisibilityTimeout="0", RedrivePolicy=redrive_to("dead", "2"))
    told = attributes_of(url, "RedrivePolicy")["RedrivePolicy"]
    expect(json.loads(told), {"deadLetterTargetArn": ARN + "dead", "maxReceiveCount": 2}, "policy")
    expect(made("orders", RedrivePolicy=redrive_to("dead", 2)), url, "as it is")
    told = refused("QueueAlreadyExists", "create_queue", QueueName="orders",
                   Attributes={"RedrivePolicy": redrive_to("dead", 3)})
    expect("RedrivePolicy" in told, True, told)
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": ""})
    expect(attributes_of(url, "RedrivePolicy"), {}, "it is taken away")
    expect("RedrivePolicy" in attributes_of(url, "All"), False, "and is not told")

    for policy, reason in [
        (redrive_to("none", 2), "Dead letter target does not exist."),
        (redrive_to("dead.fifo", 2), "Dead-letter queue must be same type of queue as the source."),
        (redrive_to("dead", 1001), "Invalid value for maxReceiveCount: 1001, valid values are from 1 to 1000 both inclusive."),
        (json.dumps({"maxReceiveCount": 5}), "Redrive policy does not contain mandatory attribute: deadLetterTargetArn."),
    ]:
        told = refused("InvalidParameterValue", "set_queue_attributes", QueueUrl=url, Attributes={"RedrivePolicy": policy})
        expect(told.startswith("Value ") and f" for parameter RedrivePolicy is invalid. Reason: {reason}" in told, True, told)
    refused("InvalidAttributeValue", "set_queue_attributes", QueueUrl=url, Attributes={"RedrivePolicy": "5"})
    refused("InvalidParameterValue", "set_queue_attributes", QueueUrl=dead, Attributes={"RedrivePolicy": redrive_to("dead", 1)})

    allow = {"redrivePermission": "byQueue", "sourceQueueArns": [ARN + "others"]}
    sqs.set_queue_attributes(QueueUrl=dead, Attributes={"RedriveAllowPolicy": json.dumps(allow)})
    expect(json.loads(attributes_of(dead, "All")["RedriveAllowPolicy"]), allow, "whose it is")
    refused("InvalidParameterValue", "set_queue_attributes", QueueUrl=url, Attributes={"RedrivePolicy": redrive_to("dead", 2)})
    refused("InvalidParameterValue", "create_queue", QueueName="new", Attributes={"RedrivePolicy": redrive_to("dead", 2)})
    refused("InvalidAttributeValue", "set_queue_attributes", QueueUrl=dead, Attributes={"RedriveAllowPolicy": "{}"})
    sqs.set_queue_attributes(QueueUrl=dead, Attributes={"RedriveAllowPolicy": ""})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": redrive_to("dead", 2)})

    for number in range(3):
        made(f"source-{number}", RedrivePolicy=redrive_to("dead", 5))
    first = sqs.list_dead_letter_source_queues(QueueUrl=dead, MaxResults=2)
    expect((first["queueUrls"][0], len(first["queueUrls"])), (url, 2), "a page")
    pages = sqs.get_paginator("list_dead_letter_source_queues").paginate(QueueUrl=dead, PaginationConfig={"PageSize": 1})
    names = [source.rsplit("/", 1)[1] for page in pages for source in page["queueUrls"]]
    expect(names, ["orders", "source-0", "source-1", "source-2"], "sources")
    expect(sqs.list_dead_letter_source_queues(QueueUrl=url)["queueUrls"], [], "of none")
    refused("AWS.SimpleQueueService.NonExistentQueue", "list_dead_letter_source_queues", QueueUrl=f"{endpoint}/{ACCOUNT}/none")


def dead_letters():
    """What is received too often comes out of the dead-letter queue, as it was."""
    url, dead = f"{endpoint}/{ACCOUNT}/orders", f"{endpoint}/{ACCOUNT}/dead"
    sent = sqs.send_message(QueueUrl=url, MessageBody="x", MessageAttributes={"a": {"DataType": "String", "StringValue": "b"}})
    first = receive(url, AttributeNames=["All"])[0]
    expect("DeadLetterQueueSourceArn" in first["Attributes"], False, "it is no dead letter")
    again = receive(url)[0]
    waited = []
    other = client_of("us-east-1")
    wants = {"QueueUrl": dead, "WaitTimeSeconds": 20, "AttributeNames": ["All"], "MessageAttributeNames": ["All"]}
    waiter = threading.Thread(target=lambda: waited.extend(other.receive_message(**wants).get("Messages", [])))
    waiter.start()
    time.sleep(0.5)
    expect(receive(url), [], "it is not handed out a third time")
    waiter.join()
    got = waited[0]
    expect((got["MessageId"], got["Body"], got["MD5OfMessageAttributes"]),
           (sent["MessageId"], "x", sent["MD5OfMessageAttributes"]), "the same message")
    system = got["Attributes"]
    expect((system["DeadLetterQueueSourceArn"], system["ApproximateReceiveCount"]), (ARN + "orders", "3"), "where it is from")
    expect(system["SentTimestamp"], first["Attributes"]["SentTimestamp"], "when it was sent")
    refused("ReceiptHandleIsInvalid", "delete_message", QueueUrl=dead, ReceiptHandle=again["ReceiptHandle"])
    sqs.delete_message(QueueUrl=url, ReceiptHandle=again["ReceiptHandle"])
    expect(attributes_of(dead, "ApproximateNumberOfMessagesNotVisible"), {"ApproximateNumberOfMessagesNotVisible": "1"}, "there")
    sqs.delete_message(QueueUrl=dead, ReceiptHandle=got["ReceiptHandle"])
    expect(attributes_of(dead, "ApproximateNumberOfMessagesNotVisible"), {"ApproximateNumberOfMessagesNotVisible": "0"}, "gone")


def tasks_of(arn, **arguments):
    return sqs.list_message_move_tasks(SourceArn=arn, **arguments)["Results"]


def ended(arn):
    """The last task, when it has ended."""
    for _ in range(300):
        task = tasks_of(arn)[0]
        if task["Status"] != "RUNNING":
            return task
        time.sleep(0.1)
    raise SystemExit(f"it goes on: {task}")


def moving():
    """Dead letters are moved back, or elsewhere."""
    url, dead = f"{endpoint}/{ACCOUNT}/orders", f"{endpoint}/{ACCOUNT}/dead"
    elsewhere = made("elsewhere")
    sent = sqs.send_message(QueueUrl=url, MessageBody="x")
    for _ in range(3):
        receive(url)
    handle = sqs.start_message_move_task(SourceArn=ARN + "dead")["TaskHandle"]
    task = ended(ARN + "dead")
    expect(abs(task.pop("StartedTimestamp") / 1000 - time.time()) < 60, True, "when it began")
    expect(task, {"Status": "COMPLETED", "SourceArn": ARN + "dead", "ApproximateNumberOfMessagesMoved": 1,
                  "ApproximateNumberOfMessagesToMove": 1}, "task")
    got = receive(url, AttributeNames=["All"])[0]
    expect((got["Body"], got["Attributes"]["ApproximateReceiveCount"]), ("x", "1"), "it counts anew")
    expect(got["MessageId"] != sent["MessageId"], True, "it is a new message")
    expect("DeadLetterQueueSourceArn" in got["Attributes"], False, "and no dead letter")
    sqs.delete_message(QueueUrl=url, ReceiptHandle=got["ReceiptHandle"])
    told = refused("InvalidParameterValue", "cancel_message_move_task", TaskHandle=handle)
    expect(told, "Only active tasks can be cancelled.", "message")

    sqs.send_message_batch(QueueUrl=dead, Entries=[{"Id": str(n), "MessageBody": str(n)} for n in range(10)])
    sqs.start_message_move_task(SourceArn=ARN + "dead")
    expect(ended(ARN + "dead")["FailureReason"], "CouldNotDetermineMessageSource", "nobody's dead letters")
    started = sqs.start_message_move_task(SourceArn=ARN + "dead", DestinationArn=ARN + "elsewhere", MaxNumberOfMessagesPerSecond=1)
    running = tasks_of(ARN + "dead", MaxResults=10)
    expect([task["Status"] for task in running], ["RUNNING", "FAILED", "COMPLETED"], "the last first")
    expect((running[0]["TaskHandle"], running[0]["DestinationArn"], running[0]["MaxNumberOfMessagesPerSecond"]),
           (started["TaskHandle"], ARN + "elsewhere", 1), "what it does")
    told = refused("InvalidParameterValue", "start_message_move_task", SourceArn=ARN + "dead")
    expect(told.startswith("There is already a task running."), True, told)
    moved = sqs.cancel_message_move_task(TaskHandle=started["TaskHandle"])["ApproximateNumberOfMessagesMoved"]
    expect(tasks_of(ARN + "dead")[0]["Status"], "CANCELLED", "cancelled")
    counts = [int(attributes_of(queue, "ApproximateNumberOfMessages")["ApproximateNumberOfMessages"]) for queue in (elsewhere, dead)]
    expect(counts, [moved, 10 - moved], "what it moved stays moved")
    sqs.start_message_move_task(SourceArn=ARN + "dead", DestinationArn=ARN + "elsewhere", MaxNumberOfMessagesPerSecond=500)
    expect(ended(ARN + "dead")["ApproximateNumberOfMessagesMoved"], 10 - moved, "the others")

    told = refused("ResourceNotFoundException", "start_message_move_task", SourceArn=ARN + "none")
    expect(told, "The resource that you specified for the SourceArn parameter doesn't exist.", "message")
    refused("ResourceNotFoundException", "start_message_move_task", SourceArn=ARN + "dead", DestinationArn=ARN + "none")
    told = refused("InvalidParameterValue", "start_message_move_task", SourceArn=ARN + "orders")
    expect(told, "Source queue must be configured as a Dead Letter Queue.", "message")
    for arguments in ({"MaxNumberOfMessagesPerSecond": 501}, {"MaxNumberOfMessagesPerSecond": 0}, {"DestinationArn": "x"},
                      {"DestinationArn": ARN + "dead"}):
        refused("InvalidParameterValue", "start_message_move_task", **{"SourceArn": ARN + "dead", **arguments})
    refused("InvalidParameterValue", "list_message_move_tasks", SourceArn=ARN + "dead", MaxResults=11)
    refused("InvalidParameterValue", "cancel_message_move_task", TaskHandle="garbage")


for scenario in (policies, dead_letters, moving):
    scenario()
    print(f"redrive: {scenario.__doc__}")
print("SQS: all as on AWS")
