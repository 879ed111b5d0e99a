//! Every cure from end to end on a simulated host: something is broken, the check names it, the remedy is planned and
//! carried out, the check no longer names it, the service sees the heartbeat again, and undo restores every byte.

use logtail_doctor::carry_out::{Applier, Store};
use logtail_doctor::core::checks::{self, Investigation};
use logtail_doctor::core::context::{Context, Field};
use logtail_doctor::core::finding::{CauseId, RemedyId, StepId};
use logtail_doctor::core::journal::{AppliedResult, Consent, ConsentBy, Order};
use logtail_doctor::core::remedies::{Change, InputId, Inputs, Plan, Planned};
use logtail_doctor::core::text::Lang;
use logtail_doctor::engine::{Looking, PlanRequest};
use logtail_doctor::host::simulated::{Ecs, Flavour, Group, Kind, SimulatedHost, StartManner, StopManner, World};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::unbounded_channel;

const OWNER: &str = "1654218965343050";
const CONFIG: &str = "/usr/local/ilogtail/ilogtail_config.json";

/// What an operator of the healthy world would tell, with some fields told otherwise.
fn told(others: &[(Field, &str)]) -> Context {
    let mut context = Context::default();
    let usual = [
        (Field::Project, "demo-project"),
        (Field::Region, "cn-hangzhou"),
        (Field::Network, "intranet"),
        (Field::MachineGroup, "demo-group"),
        (Field::Identity, "ip"),
        (Field::GroupIp, "10.1.1.5"),
        (Field::Aliuid, OWNER),
        (Field::SameAccount, "yes"),
    ];
    for (field, value) in usual.iter().chain(others) {
        context.set(*field, value).unwrap();
    }
    context
}

fn foreign(world: World) -> World {
    world.ecs(Some(Ecs { region: "cn-hangzhou".into(), account: "1000000000000001".into() }))
}

/// A simulated machine that is being looked at.
struct Bench {
    host: SimulatedHost,
    looking: Looking,
    inputs: Inputs,
}

impl Bench {
    async fn new(world: World, context: Context) -> Bench {
        let host = SimulatedHost::new(world);
        let found = Investigation::new(checks::check, context.clone());
        let mut looking = Looking::new(Arc::new(host.clone()), found);
        looking.settle().await;
        Bench { host, looking, inputs: Inputs::from_context(&context) }
    }

    fn causes(&self, step: StepId) -> Vec<CauseId> {
        let finding = &self.looking.found().finding(step).expect("every step is judged").finding;
        finding.causes.iter().map(|cause| cause.id).collect()
    }

    fn set(&mut self, inputs: &[(InputId, &str)]) {
        for (input, value) in inputs {
            self.inputs.set(*input, value).unwrap();
        }
    }

    async fn plan(&mut self, remedy: RemedyId) -> Planned {
        self.looking.plan(PlanRequest::Remedy(remedy, Box::new(self.inputs.clone()))).await
    }

    async fn ready(&mut self, remedy: RemedyId) -> Plan {
        match self.plan(remedy).await {
            Planned::Ready(plan) => *plan,
            other => panic!("{}: {other:?}", remedy.id()),
        }
    }

    async fn apply(&self, plan: &Plan, with_restart: bool, undoes: Option<String>) -> Option<String> {
        let (progress, _told) = unbounded_channel();
        let consent = Consent::given(ConsentBy::YesOption);
        let order = Order { plan: plan.clone(), with_restart, consent, undoes };
        let applied = Applier::new(Arc::new(self.host.clone()), store()).carry_out(&order, progress).await;
        assert_eq!(applied.result, AppliedResult::Applied, "{plan:?}");
        applied.entry
    }

    /// Lets the agent notice what it re-reads every minute, and looks again at everything.
    async fn look_again(&mut self) {
        self.host.change(|world| world.later(Duration::from_secs(61)));
        self.looking.settle_again().await;
    }

    /// The content of these paths; None for what is not there.
    fn content(&self, paths: &[PathBuf]) -> Vec<Option<Vec<u8>>> {
        let world = self.host.world();
        paths.iter().map(|path| world.content(path)).collect()
    }
}

fn store() -> Store {
    Store { dir: "/var/lib/logtail-doctor".into(), actor: "ops".into() }
}

