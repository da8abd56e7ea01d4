"""Reserved and provisioned concurrency."""

import base64
import re
import time

from botocore.exceptions import ClientError

from conformance import modules
from conformance.scenarios import step

COVERS = """
    PutFunctionConcurrency GetFunctionConcurrency DeleteFunctionConcurrency
    PutProvisionedConcurrencyConfig GetProvisionedConcurrencyConfig DeleteProvisionedConcurrencyConfig
    ListProvisionedConcurrencyConfigs
"""

INVALID = "InvalidParameterValueException"
NOT_FOUND = "ResourceNotFoundException"


def ready(t, **config):
    """Waits until provisioned concurrency is no longer in progress."""
    deadline = time.monotonic() + 60
    while True:
        answer = t.client.get_provisioned_concurrency_config(**config)
        if answer["Status"] != "IN_PROGRESS":
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"still in progress: {answer}")
        time.sleep(0.05)


@step
def reserved(t):
    """what is reserved is shown, counted and given back"""
    t.function("r")
    t.client.get_function_concurrency(FunctionName="r")
    t.equal(t.last.body, b"{}", "nothing is reserved")
    for units in (0, 1, 3):
        put = t.client.put_function_concurrency(FunctionName="r", ReservedConcurrentExecutions=units)
        t.equal(put["ReservedConcurrentExecutions"], units, "what was put")
        got = t.client.get_function_concurrency(FunctionName="r")
        t.equal(got["ReservedConcurrentExecutions"], units, "what is there")
        t.equal(t.client.get_function(FunctionName="r")["Concurrency"], {"ReservedConcurrentExecutions": units},
                "in GetFunction")
        limits = t.client.get_account_settings()["AccountLimit"]
        t.equal(limits["UnreservedConcurrentExecutions"], limits["ConcurrentExecutions"] - units, "what is left")
    t.client.delete_function_concurrency(FunctionName="r")
    t.client.get_function_concurrency(FunctionName="r")
    t.equal(t.last.body, b"{}", "nothing is reserved")
    t.true("Concurrency" not in t.client.get_function(FunctionName="r"), "nor shown")


@step
def stopped(t):
    """a function with nothing reserved for it but nothing is refused"""
    t.client.put_function_concurrency(FunctionName="r", ReservedConcurrentExecutions=0)
    try:
        t.client.invoke(FunctionName="r")
        raise AssertionError("it ran")
    except ClientError as error:
        answer = error.response
    t.equal((t.last.status, answer["Error"]["Code"]), (429, "TooManyRequestsException"), "the error")
    t.equal((answer["Reason"], answer["Type"]), ("ReservedFunctionConcurrentInvocationLimitExceeded", "User"), "why")
    t.equal(answer["retryAfterSeconds"], "1", "when to come again")
    t.client.delete_function_concurrency(FunctionName="r")
    t.equal(t.client.invoke(FunctionName="r")["StatusCode"], 200, "it runs again")


@step
def refused(t):
    """what cannot be reserved is refused in Lambda's words"""
    below = ("Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below "
             "its minimum value of [100].")
    limit = t.client.get_account_settings()["AccountLimit"]["ConcurrentExecutions"]
    for units in (limit - 99, limit, limit + 1, 2**31 - 1):
        t.fails(INVALID, below, "put_function_concurrency", FunctionName="r", ReservedConcurrentExecutions=units)
    t.client.put_function_concurrency(FunctionName="r", ReservedConcurrentExecutions=limit - 100)
    t.client.delete_function_concurrency(FunctionName="r")
    gone = f"Function not found: {t.arn('nobody')}:$LATEST"
    t.fails(NOT_FOUND, gone, "put_function_concurrency", FunctionName="nobody", ReservedConcurrentExecutions=1)
    t.fails(NOT_FOUND, re.compile("Function not found: .*"), "get_function_concurrency", FunctionName="nobody")
    t.fails(NOT_FOUND, gone, "delete_function_concurrency", FunctionName="nobody")
    text = ("This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. "
            "Please specify either a function name or an unqualified function ARN.")
    for operation, more in (
        ("put_function_concurrency", {"ReservedConcurrentExecutions": 1}),
        ("get_function_concurrency", {}),
        ("delete_function_concurrency", {}),
    ):
        t.fails(INVALID, text, operation, FunctionName=t.arn("r:1"), **more)


