//! A host that can also ask the service: it stands around another host, answers what only the service knows, carries out
//! the edit of a machine group, and passes everything else on.
//!
//! A key is looked for at the first question and kept; without a question nothing is read and nothing is sent. No answer
//! and no error that leaves this file holds a secret.

use super::{Held, Host, LiveOutput, MutableHost};
use crate::core::agent::endpoint::{endpoint_region, is_same_region};
use crate::core::observe::Machine;
use crate::core::observe::MachineGroup;
use crate::core::observe::*;
use crate::core::service::api::{GetAppliedConfigs, is_name};
use crate::core::service::credentials::{Credentials, Environment, Hints, sudo_note};
use crate::core::service::endpoint::{self, ENDPOINT_VARIABLE, Endpoint};
use crate::core::service::error::{ErrorKind, Failure};
use crate::core::service::group_edit::GroupEdit;
use crate::core::service::message::Transport;
use crate::core::service::proxy::Proxies;
use crate::core::text::{Lang, Text};
use crate::say;
use crate::sls::client::{Client, Location};
use crate::sls::find::{Found, PassedOver, find};
use crate::sls::gather;
use crate::sls::group_write::{NotWritten, create, remove, write};
use crate::sls::metadata::Metadata;
use crate::sls::transport::Network;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex as Short, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::sync::Mutex;

/// A key that ends within this many seconds is looked for anew; the official SDKs do the same.
const RENEW_S: i64 = 180;

/// A host with the service around it.
pub struct WithCloud {
    inner: Arc<dyn MutableHost>,
    service: Arc<Service>,
    read_only: bool,
}

impl WithCloud {
    /// `environment` tells keys, proxies and overriding addresses; `read_only` refuses to edit.
    pub fn new(inner: Arc<dyn MutableHost>, environment: Environment, read_only: bool) -> WithCloud {
        let machine: Arc<dyn Host> = Arc::clone(&inner) as _;
        let service = Service { inner: machine, environment, typed: Short::default(), known: Mutex::default() };
        WithCloud { inner, service: Arc::new(service), read_only }
    }
}

impl Host for WithCloud {
    fn observe(&self, question: Question) -> Pending<Answer> {
        let Question::Cloud(asked) = question else { return self.inner.observe(question) };
        let service = Arc::clone(&self.service);
        Box::pin(async move { Answer::Cloud(service.answer(asked).await) })
    }

    fn holder(&self, path: PathBuf) -> Pending<Option<String>> {
        self.inner.holder(path)
    }

    fn use_key(&self, key: Credentials) {
        *self.service.typed.lock().unwrap_or_else(PoisonError::into_inner) = Some(key);
    }
}

impl MutableHost for WithCloud {
    fn hold(&self, path: PathBuf, note: String) -> Pending<Result<Held, OperationError>> {
        self.inner.hold(path, note)
    }

    fn perform(&self, operation: Operation, live: LiveOutput) -> Pending<Result<Done, OperationError>> {
        let edit = match operation {
            Operation::PutGroup { site, before, after } => Edit::Put { site, before, after },
            Operation::MakeGroup { site, group } => Edit::Make { site, group },
            Operation::RemoveGroup { site, group } => Edit::Remove { site, group },
            other => return self.inner.perform(other, live),
        };
        if self.read_only {
            return Box::pin(std::future::ready(Err(OperationError::ReadOnly)));
        }
        let service = Arc::clone(&self.service);
        // A task of its own: a write that has begun is read back even when nobody waits for it any more.
        let work = tokio::spawn(async move { service.edit(edit).await });
        Box::pin(async move {
            work.await.unwrap_or_else(|_| {
                let what = Text::fixed("This program failed while it edited the group.", "修改机器组时程序内部出错。");
                Err(OperationError::Service(Box::new(CloudError {
                    kind: CloudErrorKind::Uncertain,
                    what,
                    ..CloudError::not_asked()
                })))
            })
        })
    }
}

/// A change of what the service keeps.
enum Edit {
    Put { site: Site, before: MachineGroup, after: MachineGroup },
    Make { site: Site, group: MachineGroup },
    Remove { site: Site, group: MachineGroup },
}

/// The way to the service.
struct Service {
    inner: Arc<dyn Host>,
    environment: Environment,
    /// A key that was typed in and not taken up yet. Never held across a wait.
    typed: Short<Option<Credentials>>,
    known: Mutex<Known>,
}

/// What was found out so far.
#[derive(Default)]
struct Known {
    transport: Option<Arc<dyn Transport>>,
    key: Option<(Credentials, Hints)>,
    /// The sources before it that yielded none.
    passed_over: Vec<PassedOver>,
    /// How often a key was typed in: a client of an earlier key is not kept.
    typed: u32,
    /// By region.
    clients: BTreeMap<String, Arc<Client>>,
}