/// The files that a plan touches.
fn touched(plan: &Plan) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = plan.changes.iter().filter_map(|change| change.path().map(PathBuf::from)).collect();
    for change in &plan.changes {
        if let Change::RenameFile { to, .. } = change {
            paths.push(to.clone());
        }
    }
    paths
}

/// Breaks, finds, cures, finds it cured, and takes it back.
async fn cured(
    world: World,
    context: Context,
    (step, cause): (StepId, CauseId),
    remedy: RemedyId,
    inputs: &[(InputId, &str)],
) {
    let name = remedy.id();
    let mut bench = Bench::new(world, context).await;
    assert!(bench.causes(step).contains(&cause), "{name}: {:?} lacks {cause:?}", bench.looking.found().finding(step));
    let offered = bench.looking.found().finding(step).unwrap().finding.remedies();
    assert!(offered.contains(&remedy), "{name} is not offered: {offered:?}");
    bench.set(inputs);
    let plan = bench.ready(remedy).await;
    assert!(plan.is_automatic() && !plan.why.is_empty(), "{plan:?}");
    // The inputs that a plan repeats make the same plan elsewhere.
    for (input, value) in &plan.inputs {
        assert_eq!(bench.inputs.get(*input), *value, "{name}");
    }
    let paths = touched(&plan);
    let before = bench.content(&paths);
    let goal = bench.looking.goal(plan.verify, remedy);
    let entry = bench.apply(&plan, true, None).await.expect("it is journaled");
    bench.look_again().await;
    assert!(!bench.causes(step).contains(&cause), "{name}: {:?}", bench.looking.found().finding(step));
    let proof = goal.proof(bench.looking.found());
    assert!(proof.is_cured(), "{name}: {proof:?} {:?}", bench.looking.found().finding(plan.verify));
    assert_eq!(bench.host.heartbeat(), Ok(()), "{name}");
    let undone = bench.looking.plan(PlanRequest::Undo { entry: "last".into(), store: store() }).await;
    if paths.is_empty() {
        assert!(matches!(undone, Planned::Refused(_)), "{name}: {undone:?}");
        return;
    }
    let Planned::Ready(undo) = undone else { panic!("{name}: {undone:?}") };
    // With its old configuration the agent could not start, and the undo would be rolled back.
    let with_restart = remedy != RemedyId::RepairConfig;
    bench.apply(&undo, with_restart, Some(entry.clone())).await;
    assert_eq!(bench.content(&paths), before, "{name}");
    let again = bench.looking.plan(PlanRequest::Undo { entry, store: store() }).await;
    assert!(matches!(again, Planned::Already(_)), "{name}: {again:?}");
}

