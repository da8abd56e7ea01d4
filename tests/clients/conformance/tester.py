"""What scenarios work with: a client whose answers are all checked, and expectations that say what was wanted."""

import io
import pathlib
import re
import uuid

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.response import StreamingBody

from conformance import answers

REGION = "us-east-1"
ACCOUNT = "000000000000"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/any"


class NotLambda(AssertionError):
    """The server answered what Lambda would not."""


class Tester:
    """A running server, as one client of it sees it."""

    def __init__(self, endpoint, guests):
        self.endpoint = endpoint
        self.guests = pathlib.Path(guests)
        self.client = self.client_of(REGION)

    def client_of(self, region, **parameters):
        """A client of another region, or with other settings of botocore's."""
        client = boto3.client(
            "lambda",
            endpoint_url=self.endpoint,
            region_name=region,
            aws_access_key_id="dummy",
            aws_secret_access_key="dummy",
            config=Config(retries={"max_attempts": 0}, read_timeout=120, **parameters),
        )
        # The last answer, for what botocore does not hand on, and all operations that ever succeeded.
        self.last, self.succeeded = None, getattr(self, "succeeded", set())
        client.meta.events.register("before-parse.lambda", self._check)
        return client

    def _check(self, operation_model, response_dict, **_):
        body = response_dict["body"]
        if not isinstance(body, bytes):
            # A stream is read once, so the client gets another one over the same bytes.
            body = body.read()
            response_dict["body"] = StreamingBody(io.BytesIO(body), len(body))
        self.last = answers.Answer(response_dict["status_code"], dict(response_dict["headers"]), body)
        found = answers.problems(operation_model, self.last)
        if found:
            raise NotLambda("\n  ".join([f"{operation_model.name} is not answered as on Lambda:", *found]))
        if self.last.status < 300:
            self.succeeded.add(operation_model.name)

    # ---- Guests and functions.

    def guest(self, name):
        """The bytes of an example guest."""
        return (self.guests / f"{name}.wasm").read_bytes()

    def function(self, name=None, guest="echo", **settings):
        """Creates a function and waits until it is active; gives back its name."""
        name = name or f"f-{uuid.uuid4().hex[:12]}"
        self.client.create_function(**self.creation(name, guest, **settings))
        self.client.get_waiter("function_active_v2").wait(FunctionName=name)
        return name

    def creation(self, name, guest="echo", **settings):
        """What CreateFunction is given for a function of that guest."""
        request = {
            "FunctionName": name,
            "Runtime": "provided.al2023",
            "Role": ROLE,
            "Handler": "bootstrap",
            "Code": {"ZipFile": self.guest(guest)},
        }
        return request | settings

    def arn(self, name, region=REGION):
        """The ARN of a function, of which the name may be qualified."""
        return f"arn:aws:lambda:{region}:{ACCOUNT}:function:{name}"

    # ---- Expectations.

    def equal(self, actual, wanted, what):
        """What is there should be what is wanted."""
        if actual != wanted:
            raise NotLambda(f"{what}: wanted {wanted!r}, got {actual!r}")

    def true(self, holds, what):
        """Something should hold."""
        if not holds:
            raise NotLambda(what)

    def matches(self, pattern, text, what):
        """A text should satisfy a pattern as a whole."""
        if not re.fullmatch(pattern, text, re.DOTALL):
            raise NotLambda(f"{what}: {text!r} should satisfy {pattern}")

    def fails(self, error, message, operation, **arguments):
        """An operation should fail with that error and that message, a string or a pattern; gives back the message."""
        if isinstance(operation, str):
            operation = getattr(self.client, operation)
        try:
            operation(**arguments)
        except ClientError as raised:
            told = raised.response["Error"]
        else:
            raise NotLambda(f"{operation.__name__} should have failed with {error}")
        self.equal(told["Code"], error, f"the error of {operation.__name__}: {told.get('Message')}")
        if isinstance(message, re.Pattern):
            self.matches(message.pattern, told["Message"], f"the message of {operation.__name__}")
        else:
            self.equal(told["Message"], message, f"the message of {operation.__name__}")
        return told["Message"]

    def operations(self):
        """All operations of botocore's model."""
        model = self.client.meta.service_model
        return [model.operation_model(name) for name in model.operation_names]
