//! What lies about after months of use: temporaries of killed processes, and backups.

use super::*;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

fn line(entry: &JournalLine) -> String {
    serde_json::to_string(entry).unwrap() + "\n"
}

/// A journal with one entry a day, the newest yesterday, each with a backup; and the host that has them.
fn months(days: i64, now_ms: i64) -> World {
    let mut world = World::healthy_at(Flavour::Logtail188, now_ms);
    let mut text = String::new();
    for day in (1..=days).rev() {
        let (id, path) = (format!("day-{day}"), PathBuf::from(format!("/etc/ilogtail/file-{day}")));
        let backup = backup_path(&path, &id);
        let record = Record {
            path: path.clone(),
            kind: RecordKind::Write,
            before: Fingerprint::of(Some(b"old")),
            after: Fingerprint::of(Some(b"new")),
            backup: Some(backup.clone()),
        };
        let (at_ms, actor) = (now_ms - day * DAY_MS, "ops".to_string());
        let consent = ConsentBy::Button;
        text += &line(&JournalLine::Begin { id: id.clone(), at_ms, remedy: RemedyId::BindHostname, actor, consent });
        text += &line(&JournalLine::Change { id: id.clone(), record: Box::new(record) });
        text += &line(&JournalLine::End { id, result: Recorded::Applied });
        world = world.write(&path, "new").write(&backup, "old");
    }
    world.place(STATE, Kind::Dir).write(Path::new(STATE).join(JOURNAL), text)
}

fn backups(host: &SimulatedHost) -> usize {
    let seen = host.world().listing("/etc/ilogtail").unwrap();
    seen.entries.iter().filter(|entry| entry.name.ends_with(".bak")).count()
}

#[tokio::test(start_paused = true)]
async fn old_backups_go_and_the_journal_says_so() {
    let host = SimulatedHost::new(months(40, 1_795_332_000_000));
    // One that somebody changed is not ours any more.
    let changed = backup_path(Path::new("/etc/ilogtail/file-38"), "day-38");
    host.change(|world| world.write(&changed, "mine"));
    apply(&host, &plan(vec![run(&["true"])])).await;
    assert_eq!(backups(&host), 31, "30 of the last days, and the changed one");
    let all = journal(&host);
    let pruned: Vec<&str> = all.iter().filter(|done| done.pruned).map(|done| done.id.as_str()).collect();
    assert_eq!(pruned.len(), 10, "{pruned:?}");
    let oldest = all.iter().find(|done| done.id == "day-40").unwrap();
    let Planned::Refused(said) = undo(&host, oldest).await else { panic!("a plan without a backup") };
    assert!(said.get(crate::core::text::Lang::En).contains("backup of day-40 was pruned"), "{said:?}");
    let young = all.iter().find(|done| done.id == "day-30").unwrap();
    assert!(matches!(undo(&host, young).await, Planned::Ready(_)));
    // What is just being taken back keeps its backup, however old it is.
    let host = SimulatedHost::new(months(40, 1_795_332_000_000));
    let oldest = journal(&host).remove(0);
    assert_eq!(undone(&host, &oldest).await.result, AppliedResult::Applied);
    assert_eq!(host.world().content("/etc/ilogtail/file-40"), Some(b"old".to_vec()));
    // However old, the newest twenty stay.
    let host = SimulatedHost::new(months(15, 1_795_332_000_000).later(Duration::from_secs(90 * 24 * 3600)));
    apply(&host, &plan(vec![run(&["true"])])).await;
    assert_eq!(backups(&host), 15);
}

#[tokio::test(start_paused = true)]
async fn a_write_in_place_that_a_kill_cut_short_is_proved_and_taken_back() {
    let (old, new, torn) = ("127.0.0.1 a\nlocalhost\n", "10.1.1.5 b\nlocalhost\nmore\n", "10.1.1.5 ba\nlocalhost\n");
    assert!(crate::core::journal::is_torn(torn.as_bytes(), old.as_bytes(), new.as_bytes()));
    let temporary = "/etc/.hosts.logtail-doctor-tmp-4242";
    let other = "/etc/.hostname.logtail-doctor-tmp-4242";
    let backup = backup_path(Path::new(HOSTS), "killed");
    let record = Record {
        path: HOSTS.into(),
        kind: RecordKind::Write,
        before: Fingerprint::of(Some(old.as_bytes())),
        after: Fingerprint::of(Some(new.as_bytes())),
        backup: Some(backup.clone()),
    };
    let begin = JournalLine::Begin {
        id: "killed".into(),
        at_ms: 5,
        remedy: RemedyId::BindHostname,
        actor: "ops".into(),
        consent: ConsentBy::Button,
    };
    let text = line(&begin) + &line(&JournalLine::Change { id: "killed".into(), record: Box::new(record) });
    let world = World::healthy(Flavour::Logtail188).write(HOSTS, torn).write(&backup, old);
    let world = world.write(temporary, new).write(other, "x").place(STATE, Kind::Dir);
    let host = SimulatedHost::new(world.write(Path::new(STATE).join(JOURNAL), text));
    // Another remedy in between clears away what is of no use, and leaves the proof.
    apply(&host, &plan(vec![run(&["true"])])).await;
    assert_eq!(host.world().content(other), None);
    assert!(host.world().content(temporary).is_some());
    let done = journal(&host).remove(0);
    assert_eq!(undone(&host, &done).await.result, AppliedResult::Applied);
    assert_eq!(host.world().content(HOSTS), Some(old.into()));
    assert_eq!((host.world().content(temporary), host.world().content(&backup)), (None, None));
    // Without the proof it may be somebody else's change, and is left alone.
    host.change(|world| world.write(HOSTS, torn).write(&backup, old));
    assert!(matches!(undo(&host, &JournalEntry { result: Recorded::Open, ..done }).await, Planned::Refused(_)));
}