@step
def provisioned(t):
    """instances are there before anybody asks for them, and a request that finds one shows no init"""
    t.client.publish_version(FunctionName="r")
    config = {"FunctionName": "r", "Qualifier": "1"}
    missing = "No Provisioned Concurrency Config found for this function"
    t.fails("ProvisionedConcurrencyConfigNotFoundException", missing, "get_provisioned_concurrency_config", **config)
    t.equal(t.client.list_provisioned_concurrency_configs(FunctionName="r")["ProvisionedConcurrencyConfigs"], [], "none")
    put = t.client.put_provisioned_concurrency_config(**config, ProvisionedConcurrentExecutions=2)
    t.equal((put["Status"], put["RequestedProvisionedConcurrentExecutions"]), ("IN_PROGRESS", 2), "what was put")
    got = ready(t, **config)
    counts = [got[f"{what}ProvisionedConcurrentExecutions"] for what in ("Requested", "Allocated", "Available")]
    t.equal((got["Status"], counts), ("READY", [2, 2, 2]), "what is there")
    t.true("StatusReason" not in got, "nothing went wrong")
    limits = t.client.get_account_settings()["AccountLimit"]
    t.equal(limits["UnreservedConcurrentExecutions"], limits["ConcurrentExecutions"] - 2, "what is left")
    answer = t.client.invoke(FunctionName="r", Qualifier="1", LogType="Tail")
    t.true(b"Init Duration" not in base64.b64decode(answer["LogResult"]), "no init is waited for")
    listed = t.client.list_provisioned_concurrency_configs(FunctionName="r")["ProvisionedConcurrencyConfigs"]
    t.equal([(item["FunctionArn"], item["Status"]) for item in listed], [(t.arn("r:1"), "READY")], "the list")


@step
def conflicts(t):
    """a version and an alias that leads to it cannot both have some"""
    t.client.create_alias(FunctionName="r", Name="live", FunctionVersion="1")
    alias, version = ({"FunctionName": "r", "Qualifier": qualifier} for qualifier in ("live", "1"))
    t.fails("ResourceConflictException",
            "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version",
            "put_provisioned_concurrency_config", **alias, ProvisionedConcurrentExecutions=1)
    t.client.delete_provisioned_concurrency_config(**version)
    t.client.delete_provisioned_concurrency_config(**version)
    t.client.put_provisioned_concurrency_config(**alias, ProvisionedConcurrentExecutions=1)
    t.equal(ready(t, **alias)["Status"], "READY", "the alias's")
    t.fails("ResourceConflictException", "Version is pointed by a Provisioned Concurrency alias",
            "put_provisioned_concurrency_config", **version, ProvisionedConcurrentExecutions=1)


@step
def moved(t):
    """an alias takes its provisioned instances along"""
    t.client.update_function_configuration(FunctionName="r", Timeout=9)
    t.client.get_waiter("function_updated_v2").wait(FunctionName="r")
    t.client.publish_version(FunctionName="r")
    t.client.update_alias(FunctionName="r", Name="live", FunctionVersion="2")
    config = t.client.get_provisioned_concurrency_config(FunctionName="r", Qualifier="live")
    t.equal(config["Status"], "READY", "it moves only when they are there")
    answer = t.client.invoke(FunctionName="r", Qualifier="live", LogType="Tail")
    t.equal(answer["ExecutedVersion"], "2", "it leads to the other version")
    t.true(b"Init Duration" not in base64.b64decode(answer["LogResult"]), "no init is waited for")


@step
def within_what_is_reserved(t):
    """provisioned concurrency is a part of what is reserved"""
    alias = {"FunctionName": "r", "Qualifier": "live"}
    t.client.put_provisioned_concurrency_config(**alias, ProvisionedConcurrentExecutions=2)
    t.fails(INVALID,
            " ReservedConcurrentExecutions  1 should not be lower than function's total provisioned concurrency [2].",
            "put_function_concurrency", FunctionName="r", ReservedConcurrentExecutions=1)
    t.client.put_function_concurrency(FunctionName="r", ReservedConcurrentExecutions=2)
    t.fails(INVALID,
            "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function",
            "put_provisioned_concurrency_config", **alias, ProvisionedConcurrentExecutions=3)
    t.equal(ready(t, **alias)["Status"], "READY", "both are there")
    # All that is reserved is provisioned: nothing is left for $LATEST.
    try:
        t.client.invoke(FunctionName="r")
        raise AssertionError("it ran")
    except ClientError as error:
        t.equal(error.response["Reason"], "ReservedFunctionConcurrentInvocationLimitExceeded", "why")
    t.equal(t.client.invoke(FunctionName="r", Qualifier="live")["StatusCode"], 200, "the alias runs")
    t.client.delete_function_concurrency(FunctionName="r")


