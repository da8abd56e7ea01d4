//! What an account may have, and has.

use serde::Serialize;

use super::api::Answer;
use super::call::Call;

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct AccountSettings {
    account_limit: AccountLimit,
    account_usage: AccountUsage,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct AccountLimit {
    total_code_size: u64,
    code_size_unzipped: u64,
    code_size_zipped: u64,
    concurrent_executions: usize,
    unreserved_concurrent_executions: usize,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct AccountUsage {
    total_code_size: u64,
    function_count: u64,
}

pub(super) async fn settings(call: Call<'_>) -> Answer {
    let limits = call.host().limits();
    let usage = call.host().account_usage(call.region());
    call.answer(&AccountSettings {
        account_limit: AccountLimit {
            total_code_size: usage.code_bytes_max,
            code_size_unzipped: limits.unzipped_bytes,
            code_size_zipped: limits.package_bytes as u64,
            concurrent_executions: usage.concurrency_max,
            unreserved_concurrent_executions: usage.unreserved_concurrency,
        },
        account_usage: AccountUsage { total_code_size: usage.code_bytes, function_count: usage.functions },
    })
}
