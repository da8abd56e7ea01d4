"""Uses a running Samovar's queues through boto3.

usage: sqs.py ENDPOINT DIFFERENCES.md
"""

import base64
import hashlib
import json
import pathlib
import re
import sys
import threading
import time
import urllib.error
import urllib.request

from sqs_model import ACCOUNT, attributes_of, client_of, endpoint, expect, receive, refused, sqs

MIB = 1 << 20


def md5(text):
    return hashlib.md5(text.encode()).hexdigest()


def queues():
    """Queues are made, found, changed and deleted."""
    url = sqs.create_queue(QueueName="orders", Attributes={"DelaySeconds": "1", "VisibilityTimeout": "20"})["QueueUrl"]
    expect(url, f"{endpoint}/{ACCOUNT}/orders", "the URL")
    expect(sqs.create_queue(QueueName="orders")["QueueUrl"], url, "it is there already")
    expect(sqs.create_queue(QueueName="orders", Attributes={"DelaySeconds": "1"})["QueueUrl"], url, "as it is")
    told = refused("QueueAlreadyExists", "create_queue", QueueName="orders", Attributes={"DelaySeconds": "2"})
    expect(told, "A queue already exists with the same name and a different value for attribute DelaySeconds", "message")
    try:
        sqs.create_queue(QueueName="orders", Attributes={"DelaySeconds": "2"})
    except sqs.exceptions.QueueNameExists:
        pass
    for name in ("a b", "x" * 81, "a.b", "orders.fifo"):
        refused("InvalidParameterValue", "create_queue", QueueName=name)
    told = refused("InvalidAttributeName", "create_queue", QueueName="new", Attributes={"KmsMasterKeyId": "alias/aws/sqs"})
    expect("KmsMasterKeyId" in told and "not implemented" in told, True, told)
    refused("InvalidAttributeValue", "create_queue", QueueName="new", Attributes={"DelaySeconds": "901"})

    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    wanted = {
        "ApproximateNumberOfMessages": "0",
        "ApproximateNumberOfMessagesDelayed": "0",
        "ApproximateNumberOfMessagesNotVisible": "0",
        "DelaySeconds": "1",
        "MaximumMessageSize": "1048576",
        "MessageRetentionPeriod": "345600",
        "QueueArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:orders",
        "ReceiveMessageWaitTimeSeconds": "0",
        "SqsManagedSseEnabled": "false",
        "VisibilityTimeout": "20",
    }
    times = {name: float(attributes.pop(name)) for name in ("CreatedTimestamp", "LastModifiedTimestamp")}
    expect(all(abs(time.time() - value) < 60 for value in times.values()), True, f"times: {times}")
    expect(attributes, wanted, "attributes")
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "0"})
    expect(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["DelaySeconds"])["Attributes"], {"DelaySeconds": "0"}, "one")
    expect(sqs.get_queue_attributes(QueueUrl=url).get("Attributes"), None, "none")
    refused("InvalidAttributeName", "get_queue_attributes", QueueUrl=url, AttributeNames=["Colour"])
    refused("InvalidAttributeName", "set_queue_attributes", QueueUrl=url, Attributes={"QueueArn": "x"})

    expect(sqs.get_queue_url(QueueName="orders")["QueueUrl"], url, "its URL")
    told = refused("AWS.SimpleQueueService.NonExistentQueue", "get_queue_url", QueueName="none")
    expect(told, "The specified queue does not exist.", "message")
    refused("InvalidAddress", "get_queue_attributes", QueueUrl="orders")
    elsewhere = client_of("eu-west-1")
    expect(elsewhere.list_queues().get("QueueUrls"), None, "queues of another region")
    for number in range(5):
        sqs.create_queue(QueueName=f"many-{number}")
    first = sqs.list_queues(QueueNamePrefix="many", MaxResults=2)
    expect(len(first["QueueUrls"]), 2, "a page")
    pages = sqs.get_paginator("list_queues").paginate(QueueNamePrefix="many", PaginationConfig={"PageSize": 2})
    expect([u[-6:] for page in pages for u in page["QueueUrls"]], [f"many-{n}" for n in range(5)], "pages")
    expect(len(sqs.list_queues()["QueueUrls"]), 6, "all")
    for number in range(5):
        sqs.delete_queue(QueueUrl=f"{endpoint}/{ACCOUNT}/many-{number}")
    refused("AWS.SimpleQueueService.NonExistentQueue", "delete_queue", QueueUrl=f"{endpoint}/{ACCOUNT}/many-0")
    expect(sqs.list_queues(QueueNamePrefix="many").get("QueueUrls"), None, "all are gone")
    return url


