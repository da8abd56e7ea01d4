//! How events come to their ends.

use super::*;

#[test]
fn an_event_that_always_fails_runs_three_times_and_is_told_to_both_places_once() {
    let mut scene = Scene::new(EventSettings {
        dead_letter: Some(queue("dlq")),
        on_failure: Some(Target::Queue(queue("failures"))),
        ..EventSettings::default()
    });
    scene.accept("id");
    for wait_ms in [60_000, 120_000] {
        let run = scene.run().expect("it runs");
        assert_eq!(&*run.request_id, "id");
        assert!(run.trace.starts_with("Root=1-a-b;Lineage="), "{}", run.trace);
        scene.end(&run, error());
        scene.wait(wait_ms - 1);
        assert!(scene.run().is_none(), "nothing runs early");
        scene.wait(1);
    }
    let run = scene.run().expect("it runs a third time");
    scene.end(&run, error());
    let mut told = Vec::new();
    for effect in std::mem::take(&mut scene.effects) {
        if let Effect::Send { delivery, target, header } = effect {
            let body = scene.rows[&delivery].1.clone().expect("a body");
            told.push((target, record::message(&header, &body)));
            scene.tell(Input::Sent { delivery, result: Ok(()) });
        }
    }
    let [(dlq, letter), (failures, record)] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((dlq, failures), (&queue("dlq"), &queue("failures")));
    assert_eq!(letter.body, "{\"a\": 1}");
    let value = |name: &str| match &letter.attributes[name].value {
        AttributeValue::Text(text) => text.clone(),
        AttributeValue::Binary(_) => panic!("no attribute is binary"),
    };
    assert_eq!([value("RequestID"), value("ErrorCode"), value("ErrorMessage")], ["id", "200", "no"]);
    assert!(record.attributes.is_empty());
    assert!(record.body.contains("\"condition\":\"RetriesExhausted\",\"approximateInvokeCount\":3}"));
    assert!(
        record.body.contains("\"functionArn\":\"arn:aws:lambda:us-east-1:000000000000:function:f:$LATEST\"")
    );
    let Some(Status::Dead { places, .. }) = scene.status("id") else { panic!("it is dead") };
    assert_eq!(places.len(), 2);
    assert_eq!(scene.rows.len(), 1, "the deliveries are gone");
    assert_eq!(scene.rows.values().next().and_then(|(_, body)| body.clone()), None, "and the payload");
    assert!(scene.core.dead_letters(&DeadFilter::default(), None, 9, scene.now).0.is_empty());
}

#[test]
fn a_result_is_kept_for_a_day() {
    let mut scene = Scene::new(EventSettings::default());
    scene.accept("id");
    let run = scene.run().expect("it runs");
    scene.end(&run, answer());
    assert!(matches!(scene.status("id"), Some(Status::Succeeded { .. })));
    assert_eq!(scene.rows[&run.claim.row].1.as_deref(), Some(&b"42"[..]));
    scene.wait(24 * 3_600_000 - 1);
    assert!(scene.status("id").is_some());
    scene.wait(1);
    assert_eq!((scene.status("id"), scene.rows.len()), (None, 0));
    assert_eq!(scene.core.wake_ms(), None, "nothing is waited for any more");
}

#[test]
fn a_dead_letter_is_found_put_back_and_removed() {
    let settings = EventSettings { retries_max: 0, ..EventSettings::default() };
    let mut scene = Scene::new(settings);
    scene.accept("id");
    let run = scene.run().expect("it runs");
    scene.end(&run, error());
    scene.wait(5_000);
    let found =
        |scene: &Scene, filter: DeadFilter| scene.core.dead_letters(&filter, None, 9, scene.now).0.len();
    let condition = |condition| DeadFilter { condition: Some(condition), ..DeadFilter::default() };
    let older = |ms| DeadFilter { older_than_ms: Some(ms), ..DeadFilter::default() };
    let of = |name| DeadFilter { function: FunctionKey::parse(name), ..DeadFilter::default() };
    assert_eq!(found(&scene, condition(Condition::RetriesExhausted)), 1);
    assert_eq!(found(&scene, condition(Condition::HostCrash)), 0);
    assert_eq!((found(&scene, older(5_000)), found(&scene, older(5_001))), (1, 0));
    assert_eq!((found(&scene, of("us-east-1:f")), found(&scene, of("us-east-1:g"))), (1, 0));
    scene.restart();
    assert_eq!(found(&scene, DeadFilter::default()), 1);

    scene.tell(Input::Redrive { ask: Ask(1_000), request_id: "id".into() });
    let run = scene.run().expect("it runs again");
    assert_eq!(&*run.request_id, "id");
    scene.end(&run, error());
    assert_eq!(found(&scene, DeadFilter::default()), 1);
    scene.tell(Input::Purge { ask: Ask(1_001), request_id: "id".into() });
    assert_eq!((scene.status("id"), scene.rows.len()), (None, 0));
    scene.effects.clear();
    scene.tell(Input::Purge { ask: Ask(1_002), request_id: "id".into() });
    assert!(matches!(scene.effects[..], [Effect::Answer { result: Err(Refusal::NotFound), .. }]));
}

