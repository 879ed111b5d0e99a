//! The sentences for each kind of error: what happened, and the next step. Exhaustive, without a wildcard arm.

use super::error::{ApiError, ErrorKind};
use super::policy;
use crate::core::text::Text;
use crate::say;

/// What happened, and what to do next.
pub(super) fn explain(error: &ApiError) -> (Text, Text) {
    let (status, code, message) = (error.status, &error.code, &error.message);
    let key = || {
        Text::fixed(
            "Use another key, or correct this one where it is stored.",
            "请换用其他 AccessKey，或在其存储位置修正。",
        )
    };
    let ticket = || match &error.request_id {
        Some(id) => say!(
            "Try again; if it stays, open a ticket with request id {id}.",
            "请重试；如果仍然失败，请提交工单并附上请求 ID {id}。"
        ),
        None => Text::fixed("Try again; if it stays, open a ticket.", "请重试；如果仍然失败，请提交工单。"),
    };
    match &error.kind {
        ErrorKind::Clock => (
            Text::fixed(
                "The clock of this host differs from the service's by more than 15 minutes. The agent's heartbeat is rejected for the same reason.",
                "本机时钟与服务端相差超过 15 分钟，Agent 的心跳也会因此被拒绝。",
            ),
            Text::fixed("Synchronise the clock.", "请同步系统时钟。"),
        ),
        ErrorKind::BadRequest => (
            say!(
                "The service did not understand the request: {code} {message}",
                "服务端无法理解该请求：{code} {message}"
            ),
            Text::fixed(
                "A private cloud may lack this signature version: try the other one. Else report it as a fault of this program.",
                "专有云可能不支持该签名版本，请换用另一版本；否则请将其作为本程序的缺陷反馈。",
            ),
        ),
        ErrorKind::SignatureMismatch => (
            Text::fixed(
                "The signature does not match: the AccessKey secret is wrong.",
                "签名不匹配：AccessKey Secret 不正确。",
            ),
            Text::fixed(
                "Copy the secret again, completely. If it is right, a proxy may rewrite headers.",
                "请重新完整复制 AccessKey Secret；如果确认无误，可能是代理改写了请求头。",
            ),
        ),
        ErrorKind::KeyNotFound => (Text::fixed("This AccessKey does not exist.", "该 AccessKey 不存在。"), key()),
        ErrorKind::KeyDisabled => (
            Text::fixed("This AccessKey is disabled.", "该 AccessKey 已被禁用。"),
            Text::fixed(
                "Enable it in the RAM console, or use another key.",
                "请在 RAM 控制台启用它，或换用其他 AccessKey。",
            ),
        ),
        ErrorKind::TokenInvalid => {
            (Text::fixed("The security token is not valid for this key.", "该安全令牌（STS Token）无效。"), key())
        }
        ErrorKind::TokenExpired => (
            Text::fixed("The temporary key has expired.", "临时凭证已过期。"),
            Text::fixed(
                "Get a new one, for example with `aliyun configure`.",
                "请重新获取，例如运行 `aliyun configure`。",
            ),
        ),
        ErrorKind::ServiceSuspended => (
            Text::fixed(
                "Simple Log Service is suspended for this account, usually for an overdue bill.",
                "该账号的日志服务已被停用，通常是由于欠费。",
            ),
            Text::fixed(
                "Settle the bill; heartbeats and logs resume after that.",
                "请结清欠费，之后心跳和日志会恢复。",
            ),
        ),
        ErrorKind::ServiceNotOpened => (
            Text::fixed("Simple Log Service is not activated for this account.", "该账号尚未开通日志服务。"),
            Text::fixed("Use a key of the account that owns the project.", "请使用 Project 所属账号的 AccessKey。"),
        ),
        ErrorKind::OtherAccount => (
            Text::fixed(
                "The project is in this region but belongs to another account than the key.",
                "Project 位于该地域，但不属于该 AccessKey 所在的账号。",
            ),
            Text::fixed("Use a key of the account that owns the project.", "请使用 Project 所属账号的 AccessKey。"),
        ),
        ErrorKind::Denied(denial) => {
            let action = &denial.action;
            let policy = policy::for_denial(denial);
            (
                say!("The key may not do {action}.", "该 AccessKey 没有 {action} 权限。"),
                say!(
                    "Ask the administrator of the account for this RAM policy:\n{policy}",
                    "请向账号管理员申请以下 RAM 权限策略：\n{policy}"
                ),
            )
        }
        ErrorKind::Unauthorized => {
            (say!("The service refused the key: {message}", "服务端拒绝了该 AccessKey：{message}"), key())
        }
        ErrorKind::TooManyRequests => (
            Text::fixed("Too many requests in this account at the moment.", "该账号当前请求过于频繁。"),
            Text::fixed("Wait a minute and try again.", "请等待一分钟后重试。"),
        ),
        ErrorKind::ProjectForbidden => {
            (Text::fixed("The project has been forbidden by the service.", "该 Project 已被服务端禁用。"), ticket())
        }
        ErrorKind::ProjectNotExist => (
            Text::fixed("There is no such project in this region.", "该地域没有这个 Project。"),
            Text::fixed(
                "Check the region and the name: a wrong region and a wrong name give the same answer.",
                "请检查地域和名称：地域错误与名称错误的应答相同。",
            ),
        ),
        ErrorKind::GroupNotExist => (
            Text::fixed("There is no such machine group in the project.", "该 Project 中没有这个机器组。"),
            Text::fixed(
                "Choose one of the groups of the project, or create it.",
                "请从 Project 的机器组中选择，或新建该机器组。",
            ),
        ),
        ErrorKind::GroupExists => (
            Text::fixed("A machine group with this name exists already.", "同名机器组已存在。"),
            Text::fixed("Edit that group instead.", "请改为编辑该机器组。"),
        ),
        ErrorKind::MethodNotServed => (
            Text::fixed("The service in this region does not offer this call.", "该地域的服务端不支持此调用。"),
            Text::fixed("Do this step in the console.", "请在控制台完成这一步。"),
        ),
        ErrorKind::ServerTrouble => (
            say!(
                "The service could not answer at the moment (HTTP {status} {code}).",
                "服务端暂时无法应答（HTTP {status} {code}）。"
            ),
            ticket(),
        ),
        ErrorKind::Foreign => (
            say!(
                "The answer (HTTP {status}) is not from Simple Log Service: {message}",
                "应答（HTTP {status}）并非来自日志服务：{message}"
            ),
            Text::fixed(
                "A proxy or login page stands in between: check HTTPS_PROXY, NO_PROXY and the endpoint.",
                "中间可能有代理或登录页面，请检查 HTTPS_PROXY、NO_PROXY 和服务入口。",
            ),
        ),
        ErrorKind::Unreadable => (
            say!("The answer of the service has an unknown form: {message}", "服务端的应答格式未知：{message}"),
            Text::fixed("Look the value up in the console instead.", "请改为在控制台查看。"),
        ),
        ErrorKind::Other => (
            say!("The service answered HTTP {status} {code}: {message}", "服务端应答 HTTP {status} {code}：{message}"),
            ticket(),
        ),
    }
}
