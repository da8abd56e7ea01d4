//! The MD5s by which clients check that messages arrived as they were sent.

use md5::{Digest as _, Md5};

use super::attribute::{AttributeValue, MessageAttribute};

/// What a text value is marked with.
const TEXT: u8 = 1;
/// What a binary value is marked with.
const BINARY: u8 = 2;

/// The MD5 of a body, in hexadecimal.
pub(crate) fn md5_of_body(body: &str) -> String {
    hexadecimal(&Md5::digest(body))
}

/// The MD5 of attributes that come in the order of their names, as SQS's documentation of message metadata has it: of each
/// its name, its type, one byte for the kind of its value, and the value, with lengths in four bytes. None if there are none.
pub(crate) fn md5_of_attributes<'a>(
    attributes: impl IntoIterator<Item = (&'a str, &'a MessageAttribute)>,
) -> Option<String> {
    let (mut md5, mut is_empty) = (Md5::new(), true);
    for (name, attribute) in attributes {
        is_empty = false;
        add(&mut md5, name.as_bytes());
        add(&mut md5, attribute.data_type.as_bytes());
        match &attribute.value {
            AttributeValue::Text(text) => {
                md5.update([TEXT]);
                add(&mut md5, text.as_bytes());
            }
            AttributeValue::Binary(bytes) => {
                md5.update([BINARY]);
                add(&mut md5, bytes);
            }
        }
    }
    (!is_empty).then(|| hexadecimal(&md5.finalize()))
}

/// The MD5 of the one system attribute that senders can give.
pub(crate) fn md5_of_trace_header(header: &str) -> String {
    let attribute = MessageAttribute::string(header);
    md5_of_attributes([("AWSTraceHeader", &attribute)]).expect("there is one attribute")
}

fn add(md5: &mut Md5, part: &[u8]) {
    let length = u32::try_from(part.len()).expect("messages are far smaller than 4 GiB");
    md5.update(length.to_be_bytes());
    md5.update(part);
}

/// Bytes as SQS writes them.
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        write!(text, "{byte:02x}").expect("a string takes all");
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use bytes::Bytes;

    use super::*;

    fn of(attributes: &[(&str, &str, AttributeValue)]) -> Option<String> {
        let attributes: BTreeMap<&str, MessageAttribute> = (attributes.iter())
            .map(|(name, data_type, value)| {
                (*name, MessageAttribute { data_type: (*data_type).to_owned(), value: value.clone() })
            })
            .collect();
        md5_of_attributes(attributes.iter().map(|(name, attribute)| (*name, attribute)))
    }

    fn text(text: &str) -> AttributeValue {
        AttributeValue::Text(text.to_owned())
    }

    /// The first five were answered by AWS.
    #[test]
    fn md5s_are_those_of_sqs() {
        assert_eq!(md5_of_body("msg"), "6e2baaf3b97dbeef01c0043275f9a0e7");
        let hello = ("Hello", "String", text("There"));
        let help = ("Help.Me", "String", text("Me"));
        let general = ("General", "String", text("Kenobi"));
        let all = [general.clone(), hello.clone(), help.clone()];
        assert_eq!(of(&all).as_deref(), Some("4c360f3fdafd970e05fae2f149d997f5"));
        assert_eq!(of(&[hello.clone(), general]).as_deref(), Some("fca026605781cb4126a1e9044df24232"));
        assert_eq!(of(&[hello]).as_deref(), Some("a311262e065454b75da111d535b8dacd"));
        let number = ("timestamp", "Number", text("1493147359900"));
        assert_eq!(of(&[number]).as_deref(), Some("235c5c510d26fb653d073faed50ae77c"));
        let binary = AttributeValue::Binary(Bytes::from_static(&[0, 255]));
        let of_dead_letter = [
            ("RequestID", "String", text("c0ffee")),
            ("some.thing", "Binary.png", binary),
            ("ErrorCode", "Number", text("200")),
        ];
        assert_eq!(of(&of_dead_letter).as_deref(), Some("4df5ad4bcacc6c48acc283e85eac5925"));
        let trace = "Root=1-5f35ae12-0c0fec141ab77a00bc047aa2;Parent=2be948a625588e32;Sampled=1";
        assert_eq!(md5_of_trace_header(trace), "e6ba308f7bfbc8a2c58b9a79145933a4");
        assert_eq!(of(&[]), None);
    }
}