def messages(url):
    """Messages come out as they went in, with their attributes and MD5s."""
    attributes = {
        "RequestID": {"DataType": "String", "StringValue": "c0ffee"},
        "ErrorCode": {"DataType": "Number", "StringValue": "200"},
        "image": {"DataType": "Binary.png", "BinaryValue": b"\x00\xff"},
    }
    trace = "Root=1-5f35ae12-0c0fec141ab77a00bc047aa2;Parent=2be948a625588e32;Sampled=1"
    sent = sqs.send_message(
        QueueUrl=url,
        MessageBody="чай \"with\" sugar\n",
        MessageAttributes=attributes,
        MessageSystemAttributes={"AWSTraceHeader": {"DataType": "String", "StringValue": trace}},
    )
    expect(sent["MD5OfMessageBody"], md5("чай \"with\" sugar\n"), "MD5")
    expect(sent["MD5OfMessageSystemAttributes"], "e6ba308f7bfbc8a2c58b9a79145933a4", "MD5 of the trace header")
    got = receive(url, MessageAttributeNames=["All"], AttributeNames=["All"])[0]
    expect(got["Body"], "чай \"with\" sugar\n", "body")
    expect((got["MessageId"], got["MD5OfBody"]), (sent["MessageId"], sent["MD5OfMessageBody"]), "identity")
    expect(got["MessageAttributes"], attributes, "attributes")
    expect(got["MD5OfMessageAttributes"], sent["MD5OfMessageAttributes"], "MD5 of attributes")
    system = got["Attributes"]
    expect((system["AWSTraceHeader"], system["ApproximateReceiveCount"]), (trace, "1"), "system attributes")
    expect(set(system) - {"AWSTraceHeader", "ApproximateReceiveCount"},
           {"SenderId", "SentTimestamp", "ApproximateFirstReceiveTimestamp"}, "system attributes")
    expect(receive(url), [], "it is in flight")
    # Given back, it comes again; the first receipt is then worth nothing.
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=got["ReceiptHandle"], VisibilityTimeout=0)
    again = receive(url, MessageAttributeNames=["Error.*"], MessageSystemAttributeNames=["ApproximateReceiveCount"])[0]
    expect(again["Attributes"], {"ApproximateReceiveCount": "2"}, "receive count")
    expect(set(again["MessageAttributes"]), {"ErrorCode"}, "those that begin so")
    refused("InvalidParameterValue", "change_message_visibility", QueueUrl=url, ReceiptHandle=got["ReceiptHandle"],
            VisibilityTimeout=0)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=got["ReceiptHandle"])
    count = "ApproximateNumberOfMessagesNotVisible"
    expect(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[count])["Attributes"][count], "1", "in flight")
    sqs.delete_message(QueueUrl=url, ReceiptHandle=again["ReceiptHandle"])
    sqs.delete_message(QueueUrl=url, ReceiptHandle=again["ReceiptHandle"])
    expect(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[count])["Attributes"][count], "0", "deleted")
    told = refused("ReceiptHandleIsInvalid", "delete_message", QueueUrl=url, ReceiptHandle="garbage")
    expect(told, 'The input receipt handle "garbage" is not a valid receipt handle.', "message")