@step
def not_provisioned(t):
    """what cannot be provisioned is refused in Lambda's words"""
    put = ("put_provisioned_concurrency_config",)
    one = {"ProvisionedConcurrentExecutions": 1}
    t.fails(INVALID, "Provisioned Concurrency Configs cannot be applied to unpublished function versions.", *put,
            FunctionName="r", Qualifier="$LATEST", **one)
    t.fails("ValidationException",
            "1 validation error detected: Value '0' at 'provisionedConcurrentExecutions' failed to satisfy constraint: "
            "Member must have value greater than or equal to 1",
            t.client_of("us-east-1", parameter_validation=False).put_provisioned_concurrency_config,
            FunctionName="r", Qualifier="live", ProvisionedConcurrentExecutions=0)
    unreserved = t.client.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"]
    t.fails(INVALID, re.compile(r"Specified ConcurrentExecutions for function is greater than account's unreserved "
                                r"concurrency \[\d+\]\."), *put,
            FunctionName="r", Qualifier="live", ProvisionedConcurrentExecutions=unreserved + 100)
    t.fails(INVALID, "Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below "
                     "its minimum value of [100].", *put,
            FunctionName="r", Qualifier="live", ProvisionedConcurrentExecutions=unreserved - 10)
    for operation, more in (
        ("put_provisioned_concurrency_config", one),
        ("get_provisioned_concurrency_config", {}),
        ("delete_provisioned_concurrency_config", {}),
    ):
        for function in ("r", "nobody"):
            alias = f"Cannot find alias arn: {t.arn(function)}:noalias"
            t.fails(NOT_FOUND, alias, operation, FunctionName=function, Qualifier="noalias", **more)
            version = f"Function not found: {t.arn(function)}:10"
            t.fails(NOT_FOUND, version, operation, FunctionName=function, Qualifier="10", **more)
    for operation in ("get_provisioned_concurrency_config", "delete_provisioned_concurrency_config"):
        t.fails(INVALID, "The function resource provided must be an alias or a published version.", operation,
                FunctionName="r", Qualifier="$LATEST")
    t.fails(NOT_FOUND, f"Function not found: {t.arn('nobody')}", "list_provisioned_concurrency_configs",
            FunctionName="nobody")


@step
def failing(t):
    """an init that fails is told, and an alias that was to move there stays"""
    t.function("f")
    t.client.publish_version(FunctionName="f")
    t.client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    t.client.update_function_code(FunctionName="f", ZipFile=modules.never_starts(), Publish=True)
    config = {"FunctionName": "f", "Qualifier": "2"}
    t.client.put_provisioned_concurrency_config(**config, ProvisionedConcurrentExecutions=1)
    got = ready(t, **config)
    t.equal((got["Status"], got["StatusReason"]), ("FAILED", "FUNCTION_ERROR_INIT_FAILURE"), "what came of it")
    t.equal(got["AllocatedProvisionedConcurrentExecutions"], 0, "none is there")
    t.client.delete_provisioned_concurrency_config(**config)
    alias = {"FunctionName": "f", "Qualifier": "live"}
    t.client.put_provisioned_concurrency_config(**alias, ProvisionedConcurrentExecutions=1)
    t.equal(ready(t, **alias)["Status"], "READY", "where it leads")
    t.fails("ResourceConflictException", "Version 2 cannot be run: FUNCTION_ERROR_INIT_FAILURE", "update_alias",
            FunctionName="f", Name="live", FunctionVersion="2")
    t.equal(t.client.get_alias(FunctionName="f", Name="live")["FunctionVersion"], "1", "it stays")
    t.equal(ready(t, **alias)["Status"], "READY", "so do its instances")


@step
def alias_deleted(t):
    """what an alias had goes with it"""
    t.client.delete_alias(FunctionName="r", Name="live")
    t.fails(NOT_FOUND, f"Cannot find alias arn: {t.arn('r')}:live", "get_provisioned_concurrency_config",
            FunctionName="r", Qualifier="live")
    t.equal(t.client.list_provisioned_concurrency_configs(FunctionName="r")["ProvisionedConcurrencyConfigs"], [], "none")
    t.client.delete_function(FunctionName="f")
    limits = t.client.get_account_settings()["AccountLimit"]
    t.equal(limits["UnreservedConcurrentExecutions"], limits["ConcurrentExecutions"], "all is given back")
