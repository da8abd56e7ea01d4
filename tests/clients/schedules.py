"""Uses a running Samovar's schedules through boto3, and holds every answer against botocore's own model of the API.

usage: schedules.py ENDPOINT FUNCTION_ARN
"""

import datetime
import json
import sys
import urllib.error
import urllib.request

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError

from answers import conforms, expect

endpoint, function_arn = sys.argv[1:]
ROLE = "arn:aws:iam::000000000000:role/any"
DEAD = "arn:aws:sqs:us-east-1:000000000000:dead"
ARN = "arn:aws:scheduler:us-east-1:000000000000:schedule/default/"
UTC = datetime.timezone.utc
# What an answer has beside what is there only when it was given.
PROMISED = {
    "GetScheduleOutput": {
        "Arn", "GroupName", "Name", "ScheduleExpression", "ScheduleExpressionTimezone", "State", "CreationDate",
        "LastModificationDate", "Target", "FlexibleTimeWindow", "ActionAfterCompletion",
    },
    "ScheduleSummary": {"Arn", "Name", "GroupName", "State", "CreationDate", "LastModificationDate", "Target"},
    "RetryPolicy": {"MaximumEventAgeInSeconds", "MaximumRetryAttempts"},
}


def client_of(region):
    return boto3.client(
        "scheduler", endpoint_url=endpoint, region_name=region, aws_access_key_id="dummy", aws_secret_access_key="dummy",
        # What is refused is to be refused by the server.
        config=Config(retries={"max_attempts": 0}, parameter_validation=False),
    )


scheduler = client_of("us-east-1")


def request(name, **members):
    wanted = {
        "Name": name,
        "ScheduleExpression": "rate(1 day)",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {"Arn": function_arn, "RoleArn": ROLE},
        # Nothing is fired while all is looked at.
        "State": "DISABLED",
    }
    return {member: value for member, value in {**wanted, **members}.items() if value is not None}


def refused(code, status, part, operation, **members):
    try:
        answer = getattr(scheduler, operation)(**members)
    except ClientError as error:
        told = error.response
        seen = (told["Error"]["Code"], told["ResponseMetadata"]["HTTPStatusCode"])
        expect(seen, (code, status), f"{operation} {members}: {told}")
        # The model's member of errors; boto3 takes it for the message.
        expect(part in told["Error"]["Message"], True, f"{part!r} in {told['Error']['Message']!r}")
    else:
        sys.exit(f"{operation} {members} is not refused: {answer}")


def conforming(operation, path):
    with urllib.request.urlopen(endpoint + path) as answer:
        body = json.load(answer)
    model = botocore.session.get_session().get_service_model("scheduler")
    conforms(body, model.operation_model(operation).output_shape, operation, PROMISED)
    return body


