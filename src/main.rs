//! The program. Everything is in the library, so that tests and other programs can have it too.

use std::process::ExitCode;

fn main() -> ExitCode {
    rialto::cli::main()
}
