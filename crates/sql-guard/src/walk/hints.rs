//! Suggestions: what was probably meant.

use super::Walker;
use crate::rejection::{Rejection, RejectionCode, clip};

/// Up to three known names that look like `name`, the nearest first.
pub(super) fn nearest<'k>(name: &str, known: impl Iterator<Item = &'k str>) -> Vec<&'k str> {
    const ALIKE: f64 = 0.8;
    let name: String = name.chars().take(64).flat_map(char::to_lowercase).collect();
    let mut scored: Vec<(f64, &str)> = known
        .map(|known| {
            let mut score = strsim::jaro_winkler(&name, known);
            // One name within the other, such as `total` in `total_amount`.
            if name.len() >= 4
                && (known.contains(&name) || name.contains(known) && known.len() >= 4)
            {
                score = score.max(0.85);
            }
            (score, known)
        })
        .filter(|(score, _)| *score >= ALIKE)
        .collect();
    scored.sort_by(|(a, one), (b, other)| b.total_cmp(a).then(one.cmp(other)));
    scored.into_iter().take(3).map(|(_, known)| known).collect()
}

/// `a`, `b` or `c`
pub(super) fn either(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => format!("`{one}`"),
        [first @ .., last] => {
            let first: Vec<String> = first.iter().map(|name| format!("`{name}`")).collect();
            format!("{} or `{last}`", first.join(", "))
        }
    }
}

impl Walker<'_> {
    pub(super) fn unknown_relation(&self, place: i32, schema: &str, name: &str) -> Rejection {
        let full = if schema.is_empty() { name.to_owned() } else { format!("{schema}.{name}") };
        let known: Vec<&str> = self.policy.relations().collect();
        let near = self.policy.all_relations().map(|relation| relation.name.as_str());
        let ctes = self.ctes.iter().map(|cte| cte.name.as_str());
        let near = nearest(name, near.chain(ctes.filter(|_| schema.is_empty())));
        let meant: Vec<&str> = near
            .iter()
            .map(|near| {
                let relation = self.policy.all_relations().find(|relation| relation.name == *near);
                relation.map_or(*near, |relation| relation.full_name.as_str())
            })
            .collect();
        let question = match meant.as_slice() {
            [] => String::new(),
            meant => format!("Did you mean {}? ", either(meant)),
        };
        self.refuse(
            RejectionCode::UnknownRelation,
            place,
            format!("the relation \"{}\" does not exist or is not available", clip(&full)),
        )
        .advise(format!("{question}Available tables: {}.", known.join(", ")))
    }
}
