//! The client: signs a call, sends it, tries again where that can help, and returns the answer or the reason.
//!
//! It tries again only after too many requests and, when it only reads, after 5xx and ServerBusy, with a growing pause; a
//! clock error is answered once with the service's own time; an endpoint that cannot be reached gives way to the next
//! one. After anything else, above all a lost answer and a write that the service failed at, it never repeats by itself:
//! reading back tells what happened.

use crate::core::observe::Machine;
use crate::core::observe::MachineGroup;
use crate::core::service::api::{
    ApiCall, Call, Caller, GetMachineGroup, GetProject, ListMachineGroup, ListMachines, Page, Project,
};
use crate::core::service::credentials::Credentials;
use crate::core::service::endpoint::Endpoint;
use crate::core::service::error::{ApiError, ErrorKind, Failure, parse_response};
use crate::core::service::message::{HttpRequest, HttpResponse, Limits, Transport, TransportError};
use crate::core::service::sign::{SignVersion, Unsigned, sign, sign_caller_identity, target};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The pauses before the second, third and fourth try.
pub const PAUSES: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4)];

/// At most so many pages are read: 50,000 machines.
const PAGES_LIMIT: usize = 100;

/// This host's clock, in seconds since 1970.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// An answer with what else it told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply<T> {
    pub answer: T,
    /// The service's clock when it answered, seconds since 1970; judge heartbeats by it.
    pub server_time: Option<i64>,
    /// What support asks for.
    pub request_id: Option<String>,
}

/// Where a project is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// In the region that was asked.
    Here(Project),
    /// In another region, which the project names.
    Elsewhere(Project),
    /// Not in the region that was asked, and the service did not tell where.
    NotHere,
}

/// A client for one region with one key.
pub struct Client {
    transport: Arc<dyn Transport>,
    endpoints: Vec<Endpoint>,
    /// The endpoint that answered last.
    answering: AtomicUsize,
    /// Where STS is; none behind an endpoint that stands in for the service.
    sts: Option<Endpoint>,
    region: String,
    credentials: Credentials,
    version: SignVersion,
    pauses: Vec<Duration>,
    limits: Limits,
    clock: Clock,
    /// What to add to the clock, in seconds, since the service told its own.
    offset: AtomicI64,
}

impl Client {
    /// A client that tries these endpoints in turn ([`super::endpoint::choose`]). `version` is the wish of the operator.
    pub fn new(
        transport: Arc<dyn Transport>,
        endpoints: Vec<Endpoint>,
        region: &str,
        credentials: Credentials,
        version: Option<SignVersion>,
    ) -> Client {
        let own = endpoints.iter().all(|endpoint| !endpoint.fixed);
        let sts = Endpoint { tls: true, host: "sts.aliyuncs.com".to_string(), port: 443, fixed: false };
        Client {
            transport,
            endpoints,
            answering: AtomicUsize::new(0),
            sts: own.then_some(sts),
            region: region.to_string(),
            credentials,
            version: SignVersion::choose(version, Some(region).filter(|region| !region.is_empty())),
            pauses: PAUSES.to_vec(),
            limits: Limits::API,
            clock: Arc::new(system_clock),
            offset: AtomicI64::new(0),
        }
    }

    /// Reads another clock than the system's.
    pub fn with_clock(mut self, clock: Clock) -> Client {
        self.clock = clock;
        self
    }

    /// Waits otherwise than usual: limits of each request, pauses between tries.
    pub fn with_patience(mut self, limits: Limits, pauses: &[Duration]) -> Client {
        self.limits = limits;
        self.pauses = pauses.to_vec();
        self
    }

    /// The pauses before the second and every further try.
    pub fn pauses(&self) -> &[Duration] {
        &self.pauses
    }

    /// The key in use.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// The endpoint that answered last, or will be tried first.
    pub fn endpoint(&self) -> Option<&Endpoint> {
        self.endpoints.get(self.answering.load(Ordering::Relaxed))
    }

