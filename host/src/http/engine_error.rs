//! Which error of the engine becomes which of the API: every one is matched here, exhaustively.

use crate::function::{
    ConfigurationError, DeadLetterError, DestinationError, EventInvokeRangeError, LoggingError, PolicyError,
    RoutingError, TagError, VpcError,
};
use crate::{
    AliasError, ChangeError, CodeError, CodeStorageExceeded, CreateFunctionError, DeleteFunctionError,
    EventInvokeError, FunctionNotFound, FunctionPending, InvokeAsyncError, InvokeError, MappingError,
    PackageError, ProvisionedError, PublishVersionError, ReserveError, ResourcePolicyError, RevisionMismatch,
    SettingError, StoreError, ThrottleReason, TooManyVersions, UpdateFunctionError, UpdateInProgress,
};

use super::wire_error::{Exception, Member, WireError, sentence};

impl From<InvokeError> for WireError {
    fn from(error: InvokeError) -> Self {
        match error {
            InvokeError::NotFound { arn } => FunctionNotFound { arn }.into(),
            InvokeError::PayloadTooLarge { limit, .. } => Self::payload_too_large(limit),
            InvokeError::PayloadNotJson { .. } | InvokeError::BadContext { .. } => {
                Self::request_content(sentence(&error))
            }
            InvokeError::Throttled(throttled) => Self::new(
                Exception::TooManyRequests(throttled.reason),
                format!("Rate Exceeded: {throttled}."),
            ),
            InvokeError::NoInstanceLeft { .. } => {
                let exception = Exception::TooManyRequests(ThrottleReason::Concurrency);
                Self::new(exception, format!("Rate Exceeded: {error}"))
            }
            InvokeError::OutOfResources { .. } => Self::new(Exception::Unavailable, sentence(&error)),
            InvokeError::NotActive { .. } => Self::new(Exception::ResourceConflict, sentence(&error)),
            InvokeError::NotReady { .. } => Self::new(Exception::ResourceNotReady, sentence(&error)),
            InvokeError::Closing => Self::closing(),
        }
    }
}

impl From<InvokeAsyncError> for WireError {
    fn from(error: InvokeAsyncError) -> Self {
        match error {
            InvokeAsyncError::NotFound(error) => error.into(),
            InvokeAsyncError::PayloadTooLarge { .. } => {
                Self::new(Exception::RequestTooLarge, error.to_string())
            }
            InvokeAsyncError::Request(error) => error.into(),
            InvokeAsyncError::Closing => Self::closing(),
            InvokeAsyncError::QueueFull => {
                Self::new(Exception::CallerRateLimit, format!("Rate Exceeded: {error}"))
            }
            InvokeAsyncError::NotKept { .. } => Self::new(Exception::Unavailable, sentence(&error)),
        }
    }
}

impl From<FunctionNotFound> for WireError {
    fn from(FunctionNotFound { arn }: FunctionNotFound) -> Self {
        Self::new(Exception::ResourceNotFound, format!("Function not found: {arn}"))
    }
}

impl From<RevisionMismatch> for WireError {
    fn from(RevisionMismatch: RevisionMismatch) -> Self {
        let text = "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to \
                    retrieve the latest Revision Id";
        Self::new(Exception::PreconditionFailed, text)
    }
}

impl From<ConfigurationError> for WireError {
    fn from(error: ConfigurationError) -> Self {
        let range = |member, value: u32, minimum: u32, maximum: u32| {
            let (bound, limit) = if value < minimum { ("greater", minimum) } else { ("less", maximum) };
            let constraint = format!("Member must have value {bound} than or equal to {limit}");
            Self::constraint(Member(member), &value.to_string(), &constraint)
        };
        match error {
            ConfigurationError::MemorySize { megabytes } => range("memorySize", megabytes, 128, 10_240),
            ConfigurationError::EphemeralStorage { megabytes } => {
                range("ephemeralStorage.size", megabytes, 512, 10_240)
            }
            ConfigurationError::Timeout { seconds } => range("timeout", seconds, 1, 900),
            ConfigurationError::Description { chars } => Self::constraint(
                Member("description"),
                &format!("of {chars} characters"),
                "Member must have length less than or equal to 256",
            ),
            ConfigurationError::EnvironmentKey { key } => Self::constraint(
                Member("environment.variables"),
                &key,
                "Map keys must satisfy constraint: [Member must satisfy regular expression pattern: \
                 [a-zA-Z]([a-zA-Z0-9_])+]",
            ),
            ConfigurationError::PermitWait { .. }
            | ConfigurationError::EnvironmentReserved { .. }
            | ConfigurationError::EnvironmentValue { .. }
            | ConfigurationError::EnvironmentSize { .. } => Self::parameter(sentence(&error)),
        }
    }
}

