//! What is bounded, and what is not done.

use super::*;
use crate::policy::recursion;

/// The real payload was replaced by an empty one, told as if it were the event, and then removed.
#[test]
fn an_event_that_cannot_be_read_is_kept_and_nobody_is_told_of_an_empty_one() {
    let settings =
        EventSettings { age_s_max: 60, dead_letter: Some(queue("dlq")), ..EventSettings::default() };
    let mut scene = Scene::new(settings);
    scene.accept("id");
    while scene.status("id").is_some_and(|status| !matches!(status, Status::Dead { .. })) {
        match scene.run() {
            Some(run) => scene.end(&run, RunOutcome::Unreadable { reason: "no files".to_owned() }),
            None => scene.wait(500),
        }
        for fetch in std::mem::take(&mut scene.effects) {
            if let Effect::Fetch(claim) = fetch {
                let spare = scene.spare();
                scene.tell(Input::Fetched { claim, payload: None, spare });
            } else {
                assert!(!matches!(fetch, Effect::Send { .. }), "{fetch:?}");
                scene.effects.push(fetch);
            }
        }
    }
    let Some(Status::Dead { condition, places, undelivered, .. }) = scene.status("id") else { panic!() };
    assert_eq!((condition, places.len(), undelivered.len()), (Condition::EventAgeExceeded, 0, 1));
    assert_eq!(&*undelivered[0].reason, "the event's payload cannot be read");
    let (_, payload) = scene.rows.values().next().expect("it is there");
    assert_eq!(payload.as_deref(), Some(&b"{\"a\": 1}"[..]));
}

#[test]
fn a_function_has_its_share_of_the_queue_and_its_dead_letters_count() {
    let mut scene = Scene::new(EventSettings { retries_max: 0, ..EventSettings::default() });
    (scene.core.options.events_max, scene.core.options.events_per_function_max) = (3, 2);
    let refusals = |scene: &mut Scene| {
        let effects = std::mem::take(&mut scene.effects);
        let (answers, others): (Vec<_>, Vec<_>) =
            effects.into_iter().partition(|effect| matches!(effect, Effect::Answer { .. }));
        scene.effects = others;
        answers.iter().filter(|answer| matches!(answer, Effect::Answer { result: Err(_), .. })).count()
    };
    for request_id in ["one", "two", "three"] {
        scene.accept(request_id);
    }
    assert_eq!(refusals(&mut scene), 1, "two of one function");
    scene.accept_of("g", "four");
    assert_eq!(refusals(&mut scene), 0);
    scene.accept_of("h", "five");
    assert_eq!(refusals(&mut scene), 1, "three in all");
    for (outcome, is_there) in [(answer(), false), (error(), true)] {
        let run = scene.run().expect("it runs");
        scene.end(&run, outcome);
        scene.accept(&format!("after {is_there}"));
        assert_eq!(refusals(&mut scene), usize::from(is_there));
    }
}

#[test]
fn more_results_than_are_kept_make_the_oldest_forgotten() {
    let mut scene = Scene::new(EventSettings::default());
    scene.core.options.results_max = 2;
    for request_id in ["one", "two", "three"] {
        scene.accept(request_id);
        let run = scene.run().expect("it runs");
        scene.end(&run, answer());
        scene.wait(1);
    }
    let known = |scene: &Scene| ["one", "two", "three"].map(|id| scene.status(id).is_some());
    assert_eq!((known(&scene), scene.rows.len()), ([false, true, true], 2));
    scene.core.options.results_bytes_max = 3;
    scene.wait(1);
    assert_eq!((known(&scene), scene.rows.len()), ([false, false, true], 1));
}

#[test]
fn a_queue_that_is_paused_accepts_and_runs_nothing() {
    let mut scene = Scene::new(EventSettings::default());
    scene.tell(Input::Pause);
    scene.accept("id");
    scene.wait(10_000);
    assert!(scene.run().is_none() && !scene.core.is_drained());
    assert_eq!(scene.status("id"), Some(Status::Queued));
    scene.tell(Input::Drain);
    assert!(scene.core.is_drained());
    scene.restart();
    assert!(scene.run().is_some());
}

/// Each of them was tried, one after the other, and all of them again a little later.
#[test]
fn a_claim_that_is_refused_lets_the_others_wait() {
    let mut scene = Scene::new(EventSettings::default());
    scene.tell(Input::Pause);
    for number in 0..1_000 {
        scene.accept(&number.to_string());
    }
    scene.effects = scene.start_again();
    let mut claims = 0;
    for _ in 0..10 {
        for effect in scene.core.handle(scene.now, Input::Tick) {
            scene.effects.push(effect);
        }
        while let Some(at) = scene.effects.iter().position(|effect| matches!(effect, Effect::Write { .. })) {
            let Effect::Write { ticket, .. } = scene.effects.remove(at) else { unreachable!("it is one") };
            claims += 1;
            let refused = Input::Written { ticket, result: Err(StoreError::Full) };
            scene.effects.extend(scene.core.handle(scene.now, refused));
        }
        scene.now.mono_ms += 100;
    }
    let at_once = scene.core.options.running_per_function_max;
    assert!((10..=11 * at_once).contains(&claims), "{claims}");
}

/// The end of a loop that was told to a part of it was the next hop.
#[test]
fn the_end_of_a_loop_is_not_told_to_a_part_of_it() {
    let key = FunctionKey::parse("us-east-1:f").expect("a key");
    let to_itself = Some(Target::Function { key, qualifier: None });
    let settings =
        EventSettings { on_success: to_itself.clone(), on_failure: to_itself, ..EventSettings::default() };
    let mut scene = Scene::new(settings);
    scene.accept("id");
    let mut runs = 0;
    while let Some(run) = scene.run() {
        runs += 1;
        scene.end(&run, answer());
        let fetches = std::mem::take(&mut scene.effects);
        for fetch in fetches {
            match fetch {
                Effect::Fetch(claim) => {
                    let spare = scene.spare();
                    scene.tell(Input::Fetched { claim, payload: Some(Bytes::from_static(b"{}")), spare });
                }
                other => scene.effects.push(other),
            }
        }
    }
    assert_eq!(runs, recursion::HOPS_MAX);
    let dead = scene.core.dead_letters(&DeadFilter::default(), None, 9, scene.now).0;
    let [dead] = dead.as_slice() else { panic!("{dead:?}") };
    let Status::Dead { condition, undelivered, .. } = &dead.status else { panic!("{dead:?}") };
    assert_eq!((*condition, undelivered.len()), (Condition::RecursiveInvocation, 1));
}
