//! Work grows with the input and not with its depth: what must be looked at ahead is looked at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use buffa::MessageField;
use buffa_descriptor::DescriptorPool;
use buffa_descriptor::generated::descriptor::feature_set::MessageEncoding;
use buffa_descriptor::generated::descriptor::field_descriptor_proto::{Label, Type};
use buffa_descriptor::generated::descriptor::{
    DescriptorProto, Edition, FeatureSet, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet, FileOptions,
};

use super::super::{Options, Problem, Transcoder};
use super::{canonical, index, pool, print};

/// `message Node { Node node = 1; int32 n = 2; }`, nodes delimited.
fn nodes() -> Arc<DescriptorPool> {
    let field = |name: &str, number, kind, type_name: Option<&str>| FieldDescriptorProto {
        name: Some(name.to_owned()),
        number: Some(number),
        label: Some(Label::LABEL_OPTIONAL),
        r#type: Some(kind),
        type_name: type_name.map(str::to_owned),
        ..Default::default()
    };
    let features = FeatureSet { message_encoding: Some(MessageEncoding::DELIMITED), ..Default::default() };
    let file = FileDescriptorProto {
        name: Some("node.proto".to_owned()),
        syntax: Some("editions".to_owned()),
        edition: Some(Edition::EDITION_2023),
        options: MessageField::some(FileOptions { features: MessageField::some(features), ..Default::default() }),
        message_type: vec![DescriptorProto {
            name: Some("Node".to_owned()),
            field: vec![field("node", 1, Type::TYPE_MESSAGE, Some(".Node")), field("n", 2, Type::TYPE_INT32, None)],
            ..Default::default()
        }],
        ..Default::default()
    };
    Arc::new(DescriptorPool::new(FileDescriptorSet { file: vec![file], ..Default::default() }).unwrap())
}

fn groups(levels: usize, inside: &[u8]) -> Vec<u8> {
    [&[0x0b].repeat(levels), inside, &[0x0c].repeat(levels)].concat()
}

/// The fastest of a few runs: the machine has other work.
fn time(mut work: impl FnMut()) -> Duration {
    let once = |_| {
        let start = Instant::now();
        work();
        start.elapsed()
    };
    (0..5).map(once).min().unwrap()
}

#[test]
fn declared_groups_nest_a_hundred_levels_deep() {
    let pool = nodes();
    for force_slow_path in [false, true] {
        let transcoder = Transcoder::new(&pool, Options { force_slow_path, ..canonical() });
        let node = index(&pool, "Node");
        let json = print(&transcoder, node, &groups(100, &[0x10, 5])).unwrap();
        assert_eq!(json.matches("node").count(), 100);
        assert_eq!(transcoder.from_json(node, json.as_bytes()).unwrap(), groups(100, &[0x10, 5]));
        let error = print(&transcoder, node, &groups(101, &[])).unwrap_err();
        assert_eq!(error.problem, Problem::TooDeep { max_depth: 100 });
        // Ends that do not fit, and none.
        for (wire, problem) in [(&[0x0b, 0x14][..], Problem::StrayEndGroup), (&[0x0b, 0x0b, 0x0c], Problem::Truncated)]
        {
            assert_eq!(print(&transcoder, node, wire).unwrap_err().problem, problem);
        }
    }
}

#[test]
fn a_hundred_groups_around_a_payload_cost_no_hundredfold_work() {
    let pool = nodes();
    let node = index(&pool, "Node");
    // Unknown fields, so that passing over them is all the work.
    let payload = [0x18, 1].repeat(50_000);
    for force_slow_path in [false, true] {
        let transcoder = Transcoder::new(&pool, Options { force_slow_path, ..canonical() });
        let cost = |levels: usize| {
            let wire = groups(levels, &payload);
            time(|| drop(print(&transcoder, node, &wire).unwrap()))
        };
        let (shallow, deep) = (cost(1), cost(99));
        assert!(deep < shallow * 10, "one level takes {shallow:?}, 99 take {deep:?}");
    }
}

#[test]
fn types_at_the_end_of_nested_anys_cost_no_fiftyfold_work() {
    let pool = pool();
    let tree = index(&pool, "vectors.Tree");
    let transcoder = Transcoder::new(&pool, canonical());
    let payload = format!(r#"{{"name":"{}","@type":"x/vectors.Tree"}}"#, "\\n".repeat(50_000));
    let cost = |levels: usize| {
        let ends = r#","@type":"x/vectors.Tree"}"#.repeat(levels);
        let json = format!("{}{payload}{ends}", r#"{"any":"#.repeat(levels));
        let json = format!(r#"{{"any":{json}}}"#);
        time(|| drop(transcoder.from_json(tree, json.as_bytes()).unwrap()))
    };
    let (shallow, deep) = (cost(1), cost(40));
    assert!(deep < shallow * 8, "one level takes {shallow:?}, 40 take {deep:?}");
}
