//! Stock, cost and margin are those that the caller may see.

use async_trait::async_trait;
use retail_domain::ports::{Credential, IdentityResolver};
use retail_domain::{Cents, Error, Principal, Scope, StockOnHand, VerifiedIdentity, Visibility};
use retail_testkit::{head_office, principal, stores};

use super::shop::{Shop, ids};

/// A store's manager without the right to see costs.
struct Manager(retail_domain::Store);

#[async_trait]
impl IdentityResolver for Manager {
    async fn verify(&self, _: &Credential) -> Result<VerifiedIdentity, Error> {
        Ok(VerifiedIdentity::new("manager", Visibility::Store(self.0.clone()), [Scope::Search]))
    }
}

async fn manager(store: retail_domain::Store) -> Principal {
    Manager(store).resolve(&Credential::bearer_token("")).await.unwrap()
}

#[tokio::test]
async fn in_stock_means_in_the_callers_store() {
    let shop = Shop::open().await;
    let stores = stores();
    let (here, there) = (stores[0].clone(), stores[1].clone());
    // The hammer is only elsewhere, the mallet only here, and both are nowhere else.
    shop.database.psql(&format!(
        "DELETE FROM retail.inventory WHERE product_id IN (1, 2);
         INSERT INTO retail.inventory VALUES ({here}, 1, 0), ({there}, 1, 7), ({here}, 2, 4), ({there}, 2, -2)",
        here = here.id,
        there = there.id
    ));
    let mut query = shop.query("hammer");
    for (in_stock, who, expected) in [
        (true, principal(here.clone()).await, vec![2]),
        (true, principal(there.clone()).await, vec![1]),
        (true, principal(stores[2].clone()).await, vec![]),
        (true, head_office().await, vec![1, 2]),
        (false, principal(stores[2].clone()).await, vec![1, 2]),
    ] {
        query.filters.in_stock = in_stock;
        let found = shop.run(&who, &query).await.unwrap();
        assert_eq!(ids(&found), expected, "{}", who.visibility().label());
    }
    query.filters.in_stock = false;
    let stock = |found: &retail_domain::ProductMatches| {
        found.matches.iter().map(|found| found.product.stock).collect::<Vec<_>>()
    };
    let found = shop.run(&principal(here).await, &query).await.unwrap();
    let none = StockOnHand { units: 0, stores: 0 };
    assert_eq!(stock(&found), [none, StockOnHand { units: 4, stores: 1 }]);
    let found = shop.run(&head_office().await, &query).await.unwrap();
    assert_eq!(
        stock(&found),
        [StockOnHand { units: 7, stores: 1 }, StockOnHand { units: 4, stores: 1 }]
    );
}

/// Whatever another store has, a manager's answer is the same to the last byte.
#[tokio::test]
async fn a_foreign_stock_row_changes_nothing() {
    let shop = Shop::open().await;
    let (here, there) = (stores()[0].clone(), stores()[1].id);
    shop.database.psql("DELETE FROM retail.inventory WHERE product_id IN (3, 4)");
    let manager = principal(here).await;
    let mut before = Vec::new();
    for in_stock in [true, false] {
        let mut query = shop.query("drill water");
        query.filters.in_stock = in_stock;
        before.push(shop.run(&manager, &query).await.unwrap().matches);
    }
    shop.database.psql(&format!(
        "INSERT INTO retail.inventory VALUES ({there}, 3, 1000), ({there}, 4, 1000);
         UPDATE retail.inventory SET stock_level = 0 WHERE store_id = {there} AND product_id > 4"
    ));
    for (in_stock, before) in [true, false].into_iter().zip(before) {
        let mut query = shop.query("drill water");
        query.filters.in_stock = in_stock;
        assert_eq!(shop.run(&manager, &query).await.unwrap().matches, before);
    }
}

#[tokio::test]
async fn costs_are_for_those_who_may_see_them() {
    let shop = Shop::open().await;
    let query = shop.query("hammer");
    let hidden = shop.run(&manager(stores()[0].clone()).await, &query).await.unwrap();
    let shown = shop.run(&head_office().await, &query).await.unwrap();
    assert_eq!(ids(&hidden), ids(&shown));
    for (hidden, shown) in hidden.matches.iter().zip(&*shown.matches) {
        assert_eq!((hidden.product.cost, hidden.product.gross_margin_basis_points), (None, None));
        assert_eq!(shown.product.cost, Some(Cents(125)));
        assert_eq!(shown.product.gross_margin_basis_points, Some(3350));
        assert_eq!(hidden.product.price, shown.product.price);
    }
}
