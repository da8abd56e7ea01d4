"""The states of functions and updates, seen on a server that waits for no compilation."""

import re
import time

from conformance.modules import slow_to_compile
from conformance.scenarios import step
from conformance.scenarios.functions import REVISION

COVERS = "CreateFunction UpdateFunctionCode GetFunction GetFunctionConfiguration Invoke"

CREATING = ("The function is being created.", "Creating")


@step
def pending(t):
    """a new function is Pending, then Active, with a revision of its own each time"""
    made = t.client.create_function(**t.creation("f", Code={"ZipFile": slow_to_compile()}))
    t.equal((made["State"], made["StateReason"], made["StateReasonCode"]), ("Pending", *CREATING), "the state")
    t.true("LastUpdateStatus" not in made, "of a new function nothing was updated")
    pending = re.compile(".*is currently in the following state: Pending.*")
    t.fails("ResourceConflictException", pending, "invoke", FunctionName="f")
    t.fails("ResourceConflictException", re.compile(".*Pending.*"), "update_function_configuration",
            FunctionName="f", Timeout=9)
    t.fails("ResourceConflictException", re.compile(".*Pending.*"), "publish_version", FunctionName="f")
    t.client.get_waiter("function_active").wait(FunctionName="f", WaiterConfig={"Delay": 1, "MaxAttempts": 120})
    active = t.client.get_function_configuration(FunctionName="f")
    t.equal((active["State"], active["LastUpdateStatus"]), ("Active", "Successful"), "the state")
    t.true(active["RevisionId"] != made["RevisionId"], "a revision of its own")
    t.fails("PreconditionFailedException", REVISION, "publish_version",
            FunctionName="f", RevisionId=made["RevisionId"])


@step
def in_progress(t):
    """an update is InProgress while the function stays Active and answers with its old code"""
    old = t.function("g")
    update = t.client.update_function_code(FunctionName=old, ZipFile=slow_to_compile(steps=499))
    t.equal((update["State"], update["LastUpdateStatus"]), ("Active", "InProgress"), "the states")
    t.equal((update["LastUpdateStatusReason"], update["LastUpdateStatusReasonCode"]), CREATING, "the reason")
    arn = t.arn("g")
    busy = f"The operation cannot be performed at this time. An update is in progress for resource: {arn}"
    t.fails("ResourceConflictException", busy, "update_function_code", FunctionName="g", ZipFile=t.guest("echo"))
    t.fails("ResourceConflictException", busy, "update_function_configuration", FunctionName="g", Timeout=9)
    t.fails("ResourceConflictException", busy, "publish_version", FunctionName="g")
    t.equal(t.client.invoke(FunctionName="g", Payload=b'{"a":1}')["Payload"].read(), b'{"a":1}', "the old code")
    t.client.get_waiter("function_updated").wait(FunctionName="g", WaiterConfig={"Delay": 1, "MaxAttempts": 120})
    now = t.client.get_function(FunctionName="g")["Configuration"]
    t.equal(now["LastUpdateStatus"], "Successful", "the state")
    t.true(now["RevisionId"] != update["RevisionId"], "a revision of its own")


@step
def failed(t):
    """code that cannot be run leaves a function that has Failed, or an update that has"""
    empty = b"\0asm\1\0\0\0"
    t.client.create_function(**t.creation("bad", Code={"ZipFile": empty}))
    t.client.get_waiter("function_exists").wait(FunctionName="bad")
    until(t, "bad", "State", "Failed")
    bad = t.client.get_function_configuration(FunctionName="bad")
    t.true("core WebAssembly module" in bad["StateReason"], bad["StateReason"])
    t.equal(bad["StateReasonCode"], "InvalidZipFileException", "the code of the reason")
    t.client.delete_function(FunctionName="bad")
    t.client.update_function_code(FunctionName="f", ZipFile=empty)
    until(t, "f", "LastUpdateStatus", "Failed")
    now = t.client.get_function_configuration(FunctionName="f")
    t.equal((now["State"], now["LastUpdateStatusReasonCode"]), ("Active", "InvalidZipFileException"), "the states")
    t.true("core WebAssembly module" in now["LastUpdateStatusReason"], now["LastUpdateStatusReason"])


def until(t, name, member, value):
    """Asks for a minute whether a function has it; botocore's waiters end at a failure with an error."""
    deadline = time.monotonic() + 60
    while t.client.get_function_configuration(FunctionName=name)[member] != value:
        t.true(time.monotonic() < deadline, f"the {member} of {name} should have become {value}")
        time.sleep(0.05)
