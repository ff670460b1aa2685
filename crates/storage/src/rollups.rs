//! The sales rollups, from the administrator's side. Migration 0013 keeps them.

use sqlx::Row as _;

use crate::admin::failed;
use crate::{Admin, Finding, FindingState, StorageError};

impl Admin {
    /// Compares the sales rollups with the sums of all orders, which takes as long as reading all of them. One finding a
    /// table; advice, since it is not about who may see what.
    ///
    /// # Errors
    /// [`StorageError::Statement`], for example before the migration that makes them.
    pub async fn check_sales_rollups(&mut self) -> Result<Vec<Finding>, StorageError> {
        self.become_owner().await?;
        let sql =
            "SELECT rollup, missing, surplus, different FROM retail_mcp.check_sales_rollups()";
        let rows = sqlx::query(sql)
            .fetch_all(&mut self.connection)
            .await
            .map_err(failed("compare the sales rollups"))?;
        rows.iter()
            .map(|row| {
                Ok(finding(row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?))
            })
            .collect::<Result<_, _>>()
            .map_err(failed("compare the sales rollups"))
    }
}

fn finding(rollup: String, missing: i64, surplus: i64, different: i64) -> Finding {
    let equal = missing == 0 && surplus == 0 && different == 0;
    Finding {
        check: "sales rollup sums".to_owned(),
        subject: rollup,
        state: if equal { FindingState::Good } else { FindingState::Unfit },
        detail: if equal {
            String::new()
        } else {
            format!(
                "it is not equal to the sums of the orders: {missing} rows are missing, {surplus} should not \
                 be there, {different} have other figures"
            )
        },
        fix_sql: (!equal).then(|| "SELECT retail_mcp.rebuild_sales_rollups()".to_owned()),
        mandatory: false,
    }
}
