//! A shop of few products, and vectors that a person can check.

use std::sync::Arc;

use retail_domain::ports::ProductSearch;
use retail_domain::{
    Embedding, EmbeddingModel, Error, FusionWeights, HybridQuery, Principal, ProductFilters,
    ProductMatches, ProductWish, SemanticQuery,
};
use retail_storage::{Admin, PgProductSearch, SearchSettings};
use retail_testkit::{TestDatabase, head_office};

/// Key, name, category, type, price, description.
pub(super) const PRODUCTS: &[(i32, &str, &str, &str, &str, &str)] = &[
    (1, "Claw Hammer 16 oz", "HAND TOOLS", "HAMMERS", "18.00", "Drives nails and pulls them out."),
    (
        2,
        "Rubber Mallet 24 oz",
        "HAND TOOLS",
        "HAMMERS",
        "12.00",
        "Taps pavers without denting them.",
    ),
    (3, "Cordless Drill 20V", "POWER TOOLS", "DRILLS", "99.00", "Two batteries and a charger."),
    (4, "Electric Drill 8 Amp", "POWER TOOLS", "DRILLS", "59.00", "Plugs in with a 6 ft cord."),
    (5, "Hand Drill", "HAND TOOLS", "DRILLS", "25.00", "Bores holes with no electric motor."),
    (6, "Adjustable Wrench 10 in", "HAND TOOLS", "WRENCHES", "20.00", "Turns nuts of any size."),
    (7, "Kitchen Faucet Chrome", "PLUMBING", "FAUCETS", "120.00", "Pours water into the sink."),
    (8, "Sink Plug Rubber", "PLUMBING", "DRAINS", "4.00", "Holds water in."),
    (9, "15 Amp Breaker", "ELECTRICAL", "BREAKERS", "9.00", "Switches a circuit off, 20 times."),
    (10, "20 Amp Breaker", "ELECTRICAL", "BREAKERS", "10.00", "Switches a circuit off, 15 times."),
    (
        11,
        "Latex Paint White",
        "PAINT",
        "PAINTS",
        "35.00",
        "Covers 1 gallon of walls in a bright white.",
    ),
    (12, "Paint Brush 2 in", "PAINT", "BRUSHES", "7.00", "Spreads paint."),
    (13, "Garden Hose 50 ft", "GARDEN", "HOSES", "30.00", "Carries water to the lawn."),
    (14, "LED Flashlight", "ELECTRICAL", "LIGHTS", "15.00", "Shines in the dark."),
];

/// What the made-up model knows of the world: words of one line mean the same.
const MEANINGS: &[&[&str]] = &[
    &["hammer", "mallet", "nails", "strike", "pound"],
    &["drill", "drills", "holes", "bore", "bores"],
    &["wrench", "nuts", "turn", "turns"],
    &["faucet", "water", "sink", "hose", "liquid"],
    &["breaker", "circuit", "amp"],
    &["paint", "latex", "brush", "colour"],
    &["flashlight", "led", "dark", "lantern"],
    &["electric", "cordless", "batteries", "cord"],
    &["rubber"],
];

/// A model whose vectors count meanings; all else is one meaning of little weight.
#[derive(Debug, Clone)]
pub(super) struct MadeUp(pub(super) Arc<EmbeddingModel>);

impl MadeUp {
    pub(super) fn new(name: &str) -> Self {
        let dimensions = u32::try_from(MEANINGS.len()).unwrap() + 1;
        Self(Arc::new(EmbeddingModel { name: name.to_owned(), dimensions }))
    }

    pub(super) fn embed(&self, text: &str) -> Embedding {
        let mut values = vec![0.0; MEANINGS.len()];
        let text = text.to_lowercase();
        for word in text.split(|c: char| !c.is_alphanumeric()) {
            for (value, words) in values.iter_mut().zip(MEANINGS) {
                *value += if words.contains(&word) { 1.0 } else { 0.0 };
            }
        }
        values.push(0.3);
        Embedding::new(Arc::clone(&self.0), values).unwrap()
    }
}

/// A database with the shop's products in the stores of the sample data, and a search in it.
pub(super) struct Shop {
    pub(super) database: TestDatabase,
    pub(super) model: MadeUp,
    search: PgProductSearch,
}