def refusals(url):
    """What SQS does not take is not taken, in its words."""
    string = lambda value, kind="String": {"x": {"DataType": kind, "StringValue": value}}
    for code, arguments in [
        ("MissingParameter", {"MessageBody": ""}),
        ("InvalidMessageContents", {"MessageBody": "\x01"}),
        ("InvalidParameterValue", {"MessageBody": "x" * (MIB + 1)}),
        ("InvalidParameterValue", {"MessageBody": "x" * (9 * MIB)}),
        ("InvalidParameterValue", {"MessageBody": "x", "DelaySeconds": 901}),
        ("InvalidParameterValue", {"MessageBody": "x", "MessageAttributes": string("")}),
        ("InvalidParameterValue", {"MessageBody": "x", "MessageAttributes": string("one", "Number")}),
        ("InvalidParameterValue", {"MessageBody": "x", "MessageAttributes": string("1", "Text")}),
        ("InvalidParameterValue", {"MessageBody": "x", "MessageAttributes": {"AWS.x": string("1")["x"]}}),
        ("InvalidParameterValue", {"MessageBody": "x", "MessageAttributes": {f"a{n}": string("1")["x"] for n in range(11)}}),
        ("InvalidParameterValue", {"MessageBody": "x", "MessageDeduplicationId": "1"}),
        ("InvalidParameterValue", {"MessageBody": "x", "MessageSystemAttributes": {
            "AWSTraceHeader": {"DataType": "String", "StringValue": "x" * 1025}}}),
    ]:
        refused(code, "send_message", QueueUrl=url, **arguments)
    for arguments in ({"MaxNumberOfMessages": 11}, {"MaxNumberOfMessages": 0}, {"WaitTimeSeconds": 21},
                      {"VisibilityTimeout": 43201}):
        refused("InvalidParameterValue", "receive_message", QueueUrl=url, **arguments)
    told = refused("InvalidParameterValue", "receive_message", QueueUrl=url, WaitTimeSeconds=-1)
    expect(told, "Value -1 for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20, if provided.", "message")
    expect(receive(url), [], "nothing of it was taken")


