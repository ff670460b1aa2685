//! Expressions.

use pg_query::protobuf::{
    AArrayExpr, AExpr, AExprKind, AIndices, AIndirection, BoolExpr, BooleanTest, CaseExpr,
    CaseWhen, CoalesceExpr, CollateClause, List, MinMaxExpr, NamedArgExpr, NullTest, RowExpr,
    SubLink, SubLinkType, TypeCast,
};
use pg_query::{Node, NodeEnum};

use super::names::integer;
use super::size::Size;
use super::{Check, Walker};

impl Walker<'_> {
    /// Checks an expression, and estimates how big its value may be.
    pub(super) fn expr(&mut self, node: &Node) -> Check<Size> {
        self.add_weight(1)?;
        self.deeper(|walker| walker.any_expr(node))
    }

    pub(super) fn optional(&mut self, node: Option<&Node>) -> Check {
        match node {
            Some(node) => self.expr(node).map(drop),
            None => Ok(()),
        }
    }

    /// Checks all, and gives the size of the biggest.
    fn any_of(&mut self, nodes: &[Node]) -> Check<Size> {
        nodes.iter().try_fold(Size::default(), |most, node| Ok(most.or(self.expr(node)?)))
    }

    /// Checks all, and gives their size together.
    fn all_of(&mut self, nodes: &[Node]) -> Check<Size> {
        nodes.iter().try_fold(Size::default(), |all, node| Ok(all.plus(self.expr(node)?)))
    }

    /// Checks all the parts of one array, row or document.
    pub(super) fn parts(&mut self, nodes: &[Node], place: i32) -> Check<Size> {
        let sizes: Vec<Size> = nodes.iter().map(|node| self.expr(node)).collect::<Check<_>>()?;
        self.side_by_side(&sizes, place)
    }

    pub(super) fn required(&mut self, node: Option<&Node>) -> Check<Size> {
        match node {
            Some(node) => self.expr(node),
            None => Err(self.unexpected()),
        }
    }

    fn any_expr(&mut self, node: &Node) -> Check<Size> {
        let Some(node) = &node.node else { return Err(self.unexpected()) };
        match node {
            NodeEnum::ColumnRef(column) => self.column(column),
            NodeEnum::AConst(constant) => self.constant(constant),
            NodeEnum::AExpr(expr) => self.operation(expr),
            NodeEnum::BoolExpr(_) | NodeEnum::NullTest(_) | NodeEnum::BooleanTest(_) => {
                self.logic(node)
            }
            NodeEnum::CaseExpr(case) => self.case(case),
            NodeEnum::CoalesceExpr(_) | NodeEnum::MinMaxExpr(_) => self.choice(node),
            NodeEnum::FuncCall(call) => self.call(call),
            NodeEnum::TypeCast(cast) => self.cast(cast),
            NodeEnum::SubLink(link) => self.sublink(link),
            NodeEnum::AArrayExpr(AArrayExpr { elements, list_start: _, list_end: _, location }) => {
                let place = self.visit(*location);
                self.parts(elements, place)
            }
            NodeEnum::AIndirection(indirection) => self.indirection(indirection),
            NodeEnum::RowExpr(inner) => {
                let RowExpr { xpr, args, row_typeid: _, row_format: _, colnames, location } =
                    inner.as_ref();
                self.visit(*location);
                self.absent(xpr.as_ref())?;
                if !colnames.is_empty() {
                    return Err(self.unexpected());
                }
                self.parts(args, *location)
            }
            NodeEnum::List(List { items }) => self.all_of(items),
            NodeEnum::NamedArgExpr(inner) => {
                let NamedArgExpr { xpr, arg, name: _, argnumber: _, location } = inner.as_ref();
                self.visit(*location);
                self.absent(xpr.as_ref())?;
                self.required(arg.as_deref())
            }
            NodeEnum::GroupingFunc(grouping) => {
                self.grouping(grouping)?;
                Ok(Size::SMALL)
            }
            NodeEnum::SqlvalueFunction(function) => self.value_function(function),
            NodeEnum::CollateClause(inner) => {
                let CollateClause { arg, collname, location } = inner.as_ref();
                let place = self.visit(*location);
                self.collation(collname, place)?;
                self.required(arg.as_deref())
            }
            NodeEnum::JsonObjectConstructor(_)
            | NodeEnum::JsonArrayConstructor(_)
            | NodeEnum::JsonArrayQueryConstructor(_)
            | NodeEnum::JsonObjectAgg(_)
            | NodeEnum::JsonArrayAgg(_)
            | NodeEnum::JsonKeyValue(_)
            | NodeEnum::JsonValueExpr(_)
            | NodeEnum::JsonIsPredicate(_) => self.json(node),
            other => Err(self.other(other)),
        }
    }

    /// AND, OR, NOT, IS NULL, IS TRUE.
    fn logic(&mut self, node: &NodeEnum) -> Check<Size> {
        match node {
            NodeEnum::BoolExpr(inner) => {
                let BoolExpr { xpr, boolop: _, args, location } = inner.as_ref();
                self.visit(*location);
                self.absent(xpr.as_ref())?;
                self.all_of(args)?;
                Ok(Size::SMALL)
            }
            NodeEnum::NullTest(inner) => {
                let NullTest { xpr, arg, nulltesttype: _, argisrow: _, location } = inner.as_ref();
                self.visit(*location);
                self.absent(xpr.as_ref())?;
                self.required(arg.as_deref())?;
                Ok(Size::SMALL)
            }
            NodeEnum::BooleanTest(inner) => {
                let BooleanTest { xpr, arg, booltesttype: _, location } = inner.as_ref();
                self.visit(*location);
                self.absent(xpr.as_ref())?;
                self.required(arg.as_deref())?;
                Ok(Size::SMALL)
            }
            _ => Err(self.unexpected()),
        }
    }

    /// One of several values.
    fn choice(&mut self, node: &NodeEnum) -> Check<Size> {
        match node {
            NodeEnum::CoalesceExpr(inner) => {
                let CoalesceExpr { xpr, coalescetype: _, coalescecollid: _, args, location } =
                    inner.as_ref();
                self.visit(*location);
                self.absent(xpr.as_ref())?;
                self.any_of(args)
            }
            NodeEnum::MinMaxExpr(inner) => {
                let MinMaxExpr {
                    xpr,
                    minmaxtype: _,
                    minmaxcollid: _,
                    inputcollid: _,
                    op: _,
                    args,
                    location,
                } = inner.as_ref();
                self.visit(*location);
                self.absent(xpr.as_ref())?;
                self.any_of(args)
            }
            _ => Err(self.unexpected()),
        }
    }

    fn case(&mut self, case: &CaseExpr) -> Check<Size> {
        let CaseExpr { xpr, casetype: _, casecollid: _, arg, args, defresult, location } = case;
        let place = self.visit(*location);
        self.absent(xpr.as_ref())?;
        if args.len() > self.limits().max_case_branches as usize {
            let most = self.limits().max_case_branches;
            return Err(self.too_many(place, "branches of CASE", most));
        }
        self.optional(arg.as_deref())?;
        let mut most = Size::default();
        for branch in args {
            let Some(NodeEnum::CaseWhen(branch)) = &branch.node else {
                return Err(self.unexpected());
            };
            let CaseWhen { xpr, expr, result, location } = branch.as_ref();
            self.visit(*location);
            self.absent(xpr.as_ref())?;
            self.required(expr.as_deref())?;
            most = most.or(self.required(result.as_deref())?);
        }
        match defresult {
            Some(otherwise) => Ok(most.or(self.expr(otherwise)?)),
            None => Ok(most),
        }
    }

    fn operation(&mut self, expr: &AExpr) -> Check<Size> {
        let AExpr { kind, name, lexpr, rexpr, rexpr_list_start: _, rexpr_list_end: _, location } =
            expr;
        let place = self.visit(*location);
        let kind = AExprKind::try_from(*kind).map_err(|_| self.unexpected())?;
        let (left, right) = (lexpr.as_deref(), rexpr.as_deref());
        match kind {
            AExprKind::AexprOp => {
                let operator = self.operator(name, place)?;
                let left_size = left.map(|left| self.expr(left)).transpose()?;
                let right_size = self.required(right)?;
                let operands = (left_size.unwrap_or_default(), right_size);
                self.operator_bounds(operator, (left, right), operands, place)
            }
            AExprKind::AexprLike | AExprKind::AexprIlike | AExprKind::AexprSimilar => {
                self.operator(name, place)?;
                let subject = self.required(left)?;
                let pattern = self.required(right)?;
                self.pattern_bounds(subject, pattern, right, place)?;
                Ok(Size::SMALL)
            }
            AExprKind::AexprOpAny | AExprKind::AexprOpAll => {
                let operator = self.operator(name, place)?;
                let subject = self.required(left)?;
                let list = self.required(right)?;
                if operator.contains('~') {
                    self.pattern_bounds(subject, list, None, place)?;
                }
                Ok(Size::SMALL)
            }
            AExprKind::AexprIn | AExprKind::AexprDistinct | AExprKind::AexprNotDistinct => {
                self.operator(name, place)?;
                self.required(left)?;
                self.required(right)?;
                Ok(Size::SMALL)
            }
            AExprKind::AexprNullif => {
                self.operator(name, place)?;
                let left = self.required(left)?;
                self.required(right)?;
                Ok(left)
            }
            // Their names are words.
            AExprKind::AexprBetween
            | AExprKind::AexprNotBetween
            | AExprKind::AexprBetweenSym
            | AExprKind::AexprNotBetweenSym => {
                self.required(left)?;
                self.required(right)?;
                Ok(Size::SMALL)
            }
            AExprKind::Undefined => Err(self.unexpected()),
        }
    }

    fn cast(&mut self, cast: &TypeCast) -> Check<Size> {
        let TypeCast { arg, type_name, location } = cast;
        self.visit(*location);
        let Some(type_name) = type_name else { return Err(self.unexpected()) };
        let name = self.type_name(type_name)?;
        let size = self.required(arg.as_deref())?;
        if !type_name.array_bounds.is_empty() {
            return Ok(size);
        }
        Ok(match name {
            "int2" | "int4" | "int8" | "bool" | "date" | "time" | "timetz" | "timestamp"
            | "timestamptz" | "interval" | "uuid" | "money" | "float4" | "float8" => {
                Size { grows: size.grows, ..Size::SMALL }
            }
            "numeric" => match type_name.typmods.first().and_then(integer) {
                Some(digits) => {
                    let digits = u64::try_from(digits).unwrap_or_default();
                    Size { text: digits.saturating_add(2), digits, grows: size.grows, weight: 0 }
                }
                None => size,
            },
            "bpchar" => match type_name.typmods.first().and_then(integer) {
                Some(length) => size.or(Size::of_text(usize::try_from(length).unwrap_or_default())),
                None => size,
            },
            _ => size,
        })
    }

    fn sublink(&mut self, link: &SubLink) -> Check<Size> {
        let SubLink {
            xpr,
            sub_link_type,
            sub_link_id: _,
            testexpr,
            oper_name,
            subselect,
            location,
        } = link;
        let place = self.visit(*location);
        self.absent(xpr.as_ref())?;
        let pattern = if oper_name.is_empty() {
            false
        } else {
            self.operator(oper_name, place)?.contains('~')
        };
        let subject = testexpr.as_ref().map(|test| self.expr(test)).transpose()?;
        let query = subselect.as_ref().and_then(|query| query.node.as_ref());
        let Some(NodeEnum::SelectStmt(query)) = query else { return Err(self.unexpected()) };
        let output = self.select(query)?;
        if pattern {
            self.pattern_bounds(subject.unwrap_or_default(), output.size(), None, place)?;
        }
        match SubLinkType::try_from(*sub_link_type) {
            Ok(SubLinkType::ExistsSublink | SubLinkType::AnySublink | SubLinkType::AllSublink) => {
                Ok(Size::SMALL)
            }
            Ok(SubLinkType::ExprSublink) => Ok(output.row_size()),
            Ok(SubLinkType::ArraySublink) => {
                Ok(Size { digits: output.size().digits, ..Size::UNBOUNDED })
            }
            _ => Err(self.unexpected()),
        }
    }

    fn indirection(&mut self, indirection: &AIndirection) -> Check<Size> {
        let AIndirection { arg, indirection } = indirection;
        let Some(arg) = arg else { return Err(self.unexpected()) };
        let mut size = self.expr(arg)?;
        let mut whole = true;
        for step in indirection {
            match &step.node {
                Some(NodeEnum::AIndices(indices)) => {
                    let AIndices { is_slice: _, lidx, uidx } = indices.as_ref();
                    self.optional(lidx.as_deref())?;
                    self.optional(uidx.as_deref())?;
                    whole = false;
                }
                Some(NodeEnum::String(name)) if whole => size = self.field(arg, &name.sval)?,
                // After a subscript or another field nothing is known of the value.
                Some(NodeEnum::String(name)) => {
                    self.field(&Node { node: None }, &name.sval)?;
                }
                Some(NodeEnum::AStar(_)) => {}
                _ => return Err(self.unexpected()),
            }
        }
        Ok(size)
    }
}
