//! Server reflection, v1 and v1alpha: how `grpcurl` and its like know the user's events.
//!
//! Answers each question from the revision of the schema that is current when it comes, so what a tool sees follows a
//! reload, even within one stream; and where publishers are asked who they are, each question asks again. Serves the schema's own files, Rialto's, Google's, and those of the services beside
//! ours on the port, with the options that their authors wrote.

mod index;

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::stream::BoxStream;
use futures_util::{FutureExt as _, StreamExt as _};
use prost::Message;
use tokio::sync::watch;
use tonic::{Code, Request, Response, Status, Streaming};
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_reflection::pb::v1::server_reflection_server::{ServerReflection, ServerReflectionServer};
use tonic_reflection::pb::v1::{
    ErrorResponse, ExtensionNumberResponse, FileDescriptorResponse, ListServiceResponse, ServerReflectionRequest,
    ServerReflectionResponse, ServiceResponse,
};
use tonic_reflection::pb::v1alpha;

use super::convert::{tonic_status, too_large};
use super::publisher::shown;
use crate::ingest::{Ingest, Shown};
use crate::metrics::Limit;
use crate::net::stopped;
use index::Index;

/// Bytes of one question: a name.
const MAX_REQUEST_BYTES: usize = 16 << 10;

/// The services of the port.
const SERVICES: [&str; 4] = [
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
    crate::proto::rialto::v1::publisher_service_server::SERVICE_NAME,
];

/// Both services: they differ by name alone.
#[derive(Clone)]
pub(super) struct Reflection {
    shared: Arc<Shared>,
    stop: watch::Receiver<bool>,
}

struct Shared {
    ingest: Arc<Ingest>,
    /// Of the revision that was asked about last.
    index: Mutex<Option<Arc<Index>>>,
}

impl Reflection {
    /// Answers until `stop` is true, and then ends its streams.
    pub(super) fn new(ingest: Arc<Ingest>, stop: watch::Receiver<bool>) -> Self {
        Reflection { shared: Arc::new(Shared { ingest, index: Mutex::default() }), stop }
    }

    /// The service `grpc.reflection.v1.ServerReflection`.
    pub(super) fn v1(&self) -> ServerReflectionServer<Self> {
        ServerReflectionServer::new(self.clone()).max_decoding_message_size(MAX_REQUEST_BYTES)
    }

    /// The service `grpc.reflection.v1alpha.ServerReflection`.
    pub(super) fn v1alpha(&self) -> v1alpha::server_reflection_server::ServerReflectionServer<Self> {
        v1alpha::server_reflection_server::ServerReflectionServer::new(self.clone())
            .max_decoding_message_size(MAX_REQUEST_BYTES)
    }

    fn answers<Question, Answer>(
        &self,
        shown: Shown,
        questions: Streaming<Question>,
        answer: impl Fn(&Shared, Question) -> Result<Answer, Status> + Send + 'static,
    ) -> BoxStream<'static, Result<Answer, Status>>
    where
        Question: Send + 'static,
        Answer: Send + 'static,
    {
        let (shared, mut stop) = (Arc::clone(&self.shared), self.stop.clone());
        let stopping = async move { stopped(&mut stop).await }.boxed();
        let answers = questions.map(move |question| {
            let question = question.map_err(|status| shared.refused(status))?;
            shared.ingest.admit(&shown).map_err(tonic_status)?;
            answer(&shared, question)
        });
        answers.take_until(stopping).boxed()
    }
}

#[tonic::async_trait]
impl ServerReflection for Reflection {
    type ServerReflectionInfoStream = BoxStream<'static, Result<ServerReflectionResponse, Status>>;

    async fn server_reflection_info(
        &self,
        request: Request<Streaming<ServerReflectionRequest>>,
    ) -> Result<Response<Self::ServerReflectionInfoStream>, Status> {
        let shown = shown(&request);
        Ok(Response::new(self.answers(shown, request.into_inner(), |shared, question| Ok(shared.answer(question)))))
    }
}

#[tonic::async_trait]
impl v1alpha::server_reflection_server::ServerReflection for Reflection {
    type ServerReflectionInfoStream = BoxStream<'static, Result<v1alpha::ServerReflectionResponse, Status>>;

    async fn server_reflection_info(
        &self,
        request: Request<Streaming<v1alpha::ServerReflectionRequest>>,
    ) -> Result<Response<Self::ServerReflectionInfoStream>, Status> {
        // The messages of both versions are the same on the wire.
        let shown = shown(&request);
        let answers = self.answers(shown, request.into_inner(), |shared, question| {
            let answer = shared.answer(as_other(&question)?);
            as_other(&answer)
        });
        Ok(Response::new(answers))
    }
}