impl From<DeadLetterError> for WireError {
    fn from(error: DeadLetterError) -> Self {
        Self::parameter(sentence(&error))
    }
}

impl From<DestinationError> for WireError {
    fn from(error: DestinationError) -> Self {
        Self::parameter(sentence(&error))
    }
}

impl From<LoggingError> for WireError {
    fn from(error: LoggingError) -> Self {
        Self::parameter(sentence(&error))
    }
}

impl From<VpcError> for WireError {
    fn from(error: VpcError) -> Self {
        Self::parameter(sentence(&error))
    }
}

impl From<TagError> for WireError {
    fn from(error: TagError) -> Self {
        Self::parameter(sentence(&error))
    }
}

impl From<MappingError> for WireError {
    fn from(error: MappingError) -> Self {
        match error {
            MappingError::NotFound => Self::new(Exception::ResourceNotFound, error.to_string()),
            MappingError::Exists { .. } => Self::new(Exception::ResourceConflict, error.to_string()),
            MappingError::InUse { .. } => Self::new(Exception::ResourceInUse, error.to_string()),
            MappingError::TooMany { .. } => Self::parameter(sentence(&error)),
            MappingError::NoFunction
            | MappingError::Queue { .. }
            | MappingError::Visibility { .. }
            | MappingError::Settings(_) => Self::parameter(error.to_string()),
            MappingError::Tags(error) => error.into(),
            MappingError::Change(error) => error.into(),
        }
    }
}

impl From<FunctionPending> for WireError {
    fn from(error: FunctionPending) -> Self {
        Self::new(Exception::ResourceConflict, sentence(&error))
    }
}

impl From<UpdateInProgress> for WireError {
    fn from(error: UpdateInProgress) -> Self {
        Self::new(Exception::ResourceConflict, sentence(&error))
    }
}

impl From<CodeStorageExceeded> for WireError {
    fn from(CodeStorageExceeded { .. }: CodeStorageExceeded) -> Self {
        Self::new(Exception::CodeStorageExceeded, "Code storage limit exceeded.")
    }
}

impl From<TooManyVersions> for WireError {
    fn from(error: TooManyVersions) -> Self {
        Self::new(Exception::CodeStorageExceeded, sentence(&error))
    }
}

impl From<ChangeError> for WireError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Closing => Self::closing(),
            ChangeError::Store(error) => error.into(),
        }
    }
}

impl From<StoreError> for WireError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict => Self::new(Exception::ResourceConflict, sentence(&error)),
            StoreError::Closed => Self::closing(),
            StoreError::Busy => Self::new(Exception::CallerRateLimit, format!("Rate Exceeded: {error}")),
            StoreError::Full => Self::new(Exception::Unavailable, sentence(&error)),
            StoreError::Damaged { .. } | StoreError::Newer { .. } | StoreError::Failed { .. } => {
                Self::internal(&error)
            }
        }
    }
}

