//! What the suite said, and what it is expected to say.

use std::collections::BTreeMap;
use std::path::Path;

/// The suite's verdicts on behaviour and on closing, by case.
pub(crate) type Found = BTreeMap<String, Verdict>;

/// On what happened within the case, and on how the connection was closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    behaviour: String,
    close: String,
}

impl Verdict {
    fn ok() -> Self {
        Verdict { behaviour: "OK".to_owned(), close: "OK".to_owned() }
    }
}

/// The committed verdicts: `case [behaviour close]`, and after a `#` why. A case without verdicts is OK.
pub(crate) struct Expected {
    listed: BTreeMap<String, Verdict>,
}

impl Expected {
    pub(crate) fn read(name: &str) -> Result<Self, String> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/autobahn").join(name);
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let mut listed = BTreeMap::new();
        for line in text.lines() {
            let (line, why) = line.split_once('#').unwrap_or((line, ""));
            let words: Vec<&str> = line.split_whitespace().collect();
            let verdict = match words[..] {
                [] => continue,
                [_] => Verdict::ok(),
                [_, _, _] if why.trim().is_empty() => return Err(format!("{name}: no reason is given: {line}")),
                [_, behaviour, close] => Verdict { behaviour: behaviour.into(), close: close.into() },
                _ => return Err(format!("{name}: this is no line of verdicts: {line}")),
            };
            if listed.insert(words[0].to_owned(), verdict).is_some() {
                return Err(format!("{name}: {} is listed twice", words[0]));
            }
        }
        Ok(Expected { listed })
    }

    /// The cases that are listed.
    pub(crate) fn cases(&self) -> impl Iterator<Item = &str> {
        self.listed.keys().map(String::as_str)
    }

    /// Fails with every case whose verdict is another than the expected one, in either direction.
    pub(crate) fn compare(&self, name: &str, found: &Found) -> Result<(), String> {
        let ok = Verdict::ok();
        let wrong = found.iter().filter_map(|(case, verdict)| {
            let expected = self.listed.get(case).unwrap_or(&ok);
            (expected != verdict).then(|| format!("{case}: {verdict:?}, expected {expected:?}"))
        });
        let missing = self.cases().filter(|case| !found.contains_key(*case)).map(|case| format!("{case}: not run"));
        let breaches: Vec<String> = wrong.chain(missing).collect();
        match breaches.is_empty() {
            true => Ok(()),
            false => Err(format!("{name}: {} cases differ\n{}", breaches.len(), breaches.join("\n"))),
        }
    }
}

/// Reads the suite's index of one agent.
pub(crate) fn found(index: &str, agent: &str) -> Result<Found, String> {
    let index: serde_json::Value = serde_json::from_str(index).map_err(|error| error.to_string())?;
    let cases = index[agent].as_object().ok_or(format!("the report has no {agent}"))?;
    let text = |value: &serde_json::Value| value.as_str().unwrap_or("nothing").replace(' ', "-");
    let verdict =
        |case: &serde_json::Value| Verdict { behaviour: text(&case["behavior"]), close: text(&case["behaviorClose"]) };
    Ok(cases.iter().map(|(id, case)| (id.clone(), verdict(case))).collect())
}
