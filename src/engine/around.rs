//! What the session is told beside findings: the addresses of this host, the key of the service, the machine groups of the
//! project, and the age of the heartbeat while it is watched for.

use super::run::Run;
use super::verifying::Verifying;
use crate::carry_out;
use crate::core::agent::ip_rules::is_virtual;
use crate::core::agent::service::{self, Standing};
use crate::core::checks;
use crate::core::context::Context;
use crate::core::finding::StepId;
use crate::core::flow::{Around, Choice, Effect, Event, HeartbeatAge};
use crate::core::observe::{CloudError, CloudErrorKind, Observations};
use crate::core::text::{Lang, Text};

/// What is known of the surroundings.
fn around(seen: &Observations, told: &Context) -> Around {
    let mut addresses = Vec::new();
    for nic in seen.interfaces().ok().and_then(|looked| looked.as_ref().ok()).into_iter().flatten() {
        let name = &nic.name;
        let label = match is_virtual(name) {
            true => crate::say!("{name}, virtual", "{name}，虚拟网卡"),
            false => Text::same(name.clone()),
        };
        let usable = nic.ipv4.iter().filter(|ip| !ip.is_loopback());
        addresses.extend(usable.map(|ip| Choice { value: ip.to_string(), label: label.clone() }));
    }
    // Those of real interfaces first: a bridge's address identifies nobody.
    addresses.sort_by_key(|choice| choice.label.get(Lang::En).ends_with(", virtual"));
    let standing = service::standing(seen, told);
    let key = match &standing {
        Ok(Standing::Unasked) | Err(_) => None,
        Ok(Standing::Able(_) | Standing::Unable(_)) => {
            seen.cloud_credentials().ok().and_then(|key| key.as_ref().ok()).cloned()
        }
    };
    let wants_key = matches!(&standing, Ok(Standing::Unable(trouble))
        if trouble.kind != CloudErrorKind::ProjectNotExist);
    Around { addresses, key, wants_key }
}

impl Run<'_> {
    /// Tells the session what is around it, when that has changed.
    pub(super) fn publish_around(&mut self) {
        let found = &self.looking.found;
        let around = found.seen().at_a_glance(|seen| around(seen, found.context()));
        if around != self.session.around {
            self.session.handle(Event::Around(Box::new(around)));
        }
    }

    /// Lists the machine groups for the screen, and reads those that are named.
    pub(super) fn list_groups(&mut self, about: Vec<String>) {
        self.listing_groups = Some(about);
        // What the session wants next is about the groups in sight, until all of those are known.
        while let Some(event) = self.attempt_groups() {
            let next = self.session.handle(event).into_iter().find_map(|effect| match effect {
                Effect::ListGroups(about) => Some(about),
                _ => None,
            });
            match next {
                Some(about) => self.listing_groups = Some(about),
                None => return,
            }
        }
    }

    /// Begins to look for a heartbeat that is newer than the last change, of this session or an earlier one.
    pub(super) async fn watch(&mut self, seconds: u64) {
        if self.cured_at.is_none() {
            let journals = self.looking.journals(self.applier.store());
            self.cured_at = carry_out::last_change(self.looking.host.as_ref(), &journals).await;
        }
        self.looking.count_from(self.cured_at);
        self.looking.look_again_at(StepId::Heartbeat);
        self.verifying = Some(Verifying::of_heartbeat(seconds));
    }

    /// The machine groups as far as they are known, while a list of them is on screen; asks for what is missing.
    pub(super) fn attempt_groups(&mut self) -> Option<Event> {
        let about = self.listing_groups.as_ref()?;
        let found = &self.looking.found;
        let listed = found.seen().noting(|seen| checks::groups(seen, found.context(), about));
        if listed.open.is_empty() {
            self.listing_groups = None;
        }
        let asked = self.looking.found.ask(listed.open);
        self.looking.spawn(asked);
        Some(Event::Groups(match listed.result.ok()? {
            Ok(groups) => Ok(groups),
            Err(trouble) => Err(why_not(trouble)),
        }))
    }

    /// How old the heartbeat is now, when the service can be asked.
    pub(super) fn pulse(&self) -> Option<HeartbeatAge> {
        let found = &self.looking.found;
        found.seen().at_a_glance(|seen| checks::heartbeat_age(seen, found.context())).ok().flatten()
    }
}

/// Why the groups cannot be listed, in a sentence or two.
fn why_not(trouble: Option<CloudError>) -> Text {
    match trouble {
        Some(CloudError { what, next, .. }) => what.followed_by(&next),
        None => Text::fixed(
            "The service cannot be asked: no project was told, or --no-cloud forbids it.",
            "无法访问服务端：尚未填写 Project，或使用了 --no-cloud。",
        ),
    }
}
