//! How what came of an instance becomes what the caller gets.

use std::sync::Arc;
use std::time::Duration;

use crate::invocation::{Answer, Invocation, Outcome, Report, Stages, Start, Status};
use crate::telemetry::{InitPhase, Log};
use crate::version::{Launched, Version};
use crate::wasm::{FailedInit, Run};

/// What of a request is needed after its instance was run.
pub(super) struct Call {
    pub(super) version: Arc<Version>,
    pub(super) request_id: Arc<str>,
    pub(super) log_tail: bool,
    stages: bool,
    pub(super) start: Start,
}

impl Call {
    pub(super) fn of(invocation: &Invocation, version: Arc<Version>) -> Self {
        Self {
            version,
            request_id: invocation.request_id.clone(),
            log_tail: invocation.log_tail,
            stages: invocation.stages,
            start: invocation.start,
        }
    }

    /// What the caller gets of an instance that was run.
    pub(super) fn outcome(
        self,
        run: Run,
        launched: Option<Launched>,
        log: &Log,
        framed: bool,
        mut stages: Stages,
    ) -> Outcome {
        if let Some(Launched { load, times }) = launched {
            (stages.load, stages.instantiate, stages.init) = (load, times.instantiate, times.init);
            stages.checkout = stages.checkout.saturating_sub(load + times.instantiate + times.init);
        }
        let report = Report {
            status: Status::of(&run.answer),
            duration: run.duration,
            init_duration: launched
                .map(|launched| launched.load + launched.times.instantiate + launched.times.init),
            memory_size_mb: self.version.facts.configuration.memory.mb(),
            max_memory_used_bytes: run.max_memory_used_bytes,
        };
        self.finish(run.answer, report, log, framed, stages)
    }

    /// What the caller gets when its instance did not come up, which is the function's own doing.
    pub(super) fn failed_init(self, failed: FailedInit, stages: Stages) -> Outcome {
        let memory = self.version.facts.configuration.memory;
        let answer = Err(failed.ending.into_error(&self.request_id, memory));
        let status = Status::of(&answer);
        failed.log.init_ended(failed.phase, &status, failed.duration);
        let framed = failed.log.begin(&self.request_id, self.log_tail);
        let (duration, init_duration) = match failed.phase {
            InitPhase::Init => (Duration::ZERO, Some(failed.duration)),
            InitPhase::Invoke => (failed.duration, None),
        };
        let report = Report {
            status,
            duration,
            init_duration,
            memory_size_mb: memory.mb(),
            max_memory_used_bytes: failed.max_memory_used_bytes,
        };
        self.finish(answer, report, &failed.log, framed, Stages { init: failed.duration, ..stages })
    }

    fn finish(self, answer: Answer, report: Report, log: &Log, framed: bool, stages: Stages) -> Outcome {
        match framed {
            true => log.end(&self.request_id, answer.as_ref().err(), &report),
            false => log.end_unframed(),
        }
        Outcome {
            executed_version: self.version.facts.number,
            answer,
            report,
            log_tail: self.log_tail.then(|| log.tail()),
            stages: self.stages.then_some(stages),
            request_id: self.request_id,
        }
    }
}
