//! The form for what the operator knows of the console.

use crate::core::context::Field;
use crate::core::flow::form::Offered;
use crate::core::flow::{Form, Layer, Place, Purpose, Session};
use crate::core::remedies::{InputId, Inputs};
use crate::core::text::Text;

impl Session {
    /// The form for what the operator knows: what this step wants first, then the rest.
    pub(super) fn open_form(&mut self) {
        let mut fields = match self.place {
            Place::Step(step) => self.finding(step).map(|finding| finding.wants.clone()).unwrap_or_default(),
            Place::Ticket => vec![Field::Project, Field::Logstore, Field::MachineGroup],
            Place::Finish => Vec::new(),
        };
        let rest: Vec<Field> = Field::ALL.into_iter().filter(|field| !fields.contains(field)).collect();
        fields.extend(rest);
        let wanted: Vec<_> = fields.into_iter().map(|field| (InputId::Context(field), String::new())).collect();
        let title = Text::fixed(
            "What the console shows (leave empty what you do not know)",
            "控制台中的信息（不清楚的可留空）",
        );
        let inputs = Inputs::from_context(&self.context);
        let addresses = self.addresses();
        let offered = Offered { regions: &self.regions, addresses: &addresses };
        let form = Form::new(title, Purpose::Context, &wanted, inputs, offered);
        self.layers.push(Layer::Form(Box::new(form)));
    }
}
