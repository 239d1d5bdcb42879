//! Differences of extensions: fields that another place than their message declares, `[shop.v1.note]` in JSON.

use super::{Comparison, Place, Rule, fields};
use crate::schema::places::Near;
use crate::schema::templates::short;

/// Compares every extension of a message of the schema's own with the one of the same number. Those of Google's options
/// and of Rialto's are never sent.
pub(super) fn compare(comparison: &mut Comparison<'_>) {
    let (old_schema, new_schema) = (comparison.old, comparison.new);
    let extended = |declared: &str| declared.trim_start_matches('.').to_owned();
    let old_extensions = comparison.old_elements.extensions.iter().filter_map(|(name, old)| {
        let message = extended(old.descriptor.extendee.as_deref()?);
        let element = comparison.new_elements.messages.get(&message)?;
        let new = comparison.new_elements.extensions.iter().find(|(_, new)| {
            new.descriptor.number == old.descriptor.number
                && new.descriptor.extendee.as_deref().is_some_and(|extendee| extended(extendee) == message)
        });
        let new = new.map(|(name, new)| (name.clone(), new.descriptor, new.site.clone()));
        Some((name.clone(), old.descriptor, message, element.site.clone(), new))
    });
    for (name, declared, message, message_site, new) in old_extensions.collect::<Vec<_>>() {
        let message = short(&message);
        let Some((new_name, new_declared, site)) = new else {
            comparison.report(
                Rule::ExtensionRemoved,
                Place::New(&message_site, Near::Start),
                format!("the extension {name} = {} of {message} is gone", declared.number.unwrap_or_default()),
                "keep it as long as anybody sends it, and never give its number to another",
            );
            continue;
        };
        let linked = old_schema.pool().extension_by_name(&name).zip(new_schema.pool().extension_by_name(&new_name));
        let Some((old_linked, new_linked)) = linked else { continue };
        let old = fields::Side::extension(&name, declared, old_linked.field());
        let new = fields::Side::extension(&new_name, new_declared, new_linked.field());
        // Its name: what stands before it belongs to the whole `extend`.
        let site = site.inside(&[1]);
        fields::compare(comparison, &fields::Pair { message, old, new, site: &site });
    }
}
