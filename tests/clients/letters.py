"""Makes a queue with boto3, or receives what is in it and prints each message as a line of JSON.

usage: letters.py ENDPOINT create NAME
       letters.py ENDPOINT receive NAME COUNT
"""

import json
import sys
import time

import boto3

endpoint, action, name = sys.argv[1:4]
sqs = boto3.client(
    "sqs", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="any", aws_secret_access_key="any"
)
if action == "create":
    sqs.create_queue(QueueName=name)
    sys.exit()
url, count = sqs.get_queue_url(QueueName=name)["QueueUrl"], int(sys.argv[4])
deadline = time.monotonic() + 60
received = 0
while received < count and time.monotonic() < deadline:
    answer = sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1,
        MessageAttributeNames=["All"], MessageSystemAttributeNames=["All"],
    )
    for message in answer.get("Messages", []):
        received += 1
        kept = {key: message.get(key) for key in ("Body", "Attributes", "MessageAttributes")}
        print(json.dumps(kept))
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
if received < count:
    sys.exit(f"{received} of {count} messages came")
if sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=1, WaitTimeSeconds=1).get("Messages"):
    sys.exit(f"more than {count} messages came")