    /// How far this host's clock is behind the service's, in seconds; 0 while the service has not complained.
    pub fn clock_behind(&self) -> i64 {
        self.offset.load(Ordering::Relaxed)
    }

    /// Carries out one call.
    ///
    /// # Errors
    /// The reason, after the tries that can help.
    pub async fn call<C: ApiCall>(&self, call: &C) -> Result<Reply<C::Answer>, Failure> {
        let built = call.build()?;
        let clean = |text: &str| self.credentials.scrub(text);
        self.exchange(
            &self.endpoints,
            built.method == "GET",
            |endpoint, now| self.request(endpoint, &built, now),
            |response| parse_response(call, response, &clean),
        )
        .await
    }

    /// The main account behind the key, as STS tells it; it needs no permission. None where no STS is known.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn caller(&self) -> Result<Option<Reply<Caller>>, Failure> {
        let Some(sts) = &self.sts else { return Ok(None) };
        let clean = |text: &str| self.credentials.scrub(text);
        let reply = self.exchange(
            std::slice::from_ref(sts),
            true,
            |endpoint, now| HttpRequest {
                method: "GET",
                tls: endpoint.tls,
                host: endpoint.host.clone(),
                port: endpoint.port,
                target: sign_caller_identity(&self.credentials.key(), &self.region, now, &nonce()),
                headers: vec![("Host".to_string(), endpoint.host.clone())],
                body: Vec::new(),
                direct: false,
                limits: self.limits,
            },
            |response| match response.status {
                200 => Caller::parse(&response.body).map_err(|odd| ApiError::unreadable(response, &odd, &clean)),
                _ => Err(ApiError::of_response(response, &clean)),
            },
        );
        reply.await.map(Some)
    }

    /// Where the project is: here, or by the service's own search in another region.
    ///
    /// # Errors
    /// As [`Client::call`], but for a project that does not exist.
    pub async fn locate(&self, project: &str) -> Result<Location, Failure> {
        let here = self.call(&GetProject { project: project.to_string(), cross_region: false }).await;
        match here {
            Ok(Reply { answer, .. }) if answer.region.is_empty() || answer.region == self.region => {
                return Ok(Location::Here(answer));
            }
            Ok(Reply { answer, .. }) => return Ok(Location::Elsewhere(answer)),
            Err(failure) if failure.kind() == Some(&ErrorKind::ProjectNotExist) => {}
            Err(failure) => return Err(failure),
        }
        // The search is documented for some regions only: any failure of it means that it told nothing.
        let wider = self.call(&GetProject { project: project.to_string(), cross_region: true }).await;
        Ok(match wider {
            Ok(Reply { answer, .. }) if !answer.region.is_empty() => Location::Elsewhere(answer),
            Ok(_) | Err(_) => Location::NotHere,
        })
    }

    /// One machine group.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn group(&self, project: &str, group: &str) -> Result<Reply<MachineGroup>, Failure> {
        self.call(&GetMachineGroup { project: project.to_string(), group: group.to_string() }).await
    }

    /// The names of all machine groups of a project.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn groups(&self, project: &str) -> Result<Reply<Vec<String>>, Failure> {
        self.pages(|offset| ListMachineGroup { project: project.to_string(), offset, containing: None }).await
    }

    /// All machines of a group that have a heartbeat.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn machines(&self, project: &str, group: &str) -> Result<Reply<Vec<Machine>>, Failure> {
        self.pages(|offset| ListMachines { project: project.to_string(), group: group.to_string(), offset }).await
    }

    /// Reads page after page until all are there; a page without items ends it whatever the total says.
    async fn pages<C, T>(&self, call: impl Fn(usize) -> C) -> Result<Reply<Vec<T>>, Failure>
    where
        C: ApiCall<Answer = Page<T>>,
    {
        let mut all = Reply { answer: Vec::new(), server_time: None, request_id: None };
        for _ in 0..PAGES_LIMIT {
            let page = self.call(&call(all.answer.len())).await?;
            let (count, total) = (page.answer.items.len(), page.answer.total);
            all.answer.extend(page.answer.items);
            (all.server_time, all.request_id) = (page.server_time, page.request_id);
            if count == 0 || all.answer.len() >= total {
                break;
            }
        }
        Ok(all)
    }

    fn request(&self, endpoint: &Endpoint, call: &Call, now: i64) -> HttpRequest {
        let project = call.project.as_deref();
        let host = endpoint.host_header(project);
        let body = call.body.as_deref();
        let unsigned = Unsigned { method: call.method, path: &call.path, query: &call.query, host: &host, body };
        HttpRequest {
            method: call.method,
            tls: endpoint.tls,
            host: endpoint.connect_host(project),
            port: endpoint.port,
            target: target(&call.path, &call.query),
            headers: sign(self.version, &unsigned, &self.credentials.key(), &self.region, now),
            body: call.body.clone().unwrap_or_default(),
            direct: false,
            limits: self.limits,
        }
    }

    /// Sends until there is an answer to keep. Every try is signed afresh with the time of that moment.
    async fn exchange<T>(
        &self,
        endpoints: &[Endpoint],
        only_reads: bool,
        make: impl Fn(&Endpoint, i64) -> HttpRequest,
        parse: impl Fn(&HttpResponse) -> Result<T, Box<ApiError>>,
    ) -> Result<Reply<T>, Failure> {
        let mut pauses = self.pauses.iter();
        let mut corrected = false;
        loop {
            let response = self.send(endpoints, &make).await?;
            let error = match parse(&response) {
                Ok(answer) => {
                    let request_id = response.header("x-log-requestid").map(|id| id.chars().take(100).collect());
                    return Ok(Reply { answer, server_time: response.server_time(), request_id });
                }
                Err(error) => error,
            };
            if let (ErrorKind::Clock, Some(server), false) = (&error.kind, error.server_time, corrected) {
                self.offset.store(server.saturating_sub((self.clock)()), Ordering::Relaxed);
                corrected = true;
                continue;
            }
            // A write is repeated by whoever knows what may have changed meanwhile.
            match pauses.next() {
                Some(pause) if error.is_passing() && only_reads => tokio::time::sleep(*pause).await,
                _ => return Err(Failure::Api(error)),
            }
        }
    }

    /// Sends once, to the endpoint that answered last; one that the request cannot have reached gives way to the next.
    async fn send(
        &self,
        endpoints: &[Endpoint],
        make: impl Fn(&Endpoint, i64) -> HttpRequest,
    ) -> Result<HttpResponse, TransportError> {
        // The memory of who answered belongs to the API's endpoints; STS has only one.
        let own = endpoints.len() == self.endpoints.len();
        let first = if own { self.answering.load(Ordering::Relaxed) } else { 0 };
        let mut trouble = None;
        for (place, endpoint) in endpoints.iter().enumerate().cycle().skip(first).take(endpoints.len()) {
            let now = (self.clock)().saturating_add(self.offset.load(Ordering::Relaxed));
            match self.transport.send(make(endpoint, now)).await {
                Ok(response) => {
                    if own {
                        self.answering.store(place, Ordering::Relaxed);
                    }
                    return Ok(response);
                }
                Err(error) if error.may_have_arrived() => return Err(error),
                Err(error) => trouble = trouble.or(Some(error)),
            }
        }
        Err(trouble.unwrap_or_else(|| TransportError::NotARequest("no endpoint".to_string())))
    }
}

fn system_clock() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// A text that no other request has: STS refuses one that it has seen.
fn nonce() -> String {
    // Each RandomState has keys of its own, seeded from the system's randomness.
    let part = |salt: u8| RandomState::new().hash_one(salt);
    format!("{:016x}{:016x}", part(1), part(2))
}

#[cfg(test)]
mod tests;