impl From<CodeError> for WireError {
    fn from(error: CodeError) -> Self {
        match error {
            CodeError::TooLarge { limit, .. } => Self::new(
                Exception::RequestEntityTooLarge,
                format!("Zipped size must be smaller than {limit} bytes"),
            ),
            CodeError::Package(PackageError::Unzipped { limit, .. }) => {
                Self::parameter(format!("Unzipped size must be smaller than {limit} bytes"))
            }
            CodeError::Package(
                error @ (PackageError::NoComponent { .. } | PackageError::WhichComponent { .. }),
            ) => Self::parameter(sentence(&error)),
            CodeError::Package(error) => {
                Self::parameter(format!("Could not unzip uploaded file. Please check your file: {error}"))
            }
            CodeError::Assets(error) => {
                Self::parameter(format!("Could not unzip uploaded file. Please check your file: {error}"))
            }
            CodeError::Refused { reason } => Self::parameter(reason),
            CodeError::Program(error) => Self::parameter(format!("The code cannot be run: {error}")),
            CodeError::CompileTime { .. }
            | CodeError::CompileMemory { .. }
            | CodeError::ArtifactTooLarge { .. }
            | CodeError::Compiler { .. } => Self::parameter(format!("The code cannot be compiled: {error}")),
            CodeError::Busy { .. } => {
                Self::new(Exception::CallerRateLimit, format!("Rate Exceeded: {error}"))
            }
            CodeError::OutOfResources { .. } => Self::new(Exception::Unavailable, sentence(&error)),
            CodeError::Worker { .. } => Self::internal(&error),
            CodeError::Io(error) => Self::internal(&error),
            CodeError::Closing => Self::closing(),
        }
    }
}

impl From<CreateFunctionError> for WireError {
    fn from(error: CreateFunctionError) -> Self {
        match error {
            CreateFunctionError::Exists { name } => {
                Self::new(Exception::ResourceConflict, format!("Function already exist: {name}"))
            }
            CreateFunctionError::Reference(_) => Self::parameter(sentence(&error)),
            CreateFunctionError::Configuration(error) => error.into(),
            CreateFunctionError::Code(error) => error.into(),
            CreateFunctionError::Tags(error) => error.into(),
            CreateFunctionError::CodeStorage(error) => error.into(),
            CreateFunctionError::Change(error) => error.into(),
        }
    }
}

impl From<UpdateFunctionError> for WireError {
    fn from(error: UpdateFunctionError) -> Self {
        match error {
            UpdateFunctionError::NotFound(error) => error.into(),
            UpdateFunctionError::Revision(error) => error.into(),
            UpdateFunctionError::Pending(error) => error.into(),
            UpdateFunctionError::InProgress(error) => error.into(),
            UpdateFunctionError::Configuration(error) => error.into(),
            UpdateFunctionError::Code(error) => error.into(),
            UpdateFunctionError::CodeStorage(error) => error.into(),
            UpdateFunctionError::Versions(error) => error.into(),
            UpdateFunctionError::Change(error) => error.into(),
        }
    }
}

impl From<DeleteFunctionError> for WireError {
    fn from(error: DeleteFunctionError) -> Self {
        match error {
            DeleteFunctionError::NotFound(error) => error.into(),
            DeleteFunctionError::Latest => Self::parameter(sentence(&error)),
            DeleteFunctionError::Alias { .. } => {
                Self::parameter("Deletion of aliases is not currently supported.")
            }
            DeleteFunctionError::Referenced { .. } => {
                Self::new(Exception::ResourceConflict, sentence(&error))
            }
            DeleteFunctionError::Change(error) => error.into(),
        }
    }
}

impl From<SettingError> for WireError {
    fn from(error: SettingError) -> Self {
        match error {
            SettingError::NotFound(error) => error.into(),
            SettingError::Tags(error) => error.into(),
            SettingError::Change(error) => error.into(),
        }
    }
}

impl From<ResourcePolicyError> for WireError {
    fn from(error: ResourcePolicyError) -> Self {
        match error {
            ResourcePolicyError::NotFound(error) => error.into(),
            ResourcePolicyError::Alias(error) => error.into(),
            ResourcePolicyError::Latest => Self::parameter(sentence(&error)),
            ResourcePolicyError::TooMany { .. } => {
                Self::new(Exception::PolicyLengthExceeded, sentence(&error))
            }
            ResourcePolicyError::NoPolicy => Self::new(Exception::ResourceNotFound, sentence(&error)),
            ResourcePolicyError::Revision(RevisionMismatch) => {
                let text = "The Revision Id provided does not match the latest Revision Id. Call the GetPolicy API to \
                            retrieve the latest Revision Id";
                Self::new(Exception::PreconditionFailed, text)
            }
            ResourcePolicyError::Policy(error) => error.into(),
            ResourcePolicyError::Change(error) => error.into(),
        }
    }
}

