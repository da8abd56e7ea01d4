"""Aliases: made, moved, weighted and deleted."""

import re

from conformance.scenarios import step
from conformance.scenarios.functions import REVISION
from conformance.scenarios.versions import without_metadata

COVERS = "CreateAlias GetAlias UpdateAlias DeleteAlias ListAliases"


@step
def made(t):
    """an alias is made of a version, with or without a weight for another one"""
    t.function("f")
    t.client.publish_version(FunctionName="f")
    t.client.update_function_code(FunctionName="f", ZipFile=t.guest("counter"))
    t.client.publish_version(FunctionName="f")
    live = t.client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    t.equal((live["AliasArn"], live["Name"], live["FunctionVersion"]), (t.arn("f:live"), "live", "1"), "the alias")
    t.equal((live["Description"], "RoutingConfig" in live), ("", False), "what was not given")
    t.equal(without_metadata(t.client.get_alias(FunctionName="f", Name="live")), without_metadata(live), "as it is read")
    routing = {"AdditionalVersionWeights": {"2": 0.25}}
    canary = t.client.create_alias(
        FunctionName="f", Name="canary", FunctionVersion="1", Description="a quarter", RoutingConfig=routing
    )
    t.equal((canary["Description"], canary["RoutingConfig"]), ("a quarter", routing), "the weights")
    latest = t.client.create_alias(FunctionName="f", Name="latest", FunctionVersion="$LATEST")
    t.equal(latest["FunctionVersion"], "$LATEST", "an alias of what is not published")


@step
def read_through(t):
    """functions are read and invoked through their aliases"""
    whole = t.client.get_function(FunctionName="f", Qualifier="live")["Configuration"]
    t.equal((whole["FunctionArn"], whole["Version"]), (t.arn("f:live"), "1"), "the version behind the alias")
    answer = t.client.invoke(FunctionName=t.arn("f:live"), Payload=b'{"tea": 1}')
    t.equal((answer["ExecutedVersion"], answer["Payload"].read()), ("1", b'{"tea": 1}'), "the answer")


@step
def moved(t):
    """an alias moves by what is given, and each move has a revision of its own"""
    before = t.client.get_alias(FunctionName="f", Name="live")
    everything = {"AdditionalVersionWeights": {"2": 1.0}}
    moved = t.client.update_alias(
        FunctionName="f", Name="live", RoutingConfig=everything, Description="moved", RevisionId=before["RevisionId"]
    )
    t.equal((moved["FunctionVersion"], moved["RoutingConfig"]), ("1", everything), "the weights")
    t.true(moved["RevisionId"] != before["RevisionId"], "a move has a revision of its own")
    t.equal(t.client.invoke(FunctionName="f:live")["ExecutedVersion"], "2", "all calls go to version 2")
    t.fails("PreconditionFailedException", REVISION, "update_alias",
            FunctionName="f", Name="live", FunctionVersion="2", RevisionId=before["RevisionId"])
    promoted = t.client.update_alias(
        FunctionName="f", Name="live", FunctionVersion="2", RoutingConfig={"AdditionalVersionWeights": {}}
    )
    t.equal((promoted["FunctionVersion"], "RoutingConfig" in promoted), ("2", False), "version 2 has all")
    t.equal(promoted["Description"], "moved", "the rest stays")


