//! Reads the table of facts. `tests/clients/model_table.py` says what its lines mean.
//!
//! The table is a part of this program, so what is malformed in it is a mistake of ours: a test reads all of it.

use std::collections::HashMap;
use std::str::SplitAsciiWhitespace;

use super::pattern::Pattern;
use super::route::Segment;
use super::shape::{Constraint, Kind, Member, Place, Shape};
use super::{Model, Operation};

/// The members that lines of the table add to: those of the operation or structure above them.
enum Above {
    Nothing,
    Operation,
    Shape(&'static str),
}

pub(super) fn read(table: &'static str) -> Model {
    let mut model = Model { operations: Vec::new(), shapes: HashMap::new(), runtimes: Vec::new() };
    let mut above = Above::Nothing;
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        let (kind, rest) = line.split_once(' ').unwrap_or((line, ""));
        match kind {
            // What exceptions look like is known where they are written; a test holds that against the table.
            "error" => {}
            "operation" => {
                model.operations.push(operation(rest));
                above = Above::Operation;
            }
            "errors" => last(&mut model).errors = rest.split(' ').collect(),
            "input" => last(&mut model).input = Some(Vec::new()),
            "member" => members_of(&mut model, &above).push(member(rest)),
            "shape" => {
                let (name, rest) = rest.split_once(' ').expect("a shape has a name and a kind");
                model.shapes.insert(name, shape(rest));
                above = Above::Shape(name);
            }
            other => panic!("the table has a line of an unknown kind: {other}"),
        }
    }
    model
}

fn last(model: &mut Model) -> &mut Operation {
    model.operations.last_mut().expect("an operation comes before its facts")
}

fn members_of<'a>(model: &'a mut Model, above: &Above) -> &'a mut Vec<Member> {
    let members = match above {
        Above::Nothing => None,
        Above::Operation => last(model).input.as_mut(),
        Above::Shape(name) => match model.shapes.get_mut(name) {
            Some(Shape { kind: Kind::Structure(members), .. }) => Some(members),
            _ => None,
        },
    };
    members.expect("members come after what they are members of")
}

fn operation(line: &'static str) -> Operation {
    let mut words = line.split_ascii_whitespace();
    let (name, method, uri, success) =
        (word(&mut words), word(&mut words), word(&mut words), word(&mut words));
    let (path, query) = uri.split_once('?').map_or((uri, None), |(path, query)| (path, Some(query)));
    Operation {
        name,
        method,
        path: path.split('/').filter(|segment| !segment.is_empty()).map(Segment::of).collect(),
        query: query.map(|pair| pair.split_once('=').expect("a pair")),
        success: success.parse().expect("a status code"),
        errors: Vec::new(),
        input: None,
    }
}

fn member(line: &'static str) -> Member {
    let mut words = line.split_ascii_whitespace();
    Member {
        name: word(&mut words),
        required: word(&mut words) == "required",
        place: match word(&mut words) {
            "path" => Place::Path,
            "query" => Place::Query,
            "body" => Place::Body,
            other => panic!("no operation that is read here has members in its {other}"),
        },
        wire: word(&mut words),
        shape: word(&mut words),
    }
}

fn shape(line: &'static str) -> Shape {
    let (facts, pattern) =
        line.split_once(" pattern ").map_or((line, None), |(facts, pattern)| (facts, Some(pattern)));
    let mut words = facts.split_ascii_whitespace();
    let kind = word(&mut words);
    let is_number = matches!(kind, "integer" | "long" | "double");
    let (mut parts, mut sensitive, mut minimum, mut constraints) = (Vec::new(), false, None, Vec::new());
    while let Some(fact) = words.next() {
        match fact {
            "sensitive" => sensitive = true,
            "of" => parts.extend((0..if kind == "map" { 2 } else { 1 }).map(|_| word(&mut words))),
            "min" => minimum = Some(word(&mut words)),
            "max" if is_number => constraints.push(value_max(word(&mut words))),
            "max" => constraints.push(Constraint::LengthMax(word(&mut words).parse().expect("a length"))),
            "enum" => constraints.push(Constraint::Enum(word(&mut words).split(',').collect())),
            other => panic!("the table has an unknown fact: {other}"),
        }
    }
    // AWS names the upper bound first.
    let after_maximum = usize::from(!constraints.is_empty());
    if let Some(minimum) = minimum {
        constraints.insert(after_maximum, if is_number { value_min(minimum) } else { length_min(minimum) });
    }
    constraints.extend(pattern.map(|pattern| Constraint::Pattern(Pattern::new(pattern))));
    Shape { kind: kind_of(kind, &parts), constraints, sensitive }
}

fn kind_of(kind: &str, parts: &[&'static str]) -> Kind {
    match (kind, parts) {
        ("string", []) => Kind::String,
        ("integer" | "long", []) => Kind::Integer,
        // In requests, seconds since 1970.
        ("double" | "timestamp", []) => Kind::Double,
        ("boolean", []) => Kind::Boolean,
        ("blob", []) => Kind::Blob,
        ("list", [of]) => Kind::List { of },
        ("map", [key, value]) => Kind::Map { key, value },
        ("structure", []) => Kind::Structure(Vec::new()),
        _ => panic!("the table has a shape of an unknown kind: {kind}"),
    }
}

pub(super) fn value_max(text: &'static str) -> Constraint {
    Constraint::ValueMax(text.parse().expect("a number"), text)
}

fn value_min(text: &'static str) -> Constraint {
    Constraint::ValueMin(text.parse().expect("a number"), text)
}

fn length_min(text: &'static str) -> Constraint {
    Constraint::LengthMin(text.parse().expect("a length"))
}

fn word(words: &mut SplitAsciiWhitespace<'static>) -> &'static str {
    words.next().expect("a line of the table has all its words")
}
