//! Publishes events to Rialto and says what became of them.
//!
//!     cargo run -- --count 1000
//!     cargo run -- --event step.json       # a workflow.step_completed as ProtoJSON

mod publisher;

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use pbjson_types::Any;
use prost::{Message, Name};
use proto::project::v1::ProcessProgress;
use proto::rialto::v1::{Event, event::Body};
use proto::workflow::v1::WorkflowStepCompleted;
use publisher::Publisher;

/// What `build.rs` made of the schema.
#[allow(dead_code)]
mod proto {
    pub mod google {
        pub mod rpc {
            tonic::include_proto!("google.rpc");
        }
    }
    pub mod rialto {
        pub mod v1 {
            tonic::include_proto!("rialto.v1");
        }
    }
    pub mod project {
        pub mod v1 {
            tonic::include_proto!("project.v1");
        }
    }
    pub mod workflow {
        pub mod v1 {
            tonic::include_proto!("workflow.v1");
            include!(concat!(env!("OUT_DIR"), "/workflow.v1.serde.rs"));
        }
    }
}

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut arguments = pico_args::Arguments::from_env();
    let address: String = arguments.opt_value_from_str("--address")?.unwrap_or_else(|| "127.0.0.1:50051".to_owned());
    let count: u32 = arguments.opt_value_from_str("--count")?.unwrap_or(100);
    let interval_ms: u64 = arguments.opt_value_from_str("--interval-ms")?.unwrap_or(0);
    let step: Option<String> = arguments.opt_value_from_str("--event")?;
    let step: Option<WorkflowStepCompleted> =
        step.map(std::fs::read_to_string).transpose()?.map(|text| serde_json::from_str(&text)).transpose()?;

    let publisher = Publisher::new(format!("http://{address}"))?;
    let mut outcomes = Vec::new();
    for number in 1..=count {
        let payload = match &step {
            Some(step) => packed(step),
            None => packed(&ProcessProgress {
                project_id: "42".to_owned(),
                process_id: "rust".to_owned(),
                progress: f64::from(number) * 100.0 / f64::from(count),
                message: format!("{number} of {count}"),
            }),
        };
        let metadata = [("publisher", "rust".to_owned()), ("number", number.to_string())];
        let event = Event {
            body: Some(Body::Payload(payload)),
            metadata: metadata.map(|(name, value)| (name.to_owned(), value)).into(),
            ..Event::default()
        };
        outcomes.push(publisher.publish(event).await);
        tokio::time::sleep(Duration::from_millis(interval_ms)).await;
    }
    let traffic = publisher.close().await?;

    let (mut acked, mut duplicates, mut refused) = (0, 0, 0);
    for outcome in outcomes {
        match outcome.await? {
            Ok(accepted) => {
                acked += 1;
                duplicates += u32::from(accepted.duplicate);
            }
            Err(status) => {
                eprintln!("refused: {}", status.message);
                refused += 1;
            }
        }
    }
    println!(
        "acked {acked}, duplicates {duplicates}, refused {refused}, connections {}, sent again {}",
        traffic.connections, traffic.sent_again
    );
    Ok(if refused == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The event's message, as the bridge takes it.
fn packed<M: Message + Name>(message: &M) -> Any {
    Any { type_url: M::type_url(), value: message.encode_to_vec().into() }
}
