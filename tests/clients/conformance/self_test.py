"""The checks themselves, checked: each lie in an answer must be found, and what is true must not be complained about.

    cd tests/clients && python -B -m unittest conformance.self_test
"""

import copy
import importlib
import json
import pathlib
import pkgutil
import re
import unittest

import botocore.loaders
import botocore.model
import botocore.validate

from conformance import answers, samples, scenarios
from conformance.scenarios import refused

MODEL = botocore.model.ServiceModel(botocore.loaders.create_loader().load_service_model("lambda", "service-2"))
REQUEST_ID = "0a1b2c3d-0000-4000-8000-0123456789ab"
ARN = "arn:aws:lambda:us-east-1:000000000000:function:f"

CONFIGURATION = {
    "Architectures": ["x86_64"],
    "CodeSha256": "A" * 43 + "=",
    "CodeSize": 17,
    "Description": "",
    "EphemeralStorage": {"Size": 512},
    "FunctionArn": ARN,
    "FunctionName": "f",
    "Handler": "bootstrap",
    "LastModified": "2026-11-21T17:00:00.000+0000",
    "LoggingConfig": {"LogFormat": "Text", "LogGroup": "/aws/lambda/f"},
    "MemorySize": 128,
    "PackageType": "Zip",
    "RevisionId": REQUEST_ID,
    "Role": "arn:aws:iam::000000000000:role/any",
    "Runtime": "provided.al2023",
    "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
    "Timeout": 3,
    "TracingConfig": {"Mode": "PassThrough"},
    "Version": "$LATEST",
}
NOT_FOUND = {"Type": "User", "Message": f"Function not found: {ARN}"}


def complaints(operation, body, status=200, **headers):
    """What the check says of an answer with that body, JSON unless it is bytes."""
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    all_headers = {"Content-Type": "application/json", "x-amzn-RequestId": REQUEST_ID}
    all_headers |= {name.replace("_", "-"): value for name, value in headers.items()}
    answer = answers.Answer(status, {name: value for name, value in all_headers.items() if value is not None}, body)
    return answers.problems(MODEL.operation_model(operation), answer)


def changed(base, *path, **members):
    """A copy with members added, or replaced, at that path; None takes one away."""
    copied = copy.deepcopy(base)
    place = copied
    for step in path:
        place = place[step]
    for name, value in members.items():
        place[name] = value
        if value is None:
            del place[name]
    return copied


