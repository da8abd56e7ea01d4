"""FIFO queues through boto3.

usage: sqs_fifo.py ENDPOINT
"""

import hashlib
import json
import time

from sqs_model import ACCOUNT, attributes_of, endpoint, expect, receive, refused, sqs

ARN = f"arn:aws:sqs:us-east-1:{ACCOUNT}:"


def made(name, **attributes):
    return sqs.create_queue(QueueName=name, Attributes={"FifoQueue": "true", **attributes})["QueueUrl"]


def send(url, group, body, once=None, **arguments):
    named = {"MessageDeduplicationId": once} if once else {}
    return sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId=group, **named, **arguments)


def bodies(messages):
    return [message["Body"] for message in messages]


def delete(url, message):
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def attributes():
    """A FIFO queue says so in its name and its attributes."""
    url = made("first.fifo")
    told = attributes_of(url, "All")
    wanted = {"FifoQueue": "true", "ContentBasedDeduplication": "false", "DeduplicationScope": "queue",
              "FifoThroughputLimit": "perQueue", "QueueArn": ARN + "first.fifo"}
    expect({name: told[name] for name in wanted}, wanted, "attributes")
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"ContentBasedDeduplication": "true", "FifoQueue": "true"})
    high = {"DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"}
    sqs.set_queue_attributes(QueueUrl=url, Attributes=high)
    expect(attributes_of(url, *high), high, "high throughput")
    refused("InvalidAttributeValue", "set_queue_attributes", QueueUrl=url, Attributes={"DeduplicationScope": "queue"})
    told = refused("InvalidAttributeValue", "set_queue_attributes", QueueUrl=url, Attributes={"FifoQueue": "false"})
    expect(told, "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported.", "message")
    told = refused("QueueAlreadyExists", "create_queue", QueueName="first.fifo",
                   Attributes={"FifoQueue": "true", "ContentBasedDeduplication": "false"})
    expect("ContentBasedDeduplication" in told, True, told)
    refused("InvalidParameterValue", "create_queue", QueueName="second.fifo")
    told = refused("InvalidParameterValue", "create_queue", QueueName="second", Attributes={"FifoQueue": "true"})
    expect(told.startswith("The name of a FIFO queue can only include"), True, told)
    for name, value in (("ContentBasedDeduplication", "true"), *high.items(), ("FifoQueue", "false")):
        refused("InvalidAttributeName", "create_queue", QueueName="second", Attributes={name: value})
    standard = sqs.create_queue(QueueName="standard")["QueueUrl"]
    expect("FifoQueue" in attributes_of(standard, "All"), False, "a standard queue")
    expect(attributes_of(standard, "FifoQueue"), {}, "which says nothing of it")
    sqs.send_message(QueueUrl=standard, MessageBody="x", MessageGroupId="tenant")
    got = receive(standard, AttributeNames=["All"])[0]
    expect((got["Attributes"]["MessageGroupId"], "SequenceNumber" in got["Attributes"]), ("tenant", False), "fair queues")


def order():
    """A group's messages come in their order, and not while one before them is in flight."""
    url = made("orders.fifo", VisibilityTimeout="60")
    numbers = [send(url, group, body, body)["SequenceNumber"] for group, body in (("a", "1"), ("b", "2"), ("a", "3"), ("a", "4"))]
    expect((numbers == sorted(numbers), {len(number) for number in numbers}), (True, {20}), "sequence numbers")
    got = receive(url, MaxNumberOfMessages=2, AttributeNames=["All"], ReceiveRequestAttemptId="attempt")
    expect(bodies(got), ["1", "3"], "as many of a group as there are")
    system = got[1]["Attributes"]
    expect((system["MessageGroupId"], system["MessageDeduplicationId"], system["SequenceNumber"]), ("a", "3", numbers[2]), "names")
    expect(bodies(receive(url, MaxNumberOfMessages=10)), ["2"], "another group goes on")
    expect(receive(url), [], "and this one does not")
    delete(url, got[1])
    expect(receive(url), [], "nor while the first is in flight")
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=got[0]["ReceiptHandle"], VisibilityTimeout=0)
    again = receive(url, MaxNumberOfMessages=10)
    expect(bodies(again), ["1", "4"], "what comes back stands before those behind it")
    told = refused("InvalidParameterValue", "delete_message", QueueUrl=url, ReceiptHandle=got[0]["ReceiptHandle"])
    expect(told.endswith("for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired."), True, told)
    outcome = sqs.delete_message_batch(QueueUrl=url, Entries=[
        {"Id": "old", "ReceiptHandle": got[0]["ReceiptHandle"]}, {"Id": "new", "ReceiptHandle": again[0]["ReceiptHandle"]}])
    expect(([entry["Id"] for entry in outcome["Successful"]], [entry["Code"] for entry in outcome["Failed"]]),
           (["new"], ["InvalidParameterValue"]), "one of two")