impl From<PolicyError> for WireError {
    fn from(error: PolicyError) -> Self {
        let exception = match error {
            PolicyError::TooLong { .. } => Exception::PolicyLengthExceeded,
            PolicyError::StatementExists { .. } => Exception::ResourceConflict,
            PolicyError::StatementNotFound { .. } => Exception::ResourceNotFound,
            PolicyError::Malformed { .. } | PolicyError::Principal => Exception::InvalidParameterValue,
        };
        Self::new(exception, sentence(&error))
    }
}

impl From<PublishVersionError> for WireError {
    fn from(error: PublishVersionError) -> Self {
        match error {
            PublishVersionError::NotFound(error) => error.into(),
            PublishVersionError::Revision(error) => error.into(),
            PublishVersionError::Pending(error) => error.into(),
            PublishVersionError::Configuration(error) => error.into(),
            PublishVersionError::CodeDiffers { .. } => Self::parameter(error.to_string()),
            PublishVersionError::InProgress(error) => error.into(),
            PublishVersionError::CodeStorage(error) => error.into(),
            PublishVersionError::Versions(error) => error.into(),
            PublishVersionError::Change(error) => error.into(),
        }
    }
}

impl From<AliasError> for WireError {
    fn from(error: AliasError) -> Self {
        match error {
            AliasError::NotFound(error) => error.into(),
            AliasError::AliasNotFound { .. } => Self::new(Exception::ResourceNotFound, sentence(&error)),
            AliasError::TooMany { .. } => Self::new(Exception::AliasLimitExceeded, sentence(&error)),
            AliasError::Exists { .. } => Self::new(Exception::ResourceConflict, sentence(&error)),
            AliasError::Revision(error) => error.into(),
            AliasError::Routing(error) => error.into(),
            AliasError::Pending(error) => error.into(),
            AliasError::NotReady { .. }
            | AliasError::NothingBefore { .. }
            | AliasError::VersionProvisioned { .. } => {
                Self::new(Exception::ResourceConflict, sentence(&error))
            }
            AliasError::Unpublished => Self::parameter(sentence(&error)),
            AliasError::Change(error) => error.into(),
            AliasError::Configuration(error) => error.into(),
        }
    }
}

impl From<ReserveError> for WireError {
    fn from(error: ReserveError) -> Self {
        match error {
            ReserveError::NotFound(error) => error.into(),
            ReserveError::Unreserved { .. } => Self::parameter(sentence(&error)),
            ReserveError::Provisioned { .. } => Self::parameter(error.to_string()),
            ReserveError::Change(error) => error.into(),
        }
    }
}

impl From<ProvisionedError> for WireError {
    fn from(error: ProvisionedError) -> Self {
        match error {
            ProvisionedError::NotFound(error) => error.into(),
            ProvisionedError::Alias(error) => error.into(),
            ProvisionedError::Pending(error) => error.into(),
            ProvisionedError::NotConfigured => {
                Self::new(Exception::ProvisionedConcurrencyConfigNotFound, sentence(&error))
            }
            ProvisionedError::VersionProvisioned | ProvisionedError::AliasProvisioned => {
                Self::new(Exception::ResourceConflict, sentence(&error))
            }
            ProvisionedError::Reserved
            | ProvisionedError::Unpublished
            | ProvisionedError::Qualifier
            | ProvisionedError::Nothing
            | ProvisionedError::Account { .. }
            | ProvisionedError::Unreserved { .. } => Self::parameter(sentence(&error)),
            ProvisionedError::Change(error) => error.into(),
        }
    }
}

impl From<EventInvokeError> for WireError {
    fn from(error: EventInvokeError) -> Self {
        match error {
            EventInvokeError::NotFound | EventInvokeError::NotConfigured { .. } => {
                Self::new(Exception::ResourceNotFound, sentence(&error))
            }
            EventInvokeError::Range(error) => error.into(),
            EventInvokeError::Nothing
            | EventInvokeError::Itself
            | EventInvokeError::NoDestination { .. }
            | EventInvokeError::TooMany { .. } => Self::parameter(sentence(&error)),
            EventInvokeError::Change(error) => error.into(),
        }
    }
}

