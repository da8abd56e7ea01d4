//! What holds of any pattern and any event, against models too slow to serve.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::folded::Folded;
use super::super::rule::Rule;
use super::super::wildcard::Wildcard;
use super::super::{Field, Filters, Object, Pattern};

/// A value in an event that is neither an object nor a list, where it is, and in which element of which list.
struct Found<'e> {
    path: Vec<&'e str>,
    value: &'e Value,
    elements: Elements,
}

/// The lists that something is in, and in which of their elements.
type Elements = Vec<(usize, usize)>;

/// What is asked of one path.
type Asked<'p> = (Vec<&'p str>, &'p [Rule]);

/// The rule as `aws/event-ruler` states it: each field that is asked for is found, or is absent as it should be, and no two
/// that are found stand in different elements of one list. What should be absent may stand in elements beside those.
fn matches_by_model(pattern: &Pattern, event: &Value) -> bool {
    let (mut found, mut lists) = (Vec::new(), 0);
    find(event, &mut Vec::new(), &mut Vec::new(), &mut lists, &mut found);
    combinations(&pattern.root, &[]).iter().any(|asked| chosen(asked, &found, &Vec::new(), &mut Vec::new()))
}

fn find<'e>(
    value: &'e Value,
    path: &mut Vec<&'e str>,
    elements: &mut Elements,
    lists: &mut usize,
    found: &mut Vec<Found<'e>>,
) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                path.push(key);
                find(value, path, elements, lists, found);
                path.pop();
            }
        }
        Value::Array(items) => {
            let list = *lists;
            *lists += 1;
            for (index, item) in items.iter().enumerate() {
                // A plain value selects no element: nothing else can be in the same one.
                let selects = item.is_object() || item.is_array();
                elements.extend(selects.then_some((list, index)));
                find(item, path, elements, lists, found);
                elements.truncate(elements.len() - usize::from(selects));
            }
        }
        _ => found.push(Found { path: path.clone(), value, elements: elements.clone() }),
    }
}

/// Each way to choose alternatives, as what it asks of which path.
fn combinations<'p>(object: &'p Object, path: &[&'p str]) -> Vec<Vec<Asked<'p>>> {
    let mut all = vec![Vec::new()];
    for (key, field) in &object.fields {
        let path = [path, &[key.as_str()]].concat();
        all = times(
            &all,
            &match field {
                Field::Leaf(leaf) => vec![vec![(path, leaf.rules.as_slice())]],
                Field::Object(object) => combinations(object, &path),
            },
        );
    }
    match &*object.alternatives {
        [] => all,
        alternatives => {
            let each = alternatives.iter().flat_map(|alternative| combinations(alternative, path));
            times(&all, &each.collect::<Vec<_>>())
        }
    }
}

fn times<T: Clone>(left: &[Vec<T>], right: &[Vec<T>]) -> Vec<Vec<T>> {
    left.iter().flat_map(|left| right.iter().map(move |right| [left.as_slice(), right].concat())).collect()
}

/// Whether what is asked can be chosen from what is found, within the elements; `absent` is put off until all is chosen.
fn chosen<'p>(
    asked: &[Asked<'p>],
    found: &[Found<'_>],
    elements: &Elements,
    absent: &mut Vec<Vec<&'p str>>,
) -> bool {
    let consistent = |other: &Elements| {
        elements.iter().all(|(list, index)| other.iter().all(|(l, i)| l != list || i == index))
    };
    let Some(((path, rules), others)) = asked.split_first() else {
        return !found.iter().any(|found| absent.contains(&found.path) && consistent(&found.elements));
    };
    let candidates = found.iter().filter(|found| found.path == *path && consistent(&found.elements));
    for found_here in candidates.filter(|found| rules.iter().any(|rule| rule.matches(found.value))) {
        let elements = [elements.as_slice(), &found_here.elements].concat();
        if chosen(others, found, &elements, absent) {
            return true;
        }
    }
    if !rules.iter().any(|rule| matches!(rule, Rule::Absent)) {
        return false;
    }
    absent.push(path.clone());
    let so = chosen(others, found, elements, absent);
    absent.pop();
    so
}

/// Whether the text is like the wildcard, by trying each length for each star.
fn like(wildcard: &[char], text: &[char]) -> bool {
    match wildcard {
        [] => text.is_empty(),
        ['*', rest @ ..] => (0..=text.len()).any(|length| like(rest, &text[length..])),
        ['\\', letter, rest @ ..] | [letter, rest @ ..] => {
            text.first() == Some(letter) && like(rest, &text[1..])
        }
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let keys = "[ab$.]|\\$or|prefix|suffix|exists|numeric|anything-but|wildcard|cidr|equals-ignore-case";
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[ab*\\\\]{0,4}|[<>]=?|=|10\\.0\\.0\\.0/[0-9]{1,2}|\\PC{0,3}".prop_map(Value::from),
    ];
    scalar.prop_recursive(5, 48, 4, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(keys, inner, 0..4).prop_map(|fields| fields.into_iter().collect()),
        ]
    })
}

