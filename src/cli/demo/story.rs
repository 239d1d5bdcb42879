//! What happens in the demo: processes that get on in three projects, and a platform that is mostly well.
//!
//! A [`Story`] is endless and repeatable: the same seed tells the same story.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pbjson_types::{Any, Timestamp};
use prost::Message;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};

use crate::proto::operations::v1::{
    ComponentHealth, GatewayRecovery, GatewayStatusChange, HealthStatus, LogLevel, SystemHealth, SystemLog,
};
use crate::proto::project::v1::{
    ProcessCompleted, ProcessOutcome, ProcessProgress, ProcessStarted, Project, ProjectUpdated, SystemHeartbeat,
};
use crate::proto::rialto::v1::{Event, event::Body};

/// Processes that run at once.
const RUNNING: usize = 4;

/// In turn, so that none is quiet for long.
const PROJECTS: &[(&str, &str)] =
    &[("42", "Harbour survey"), ("7", "Night trains"), ("nørd", "Aurora archive"), ("42", "Harbour survey")];
const PROCESSES: &[(&str, &[&str])] = &[
    ("import", &["Reading the catalogue", "Matching records", "Writing 12,400 rows", "Building the index"]),
    ("render", &["Laying out pages", "Drawing maps", "Compressing images", "Packing the book"]),
    ("analysis", &["Sampling", "Fitting the model", "Cross-checking", "Summing up"]),
    ("backup", &["Taking a snapshot", "Copying blocks", "Verifying checksums", "Removing old copies"]),
];
const LINES: &[(LogLevel, &str, &str)] = &[
    (LogLevel::Info, "scheduler", "Nightly jobs are planned: 14 in all"),
    (LogLevel::Info, "mailer", "Sent 32 notifications"),
    (LogLevel::Warning, "search", "Query took 1.8 s, expected less than 1 s"),
    (LogLevel::Info, "storage", "Volume b is 61 % full"),
    (LogLevel::Error, "mailer", "Mailbox refused a message, trying again in a minute"),
    (LogLevel::Info, "search", "Index refreshed"),
];
const GATEWAYS: &[(&str, &str)] = &[("gw-payments", "payment"), ("gw-voice", "sip"), ("gw-sensors", "mqtt")];

/// A process under way.
struct Process {
    id: String,
    project: &'static str,
    name: &'static str,
    steps: &'static [&'static str],
    progress: f64,
}

/// A gateway that is down.
struct Outage {
    gateway: (&'static str, &'static str),
    since: SystemTime,
    ends_at_beat: u64,
}

/// The story so far.
pub(super) struct Story {
    random: StdRng,
    beat: u64,
    started: usize,
    running: Vec<Process>,
    outage: Option<Outage>,
}

impl Story {
    /// The beginning.
    pub(super) fn new(seed: u64) -> Self {
        Story { random: StdRng::seed_from_u64(seed), beat: 0, started: 0, running: Vec::new(), outage: None }
    }

    /// What happens next: one event, seldom two.
    pub(super) fn next(&mut self) -> Vec<Event> {
        self.beat += 1;
        let now = SystemTime::now();
        let mut events = vec![match self.beat {
            beat if beat % 66 == 1 => {
                let heartbeat = SystemHeartbeat { source: "demo".to_owned(), sent: Some(timestamp(now)) };
                event("project.v1.SystemHeartbeat", &heartbeat)
            }
            beat if beat % 40 == 9 => self.health(now),
            beat if beat % 13 == 5 => self.log_line(),
            beat if beat % 97 == 23 => self.renamed(now),
            _ if self.running.len() < RUNNING => self.start(),
            _ => self.progress(),
        }];
        events.extend(self.gateways(now));
        events
    }

    fn start(&mut self) -> Event {
        let (project, _) = PROJECTS[self.started % PROJECTS.len()];
        self.started += 1;
        let (name, steps) = self.pick(PROCESSES);
        // Ids that never look like sequences.
        let id = format!("{name}-{:04x}", (self.started * 40_503) & 0xffff);
        let started = ProcessStarted {
            project_id: project.to_owned(),
            process_id: id.clone(),
            name: name.to_owned(),
            message: steps[0].to_owned(),
            started_by: "u-ada".to_owned(),
        };
        self.running.push(Process { id, project, name, steps, progress: 0.0 });
        event("project.v1.ProcessStarted", &started)
    }

    fn progress(&mut self) -> Event {
        let index = self.random.random_range(0..self.running.len());
        let stride = self.random.random_range(3.0..12.0_f64);
        let process = &mut self.running[index];
        process.progress = (process.progress + stride).round().min(100.0);
        if process.progress >= 100.0 {
            return self.complete(index);
        }
        // Progress is below 100, so this is a step.
        let step = (process.progress / 100.0 * process.steps.len() as f64) as usize;
        let progress = ProcessProgress {
            project_id: process.project.to_owned(),
            process_id: process.id.clone(),
            progress: process.progress,
            message: process.steps[step].to_owned(),
        };
        event("project.v1.ProcessProgress", &progress)
    }

    fn complete(&mut self, index: usize) -> Event {
        let process = self.running.swap_remove(index);
        let failed = self.random.random_ratio(1, 6);
        let (outcome, message) = match failed {
            false => (ProcessOutcome::Succeeded, format!("The {} is done", process.name)),
            true => (ProcessOutcome::Failed, format!("The {} found a broken record", process.name)),
        };
        let completed = ProcessCompleted {
            project_id: process.project.to_owned(),
            process_id: process.id,
            progress: process.progress,
            message,
            outcome: outcome.into(),
            ..ProcessCompleted::default()
        };
        event("project.v1.ProcessCompleted", &completed)
    }

