//! Who asks for a change, for the record.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use super::Host;
use crate::store::AuditEntry;

/// What a change is noted with when nobody said who makes it: the program that the host is part of.
const LOCAL_PRINCIPAL: &str = "local";
/// What the host's own changes are noted with.
const OWN_PRINCIPAL: &str = "samovar";
/// The most characters that are noted of what a caller says of itself.
const CALLER_CHARS_MAX: usize = 256;

/// Who asks for changes; see [`Host::acting_as`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Caller {
    /// Who: the name or key that they give; whether it is theirs is not checked here.
    pub principal: String,
    /// The address that they ask from; empty if they are in this process.
    pub source_address: String,
    /// The id of their request.
    pub request_id: String,
}

/// One line of the record of changes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuditLine {
    /// Milliseconds since 1970.
    pub time_ms: u64,
    /// Who asked.
    pub caller: Caller,
    /// For what, in the API's words: `UpdateAlias`.
    pub action: String,
    /// The ARN of what it was about.
    pub resource: String,
    /// `Success`, or the name of the error.
    pub result: String,
}

impl Host {
    /// The same host, whose changes are noted as asked for by this caller.
    #[must_use]
    pub fn acting_as(&self, caller: Caller) -> Self {
        Self { parts: self.parts.clone(), caller: Some(Arc::new(caller)) }
    }

    /// Notes in the record of changes that one was asked for and refused, with the name of the error. It is noted in the
    /// background, and not at all when there is too much to note.
    pub fn note_refusal(&self, action: &str, resource: &str, error: &str) {
        self.parts.registry.note(AuditEntry { result: error.to_owned(), ..self.audit(action, resource) });
    }

    /// The record of changes: the latest lines, the newest first.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn audit_log(&self, lines: usize) -> Result<Vec<AuditLine>, crate::StoreError> {
        let entries = self.parts.registry.audit(lines).await?;
        let line = |entry: AuditEntry| AuditLine {
            time_ms: entry.time_ms,
            caller: Caller {
                principal: entry.principal,
                source_address: entry.source_address,
                request_id: entry.request_id,
            },
            action: entry.action,
            resource: entry.resource,
            result: entry.result,
        };
        Ok(entries.into_iter().map(line).collect())
    }

    /// The line about a change that the caller asks for.
    pub(super) fn audit(&self, action: &str, resource: &str) -> AuditEntry {
        let caller = self.caller.as_deref().cloned().unwrap_or_else(|| Caller {
            principal: LOCAL_PRINCIPAL.to_owned(),
            source_address: String::new(),
            request_id: uuid::Uuid::new_v4().to_string(),
        });
        entry(caller, action, resource)
    }

    /// The line about a change that the host makes by itself.
    pub(super) fn own_audit(action: &str, resource: &str) -> AuditEntry {
        let caller = Caller { principal: OWN_PRINCIPAL.to_owned(), ..Caller::default() };
        entry(caller, action, resource)
    }

    /// Who asks, as the history of an alias has it.
    pub(super) fn principal(&self) -> String {
        let principal = self.caller.as_deref().map_or(LOCAL_PRINCIPAL, |caller| &caller.principal);
        principal.chars().take(CALLER_CHARS_MAX).collect()
    }
}

fn entry(caller: Caller, action: &str, resource: &str) -> AuditEntry {
    let shortened = |text: String| text.chars().take(CALLER_CHARS_MAX).collect();
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    AuditEntry {
        time_ms: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
        principal: shortened(caller.principal),
        action: action.to_owned(),
        resource: resource.to_owned(),
        source_address: shortened(caller.source_address),
        request_id: shortened(caller.request_id),
        result: "Success".to_owned(),
    }
}