impl From<EventInvokeRangeError> for WireError {
    fn from(error: EventInvokeRangeError) -> Self {
        let (member, value, bound) = match error {
            EventInvokeRangeError::RetryAttempts { attempts } => {
                ("maximumRetryAttempts", u32::from(attempts), "less than or equal to 2")
            }
            EventInvokeRangeError::EventAge { seconds } if seconds < 60 => {
                ("maximumEventAgeInSeconds", seconds, "greater than or equal to 60")
            }
            EventInvokeRangeError::EventAge { seconds } => {
                ("maximumEventAgeInSeconds", seconds, "less than or equal to 21600")
            }
        };
        Self::constraint(Member(member), &value.to_string(), &format!("Member must have value {bound}"))
    }
}

impl From<RoutingError> for WireError {
    fn from(error: RoutingError) -> Self {
        match error {
            RoutingError::Weight { weight } => {
                let constraint = "Map value must satisfy constraint: [Member must have value less than or equal to 1.0, \
                                  Member must have value greater than or equal to 0.0, Member must not be null]";
                let member = Member("routingConfig.additionalVersionWeights");
                Self::constraint(member, &weight.to_string(), constraint)
            }
            RoutingError::SameVersion { version } => Self::parameter(format!(
                "Invalid function version {version}. Function version {version} is already included in routing configuration."
            )),
            RoutingError::Latest => Self::parameter(sentence(&error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse as _;
    use serde_json::json;

    use super::*;
    use crate::Throttled;
    use crate::http::wire_error::tests::written;

    #[tokio::test]
    async fn the_key_of_the_message_is_the_modelled_one() {
        let arn = "arn:aws:lambda:us-east-1:000000000000:function:f".to_owned();
        let body = json!({ "Type": "User", "Message": format!("Function not found: {arn}") });
        assert_eq!(
            written(FunctionNotFound { arn }).await,
            (404, "ResourceNotFoundException".to_owned(), body)
        );

        let name = crate::function::FunctionName::parse("f").expect("a name");
        let body = json!({ "Type": "User", "message": "Function already exist: f" });
        let written = written(CreateFunctionError::Exists { name }).await;
        assert_eq!(written, (409, "ResourceConflictException".to_owned(), body));
    }

    #[tokio::test]
    async fn a_throttled_client_learns_why_and_when_to_come_again() {
        let throttled = Throttled::new(ThrottleReason::ReservedConcurrency, 1, 1);
        let error = WireError::from(InvokeError::Throttled(throttled));
        assert_eq!(error.name(), "TooManyRequestsException");
        let response = error.into_response();
        assert_eq!(response.headers()["retry-after"], "1");
        let (status, _, body) = written(InvokeError::Throttled(throttled)).await;
        let text = "Rate Exceeded: 1 invocations of the function are running; 1 are reserved for it.";
        let reason = "ReservedFunctionConcurrentInvocationLimitExceeded";
        let expected = json!({ "Type": "User", "message": text, "Reason": reason });
        assert_eq!((status, body), (429, expected));
    }

    #[tokio::test]
    async fn changes_are_throttled_for_another_reason_than_invocations() {
        for error in [StoreError::Busy.into(), WireError::no_room_for_body(7)] {
            let (status, kind, body) = written(error).await;
            assert_eq!((status, kind.as_str()), (429, "TooManyRequestsException"));
            assert_eq!(body["Reason"], "CallerRateLimitExceeded");
        }
    }

    #[tokio::test]
    async fn a_value_outside_the_model_is_a_validation_error_without_a_type() {
        let (status, kind, body) = written(ConfigurationError::MemorySize { megabytes: 64 }).await;
        let text = "1 validation error detected: Value '64' at 'memorySize' failed to satisfy constraint: Member must \
                    have value greater than or equal to 128";
        assert_eq!((status, kind.as_str(), body), (400, "ValidationException", json!({ "message": text })));
    }
}
