//! The form of the hosts in the configuration: the agent calls a config server by its name and puts the project in front of
//! a data endpoint itself. It must not judge which region or network a host is of.

use super::Judge;
use crate::core::agent::endpoint::{self, EndpointKind, HostForm};
use crate::core::agent::json::JsonFault;
use crate::core::finding::{Cause, CauseId, Mark, RemedyId};
use crate::core::text::Text;
use crate::say;

impl Judge<'_> {
    /// Of the public cloud's config servers the first label is `logtail`.
    pub(super) fn form(&mut self, host: &str, kind: EndpointKind) {
        let Some(expected) = endpoint::as_config_server(host).filter(|_| kind != EndpointKind::Foreign) else { return };
        let detail = match endpoint::form_of(host) {
            None | Some(HostForm::ConfigServer) => return,
            Some(HostForm::Project(project)) => {
                say!(
                    "The config server {host} has {project} in front, which is a project's name; the host is {expected}.",
                    "配置服务端 {host} 的前缀 {project} 是 Project 名称；正确的主机名是 {expected}。"
                )
            }
            Some(HostForm::Data) => say!(
                "The config server {host} is a data endpoint; the config server is {expected}.",
                "配置服务端 {host} 是数据服务入口；正确的配置服务端是 {expected}。"
            ),
        };
        self.row(
            Text::fixed("Form of the config server", "配置服务端的写法"),
            Text::same(host),
            Mark::Bad,
            Some(Text::same(expected)),
        );
        self.causes.push(Cause::fail(
            CauseId::EndpointMismatch,
            detail,
            Text::fixed(
                "Only the host that begins with logtail. takes heartbeats; the project is no part of it.",
                "只有以 logtail. 开头的主机接收心跳，其中不包含 Project 名称。",
            ),
            &[RemedyId::SetEndpoint],
        ));
    }

    /// The agent itself puts the project in front of a data endpoint.
    pub(super) fn data_form(&mut self, endpoint: &str) {
        let host = endpoint::host_of(endpoint);
        let Some(expected) = endpoint::as_data_endpoint(&host) else { return };
        let front = match endpoint::form_of(&host) {
            None | Some(HostForm::Data) => return,
            Some(HostForm::ConfigServer) => "logtail".to_string(),
            Some(HostForm::Project(project)) => project,
        };
        self.row(
            Text::fixed("Form of the data endpoint", "数据服务入口的写法"),
            Text::same(host.clone()),
            Mark::Bad,
            Some(Text::same(expected.clone())),
        );
        self.causes.push(Cause::fail(
            CauseId::EndpointMismatch,
            say!(
                "The data endpoint {host} has {front} in front; the agent puts the project there itself, so it must be {expected}.",
                "数据服务入口 {host} 带有前缀 {front}；Agent 会自行添加 Project，因此应为 {expected}。"
            ),
            Text::fixed(
                "With the project twice in its name the host does not exist, and no log is sent.",
                "主机名中 Project 重复出现，该主机不存在，日志无法上传。",
            ),
            &[RemedyId::SetEndpoint],
        ));
    }

    /// A text that the rules call broken and that the running agent has read all the same.
    pub(super) fn accepted(&mut self, fault: &JsonFault) -> Cause {
        let (en, zh) = fault.text.both();
        let path = &self.path;
        let detail = say!(
            "{path} is no valid JSON, yet the running agent has read it. {en}",
            "{path} 不是合法的 JSON，但运行中的 Agent 已成功读取。{zh}"
        );
        self.row(Text::fixed("Oddity", "异常写法"), fault.text.clone(), Mark::Doubtful, None);
        Cause::warn(
            CauseId::ConfigNotStrictJson,
            detail,
            Text::fixed(
                "This agent accepts it, but other tools and later versions may not.",
                "当前 Agent 可以接受，但其他工具或后续版本可能无法解析。",
            ),
            &[RemedyId::RepairConfig],
        )
    }
}
