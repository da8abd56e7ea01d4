//! What is fired, and what is not.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_rate_is_fired_at_once_and_again_and_again() {
    let scene = Scene::at("2027-01-01T00:00:30Z");
    let life = scene.start();
    life.create("s", settings("rate(5 minutes)")).await.expect("it is made");
    pass(11 * MINUTE).await;
    let expected = ["2027-01-01T00:00:30Z", "2027-01-01T00:05:30Z", "2027-01-01T00:10:30Z"];
    assert_eq!(scene.times("s"), expected);
    let figures = life.schedules.figures();
    assert_eq!((figures.schedules, figures.fired, figures.dropped), (1, 3, 0));
    assert_eq!(life.events.depth().finished + life.events.depth().queued, life.events.depth().finished);
}

#[tokio::test(start_paused = true)]
async fn a_schedule_that_is_disabled_is_not_fired_and_makes_up_for_nothing() {
    let scene = Scene::at("2027-01-01T00:00:00Z");
    let life = scene.start();
    let mut given = settings("rate(1 hour)");
    life.create("s", given.clone()).await.expect("it is made");
    pass(30 * MINUTE).await;
    given.state = ScheduleState::Disabled;
    life.schedules.update(key("s"), given.clone(), None).await.expect("it is changed");
    pass(180 * MINUTE).await;
    given.state = ScheduleState::Enabled;
    life.schedules.update(key("s"), given, None).await.expect("it is changed");
    pass(60 * MINUTE).await;
    assert_eq!(scene.times("s"), ["2027-01-01T00:00:00Z", "2027-01-01T04:00:00Z"]);
}

#[tokio::test(start_paused = true)]
async fn a_schedule_that_is_over_stays_or_is_deleted_with_its_last_firing() {
    let scene = Scene::at("2027-01-01T00:00:00Z");
    let life = scene.start();
    life.create("stays", settings("at(2027-01-01T00:10:00)")).await.expect("it is made");
    let mut given = settings("at(2027-01-01T00:10:00)");
    given.after_completion = ActionAfterCompletion::Delete;
    life.create("goes", given.clone()).await.expect("it is made");
    given.expression = Expression::parse("at(2026-01-01T00:00:00)").expect("an expression");
    life.create("past", given).await.expect("it is made");
    pass(MINUTE).await;
    assert_eq!(scene.journal.schedules(), 2, "what is never due is over");
    pass(10 * MINUTE).await;
    assert_eq!(scene.journal.schedules(), 1);
    assert!(life.schedules.get(&key("stays")).await.is_ok());
    assert_eq!(life.schedules.get(&key("goes")).await, Err(ScheduleError::NotFound));
    assert_eq!((scene.times("stays").len(), scene.times("goes").len(), scene.times("past").len()), (1, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_is_tried_again_and_dropped_at_last() {
    let scene = Scene::at("2027-01-01T00:00:30Z");
    let life = scene.start();
    let mut given = settings("cron(0 * * * ? *)");
    given.target.retries = 3;
    life.create("s", given).await.expect("it is made");
    pass(59 * MINUTE + MINUTE / 4).await;
    scene.journal.is_full.store(true, Ordering::SeqCst);
    pass(MINUTE / 4 + Duration::from_secs(2)).await;
    scene.journal.is_full.store(false, Ordering::SeqCst);
    pass(MINUTE).await;
    assert_eq!(scene.times("s"), ["2027-01-01T01:00:00Z"]);
    assert_eq!(scene.journal.fired()[0]["attempt"], 3, "after one second, and after two more");

    pass(50 * MINUTE).await;
    scene.journal.is_full.store(true, Ordering::SeqCst);
    pass(20 * MINUTE).await;
    scene.journal.is_full.store(false, Ordering::SeqCst);
    assert_eq!(life.schedules.figures().dropped, 1);
    pass(60 * MINUTE).await;
    assert_eq!(scene.times("s"), ["2027-01-01T01:00:00Z", "2027-01-01T03:00:00Z"]);
}

#[tokio::test(start_paused = true)]
async fn what_became_too_old_while_the_host_was_down_is_counted_and_not_fired() {
    let scene = Scene::at("2027-01-01T00:00:30Z");
    let life = scene.start();
    let mut given = settings("cron(0 * * * ? *)");
    given.target.event_age_s = 3_600;
    life.create("s", given).await.expect("it is made");
    life.kill();
    pass(600 * MINUTE).await;
    let life = scene.start();
    pass(MINUTE).await;
    assert_eq!(scene.times("s"), ["2027-01-01T10:00:00Z"]);
    assert_eq!(life.schedules.figures().dropped, 9);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_forward_is_noticed_and_one_that_is_set_back_fires_nothing_twice() {
    let scene = Scene::at("2027-01-01T00:00:30Z");
    let life = scene.start();
    life.create("s", settings("cron(0 * * * ? *)")).await.expect("it is made");
    pass(MINUTE).await;
    scene.wall.jump(2 * 3_600);
    pass(Duration::from_secs(31)).await;
    let both = ["2027-01-01T01:00:00Z", "2027-01-01T02:00:00Z"];
    assert_eq!(scene.times("s"), both);
    scene.wall.jump(-3_600);
    pass(110 * MINUTE).await;
    assert_eq!(scene.times("s"), both);
    pass(10 * MINUTE).await;
    assert_eq!(scene.times("s").len(), 3);
}

#[tokio::test(start_paused = true)]
async fn many_schedules_that_are_due_at_once_are_all_fired() {
    let scene = Scene::at("2027-01-01T00:00:30Z");
    let life = scene.start();
    for number in 0..500 {
        life.create(&format!("s{number}"), settings("cron(0 1 * * ? *)")).await.expect("it is made");
    }
    pass(60 * MINUTE).await;
    assert_eq!(scene.journal.fired().len(), 500);
    let without_input = ScheduleSettings {
        target: ScheduleTarget { input: None, ..settings("rate(1 day)").target },
        ..settings("rate(1 day)")
    };
    life.create("plain", without_input).await.expect("it is made");
    pass(MINUTE).await;
    assert_eq!(scene.journal.fired().last().expect("an event")["source"], json!("aws.scheduler"));
}
