//! Compiles the schema with protox, so that no `protoc` is needed: the messages, the client, and their ProtoJSON.

use std::error::Error;
use std::path::PathBuf;

/// Where the `.proto` files are: here Rialto's own, in your service your schema.
const PROTO: &str = "../../../proto";
const FILES: [&str; 3] = ["rialto/v1/publisher.proto", "project/v1/project.proto", "workflow/v1/workflow.proto"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={PROTO}");
    let mut compiler = protox::Compiler::new([PROTO])?;
    compiler.include_imports(true).open_files(FILES)?;
    let descriptors = compiler.encode_file_descriptor_set();
    std::fs::write(PathBuf::from(std::env::var("OUT_DIR")?).join("descriptors.bin"), &descriptors)?;

    let mut config = tonic_prost_build::Config::new();
    config.enable_type_names();
    tonic_prost_build::configure()
        .build_server(false)
        .compile_well_known_types(true)
        .extern_path(".google.protobuf", "::pbjson_types")
        .compile_fds_with_config(compiler.file_descriptor_set(), config)?;
    // Only for `--event`: reading a message from ProtoJSON.
    pbjson_build::Builder::new().register_descriptors(&descriptors)?.build(&[".workflow.v1"])?;
    Ok(())
}