def once():
    """A message counts once in five minutes."""
    url = made("once.fifo", ContentBasedDeduplication="true", VisibilityTimeout="60")
    first = send(url, "a", "x")
    expect({key: send(url, "b", "x")[key] for key in ("MessageId", "SequenceNumber")},
           {key: first[key] for key in ("MessageId", "SequenceNumber")}, "it was sent before")
    got = receive(url, MaxNumberOfMessages=10, AttributeNames=["All"])
    expect((bodies(got), got[0]["Attributes"]["MessageDeduplicationId"]), (["x"], hashlib.sha256(b"x").hexdigest()), "its id")
    delete(url, got[0])
    expect(send(url, "a", "other body", hashlib.sha256(b"x").hexdigest())["MessageId"], first["MessageId"], "though it is deleted")
    entries = [{"Id": str(n), "MessageBody": str(n % 2), "MessageGroupId": "a"} for n in range(4)]
    sent = sqs.send_message_batch(QueueUrl=url, Entries=entries)["Successful"]
    expect(len({entry["MessageId"] for entry in sent}), 2, "also within a batch")
    expect(bodies(receive(url, MaxNumberOfMessages=10)), ["0", "1"], "twice two")
    sqs.purge_queue(QueueUrl=url)
    send(url, "a", "x")
    expect(bodies(receive(url)), ["x"], "a purged queue remembers nothing")


def refusals():
    """What a FIFO queue needs, and what it does not take."""
    url = made("refusing.fifo")
    told = refused("MissingParameter", "send_message", QueueUrl=url, MessageBody="x", MessageDeduplicationId="1")
    expect(told, "The request must contain the parameter MessageGroupId.", "message")
    told = refused("InvalidParameterValue", "send_message", QueueUrl=url, MessageBody="x", MessageGroupId="a")
    expect(told, "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly", "message")
    for arguments in ({"DelaySeconds": 2}, {"MessageGroupId": "a b"}, {"MessageGroupId": "x" * 129},
                      {"MessageDeduplicationId": "чай"}):
        named = {"MessageGroupId": "a", "MessageDeduplicationId": "1", **arguments}
        refused("InvalidParameterValue", "send_message", QueueUrl=url, MessageBody="x", **named)
    expect(receive(url), [], "nothing of it was taken")


def dead_letters():
    """Dead letters keep their order, on the way there and back."""
    dead = made("dead.fifo")
    policy = {"deadLetterTargetArn": ARN + "dead.fifo", "maxReceiveCount": 1}
    url = made("alive.fifo", VisibilityTimeout="0", RedrivePolicy=json.dumps(policy))
    sent = [send(url, "a", str(number), str(number)) for number in range(3)]
    expect(bodies(receive(url, MaxNumberOfMessages=10)), ["0", "1", "2"], "once")
    expect(receive(url), [], "and not again")
    got = receive(dead, MaxNumberOfMessages=10, VisibilityTimeout=0, AttributeNames=["All"])
    expect(bodies(got), ["0", "1", "2"], "in their order")
    system = got[0]["Attributes"]
    expect((got[0]["MessageId"], system["MessageDeduplicationId"], system["DeadLetterQueueSourceArn"]),
           (sent[0]["MessageId"], sent[0]["MessageId"], ARN + "alive.fifo"), "its id tells it apart")
    expect(send(url, "a", "0", "0")["MessageId"], sent[0]["MessageId"], "it was sent before")
    told = refused("InvalidParameterValue", "start_message_move_task", SourceArn=ARN + "dead.fifo", DestinationArn=ARN + "standard")
    expect(told, "The source queue and destination queue must be of the same queue type.", "message")
    sqs.start_message_move_task(SourceArn=ARN + "dead.fifo")
    back = []
    for _ in range(100):
        back += receive(url, MaxNumberOfMessages=10, VisibilityTimeout=60)
        if len(back) == 3:
            break
        for message in back:
            delete(url, message)
        time.sleep(0.1)
    expect(bodies(back), ["0", "1", "2"], "back again")
    refused("AWS.SimpleQueueService.NonExistentQueue", "get_queue_url", QueueName="none.fifo")
    refused("InvalidParameterValue", "set_queue_attributes", QueueUrl=f"{endpoint}/{ACCOUNT}/standard",
            Attributes={"RedrivePolicy": json.dumps(policy)})


for scenario in (attributes, order, once, refusals, dead_letters):
    scenario()
    print(f"fifo: {scenario.__doc__}")
print("SQS: all as on AWS")