impl Service {
    async fn answer(&self, asked: CloudQuestion) -> CloudAnswer {
        match &asked {
            CloudQuestion::Credentials => CloudAnswer::Credentials(self.key_seen().await),
            CloudQuestion::Caller(site) => CloudAnswer::Caller(self.caller(site).await),
            CloudQuestion::Project(site) => CloudAnswer::Project(self.project(site).await),
            CloudQuestion::Groups(site) => CloudAnswer::Groups(match self.client(site).await {
                Err(trouble) => Err(trouble),
                Ok(client) => client
                    .groups(&site.project)
                    .await
                    .map(|reply| reply.answer.into_iter().take(GROUPS_LIMIT).collect())
                    .map_err(|failure| trouble(&failure)),
            }),
            CloudQuestion::Group { site, group } => CloudAnswer::Group(match self.client(site).await {
                Err(trouble) => Err(trouble),
                Ok(client) => client
                    .group(&site.project, group)
                    .await
                    .map(|reply| reply.answer)
                    .map_err(|failure| trouble(&failure)),
            }),
            CloudQuestion::Machines { site, group, own } => {
                CloudAnswer::Machines(self.machines(site, group, own).await)
            }
            CloudQuestion::AppliedConfigs { site, group } => {
                CloudAnswer::AppliedConfigs(match self.client(site).await {
                    Err(trouble) => Err(trouble),
                    Ok(client) => {
                        let call = GetAppliedConfigs { project: site.project.clone(), group: group.clone() };
                        client.call(&call).await.map(|reply| reply.answer).map_err(|failure| trouble(&failure))
                    }
                })
            }
        }
    }

    async fn caller(&self, site: &Site) -> CloudResult<CallerSeen> {
        let client = self.client(site).await?;
        match client.caller().await {
            Ok(Some(reply)) => Ok(CallerSeen { account_id: reply.answer.account_id }),
            Ok(None) => Err(CloudError::not_asked()),
            Err(failure) => Err(trouble(&failure)),
        }
    }

    async fn project(&self, site: &Site) -> CloudResult<ProjectSeen> {
        let client = self.client(site).await?;
        match client.locate(&site.project).await {
            Ok(Location::Here(project) | Location::Elsewhere(project)) => {
                let owner = project.owner_id().map(str::to_string);
                let region = if project.region.is_empty() { site.region.clone() } else { Some(project.region) };
                Ok(ProjectSeen { region: region.unwrap_or_default(), owner })
            }
            Ok(Location::NotHere) => {
                let project = &site.project;
                let region = site.region.as_deref().unwrap_or("-");
                Err(CloudError {
                    kind: CloudErrorKind::ProjectNotExist,
                    what: say!(
                        "There is no project {project} in region {region}.",
                        "地域 {region} 中没有 Project {project}。"
                    ),
                    next: Text::fixed(
                        "Check the region and the name: a wrong region and a wrong name give the same answer.",
                        "请检查地域和名称：地域错误与名称错误的应答相同。",
                    ),
                    request_id: None,
                    policy: None,
                    passed_over: Vec::new(),
                })
            }
            Err(failure) => Err(trouble(&failure)),
        }
    }

    async fn machines(&self, site: &Site, group: &str, own: &OwnIds) -> CloudResult<MachinesSeen> {
        let client = self.client(site).await?;
        let reply = client.machines(&site.project, group).await.map_err(|failure| trouble(&failure))?;
        let same = |theirs: &str, ours: &str| !ours.is_empty() && theirs.eq_ignore_ascii_case(ours);
        let total = reply.answer.len();
        let could_be = |machine: &&Machine| {
            same(&machine.ip, &own.ip) || same(&machine.uuid, &own.uuid) || same(&machine.host_id, &own.host_id)
        };
        let kept = |wanted: &dyn Fn(&&Machine) -> bool| {
            reply.answer.iter().filter(wanted).take(MACHINES_LIMIT).cloned().collect::<Vec<_>>()
        };
        let (machines, windows) = (kept(&could_be), kept(&|machine| machine.is_windows()));
        Ok(MachinesSeen { total, machines, windows, server_time: reply.server_time })
    }

    /// The key as it may be shown.
    async fn key_seen(&self) -> CloudResult<CredentialsSeen> {
        let (key, _) = self.key().await?;
        let passed_over = self.known.lock().await.passed_over.iter().map(seen).collect();
        Ok(CredentialsSeen {
            source: key.source.name(),
            key_id: key.masked(),
            unusable_proxies: Proxies::of_environment(self.environment.pairs()).unusable,
            passed_over,
        })
    }

