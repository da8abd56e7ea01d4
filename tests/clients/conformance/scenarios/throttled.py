"""Throttling, seen on a server that runs one invocation at a time."""

import threading

from botocore.exceptions import ClientError

from conformance.scenarios import step

COVERS = "Invoke GetAccountSettings"


@step
def one_at_a_time(t):
    """what is too much is refused at once, with its reason and when to come again"""
    t.equal(t.client.get_account_settings()["AccountLimit"]["ConcurrentExecutions"], 1, "the limit")
    t.function("echo")
    t.function("sleeper", guest="sleeper", Timeout=30)
    nap = threading.Thread(target=sleep, args=(t.client_of("us-east-1"),))
    nap.start()
    refused = None
    while refused is None and nap.is_alive():
        try:
            t.client.invoke(FunctionName="echo")
        except ClientError as error:
            refused = error
    nap.join()
    t.true(refused is not None, "while one function slept, the other should have been refused")
    answer = refused.response
    t.equal(answer["Error"]["Code"], "TooManyRequestsException", "the error")
    t.equal((answer["Reason"], answer["retryAfterSeconds"]), ("ConcurrentInvocationLimitExceeded", "1"), "its members")
    text = "Rate Exceeded: 1 invocations are running; all functions without reserved concurrency may run 1 together."
    t.equal(answer["message"], text, "its message")
    t.equal(t.client.invoke(FunctionName="echo")["StatusCode"], 200, "the next one runs")


def sleep(client):
    """Runs the sleeper, as soon as it is let in."""
    while True:
        try:
            client.invoke(FunctionName="sleeper", Payload=b'{"ms": 3000}')
            return
        except client.exceptions.TooManyRequestsException:
            continue