impl Shop {
    /// With vectors of a model that is ready.
    pub(super) async fn open() -> Self {
        let shop = Self::without_vectors().await;
        let mut admin = shop.database.admin().await;
        shop.fill(&mut admin, &shop.model).await;
        let model_id = admin.register_embedding_model(&shop.model.0).await.unwrap();
        admin.finish_embedding_model(model_id, true).await.unwrap();
        admin.close().await;
        shop
    }

    pub(super) async fn without_vectors() -> Self {
        let database = TestDatabase::seeded().await;
        database.psql(&stock_up());
        let search = PgProductSearch::new(Arc::new(database.query_database(4)));
        Self { database, model: MadeUp::new("made-up"), search }
    }

    /// The same shop searched with other settings.
    pub(super) fn with_settings(mut self, settings: SearchSettings) -> Self {
        let database = Arc::new(self.database.query_database(4));
        self.search = PgProductSearch::with_settings(database, settings);
        self
    }

    pub(super) async fn fill(&self, admin: &mut Admin, model: &MadeUp) {
        let model_id = admin.register_embedding_model(&model.0).await.unwrap();
        let texts = admin.next_missing_texts(model_id, 0, 1000, false).await.unwrap();
        let batch: Vec<_> = texts
            .into_iter()
            .map(|text| {
                let embedding = model.embed(&text.text);
                (text, embedding)
            })
            .collect();
        admin.put_embeddings(model_id, &batch).await.unwrap();
    }

    pub(super) async fn semantic(&self, text: &str, min_similarity: f64) -> ProductMatches {
        let query =
            SemanticQuery { embedding: self.model.embed(text), max_results: 20, min_similarity };
        self.search.semantic(&head_office().await, &query).await.unwrap()
    }

    pub(super) async fn try_semantic(&self, embedding: Embedding) -> Result<ProductMatches, Error> {
        let query = SemanticQuery { embedding, max_results: 20, min_similarity: -1.0 };
        self.search.semantic(&head_office().await, &query).await
    }

    /// A hybrid query of a text, by head office.
    pub(super) async fn find(&self, text: &str) -> ProductMatches {
        self.run(&head_office().await, &self.query(text)).await.unwrap()
    }

    /// The keys of what [`find`](Self::find) gives.
    pub(super) async fn ids(&self, text: &str) -> Vec<i32> {
        ids(&self.find(text).await)
    }

    pub(super) fn query(&self, text: &str) -> HybridQuery {
        let wish = ProductWish::parse("query", text).unwrap();
        HybridQuery {
            embedding: Some(self.model.embed(wish.positive_text())),
            wish,
            weights: FusionWeights::default(),
            filters: ProductFilters::default(),
            max_results: 20,
        }
    }

    pub(super) async fn run(
        &self,
        principal: &Principal,
        query: &HybridQuery,
    ) -> Result<ProductMatches, Error> {
        self.search.hybrid(principal, query).await
    }
}

pub(super) fn ids(found: &ProductMatches) -> Vec<i32> {
    found.matches.iter().map(|found| found.product.product_id).collect()
}

/// Replaces the sample products by the shop's. Each store has 3 of each product.
fn stock_up() -> String {
    let mut sql = String::from(
        "TRUNCATE retail.products, retail.product_types, retail.categories CASCADE;
         TRUNCATE retail_mcp.product_texts;",
    );
    for (id, name, category, kind, price, description) in PRODUCTS {
        let product = format!(
            "INSERT INTO retail.categories (category_name) VALUES ('{category}') ON CONFLICT DO NOTHING;
             INSERT INTO retail.product_types (category_id, type_name)
             SELECT category_id, '{kind}' FROM retail.categories WHERE category_name = '{category}';
             INSERT INTO retail.products (product_id, sku, product_name, category_id, type_id, cost,
                 base_price, gross_margin_percent, product_description)
             SELECT {id}, 'SKU-{id}', '{name}', category_id, max(type_id), 1.25, {price}, 33.5, '{description}'
             FROM retail.categories JOIN retail.product_types USING (category_id)
             WHERE category_name = '{category}' GROUP BY category_id;"
        );
        sql += &product;
    }
    sql + "INSERT INTO retail.inventory SELECT store_id, product_id, 3 FROM retail.stores, retail.products;
           SELECT retail_mcp.refresh_search_words();
           VACUUM ANALYZE retail.products; VACUUM ANALYZE retail_mcp.product_texts;"
}
