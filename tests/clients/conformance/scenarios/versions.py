"""Versions: published, and what is in them for ever."""

import re

from conformance.scenarios import step
from conformance.scenarios.functions import REVISION

COVERS = "PublishVersion ListVersionsByFunction"


@step
def published(t):
    """a version is what the function was when it was published"""
    t.function("f", Description="of the function")
    first = t.client.publish_version(FunctionName="f", Description="the first")
    t.equal((first["Version"], first["FunctionArn"]), ("1", t.arn("f:1")), "version 1")
    t.equal((first["State"], first["LastUpdateStatus"]), ("Active", "Successful"), "its state")
    t.equal(first["Description"], "the first", "its description")
    shown = t.client.get_function_configuration(FunctionName="f", Qualifier="1")
    t.equal(without_metadata(shown), without_metadata(first), "the same when it is read")
    t.client.update_function_configuration(FunctionName="f", Timeout=7)
    second = t.client.publish_version(FunctionName="f")
    t.equal((second["Version"], second["Description"]), ("2", "of the function"), "version 2")
    t.true(second["RevisionId"] != first["RevisionId"], "a version has a revision of its own")
    t.equal(t.client.get_function_configuration(FunctionName="f:1")["Timeout"], 3, "version 1 has not changed")


@step
def unchanged(t):
    """without a change there is no new version"""
    again = t.client.publish_version(FunctionName="f", Description="not this one")
    t.equal((again["Version"], again["Description"]), ("2", "of the function"), "version 2 again")


@step
def under_conditions(t):
    """a version is published only of the code and the revision that were meant"""
    latest = t.client.get_function_configuration(FunctionName="f")
    stale = {"FunctionName": "f", "RevisionId": "11111111-2222-3333-4444-555555555555"}
    t.fails("PreconditionFailedException", REVISION, "publish_version", **stale)
    t.fails(
        "InvalidParameterValueException",
        f"CodeSHA256 (other) is different from current CodeSHA256 in $LATEST ({latest['CodeSha256']}). Please try again "
        "with the CodeSHA256 in $LATEST.",
        "publish_version", FunctionName="f", CodeSha256="other",
    )
    t.client.update_function_configuration(FunctionName="f", Timeout=8)
    latest = t.client.get_function_configuration(FunctionName="f")
    third = t.client.publish_version(
        FunctionName="f", CodeSha256=latest["CodeSha256"], RevisionId=latest["RevisionId"]
    )
    t.equal(third["Version"], "3", "version 3")
    t.fails(
        "ResourceNotFoundException", f"Function not found: {t.arn('nobody')}", "publish_version", FunctionName="nobody"
    )
    t.fails("InvalidParameterValueException", re.compile(".*functions only.*"), "publish_version", FunctionName="f:1")


@step
def listed(t):
    """versions are listed from $LATEST on, without what lists do not show"""
    versions = t.client.list_versions_by_function(FunctionName="f")["Versions"]
    t.equal([version["Version"] for version in versions], ["$LATEST", "1", "2", "3"], "the versions")
    t.equal([version["FunctionArn"] for version in versions], [t.arn(f"f:{v}") for v in ("$LATEST", 1, 2, 3)], "ARNs")
    hidden = "State StateReason StateReasonCode LastUpdateStatus LastUpdateStatusReason RuntimeVersionConfig".split()
    for version in versions:
        t.equal([name for name in hidden if name in version], [], "members that lists do not have")
    nobody = f"Function not found: {t.arn('nobody')}"
    t.fails("ResourceNotFoundException", nobody, "list_versions_by_function", FunctionName="nobody")


@step
def page_by_page(t):
    """versions are listed page by page"""
    pages = list(t.client.get_paginator("list_versions_by_function").paginate(
        FunctionName="f", PaginationConfig={"PageSize": 3}
    ))
    t.equal([[v["Version"] for v in page["Versions"]] for page in pages], [["$LATEST", "1", "2"], ["3"]], "two pages")
    t.equal(["NextMarker" in page for page in pages], [True, False], "the last page has no marker")


def without_metadata(answer):
    return {key: value for key, value in answer.items() if key != "ResponseMetadata"}
