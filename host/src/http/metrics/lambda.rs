//! Metrics that Lambda has too. Each says under which name CloudWatch has it.

use super::Scrape;
use super::definition::MetricDefinition;
use super::definition::MetricKind::{Counter, Gauge, Histogram};
use super::samples::Samples;
use crate::{
    EventMetrics, FunctionConcurrency, MappingMetrics, ProvisionedConcurrencyFigures, ResourceMetrics,
};

/// The labels of what is counted of each resource.
const RESOURCE: &[&str] = &["function_name", "region", "resource", "executed_version"];
/// The labels of what is measured of each function.
const FUNCTION: &[&str] = &["function_name", "region"];
/// The labels of what is measured of each version or alias with provisioned concurrency.
const PROVISIONED: &[&str] = &["function_name", "region", "resource"];

/// The labels of what is counted of each event source mapping.
const MAPPING: &[&str] = &["event_source_mapping_uuid", "function_arn", "queue_arn"];

/// Lambda's metrics.
pub(super) const DEFINITIONS: &[MetricDefinition] = &[
    MetricDefinition {
        name: "samovar_lambda_invocations_total",
        kind: Counter,
        labels: RESOURCE,
        help: "Invocations that ended, with an answer or a function error (CloudWatch: Invocations).",
        samples: |scrape, samples| {
            resources(scrape, |labels, resource| samples.count(&labels, resource.invocations()));
        },
    },
    MetricDefinition {
        name: "samovar_lambda_errors_total",
        kind: Counter,
        labels: &["function_name", "region", "resource", "executed_version", "error_type"],
        help: "Invocations that ended with a function error (CloudWatch: Errors), by its type in Lambda's names; Unhandled are \
               the function's own.",
        samples: |scrape, samples| {
            resources(scrape, |[name, region, resource, version], metrics| {
                for (error_type, count) in &metrics.errors {
                    samples.count(&[name, region, resource, version, error_type.name()], *count);
                }
            });
        },
    },
    MetricDefinition {
        name: "samovar_lambda_throttles_total",
        kind: Counter,
        labels: &["function_name", "region", "resource", "executed_version", "reason"],
        help: "Requests that were answered with 429 and not run (CloudWatch: Throttles), by the Reason in the answer; \
               InstanceLimitExceeded and ScalingRateLimitExceeded are Samovar's own, and ConcurrentInvocationLimitExceeded there.",
        samples: |scrape, samples| {
            resources(scrape, |[name, region, resource, version], metrics| {
                for (reason, count) in &metrics.throttles {
                    samples.count(&[name, region, resource, version, reason.name()], *count);
                }
            });
        },
    },
    MetricDefinition {
        name: "samovar_lambda_duration_seconds",
        kind: Histogram,
        labels: RESOURCE,
        help: "How long handlers ran, without init (CloudWatch: Duration).",
        samples: |scrape, samples| {
            resources(scrape, |labels, resource| samples.durations(&labels, &resource.durations));
        },
    },
    MetricDefinition {
        name: "samovar_lambda_init_duration_seconds",
        kind: Histogram,
        labels: RESOURCE,
        help: "How long instances took to come up; its count is the number of cold starts (CloudWatch: InitDuration).",
        samples: |scrape, samples| {
            resources(scrape, |labels, resource| {
                // Many resources only ever run on instances that came up for another.
                if resource.init_durations.count > 0 {
                    samples.durations(&labels, &resource.init_durations);
                }
            });
        },
    },
    MetricDefinition {
        name: "samovar_lambda_billed_byte_seconds_total",
        kind: Counter,
        labels: RESOURCE,
        help: "Memory size times billed duration; divided by 2^30 it is Lambda's GB-seconds (CloudWatch Logs: Billed Duration).",
        samples: |scrape, samples| {
            let byte_seconds = |mib_ms: u64| mib_ms as f64 * f64::from(1 << 20) / 1e3;
            resources(scrape, |labels, resource| samples.add(&labels, byte_seconds(resource.billed_mib_ms)));
        },
    },
    MetricDefinition {
        name: "samovar_lambda_max_memory_used_bytes",
        kind: Gauge,
        labels: RESOURCE,
        help: "The most memory that one instance has had since the host was started (CloudWatch Logs: Max Memory Used).",
        samples: |scrape, samples| {
            resources(scrape, |labels, resource| samples.count(&labels, resource.max_memory_used_bytes));
        },
    },
    MetricDefinition {
        name: "samovar_lambda_concurrent_executions",
        kind: Gauge,
        labels: FUNCTION,
        help: "Invocations of a function that are running (CloudWatch: ConcurrentExecutions).",
        samples: |scrape, samples| {
            functions(scrape, |labels, function| samples.count(&labels, function.running as u64));
        },
    },
    MetricDefinition {
        name: "samovar_lambda_unreserved_concurrent_executions",
        kind: Gauge,
        labels: &[],
        help: "Running invocations of functions without reserved concurrency (CloudWatch: UnreservedConcurrentExecutions).",
        samples: |scrape, samples| one(samples, scrape.host.concurrency.unreserved_running),
    },
    MetricDefinition {
        name: "samovar_lambda_claimed_account_concurrency",
        kind: Gauge,
        labels: &[],
        help: "Concurrency that functions without reserved concurrency cannot have: what is reserved or provisioned, and what \
               runs of all others (CloudWatch: ClaimedAccountConcurrency).",
        samples: |scrape, samples| one(samples, scrape.host.concurrency.claimed()),
    },
    MetricDefinition {
        name: "samovar_lambda_concurrent_executions_limit",
        kind: Gauge,
        labels: &[],
        help: "How many invocations may run at a time (GetAccountSettings: ConcurrentExecutions).",
        samples: |scrape, samples| one(samples, Some(scrape.host.concurrency.account_limit)),
    },
    MetricDefinition {
        name: "samovar_lambda_unreserved_concurrent_executions_limit",
        kind: Gauge,
        labels: &[],
        help: "How many of them functions without reserved concurrency may have (GetAccountSettings: \
               UnreservedConcurrentExecutions).",
        samples: |scrape, samples| one(samples, scrape.host.concurrency.unreserved_limit),
    },
    MetricDefinition {
        name: "samovar_lambda_reserved_concurrent_executions",
        kind: Gauge,
        labels: FUNCTION,
        help: "Concurrency that a function has reserved, and may not exceed (GetFunctionConcurrency: \
               ReservedConcurrentExecutions).",
        samples: |scrape, samples| {
            functions(scrape, |labels, function| {
                function.reserved.iter().for_each(|&reserved| samples.count(&labels, reserved as u64));
            });
        },
    },
    MetricDefinition {
        name: "samovar_lambda_provisioned_concurrent_executions",
        kind: Gauge,
        labels: PROVISIONED,
        help: "Running invocations on provisioned instances (CloudWatch: ProvisionedConcurrentExecutions).",
        samples: |scrape, samples| {
            provisioned(scrape, |labels, figures| samples.count(&labels, figures.in_use as u64));
        },
    },
    MetricDefinition {
        name: "samovar_lambda_provisioned_concurrency_allocated",
        kind: Gauge,
        labels: PROVISIONED,
        help: "Provisioned instances that have come up (GetProvisionedConcurrencyConfig: \
               AllocatedProvisionedConcurrentExecutions).",
        samples: |scrape, samples| {
            provisioned(scrape, |labels, figures| samples.count(&labels, figures.allocated as u64));
        },
    },
    MetricDefinition {
        name: "samovar_lambda_provisioned_concurrency_available",
        kind: Gauge,
        labels: PROVISIONED,
        help: "Provisioned instances that wait for an invocation.",
        samples: |scrape, samples| {
            provisioned(scrape, |labels, figures| samples.count(&labels, figures.available as u64));
        },
    },
    MetricDefinition {
        name: "samovar_lambda_provisioned_concurrency_utilization_ratio",
        kind: Gauge,
        labels: PROVISIONED,
        help: "How much of the provisioned instances is in use, from 0 to 1 (CloudWatch: ProvisionedConcurrencyUtilization).",
        samples: |scrape, samples| {
            let ratio = |figures: &ProvisionedConcurrencyFigures| {
                figures.in_use as f64 / figures.allocated.max(1) as f64
            };
            provisioned(scrape, |labels, figures| samples.add(&labels, ratio(figures)));
        },
    },
    MetricDefinition {
        name: "samovar_lambda_provisioned_concurrency_invocations_total",
        kind: Counter,
        labels: PROVISIONED,
        help: "Invocations on provisioned instances (CloudWatch: ProvisionedConcurrencyInvocations).",
        samples: |scrape, samples| {
            provisioned(scrape, |labels, figures| samples.count(&labels, figures.invocations));
        },
    },
    MetricDefinition {
        name: "samovar_lambda_provisioned_concurrency_spillover_invocations_total",
        kind: Counter,
        labels: PROVISIONED,
        help: "Invocations on other instances because no provisioned one was free (CloudWatch: \
               ProvisionedConcurrencySpilloverInvocations).",
        samples: |scrape, samples| {
            provisioned(scrape, |labels, figures| samples.count(&labels, figures.spillover_invocations));
        },
    },
    MetricDefinition {
        name: "samovar_lambda_async_events_received_total",
        kind: Counter,
        labels: FUNCTION,
        help: "Events that were accepted for a function, to be run later (CloudWatch: AsyncEventsReceived).",
        samples: |scrape, samples| {
            events(scrape, |labels, events| samples.count(&labels, events.received));
        },
    },
    MetricDefinition {
        name: "samovar_lambda_async_event_age_seconds",
        kind: Histogram,
        labels: FUNCTION,
        help: "How old events were when a run of theirs began, further attempts too (CloudWatch: AsyncEventAge).",
        samples: |scrape, samples| {
            events(scrape, |labels, events| samples.durations(&labels, &events.ages));
        },
    },
    MetricDefinition {
        name: "samovar_lambda_async_events_dropped_total",
        kind: Counter,
        labels: FUNCTION,
        help: "Events that came to their end without success, wherever they are kept or sent then (CloudWatch: \
               AsyncEventsDropped).",
        samples: |scrape, samples| {
            events(scrape, |labels, events| samples.count(&labels, events.dropped));
        },
    },
    MetricDefinition {
        name: "samovar_lambda_dead_letter_errors_total",
        kind: Counter,
        labels: FUNCTION,
        help: "How many times a dead letter could not be sent to its queue, this time or for good (CloudWatch: \
               DeadLetterErrors).",
        samples: |scrape, samples| {
            events(scrape, |labels, events| samples.count(&labels, events.dead_letter_errors));
        },
    },
    MetricDefinition {
        name: "samovar_lambda_destination_delivery_failures_total",
        kind: Counter,
        labels: FUNCTION,
        help: "How many times a record could not be sent to a destination, this time or for good (CloudWatch: \
               DestinationDeliveryFailures).",
        samples: |scrape, samples| {
            events(scrape, |labels, events| samples.count(&labels, events.destination_delivery_failures));
        },
    },
    MetricDefinition {
        name: "samovar_lambda_recursive_invocations_dropped_total",
        kind: Counter,
        labels: FUNCTION,
        help: "Dropped events that were not run because their function invokes itself in a circle (CloudWatch: \
               RecursiveInvocationsDropped).",
        samples: |scrape, samples| {
            events(scrape, |labels, events| samples.count(&labels, events.recursive_invocations_dropped));
        },
    },
    MetricDefinition {
        name: "samovar_lambda_event_source_polled_total",
        kind: Counter,
        labels: MAPPING,
        help: "Messages that an event source mapping received (CloudWatch: PolledEventCount).",
        samples: |scrape, samples| mappings(scrape, samples, |metrics| metrics.polled),
    },
    MetricDefinition {
        name: "samovar_lambda_event_source_filtered_out_total",
        kind: Counter,
        labels: MAPPING,
        help: "Messages that no filter of a mapping let pass, which were deleted (CloudWatch: \
               FilteredOutEventCount).",
        samples: |scrape, samples| mappings(scrape, samples, |metrics| metrics.filtered_out),
    },
    MetricDefinition {
        name: "samovar_lambda_event_source_invoked_total",
        kind: Counter,
        labels: MAPPING,
        help: "Messages that a mapping's function was invoked with, each attempt counted (CloudWatch: \
               InvokedEventCount).",
        samples: |scrape, samples| mappings(scrape, samples, |metrics| metrics.invoked),
    },
    MetricDefinition {
        name: "samovar_lambda_event_source_failed_invoke_total",
        kind: Counter,
        labels: MAPPING,
        help: "Messages of the invoked that come back (CloudWatch: FailedInvokeEventCount).",
        samples: |scrape, samples| mappings(scrape, samples, |metrics| metrics.failed_invoke),
    },
    MetricDefinition {
        name: "samovar_lambda_event_source_deleted_total",
        kind: Counter,
        labels: MAPPING,
        help: "Messages that were deleted after the function had succeeded with them (CloudWatch: \
               DeletedEventCount).",
        samples: |scrape, samples| mappings(scrape, samples, |metrics| metrics.deleted),
    },
    MetricDefinition {
        name: "samovar_lambda_event_source_dropped_total",
        kind: Counter,
        labels: MAPPING,
        help: "Messages that the function did not get because they were part of a loop of invocations \
               (CloudWatch: DroppedEventCount).",
        samples: |scrape, samples| mappings(scrape, samples, |metrics| metrics.dropped),
    },
];

