//! The program under test: answers the runner's requests on standard input with the transcoder, as the bridge calls it.

use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::sync::Arc;

use buffa_descriptor::{DescriptorPool, MessageIndex};
use prost::Message as _;
use rialto::transcode::{Options, Transcoder};

/// One question of the runner: `conformance.ConformanceRequest`.
#[derive(Clone, PartialEq, prost::Message)]
struct Request {
    #[prost(oneof = "Payload", tags = "1, 2, 7, 8")]
    payload: Option<Payload>,
    #[prost(int32, tag = "3")]
    wanted: i32,
    #[prost(string, tag = "4")]
    message_type: String,
    #[prost(int32, tag = "5")]
    category: i32,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Payload {
    #[prost(bytes, tag = "1")]
    Wire(Vec<u8>),
    #[prost(string, tag = "2")]
    Json(String),
    #[prost(string, tag = "7")]
    Jspb(String),
    #[prost(string, tag = "8")]
    Text(String),
}

/// One answer: `conformance.ConformanceResponse`.
#[derive(Clone, PartialEq, prost::Message)]
struct Response {
    #[prost(oneof = "Answer", tags = "1, 2, 3, 4, 5, 6")]
    answer: Option<Answer>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Answer {
    #[prost(string, tag = "1")]
    CannotParse(String),
    #[prost(string, tag = "2")]
    Broken(String),
    #[prost(bytes, tag = "3")]
    Wire(Vec<u8>),
    #[prost(string, tag = "4")]
    Json(String),
    #[prost(string, tag = "5")]
    Skipped(String),
    #[prost(string, tag = "6")]
    CannotSerialize(String),
}

/// `WireFormat` and `TestCategory` as far as they matter here.
const PROTOBUF: i32 = 1;
const JSON: i32 = 2;
const IGNORE_UNKNOWN: i32 = 3;

/// A question longer than this is none.
const MAX_REQUEST_BYTES: u32 = 64 << 20;

/// What is under test.
struct Testee {
    pool: Arc<DescriptorPool>,
    transcoder: Transcoder,
}

/// Answers until the runner closes the pipe.
pub(crate) fn answer(descriptors: &Path, force_slow_path: bool) -> io::Result<()> {
    let set = std::fs::read(descriptors)?;
    let pool = Arc::new(DescriptorPool::decode(&set).map_err(io::Error::other)?);
    // Canonical ProtoJSON, which the runner compares with; the bridge itself prints defaults and refuses NaN.
    let options = Options { print_defaults: false, refuse_non_finite: false, force_slow_path, ..Options::default() };
    let transcoder = Transcoder::new(&pool, options);
    let testee = Testee { pool, transcoder };
    let (mut questions, mut answers) = (io::stdin().lock(), io::stdout().lock());
    loop {
        let mut length = [0; 4];
        match questions.read_exact(&mut length) {
            Err(end) if end.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            other => other?,
        }
        let length = u32::from_le_bytes(length);
        if length > MAX_REQUEST_BYTES {
            return Err(io::Error::other(format!("a request of {length} bytes")));
        }
        let mut bytes = vec![0; length as usize];
        questions.read_exact(&mut bytes)?;
        let request = Request::decode(&*bytes).map_err(io::Error::other)?;
        let response = Response { answer: Some(testee.answer(request)) }.encode_to_vec();
        answers.write_all(&(response.len() as u32).to_le_bytes())?;
        answers.write_all(&response)?;
        answers.flush()?;
    }
}

impl Testee {
    fn answer(&self, request: Request) -> Answer {
        // The runner asks first which failures are expected: it is told on its command line.
        if request.message_type == "conformance.FailureSet" {
            return Answer::Wire(Vec::new());
        }
        let Some(message) = self.pool.message_index(&request.message_type) else {
            return Answer::Broken(format!("no message {}", request.message_type));
        };
        if request.category == IGNORE_UNKNOWN {
            return Answer::Skipped("unknown members are always refused".to_owned());
        }
        match (request.payload, request.wanted) {
            (Some(Payload::Wire(wire)), JSON) => self.print(message, &wire),
            (Some(Payload::Json(json)), PROTOBUF) => match self.read(message, &json) {
                Ok(wire) => Answer::Wire(wire),
                Err(answer) => answer,
            },
            (Some(Payload::Json(json)), JSON) => match self.read(message, &json) {
                Ok(wire) => self.print(message, &wire),
                Err(answer) => answer,
            },
            _ => Answer::Skipped("only JSON to or from the wire".to_owned()),
        }
    }

    /// Says of every failure that the bytes cannot be parsed, except where they can be and have no JSON.
    fn print(&self, message: MessageIndex, wire: &[u8]) -> Answer {
        use rialto::transcode::Problem;
        let mut json = Vec::new();
        match self.transcoder.to_json(message, wire, &mut json) {
            Ok(()) => match String::from_utf8(json) {
                Ok(json) => Answer::Json(json),
                Err(error) => Answer::Broken(error.to_string()),
            },
            Err(error) => match error.problem {
                Problem::NonFinite
                | Problem::TimestampRange
                | Problem::DurationRange
                | Problem::FieldMaskPath
                | Problem::AnyUrl
                | Problem::AnyUnknownType => Answer::CannotSerialize(error.to_string()),
                _ => Answer::CannotParse(error.to_string()),
            },
        }
    }

    fn read(&self, message: MessageIndex, json: &str) -> Result<Vec<u8>, Answer> {
        self.transcoder.from_json(message, json.as_bytes()).map_err(|error| Answer::CannotParse(error.to_string()))
    }
}