/// A message as its twin of the other version.
fn as_other<Other: Message + Default>(message: &impl Message) -> Result<Other, Status> {
    Other::decode(&message.encode_to_vec()[..]).map_err(|_| Status::internal("the versions of reflection differ"))
}

impl Shared {
    /// Why there is no question.
    fn refused(&self, status: Status) -> Status {
        match too_large(&status, "ask for one file, symbol or extension") {
            Some(status) => {
                self.ingest.metrics().limits.hit(Limit::ReflectionRequestBytes, "a call to reflection");
                status
            }
            None => status,
        }
    }

    fn answer(&self, question: ServerReflectionRequest) -> ServerReflectionResponse {
        let answer = match &question.message_request {
            Some(asked) => self.find(asked),
            None => Err((Code::InvalidArgument, "the request asks for nothing".to_owned())),
        };
        let answer = answer.unwrap_or_else(|(code, error_message)| {
            MessageResponse::ErrorResponse(ErrorResponse { error_code: code as i32, error_message })
        });
        ServerReflectionResponse {
            valid_host: question.host.clone(),
            original_request: Some(question),
            message_response: Some(answer),
        }
    }

    fn find(&self, asked: &MessageRequest) -> Result<MessageResponse, (Code, String)> {
        let index = self.index();
        let file = |found: Option<Vec<u8>>, what: String| {
            let file = found.ok_or_else(|| (Code::NotFound, format!("no {what} in the schema")))?;
            Ok(MessageResponse::FileDescriptorResponse(FileDescriptorResponse { file_descriptor_proto: vec![file] }))
        };
        match asked {
            MessageRequest::FileByFilename(name) => file(index.file(name), format!("file {name:?}")),
            MessageRequest::FileContainingSymbol(symbol) => {
                file(index.file_of_symbol(symbol), format!("symbol {symbol:?}"))
            }
            MessageRequest::FileContainingExtension(extension) => {
                let (message, number) = (&extension.containing_type, extension.extension_number);
                file(index.file_of_extension(message, number), format!("extension {number} of {message:?}"))
            }
            MessageRequest::AllExtensionNumbersOfType(message) => {
                let missing = || (Code::NotFound, format!("no message {message:?} in the schema"));
                let extension_number = index.extensions_of(message).ok_or_else(missing)?;
                let base_type_name = message.clone();
                let numbers = ExtensionNumberResponse { base_type_name, extension_number };
                Ok(MessageResponse::AllExtensionNumbersResponse(numbers))
            }
            MessageRequest::ListServices(_) => {
                let service = SERVICES.map(|name| ServiceResponse { name: name.to_owned() }).to_vec();
                Ok(MessageResponse::ListServicesResponse(ListServiceResponse { service }))
            }
        }
    }

    /// The index of the current revision, made when it is first asked for.
    fn index(&self) -> Arc<Index> {
        let revision = self.ingest.revision();
        let mut known = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        match &*known {
            Some(index) if index.revision == revision.number => Arc::clone(index),
            _ => {
                let index = Arc::new(Index::new(&revision));
                *known = Some(Arc::clone(&index));
                index
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tonic_reflection::pb::v1::ExtensionRequest;

    use super::*;
    use crate::ingest::fixture::shop;

    #[test]
    fn what_is_not_there_is_an_answer_like_any_other() {
        let shared = Shared { ingest: shop().ingest, index: Mutex::default() };
        let extension =
            |containing_type: &str| ExtensionRequest { containing_type: containing_type.into(), extension_number: 1 };
        let frame = "rialto.v1.Frame";
        for (asked, expected) in [
            (Some(MessageRequest::FileByFilename("no.proto".into())), Code::NotFound),
            (Some(MessageRequest::FileContainingSymbol("shop.v1.NoSuch".into())), Code::NotFound),
            (Some(MessageRequest::FileContainingExtension(extension(frame))), Code::NotFound),
            (Some(MessageRequest::AllExtensionNumbersOfType("shop.v1.NoSuch".into())), Code::NotFound),
            (None, Code::InvalidArgument),
        ] {
            let question = ServerReflectionRequest { host: "h".into(), message_request: asked };
            let answer = shared.answer(question.clone());
            let Some(MessageResponse::ErrorResponse(error)) = answer.message_response else {
                panic!("{question:?} was answered")
            };
            assert_eq!((error.error_code, answer.valid_host.as_str()), (expected as i32, "h"), "{question:?}");
            assert_eq!(answer.original_request, Some(question));
        }
    }
}
