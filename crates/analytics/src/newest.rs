//! The newest day of the data, which "now" is for stock.

use chrono::NaiveDate;
use retail_domain::{Error, ErrorCode, Principal, SqlText};
use serde_json::Value;

use crate::Analyst;
use crate::analysis::Provenance;

impl Analyst {
    /// The newest day with a sale that the caller may see.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] where nothing was ever sold, and those of
    /// [`QueryRunner::run`](retail_domain::ports::QueryRunner::run).
    pub async fn newest_day(&self, principal: &Principal) -> Result<NaiveDate, Error> {
        self.newest_day_into(principal, &mut Provenance::default()).await
    }

    pub(crate) async fn newest_day_into(
        &self,
        principal: &Principal,
        provenance: &mut Provenance,
    ) -> Result<NaiveDate, Error> {
        let sql = SqlText::new("SELECT max(d.order_date) AS newest FROM retail.sales_by_day d")?;
        let before = provenance.statements.len();
        let rows = self.rows(principal, "newest day", &sql, provenance).await?;
        provenance.statements.truncate(before);
        let day = rows.first().and_then(|row| row.first()).and_then(Value::as_str);
        day.and_then(|day| day.parse().ok()).ok_or_else(|| {
            Error::new(ErrorCode::NotFound, "there is no sale in what the caller may see")
        })
    }
}
