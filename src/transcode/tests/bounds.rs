//! Bounds hold exactly, through every way of nesting, and adversarial input costs linear work.

use super::super::{Options, Problem, Transcoder};
use super::{canonical, index, notation, pool, print};

/// Wraps `body` as field `number`, `levels` times.
fn nest(number: u64, body: Vec<u8>, levels: usize) -> Vec<u8> {
    (0..levels).fold(body, |body, _| delimited(number, &body))
}

fn delimited(number: u64, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    notation::varint(number << 3 | 2, &mut out);
    notation::varint(body.len() as u64, &mut out);
    out.extend_from_slice(body);
    out
}

fn any(url: &str, body: &[u8]) -> Vec<u8> {
    [delimited(1, url.as_bytes()), delimited(2, body)].concat()
}

#[test]
fn a_hundred_levels_are_printed_and_one_more_is_refused() {
    let pool = pool();
    for force_slow_path in [false, true] {
        let transcoder = Transcoder::new(&pool, Options { force_slow_path, ..canonical() });
        let tree = index(&pool, "vectors.Tree");
        let known = index(&pool, "vectors.Known");
        // What is nested, the deepest that passes, the first that does not.
        type Shape = Box<dyn Fn(usize) -> Vec<u8>>;
        let shapes: [(_, Shape, usize); 4] = [
            (tree, Box::new(|levels| nest(1, Vec::new(), levels)), 100),
            (tree, Box::new(|levels| (0..levels).fold(Vec::new(), |body, _| delimited(5, &delimited(2, &body)))), 100),
            // Tree.any → Any → Tree.any: a level each for the Any and for what is in it.
            (
                tree,
                Box::new(|levels| (0..levels).fold(Vec::new(), |body, _| delimited(6, &any("x/vectors.Tree", &body)))),
                50,
            ),
            // ListValue in Value in ListValue: a level each, under Known.v.
            (known, Box::new(|levels| delimited(5, &nest_lists(levels))), 49),
        ];
        for (at, (message, shape, deepest)) in shapes.iter().enumerate() {
            assert!(print(&transcoder, *message, &shape(*deepest)).is_ok(), "shape {at}");
            let error = print(&transcoder, *message, &shape(deepest + 1)).unwrap_err();
            assert_eq!(error.problem, Problem::TooDeep { max_depth: 100 }, "shape {at}");
        }
        let unknown = |levels: usize| [[0x9b, 0x06].repeat(levels), [0x9c, 0x06].repeat(levels)].concat();
        assert!(print(&transcoder, tree, &unknown(100)).is_ok());
        let error = print(&transcoder, tree, &unknown(101)).unwrap_err();
        assert_eq!(error.problem, Problem::TooDeep { max_depth: 100 });
    }
}

fn nest_lists(levels: usize) -> Vec<u8> {
    // Value { list_value: ListValue { values: [ … ] } }
    (0..levels).fold(Vec::new(), |body, _| delimited(6, &delimited(1, &body)))
}

#[test]
fn deep_json_is_refused_and_not_recursed_into() {
    let pool = pool();
    let transcoder = Transcoder::new(&pool, canonical());
    let tree = index(&pool, "vectors.Tree");
    let known = index(&pool, "vectors.Known");
    let text = |levels: usize| format!("{}{{}}{}", "{\"child\":".repeat(levels), "}".repeat(levels));
    assert!(transcoder.from_json(tree, text(100).as_bytes()).is_ok());
    let error = transcoder.from_json(tree, text(101).as_bytes()).unwrap_err();
    assert_eq!(error.problem, Problem::TooDeep { max_depth: 100 });
    let lists = format!("{{\"v\":{}", "[".repeat(1_000_000));
    let error = transcoder.from_json(known, lists.as_bytes()).unwrap_err();
    assert_eq!(error.problem, Problem::TooDeep { max_depth: 100 });
    let anys = format!("{{\"any\":{}", "{\"a\":".repeat(500_000));
    assert!(transcoder.from_json(known, anys.as_bytes()).is_err());
}

#[test]
fn elements_are_counted_over_the_whole_event() {
    let pool = pool();
    for force_slow_path in [false, true] {
        let options = Options { force_slow_path, max_elements: 6, ..canonical() };
        let transcoder = Transcoder::new(&pool, options);
        let too_many = Problem::TooManyElements { max_elements: 6 };
        let lists = index(&pool, "vectors.Lists");
        assert!(print(&transcoder, lists, &notation::wire("1:[1 2 3] 2:\"a\" 1:[4] 2:\"b\"")).is_ok());
        let error = print(&transcoder, lists, &notation::wire("1:[1 2 3] 2:\"a\" 1:[4] 2:\"b\" 2:\"c\"")).unwrap_err();
        assert_eq!((error.path.as_str(), error.problem), ("s[2]", too_many));
        let known = index(&pool, "vectors.Known");
        let members = |count| delimited(4, &delimited(1, &[]).repeat(count));
        assert!(print(&transcoder, known, &members(6)).is_ok());
        let error = print(&transcoder, known, &members(7)).unwrap_err();
        assert_eq!((error.path.as_str(), error.problem), ("st[6]", too_many));
        assert!(transcoder.from_json(lists, b"{\"n\":[1,2,3,4],\"s\":[\"a\",\"b\"]}").is_ok());
        let error = transcoder.from_json(lists, b"{\"n\":[1,2,3,4],\"s\":[\"a\",\"b\",\"c\"]}").unwrap_err();
        assert_eq!((error.path.as_str(), error.problem), ("s[2]", too_many));
    }
}

