"""Writes the facts of an API that the server is driven by: host/src/http/model/lambda.txt, or scheduler.txt beside it.

    python tests/clients/model_table.py lambda > host/src/http/model/lambda.txt

They come from the service model of botocore, in a form of our own, one fact per line:

    error NAME STATUS KEY                        an exception, and the key its message is written under
    operation NAME METHOD URI STATUS             an operation, and the status of its success
    errors NAME...                               the exceptions of the operation above, without their common ending
    input                                        what follows are all members of its request
    member NAME required|optional PLACE WIRE SHAPE
                                                 a member of the operation or structure above, where a request has it
                                                 (path, query, header or body), and under which name
    shape NAME KIND [sensitive] [of SHAPE [SHAPE]] [min N] [max N] [enum VALUE,...] [pattern PATTERN]
                                                 a type; a pattern goes on to the end of its line
"""

import sys

import botocore.loaders

SERVICE = sys.argv[1]

# The operations whose requests are read. The others are known by name only.
READ = {"lambda": """
    CreateFunction GetFunction GetFunctionConfiguration UpdateFunctionCode UpdateFunctionConfiguration DeleteFunction
    ListFunctions PublishVersion ListVersionsByFunction
    CreateAlias GetAlias UpdateAlias DeleteAlias ListAliases
    ListTags TagResource UntagResource
    GetAccountSettings
    GetRuntimeManagementConfig PutRuntimeManagementConfig
    GetFunctionCodeSigningConfig
    GetFunctionRecursionConfig PutFunctionRecursionConfig
    PutFunctionConcurrency GetFunctionConcurrency DeleteFunctionConcurrency
    PutProvisionedConcurrencyConfig GetProvisionedConcurrencyConfig DeleteProvisionedConcurrencyConfig
    ListProvisionedConcurrencyConfigs
    PutFunctionEventInvokeConfig UpdateFunctionEventInvokeConfig GetFunctionEventInvokeConfig
    DeleteFunctionEventInvokeConfig ListFunctionEventInvokeConfigs
    CreateEventSourceMapping GetEventSourceMapping UpdateEventSourceMapping DeleteEventSourceMapping
    ListEventSourceMappings
    AddPermission RemovePermission GetPolicy GetResourcePolicy PutResourcePolicy DeleteResourcePolicy
""", "scheduler": """
    CreateSchedule GetSchedule UpdateSchedule DeleteSchedule ListSchedules
"""}[SERVICE].split()

# Members that are passed over like those that no model has: what targets are given that are not functions.
PASSED_OVER = {"lambda": "", "scheduler": """
    EcsParameters EventBridgeParameters EventBridgePutEventsV2Parameters EventBridgePutRawEventsParameters KinesisParameters
    SageMakerPipelineParameters SqsParameters
"""}[SERVICE].split()

# Shapes of what is refused in any case, whose patterns look around as not everybody who reads patterns can.
WITHOUT_PATTERN = ["CollectionName"]

PLACES = {"uri": "path", "querystring": "query", "header": "header", None: "body"}


def short(exception):
    return exception.removesuffix("Exception")


def parts_of(shape):
    """The names of the shapes that a shape is made of."""
    members = [member["shape"] for name, member in shape.get("members", {}).items() if name not in PASSED_OVER]
    return members + [shape[part]["shape"] for part in ("member", "key", "value") if part in shape]


def member_lines(shape):
    required = shape.get("required", [])
    for name, member in shape["members"].items():
        if name in PASSED_OVER:
            continue
        need = "required" if name in required else "optional"
        place = PLACES[member.get("location")]
        wire = member.get("locationName", name)
        yield f"member {name} {need} {place} {wire} {member['shape']}"


def shape_lines(name, shape):
    facts = [f"shape {name} {shape['type']}"]
    if shape.get("sensitive"):
        facts.append("sensitive")
    if shape["type"] in ("list", "map"):
        facts.append("of " + " ".join(parts_of(shape)))
    for bound in ("min", "max"):
        if bound in shape:
            facts.append(f"{bound} {shape[bound]}")
    if "enum" in shape:
        facts.append("enum " + ",".join(shape["enum"]))
    if "pattern" in shape and name not in WITHOUT_PATTERN:
        facts.append("pattern " + shape["pattern"])
    yield " ".join(facts)
    if shape["type"] == "structure":
        yield from member_lines(shape)


def operation_lines(operation, shapes):
    http = operation["http"]
    yield f"operation {operation['name']} {http['method']} {http['requestUri']} {http['responseCode']}"
    yield " ".join(["errors", *sorted(short(error["shape"]) for error in operation["errors"])])
    if operation["name"] in READ:
        yield "input"
        yield from member_lines(shapes[operation["input"]["shape"]])


def used_shapes(model):
    """The shapes below the members of all requests that are read, by name."""
    shapes = model["shapes"]
    inputs = [shapes[model["operations"][name]["input"]["shape"]] for name in READ]
    used, left = set(), [part for shape in inputs for part in parts_of(shape)]
    while left:
        name = left.pop()
        if name not in used:
            used.add(name)
            left.extend(parts_of(shapes[name]))
    return sorted(used)


def lines(model):
    shapes = model["shapes"]
    yield "# Made by tests/clients/model_table.py, which says what is what; a test holds one against the other."
    for name, shape in sorted(shapes.items()):
        if shape.get("exception"):
            status = shape["error"]["httpStatusCode"]
            key = next(member for member in shape["members"] if member.lower() == "message")
            yield f"error {short(name)} {status} {key}"
    for _, operation in sorted(model["operations"].items()):
        yield from operation_lines(operation, shapes)
    for name in used_shapes(model):
        yield from shape_lines(name, shapes[name])


for line in lines(botocore.loaders.create_loader().load_service_model(SERVICE, "service-2")):
    print(line)
