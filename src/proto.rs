//! The generated types: Rialto's own contract and the bundled catalogue, with their services and serde.
//!
//! The only place that includes generated code. The JSON of these types is pbjson's, for Rust users; what browsers
//! get is printed by [`crate::transcode`].

#![allow(missing_docs, clippy::all, clippy::pedantic, clippy::unwrap_used)]

/// The descriptors of everything under `proto/`, with source info, as an encoded `FileDescriptorSet`.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

pub mod rialto {
    pub mod v1 {
        include!(concat!(env!("OUT_DIR"), "/rialto.v1.rs"));
        include!(concat!(env!("OUT_DIR"), "/rialto.v1.serde.rs"));
    }
}

pub mod google {
    pub mod rpc {
        include!(concat!(env!("OUT_DIR"), "/google.rpc.rs"));
        include!(concat!(env!("OUT_DIR"), "/google.rpc.serde.rs"));
    }
}

pub mod buf {
    pub mod validate {
        include!(concat!(env!("OUT_DIR"), "/buf.validate.rs"));
    }
}

pub mod agents {
    pub mod v1 {
        include!(concat!(env!("OUT_DIR"), "/agents.v1.rs"));
        include!(concat!(env!("OUT_DIR"), "/agents.v1.serde.rs"));
    }
}

pub mod chat {
    pub mod v1 {
        include!(concat!(env!("OUT_DIR"), "/chat.v1.rs"));
        include!(concat!(env!("OUT_DIR"), "/chat.v1.serde.rs"));
    }
}

pub mod files {
    pub mod v1 {
        include!(concat!(env!("OUT_DIR"), "/files.v1.rs"));
        include!(concat!(env!("OUT_DIR"), "/files.v1.serde.rs"));
    }
}

pub mod operations {
    pub mod v1 {
        include!(concat!(env!("OUT_DIR"), "/operations.v1.rs"));
        include!(concat!(env!("OUT_DIR"), "/operations.v1.serde.rs"));
    }
}

pub mod project {
    pub mod v1 {
        include!(concat!(env!("OUT_DIR"), "/project.v1.rs"));
        include!(concat!(env!("OUT_DIR"), "/project.v1.serde.rs"));
    }
}

pub mod session {
    pub mod v1 {
        include!(concat!(env!("OUT_DIR"), "/session.v1.rs"));
        include!(concat!(env!("OUT_DIR"), "/session.v1.serde.rs"));
    }
}

pub mod team {
    pub mod v1 {
        include!(concat!(env!("OUT_DIR"), "/team.v1.rs"));
        include!(concat!(env!("OUT_DIR"), "/team.v1.serde.rs"));
    }
}

pub mod tools {
    pub mod v1 {
        include!(concat!(env!("OUT_DIR"), "/tools.v1.rs"));
        include!(concat!(env!("OUT_DIR"), "/tools.v1.serde.rs"));
    }
}

pub mod workflow {
    pub mod v1 {
        include!(concat!(env!("OUT_DIR"), "/workflow.v1.rs"));
        include!(concat!(env!("OUT_DIR"), "/workflow.v1.serde.rs"));
    }
}
