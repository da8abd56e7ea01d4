"""Functions: made, read, changed and deleted."""

import base64
import hashlib
import io
import re
import urllib.request
import zipfile

from conformance.scenarios import step
from conformance.tester import ROLE

COVERS = """
    CreateFunction GetFunction GetFunctionConfiguration UpdateFunctionCode UpdateFunctionConfiguration DeleteFunction
"""

REVISION = (
    "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the "
    "latest Revision Id"
)
NOT_WHOLE = re.compile("This operation is permitted on Lambda functions only. .*")


# The limit of Lambda, in bytes.
PACKAGE_MAX = 52_428_800


def digest(package):
    return base64.b64encode(hashlib.sha256(package).digest()).decode()


@step
def created(t):
    """a new function is answered with all its defaults"""
    package = t.guest("echo")
    made = t.client.create_function(**t.creation("plain"))
    wanted = {
        "FunctionName": "plain",
        "FunctionArn": t.arn("plain"),
        "Runtime": "provided.al2023",
        "Role": ROLE,
        "Handler": "bootstrap",
        "CodeSize": len(package),
        "CodeSha256": digest(package),
        "Description": "",
        "Timeout": 3,
        "MemorySize": 128,
        "Version": "$LATEST",
        "TracingConfig": {"Mode": "PassThrough"},
        "PackageType": "Zip",
        "Architectures": ["x86_64"],
        "EphemeralStorage": {"Size": 512},
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": "/aws/lambda/plain"},
    }
    t.equal({key: made.get(key) for key in wanted}, wanted, "the defaults")
    t.matches("arn:aws:lambda:us-east-1::runtime:[0-9a-f]+", made["RuntimeVersionConfig"]["RuntimeVersionArn"], "runtime")
    for absent in "Environment KMSKeyArn VpcConfig Layers LastUpdateStatus DeadLetterConfig".split():
        t.true(absent not in made, f"{absent} was not given, and must not be there")


@step
def waited_for(t):
    """all waiters see the function active"""
    for name in ("function_exists", "function_active", "function_active_v2", "function_updated", "function_updated_v2"):
        t.client.get_waiter(name).wait(FunctionName="plain")


@step
def read(t):
    """it is read whole, by its configuration, and its package from its location"""
    whole = t.client.get_function(FunctionName="plain")
    t.equal(whole["Code"]["RepositoryType"], "S3", "where the code is")
    t.true("Tags" not in whole and "Concurrency" not in whole, "nothing that was not given")
    active = t.client.get_function_configuration(FunctionName="plain")
    for shown in (whole["Configuration"], active):
        t.equal((shown["State"], shown["LastUpdateStatus"]), ("Active", "Successful"), "the state")
        t.true("StateReason" not in shown and "StateReasonCode" not in shown, "there is no reason to be active")
        t.equal(shown["FunctionArn"], t.arn("plain"), "an ARN without a qualifier")
    package = urllib.request.urlopen(whole["Code"]["Location"]).read()
    t.equal(package, t.guest("echo"), "the package")
    qualified = t.client.get_function(FunctionName="plain", Qualifier="$LATEST")["Configuration"]
    t.equal(qualified["FunctionArn"], t.arn("plain:$LATEST"), "the ARN that was asked for")


