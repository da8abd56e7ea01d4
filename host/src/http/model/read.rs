//! Reads the JSON body of a request by the shapes of its members: what no shape has is passed over without being kept, what
//! has another type than its shape is refused, and a package is decoded from base64 at once, so that it is held only once.

use std::fmt;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::Model;
use super::shape::{Kind, Member, Place, Shape};
use super::violation::At;

/// The most values a request may have: members, items, keys.
const VALUES_MAX: usize = 10_000;
/// The most bytes all texts of a request may have together, without the package.
const TEXT_BYTES_MAX: usize = 1 << 20;

/// What was read of a body: its members, and in place of a package that one is there.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) members: Map<String, Value>,
    pub(super) package: Option<Bytes>,
}

/// What may still be read.
struct Room {
    values: usize,
    text_bytes: usize,
    package: Option<Bytes>,
}

/// Reads a body that should have these members.
pub(super) fn body(model: &Model, members: &[Member], body: &[u8]) -> Result<Body, serde_json::Error> {
    let mut room = Room { values: VALUES_MAX, text_bytes: TEXT_BYTES_MAX, package: None };
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let structure = StructureSeed { model, members, at: At::Request, room: &mut room };
    let read = structure.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(Body { members: read, package: room.package })
}

impl Room {
    fn take<E: Error>(&mut self, text_bytes: usize) -> Result<(), E> {
        let values = self.values.checked_sub(1);
        let text_bytes = self.text_bytes.checked_sub(text_bytes);
        let too_many = || E::custom(format_args!("there are more than {VALUES_MAX} values"));
        let too_long = || E::custom(format_args!("all texts together have more than {TEXT_BYTES_MAX} bytes"));
        self.values = values.ok_or_else(too_many)?;
        self.text_bytes = text_bytes.ok_or_else(too_long)?;
        Ok(())
    }
}

/// A request or structure.
struct StructureSeed<'a> {
    model: &'a Model,
    members: &'a [Member],
    at: At<'a>,
    room: &'a mut Room,
}

/// The value of a member.
struct ValueSeed<'a> {
    model: &'a Model,
    shape: &'a Shape,
    at: At<'a>,
    room: &'a mut Room,
}

/// The name of a member; `None` for what the model does not have.
struct NameSeed<'a>(&'a [Member]);

impl<'de> DeserializeSeed<'de> for StructureSeed<'_> {
    type Value = Map<String, Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for StructureSeed<'_> {
    type Value = Map<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut read = Map::new();
        while let Some(member) = map.next_key_seed(NameSeed(self.members))? {
            let Some(member) = member else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let seed = ValueSeed {
                model: self.model,
                shape: self.model.shape(member.shape),
                at: At::Member(&self.at, member.name),
                room: &mut *self.room,
            };
            let value = map.next_value_seed(seed)?;
            read.insert(member.name.to_owned(), value);
        }
        Ok(read)
    }
}

impl<'de, 'a> DeserializeSeed<'de> for NameSeed<'a> {
    type Value = Option<&'a Member>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'a> Visitor<'_> for NameSeed<'a> {
    type Value = Option<&'a Member>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a member")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().find(|member| member.place == Place::Body && member.wire == name))
    }
}

impl<'de> DeserializeSeed<'de> for ValueSeed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl ValueSeed<'_> {
    /// Another type than the shape's: `'timeout': STRING_VALUE can not be converted to an Integer`.
    fn mistyped<E: Error>(&self, given: &str) -> E {
        let (at, expected) = (self.at, self.shape.kind.name());
        E::custom(format_args!("'{at}': {given} can not be converted to {expected}"))
    }

    /// A package, of which a request has at most one.
    fn package<E: Error>(self, text: &str) -> Result<Value, E> {
        let decoded = BASE64_STANDARD.decode(text);
        let bytes =
            decoded.map_err(|error| E::custom(format_args!("'{}' is not base64: {error}", self.at)))?;
        self.room.package = Some(bytes.into());
        Ok(Value::Bool(true))
    }
}