def batches(url):
    """Ten at a time, each with an outcome of its own."""
    entries = [{"Id": f"e{n}", "MessageBody": str(n)} for n in range(10)]
    sent = sqs.send_message_batch(QueueUrl=url, Entries=entries)
    expect([entry["Id"] for entry in sent["Successful"]], [f"e{n}" for n in range(10)], "all are sent")
    expect(sent["Successful"][3]["MD5OfMessageBody"], md5("3"), "MD5")
    got = []
    while len(got) < 10:
        got += receive(url, MaxNumberOfMessages=10)
    expect(sorted(message["Body"] for message in got), [str(n) for n in range(10)], "all are received")
    handles = [{"Id": f"e{n}", "ReceiptHandle": message["ReceiptHandle"]} for n, message in enumerate(got)]
    changed = sqs.change_message_visibility_batch(
        QueueUrl=url, Entries=[{**handle, "VisibilityTimeout": 60} for handle in handles[:2]]
        + [{"Id": "bad", "ReceiptHandle": "garbage", "VisibilityTimeout": 1}, {**handles[2], "VisibilityTimeout": 43201}],
    )
    expect([entry["Id"] for entry in changed["Successful"]], ["e0", "e1"], "changed")
    expect([(entry["Code"], entry["SenderFault"]) for entry in changed["Failed"]],
           [("ReceiptHandleIsInvalid", True), ("InvalidParameterValue", True)], "not changed")
    deleted = sqs.delete_message_batch(QueueUrl=url, Entries=handles)
    expect((len(deleted["Successful"]), deleted["Failed"]), (10, []), "all are deleted")

    mixed = [{"Id": "good", "MessageBody": "x"}, {"Id": "bad", "MessageBody": "\x01"}]
    sent = sqs.send_message_batch(QueueUrl=url, Entries=mixed)
    expect([entry["Id"] for entry in sent["Successful"]], ["good"], "one is sent")
    expect([entry["Code"] for entry in sent["Failed"]], ["InvalidMessageContents"], "the other is not")
    sqs.delete_message(QueueUrl=url, ReceiptHandle=receive(url)[0]["ReceiptHandle"])
    prefix = "AWS.SimpleQueueService."
    half = "x" * (MIB // 2)
    for code, entries in [
        ("EmptyBatchRequest", []),
        ("TooManyEntriesInBatchRequest", [{"Id": str(n), "MessageBody": "x"} for n in range(11)]),
        ("BatchEntryIdsNotDistinct", [{"Id": "a", "MessageBody": "x"}] * 2),
        ("InvalidBatchEntryId", [{"Id": "a:b", "MessageBody": "x"}]),
        ("BatchRequestTooLong", [{"Id": "a", "MessageBody": half}, {"Id": "b", "MessageBody": half + "x"}]),
    ]:
        refused(prefix + code, "send_message_batch", QueueUrl=url, Entries=entries)
    told = refused(prefix + "BatchRequestTooLong", "send_message_batch", QueueUrl=url,
                   Entries=[{"Id": "a", "MessageBody": "x" * (9 * MIB)}])
    expect(told, f"Batch requests cannot be longer than {MIB} bytes.", "more than is read")
    many = [{"Id": str(n), "MessageBody": "x"} for n in range(20_000)]
    told = refused(prefix + "TooManyEntriesInBatchRequest", "send_message_batch", QueueUrl=url, Entries=many)
    expect(told, "Maximum number of entries per request are 10. You have sent 20000.", "message")
    largest = [{"Id": "a", "MessageBody": half}, {"Id": "b", "MessageBody": half}]
    expect(len(sqs.send_message_batch(QueueUrl=url, Entries=largest)["Successful"]), 2, "1 MiB in all")
    expect([len(message["Body"]) for message in receive(url, MaxNumberOfMessages=10)], [MIB // 2] * 2, "and out again")
    sqs.send_message(QueueUrl=url, MessageBody="\"" * MIB)
    expect(receive(url)[0]["Body"], "\"" * MIB, "1 MiB of what JSON writes with two bytes")


def waiting(url):
    """A receiver waits for what is sent meanwhile, no longer than it said."""
    began = time.monotonic()
    expect(receive(url, WaitTimeSeconds=1), [], "nothing comes")
    expect(1 <= time.monotonic() - began < 10, True, "it waited")
    other = client_of("us-east-1")
    sender = threading.Timer(0.5, lambda: other.send_message(QueueUrl=url, MessageBody="late", DelaySeconds=1))
    sender.start()
    began = time.monotonic()
    got = receive(url, WaitTimeSeconds=20)
    expect([message["Body"] for message in got], ["late"], "it comes")
    expect(1.4 < time.monotonic() - began < 15, True, "when it is due")
    sender.join()


def raw(path, headers, body, read=json.load):
    request = urllib.request.Request(endpoint + path, data=body.encode(), headers=headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, read(answer)
    except urllib.error.HTTPError as error:
        return error.code, read(error)


def by_hand(url):
    """Clients of other languages send to the URLs of queues; web pages of elsewhere send in vain."""
    headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AmazonSQS.SendMessage"}
    value = {"DataType": "Binary", "BinaryValue": base64.b64encode(b"\x00").decode()}
    body = json.dumps({"QueueUrl": url, "MessageBody": "x", "MessageAttributes": {"b": value}})
    status, answer = raw(f"/{ACCOUNT}/orders", headers, body)
    expect((status, answer["MD5OfMessageBody"]), (200, md5("x")), "sent to the queue's URL")
    status, answer = raw("/", {**headers, "Origin": "https://evil.example"}, body)
    expect((status, answer["__type"]), (403, "com.amazonaws.sqs#AccessDeniedException"), "a page")
    status, answer = raw("/", headers, "{")
    expect((status, answer["__type"]), (400, "com.amazonaws.sqs#SerializationException"), "no JSON")
    status, answer = raw("/", headers, "{}")
    expect(answer["message"], "The request must contain the parameter QueueUrl.", "no queue")
    status, answer = raw("/", {**headers, "X-Amz-Target": "AmazonSQS.Dance"}, "{}")
    expect((status, answer["__type"]), (400, "com.amazonaws.sqs#UnknownOperationException"), "no operation")
    form = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    for path in ("/", f"/{ACCOUNT}/orders"):
        status, answer = raw(path, form, "Action=SendMessage&MessageBody=x&Version=2012-11-05", read=lambda xml: xml.read().decode())
        expect((status, "<Code>AWS.SimpleQueueService.UnsupportedOperation</Code>" in answer), (400, True), answer)
        expect("JSON protocol" in answer, True, answer)


def descriptions(url):
    """A queue has tags, and a policy that nobody enforces."""
    tagged = sqs.create_queue(QueueName="tagged", tags={"stage": "test", "empty": ""})["QueueUrl"]
    sqs.tag_queue(QueueUrl=tagged, Tags={"stage": "production", "чай": "black"})
    expect(sqs.list_queue_tags(QueueUrl=tagged)["Tags"], {"stage": "production", "empty": "", "чай": "black"}, "tags")
    sqs.untag_queue(QueueUrl=tagged, TagKeys=["stage", "empty", "none"])
    expect(sqs.list_queue_tags(QueueUrl=tagged)["Tags"], {"чай": "black"}, "those left")
    expect(sqs.list_queue_tags(QueueUrl=url).get("Tags"), None, "none")
    told = refused("InvalidParameterValue", "tag_queue", QueueUrl=tagged, Tags={f"t{n}": "" for n in range(50)})
    expect(told, "Too many tags added for queue tagged.", "message")
    for tags in ({"x" * 129: ""}, {"x": "y" * 257}, {"aws:x": ""}):
        refused("InvalidParameterValue", "tag_queue", QueueUrl=tagged, Tags=tags)
    refused("MissingParameter", "tag_queue", QueueUrl=tagged, Tags={})

    policy = {"Version": "2012-10-17", "Statement": {"Sid": "a", "Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"}}
    sqs.set_queue_attributes(QueueUrl=tagged, Attributes={"Policy": json.dumps(policy)})
    expect(json.loads(attributes_of(tagged, "All")["Policy"]), policy, "policy")
    sqs.add_permission(QueueUrl=tagged, Label="b", AWSAccountIds=["111122223333"], Actions=["SendMessage", "*"])
    statements = json.loads(attributes_of(tagged, "Policy")["Policy"])["Statement"]
    expect(statements[1], {"Sid": "b", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
                           "Action": ["SQS:SendMessage", "SQS:*"], "Resource": f"arn:aws:sqs:us-east-1:{ACCOUNT}:tagged"}, "permission")
    told = refused("InvalidParameterValue", "add_permission", QueueUrl=tagged, Label="b", AWSAccountIds=["111122223333"],
                   Actions=["SendMessage"])
    expect(told, "Value b for parameter Label is invalid. Reason: Already exists.", "message")
    refused("InvalidParameterValue", "add_permission", QueueUrl=tagged, Label="c", AWSAccountIds=["1"], Actions=["SendMessage"])
    refused("InvalidParameterValue", "add_permission", QueueUrl=tagged, Label="c", AWSAccountIds=["111122223333"], Actions=["Dance"])
    refused("OverLimit", "add_permission", QueueUrl=tagged, Label="c", AWSAccountIds=["111122223333"], Actions=["SendMessage"] * 8)
    sqs.remove_permission(QueueUrl=tagged, Label="a")
    sqs.remove_permission(QueueUrl=tagged, Label="b")
    expect(attributes_of(tagged, "Policy"), {}, "no policy")
    refused("InvalidParameterValue", "remove_permission", QueueUrl=tagged, Label="b")
    refused("InvalidAttributeValue", "set_queue_attributes", QueueUrl=tagged, Attributes={"Policy": "[]"})


def purging(url):
    """A queue is emptied, once in a minute."""
    for number in range(3):
        sqs.send_message(QueueUrl=url, MessageBody=str(number), DelaySeconds=number)
    got = receive(url)[0]
    sqs.purge_queue(QueueUrl=url)
    figures = attributes_of(url, "All")
    counts = [int(value) for name, value in figures.items() if name.startswith("ApproximateNumberOf")]
    expect(counts, [0, 0, 0], "how many are left")
    sqs.delete_message(QueueUrl=url, ReceiptHandle=got["ReceiptHandle"])
    sqs.send_message(QueueUrl=url, MessageBody="later")
    told = refused("AWS.SimpleQueueService.PurgeQueueInProgress", "purge_queue", QueueUrl=url)
    expect(told, "Only one PurgeQueue operation on orders is allowed every 60 seconds.", "message")
    expect([message["Body"] for message in receive(url)], ["later"], "what comes later stays")
    refused("AWS.SimpleQueueService.NonExistentQueue", "purge_queue", QueueUrl=f"{endpoint}/{ACCOUNT}/none")


def documented(_url):
    """What docs/differences.md says is not there is not there, and everything else is."""
    text = pathlib.Path(sys.argv[2]).read_text(encoding="utf-8").split("## SQS")[1]
    first = " ".join(row.split("|")[1] for row in text.splitlines() if row.startswith("| "))
    operations = set(sqs.meta.service_model.operation_names)
    headers = {"Content-Type": "application/x-amz-json-1.0"}
    answers = {name: raw("/", {**headers, "X-Amz-Target": f"AmazonSQS.{name}"}, "{}")[1] for name in operations}
    refused = {name for name in operations if answers[name].get("__type") == "com.amazonaws.sqs#UnsupportedOperation"}
    expect(set(re.findall("`([A-Za-z]+)`", first)) & operations - {"CreateQueue"}, refused, "operations that are not there")
    unknown = [name for name in operations if answers[name].get("__type") == "com.amazonaws.sqs#UnknownOperationException"]
    expect(unknown, [], "operations that nobody knows")


orders = queues()
for scenario in (messages, refusals, batches, waiting, descriptions, purging, by_hand, documented):
    scenario(orders)
    print(f"sqs: {scenario.__doc__}")
print("SQS: all as on AWS")