@step
def everything_given(t):
    """everything that may be given is taken and shown"""
    given = {
        "Description": "tea, with its leaves: чай",
        "Timeout": 900,
        "MemorySize": 10240,
        "Environment": {"Variables": {"STAGE": "test", "EMPTY": ""}},
        "KMSKeyArn": "arn:aws:kms:us-east-1:000000000000:key/one",
        "TracingConfig": {"Mode": "Active"},
        "Architectures": ["arm64"],
        "EphemeralStorage": {"Size": 10240},
        "LoggingConfig": {
            "LogFormat": "JSON", "ApplicationLogLevel": "WARN", "SystemLogLevel": "DEBUG", "LogGroup": "/own/group",
        },
        "VpcConfig": {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"], "Ipv6AllowedForDualStack": False},
    }
    t.client.create_function(**t.creation("full", **given), Tags={"team": "tea"}, PackageType="Zip")
    t.client.get_waiter("function_active_v2").wait(FunctionName="full")
    shown = t.client.get_function(FunctionName="full")
    configuration = shown["Configuration"]
    configuration["VpcConfig"].pop("VpcId")
    t.equal({key: configuration.get(key) for key in given}, given, "what was given")
    t.equal(shown["Tags"], {"team": "tea"}, "the tags")


@step
def runtimes(t):
    """a runtime of one's own is taken with its configuration"""
    own = {"RuntimeArn": t.arn("x").replace("function:x", "runtime/wasm"), "RuntimeAlias": "wasip2"}
    t.function("own-runtime", Runtime="custom", RuntimeConfig=own)
    shown = t.client.get_function_configuration(FunctionName="own-runtime")
    t.equal((shown["Runtime"], shown["RuntimeConfig"]), ("custom", own), "the runtime")


@step
def zipped(t):
    """a zip is taken as well as WebAssembly itself"""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(t.guests / "echo.wasm", "echo.wasm")
    package = packed.getvalue()
    t.function("zipped", Code={"ZipFile": package})
    shown = t.client.get_function_configuration(FunctionName="zipped")
    t.equal((shown["CodeSize"], shown["CodeSha256"]), (len(package), digest(package)), "the zip, not what is in it")


@step
def published_at_once(t):
    """Publish: true answers with version 1 under the ARN of the function"""
    made = t.client.create_function(**t.creation("published", Publish=True))
    t.equal((made["Version"], made["FunctionArn"]), ("1", t.arn("published")), "what was made")
    t.client.get_waiter("published_version_active").wait(FunctionName="published", Qualifier="1")
    shown = t.client.get_function_configuration(FunctionName="published:1")
    t.equal((shown["Version"], shown["FunctionArn"]), ("1", t.arn("published:1")), "version 1")
    latest = t.client.get_function_configuration(FunctionName="published")
    t.equal((latest["Version"], latest["FunctionArn"]), ("$LATEST", t.arn("published")), "$LATEST")
    again = t.client.publish_version(FunctionName="published")
    t.equal((again["Version"], again["RevisionId"]), ("1", shown["RevisionId"]), "nothing has changed")
    code = t.client.update_function_code(FunctionName="published", ZipFile=t.guest("counter"), Publish=True)
    t.equal((code["Version"], code["FunctionArn"]), ("2", t.arn("published:2")), "other code, published")


@step
def refused(t):
    """what Lambda refuses of a new function is refused in its words"""
    create = t.client.create_function
    t.fails("ResourceConflictException", "Function already exist: plain", create, **t.creation("plain"))
    long = "a" * 65
    constraint = "at 'functionName' failed to satisfy constraint: Member must have length less than or equal to 64"
    t.fails(
        "InvalidParameterValueException", f"1 validation error detected: Value '{long}' {constraint}",
        create, **t.creation(long),
    )
    bad = [
        ({"Role": "r1"}, "Value 'r1' at 'role' failed to satisfy constraint: Member must satisfy regular expression "
         r"pattern: arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+"),
        ({"Architectures": ["x86_64", "arm64"]}, "Value '[x86_64, arm64]' at 'architectures' failed to satisfy "
         "constraint: Member must have length less than or equal to 1"),
        ({"SnapStart": {"ApplyOn": "no"}}, "Value 'no' at 'snapStart.applyOn' failed to satisfy constraint: Member must "
         "satisfy enum value set: [PublishedVersions, None]"),
        ({"MemorySize": 10241}, "Value '10241' at 'memorySize' failed to satisfy constraint: Member must have value less "
         "than or equal to 10240"),
        ({"Timeout": 901}, "Value '901' at 'timeout' failed to satisfy constraint: Member must have value less than or "
         "equal to 900"),
    ]
    for settings, text in bad:
        message = f"1 validation error detected: {text}"
        t.fails("ValidationException", message, create, **t.creation("bad", **settings))
    t.fails(
        "InvalidParameterValueException", re.compile("Value non-existent at 'runtime' failed to satisfy constraint: .*"),
        create, **t.creation("bad", Runtime="non-existent"),
    )
    large = {"Variables": {"LARGE": "x" * 4096}}
    t.fails(
        "InvalidParameterValueException",
        re.compile("Lambda was unable to configure your environment variables because the environment variables you "
                   "have provided exceeded the 4KB limit.*"),
        create, **t.creation("bad", Environment=large),
    )
    for package, text in (
        (b"PK\x03\x04 is how a zip begins", "Could not unzip uploaded file. Please check your file.*"),
        (b"this is neither a zip nor wasm", "The code cannot be run: not WebAssembly: .*"),
        (b"", "Please provide a source for function code.*"),
    ):
        bad_package = t.creation("bad", Code={"ZipFile": package})
        t.fails("InvalidParameterValueException", re.compile(text), create, **bad_package)
    too_large = [(PACKAGE_MAX + 1, f"Zipped size must be smaller than {PACKAGE_MAX} bytes"),
                 (PACKAGE_MAX + 400_000, "Request must be smaller than 70167211 bytes.*")]
    for size, text in too_large:
        large_package = t.creation("bad", Code={"ZipFile": bytes(size)})
        t.fails("RequestEntityTooLargeException", re.compile(text), create, **large_package)
    mandatory = "Runtime and Handler are mandatory parameters for functions created with deployment packages."
    for missing in ("Runtime", "Handler"):
        request = t.creation("bad")
        del request[missing]
        t.fails("InvalidParameterValueException", mandatory, create, **request)
    t.fails("ResourceNotFoundException", f"Function not found: {t.arn('bad')}", "get_function", FunctionName="bad")


@step
def not_had(t):
    """what Samovar does not have is refused by its name"""
    layer = t.arn("x").replace("function:x", "layer:l:1")
    own = [
        {"Layers": [layer]},
        {"TenancyConfig": {"TenantIsolationMode": "PER_TENANT"}},
        {"FileSystemConfigs": [{"Arn": "arn:aws:elasticfilesystem:us-east-1:000000000000:access-point/fsap-0123456789abcdef0",
                                "LocalMountPath": "/mnt/files"}]},
        {"PublishTo": "LATEST_PUBLISHED"},
    ]
    for settings in own:
        (name,) = settings
        message = re.compile(f"{name} is not implemented by Samovar.*")
        t.fails("InvalidParameterValueException", message, "create_function", **t.creation("bad", **settings))
    instances = "PublishTo is not implemented by Samovar yet."
    to = {"FunctionName": "plain", "PublishTo": "LATEST_PUBLISHED"}
    t.fails("InvalidParameterValueException", instances, "publish_version", **to)
    t.fails("InvalidParameterValueException", instances, "update_function_code", **to, ZipFile=t.guest("echo"))
    no_package = re.compile("Only Code.ZipFile is taken.*")
    for code in ({"S3Bucket": "bucket", "S3Key": "key"}, {"ImageUri": "image"}):
        t.fails("InvalidParameterValueException", no_package, "create_function", **t.creation("bad", Code=code))


@step
def reconfigured(t):
    """its configuration changes by what is given, and each change has a revision of its own"""
    before = t.client.get_function_configuration(FunctionName="plain")
    changed = t.client.update_function_configuration(
        FunctionName="plain", Description="changed", MemorySize=512, Timeout=10,
        Environment={"Variables": {"STAGE": "test"}}, RevisionId=before["RevisionId"],
    )
    t.equal((changed["Description"], changed["MemorySize"], changed["Timeout"]), ("changed", 512, 10), "the change")
    t.equal((changed["Environment"], changed["Handler"]), ({"Variables": {"STAGE": "test"}}, "bootstrap"), "the rest")
    t.true(changed["RevisionId"] != before["RevisionId"], "a change has a revision of its own")
    t.client.get_waiter("function_updated").wait(FunctionName="plain")
    t.client.get_waiter("function_updated_v2").wait(FunctionName="plain")
    stale = {"FunctionName": "plain", "RevisionId": before["RevisionId"]}
    t.fails("PreconditionFailedException", REVISION, "update_function_configuration", Timeout=5, **stale)
    t.fails("PreconditionFailedException", REVISION, "update_function_code", ZipFile=t.guest("echo"), **stale)
    nobody = f"Function not found: {t.arn('nobody')}"
    t.fails("ResourceNotFoundException", nobody, "update_function_configuration", FunctionName="nobody", Timeout=5)
    t.fails("ResourceNotFoundException", nobody, "update_function_code", FunctionName="nobody", ZipFile=t.guest("echo"))


@step
def new_code(t):
    """its code changes; a dry run checks new code and changes nothing"""
    before = t.client.get_function_configuration(FunctionName="plain")
    package = t.guest("counter")
    tried = t.client.update_function_code(FunctionName="plain", ZipFile=package, DryRun=True)
    t.equal((tried["CodeSha256"], tried["CodeSize"]), (digest(package), len(package)), "what it would be")
    now = t.client.get_function_configuration(FunctionName="plain")
    t.equal((now["CodeSha256"], now["RevisionId"]), (before["CodeSha256"], before["RevisionId"]), "nothing has changed")
    bad = re.compile(".*core WebAssembly module that cannot be run.*")
    empty = {"FunctionName": "plain", "ZipFile": b"\0asm\1\0\0\0"}
    for dry_run in (True, False):
        t.fails("InvalidParameterValueException", bad, "update_function_code", DryRun=dry_run, **empty)
    changed = t.client.update_function_code(FunctionName="plain", ZipFile=package, RevisionId=now["RevisionId"])
    t.equal((changed["CodeSha256"], changed["State"]), (digest(package), "Active"), "the new code")
    t.client.get_waiter("function_updated_v2").wait(FunctionName="plain")
    t.equal(t.client.invoke(FunctionName="plain")["Payload"].read(), b'{"count":1}', "the new code runs")


@step
def only_whole_functions(t):
    """versions and aliases are not updated"""
    for name in ("published:1", t.arn("published:1")):
        request = {"FunctionName": name}
        t.fails("InvalidParameterValueException", NOT_WHOLE, "update_function_code", ZipFile=t.guest("echo"), **request)
        t.fails("InvalidParameterValueException", NOT_WHOLE, "update_function_configuration", Timeout=4, **request)


@step
def deleted(t):
    """it is deleted, as a whole or a version at a time"""
    t.equal(t.client.delete_function(FunctionName="plain")["ResponseMetadata"]["HTTPStatusCode"], 204, "the status")
    gone = f"Function not found: {t.arn('plain')}"
    for operation in ("get_function", "get_function_configuration", "delete_function"):
        t.fails("ResourceNotFoundException", gone, operation, FunctionName="plain")
    t.client.create_alias(FunctionName="published", Name="live", FunctionVersion="1")
    delete = t.client.delete_function
    t.fails(
        "InvalidParameterValueException", "$LATEST version cannot be deleted without deleting the function.",
        delete, FunctionName="published", Qualifier="$LATEST",
    )
    t.fails("ResourceConflictException", re.compile(".*"), delete, FunctionName="published", Qualifier="1")
    t.fails(
        "InvalidParameterValueException", "Deletion of aliases is not currently supported.",
        delete, FunctionName="published:live",
    )
    delete(FunctionName="published", Qualifier="2")
    not_there = f"Function not found: {t.arn('published:2')}"
    t.fails("ResourceNotFoundException", not_there, "get_function", FunctionName="published", Qualifier="2")
    t.fails(
        "ResourceNotFoundException", f"Function not found: {t.arn('nobody')}", delete, FunctionName="nobody", Qualifier="7"
    )
    delete(FunctionName="published")
    t.function("published")
    t.equal(t.client.publish_version(FunctionName="published")["Version"], "1", "a new function of an old name")
