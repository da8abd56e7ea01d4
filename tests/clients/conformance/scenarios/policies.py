"""Resource policies: statement by statement, and as a whole."""

import json
import re

from conformance.scenarios import step

COVERS = "AddPermission RemovePermission GetPolicy GetResourcePolicy PutResourcePolicy DeleteResourcePolicy"

ACTION = "lambda:InvokeFunction"
BUCKET = "arn:aws:s3:::bucket"
NO_POLICY = "The resource you requested does not exist."
STALE = "11111111-2222-4333-8444-555555555555"


def statement(sid, resource, principal, condition=None):
    """A statement as AWS writes it."""
    written = {"Sid": sid, "Effect": "Allow", "Principal": principal, "Action": ACTION, "Resource": resource}
    return written | ({"Condition": condition} if condition else {})


def policy(t, **request):
    return json.loads(t.client.get_policy(**request)["Policy"])


@step
def added(t):
    """statements are added for services, accounts, roles and everybody, in AWS's form"""
    t.function("f")
    user = "arn:aws:iam::123456789012:user/ada"
    from_bucket = {"ArnLike": {"AWS:SourceArn": BUCKET}}
    of_account = {"StringEquals": {"AWS:SourceAccount": "123456789012"}}
    skill = {"StringEquals": {"lambda:EventSourceToken": "amzn1.ask.skill.x"}}
    cases = [
        ("s3", {"Principal": "s3.amazonaws.com", "SourceArn": BUCKET}, {"Service": "s3.amazonaws.com"}, from_bucket),
        ("logs", {"Principal": "logs.amazonaws.com"}, {"Service": "logs.amazonaws.com"}, None),
        ("account", {"Principal": "123456789012"}, {"AWS": "arn:aws:iam::123456789012:root"}, None),
        ("user", {"Principal": user}, {"AWS": user}, None),
        ("all", {"Principal": "*", "SourceAccount": "123456789012"}, "*", of_account),
        ("alexa", {"Principal": "*", "EventSourceToken": "amzn1.ask.skill.x"}, "*", skill),
    ]
    written = []
    for sid, given, principal, condition in cases:
        answer = t.client.add_permission(FunctionName="f", StatementId=sid, Action=ACTION, **given)
        written.append(statement(sid, t.arn("f"), principal, condition))
        t.equal(json.loads(answer["Statement"]), written[-1], f"the statement {sid}")
    whole = {"Version": "2012-10-17", "Id": "default", "Statement": written}
    t.equal(policy(t, FunctionName="f"), whole, "the policy")
    t.equal(policy(t, FunctionName=t.arn("f")), whole, "the policy by the ARN")


@step
def of_versions_and_aliases(t):
    """each version and each alias has a policy of its own"""
    t.client.publish_version(FunctionName="f")
    t.client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    for qualifier in ("1", "live"):
        request = {"FunctionName": "f", "Qualifier": qualifier}
        t.fails("ResourceNotFoundException", NO_POLICY, "get_policy", **request)
        given = {"StatementId": "s3", "Action": ACTION, "Principal": "s3.amazonaws.com"}
        t.client.add_permission(**request, **given)
        wanted = [statement("s3", t.arn(f"f:{qualifier}"), {"Service": "s3.amazonaws.com"})]
        t.equal(policy(t, **request)["Statement"], wanted, f"the policy of {qualifier}")