impl<'de> Visitor<'de> for ValueSeed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.shape.kind.name())
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        self.room.take(0)?;
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, given: bool) -> Result<Value, E> {
        self.room.take(0)?;
        match (&self.shape.kind, given) {
            (Kind::Boolean, _) => Ok(Value::Bool(given)),
            (_, true) => Err(self.mistyped("TRUE_VALUE")),
            (_, false) => Err(self.mistyped("FALSE_VALUE")),
        }
    }

    fn visit_i64<E: Error>(self, given: i64) -> Result<Value, E> {
        self.room.take(0)?;
        match self.shape.kind {
            Kind::Integer | Kind::Double => Ok(given.into()),
            _ => Err(self.mistyped("NUMBER_VALUE")),
        }
    }

    fn visit_u64<E: Error>(self, given: u64) -> Result<Value, E> {
        // What no i64 can hold is beyond every limit all the same.
        self.visit_i64(i64::try_from(given).unwrap_or(i64::MAX))
    }

    fn visit_f64<E: Error>(self, given: f64) -> Result<Value, E> {
        self.room.take(0)?;
        match self.shape.kind {
            Kind::Double => Ok(given.into()),
            _ => Err(self.mistyped("NUMBER_VALUE")),
        }
    }

    fn visit_str<E: Error>(self, given: &str) -> Result<Value, E> {
        match self.shape.kind {
            Kind::Blob => self.package(given),
            Kind::String => {
                self.room.take(given.len())?;
                Ok(given.into())
            }
            _ => Err(self.mistyped("STRING_VALUE")),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        self.room.take(0)?;
        let Kind::List { of } = self.shape.kind else { return Err(self.mistyped("a list")) };
        let shape = self.model.shape(of);
        let mut read = Vec::new();
        loop {
            let at = At::Item(&self.at, read.len());
            let seed = ValueSeed { model: self.model, shape, at, room: &mut *self.room };
            match items.next_element_seed(seed)? {
                Some(item) => read.push(item),
                None => return Ok(Value::Array(read)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        self.room.take(0)?;
        let value = match &self.shape.kind {
            Kind::Structure(members) => {
                let structure = StructureSeed { model: self.model, members, at: self.at, room: self.room };
                return structure.visit_map(map).map(Value::Object);
            }
            Kind::Map { value, .. } => self.model.shape(value),
            _ => return Err(self.mistyped("a structure")),
        };
        let mut read = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            self.room.take(key.len())?;
            let at = At::Key(&self.at, &key);
            let seed = ValueSeed { model: self.model, shape: value, at, room: &mut *self.room };
            let value = map.next_value_seed(seed)?;
            read.insert(key, value);
        }
        Ok(Value::Object(read))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> Result<Body, serde_json::Error> {
        let model = Model::lambda();
        let create = model.operations().iter().find(|operation| operation.name == "CreateFunction");
        body(model, create.and_then(|create| create.input.as_ref()).expect("it is read"), text.as_bytes())
    }

    fn refusal(text: &str) -> String {
        let error = read(text).expect_err("it is refused");
        assert!(error.is_data(), "{error}");
        error.to_string()
    }

    #[test]
    fn members_are_read_and_others_passed_over() {
        let text = r#"{"FunctionName":"f","New":{"x":[1,{}]},"Timeout":3,"Environment":{"Variables":{"K":"v"},"Y":1},
                       "Layers":null,"Code":{"ZipFile":"AGFzbQ=="}}"#;
        let body = read(text).expect("a body");
        let expected = json!({ "FunctionName": "f", "Timeout": 3, "Environment": { "Variables": { "K": "v" } },
                               "Layers": null, "Code": { "ZipFile": true } });
        assert_eq!(Value::Object(body.members), expected);
        assert_eq!(body.package.as_deref(), Some(&b"\0asm"[..]));
    }

    #[test]
    fn what_has_another_type_is_named() {
        for (text, part) in [
            (r#"{"Timeout":"3"}"#, "'timeout': STRING_VALUE can not be converted to an Integer"),
            (r#"{"Timeout":3.5}"#, "'timeout': NUMBER_VALUE can not be converted to an Integer"),
            (r#"{"FunctionName":5}"#, "'functionName': NUMBER_VALUE can not be converted to a String"),
            (r#"{"Publish":"yes"}"#, "'publish': STRING_VALUE can not be converted to a Boolean"),
            (r#"{"Environment":{"Variables":{"K":true}}}"#, "'environment.variables.K': TRUE_VALUE"),
            (r#"{"Layers":{}}"#, "'layers': a structure can not be converted to a List"),
            (r#"{"Code":[]}"#, "'code': a list can not be converted to a Structure"),
            (r#"{"Code":{"ZipFile":"?"}}"#, "'code.zipFile' is not base64"),
            ("[]", "expected a JSON object"),
        ] {
            assert!(refusal(text).contains(part), "{}", refusal(text));
        }
    }

    #[test]
    fn what_is_no_json_is_told_from_json_of_another_type() {
        for text in ["", "{", r#"{"Timeout":}"#, "{} {}", "\u{1}"] {
            assert!(!read(text).expect_err("no JSON").is_data(), "{text:?}");
        }
    }

    #[test]
    fn a_body_cannot_take_more_memory_than_there_is_room_for() {
        let many = format!(r#"{{"Layers":[{}""]}}"#, "\"\",".repeat(VALUES_MAX));
        assert!(refusal(&many).contains("values"));
        let long = format!(r#"{{"Description":"{}"}}"#, "x".repeat(TEXT_BYTES_MAX + 1));
        assert!(refusal(&long).contains("bytes"));
        let unknown = format!(r#"{{"Unknown":[{}""]}}"#, "[],".repeat(VALUES_MAX));
        assert!(read(&unknown).expect("passed over").members.is_empty());
    }
}
