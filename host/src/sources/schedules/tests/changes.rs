//! Schedules are made, changed, listed and deleted.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_schedule_is_told_as_it_was_made_also_by_the_next_process() {
    let scene = Scene::at("2027-01-01T00:00:00Z");
    let life = scene.start();
    let mut tea = settings("cron(0 16 * * ? *)");
    tea.description = Some("tea".to_owned());
    life.create("tea", tea.clone()).await.expect("it is made");
    let first = life.schedules.get(&key("tea")).await.expect("it is there");
    assert_eq!((&first.settings, first.created), (&tea, "2027-01-01T00:00:00Z".parse().expect("a time")));
    assert_eq!(first.arn, "arn:aws:scheduler:us-east-1:000000000000:schedule/default/tea");
    life.kill();
    let life = scene.start();
    assert_eq!(life.schedules.get(&key("tea")).await.expect("it is there"), first);

    pass(MINUTE).await;
    tea.target.input = None;
    tea.description = None;
    life.schedules.update(key("tea"), tea.clone(), None).await.expect("it is changed");
    let second = life.schedules.get(&key("tea")).await.expect("it is there");
    assert_eq!((&second.settings, second.created), (&tea, first.created), "all is replaced");
    assert!(second.modified > first.modified);
    life.schedules.delete(key("tea"), None).await.expect("it is deleted");
    assert_eq!(life.schedules.get(&key("tea")).await, Err(ScheduleError::NotFound));
    assert_eq!(scene.journal.schedules(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_comes_again_is_as_good_as_the_first() {
    let scene = Scene::at("2027-01-01T00:00:00Z");
    let life = scene.start();
    let (schedules, token) = (&life.schedules, |token: &str| Some(Box::from(token)));
    let daily = || settings("rate(1 day)");
    for (token, expected) in [
        (token("a"), Ok(())),
        (token("a"), Ok(())),
        (token("b"), Err(ScheduleError::Exists)),
        (None, Err(ScheduleError::Exists)),
    ] {
        assert_eq!(schedules.create(key("s"), daily(), token).await, expected);
    }
    schedules.update(key("s"), daily(), token("c")).await.expect("it is changed");
    let changed = schedules.get(&key("s")).await.expect("it is there").modified;
    pass(MINUTE).await;
    schedules.update(key("s"), settings("rate(9 days)"), token("c")).await.expect("it came before");
    assert_eq!(schedules.get(&key("s")).await.expect("it is there").modified, changed);
    for (token, expected) in [
        (token("d"), Ok(())),
        (token("d"), Ok(())),
        (token("e"), Err(ScheduleError::NotFound)),
        (None, Err(ScheduleError::NotFound)),
    ] {
        assert_eq!(schedules.delete(key("s"), token).await, expected);
    }
    assert_eq!(schedules.update(key("s"), daily(), None).await, Err(ScheduleError::NotFound));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_a_schedule_is_refused() {
    let scene = Scene::at("2027-01-01T00:00:00Z");
    let life = scene.start();
    let refused = async |change: &dyn Fn(&mut ScheduleSettings)| {
        let mut given = settings("rate(1 day)");
        change(&mut given);
        life.create("s", given).await.expect_err("it is refused").to_string()
    };
    let other = "arn:aws:lambda:us-east-1:999999999999:function:f";
    for (change, part) in [
        (
            &(|s: &mut ScheduleSettings| s.window_minutes = Some(0)) as &dyn Fn(&mut ScheduleSettings),
            "1440 minutes",
        ),
        (&|s| s.target.event_age_s = 59, "60 to 86400"),
        (&|s| s.target.retries = 186, "185 retries"),
        (&|s| s.description = Some("x".repeat(513)), "512 characters"),
        (
            &|s| {
                (s.start, s.end) = ("2027-02-01T00:00:00Z".parse().ok(), "2027-01-02T00:00:00Z".parse().ok())
            },
            "before the end",
        ),
        (&|s| s.start = "2026-12-31T23:54:59Z".parse().ok(), "5 minutes ago"),
        (&|s| s.target.input = Some("{".to_owned()), "not JSON"),
        (&|s| s.target.input = Some(format!("\"{}\"", "x".repeat(INPUT_BYTES_MAX))), "may have 262144"),
        (&|s| s.target.function = TargetFunction::parse(other).expect("an ARN"), "not in account"),
    ] {
        let said = refused(change).await;
        assert!(said.contains(part), "{said}");
    }
    assert!(life.schedules.list(&key("s").region, &all()).schedules.is_empty());
    assert_eq!(scene.journal.schedules(), 0);
}

#[tokio::test(start_paused = true)]
async fn there_are_as_many_as_there_may_be_and_one_of_each_name() {
    let scene = Scene::at("2027-01-01T00:00:00Z");
    let life = scene.start();
    let mut few = Schedules::on_clock(
        scene.journal.clone(),
        AccountId::parse("000000000000").expect("an account"),
        1 << 20,
        Wall::Test(scene.wall.clone()),
    );
    Arc::get_mut(&mut few.0).expect("there is no other").schedules_max = 2;
    let create = |name: &str| few.create(key(name), settings("rate(1 day)"), None);
    let made = futures_of([create("a"), create("a"), create("b")]).await;
    assert_eq!(made.iter().filter(|made| made.is_ok()).count(), 2, "{made:?}");
    assert_eq!(create("c").await, Err(ScheduleError::TooMany { limit: 2 }));
    few.delete(key("a"), None).await.expect("it is deleted");
    scene.journal.is_full.store(true, Ordering::SeqCst);
    assert_eq!(create("c").await, Err(ScheduleError::Store(StoreError::Full)));
    scene.journal.is_full.store(false, Ordering::SeqCst);
    assert_eq!(create("c").await, Ok(()), "what was not made takes no place");
    life.kill();
}

#[tokio::test(start_paused = true)]
async fn a_list_has_the_names_of_its_region_in_their_order() {
    let scene = Scene::at("2027-01-01T00:00:00Z");
    let life = scene.start();
    for name in ["b", "a.2", "a.1", "a.10", "c"] {
        let mut given = settings("rate(1 day)");
        given.state = if name == "b" { ScheduleState::Disabled } else { ScheduleState::Enabled };
        life.create(name, given).await.expect("it is made");
    }
    let elsewhere = ScheduleKey { region: Region::parse("eu-west-1").expect("a region"), ..key("a.3") };
    life.schedules.create(elsewhere, settings("rate(1 day)"), None).await.expect("it is made");
    let names = |list: ListSchedules| {
        let list = life.schedules.list(&key("a").region, &list);
        let names: Vec<String> = list.schedules.into_iter().map(|info| info.name.into()).collect();
        (names.join(" "), list.has_more)
    };
    let told = |names: &str, has_more| (names.to_owned(), has_more);
    assert_eq!(names(all()), told("a.1 a.10 a.2 b c", false));
    assert_eq!(names(ListSchedules { limit: 2, ..all() }), told("a.1 a.10", true));
    let behind = ListSchedules { limit: 3, after: Some("a.10".to_owned()), ..all() };
    assert_eq!(names(behind), told("a.2 b c", false));
    assert_eq!(names(ListSchedules { prefix: "a.1".to_owned(), ..all() }), told("a.1 a.10", false));
    let behind = ListSchedules { prefix: "a".to_owned(), after: Some("a.1".to_owned()), ..all() };
    assert_eq!(names(behind), told("a.10 a.2", false));
    assert_eq!(names(ListSchedules { state: Some(ScheduleState::Disabled), ..all() }), told("b", false));
}

fn all() -> ListSchedules {
    ListSchedules { limit: 100, ..ListSchedules::default() }
}

/// What comes of all of them, which go on at the same time.
async fn futures_of<T, const COUNT: usize>(futures: [impl Future<Output = T>; COUNT]) -> Vec<T> {
    let mut futures = futures.map(Box::pin);
    let mut done: Vec<Option<T>> = futures.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, done) in futures.iter_mut().zip(&mut done) {
            if done.is_none()
                && let std::task::Poll::Ready(value) = future.as_mut().poll(context)
            {
                *done = Some(value);
            }
        }
        match done.iter().all(Option::is_some) {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
    done.into_iter().flatten().collect()
}
