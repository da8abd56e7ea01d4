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


for scenario in (policies, dead_letters):
    scenario()
    print(f"redrive: {scenario.__doc__}")
print("SQS: all as on AWS")
