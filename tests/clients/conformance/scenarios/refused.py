"""Operations that are not there, and requests that no operation takes."""

import http.client
import json
from urllib.parse import urlsplit

from conformance import known, samples
from conformance.scenarios import step

COVERS = ""

# What is there, to be kept in step with the server; every operation of the model is tried, here or in a scenario.
THERE = """
    AddPermission CreateAlias CreateEventSourceMapping CreateFunction DeleteAlias DeleteEventSourceMapping
    DeleteFunction DeleteFunctionConcurrency
    DeleteFunctionEventInvokeConfig DeleteProvisionedConcurrencyConfig DeleteResourcePolicy GetAccountSettings GetAlias
    GetEventSourceMapping GetFunction GetFunctionCodeSigningConfig GetFunctionConcurrency GetFunctionConfiguration
    GetFunctionEventInvokeConfig GetFunctionRecursionConfig GetPolicy GetProvisionedConcurrencyConfig GetResourcePolicy
    GetRuntimeManagementConfig Invoke InvokeAsync ListAliases
    ListEventSourceMappings ListFunctionEventInvokeConfigs ListFunctions
    ListProvisionedConcurrencyConfigs ListTags ListVersionsByFunction PublishVersion PutFunctionConcurrency
    PutFunctionEventInvokeConfig PutFunctionRecursionConfig PutProvisionedConcurrencyConfig PutResourcePolicy
    RemovePermission TagResource UntagResource UpdateAlias UpdateFunctionCode UpdateFunctionConfiguration
    UpdateEventSourceMapping UpdateFunctionEventInvokeConfig
""".split()


@step
def not_implemented(t):
    """every operation that is not there says so by its name"""
    there = set(THERE)
    others = [operation for operation in t.operations() if operation.name not in there]
    t.equal(len(others) + len(there), len(t.operations()), "all are told apart")
    methods = {name: method for method, name in t.client.meta.method_to_api_mapping.items()}
    for operation in others:
        message = f"{operation.name} is not implemented by Samovar yet"
        t.fails("ServiceException", message, methods[operation.name], **samples.request(operation))
        t.equal(t.last.status, 501, operation.name)


@step
def no_operation(t):
    """a path without an operation, and a body without JSON, have errors of Lambda's form"""
    address = urlsplit(t.endpoint).netloc
    tried = [
        ("GET", "/2015-03-31/nothing", None, 404, "UnknownOperationException"),
        ("PATCH", "/2015-03-31/functions/f", None, 404, "UnknownOperationException"),
        ("POST", "/2015-03-31/functions", b"{", 400, None),
        ("POST", "/2015-03-31/functions", b"[]", 400, "SerializationException"),
        ("PUT", "/2015-03-31/functions/f/configuration", b'{"Timeout": "long"}', 400, "SerializationException"),
    ]
    for method, path, body, status, name in tried:
        connection = http.client.HTTPConnection(address, timeout=60)
        connection.request(method, path, body)
        answer = connection.getresponse()
        t.equal((answer.status, answer.headers["Content-Type"]), (status, "application/json"), f"{method} {path}")
        t.matches(known.UUID, answer.headers["x-amzn-RequestId"], f"the request id of {method} {path}")
        if name:
            t.equal(answer.headers["x-amzn-ErrorType"], name, f"the error of {method} {path}")
        members = json.load(answer)
        t.true(isinstance(members.get("message", members.get("Message")), str), f"{method} {path}: {members}")
