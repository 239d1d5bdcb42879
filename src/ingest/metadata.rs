//! What travels beside an event: bounded, and printed once in each form, sorted by key.

use std::collections::HashMap;
use std::ops::Range;

use super::{Limits, refusal::Refusal};
use crate::wire::binary::put_metadata;

/// The metadata key of W3C's trace context, as in HTTP and gRPC.
const TRACEPARENT: &str = "traceparent";

/// Where an event's metadata is in a buffer. Both empty when there is none.
#[derive(Debug)]
pub(super) struct Metadata {
    /// A JSON object.
    pub(super) json: Range<usize>,
    /// Entries of a binary frame.
    pub(super) wire: Range<usize>,
}

/// Appends the metadata to `out`, in both forms.
pub(super) fn print(
    metadata: &HashMap<String, String>,
    traceparent: Option<&str>,
    limits: &Limits,
    out: &mut Vec<u8>,
) -> Result<Metadata, Refusal> {
    let (entries, max_entries) = (metadata.len(), limits.max_metadata_entries);
    if entries > max_entries {
        return Err(Refusal::MetadataEntries { entries, max_entries });
    }
    let bytes = metadata.iter().map(|(key, value)| key.len() + value.len()).sum();
    if bytes > limits.max_metadata_bytes {
        return Err(Refusal::MetadataBytes { bytes, max_bytes: limits.max_metadata_bytes });
    }
    if metadata.contains_key("") {
        return Err(Refusal::MetadataKey);
    }
    let start = out.len();
    match traceparent {
        // The common cases, without sorting.
        None if metadata.is_empty() => {}
        Some(traceparent) if metadata.is_empty() => return Ok(print_sorted(&[(TRACEPARENT, traceparent)], out)),
        _ => {
            let mut entries: Vec<(&str, &str)> =
                metadata.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
            let traceparent = traceparent.filter(|_| !metadata.contains_key(TRACEPARENT));
            entries.extend(traceparent.map(|traceparent| (TRACEPARENT, traceparent)));
            entries.sort_unstable();
            return Ok(print_sorted(&entries, out));
        }
    }
    Ok(Metadata { json: start..start, wire: start..start })
}

fn print_sorted(entries: &[(&str, &str)], out: &mut Vec<u8>) -> Metadata {
    let start = out.len();
    for (index, (key, value)) in entries.iter().enumerate() {
        out.push(if index == 0 { b'{' } else { b',' });
        print_text(key, out);
        out.push(b':');
        print_text(value, out);
    }
    out.push(b'}');
    let json = start..out.len();
    for (key, value) in entries {
        put_metadata(out, key, value);
    }
    Metadata { wire: json.end..out.len(), json }
}

fn print_text(text: &str, json: &mut Vec<u8>) {
    serde_json::to_writer(json, text).expect("text goes into memory without an error");
}

/// Whether the text is a `traceparent` by W3C's Trace Context, section 3.2. Of later versions than 00 the parts that all
/// share are looked at.
pub(super) fn is_traceparent(text: &str) -> bool {
    const MAX_BYTES: usize = 256;
    let hex = |part: &str| part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let zero = |part: &str| part.bytes().all(|byte| byte == b'0');
    let mut parts = text.splitn(5, '-');
    let (Some(version), Some(trace), Some(parent), Some(flags)) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let rest = parts.next();
    text.len() <= MAX_BYTES
        && [(version, 2), (trace, 32), (parent, 16), (flags, 2)].into_iter().all(|(part, len)| part.len() == len && hex(part))
        && version != "ff"
        && !zero(trace)
        && !zero(parent)
        // What a later version adds is copied to browsers as it is, so it has to be harmless in JSON.
        && rest.is_none_or(|rest| version != "00" && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'))
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;
    use crate::proto::rialto::v1::Frame;

    const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn printed(entries: &[(&str, &str)], traceparent: Option<&str>) -> Result<String, Refusal> {
        let metadata = entries.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let mut json = b"before".to_vec();
        let printed = print(&metadata, traceparent, &Limits::default(), &mut json)?;
        assert_eq!(printed.wire.end, json.len());
        let text = String::from_utf8(json[printed.json].to_vec()).unwrap();
        let frame = Frame::decode(&json[printed.wire]).unwrap();
        let same: HashMap<String, String> = serde_json::from_str(if text.is_empty() { "{}" } else { &text }).unwrap();
        assert_eq!(frame, Frame { metadata: same, ..Frame::default() }, "both forms say the same");
        Ok(text)
    }

    #[test]
    fn metadata_is_printed_sorted_and_escaped_and_nothing_when_there_is_none() {
        let trace = format!("{{\"traceparent\":\"{TRACE}\"}}");
        let own = r#"{"traceparent":"mine"}"#;
        type Row<'a> = (&'a [(&'a str, &'a str)], Option<&'a str>, &'a str);
        let table: [Row<'_>; 5] = [
            (&[], None, ""),
            (&[("b", "2"), ("a", "1\"\n"), ("é", "ß")], None, r#"{"a":"1\"\n","b":"2","é":"ß"}"#),
            (&[], Some(TRACE), &trace),
            (&[("traceparent", "mine")], Some(TRACE), own),
            (&[("z", "")], Some(TRACE), &trace.replace('}', r#","z":""}"#)),
        ];
        for (entries, traceparent, expected) in table {
            assert_eq!(printed(entries, traceparent).unwrap(), expected);
        }
    }

    #[test]
    fn metadata_is_bounded_in_entries_and_bytes_and_has_no_empty_key() {
        let keys: Vec<String> = (0..65).map(|number| format!("key-{number}")).collect();
        let many: Vec<(&str, &str)> = keys.iter().map(|key| (key.as_str(), "")).collect();
        let long = "v".repeat(8 * 1024);
        assert!(matches!(printed(&many, None), Err(Refusal::MetadataEntries { entries: 65, max_entries: 64 })));
        assert!(printed(&many[..64], None).is_ok());
        assert!(matches!(printed(&[("k", &long)], None), Err(Refusal::MetadataBytes { bytes: 8193, .. })));
        assert!(printed(&[("k", &long[1..])], None).is_ok());
        assert!(matches!(printed(&[("", "v")], None), Err(Refusal::MetadataKey)));
    }

    #[test]
    fn a_traceparent_is_what_w3c_says() {
        let future = format!("cc{}-what-else", &TRACE[2..]);
        for good in [TRACE, &future] {
            assert!(is_traceparent(good), "{good}");
        }
        let bad = [
            "",
            "00",
            &TRACE[..TRACE.len() - 1],
            &format!("{TRACE}-more"),
            &TRACE.to_uppercase(),
            &TRACE.replacen("00", "ff", 1),
            &TRACE.replace("b7ad6b7169203331", "0000000000000000"),
            &TRACE.replace("0af7651916cd43dd8448eb211c80319c", "00000000000000000000000000000000"),
            &TRACE.replace('-', "_"),
            &format!("cc{}-\"", &TRACE[2..]),
            "é0-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ];
        for bad in bad {
            assert!(!is_traceparent(bad), "{bad}");
        }
    }
}
