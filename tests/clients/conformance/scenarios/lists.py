"""Functions, listed."""

from conformance.scenarios import step

COVERS = "ListFunctions"


@step
def nothing(t):
    """where no function is, the list is empty"""
    answer = t.client.list_functions()
    t.equal((answer["Functions"], "NextMarker" in answer), ([], False), "the list")


@step
def all_of_a_region(t):
    """functions are listed as they are now, without what lists do not show"""
    t.function("one", Environment={"Variables": {"STAGE": "test"}})
    t.function("two")
    t.client.publish_version(FunctionName="two")
    functions = t.client.list_functions()["Functions"]
    t.equal([f["FunctionArn"] for f in functions], [t.arn("one"), t.arn("two")], "the functions")
    t.equal([f["Version"] for f in functions], ["$LATEST", "$LATEST"], "their versions")
    t.equal(functions[0]["Environment"], {"Variables": {"STAGE": "test"}}, "a setting")
    hidden = "State StateReason StateReasonCode LastUpdateStatus LastUpdateStatusReason RuntimeVersionConfig".split()
    for function in functions:
        t.equal([name for name in hidden if name in function], [], "members that lists do not have")
    elsewhere = t.client_of("eu-west-1").list_functions()["Functions"]
    t.equal(elsewhere, [], "functions of another region")


@step
def all_versions(t):
    """FunctionVersion: ALL lists every version under its own ARN"""
    everything = t.client.list_functions(FunctionVersion="ALL")["Functions"]
    arns = [t.arn("one:$LATEST"), t.arn("two:$LATEST"), t.arn("two:1")]
    t.equal(sorted(f["FunctionArn"] for f in everything), sorted(arns), "the versions")
    t.fails(
        "ValidationException",
        "1 validation error detected: Value 'invalid' at 'functionVersion' failed to satisfy constraint: Member must "
        "satisfy enum value set: [ALL]",
        "list_functions", FunctionVersion="invalid",
    )


@step
def page_by_page(t):
    """both lists come page by page"""
    paginator = t.client.get_paginator("list_functions")
    for more, total in (({}, 2), ({"FunctionVersion": "ALL"}, 3)):
        pages = list(paginator.paginate(**more, PaginationConfig={"PageSize": 1}))
        t.equal([len(page["Functions"]) for page in pages], [1] * total, "one on each page")
        t.equal("NextMarker" in pages[-1], False, "the last page has no marker")
        arns = {f["FunctionArn"] for page in pages for f in page["Functions"]}
        t.equal(len(arns), total, "each once")
    one = paginator.paginate(PaginationConfig={"MaxItems": 1}).build_full_result()
    t.equal(len(one["Functions"]), 1, "no more than were wanted")
    rest = paginator.paginate(PaginationConfig={"StartingToken": one["NextToken"]}).build_full_result()
    t.equal([f["FunctionName"] for f in rest["Functions"]], ["two"], "the rest, from where it stopped")
    t.fails("InvalidParameterValueException", "The Marker is none that a list has given out.", "list_functions", Marker="?")
