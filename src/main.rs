//! The program. Everything that is worth a test is in the library.

fn main() -> std::process::ExitCode {
    logtail_doctor::cli::main()
}