    fn renamed(&mut self, now: SystemTime) -> Event {
        let (id, name) = self.pick(PROJECTS);
        let project = Project {
            name: name.to_owned(),
            description: "Shown by the demo".to_owned(),
            owner_id: "u-ada".to_owned(),
            created: Some(timestamp(now - Duration::from_secs(86_400))),
            updated: Some(timestamp(now)),
        };
        let updated = ProjectUpdated {
            project_id: id.to_owned(),
            project: Some(project),
            changed_fields: vec!["description".to_owned()],
            updated_by: "u-ada".to_owned(),
        };
        event("project.v1.ProjectUpdated", &updated)
    }

    fn log_line(&mut self) -> Event {
        let (level, source, message) = self.pick(LINES);
        let metadata = HashMap::from([("host".to_owned(), format!("node-{}", self.random.random_range(1..4)))]);
        let line = SystemLog { level: level.into(), source: source.to_owned(), message: message.to_owned(), metadata };
        event("operations.v1.SystemLog", &line)
    }

    fn health(&mut self, now: SystemTime) -> Event {
        let down = self.outage.as_ref().map(|outage| outage.gateway.0);
        let components = ["database", "search", "storage"].into_iter().map(|name| ComponentHealth {
            name: name.to_owned(),
            status: HealthStatus::Healthy.into(),
            message: String::new(),
            latency: Some(duration(Duration::from_micros(self.random.random_range(400..9_000)))),
        });
        let mut components: Vec<ComponentHealth> = components.collect();
        components.extend(down.map(|name| ComponentHealth {
            name: name.to_owned(),
            status: HealthStatus::Unhealthy.into(),
            message: "does not answer".to_owned(),
            latency: None,
        }));
        let status = if down.is_some() { HealthStatus::Degraded } else { HealthStatus::Healthy };
        let health = SystemHealth { status: status.into(), components, checked: Some(timestamp(now)) };
        event("operations.v1.SystemHealth", &health)
    }

    /// Every now and then a gateway fails, and recovers.
    fn gateways(&mut self, now: SystemTime) -> Vec<Event> {
        let change = |(id, kind): (&str, &str), previous: &str, current: &str, reason: &str| {
            let change = GatewayStatusChange {
                gateway_id: id.to_owned(),
                gateway_type: kind.to_owned(),
                previous_status: previous.to_owned(),
                current_status: current.to_owned(),
                metadata: HashMap::from([("region".to_owned(), "north".to_owned())]),
                reason: reason.to_owned(),
            };
            event("operations.v1.GatewayStatusChange", &change)
        };
        match self.outage.take() {
            None if self.beat % 120 == 50 => {
                let gateway = self.pick(GATEWAYS);
                let ends_at_beat = self.beat + self.random.random_range(25..60);
                self.outage = Some(Outage { gateway, since: now, ends_at_beat });
                vec![change(gateway, "online", "offline", "does not answer")]
            }
            Some(Outage { gateway, since, ends_at_beat }) if ends_at_beat <= self.beat => {
                let recovery = GatewayRecovery {
                    gateway_id: gateway.0.to_owned(),
                    gateway_type: gateway.1.to_owned(),
                    down_since: Some(timestamp(since)),
                    downtime: Some(duration(now.duration_since(since).unwrap_or_default())),
                    attempts: self.random.random_range(2..7),
                    metadata: HashMap::new(),
                };
                vec![
                    change(gateway, "offline", "online", "answers again"),
                    event("operations.v1.GatewayRecovery", &recovery),
                ]
            }
            outage => {
                self.outage = outage;
                Vec::new()
            }
        }
    }

    fn pick<T: Copy>(&mut self, from: &'static [T]) -> T {
        *from.choose(&mut self.random).expect("the tables of the story are not empty")
    }
}

/// An event as a service with generated types publishes it: packed, channels left to the schema.
fn event(name: &str, message: &impl Message) -> Event {
    let payload = Any { type_url: format!("type.googleapis.com/{name}"), value: message.encode_to_vec().into() };
    Event { body: Some(Body::Payload(payload)), ..Event::default() }
}

fn timestamp(time: SystemTime) -> Timestamp {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp {
        seconds: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        // Millisecond precision: more would be noise to a reader.
        nanos: i32::try_from(since.subsec_millis() * 1_000_000).unwrap_or_default(),
    }
}

fn duration(length: Duration) -> pbjson_types::Duration {
    pbjson_types::Duration {
        seconds: i64::try_from(length.as_secs()).unwrap_or(i64::MAX),
        nanos: i32::try_from(length.subsec_micros() * 1_000).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::Story;
    use crate::proto::rialto::v1::event::Body;
    use crate::schema::Schema;

    #[test]
    fn the_story_uses_the_bundled_catalogue_on_several_channels() {
        let schema = Schema::bundled();
        let mut story = Story::new(11);
        let (mut types, mut channels) = (BTreeSet::new(), BTreeSet::new());
        for event in std::iter::repeat_with(|| story.next()).take(600).flatten() {
            let Some(Body::Payload(payload)) = event.body else { panic!("not packed") };
            let name = payload.type_url.rsplit('/').next().unwrap();
            let event_type = schema.event_by_message(name).unwrap_or_else(|| panic!("{name} is not in the catalogue"));
            types.insert(event_type.name.to_string());
            for channel in schema.route(event_type, &payload.value).unwrap() {
                channels.insert(channel.to_string());
            }
        }
        assert!(types.len() >= 9, "{types:?}");
        for channel in ["project:42", "project:7", "operations", "system"] {
            assert!(channels.contains(channel), "{channels:?}");
        }
    }
}