#[test]
fn a_clock_that_is_set_by_a_day_fires_nothing_and_lets_nothing_expire() {
    for jump_ms in [-86_400_000_i64, -3_600_000, 3_600_000, 86_400_000] {
        let mut scene = Scene::new(EventSettings::default());
        scene.accept("id");
        let run = scene.run().expect("it runs");
        scene.end(&run, error());
        scene.now.wall_ms = scene.now.wall_ms.saturating_add_signed(jump_ms);
        scene.tell(Input::Tick);
        assert!(scene.run().is_none(), "{jump_ms}");
        // Even when the next process sees another clock, the event is no more than five minutes older.
        scene.restart();
        scene.wait(300_000);
        let run = scene.run().expect("it runs again, in time");
        scene.end(&run, answer());
        assert!(matches!(scene.status("id"), Some(Status::Succeeded { .. })), "{jump_ms}");
    }
}

#[test]
fn what_runs_when_the_host_closes_is_given_up_without_blame() {
    let mut scene = Scene::new(EventSettings::default());
    scene.accept("id");
    let run = scene.run().expect("it runs");
    scene.tell(Input::Drain);
    assert!(!scene.core.is_drained());
    scene.tell(Input::Release);
    assert!(scene.core.is_drained());
    scene.end(&run, answer());
    assert_eq!(scene.status("id"), Some(Status::Queued), "what it says now counts no more");
    for _ in 0..5 {
        scene.restart();
        assert!(scene.run().is_some(), "it runs at once");
        scene.tell(Input::Release);
    }
}

#[test]
fn a_function_that_calls_itself_in_a_circle_is_stopped() {
    let key = FunctionKey::parse("us-east-1:f").expect("a key");
    let on_success = Some(Target::Function { key, qualifier: None });
    let mut scene = Scene::new(EventSettings { on_success, ..EventSettings::default() });
    scene.accept("id");
    let mut runs = 0;
    while let Some(run) = scene.run() {
        runs += 1;
        scene.end(&run, answer());
    }
    assert_eq!(runs, 16);
    let filter = DeadFilter { condition: Some(Condition::RecursiveInvocation), ..DeadFilter::default() };
    assert_eq!(scene.core.dead_letters(&filter, None, 9, scene.now).0.len(), 1);
    let is_counted = |effect: &&Effect| {
        matches!(effect, Effect::Count { observation: Observation::RecursiveInvocationDropped, .. })
    };
    assert_eq!(scene.effects.iter().filter(is_counted).count(), 1);
}

#[test]
fn a_full_disk_loses_no_outcome() {
    let mut scene = Scene::new(EventSettings::default());
    scene.accept("id");
    let run = scene.run().expect("it runs");
    let spare = scene.spare();
    let input = Input::Ended { claim: run.claim, outcome: answer(), payload: Some(Bytes::new()), spare };
    let mut effects = scene.core.handle(scene.now, input);
    for _ in 0..100 {
        let Some(Effect::Write { ticket, .. }) = effects.pop() else { panic!("it is to be written") };
        let refused = Input::Written { ticket, result: Err(StoreError::Full) };
        assert!(scene.core.handle(scene.now, refused).is_empty(), "not at once");
        scene.now.mono_ms = scene.core.wake_ms().expect("but in a while");
        effects = scene.core.handle(scene.now, Input::Tick);
    }
    let Some(Effect::Write { ticket, changes, .. }) = effects.pop() else { panic!("it is to be written") };
    changes.into_iter().for_each(|change| scene.apply(change));
    scene.tell(Input::Written { ticket, result: Ok(()) });
    assert!(matches!(scene.status("id"), Some(Status::Succeeded { .. })));
}

#[test]
fn a_queue_with_no_room_accepts_nothing_and_an_id_only_once() {
    let mut scene = Scene::new(EventSettings::default());
    (scene.core.options.events_max, scene.core.options.events_per_function_max) = (2, 2);
    for request_id in ["one", "one", "two", "three"] {
        scene.accept(request_id);
    }
    let refusals: Vec<_> = scene
        .effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Answer { result: Err(refusal), .. } => Some(refusal.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(refusals, [Refusal::Duplicate, Refusal::QueueFull { limit: 2 }]);
}

#[test]
fn what_only_ran_beside_an_event_that_ends_the_host_is_not_blamed() {
    let mut scene = Scene::new(EventSettings::default());
    for request_id in ["killer", "innocent", "bystander"] {
        scene.accept(request_id);
    }
    for crash in 0..3 {
        let running: Vec<RunEffect> = std::iter::from_fn(|| scene.run()).collect();
        let names: Vec<&str> = running.iter().map(|run| &*run.request_id).collect();
        match crash {
            0 | 1 => assert_eq!(names, ["killer", "innocent", "bystander"], "at crash {crash}"),
            _ => assert_eq!(names, ["killer"], "it runs alone"),
        }
        scene.restart();
    }
    let status = scene.status("killer");
    assert!(matches!(status, Some(Status::Dead { condition: Condition::HostCrash, .. })), "{status:?}");
    for request_id in ["innocent", "bystander"] {
        let run = scene.run().expect("its turn has come");
        assert_eq!(&*run.request_id, request_id);
        assert!(scene.run().is_none(), "the other waits for it");
        scene.end(&run, answer());
        assert!(matches!(scene.status(request_id), Some(Status::Succeeded { .. })), "{request_id}");
    }
}