fn mappings(scrape: &Scrape, samples: &mut Samples, count: impl Fn(&MappingMetrics) -> u64) {
    for mapping in &scrape.host.mappings {
        let labels = [mapping.uuid.as_str(), &mapping.function_arn, mapping.queue.as_str()];
        samples.count(&labels, count(&mapping.metrics));
    }
}

fn resources<'a>(scrape: &'a Scrape, mut each: impl FnMut([&'a str; 4], &'a ResourceMetrics)) {
    for metrics in &scrape.host.resources {
        let ResourceMetrics { function, region, resource, executed_version, .. } = metrics;
        each([function, region, resource, executed_version], metrics);
    }
}

fn functions<'a>(scrape: &'a Scrape, mut each: impl FnMut([&'a str; 2], &'a FunctionConcurrency)) {
    for figures in &scrape.host.concurrency.functions {
        each([&figures.function, &figures.region], figures);
    }
}

fn events<'a>(scrape: &'a Scrape, mut each: impl FnMut([&'a str; 2], &'a EventMetrics)) {
    for metrics in &scrape.host.events.functions {
        each([&metrics.function, &metrics.region], metrics);
    }
}

fn provisioned<'a>(
    scrape: &'a Scrape,
    mut each: impl FnMut([&'a str; 3], &'a ProvisionedConcurrencyFigures),
) {
    functions(scrape, |[name, region], function| {
        for figures in &function.provisioned {
            each([name, region, &figures.resource], figures);
        }
    });
}

/// A number without labels, if it is known.
fn one(samples: &mut Samples, count: Option<usize>) {
    if let Some(count) = count {
        samples.count(&[], count as u64);
    }
}