def one_schedule():
    """A schedule is made, told, replaced as a whole, and deleted."""
    full = request(
        "tea.time",
        ScheduleExpression="cron(30 16 ? * MON-FRI *)",
        ScheduleExpressionTimezone="Europe/London",
        FlexibleTimeWindow={"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15},
        StartDate=datetime.datetime(2100, 1, 1, tzinfo=UTC),
        EndDate=datetime.datetime(2101, 1, 1, 12, 30, 0, 250000, tzinfo=UTC),
        Description="чай",
        ActionAfterCompletion="DELETE",
        GroupName="default",
        Target={
            "Arn": function_arn + ":live",
            "RoleArn": ROLE,
            "Input": '{"at": "<aws.scheduler.scheduled-time>"}',
            "RetryPolicy": {"MaximumEventAgeInSeconds": 3600, "MaximumRetryAttempts": 3},
            "DeadLetterConfig": {"Arn": DEAD},
        },
    )
    expect(scheduler.create_schedule(**full)["ScheduleArn"], ARN + "tea.time", "its ARN")
    told = scheduler.get_schedule(Name="tea.time")
    for member, value in full.items():
        expect(told[member], value, member)
    age = datetime.datetime.now(UTC) - told["CreationDate"]
    expect((abs(age) < datetime.timedelta(minutes=1), told["LastModificationDate"]), (True, told["CreationDate"]), "times")
    conforming("GetSchedule", "/schedules/tea.time?groupName=default")

    expect(scheduler.update_schedule(**request("tea.time"))["ScheduleArn"], ARN + "tea.time", "its ARN")
    changed = scheduler.get_schedule(Name="tea.time", GroupName="default")
    for member in ("StartDate", "EndDate", "Description"):
        expect(member in changed, False, f"{member} is at its default")
    expect(changed["ScheduleExpressionTimezone"], "UTC", "zone")
    expect((changed["FlexibleTimeWindow"], changed["ActionAfterCompletion"]), ({"Mode": "OFF"}, "NONE"), "defaults")
    retry = {"MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 185}
    expect(changed["Target"], {"Arn": function_arn, "RoleArn": ROLE, "RetryPolicy": retry}, "target")
    expect(changed["CreationDate"], told["CreationDate"], "creation")
    conforming("GetSchedule", "/schedules/tea.time")

    expect("ResponseMetadata" in scheduler.delete_schedule(Name="tea.time"), True, "deleted")
    refused("ResourceNotFoundException", 404, "Schedule tea.time does not exist.", "get_schedule", Name="tea.time")


def again():
    """A request with the same token is the same request."""
    one = request("again", ClientToken="one")
    for _ in range(2):
        expect(scheduler.create_schedule(**one)["ScheduleArn"], ARN + "again", "its ARN")
    refused("ConflictException", 409, "Schedule again already exists.", "create_schedule", **request("again"))
    for _ in range(2):
        scheduler.delete_schedule(Name="again", ClientToken="two")
    refused("ResourceNotFoundException", 404, "does not exist", "delete_schedule", Name="again", ClientToken="three")
    refused("ResourceNotFoundException", 404, "does not exist", "update_schedule", **request("again"))


def lists():
    """Lists have the schedules of one region, by name, page by page."""
    names = [f"list-{number}" for number in range(7)]
    for name in names:
        scheduler.create_schedule(**request(name, State="ENABLED" if name == "list-3" else "DISABLED", StartDate=datetime.datetime(2100, 1, 1)))
    pages = scheduler.get_paginator("list_schedules").paginate(PaginationConfig={"PageSize": 3})
    expect([s["Name"] for page in pages for s in page["Schedules"]], names, "pages")
    first = scheduler.list_schedules(MaxResults=3, NamePrefix="list-", GroupName="default")
    expect((len(first["Schedules"]), "NextToken" in first), (3, True), "a page")
    expect([s["Name"] for s in scheduler.list_schedules(State="ENABLED")["Schedules"]], ["list-3"], "enabled")
    expect(scheduler.list_schedules(NamePrefix="other")["Schedules"], [], "none")
    expect(client_of("eu-west-1").list_schedules()["Schedules"], [], "another region")
    conforming("ListSchedules", "/schedules?MaxResults=2")
    refused("ValidationException", 400, "NextToken", "list_schedules", NextToken="?")
    refused("ResourceNotFoundException", 404, "Schedule group tea does not exist.", "list_schedules", GroupName="tea")
    for name in names:
        scheduler.delete_schedule(Name=name)


def groups():
    """There is one group."""
    group = scheduler.get_schedule_group(Name="default")
    expect((group["Name"], group["State"]), ("default", "ACTIVE"), "the group")
    expect([g["Arn"] for g in scheduler.list_schedule_groups()["ScheduleGroups"]], [group["Arn"]], "all groups")
    conforming("ListScheduleGroups", "/schedule-groups")
    refused("ServiceQuotaExceededException", 402, "one schedule group", "create_schedule_group", Name="tea")
    refused("ConflictException", 409, "already exists", "create_schedule_group", Name="default")
    refused("ResourceNotFoundException", 404, "tea", "get_schedule_group", Name="tea")
    refused("ResourceNotFoundException", 404, "tea", "delete_schedule_group", Name="tea")
    refused("ValidationException", 400, "cannot be deleted", "delete_schedule_group", Name="default")
    refused("UnknownOperationException", 501, "ListTagsForResource", "list_tags_for_resource", ResourceArn=group["Arn"])


def target(**members):
    return {"Arn": function_arn, "RoleArn": ROLE, **members}


REFUSED = [
    # What is asked for beside or in place of what is fine, and a part of what is said.
    ({"Name": "a b"}, "at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [0-9a-zA-Z-_.]+"),
    ({"Name": "x" * 65}, "length less than or equal to 64"),
    ({"ScheduleExpression": None}, "Value null at 'scheduleExpression'"),
    ({"ScheduleExpression": "x" * 257}, "256"),
    ({"ScheduleExpression": "rate(5)"}, "Invalid Schedule Expression rate(5)."),
    ({"ScheduleExpression": "cron(0 0 * * * *)"}, "Invalid Schedule Expression cron(0 0 * * * *)."),
    ({"ScheduleExpression": "at(2027-02-30T00:00:00)"}, "Invalid Schedule Expression"),
    ({"ScheduleExpressionTimezone": "Europe/Atlantis"}, "is not a time zone"),
    ({"FlexibleTimeWindow": {"Mode": "FLEXIBLE"}}, "MaximumWindowInMinutes must be provided"),
    ({"FlexibleTimeWindow": {"Mode": "OFF", "MaximumWindowInMinutes": 5}}, "must not be provided"),
    ({"FlexibleTimeWindow": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 1441}}, "less than or equal to 1440"),
    ({"FlexibleTimeWindow": {"Mode": "SOMETIMES"}}, "enum value set: [OFF, FLEXIBLE]"),
    ({"StartDate": datetime.datetime(2020, 1, 1)}, "The StartDate you specify cannot be earlier than 5 minutes ago."),
    ({"StartDate": datetime.datetime(2101, 1, 1), "EndDate": datetime.datetime(2100, 1, 1)}, "before the end"),
    ({"State": "PAUSED"}, "enum value set: [ENABLED, DISABLED]"),
    ({"Description": "x" * 513}, "512"),
    ({"ActionAfterCompletion": "ARCHIVE"}, "[NONE, DELETE]"),
    ({"ClientToken": "a b"}, "clientToken"),
    ({"KmsKeyArn": "arn:aws:kms:us-east-1:000000000000:key/a"}, "KmsKeyArn is not supported"),
    ({"Target": {"Arn": function_arn}}, "Value null at 'target.roleArn'"),
    ({"Target": target(RoleArn="me")}, "target.roleArn"),
    ({"Target": target(Arn="arn:aws:sqs:us-east-1:000000000000:q")}, "a schedule's target is a Lambda function"),
    ({"Target": target(Arn="arn:aws:scheduler:::aws-sdk:lambda:invoke")}, "is not supported"),
    ({"Target": target(Arn="echo")}, "is not supported"),
    ({"Target": target(Arn="arn:aws:lambda:us-east-1:999999999999:function:echo")}, "not in account 000000000000"),
    ({"Target": target(Input="{")}, "the input is not JSON"),
    ({"Target": target(Input=json.dumps("x" * (256 << 10)))}, "may have 262144"),
    ({"Target": target(RetryPolicy={"MaximumEventAgeInSeconds": 59})}, "greater than or equal to 60"),
    ({"Target": target(RetryPolicy={"MaximumRetryAttempts": 186})}, "less than or equal to 185"),
    ({"Target": target(DeadLetterConfig={"Arn": "dead"})}, "target.deadLetterConfig.arn"),
]


def refusals():
    """What cannot be is refused as the API's model says, whether it is made or changed."""
    scheduler.create_schedule(**request("here"))
    for members, part in REFUSED:
        refused("ValidationException", 400, part, "create_schedule", **request("new", **members))
        if "Name" not in members and "2020" not in str(members):
            refused("ValidationException", 400, part, "update_schedule", **request("here", **members))
    refused("ResourceNotFoundException", 404, "Schedule group tea does not exist.", "create_schedule", **request("new", GroupName="tea"))
    refused("ResourceNotFoundException", 404, "Schedule group tea does not exist.", "get_schedule", Name="here", GroupName="tea")
    expect([s["Name"] for s in scheduler.list_schedules()["Schedules"]], ["here"], "nothing else was made")
    scheduler.delete_schedule(Name="here")
    for method, path, body, status, name in [
        ("PATCH", "/schedules/here", None, 404, "UnknownOperationException"),
        ("POST", "/schedules/here", b"{", 400, "SerializationException"),
        ("POST", "/schedules/here", b'{"State": 5}', 400, "SerializationException"),
    ]:
        sent = urllib.request.Request(endpoint + path, data=body, method=method, headers={"Content-Type": "application/json"})
        try:
            sys.exit(f"{method} {path} is not refused: {urllib.request.urlopen(sent).read()}")
        except urllib.error.HTTPError as error:
            expect((error.code, error.headers["x-amzn-errortype"]), (status, name), f"{method} {path}")
            expect(list(json.load(error)), ["Message"], "the body")


for part in (one_schedule, again, lists, groups, refusals):
    part()
print("EventBridge Scheduler: all as on AWS")