#[test]
fn json_is_bounded_to_the_byte_where_text_grows_sixfold() {
    let pool = pool();
    let file = index(&pool, "vectors.File");
    let wire = delimited(1, &[1; 1000]);
    let printed = Transcoder::new(&pool, canonical());
    let len = print(&printed, file, &wire).unwrap().len();
    assert_eq!(len, 6 * 1000 + "{\"name\":\"\"}".len());
    for (max_json_bytes, fits) in [(len, true), (len - 1, false), (500, false), (0, false)] {
        let transcoder = Transcoder::new(&pool, Options { max_json_bytes, ..canonical() });
        let result = print(&transcoder, file, &wire);
        assert_eq!(result.is_ok(), fits, "{max_json_bytes}");
        if let Err(error) = result {
            assert_eq!(error.problem, Problem::JsonTooLarge { max_json_bytes });
        }
        let json = print(&printed, file, &wire).unwrap();
        assert_eq!(transcoder.from_json(file, json.as_bytes()).is_ok(), fits, "{max_json_bytes}");
    }
}

#[test]
fn conflicts_at_every_level_do_not_multiply_the_work() {
    let pool = pool();
    let tree = index(&pool, "vectors.Tree");
    // Every level conflicts after its child was printed: doubling per level would never end.
    let wire =
        (0..100).fold(Vec::new(), |body, _| [delimited(1, &body), delimited(4, b"a"), delimited(4, b"b")].concat());
    let transcoder = Transcoder::new(&pool, canonical());
    let json = print(&transcoder, tree, &wire).unwrap();
    assert_eq!(json.matches("\"name\":\"b\"").count(), 100);
    assert!((1..=8).contains(&transcoder.slow_path_count()), "{}", transcoder.slow_path_count());
}

#[test]
fn ten_thousand_keys_with_one_prefix_are_told_apart() {
    let pool = pool();
    let maps = index(&pool, "vectors.Maps");
    let key = |n: usize| format!("{}{n:05}", "x".repeat(50));
    let mut wire: Vec<u8> = (0..10_000).flat_map(|n| delimited(1, &delimited(1, key(n).as_bytes()))).collect();
    let transcoder = Transcoder::new(&pool, canonical());
    print(&transcoder, maps, &wire).unwrap();
    assert_eq!(transcoder.slow_path_count(), 0);
    wire.extend(delimited(1, &[delimited(1, key(7).as_bytes()), delimited(2, b"last")].concat()));
    let json = print(&transcoder, maps, &wire).unwrap();
    assert_eq!(transcoder.slow_path_count(), 1);
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["ss"].as_object().unwrap().len(), 10_000);
    assert_eq!(value["ss"][key(7)], "last");
}

#[test]
fn an_error_shows_no_payload() {
    let pool = pool();
    let transcoder = Transcoder::new(&pool, canonical());
    let maps = index(&pool, "vectors.Maps");
    let error = transcoder.from_json(maps, br#"{"ll":{"1":"top-secret"}}"#).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("secret"));
    let error = print(&transcoder, maps, &notation::wire("1:{1:\"secret\" 2:{$ff}}")).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("secret"));
    let long = format!("{{\"{}\\n\":1}}", "é\\u001b".repeat(100));
    let error = transcoder.from_json(maps, long.as_bytes()).unwrap_err();
    assert!(error.path.chars().count() <= 65 && !error.path.contains('\u{1b}'), "{}", error.path);
}

#[test]
fn an_error_says_where_in_the_input() {
    let pool = pool();
    let transcoder = Transcoder::new(&pool, canonical());
    let upload = index(&pool, "vectors.Upload");
    // 0a 07 [0a 01 61] [12 02 c3 28]
    let error = print(&transcoder, upload, &notation::wire("1:{1:\"a\" 2:{$c328}}")).unwrap_err();
    assert_eq!((error.offset, error.path.as_str()), (6, "file.tags[0]"));
    let error = transcoder.from_json(upload, br#"{"file":{"size":"x"}}"#).unwrap_err();
    assert_eq!((error.offset, error.path.as_str()), (19, "file.size"));
}
