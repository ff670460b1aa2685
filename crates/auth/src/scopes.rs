//! What a caller who is known may do.

use std::collections::BTreeSet;

use retail_domain::{Scope, Visibility};

/// All scopes but the operator's, and costs for head office alone, unless `with_costs` gives them to this
/// store as well.
///
/// ```
/// use retail_auth::scopes_of;
/// use retail_domain::{Scope, Visibility};
///
/// assert!(scopes_of(&Visibility::AllStores, false).contains(&Scope::Costs));
/// ```
pub fn scopes_of(visibility: &Visibility, with_costs: bool) -> BTreeSet<Scope> {
    let sees_costs = with_costs || *visibility == Visibility::AllStores;
    Scope::ALL
        .into_iter()
        .filter(|scope| match scope {
            Scope::Costs => sees_costs,
            Scope::Admin => false,
            _ => true,
        })
        .collect()
}