    /// The key to ask with.
    async fn key(&self) -> CloudResult<(Credentials, Hints)> {
        let mut known = self.known.lock().await;
        let now = now_s();
        // Whoever types a key in wants that one, whatever lies around.
        if let Some(typed) = self.typed.lock().unwrap_or_else(PoisonError::into_inner).take() {
            known.key = Some((typed, Hints::default()));
            known.passed_over.clear();
            known.typed += 1;
            known.clients.clear();
        }
        if let Some(key) = known.key.as_ref().filter(|(key, _)| !key.ends_within(now, RENEW_S)) {
            return Ok(key.clone());
        }
        let transport = self.transport(&mut known).map_err(|trouble| *trouble)?;
        let environment = self.environment.clone();
        // A home directory may hang on a dead mount.
        let gathered = tokio::task::spawn_blocking(move || {
            let homes = gather::homes(&environment);
            gather::offers(&environment, &homes, &gather::read_file, now)
        });
        let offers = gathered.await.unwrap_or_default();
        let metadata = Metadata::new(Arc::clone(&transport), &self.environment).ok();
        let Found { key, passed_over } = find(offers, metadata.as_ref(), transport.as_ref()).await;
        known.clients.clear();
        known.key = key.clone();
        known.passed_over = passed_over.iter().filter(|passed| !passed.is_usual()).cloned().collect();
        key.ok_or_else(|| self.no_key(&passed_over))
    }

    fn transport(&self, known: &mut Known) -> Result<Arc<dyn Transport>, Box<CloudError>> {
        if let Some(transport) = &known.transport {
            return Ok(Arc::clone(transport));
        }
        let proxies = Proxies::of_environment(self.environment.pairs());
        let roots = self.environment.get("SSL_CERT_FILE").map(Path::new);
        let network = Network::new(proxies, roots).map_err(|error| Box::new(trouble(&Failure::Transport(error))))?;
        let transport: Arc<dyn Transport> = Arc::new(network);
        known.transport = Some(Arc::clone(&transport));
        Ok(transport)
    }

    fn no_key(&self, passed_over: &[PassedOver]) -> CloudError {
        let (mut en, mut zh) = (
            "No AccessKey was found to ask the service with.".to_string(),
            "没有找到可用于访问服务端的 AccessKey。".to_string(),
        );
        let passed_over: Vec<&PassedOver> = passed_over.iter().filter(|passed| !passed.is_usual()).collect();
        for PassedOver { source, why, .. } in &passed_over {
            let name = source.name();
            en += &format!(" {}: {}.", name.get(Lang::En), why.get(Lang::En));
            zh += &format!("{}：{}。", name.get(Lang::Zh), why.get(Lang::Zh));
        }
        if let Some(note) = sudo_note(&self.environment) {
            en += &format!(" {}", note.get(Lang::En));
            zh += note.get(Lang::Zh);
        }
        CloudError {
            kind: CloudErrorKind::NoCredentials,
            what: Text::filled(en, zh),
            next: Text::fixed(
                "Run `aliyun configure`, or export ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET; the wizard also takes a key that is typed in.",
                "请运行 `aliyun configure`，或设置环境变量 ALIBABA_CLOUD_ACCESS_KEY_ID 和 ALIBABA_CLOUD_ACCESS_KEY_SECRET；也可以在向导中手动输入 AccessKey。",
            ),
            request_id: None,
            policy: None,
            passed_over: passed_over.into_iter().map(seen).collect(),
        }
    }

    /// The client for the site's region, or for that of the key's own setting.
    async fn client(&self, site: &Site) -> CloudResult<Arc<Client>> {
        let (key, hints) = self.key().await?;
        let typed = self.known.lock().await.typed;
        let overriding = match self.environment.get(ENDPOINT_VARIABLE).map(Endpoint::overriding).transpose() {
            Ok(overriding) => overriding,
            Err(why) => {
                let (en, zh) = why.both();
                return Err(other(
                    Text::filled(format!("{ENDPOINT_VARIABLE}: {en}"), format!("{ENDPOINT_VARIABLE}：{zh}")),
                    Text::fixed("Correct the variable.", "请修正该环境变量。"),
                ));
            }
        };
        let region = site.region.clone().or_else(|| hints.region.clone()).unwrap_or_default();
        let region = endpoint_region(&region);
        if overriding.is_none() && !is_name(&region) {
            return Err(other(
                Text::fixed(
                    "The region of the project is not known, so the service cannot be asked.",
                    "不知道 Project 所在的地域，无法访问服务端。",
                ),
                Text::fixed("Tell it with --region.", "请使用 --region 填写。"),
            ));
        }
        if let Some(client) = self.known.lock().await.clients.get(&region) {
            return Ok(Arc::clone(client));
        }
        let is_inside = overriding.is_none()
            && matches!(self.inner.observe(Question::Metadata).await,
                Answer::Metadata(Ok(instance)) if is_same_region(&instance.region, &region));
        let endpoints = endpoint::choose(overriding.as_ref(), &region, is_inside);
        let mut known = self.known.lock().await;
        let transport = self.transport(&mut known).map_err(|trouble| *trouble)?;
        let client = Arc::new(Client::new(transport, endpoints, &region, key, hints.sign_version));
        if known.typed == typed {
            known.clients.insert(region, Arc::clone(&client));
        }
        Ok(client)
    }