@step
def refused(t):
    """what Lambda refuses of statements is refused in its words"""
    add, remove = t.client.add_permission, t.client.remove_permission
    given = {"FunctionName": "f", "StatementId": "new", "Action": ACTION, "Principal": "s3.amazonaws.com"}

    def refuses(error, message, operation=add, **more):
        request = given | more if operation == add else more
        t.fails(error, message, operation, **request)

    pattern = re.escape("1 validation error detected: Value 'example.com' at 'statementId' failed to satisfy constraint: ")
    refuses("ValidationException", re.compile(pattern + ".*"), StatementId="example.com")
    taken = "The statement id (s3) provided already exists. Please provide a new statement id, or remove the existing statement."
    refuses("ResourceConflictException", taken, StatementId="s3")
    latest = "We currently do not support adding policies for $LATEST."
    refuses("InvalidParameterValueException", latest, Qualifier="$LATEST")
    principal = "The provided principal was invalid. Please check the principal and try again."
    refuses("InvalidParameterValueException", principal, Principal="nobody")
    differ = "The derived qualifier from the function name does not match the specified qualifier."
    refuses("InvalidParameterValueException", differ, FunctionName="f:1", Qualifier="live")
    refuses("ResourceNotFoundException", f"Function not found: {t.arn('nobody')}", FunctionName="nobody")
    refuses("ResourceNotFoundException", f"Function not found: {t.arn('f:42')}", Qualifier="42")
    refuses("ResourceNotFoundException", f"Cannot find alias arn: {t.arn('f:none')}", Qualifier="none")
    refuses("ResourceNotFoundException", NO_POLICY, "get_policy", FunctionName="nobody")
    refuses("ResourceNotFoundException", "Statement none is not found in resource policy.", remove,
            FunctionName="f", StatementId="none")
    refuses("ResourceNotFoundException", f"No policy found for: {t.arn('nobody')}", remove,
            FunctionName="nobody", StatementId="s3")
    t.function("bare")
    refuses("ResourceNotFoundException", "No policy is associated with the given resource.", remove,
            FunctionName="bare", StatementId="s3")


@step
def under_conditions(t):
    """a policy changes only from the revision that was meant, and each change has one of its own"""
    first = t.client.get_policy(FunctionName="f")["RevisionId"]
    given = {"FunctionName": "f", "StatementId": "more", "Action": ACTION, "Principal": "sqs.amazonaws.com"}
    stale = re.compile("The Revision Id provided does not match the latest Revision Id. .*")
    t.fails("PreconditionFailedException", stale, "add_permission", **given, RevisionId=STALE)
    t.client.add_permission(**given, RevisionId=first)
    second = t.client.get_policy(FunctionName="f")["RevisionId"]
    t.true(first != second, "a revision of its own")
    which = {"FunctionName": "f", "StatementId": "more"}
    t.fails("PreconditionFailedException", stale, "remove_permission", **which, RevisionId=first)
    t.client.remove_permission(**which, RevisionId=second)
    t.equal(t.last.status, 204, "the status")


@step
def removed(t):
    """with its last statement a policy is gone"""
    for each in policy(t, FunctionName="f")["Statement"]:
        t.client.remove_permission(FunctionName="f", StatementId=each["Sid"])
    t.fails("ResourceNotFoundException", NO_POLICY, "get_policy", FunctionName="f")
    t.equal(len(policy(t, FunctionName="f", Qualifier="live")["Statement"]), 1, "that of the alias stays")


@step
def as_a_whole(t):
    """a policy is put, read and deleted as a whole"""
    resource = {"ResourceArn": t.arn("bare")}
    t.fails("ResourceNotFoundException", re.compile(".+"), "get_resource_policy", **resource)
    own = {"Version": "2012-10-17", "Statement": [statement("s3", t.arn("bare"), {"Service": "s3.amazonaws.com"})]}
    put = t.client.put_resource_policy(**resource, Policy=json.dumps(own))
    t.equal(json.loads(put["Policy"])["Statement"], own["Statement"], "what was put")
    got = t.client.get_resource_policy(**resource)
    t.equal((got["Policy"], got["RevisionId"]), (put["Policy"], put["RevisionId"]), "what is there")
    t.equal(t.client.get_policy(FunctionName="bare")["RevisionId"], put["RevisionId"], "the same, statement by statement")
    stale = re.compile("The Revision Id provided does not match the latest Revision Id. .*")
    t.fails("PreconditionFailedException", stale, "put_resource_policy",
            **resource, Policy=json.dumps(own), RevisionId=STALE)
    t.fails("InvalidParameterValueException", re.compile(".+"), "put_resource_policy", **resource, Policy="{no")
    t.fails("PreconditionFailedException", stale, "delete_resource_policy", **resource, RevisionId=STALE)
    t.client.delete_resource_policy(**resource, RevisionId=put["RevisionId"])
    t.equal(t.last.status, 204, "the status")
    t.fails("ResourceNotFoundException", NO_POLICY, "get_policy", FunctionName="bare")
