//! A metric as a product of factors: orders, what is in a basket, what a piece costs.

use retail_domain::{Error, Principal};
use rust_decimal::Decimal;
use serde_json::json;

use super::{ChangeQuestion, exact, needed};
use crate::Analyst;
use crate::analysis::{Provenance, Table, TableColumn};
use crate::analyst::sees_all;
use crate::figure::{self, Sums};
use crate::metric::{Measure, Unit};
use crate::statement::{Ask, Filter};

/// A factor in both periods.
struct Factor {
    name: &'static str,
    unit: Unit,
    before: Decimal,
    now: Decimal,
}

impl Analyst {
    /// What each factor adds to the change: it moves from its former to its new value, after those above it.
    pub(super) async fn factors(
        &self,
        principal: &Principal,
        question: &ChangeQuestion,
        filter: &Filter,
        provenance: &mut Provenance,
    ) -> Result<Table, Error> {
        let name = question.metric.name;
        let measures = match name {
            "net_sales" | "basket_value" => vec![Measure::Net, Measure::Units, Measure::Orders],
            "units" => vec![Measure::Units, Measure::Orders],
            _ => vec![Measure::Orders],
        };
        let ask = Ask {
            measures,
            by: None,
            range: question.period.range,
            before: Some(question.before.range),
            filter,
            of_company: sees_all(principal),
            most: None,
            limit: 1,
            source: None,
        };
        let groups = self.groups(principal, "totals of both periods", &ask, provenance).await?;
        let total = groups.total.ok_or_else(|| Error::internal("no total"))?;
        let (mut now, mut before) = (total.now, total.before);
        if name == "orders" {
            for (sums, range) in
                [(&mut now, question.period.range), (&mut before, question.before.range)]
            {
                // Customers are of whole stores.
                let ask =
                    Ask { measures: vec![Measure::Customers], range, before: None, ..ask.clone() };
                let groups = self.groups(principal, "customers", &ask, provenance).await?;
                sums.extend(groups.total.map(|total| total.now).unwrap_or_default());
            }
        }
        let factors = chain(question, &now, &before)?;
        Ok(table(question, &factors))
    }
}

fn chain(question: &ChangeQuestion, now: &Sums, before: &Sums) -> Result<Vec<Factor>, Error> {
    let per = |a: Measure, b: Measure| -> Result<(Decimal, Decimal), Error> {
        let of = |sums: &Sums, period| -> Result<Decimal, Error> {
            Ok(needed(sums, a, period)? / needed(sums, b, period)?)
        };
        Ok((of(before, &question.before)?, of(now, &question.period)?))
    };
    let of = |measure: Measure| -> Result<(Decimal, Decimal), Error> {
        Ok((needed(before, measure, &question.before)?, needed(now, measure, &question.period)?))
    };
    let factor = |name, unit, (before, now)| Factor { name, unit, before, now };
    let orders = || Ok::<_, Error>(factor("orders", Unit::Orders, of(Measure::Orders)?));
    let size = || {
        let size = per(Measure::Units, Measure::Orders)?;
        Ok::<_, Error>(factor("basket_size", Unit::UnitsPerOrder, size))
    };
    let price = || {
        let price = per(Measure::Net, Measure::Units)?;
        Ok::<_, Error>(factor("average_price", Unit::UsdPerUnit, price))
    };
    Ok(match question.metric.name {
        "net_sales" => vec![orders()?, size()?, price()?],
        "units" => vec![orders()?, size()?],
        "basket_value" => vec![size()?, price()?],
        _ => vec![
            factor("active_customers", Unit::Customers, of(Measure::Customers)?),
            factor("orders_per_customer", Unit::Number, per(Measure::Orders, Measure::Customers)?),
        ],
    })
}

fn table(question: &ChangeQuestion, factors: &[Factor]) -> Table {
    let unit = question.metric.unit;
    // The product of those above at their new values, and of those below at their former ones.
    let parts: Vec<Decimal> = (0..factors.len())
        .map(|at| {
            let product = factors.iter().enumerate().map(|(other, factor)| match other.cmp(&at) {
                std::cmp::Ordering::Less => factor.now,
                std::cmp::Ordering::Equal => factor.now - factor.before,
                std::cmp::Ordering::Greater => factor.before,
            });
            product.product()
        })
        .collect();
    let of = |value: fn(&Factor) -> Decimal| factors.iter().map(value).product::<Decimal>();
    let rounded = |value: Decimal| figure::rounded(value, unit);
    let whole = rounded(of(|factor| factor.now)) - rounded(of(|factor| factor.before));
    let parts = exact(&parts, whole, unit);
    let rows = factors
        .iter()
        .zip(parts)
        .map(|(factor, part)| {
            vec![
                json!(factor.name),
                figure::json(Some(factor.before), factor.unit),
                figure::json(Some(factor.now), factor.unit),
                figure::json(Some(part), unit),
            ]
        })
        .collect();
    let columns = vec![
        TableColumn::name("driver"),
        TableColumn::figure("before", Unit::Number),
        TableColumn::figure("now", Unit::Number),
        TableColumn::figure("contribution", unit),
    ];
    let mut table = Table::new("factors", columns, rows);
    table.total = Some(vec![
        json!("total"),
        figure::json(Some(of(|factor| factor.before)), unit),
        figure::json(Some(of(|factor| factor.now)), unit),
        figure::json(Some(whole), unit),
    ]);
    table
}