fn small_value() -> impl Strategy<Value = Value> {
    prop_oneof![Just(json!(1)), Just(json!(2)), Just(json!("x")), Just(Value::Null)]
}

fn small_event() -> impl Strategy<Value = Value> {
    let value = small_value().prop_recursive(4, 32, 3, |inner| {
        prop_oneof![
            1 => vec(inner.clone(), 0..4).prop_map(Value::from),
            2 => btree_map("[abcd]", inner, 0..4).prop_map(|fields| fields.into_iter().collect()),
        ]
    });
    btree_map("[abcd]", value, 1..4).prop_map(|fields| fields.into_iter().collect())
}

fn small_rule() -> impl Strategy<Value = Value> {
    prop_oneof![4 => small_value(), 1 => Just(json!({ "anything-but": 1 })), 1 => Just(json!({ "exists": true }))]
}

fn small_leaf() -> impl Strategy<Value = Value> {
    vec(small_rule(), 1..3).prop_map(Value::from)
}

fn small_leaf_or_absence() -> impl Strategy<Value = Value> {
    vec(prop_oneof![3 => small_rule(), 2 => Just(json!({ "exists": false }))], 1..3).prop_map(Value::from)
}

/// Patterns with what should be absent, but without alternatives.
fn small_pattern() -> impl Strategy<Value = Value> {
    let field = small_leaf_or_absence().prop_recursive(3, 12, 3, |inner| {
        btree_map("[abcd]", inner, 1..4).prop_map(|fields| fields.into_iter().collect())
    });
    btree_map("[abcd]", field, 1..4).prop_map(|fields| fields.into_iter().collect())
}

