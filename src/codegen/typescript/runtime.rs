//! The runtime, compiled in: the sources of `@rialto/client`.

use super::{File, MARK, RUNTIME_FOLDER};

macro_rules! sources {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../../clients/typescript/src/", $name)))),*]
    };
}

/// Every file of the runtime.
const SOURCES: &[(&str, &str)] = sources![
    "backoff.ts",
    "channel.ts",
    "channels.ts",
    "client.ts",
    "codes.ts",
    "cursor.ts",
    "data.ts",
    "errors.ts",
    "frames.ts",
    "host.ts",
    "index.ts",
    "lifecycle.ts",
    "queue.ts",
    "sends.ts",
    "session.ts",
    "subscription.ts",
    "told.ts",
    "transport.ts",
];

/// The runtime's files, below `runtime/`.
pub(super) fn files() -> impl Iterator<Item = File> {
    SOURCES.iter().map(|(name, text)| File {
        path: format!("{RUNTIME_FOLDER}/{name}"),
        text: format!("{MARK}{}: the runtime, @rialto/client.\n{text}", env!("CARGO_PKG_VERSION")),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;

    use super::SOURCES;

    #[test]
    fn every_source_of_the_runtime_is_embedded() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/clients/typescript/src");
        let there: BTreeSet<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        let embedded: BTreeSet<String> = SOURCES.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(embedded, there);
    }
}
