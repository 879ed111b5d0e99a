//! The manual page: one with all commands, since a tool that is copied to a host alone has one page and not ten.

use super::args::Cli;
use clap::CommandFactory;
use std::io::{self, Write};

/// What the page says of files, in roff.
const FILES: &str = r#".SH FILES
.TP
\fI/var/lib/logtail\-doctor/journal.jsonl\fR
What root changed on this host; \fBjournal\fR shows it, \fBundo\fR takes it back.
.TP
\fI~/.local/state/logtail\-doctor/\fR
The same for an ordinary user, and what was told about the console. \fBLOGTAIL_DOCTOR_STATE\fR names another directory.
.TP
\fINAME.logtail\-doctor\-TIME.bak\fR
A file as it was before it was edited, beside the edited one. Those of the last 20 changes are kept, and all that are
younger than 30 days.
"#;

/// Writes the page.
///
/// # Errors
/// When `page` cannot be written.
pub(super) fn write(page: &mut Vec<u8>) -> io::Result<()> {
    let command = Cli::command();
    let man = clap_mangen::Man::new(command.clone());
    man.render_title(page)?;
    man.render_name_section(page)?;
    // Its own synopsis would list every option without its value.
    page.write_all(b".SH SYNOPSIS\n\\fBlogtail\\-doctor\\fR [\\fIOPTIONS\\fR] [\\fICOMMAND\\fR]\n")?;
    man.render_description_section(page)?;
    man.render_options_section(page)?;
    man.render_subcommands_section(page)?;
    man.render_extra_section(page)?;
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help" && !sub.is_hide_set()) {
        let man = clap_mangen::Man::new(sub.clone().bin_name(format!("logtail-doctor {}", sub.get_name())));
        writeln!(page, ".SH \"COMMAND {}\"", sub.get_name().to_uppercase())?;
        let mut part = Vec::new();
        man.render_synopsis_section(&mut part)?;
        man.render_description_section(&mut part)?;
        if sub.get_arguments().any(|arg| !arg.is_global_set()) {
            man.render_options_section(&mut part)?;
        }
        page.extend(String::from_utf8_lossy(&part).replace(".SH ", ".SS ").into_bytes());
    }
    page.write_all(FILES.as_bytes())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_page_names_every_command_that_is_for_people_and_the_files() {
        let mut page = Vec::new();
        super::write(&mut page).unwrap();
        let page = String::from_utf8(page).unwrap();
        for word in ["COMMAND CHECK", "COMMAND UNDO", ".SH FILES", "journal.jsonl"] {
            assert!(page.contains(word), "{word}");
        }
        assert!(!page.contains("CARRY") && !page.contains("carry"), "the helper of sudo is not for people");
    }
}
