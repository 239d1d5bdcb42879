//! Who may know whom: modules by floor, and libraries by module.

use std::collections::{BTreeMap, BTreeSet};

use crate::Breach;
use crate::source::Source;

/// The floors, from the ground up. The modules of floor 1 are ordered: each may know those before it.
const FLOORS: [&[&str]; 5] = [
    &["ids", "status", "proto"],
    &["schema", "log", "transcode", "wire", "session", "codegen"],
    &["hub", "engine", "revision", "ingest", "handlers", "auth", "limits", "net", "metrics", "shutdown"],
    &["grpc", "socket", "admin"],
    &["app", "config", "cli", "main", "lib"],
];
/// The floor whose order counts.
const ORDERED: usize = 1;
/// The floor whose modules do not know each other.
const STRANGERS: usize = 3;
/// The Rust publisher API: outside the house.
const CLIENT: &str = "publisher";

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|modules| modules.contains(&module))
}

fn rank(module: &str) -> Option<usize> {
    FLOORS[ORDERED].iter().position(|known| *known == module)
}

/// The breaches of the order of modules.
pub(crate) fn check(sources: &[Source]) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let mut graph: BTreeMap<String, BTreeMap<String, (usize, usize)>> = BTreeMap::new();
    for (index, source) in sources.iter().enumerate().filter(|(_, source)| source.path.starts_with("src/")) {
        let module = source.module();
        let Some(own) = floor(module) else {
            if module != CLIENT {
                breaches.push(Breach::new(
                    source,
                    1,
                    format!("{module} has no floor: give it one in tests/tidy/floors.rs"),
                ));
            } else {
                breaches.extend(client(source));
            }
            continue;
        };
        if source.is_test() || module == "lib" {
            continue;
        }
        for (other, line) in source.named_modules() {
            let Some(theirs) = floor(&other).filter(|_| other != module) else { continue };
            if let Some(rule) = rule_against(module, own, &other, theirs) {
                breaches.push(Breach::new(source, line, rule));
            } else {
                graph.entry(module.to_owned()).or_default().entry(other).or_insert((index, line));
            }
        }
    }
    breaches.extend(circle(&graph).map(|way| {
        let (index, line) = graph[&way[0]][&way[1]];
        let rule = format!("modules must not know each other in a circle: {}", way.join(" → "));
        Breach::new(&sources[index], line, rule)
    }));
    breaches
}

fn rule_against(module: &str, own: usize, other: &str, theirs: usize) -> Option<String> {
    if theirs > own {
        return Some(format!("{module} (floor {own}) must not know {other} (floor {theirs}): dependencies point down"));
    }
    if own == ORDERED && theirs == ORDERED && rank(other) > rank(module) {
        let order: Vec<&str> = FLOORS[ORDERED].iter().rev().copied().collect();
        return Some(format!("{module} must not know {other}: on this floor it goes {}", order.join(" → ")));
    }
    if own == STRANGERS && theirs == STRANGERS {
        return Some(format!("{module} and {other} must not know each other: what both need is a floor below"));
    }
    if module == "engine" && other == "hub" {
        return Some("engine must not know hub: its events leave by the appender that it was given".to_owned());
    }
    None
}

/// The publisher API is a client of the bridge: of the house it imports only the contract.
fn client(source: &Source) -> Vec<Breach> {
    let others = source.named_modules().into_iter().filter(|(other, _)| other != "proto" && other != CLIENT);
    others
        .map(|(other, line)| {
            Breach::new(
                source,
                line,
                format!("publisher is a client of the bridge: it imports only proto, not {other}"),
            )
        })
        .collect()
}

/// A way from a module back to itself, if there is one.
fn circle(graph: &BTreeMap<String, BTreeMap<String, (usize, usize)>>) -> Option<Vec<String>> {
    fn walk(
        graph: &BTreeMap<String, BTreeMap<String, (usize, usize)>>,
        way: &mut Vec<String>,
        done: &mut BTreeSet<String>,
    ) -> bool {
        let here = way[way.len() - 1].clone();
        for next in graph.get(&here).into_iter().flat_map(BTreeMap::keys) {
            if let Some(start) = way.iter().position(|module| module == next) {
                way.drain(..start);
                way.push(next.clone());
                return true;
            }
            if !done.contains(next) {
                way.push(next.clone());
                if walk(graph, way, done) {
                    return true;
                }
                way.pop();
            }
        }
        done.insert(here);
        false
    }
    let mut done = BTreeSet::new();
    graph.keys().find_map(|module| {
        let mut way = vec![module.clone()];
        (!done.contains(module) && walk(graph, &mut way, &mut done)).then_some(way)
    })
}

/// The breaches of which module may name which library.
pub(crate) fn libraries(source: &Source) -> Vec<Breach> {
    let mut breaches = Vec::new();
    if !source.path.starts_with("src/") || source.is_test() {
        return breaches;
    }
    let module = source.module();
    let mut ban = |words: &[&str], rule: &str| {
        for word in words {
            let lines = source.find(word).into_iter();
            breaches
                .extend(lines.map(|line| Breach::new(source, line, rule.replace("{}", word.trim_end_matches("::")))));
        }
    };
    if floor(module).is_some_and(|floor| floor <= ORDERED) && module != "proto" {
        ban(
            &["tokio::", "tonic::", "axum::", "hyper::", "hyper_util::"],
            "floors 0 and 1 must not name {}: bytes and tasks are moved further up",
        );
        ban(&["Instant::now", "SystemTime::now"], "floors 0 and 1 must not ask for the time: it is an argument");
        ban(&["rand::"], "floors 0 and 1 must not ask for chance: it is an argument");
    }
    if module != "config" {
        ban(&["std::env", "env::var", "env::vars"], "only config reads the environment");
    }
    if !matches!(module, "grpc" | "cli" | CLIENT) {
        ban(&["tonic::Status"], "only grpc builds a tonic::Status; elsewhere it is rialto's own Status");
        if !matches!(module, "app" | "net") {
            ban(&["tonic::"], "only grpc, and the command line as a client, name tonic");
        }
    }
    if !matches!(module, "socket" | "admin" | "net") {
        ban(&["axum::"], "only socket, admin and net name axum's types");
    }
    breaches
}
