//! GROUP BY, with ROLLUP, CUBE and GROUPING SETS.

use pg_query::protobuf::{GroupingFunc, GroupingSet, GroupingSetKind};
use pg_query::{Node, NodeEnum};

use super::{Check, Walker};

impl Walker<'_> {
    pub(super) fn group_by(&mut self, items: &[Node]) -> Check {
        let mut sets = 1_u64;
        for item in items {
            sets = sets.saturating_mul(self.group_item(item)?);
        }
        let most = self.limits().max_grouping_sets;
        if sets > u64::from(most) {
            return Err(self.too_many(-1, "grouping sets", most));
        }
        Ok(())
    }

    /// Checks one item, and gives the number of grouping sets that it makes.
    fn group_item(&mut self, item: &Node) -> Check<u64> {
        let Some(NodeEnum::GroupingSet(set)) = &item.node else {
            self.expr_or_output(item)?;
            return Ok(1);
        };
        let GroupingSet { kind, content, location } = set;
        self.visit(*location);
        let mut inner = 0_u64;
        for item in content {
            inner = inner.saturating_add(self.deeper(|walker| walker.group_item(item))?);
        }
        match GroupingSetKind::try_from(*kind) {
            Ok(GroupingSetKind::GroupingSetEmpty | GroupingSetKind::GroupingSetSimple) => Ok(1),
            Ok(GroupingSetKind::GroupingSetRollup) => Ok(inner.saturating_add(1)),
            Ok(GroupingSetKind::GroupingSetCube) => {
                let shift = u32::try_from(content.len()).unwrap_or(u32::MAX);
                Ok(1_u64.checked_shl(shift).unwrap_or(u64::MAX))
            }
            Ok(GroupingSetKind::GroupingSetSets) => Ok(inner),
            _ => Err(self.unexpected()),
        }
    }

    pub(super) fn grouping(&mut self, grouping: &GroupingFunc) -> Check {
        let GroupingFunc { xpr, args, refs, agglevelsup: _, location } = grouping;
        self.visit(*location);
        self.absent(xpr.as_ref())?;
        if !refs.is_empty() {
            return Err(self.unexpected());
        }
        args.iter().try_for_each(|arg| self.expr(arg).map(drop))
    }
}