    /// Changes a machine group by the safe sequence.
    async fn edit(&self, edit: Edit) -> Result<Done, OperationError> {
        let (site, group) = match &edit {
            Edit::Put { before, after, .. } if before == after => return Ok(Done::Already),
            Edit::Put { site, before: group, .. } | Edit::Make { site, group } | Edit::Remove { site, group } => {
                (site.clone(), group.name().to_string())
            }
        };
        let client = self.client(&site).await.map_err(|trouble| OperationError::Service(Box::new(trouble)))?;
        let project = &site.project;
        let written = match edit {
            Edit::Put { before, after, .. } => write(&client, project, &GroupEdit { before, after }).await.map(drop),
            Edit::Make { group, .. } => create(&client, project, &group).await.map(drop),
            Edit::Remove { group, .. } => remove(&client, project, &group).await,
        };
        let key = self.key_seen().await.ok();
        written.map(|()| Done::Changed).map_err(|why| match (not_written(why, &site, &group), key) {
            (OperationError::Service(trouble), Some(key)) => OperationError::Service(Box::new(trouble.with_key(&key))),
            (error, _) => error,
        })
    }
}

/// A source that was passed over, as it may be shown.
fn seen(passed: &PassedOver) -> PassedOverSeen {
    let PassedOver { source, key_id, why, next } = passed.clone();
    PassedOverSeen { source: source.name(), key_id, why, next }
}

/// Why a group is not as it was to be.
fn not_written(why: NotWritten, site: &Site, group: &str) -> OperationError {
    let failed = |trouble: CloudError| OperationError::Service(Box::new(trouble));
    match why {
        NotWritten::Moved { .. } => OperationError::Moved(group_resource(site, group)),
        NotWritten::Failed(failure) => failed(trouble(&failure)),
        NotWritten::Uncertain { read, .. } => {
            let why = trouble(&read);
            let (en, zh) = why.what.both();
            let what = Text::filled(
                format!("It is not known whether the group was written. {en}"),
                format!("无法确认机器组是否已写入。{zh}"),
            );
            failed(CloudError { kind: CloudErrorKind::Uncertain, what, ..why })
        }
        NotWritten::Differs { keys, .. } => {
            let keys = keys.join(", ");
            let what = say!(
                "The group read back differs from what was written in: {keys}.",
                "写入后读回的机器组与预期不一致：{keys}。"
            );
            let next = Text::fixed("Look at the group in the console.", "请在控制台查看该机器组。");
            failed(CloudError { kind: CloudErrorKind::Uncertain, ..other(what, next) })
        }
    }
}

fn other(what: Text, next: Text) -> CloudError {
    CloudError { kind: CloudErrorKind::Other, what, next, request_id: None, policy: None, passed_over: Vec::new() }
}

/// A failure as data.
fn trouble(failure: &Failure) -> CloudError {
    let (what, next) = failure.explain();
    let Failure::Api(error) = failure else { return other(what, next) };
    let kind = match &error.kind {
        ErrorKind::ProjectNotExist => CloudErrorKind::ProjectNotExist,
        ErrorKind::GroupNotExist => CloudErrorKind::GroupNotExist,
        ErrorKind::OtherAccount => CloudErrorKind::OtherAccount,
        ErrorKind::Denied(denial) => CloudErrorKind::Denied { owner: denial.owner.clone() },
        _ => CloudErrorKind::Other,
    };
    // In one line: rows of evidence have no others.
    let compact = |policy: String| serde_json::from_str::<Value>(&policy).map_or(policy, |value| value.to_string());
    let policy = error.policy().map(compact);
    let next = match &policy {
        Some(_) => Text::fixed(
            "Ask the administrator of the account for the RAM policy shown.",
            "请向账号管理员申请所示的 RAM 权限策略。",
        ),
        None => next,
    };
    CloudError { kind, what, next, request_id: error.request_id.clone(), policy, passed_over: Vec::new() }
}

fn now_s() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