#[tokio::test(start_paused = true)]
async fn where_systemd_reads_no_init_scripts_a_unit_around_the_script_is_written_and_enabled() {
    let fault = (StepId::Running, CauseId::NotEnabledAtBoot);
    for flavour in Flavour::ALL {
        cured(World::healthy(flavour).newest_systemd(), told(&[]), fault, RemedyId::EnableAtBoot, &[]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_file_where_the_accounts_belong_is_kept_aside_and_a_directory_takes_its_place() {
    let fault = (StepId::Account, CauseId::AliuidMalformed);
    let world =
        foreign(World::healthy(Flavour::Logtail188)).remove_users().write("/etc/ilogtail/users", format!("{OWNER}\n"));
    let told = told(&[(Field::SameAccount, "no")]);
    cured(world.clone(), told.clone(), fault, RemedyId::AddAliuid, &[]).await;
    let mut asked = Bench::new(world, told).await;
    asked.inputs.context.aliuid = None;
    let Planned::Needs(missing) = asked.plan(RemedyId::AddAliuid).await else { panic!("the id is not known") };
    assert_eq!(missing, [(InputId::Context(Field::Aliuid), OWNER.to_string())]);
}

#[tokio::test(start_paused = true)]
async fn a_stopped_agent_is_started() {
    let fault = (StepId::Running, CauseId::AgentStopped);
    for flavour in Flavour::ALL {
        cured(World::healthy(flavour).stop_agent(), told(&[]), fault, RemedyId::StartAgent, &[]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_agent_without_worker_is_restarted_however_slowly_it_stops() {
    let fault = (StepId::Running, CauseId::AgentAbnormal);
    for flavour in Flavour::ALL {
        let world = World::healthy(flavour).lose_worker().start_manner(StartManner::Both);
        let slow = world.clone().stop_manner(StopManner::After(Duration::from_secs(20)));
        cured(world, told(&[]), fault, RemedyId::RestartAgent, &[]).await;
        cured(slow, told(&[]), fault, RemedyId::RestartAgent, &[]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_owners_aliuid_is_added() {
    let context = told(&[(Field::SameAccount, "no")]);
    for flavour in Flavour::ALL {
        let world = foreign(World::healthy(flavour)).remove_users();
        let fault = (StepId::Account, CauseId::AliuidMissing);
        cured(world.clone(), context.clone(), fault, RemedyId::AddAliuid, &[]).await;
        let other = world.write("/etc/ilogtail/users/1000000000000001", "");
        let fault = (StepId::Account, CauseId::AliuidNotOwner);
        cured(other, context.clone(), fault, RemedyId::AddAliuid, &[]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_flawed_aliuid_is_renamed() {
    let context = told(&[(Field::SameAccount, "no")]);
    let fault = (StepId::Account, CauseId::AliuidMalformed);
    for name in [format!("{OWNER}.txt"), format!("{OWNER}\r"), format!(" {OWNER}")] {
        let world = foreign(World::healthy(Flavour::Logtail188)).remove_users();
        let world = world.write(format!("/etc/ilogtail/users/{name}"), "");
        cured(world, context.clone(), fault, RemedyId::RenameAliuid, &[]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_hostname_is_bound_to_the_hosts_own_address() {
    for flavour in Flavour::ALL {
        let fault = (StepId::Address, CauseId::IpNotLocal);
        let world = World::healthy(flavour).bind_hostname("203.0.113.7");
        let inputs = [(InputId::Ip, "10.1.1.5")];
        cured(world.clone(), told(&[]), fault, RemedyId::BindHostname, &inputs).await;
        cured(world, told(&[]), fault, RemedyId::SetWorkingIp, &inputs).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_address_of_containers_is_left_for_the_real_one() {
    let docker = std::net::Ipv4Addr::new(172, 17, 0, 1);
    let real = std::net::Ipv4Addr::new(10, 1, 1, 5);
    let world = World::healthy(Flavour::Logtail207).interfaces(&[("docker0", &[docker]), ("ens3", &[real])]);
    let world = world.bind_hostname("172.17.0.1");
    let fault = (StepId::Address, CauseId::IpVirtualNic);
    let mut bench = Bench::new(world.clone(), told(&[])).await;
    for remedy in [RemedyId::BindHostname, RemedyId::SetWorkingIp] {
        let Planned::Needs(missing) = bench.plan(remedy).await else { panic!("{remedy:?}") };
        assert_eq!(missing, [(InputId::Ip, "10.1.1.5".to_string())]);
        cured(world.clone(), told(&[]), fault, remedy, &[(InputId::Ip, "10.1.1.5")]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_overlay_that_decides_is_edited_in_its_place() {
    let overlay = "/etc/ilogtail/config.d/10.json";
    let world = World::healthy(Flavour::Logtail188).write(overlay, "{\"working_ip\": \"203.0.113.7\"}").restart_agent();
    let fault = (StepId::Address, CauseId::IpNotLocal);
    let mut bench = Bench::new(world.clone(), told(&[])).await;
    bench.set(&[(InputId::Ip, "10.1.1.5")]);
    assert!(matches!(bench.plan(RemedyId::BindHostname).await, Planned::Refused(_)));
    assert_eq!(touched(&bench.ready(RemedyId::SetWorkingIp).await), [PathBuf::from(overlay)]);
    cured(world, told(&[]), fault, RemedyId::SetWorkingIp, &[(InputId::Ip, "10.1.1.5")]).await;
    let servers = "{\"config_server_address\": \"http://logtail.cn-beijing-intranet.log.aliyuncs.com\"}";
    let world = World::healthy(Flavour::Logtail188).write(overlay, servers).restart_agent();
    let fault = (StepId::Parameters, CauseId::RegionMismatch);
    cured(world, told(&[]), fault, RemedyId::SetEndpoint, &[]).await;
}

#[tokio::test(start_paused = true)]
async fn the_endpoint_is_set_to_region_and_network_type() {
    for flavour in Flavour::ALL {
        let world = World::healthy(flavour).config_region("cn-beijing");
        let fault = (StepId::Parameters, CauseId::RegionMismatch);
        cured(world, told(&[]), fault, RemedyId::SetEndpoint, &[]).await;
        let context = told(&[(Field::Network, "internet"), (Field::SameAccount, "no")]);
        let fault = (StepId::Parameters, CauseId::NetworkTypeMismatch);
        cured(World::healthy(flavour).ecs(None), context, fault, RemedyId::SetEndpoint, &[]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_broken_configuration_is_repaired() {
    let good = String::from_utf8(World::healthy(Flavour::Logtail188).content(CONFIG).unwrap()).unwrap();
    let fault = (StepId::Parameters, CauseId::ConfigInvalidJson);
    for broken in [
        format!("\u{feff}{good}"),
        format!("\r\n{good}"),
        good.replace('"', "'"),
        good.get(..good.len() - 3).unwrap().to_string(),
        "{\"config_server_address\": \"http://logtail.cn-hang".to_string(),
        "not JSON at all".to_string(),
    ] {
        for flavour in [Flavour::Logtail188, Flavour::Loong331] {
            let world = World::healthy(flavour).config(broken.clone());
            cured(world, told(&[]), fault, RemedyId::RepairConfig, &[]).await;
        }
    }
    let world = World::healthy(Flavour::Logtail207).remove(CONFIG).restart_agent();
    cured(world, told(&[]), (StepId::Parameters, CauseId::ConfigMissing), RemedyId::RepairConfig, &[]).await;
    let loose = World::healthy(Flavour::Logtail207).config(format!("// by hand\n{good} left over"));
    cured(loose, told(&[]), (StepId::Parameters, CauseId::ConfigInvalidJson), RemedyId::RepairConfig, &[]).await;
}

#[tokio::test(start_paused = true)]
async fn custom_identifiers_are_written_cleaned_and_removed() {
    let context = told(&[(Field::Identity, "custom"), (Field::CustomId, "web")]);
    for flavour in Flavour::ALL {
        let world = World::healthy(flavour).group(Group::Custom("web".into()));
        let missing = (StepId::Group, CauseId::CustomIdMissing);
        cured(world.clone(), context.clone(), missing, RemedyId::WriteCustomId, &[]).await;
        let mismatch = (StepId::Group, CauseId::CustomIdMismatch);
        let other = world.clone().custom_id("db");
        cured(other, context.clone(), mismatch, RemedyId::WriteCustomId, &[]).await;
        let malformed = (StepId::Group, CauseId::CustomIdMalformed);
        for bytes in ["web\r\ndb\r\n", "\u{feff}web", "[\"web\"]\n"] {
            let world = world.clone().custom_id(bytes);
            cured(world.clone(), context.clone(), malformed, RemedyId::CleanCustomId, &[]).await;
            if !bytes.contains("db") {
                cured(world, context.clone(), malformed, RemedyId::WriteCustomId, &[]).await;
            }
        }
        let stale = (StepId::Group, CauseId::CustomIdStale);
        let world = World::healthy(flavour).custom_id("web\n");
        cured(world, told(&[]), stale, RemedyId::RemoveCustomId, &[]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_clock_is_set() {
    let fault = (StepId::Clock, CauseId::ClockSkew);
    cured(World::healthy(Flavour::Logtail188).clock_offset(1200), told(&[]), fault, RemedyId::SyncClock, &[]).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_not_this_programs_to_change_is_said() {
    let mut bench = Bench::new(World::healthy(Flavour::Logtail188), told(&[(Field::GroupIp, "10.1.1.9")])).await;
    bench.set(&[(InputId::Ip, "10.1.1.5"), (InputId::OldIp, "10.1.1.9")]);
    for remedy in [RemedyId::AddIpToGroup, RemedyId::ReplaceIpInGroup, RemedyId::AllowEgress] {
        let plan = bench.ready(remedy).await;
        assert!(!plan.is_automatic() && !plan.manual.is_empty(), "{plan:?}");
    }
    assert!(matches!(bench.plan(RemedyId::InstallAgent).await, Planned::Refused(_)));
    let plan = bench.ready(RemedyId::UpgradeAgent).await;
    let [
        Change::Run { argv, proxies: true, .. },
        Change::LookFor { .. },
        Change::Run { proxies: false, .. },
        Change::AwaitAgent { running: false, .. },
        Change::Run { proxies: false, .. },
        Change::AwaitAgent { running: true, .. },
    ] = plan.changes.as_slice()
    else {
        panic!("{plan:?}")
    };
    let line = argv.join(" ");
    assert!(
        line.contains("http://logtail-release-cn-hangzhou.oss-cn-hangzhou-internal.aliyuncs.com/linux64/logtail.sh")
    );
    assert!(line.ends_with("./logtail.sh upgrade"), "{line}");
}

#[tokio::test(start_paused = true)]
async fn a_file_that_others_may_write_is_named() {
    for (mode, uid, is_named) in [(0o644, 0, false), (0o644, 1000, true), (0o664, 0, true)] {
        let world = World::healthy(Flavour::Logtail188).owned(CONFIG, mode, uid);
        let mut bench = Bench::new(world, told(&[])).await;
        bench.set(&[(InputId::Ip, "10.1.1.5")]);
        let plan = bench.ready(RemedyId::SetWorkingIp).await;
        let said = plan.cautions.iter().any(|text| text.get(Lang::En).contains("can be written by others than root"));
        assert_eq!(said, is_named, "{mode:o} {uid}: {:?}", plan.cautions);
    }
}

#[tokio::test(start_paused = true)]
async fn a_host_without_agent_is_offered_an_install() {
    let mut bench =
        Bench::new(World::healthy(Flavour::Loong331).uninstall(), told(&[(Field::Network, "internet")])).await;
    let plan = bench.ready(RemedyId::InstallAgent).await;
    let Some(Change::Run { argv, .. }) = plan.changes.first() else { panic!("{plan:?}") };
    let line = argv.join(" ");
    assert!(line.contains(
        "https://aliyun-observability-release-cn-hangzhou.oss-cn-hangzhou.aliyuncs.com/loongcollector/linux64/latest/loongcollector.sh"
    ));
    assert!(line.ends_with("./loongcollector.sh install cn-hangzhou-internet"), "{line}");
    for remedy in [RemedyId::StartAgent, RemedyId::RestartAgent, RemedyId::UpgradeAgent, RemedyId::AddAliuid] {
        assert!(matches!(bench.plan(remedy).await, Planned::Refused(_)), "{remedy:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_remedy_plans_on_what_stands_in_the_way_of_a_file() {
    let world = World::healthy(Flavour::Logtail188)
        .place("/etc/hosts", Kind::Dir)
        .place("/etc/ilogtail/user_defined_id", Kind::Dir)
        .place(CONFIG, Kind::Dir);
    let mut bench = Bench::new(world, told(&[(Field::CustomId, "web")])).await;
    bench.set(&[(InputId::Ip, "10.1.1.5")]);
    for remedy in [
        RemedyId::BindHostname,
        RemedyId::SetWorkingIp,
        RemedyId::SetEndpoint,
        RemedyId::RepairConfig,
        RemedyId::EnableTimeAdjust,
        RemedyId::WriteCustomId,
        RemedyId::CleanCustomId,
        RemedyId::RemoveCustomId,
    ] {
        let planned = bench.plan(remedy).await;
        assert!(matches!(planned, Planned::Refused(_)), "{remedy:?}: {planned:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn on_a_healthy_host_there_is_nothing_to_do() {
    for flavour in Flavour::ALL {
        let mut bench = Bench::new(World::healthy(flavour), told(&[])).await;
        bench.set(&[(InputId::Ip, "10.1.1.5")]);
        for remedy in [
            RemedyId::StartAgent,
            RemedyId::StopExtraAgent,
            RemedyId::EnableAtBoot,
            RemedyId::RepairConfig,
            RemedyId::SetEndpoint,
            RemedyId::BindHostname,
            RemedyId::AddIpToGroup,
            RemedyId::CleanCustomId,
            RemedyId::RemoveCustomId,
            RemedyId::AddAliuid,
            RemedyId::RenameAliuid,
        ] {
            let planned = bench.plan(remedy).await;
            assert!(matches!(planned, Planned::Already(_)), "{flavour:?} {remedy:?}: {planned:?}");
        }
    }
}
