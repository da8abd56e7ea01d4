//! Whatever is written: the rows are those of a map on which the same was done.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::conformance::{Subject, delete, insert};
use super::*;

/// A batch of the property test: which row, what is done to it, and whether with the fence it has.
type Step = Vec<(u64, u8, bool)>;

/// What the model knows of a row: fence, header, body.
type Model = BTreeMap<u64, (u64, Vec<u8>, Option<Vec<u8>>)>;

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let change = (1..6_u64, 0..6_u8, prop::bool::weighted(0.9));
    prop::collection::vec(prop::collection::vec(change, 0..5), 1..60)
}

/// The change that is meant, which is made in the model too; none, if it does not fit there.
fn change_of(model: &mut Model, (id, what, knows): (u64, u8, bool), number: usize) -> (Change, Option<()>) {
    let present = model.get(&id).cloned();
    let fence = present.as_ref().map_or(0, |row| row.0).wrapping_add(u64::from(!knows));
    let text = number.to_string();
    let (id_of, header) = (RowId(id), text.clone().into_bytes());
    let body = text.repeat(number % 900).into_bytes();
    let (change, after) = match (what, present) {
        (0 | 1, present) => {
            let body = (what == 0).then(|| body.clone());
            let change = insert(id_of, &text, None);
            let Change::Insert { id, kind, header, .. } = change else { unreachable!("it is one") };
            let after = present.is_none().then(|| Some((0, header.clone(), body.clone())));
            (Change::Insert { id, kind, header, body: body.map(Bytes::from) }, after)
        }
        (5, present) => (delete(id_of, fence), present.filter(|row| row.0 == fence).map(|_| None)),
        (_, present) => {
            let change = match what {
                2 => BodyChange::Keep,
                3 => BodyChange::Put(body.clone().into()),
                _ => BodyChange::Remove,
            };
            let after = present.filter(|row| row.0 == fence).map(|row| {
                let kept = [row.2, Some(body), None];
                Some((fence + 1, header.clone(), kept[usize::from(what) - 2].clone()))
            });
            (Change::Update { id: id_of, fence, header, body: change }, after)
        }
    };
    let fits = after.map(|after| match after {
        Some(row) => drop(model.insert(id, row)),
        None => drop(model.remove(&id)),
    });
    (change, fits)
}

async fn leads_where_the_model_leads(mut subject: Subject, steps: &[Step]) {
    let mut model = Model::new();
    for (number, step) in steps.iter().enumerate() {
        let mut next = model.clone();
        let (mut changes, mut fits) = (Vec::new(), true);
        for part in step {
            let (change, made) = change_of(&mut next, *part, number);
            changes.push(change);
            fits &= made.is_some();
        }
        let expected = if fits { Ok(()) } else { Err(StoreError::Conflict) };
        assert_eq!(subject.write(changes).await, expected, "step {number}");
        if fits {
            model = next;
        }
        if number % 20 == 19 {
            subject = subject.reopened();
        }
    }
    let rows = subject.loaded();
    assert_eq!(rows.len(), model.len());
    for (row, (id, (fence, header, body))) in rows.iter().zip(&model) {
        assert_eq!((row.id.0, row.fence, &row.header), (*id, *fence, header));
        assert_eq!(row.body_bytes, body.as_ref().map(|body| body.len() as u64));
        assert_eq!(subject.body(row.id).await.as_deref(), body.as_deref());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn any_batches_lead_where_they_lead_in_a_map(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(leads_where_the_model_leads(Subject::in_memory(), &steps));
        #[cfg(feature = "sqlite")]
        runtime.block_on(leads_where_the_model_leads(Subject::in_a_file(), &steps));
    }
}