/// Patterns with alternatives, for other keys than those beside them. What should be absent is asked beside them only.
fn small_alternatives() -> impl Strategy<Value = Value> {
    let object = |keys, field: BoxedStrategy<Value>, sizes| {
        btree_map(keys, field, sizes).prop_map(|fields| fields.into_iter().collect::<serde_json::Map<_, _>>())
    };
    let field = small_leaf().prop_recursive(3, 16, 3, move |inner| {
        let beside = object("[ab]", prop_oneof![inner.clone(), small_leaf_or_absence()].boxed(), 0..3);
        let alternatives = vec(object("[cd]", inner.boxed(), 1..3), 2..4);
        (beside, alternatives).prop_map(|(mut fields, alternatives)| {
            fields.insert("$or".to_owned(), alternatives.into());
            Value::Object(fields)
        })
    });
    btree_map("[abcd]", field, 1..3).prop_map(|fields| fields.into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_text_brings_the_parser_down(text in "\\PC{0,64}|[\\[\\]{}\":,a0\\\\*$]{0,64}") {
        let _ = Pattern::parse(&text).map_err(|error| error.to_string());
    }

    #[test]
    fn no_json_brings_parsing_or_matching_down(
        pattern in btree_map("[ab]|body|\\$or", any_json(), 0..4),
        event in any_json(),
    ) {
        let text = json!(pattern).to_string();
        if let Ok(pattern) = Pattern::parse(&text) {
            pattern.matches(&event);
            pattern.matches(&json!({ "a": event, "b": [event, 1] }));
        }
        if let Ok(filters) = Filters::parse([text.as_str()]) {
            filters.pass(&event);
            filters.pass(&json!({ "body": event.to_string(), "a": event }));
        }
    }

    #[test]
    fn lists_match_as_the_rule_of_one_element_says(pattern in small_pattern(), event in small_event()) {
        let read = Pattern::parse(&pattern.to_string()).expect("a pattern");
        prop_assert_eq!(read.matches(&event), matches_by_model(&read, &event), "{} and {}", pattern, event);
    }

    #[test]
    fn alternatives_match_as_if_each_were_a_pattern(pattern in small_alternatives(), event in small_event()) {
        // Some multiply into too many combinations.
        let Ok(read) = Pattern::parse(&pattern.to_string()) else { return Ok(()) };
        prop_assert_eq!(read.matches(&event), matches_by_model(&read, &event), "{} and {}", pattern, event);
    }

    #[test]
    fn a_wildcard_matches_what_the_naive_way_finds(wildcard in "([ab]|\\\\\\*|\\*[ab]){0,6}\\*?", text in "[ab*]{0,10}") {
        let letters = |text: &str| text.chars().collect::<Vec<_>>();
        let read = Wildcard::parse(&wildcard).expect("a wildcard");
        prop_assert_eq!(read.matches(&text), like(&letters(&wildcard), &letters(&text)), "{} and {}", wildcard, text);
    }

    #[test]
    fn case_is_ignored_as_it_is_in_ascii(one in "[ -~]{0,6}", other in "[ -~]{0,6}") {
        let folded = Folded::new(&one);
        let prefixed = |text: &str| text.get(..one.len()).is_some_and(|start| start.eq_ignore_ascii_case(&one));
        prop_assert_eq!(folded.equals(&other), one.eq_ignore_ascii_case(&other));
        prop_assert_eq!(folded.begins(&other), prefixed(&other));
        let suffixed = [other, one.to_ascii_uppercase()].concat();
        prop_assert!(folded.ends(&suffixed), "{}", suffixed);
    }

    #[test]
    fn a_text_is_equal_to_itself_in_any_case(text in "\\PC{0,8}") {
        let folded = Folded::new(&text);
        prop_assert!(folded.equals(&text) && folded.begins(&text) && folded.ends(&text));
    }

    #[test]
    fn numbers_compare_by_value(bottom in -5_000_000_000_i64..=5_000_000_000, other: i64, near in -2_i64..=2) {
        for other in [other, bottom + near] {
            let event = json!({ "a": other });
            for (comparison, expected) in [
                ("=", other == bottom), (">", other > bottom), (">=", other >= bottom),
                ("<", other < bottom), ("<=", other <= bottom),
            ] {
                let pattern = json!({ "a": [{ "numeric": [comparison, bottom] }] }).to_string();
                let pattern = Pattern::parse(&pattern).expect("a pattern");
                prop_assert_eq!(pattern.matches(&event), expected, "{} {} {}", other, comparison, bottom);
            }
            let exact = |number: &str| Pattern::parse(&format!(r#"{{"a": [{number}]}}"#)).expect("a pattern");
            prop_assert!(exact(&other.to_string()).matches(&event));
            prop_assert_eq!(exact(&other.to_string()).matches(&json!({ "a": bottom })), other == bottom);
            for form in [".0", "00e-2", ".000E+0"] {
                let written = format!("{bottom}{form}");
                prop_assert!(exact(&written).matches(&json!({ "a": bottom })), "{}", written);
            }
        }
    }

    #[test]
    fn a_json_body_matches_as_if_it_had_been_no_string(pattern in small_pattern(), body in small_event()) {
        let pattern = json!({ "body": pattern });
        let record = json!({ "body": body.to_string() });
        let parsed = json!({ "body": body });
        let filters = Filters::parse([pattern.to_string().as_str()]).expect("a pattern");
        let alone = Pattern::parse(&pattern.to_string()).expect("a pattern");
        prop_assert_eq!(filters.pass(&record), alone.matches(&parsed));
    }
}
