"""What is known beyond the model: where AWS itself differs from it, where Samovar does, and what AWS always answers."""

# ---- Where AWS differs from its own model.

# The model has 200 with a StatusCode since 2025; AWS goes on to answer 204.
STATUS = {"DeleteFunction": {204}, "Invoke": {200, 202, 204}}

# Without a configuration AWS answers {}, although the model requires both members.
MAY_LACK = {"GetFunctionCodeSigningConfig": {"CodeSigningConfigArn", "FunctionName"}}

# Values that AWS has been seen to answer although the enum of their shape lacks them.
BEYOND = {"LastUpdateStatusReasonCode": {"Creating"}}

# Errors that no operation has in the model, with their status and members.
UNMODELLED = {
    "ValidationException": (400, {"message"}),
    "RequestEntityTooLargeException": (413, {"message", "Type"}),
    "SerializationException": (400, {"message", "Type"}),
    "AccessDeniedException": (403, {"Message"}),
}

# ---- Where Samovar differs from Lambda.

# What is not implemented is a ServiceException that clients do not retry, as they would one with status 500.
OTHER_STATUS = {("ServiceException", 501)}

# ---- What AWS always answers, though the model requires it of nobody.

ALWAYS = {
    "FunctionConfiguration": set(
        "Architectures CodeSha256 CodeSize Description EphemeralStorage FunctionArn FunctionName Handler LastModified "
        "LoggingConfig MemorySize PackageType RevisionId Role Runtime SnapStart Timeout TracingConfig Version".split()
    ),
    "AliasConfiguration": {"AliasArn", "Description", "FunctionVersion", "Name", "RevisionId"},
    "AccountLimit": {
        "CodeSizeUnzipped", "CodeSizeZipped", "ConcurrentExecutions", "TotalCodeSize", "UnreservedConcurrentExecutions",
    },
    "AccountUsage": {"FunctionCount", "TotalCodeSize"},
    "EnvironmentResponse": {"Variables"},
    "EphemeralStorage": {"Size"},
    "FunctionEventInvokeConfig": {"DestinationConfig", "FunctionArn", "LastModified"},
    "FunctionCodeLocation": {"Location", "RepositoryType"},
    "GetAccountSettingsResponse": {"AccountLimit", "AccountUsage"},
    "GetFunctionRecursionConfigResponse": {"RecursiveLoop"},
    "GetFunctionResponse": {"Code", "Configuration"},
    "GetPolicyResponse": {"Policy", "RevisionId"},
    "GetResourcePolicyResponse": {"Policy", "RevisionId"},
    "PutResourcePolicyResponse": {"Policy", "RevisionId"},
    "AddPermissionResponse": {"Statement"},
    "GetRuntimeManagementConfigResponse": {"FunctionArn", "UpdateRuntimeOn"},
    "ListAliasesResponse": {"Aliases"},
    "ListFunctionEventInvokeConfigsResponse": {"FunctionEventInvokeConfigs"},
    "ListFunctionsResponse": {"Functions"},
    "ListTagsResponse": {"Tags"},
    "ListVersionsByFunctionResponse": {"Versions"},
    "LoggingConfig": {"LogFormat", "LogGroup"},
    "PutFunctionRecursionConfigResponse": {"RecursiveLoop"},
    "RuntimeVersionConfig": {"RuntimeVersionArn"},
    "SnapStartResponse": {"ApplyOn", "OptimizationStatus"},
    "TracingConfigResponse": {"Mode"},
}

# The form of strings that the model leaves open, by the name of the member.
UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
FORMATS = {
    "CodeSha256": "[A-Za-z0-9+/]{43}=",
    "LastModified": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000",
    "NextMarker": ".+",
    "RevisionId": UUID,
}