@step
def refused(t):
    """what Lambda refuses of aliases is refused in its words"""
    create, update = t.client.create_alias, t.client.update_alias
    f = {"FunctionName": "f", "Name": "bad"}

    def invalid(message, **arguments):
        t.fails("InvalidParameterValueException", message, create, **(f | arguments))

    def violates(text, **arguments):
        t.fails("ValidationException", f"1 validation error detected: {text}", create, **(f | arguments))

    def weights(given):
        return {"RoutingConfig": {"AdditionalVersionWeights": given}}

    t.fails("ResourceConflictException", f"Alias already exists: {t.arn('f:live')}", create,
            FunctionName="f", Name="live", FunctionVersion="1")
    t.fails("ResourceNotFoundException", f"Function not found: {t.arn('f:10')}", create, **f, FunctionVersion="10")
    t.fails("ResourceNotFoundException", f"Function not found: {t.arn('nobody:1')}", create,
            FunctionName="nobody", Name="bad", FunctionVersion="1")
    invalid("Number of items in AdditionalVersionWeights cannot be greater than 1",
            FunctionVersion="1", **weights({"1": 0.1, "2": 0.5}))
    invalid("Invalid function version 1. Function version 1 is already included in routing configuration.",
            FunctionVersion="1", **weights({"1": 0.5}))
    invalid("$LATEST is not supported for an alias pointing to more than 1 version",
            FunctionVersion="$LATEST", **weights({"1": 0.5}))
    where = "at 'routingConfig.additionalVersionWeights' failed to satisfy constraint"
    bounds = ("Map value must satisfy constraint: [Member must have value less than or equal to 1.0, Member must have value "
              "greater than or equal to 0.0, Member must not be null]")
    violates(f"Value '{{2=2.0}}' {where}: {bounds}", FunctionVersion="1", **weights({"2": 2.0}))
    # botocore itself would not let this one through.
    unchecked = t.client_of("us-east-1", parameter_validation=False).create_alias
    t.fails("ValidationException", f"1 validation error detected: Value '{{2=-1.0}}' {where}: {bounds}",
            unchecked, **f, FunctionVersion="1", **weights({"2": -1.0}))
    keys = (f"1 validation error detected: Value '{{$LATEST=0.5}}' {where}: Map keys must satisfy constraint: [Member must "
            "have length less than or equal to 1024, Member must have length greater than or equal to 1, Member must satisfy "
            "regular expression pattern: [0-9]+")
    t.fails("ValidationException", re.compile(re.escape(keys) + "(, Member must not be null)?]"), create,
            **f, FunctionVersion="1", **weights({"$LATEST": 0.5}))
    violates("Value '2024' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: "
             "(?!^[0-9]+$)([a-zA-Z0-9-_]+)", Name="2024", FunctionVersion="1")
    t.fails("ResourceNotFoundException", f"Alias not found: {t.arn('f:none')}", update,
            FunctionName="f", Name="none", FunctionVersion="1")
    t.fails("ResourceNotFoundException", f"Cannot find alias arn: {t.arn('f:none')}", "get_alias",
            FunctionName="f", Name="none")


@step
def page_by_page(t):
    """120 aliases are listed on three pages, or those of one version alone"""
    for number in range(117):
        t.client.create_alias(FunctionName="f", Name=f"alias-{number:03}", FunctionVersion="2")
    paginator = t.client.get_paginator("list_aliases")
    pages = list(paginator.paginate(FunctionName="f", PaginationConfig={"PageSize": 50}))
    t.equal([len(page["Aliases"]) for page in pages], [50, 50, 20], "the pages")
    t.equal(["NextMarker" in page for page in pages], [True, True, False], "the last page has no marker")
    names = [alias["Name"] for page in pages for alias in page["Aliases"]]
    t.equal(len(set(names)), 120, "no alias is listed twice")
    t.true({"live", "canary", "latest"} < set(names), "all are there")
    of_two = paginator.paginate(FunctionName="f", FunctionVersion="2", PaginationConfig={"PageSize": 50})
    of_two = [alias for page in of_two for alias in page["Aliases"]]
    names = {alias["Name"] for alias in of_two}
    t.equal((len(of_two), {"live", "canary"} - names, "latest" in names), (119, set(), False), "those that lead to version 2")
    t.equal(len(t.client.list_aliases(FunctionName="f", MaxItems=10_000)["Aliases"]), 50, "a page has 50 at most")
    nobody = f"Function not found: {t.arn('nobody')}"
    t.fails("ResourceNotFoundException", nobody, "list_aliases", FunctionName="nobody")


@step
def deleted(t):
    """an alias is deleted, and once more"""
    for _ in range(2):
        t.client.delete_alias(FunctionName="f", Name="canary")
    gone = f"Cannot find alias arn: {t.arn('f:canary')}"
    t.fails("ResourceNotFoundException", gone, "get_alias", FunctionName="f", Name="canary")
    t.fails("ResourceNotFoundException", f"Function not found: {t.arn('f:canary')}", "invoke", FunctionName="f:canary")
