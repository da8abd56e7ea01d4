"""The account, and what clients ask of every function."""

import re

from conformance.scenarios import step

COVERS = """
    GetAccountSettings GetRuntimeManagementConfig GetFunctionCodeSigningConfig GetFunctionRecursionConfig
    PutFunctionRecursionConfig
"""


@step
def account(t):
    """the account counts its functions and their code"""
    before = t.client.get_account_settings()
    limits = before["AccountLimit"]
    t.equal((limits["CodeSizeUnzipped"], limits["CodeSizeZipped"]), (262_144_000, 52_428_800), "the limits of a package")
    t.equal(limits["ConcurrentExecutions"], limits["UnreservedConcurrentExecutions"], "nothing is reserved")
    t.equal(before["AccountUsage"], {"FunctionCount": 0, "TotalCodeSize": 0}, "an empty account")
    t.function("f")
    size = len(t.guest("echo"))
    t.equal(t.client.get_account_settings()["AccountUsage"], {"FunctionCount": 1, "TotalCodeSize": size}, "one function")
    t.client.update_function_configuration(FunctionName="f", Timeout=9)
    t.equal(t.client.get_account_settings()["AccountUsage"]["TotalCodeSize"], size, "a setting takes no room")
    t.client.publish_version(FunctionName="f")
    t.equal(t.client.get_account_settings()["AccountUsage"]["TotalCodeSize"], 2 * size, "a version takes its own")


@step
def runtime_management(t):
    """nobody updates the runtime of a function"""
    answer = t.client.get_runtime_management_config(FunctionName="f")
    t.equal((answer["UpdateRuntimeOn"], answer["FunctionArn"]), ("Auto", t.arn("f")), "of the function")
    answer = t.client.get_runtime_management_config(FunctionName="f", Qualifier="1")
    t.equal(answer["FunctionArn"], t.arn("f:1"), "of a version")


@step
def code_signing(t):
    """no function has a configuration of signatures"""
    t.client.get_function_code_signing_config(FunctionName="f")
    t.equal(t.last.body, b"{}", "what AWS answers too")


@step
def recursion(t):
    """loops are ended unless they are allowed"""
    config = {"FunctionName": "f"}
    t.equal(t.client.get_function_recursion_config(**config)["RecursiveLoop"], "Terminate", "at first")
    for loop in ("Allow", "Terminate"):
        put = t.client.put_function_recursion_config(**config, RecursiveLoop=loop)
        t.equal(put["RecursiveLoop"], loop, "what was put")
        t.equal(t.client.get_function_recursion_config(**config)["RecursiveLoop"], loop, "what is there")
    t.fails(
        "ValidationException",
        re.compile("1 validation error detected: Value 'Perhaps' at 'recursiveLoop' failed to satisfy constraint: Member "
                   r"must satisfy enum value set: \[(Allow, Terminate|Terminate, Allow)\]"),
        "put_function_recursion_config", **config, RecursiveLoop="Perhaps",
    )


@step
def not_there(t):
    """what is not there has none of them"""
    gone = f"Function not found: {t.arn('nobody')}"
    for operation in (
        "get_runtime_management_config", "get_function_code_signing_config", "get_function_recursion_config",
    ):
        t.fails("ResourceNotFoundException", gone, operation, FunctionName="nobody")
    t.fails("ResourceNotFoundException", gone, "put_function_recursion_config",
            FunctionName="nobody", RecursiveLoop="Allow")
