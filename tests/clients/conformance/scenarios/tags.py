"""Tags of functions."""

import re

from conformance.scenarios import step

COVERS = "ListTags TagResource UntagResource"

UNQUALIFIED = "Tags on function aliases and versions are not supported. Please specify a function ARN."


@step
def lifecycle(t):
    """tags are put, overwritten and taken away"""
    t.function("f")
    arn = t.arn("f")

    def tags():
        return t.client.list_tags(Resource=arn)["Tags"]

    t.equal(tags(), {}, "no tags")
    t.true("Tags" not in t.client.get_function(FunctionName="f"), "no tags of the function either")
    t.client.tag_resource(Resource=arn, Tags={"A": "tag-a"})
    t.equal(t.last.status, 204, "the status")
    t.client.tag_resource(Resource=arn, Tags={"B": "tag-b", "C": "tag-c"})
    t.equal(tags(), {"A": "tag-a", "B": "tag-b", "C": "tag-c"}, "three tags")
    t.client.tag_resource(Resource=arn, Tags={"C": "new", "key with spaces/:=+@": ""})
    t.equal(t.client.get_function(FunctionName="f")["Tags"]["C"], "new", "as the function has it")
    t.client.untag_resource(Resource=arn, TagKeys=["A"])
    t.equal(t.last.status, 204, "the status")
    t.client.untag_resource(Resource=arn, TagKeys=["B", "key with spaces/:=+@", "none"])
    t.equal(tags(), {"C": "new"}, "what is left")
    revision = t.client.get_function_configuration(FunctionName="f")["RevisionId"]
    t.client.untag_resource(Resource=arn, TagKeys=["C"])
    t.equal(tags(), {}, "nothing is left")
    t.equal(t.client.get_function_configuration(FunctionName="f")["RevisionId"], revision, "no change of the function")


@step
def refused(t):
    """only functions that are there have tags"""
    for name in ("f:1", "f:$LATEST"):
        arn = t.arn(name)
        t.fails("InvalidParameterValueException", UNQUALIFIED, "tag_resource", Resource=arn, Tags={"A": "a"})
        t.fails("InvalidParameterValueException", UNQUALIFIED, "untag_resource", Resource=arn, TagKeys=["A"])
    nobody = t.arn("nobody")
    gone = f"Function not found: {nobody}"
    t.fails("ResourceNotFoundException", gone, "tag_resource", Resource=nobody, Tags={"A": "a"})
    t.fails("ResourceNotFoundException", gone, "untag_resource", Resource=nobody, TagKeys=["A"])
    t.fails("ResourceNotFoundException", gone, "list_tags", Resource=nobody)
    bad = nobody.replace(":function:", ":foobar:")
    violation = re.compile(
        re.escape(f"1 validation error detected: Value '{bad}' at 'resource' failed to satisfy constraint: ")
        + "Member must satisfy regular expression pattern: .*"
    )
    t.fails("ValidationException", violation, "tag_resource", Resource=bad, Tags={"A": "a"})
    t.fails("ValidationException", violation, "list_tags", Resource=bad)


@step
def limits(t):
    """a function has 50 tags, none of AWS's own"""
    arn = t.arn("f")
    many = {f"key-{n}": "" for n in range(51)}
    too_many = "Number of tags exceeds resource tag limit."
    t.fails("InvalidParameterValueException", too_many, "tag_resource", Resource=arn, Tags=many)
    del many["key-50"]
    t.client.tag_resource(Resource=arn, Tags=many)
    t.fails("InvalidParameterValueException", too_many, "tag_resource", Resource=arn, Tags={"one": "more"})
    t.equal(len(t.client.list_tags(Resource=arn)["Tags"]), 50, "as many as fit")
    t.fails("InvalidParameterValueException", re.compile(".*aws:.*"), "tag_resource", Resource=arn, Tags={"aws:own": "x"})
    t.fails(
        "InvalidParameterValueException", "An error occurred and the request cannot be processed.",
        "tag_resource", Resource=arn, Tags={},
    )
