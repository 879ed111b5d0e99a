//! What a cause offers can cure it: of every cause of every scenario, each remedy is planned on that very host, with the
//! values that the operator would tell, and the plan is neither refused nor empty.

use super::STEPS;
use super::machine::{Machine, OWNER, told};
use super::scenarios::all;
use super::worlds::{answer_all, judge, with_one_fault};
use logtail_doctor::core::context::Context;
use logtail_doctor::core::finding::{Finding, RemedyId};
use logtail_doctor::core::observe::{Observations, Question};
use logtail_doctor::core::remedies::{InputId, Inputs, Planned, descriptor, plan};
use logtail_doctor::core::text::Lang;
use logtail_doctor::host::simulated::SimulatedHost;

/// What else an operator can tell where a remedy says that all is so already: another way to the service.
const OTHERWISE: &[(&str, &str)] = &[("network", "internet"), ("network", "intranet"), ("region", "cn-beijing")];

/// Plans a remedy as an operator does who takes every suggestion, and knows what the console shows.
fn planned(
    remedy: RemedyId,
    told: &Context,
    seen: &mut Observations,
    mut tell: impl FnMut(Vec<Question>, &mut Observations),
) -> Planned {
    let mut inputs = Inputs::from_context(told);
    let mut otherwise = OTHERWISE.iter();
    for _ in 0..40 {
        match plan(remedy, &inputs, seen) {
            Err(_) => {
                let open: Vec<Question> = seen.take_open().into_iter().collect();
                tell(open, seen);
            }
            Ok(Planned::Needs(missing)) => {
                for (input, suggestion) in missing {
                    let value = if suggestion.is_empty() { console(input) } else { suggestion };
                    inputs.set(input, &value).unwrap();
                }
            }
            Ok(Planned::Already(text)) => {
                let known = |input: &str| descriptor(remedy).inputs.iter().any(|id| id.id() == input);
                let Some((input, value)) = otherwise.find(|(input, _)| known(input)) else {
                    return Planned::Already(text);
                };
                inputs.set(InputId::of_id(input).unwrap(), value).unwrap();
            }
            Ok(planned) => return planned,
        }
    }
    panic!("{} is not planned to the end", remedy.id());
}

/// What the console shows of a value that the host suggests nothing for.
fn console(input: InputId) -> String {
    match input.id() {
        "ip" => "10.1.1.5",
        "old-ip" => "10.1.1.9",
        "aliuid" => OWNER,
        "custom-id" => "web",
        "region" => "cn-hangzhou",
        "network" => "internet",
        "machine-group" => "new-group",
        other => panic!("{other} is asked for without a suggestion"),
    }
    .to_string()
}

/// What is wrong with the remedies that these findings offer.
fn wrong_offers(
    name: &str,
    findings: &[Finding],
    told: &Context,
    seen: &mut Observations,
    mut tell: impl FnMut(Vec<Question>, &mut Observations),
) -> Vec<String> {
    let mut wrong = Vec::new();
    for finding in findings {
        for cause in &finding.causes {
            for remedy in &cause.remedies {
                let text = match planned(*remedy, told, seen, &mut tell) {
                    Planned::Ready(plan) if plan.is_automatic() || !plan.manual.is_empty() => continue,
                    Planned::Ready(_) => "a plan of nothing".to_string(),
                    Planned::Refused(text) => format!("refused: {}", text.get(Lang::En)),
                    Planned::Already(text) => format!("already: {}", text.get(Lang::En)),
                    Planned::Needs(_) => "it asks without end".to_string(),
                };
                wrong.push(format!("{name}: {} offers {}: {text}", cause.id.id(), remedy.id()));
            }
        }
    }
    wrong
}

#[test]
fn a_remedy_that_a_cause_of_this_host_offers_can_be_planned_on_it() {
    let mut wrong = Vec::new();
    for (name, flavour, apply, _) in all() {
        let (mut machine, mut told) = (Machine::healthy(*flavour), told());
        apply(&mut machine, &mut told);
        let mut seen = Observations::default();
        let findings: Vec<Finding> = STEPS.iter().map(|step| machine.look(*step, &told, &mut seen)).collect();
        wrong.extend(wrong_offers(name, &findings, &told, &mut seen, |open, seen| machine.tell(open, seen)));
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_remedy_that_a_cause_of_a_world_offers_can_be_planned_on_it() {
    let mut wrong = Vec::new();
    for (name, world, told) in with_one_fault() {
        let (findings, mut seen) = judge(world.clone(), &told, &[]);
        let host = SimulatedHost::new(world);
        wrong.extend(wrong_offers(&name, &findings, &told, &mut seen, |open, seen| answer_all(&host, open, seen)));
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}
