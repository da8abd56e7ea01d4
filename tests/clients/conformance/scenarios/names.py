"""Functions by all their names: names, ARNs, qualifiers, regions."""

from conformance.scenarios import step

COVERS = "GetFunction GetFunctionConfiguration Invoke"

MISMATCH = "The derived qualifier from the function name does not match the specified qualifier."
NAMED = r"(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?"
PATTERN = NAMED + r"([a-zA-Z0-9-_\.]+)(:(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+))?"


def violation(value, member, constraint):
    return f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {constraint}"


@step
def every_form(t):
    """a function is found by its name, its partial ARN and its ARN, with a qualifier in either place or in both"""
    t.function("f")
    t.client.publish_version(FunctionName="f")
    t.client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    partial = t.arn("f").removeprefix("arn:aws:lambda:us-east-1:")
    for name in ("f", partial, t.arn("f")):
        shown = t.client.get_function_configuration(FunctionName=name)
        t.equal((shown["FunctionArn"], shown["Version"]), (t.arn("f"), "$LATEST"), name)
        for qualifier, version in (("1", "1"), ("live", "1"), ("$LATEST", "$LATEST")):
            forms = [
                {"FunctionName": f"{name}:{qualifier}"},
                {"FunctionName": name, "Qualifier": qualifier},
                {"FunctionName": f"{name}:{qualifier}", "Qualifier": qualifier},
            ]
            for form in forms:
                shown = t.client.get_function(**form)["Configuration"]
                t.equal((shown["FunctionArn"], shown["Version"]), (t.arn(f"f:{qualifier}"), version), str(form))
                t.equal(t.client.invoke(**form)["ExecutedVersion"], version, f"invoked as {form}")


@step
def qualifiers_that_differ(t):
    """two qualifiers must agree"""
    for operation in ("get_function", "get_function_configuration", "invoke", "delete_function"):
        t.fails("InvalidParameterValueException", MISMATCH, operation, FunctionName="f:1", Qualifier="live")
        t.fails("InvalidParameterValueException", MISMATCH, operation, FunctionName=t.arn("f:$LATEST"), Qualifier="1")


@step
def not_there(t):
    """what is not there is told by the ARN that was asked for"""
    for operation in ("get_function", "get_function_configuration"):
        for name, arn in (("nobody", "nobody"), ("f:1221", "f:1221"), ("f:none", "f:none"), ("nobody:$LATEST",) * 2):
            t.fails("ResourceNotFoundException", f"Function not found: {t.arn(arn)}", operation, FunctionName=name)
        t.fails(
            "ResourceNotFoundException", f"Function not found: {t.arn('f:77')}", operation, FunctionName="f", Qualifier="77"
        )


@step
def not_a_name(t):
    """what is no name of a function is refused with the pattern of names"""
    bad = [
        "*",
        "my-function!",
        "invalid-account:function:f",
        t.arn("f").replace(":lambda:", ":ec2:"),
        t.arn("f:1:2"),
    ]
    for name in bad:
        message = violation(name, "functionName", f"Member must satisfy regular expression pattern: {PATTERN}")
        for operation in ("get_function", "invoke", "delete_function"):
            t.fails("ValidationException", message, operation, FunctionName=name)
    nowhere = t.arn("f", "nowhere")
    message = "Functions from 'nowhere' are not reachable in this region ('us-east-1')"
    for operation in ("get_function", "invoke", "delete_function"):
        t.fails("ResourceNotFoundException", message, operation, FunctionName=nowhere)
    pattern = r"Member must satisfy regular expression pattern: \$(LATEST(\.PUBLISHED)?)|[a-zA-Z0-9-_$]+"
    length = "Member must have length less than or equal to 128"
    for qualifier, constraint in (("invalid!", pattern), ("a" * 129, length)):
        message = violation(qualifier, "qualifier", constraint)
        for operation in ("get_function", "invoke", "delete_function"):
            t.fails("ValidationException", message, operation, FunctionName="f", Qualifier=qualifier)


@step
def other_regions(t):
    """each region has functions of its own, and none is reached from another"""
    west = t.client_of("eu-west-1")
    made = west.create_function(**t.creation("f", guest="counter"))
    t.equal(made["FunctionArn"], t.arn("f", "eu-west-1"), "its ARN")
    t.true(":eu-west-1::runtime:" in made["RuntimeVersionConfig"]["RuntimeVersionArn"], "its runtime")
    west.get_waiter("function_active_v2").wait(FunctionName="f")
    t.equal(west.invoke(FunctionName="f")["Payload"].read(), b'{"count":1}', "the one")
    t.equal(t.client.invoke(FunctionName="f")["Payload"].read(), b"{}", "the other")
    foreign = "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')"
    for operation in ("get_function", "get_function_configuration", "invoke", "delete_function"):
        t.fails("ResourceNotFoundException", foreign, operation, FunctionName=t.arn("f", "eu-west-1"))
    west.delete_function(FunctionName=t.arn("f", "eu-west-1"))
    t.equal(t.client.get_function_configuration(FunctionName="f")["FunctionName"], "f", "the other is still there")
