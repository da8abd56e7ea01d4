//! Metrics of Samovar's own.

use super::Scrape;
use super::definition::MetricDefinition;
use super::definition::MetricKind::{Counter, Gauge, Histogram};
use super::http_counters::{REFUSALS, STATUS_CLASSES};
use crate::QueueMetrics;

/// The labels of what is measured of each queue that is built in.
const QUEUE: &[&str] = &["queue_name", "region"];

/// Samovar's own metrics.
pub(super) const DEFINITIONS: &[MetricDefinition] = &[
    MetricDefinition {
        name: "samovar_instances",
        kind: Gauge,
        labels: &["function_name", "region", "executed_version", "state"],
        help: "Instances of a version by state: idle ones are warm and wait for an event, busy ones serve one or are coming up.",
        samples: |scrape, samples| {
            for version in &scrape.host.versions {
                for (state, count) in [("idle", version.idle), ("busy", version.busy)] {
                    samples.count(&[&version.function, &version.region, &version.version, state], count);
                }
            }
        },
    },
    MetricDefinition {
        name: "samovar_idle_memory_bytes",
        kind: Gauge,
        labels: &[],
        help: "Memory that all idle instances hold together, apart from provisioned ones.",
        samples: |scrape, samples| samples.count(&[], scrape.host.idle_memory_bytes),
    },
    MetricDefinition {
        name: "samovar_provisioned_memory_bytes",
        kind: Gauge,
        labels: &[],
        help: "Memory that all provisioned instances hold together that wait for an event.",
        samples: |scrape, samples| samples.count(&[], scrape.host.provisioned_memory_bytes),
    },
    MetricDefinition {
        name: "samovar_compilations",
        kind: Gauge,
        labels: &["state"],
        help: "Packages that wait for the compiler, and those that are running through it.",
        samples: |scrape, samples| {
            samples.count(&["waiting"], scrape.host.compilation.waiting);
            samples.count(&["running"], scrape.host.compilation.running);
        },
    },
    MetricDefinition {
        name: "samovar_compile_duration_seconds",
        kind: Histogram,
        labels: &["outcome"],
        help: "How long compiling a component took, by outcome: compiled or failed.",
        samples: |scrape, samples| {
            samples.durations(&["compiled"], &scrape.host.compilation.compiled);
            samples.durations(&["failed"], &scrape.host.compilation.failed);
        },
    },
    MetricDefinition {
        name: "samovar_log_lines_lost_total",
        kind: Counter,
        labels: &["reason"],
        help: "Log lines that were to be kept and were lost: without_room came faster than they could be written, not_written \
               could not be, such as on a full disk.",
        samples: |scrape, samples| {
            if let Some(logs) = &scrape.host.logs {
                samples.count(&["without_room"], logs.lost_without_room);
                samples.count(&["not_written"], logs.lost_not_written);
            }
        },
    },
    MetricDefinition {
        name: "samovar_log_lines_cut_total",
        kind: Counter,
        labels: &[],
        help: "How many times a log line that was to be kept was so long that it was cut.",
        samples: |scrape, samples| {
            scrape.host.logs.iter().for_each(|logs| samples.count(&[], logs.cut));
        },
    },
    MetricDefinition {
        name: "samovar_log_quota_invocations_total",
        kind: Counter,
        labels: &[],
        help: "Invocations that logged more than they may, and lost the rest.",
        samples: |scrape, samples| samples.count(&[], scrape.host.dropped_logs.invocations),
    },
    MetricDefinition {
        name: "samovar_log_quota_lines_dropped_total",
        kind: Counter,
        labels: &[],
        help: "Log lines that were dropped because their invocation had logged as much as it may.",
        samples: |scrape, samples| samples.count(&[], scrape.host.dropped_logs.lines),
    },
    MetricDefinition {
        name: "samovar_log_quota_bytes_dropped_total",
        kind: Counter,
        labels: &[],
        help: "Bytes of log lines that were dropped because their invocation had logged as much as it may.",
        samples: |scrape, samples| samples.count(&[], scrape.host.dropped_logs.bytes),
    },
    MetricDefinition {
        name: "samovar_http_connections",
        kind: Gauge,
        labels: &[],
        help: "Connections that are open.",
        samples: |scrape, samples| samples.count(&[], scrape.http.connections),
    },
    MetricDefinition {
        name: "samovar_http_connections_accepted_total",
        kind: Counter,
        labels: &[],
        help: "Connections that were taken.",
        samples: |scrape, samples| samples.count(&[], scrape.http.accepted),
    },
    MetricDefinition {
        name: "samovar_http_connections_refused_total",
        kind: Counter,
        labels: &["reason"],
        help: "Connections that were not served: of an address that had as many as it may (address), when all were taken and \
               none more might wait (full), after waiting for too long (waited), or waiting when the server ended (closing).",
        samples: |scrape, samples| {
            for (reason, count) in REFUSALS.iter().zip(scrape.http.refused) {
                samples.count(&[reason], count);
            }
        },
    },
    MetricDefinition {
        name: "samovar_http_requests_total",
        kind: Counter,
        labels: &["status"],
        help: "Requests that were answered, by class of the answer's status: 2xx, 4xx and so on.",
        samples: |scrape, samples| {
            for (class, count) in STATUS_CLASSES.iter().zip(scrape.http.answered) {
                samples.count(&[class], count);
            }
        },
    },
    MetricDefinition {
        name: "samovar_store_failures_total",
        kind: Counter,
        labels: &["reason"],
        help: "Changes of functions that could not be kept, by reason: after failed no more can be, until a new start.",
        samples: |scrape, samples| {
            let store = &scrape.host.store;
            samples.count(&["conflict"], store.conflict);
            samples.count(&["busy"], store.busy);
            samples.count(&["full"], store.full);
            samples.count(&["failed"], store.failed);
        },
    },
    MetricDefinition {
        name: "samovar_async_events",
        kind: Gauge,
        labels: &["state"],
        help: "Events by state: queued ones wait for a run or their next attempt, delivering ones have ended and somebody \
               is being told, dead ones are in the dead table, and finished ones are only remembered.",
        samples: |scrape, samples| {
            let events = &scrape.host.events;
            samples.count(&["queued"], events.queued as u64);
            samples.count(&["running"], events.running as u64);
            samples.count(&["delivering"], events.delivering as u64);
            samples.count(&["dead"], events.dead as u64);
            samples.count(&["finished"], events.finished as u64);
        },
    },
    MetricDefinition {
        name: "samovar_async_events_limit",
        kind: Gauge,
        labels: &[],
        help: "How many events there may be that are queued, running or delivering; then no more are accepted.",
        samples: |scrape, samples| samples.count(&[], scrape.host.events.limit as u64),
    },
    MetricDefinition {
        name: "samovar_async_messages",
        kind: Gauge,
        labels: &[],
        help: "Messages to dead-letter queues and destinations that are still to be sent.",
        samples: |scrape, samples| samples.count(&[], scrape.host.events.deliveries as u64),
    },
    MetricDefinition {
        name: "samovar_journal_flush_duration_seconds",
        kind: Histogram,
        labels: &[],
        help: "How long it took to bring changes of events and queues to the disk, each time.",
        samples: |scrape, samples| {
            scrape.host.flushes.iter().for_each(|flushes| samples.durations(&[], &flushes.flushes));
        },
    },
    MetricDefinition {
        name: "samovar_journal_changes_written_total",
        kind: Counter,
        labels: &[],
        help: "Changes of events and queues that are on the disk.",
        samples: |scrape, samples| {
            scrape.host.flushes.iter().for_each(|flushes| samples.count(&[], flushes.changes_written));
        },
    },
    MetricDefinition {
        name: "samovar_journal_changes_waiting",
        kind: Gauge,
        labels: &[],
        help: "Changes of events and queues that wait to be written.",
        samples: |scrape, samples| {
            scrape.host.flushes.iter().for_each(|flushes| samples.count(&[], flushes.changes_waiting));
        },
    },
    MetricDefinition {
        name: "samovar_journal_waiting_bytes",
        kind: Gauge,
        labels: &[],
        help: "Memory that changes hold that wait to be written.",
        samples: |scrape, samples| {
            scrape.host.flushes.iter().for_each(|flushes| samples.count(&[], flushes.bytes_waiting));
        },
    },
    MetricDefinition {
        name: "samovar_sqs_messages_visible",
        kind: Gauge,
        labels: QUEUE,
        help: "Messages of a built-in queue that can be received (CloudWatch: ApproximateNumberOfMessagesVisible).",
        samples: |scrape, samples| {
            queues(scrape, |labels, queue| samples.count(&labels, queue.visible as u64));
        },
    },
    MetricDefinition {
        name: "samovar_sqs_messages_not_visible",
        kind: Gauge,
        labels: QUEUE,
        help: "Messages of a built-in queue that were received, and are kept from others (CloudWatch: \
               ApproximateNumberOfMessagesNotVisible).",
        samples: |scrape, samples| {
            queues(scrape, |labels, queue| samples.count(&labels, queue.in_flight as u64));
        },
    },
    MetricDefinition {
        name: "samovar_sqs_messages_delayed",
        kind: Gauge,
        labels: QUEUE,
        help: "Messages of a built-in queue whose delay is not over (CloudWatch: ApproximateNumberOfMessagesDelayed).",
        samples: |scrape, samples| {
            queues(scrape, |labels, queue| samples.count(&labels, queue.delayed as u64));
        },
    },
    MetricDefinition {
        name: "samovar_sqs_oldest_message_age_seconds",
        kind: Gauge,
        labels: QUEUE,
        help: "How old the oldest message of a built-in queue is, or 0 (CloudWatch: ApproximateAgeOfOldestMessage).",
        samples: |scrape, samples| {
            queues(scrape, |labels, queue| {
                samples.add(&labels, queue.oldest_age.unwrap_or_default().as_secs_f64());
            });
        },
    },
    MetricDefinition {
        name: "samovar_event_source_pollers",
        kind: Gauge,
        labels: &["event_source_mapping_uuid"],
        help: "How many poll for an event source mapping.",
        samples: |scrape, samples| {
            for mapping in &scrape.host.mappings {
                samples.count(&[&mapping.uuid], mapping.pollers as u64);
            }
        },
    },
    MetricDefinition {
        name: "samovar_schedules",
        kind: Gauge,
        labels: &[],
        help: "Schedules that there are.",
        samples: |scrape, samples| samples.count(&[], scrape.host.schedules.schedules as u64),
    },
    MetricDefinition {
        name: "samovar_schedule_firings_total",
        kind: Counter,
        labels: &[],
        help: "Events that schedules handed to functions' queues, one for each time that one was due.",
        samples: |scrape, samples| samples.count(&[], scrape.host.schedules.fired),
    },
    MetricDefinition {
        name: "samovar_schedule_firings_dropped_total",
        kind: Counter,
        labels: &[],
        help: "Times at which a schedule was due and was not fired: they had become too old, or were refused too often.",
        samples: |scrape, samples| samples.count(&[], scrape.host.schedules.dropped),
    },
    MetricDefinition {
        name: "samovar_ready",
        kind: Gauge,
        labels: &[],
        help: "Whether the host takes invocations, as /readyz has it: 1 or 0.",
        samples: |scrape, samples| samples.count(&[], u64::from(scrape.is_ready)),
    },
    MetricDefinition {
        name: "samovar_build_info",
        kind: Gauge,
        labels: &["version"],
        help: "Always 1, with the version of Samovar.",
        samples: |_, samples| samples.count(&[env!("CARGO_PKG_VERSION")], 1),
    },
];

fn queues<'a>(scrape: &'a Scrape, mut each: impl FnMut([&'a str; 2], &'a QueueMetrics)) {
    for metrics in &scrape.host.queues {
        each([&metrics.name, &metrics.region], metrics);
    }
}