class Lies(unittest.TestCase):
    def found(self, part, operation, body, status=200, **headers):
        told = complaints(operation, body, status, **headers)
        self.assertTrue(any(part in complaint for complaint in told), f"no complaint with {part!r} among {told}")

    def test_what_is_true_is_not_complained_about(self):
        self.assertEqual(complaints("GetFunctionConfiguration", CONFIGURATION), [])
        self.assertEqual(complaints("CreateFunction", CONFIGURATION, 201), [])
        self.assertEqual(complaints("GetFunction", NOT_FOUND, 404, x_amzn_ErrorType="ResourceNotFoundException"), [])
        self.assertEqual(complaints("DeleteFunction", b"", 204, Content_Type=None), [])
        self.assertEqual(complaints("GetFunctionCodeSigningConfig", {}), [])
        self.assertEqual(complaints("Invoke", b"null", 200, X_Amz_Executed_Version="$LATEST"), [])
        throttled = {"Type": "User", "message": "Rate Exceeded.", "Reason": "CallerRateLimitExceeded"}
        told = complaints("Invoke", throttled, 429, x_amzn_ErrorType="TooManyRequestsException", Retry_After="1")
        self.assertEqual(told, [])

    def test_members_that_are_missing(self):
        self.found("lacks RevisionId", "GetFunctionConfiguration", changed(CONFIGURATION, RevisionId=None))
        self.found("lacks Size", "GetFunctionConfiguration", changed(CONFIGURATION, "EphemeralStorage", Size=None))
        self.found("lacks Functions", "ListFunctions", {})

    def test_members_that_the_model_has_not(self):
        self.found("has not: Owner", "GetFunctionConfiguration", changed(CONFIGURATION, Owner="me"))
        self.found("has not: size", "GetFunctionConfiguration", changed(CONFIGURATION, "EphemeralStorage", size=1))
        self.found("has not: functions", "ListFunctions", {"Functions": [], "functions": []})

    def test_members_of_another_type(self):
        for wrong in ("3", 3.0, True, [3], None):
            body = {**CONFIGURATION, "Timeout": wrong}
            self.found("body.Timeout", "GetFunctionConfiguration", body)
        self.found("body.Architectures", "GetFunctionConfiguration", changed(CONFIGURATION, Architectures="x86_64"))
        self.found("should be a map", "ListTags", {"Tags": []})
        self.found("body.Tags.team", "ListTags", {"Tags": {"team": 7}})
        self.found("body.Functions[0]", "ListFunctions", {"Functions": ["f"]})

    def test_values_of_another_form(self):
        for member, wrong in [
            ("LastModified", "2026-11-21T17:00:00Z"),
            ("LastModified", "2026-11-21T17:00:00.000+00:00"),
            ("RevisionId", "1"),
            ("CodeSha256", "00" * 32),
            ("PackageType", "Wasm"),
            ("Version", "latest"),
            ("FunctionArn", "f"),
            ("Timeout", 0),
        ]:
            self.found(f"body.{member}", "GetFunctionConfiguration", {**CONFIGURATION, member: wrong})
        self.found("body.NextMarker", "ListFunctions", {"Functions": [], "NextMarker": ""})

    def test_answers_of_another_status_or_kind(self):
        self.found("the status", "CreateFunction", CONFIGURATION, 200)
        self.found("the status", "DeleteFunction", b"", 200)
        self.found("should be empty", "DeleteAlias", {}, 204)
        self.found("Content-Type", "GetFunctionConfiguration", CONFIGURATION, Content_Type="text/plain")
        self.found("is not JSON", "GetFunctionConfiguration", b"")
        self.found("is not JSON", "Invoke", b"plain text")
        self.found("there twice", "ListFunctions", b'{"Functions": [], "Functions": []}')
        self.found("should be an object", "ListFunctions", [])

    def test_headers(self):
        for wrong in (None, "", "request-1"):
            told = complaints("ListFunctions", {"Functions": []}, **{"x-amzn-RequestId": wrong})
            self.assertTrue(any("x-amzn-RequestId" in complaint for complaint in told), told)
        self.found("the header x-amz-executed-version", "Invoke", b"1", X_Amz_Executed_Version="newest")
        self.found("has not: x-amz-own", "Invoke", b"1", X_Amz_Own="1")
        self.found("x-amzn-ErrorType", "Invoke", b"1", x_amzn_ErrorType="ServiceException")

    def test_errors(self):
        name = {"x_amzn_ErrorType": "ResourceNotFoundException"}
        small = {"Type": "User", "message": "Function not found"}
        self.found("should have the members", "GetFunction", small, 404, **name)
        self.found("should have the members", "GetFunction", {"Message": "no"}, 404, **name)
        self.found("should have the members", "GetFunction", {**NOT_FOUND, "Reason": "none"}, 404, **name)
        self.found("the status of", "GetFunction", NOT_FOUND, 400, **name)
        self.found("the Type of", "GetFunction", {**NOT_FOUND, "Type": "Service"}, 404, **name)
        self.found("body.Message", "GetFunction", {**NOT_FOUND, "Message": 7}, 404, **name)
        self.found("an error of ListFunctions", "ListFunctions", NOT_FOUND, 404, **name)
        self.found("an error of GetFunction", "GetFunction", NOT_FOUND, 404)
        self.found("an error of GetFunction", "GetFunction", NOT_FOUND, 404, x_amzn_ErrorType="NoSuchFunction")
        typed = {"Type": "User", "message": "1 validation error detected"}
        self.found("should have the members", "GetFunction", typed, 400, x_amzn_ErrorType="ValidationException")
        throttled = {"Type": "User", "message": "Rate Exceeded.", "Reason": "CallerRateLimitExceeded"}
        self.found("Retry-After", "Invoke", throttled, 429, x_amzn_ErrorType="TooManyRequestsException")


class Scenarios(unittest.TestCase):
    def test_every_operation_that_is_there_succeeds_in_a_scenario(self):
        covered = set()
        for module in pkgutil.iter_modules(scenarios.__path__):
            covered |= set(importlib.import_module(f"conformance.scenarios.{module.name}").COVERS.split())
        self.assertEqual(covered, set(refused.THERE))

    def test_the_documentation_names_the_operations_that_are_not_there(self):
        text = pathlib.Path("../../docs/differences.md").read_text(encoding="utf-8")
        not_there = text.split("**Not there yet**")[1].split("**Deliberately other**")[0]
        # Other columns may name operations that are there.
        first = " ".join(row.split("|")[1] for row in not_there.splitlines() if row.startswith("| "))
        named = set(re.findall("`([A-Za-z]+)`", first)) & set(MODEL.operation_names)
        self.assertEqual(named, set(MODEL.operation_names) - set(refused.THERE))

    def test_every_operation_has_a_request_that_botocore_lets_through(self):
        validator = botocore.validate.ParamValidator()
        for name in MODEL.operation_names:
            operation = MODEL.operation_model(name)
            if operation.input_shape:
                report = validator.validate(samples.request(operation), operation.input_shape)
                self.assertFalse(report.has_errors(), f"{name}: {report.generate_report()}")


if __name__ == "__main__":
    unittest.main()
