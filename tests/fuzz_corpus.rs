//! Every file of the fuzz corpus through the body of its target, so that what a fuzzer once found stays found, without a
//! fuzzer.

use crate::fuzz_bodies;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn names(dir: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn the_corpus_finds_nothing() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for (name, body) in fuzz_bodies::BODIES {
        let dir = corpus.join(name);
        let files = names(&dir);
        assert!(!files.is_empty(), "no corpus for {name}");
        for file in files {
            println!("{name} {file}");
            body(&fs::read(dir.join(file)).expect("a file of the corpus"));
        }
        fuzz_bodies::run(name, b"");
    }
}

#[test]
fn every_body_has_its_target_and_its_corpus() {
    let fuzz = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let bodies: BTreeSet<String> = fuzz_bodies::BODIES.iter().map(|(name, _)| name.to_string()).collect();
    let targets = names(&fuzz.join("targets")).into_iter().map(|file| file.trim_end_matches(".rs").to_string());
    assert_eq!(targets.collect::<BTreeSet<_>>(), bodies);
    assert_eq!(names(&fuzz.join("corpus")), bodies);
    let manifest = fs::read_to_string(fuzz.join("Cargo.toml")).expect("the manifest");
    for name in bodies {
        assert!(manifest.contains(&format!("name = \"{name}\"\npath = \"targets/{name}.rs\"")), "{name}");
        let target = fs::read_to_string(fuzz.join(format!("targets/{name}.rs"))).expect("the target");
        assert!(target.contains(&format!("fuzz_bodies::run(\"{name}\", data)")), "{name}");
    }
}
