//! Wire bytes as the table of vectors writes them.

/// The bytes of a text like `1:5 2:"a" 3:{1:1.5d} $ff`.
pub(super) fn wire(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let rest = fields(text, &mut out);
    assert!(rest.is_empty(), "left over in vector: {rest}");
    out
}

fn fields<'t>(mut text: &'t str, out: &mut Vec<u8>) -> &'t str {
    loop {
        text = text.trim_start();
        if text.is_empty() || text.starts_with('}') {
            return text;
        }
        if let Some(rest) = text.strip_prefix('$') {
            let end = rest.find(|character: char| !character.is_ascii_hexdigit()).unwrap_or(rest.len());
            out.extend(hex::decode(&rest[..end]).unwrap());
            text = &rest[end..];
            continue;
        }
        // Raw bytes may be split for reading: a bare pair of digits goes on with them.
        let (number, rest) = match text.split_once(':') {
            Some((number, rest)) if number.bytes().all(|byte| byte.is_ascii_digit()) => {
                (number.parse::<u64>().unwrap(), rest)
            }
            _ => {
                let end = text.find([' ', '}']).unwrap_or(text.len());
                out.extend(hex::decode(&text[..end]).unwrap());
                text = &text[end..];
                continue;
            }
        };
        text = value(number, rest, out);
    }
}

fn value<'t>(number: u64, text: &'t str, out: &mut Vec<u8>) -> &'t str {
    if let Some(rest) = text.strip_prefix("!{") {
        varint(number << 3 | 3, out);
        let rest = fields(rest, out).strip_prefix('}').unwrap();
        varint(number << 3 | 4, out);
        return rest;
    }
    if let Some(rest) = text.strip_prefix('{') {
        let mut body = Vec::new();
        let rest = fields(rest, &mut body).strip_prefix('}').unwrap();
        delimited(number, &body, out);
        return rest;
    }
    if let Some(rest) = text.strip_prefix('[') {
        let (list, rest) = rest.split_once(']').unwrap();
        let mut body = Vec::new();
        list.split_whitespace().for_each(|item| varint(integer(item), &mut body));
        delimited(number, &body, out);
        return rest;
    }
    if text.starts_with('"') {
        let mut strings = serde_json::Deserializer::from_str(text).into_iter::<String>();
        let body = strings.next().unwrap().unwrap();
        delimited(number, body.as_bytes(), out);
        return &text[strings.byte_offset()..];
    }
    let end = text.find([' ', '}']).unwrap_or(text.len());
    let (token, rest) = text.split_at(end);
    // `inf` ends like a float's suffix does: the suffix is what follows.
    if let Some(digits) = token.strip_suffix('d') {
        varint(number << 3 | 1, out);
        out.extend(digits.parse::<f64>().unwrap().to_le_bytes());
    } else if let Some(digits) = token.strip_suffix('f') {
        varint(number << 3 | 5, out);
        out.extend(digits.parse::<f32>().unwrap().to_le_bytes());
    } else if let Some(digits) = token.strip_suffix('l') {
        varint(number << 3 | 1, out);
        out.extend(integer(digits).to_le_bytes());
    } else if let Some(digits) = token.strip_suffix('i') {
        varint(number << 3 | 5, out);
        out.extend((integer(digits) as u32).to_le_bytes());
    } else {
        varint(number << 3, out);
        varint(integer(token), out);
    }
    rest
}

fn integer(text: &str) -> u64 {
    text.parse::<u64>().unwrap_or_else(|_| text.parse::<i64>().unwrap() as u64)
}

fn delimited(number: u64, body: &[u8], out: &mut Vec<u8>) {
    varint(number << 3 | 2, out);
    varint(body.len() as u64, out);
    out.extend_from_slice(body);
}

pub(super) fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
