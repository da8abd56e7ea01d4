"""Event source mappings: what is answered of one from its beginning to its end. What is refused is in tests/clients/event_sources.py."""

import time

import boto3

from conformance.scenarios import step

COVERS = """
    CreateEventSourceMapping GetEventSourceMapping UpdateEventSourceMapping DeleteEventSourceMapping
    ListEventSourceMappings
"""

QUEUE = "arn:aws:sqs:us-east-1:000000000000:orders"


def settled(t, uuid, state):
    """What is told of a mapping once it is in that state."""
    for _ in range(500):
        shown = t.client.get_event_source_mapping(UUID=uuid)
        if shown["State"] == state:
            return shown
        time.sleep(0.02)
    t.equal(shown["State"], state, "the state")
    return shown


@step
def from_beginning_to_end(t):
    """a mapping is made, shown, listed, changed, switched off and deleted"""
    t.function("m")
    sqs = boto3.client(
        "sqs", endpoint_url=t.endpoint, region_name="us-east-1", aws_access_key_id="any", aws_secret_access_key="any"
    )
    sqs.create_queue(QueueName="orders")
    made = t.client.create_event_source_mapping(FunctionName="m", EventSourceArn=QUEUE)
    t.equal((made["State"], made["FunctionArn"], made["BatchSize"]), ("Creating", t.arn("m"), 10), "what was made")
    uuid = made["UUID"]
    settled(t, uuid, "Enabled")
    listed = t.client.list_event_source_mappings(EventSourceArn=QUEUE)["EventSourceMappings"]
    t.equal([mapping["UUID"] for mapping in listed], [uuid], "what is listed")
    changed = t.client.update_event_source_mapping(UUID=uuid, Enabled=False, BatchSize=7)
    t.equal((changed["State"], changed["BatchSize"]), ("Disabling", 7), "what was changed")
    settled(t, uuid, "Disabled")
    t.equal(t.client.delete_event_source_mapping(UUID=uuid)["State"], "Deleting", "what was deleted")
    nothing = "00000000-0000-4000-8000-000000000000"
    t.fails(
        "ResourceNotFoundException", "The resource you requested does not exist.", "get_event_source_mapping", UUID=nothing
    )
