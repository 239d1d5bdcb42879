//! From OpenMetrics, which the encoder writes, to the older text format of Prometheus, version 0.0.4.
//!
//! They differ in the lines that begin with `#`: a counter is described under its sample's name, and there is no end mark.

/// The same metrics in the older format.
pub(super) fn from_open_metrics(text: &str) -> String {
    let mut classic = String::with_capacity(text.len());
    let counters: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter")).collect();
    for line in text.lines() {
        if line == "# EOF" || line.starts_with("# UNIT ") {
            continue;
        }
        let described = ["# HELP ", "# TYPE "].into_iter().find_map(|word| Some((word, line.strip_prefix(word)?)));
        match described.and_then(|(word, rest)| Some((word, rest.split_once(' ')?))) {
            Some((word, (name, rest))) => {
                let total = if counters.contains(&name) { "_total" } else { "" };
                classic.extend([word, name, total, " ", rest, "\n"]);
            }
            None => classic.extend([line, "\n"]),
        }
    }
    classic
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_described_under_their_samples_name() {
        let text = "# HELP a_b Why # EOF.\n# TYPE a_b counter\na_b_total{x=\"# TYPE y counter\"} 1\n\
                    # HELP c Gauge\n# TYPE c gauge\nc 2\n# EOF\n";
        let expected = "# HELP a_b_total Why # EOF.\n# TYPE a_b_total counter\na_b_total{x=\"# TYPE y counter\"} 1\n\
                        # HELP c Gauge\n# TYPE c gauge\nc 2\n";
        assert_eq!(from_open_metrics(text), expected);
    }
}
