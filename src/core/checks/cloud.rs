//! What several checks make of the service's answers: the rows that say which key was used and what could not be
//! verified, and the context as the service knows it. It judges nothing.

use crate::core::agent::endpoint;
use crate::core::agent::service::{self, Able, Standing};
use crate::core::context::{Context, Field};
use crate::core::finding::{Evidence, Mark};
use crate::core::observe::{
    CloudError, CloudErrorKind, CredentialsSeen, Observations, PassedOverSeen, Site, Unanswered,
};
use crate::core::text::Text;
use crate::say;

/// How many items of a list are shown.
const SHOWN: usize = 20;

/// What the service tells of the project.
pub struct ServiceContext {
    /// What the operator told, corrected by what the service knows.
    pub context: Context,
    /// Where to ask further; None when the service cannot be asked.
    pub site: Option<Site>,
    pub rows: Vec<Evidence>,
    /// The row that says that the project is in another region than was told; it stands among the others too.
    pub moved: Option<Evidence>,
}

/// Asks where the project is.
///
/// # Errors
/// Something has not been looked at yet.
pub fn told(see: &Observations, told: &Context) -> Result<ServiceContext, Unanswered> {
    let mut context = told.clone();
    Ok(match service::standing(see, told)? {
        Standing::Unasked => ServiceContext { context, site: None, rows: Vec::new(), moved: None },
        Standing::Unable(trouble) => {
            let mut rows = rows_of(&trouble);
            rows.extend(remembered_row(&trouble, told));
            match see.cloud_credentials()? {
                Ok(key) => rows.extend(key_rows(key)),
                Err(trouble) => rows.extend(passed_rows(&trouble.passed_over)),
            }
            ServiceContext { context, site: None, rows, moved: None }
        }
        Standing::Able(able) => {
            let Able { site, key, project } = *able;
            let mut rows = key_rows(&key);
            let mut moved = None;
            match &project {
                Ok(project) => {
                    let region = &project.region;
                    if let Some(typed) = told
                        .region
                        .as_deref()
                        .filter(|typed| !region.is_empty() && !endpoint::is_same_region(typed, region))
                    {
                        let label = Text::fixed("Region of the project", "Project 所在地域");
                        let value = say!("{region}, not {typed} as told", "{region}，而不是填写的 {typed}");
                        moved = Some(Evidence::new(label, value, "GetProject").marked(Mark::Doubtful));
                        rows.extend(moved.clone());
                    }
                    if !region.is_empty() {
                        context.region = Some(region.clone());
                    }
                }
                Err(trouble) => {
                    rows.extend(rows_of(trouble));
                    rows.extend(remembered_row(trouble, told));
                }
            }
            ServiceContext { context, site: Some(site), rows, moved }
        }
    })
}

/// Which key is used, which sources were passed over before it, and why.
fn key_rows(key: &CredentialsSeen) -> Vec<Evidence> {
    let label = Text::fixed("Key for the service", "访问服务端的 AccessKey");
    let row = Evidence::new(label, Text::same(key.key_id.clone()), "");
    let mut rows = vec![Evidence { source: key.source.clone(), ..row }];
    rows.extend(passed_rows(&key.passed_over));
    rows.extend(proxy_row(key));
    rows
}

/// A row for every source of keys that yielded none.
fn passed_rows(passed_over: &[PassedOverSeen]) -> Vec<Evidence> {
    let row = |passed: &PassedOverSeen| {
        let ((en, zh), (next_en, next_zh)) = (passed.why.both(), passed.next.both());
        let label = Text::fixed("Key passed over", "未采用的 AccessKey");
        let value = match passed.key_id.as_str() {
            "" => say!("{en}. {next_en}", "{zh}。{next_zh}"),
            key_id => say!("{key_id}: {en}. {next_en}", "{key_id}：{zh}。{next_zh}"),
        };
        Evidence { source: passed.source.clone(), ..Evidence::new(label, value, "") }.marked(Mark::Doubtful)
    };
    passed_over.iter().map(row).collect()
}

/// Where the name of a project that is not there comes from, when nobody told it in this session.
fn remembered_row(trouble: &CloudError, told: &Context) -> Option<Evidence> {
    let is_of_before = told.remembered.contains(&Field::Project) && trouble.kind == CloudErrorKind::ProjectNotExist;
    let project = told.project.as_deref().filter(|_| is_of_before)?;
    let value = say!("{project}; --project NAME tells another", "{project}；可用 --project NAME 重新填写");
    let source = Text::fixed("remembered from an earlier session", "来自之前的会话");
    Some(Evidence { source, ..Evidence::new(Field::Project.label(), value, "") }.marked(Mark::Doubtful))
}

/// A proxy of this program's own environment that it cannot use: the service was asked without it.
fn proxy_row(key: &CredentialsSeen) -> Option<Evidence> {
    let names = key.unusable_proxies.join(", ");
    (!names.is_empty()).then(|| {
        let value = Text::fixed(
            "names no HTTP proxy, so the service was asked directly",
            "不是 HTTP 代理，因此直接访问了服务端",
        );
        Evidence::new(Text::same(names), value, "environment").marked(Mark::Doubtful)
    })
}

/// The rows that say what could not be verified, and what to do about it; none where nobody was asked.
pub fn rows_of(trouble: &CloudError) -> Vec<Evidence> {
    if trouble.kind == CloudErrorKind::NotAsked {
        return Vec::new();
    }
    let source = match &trouble.request_id {
        Some(id) => format!("request id {id}"),
        None => "API".to_string(),
    };
    let value = trouble.what.followed_by(&trouble.next);
    let label = Text::fixed("Not verified with the service", "未能向服务端验证");
    let mut rows = vec![Evidence::new(label, value, source).marked(Mark::Unknown)];
    if let Some(policy) = &trouble.policy {
        let label = Text::fixed("RAM policy to ask for", "需要申请的 RAM 权限策略");
        rows.push(Evidence::new(label, Text::same(policy.clone()), "RAM"));
    }
    rows
}

/// A list as a row shows it: its beginning, and how much more there is.
pub fn shown(list: &[String]) -> Text {
    beginning(list, SHOWN)
}

/// At most `most` items of a list, and how much more there is.
pub fn beginning(list: &[String], most: usize) -> Text {
    if list.is_empty() {
        return Text::fixed("nothing", "空");
    }
    let head = list.iter().take(most).map(String::as_str).collect::<Vec<_>>().join(", ");
    match list.len().checked_sub(most).filter(|more| *more > 0) {
        None => Text::same(head),
        Some(more) => say!("{head} and {more} more", "{head} 等，另有 {more} 个"),
    }
}
