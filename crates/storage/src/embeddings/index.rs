//! The index of a model, and the function that compares by it.

use crate::admin::failed;
use crate::{Admin, StorageError};

/// Most neighbours of a node. Twice pgvector's default: a catalogue has many variants of one product, which
/// lie close together, and a thinner graph did not connect such clusters (docs/search.md).
const HNSW_M: u32 = 32;

/// How many candidates are looked at for each node while the index is built, of at most 1,000. A
/// catalogue's variants lie in clusters: with 400 the neighbours of a node are all of its own cluster,
/// some clusters have no way in, and a search misses all of them. `docs/search.md` has the figures.
const HNSW_EF_CONSTRUCTION: u32 = 800;

/// Bounds of the memory for building an index, in MiB.
const BUILD_MEMORY_MIB: std::ops::RangeInclusive<u64> = 16..=2048;

/// Workers that help to build an index of this many products or more.
const PARALLEL_FROM: u64 = 5000;

/// How the vectors of a model are indexed: by what pgvector's HNSW can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IndexKind {
    /// As they are.
    Vector,
    /// In half precision.
    HalfVector,
    /// Not at all: search compares every product.
    None,
}

impl IndexKind {
    pub(super) fn of(dimensions: u32) -> Self {
        match dimensions {
            0..=2000 => Self::Vector,
            2001..=4000 => Self::HalfVector,
            _ => Self::None,
        }
    }

    /// The type that vectors are compared as.
    fn type_name(self, dimensions: u32) -> String {
        match self {
            Self::Vector => format!("public.vector({dimensions})"),
            Self::HalfVector => format!("public.halfvec({dimensions})"),
            Self::None => "public.vector".to_owned(),
        }
    }
}

pub(super) fn index_name(model_id: i16) -> String {
    format!("product_embeddings_{model_id}_hnsw")
}

/// The names and second arguments of the functions that compare by a model.
fn distance_signatures(model_id: i16) -> [(String, &'static str); 2] {
    [
        (format!("retail_mcp.distance_{model_id}"), "real[]"),
        (format!("retail_mcp.distance_between_{model_id}"), "public.vector"),
    ]
}

/// The functions that give the cosine distance, 0 to 2, of a kept vector: `distance_<model_id>` to
/// numbers, and `distance_between_<model_id>` to another kept one.
///
/// The body is stored as PostgreSQL understood it, so that it works for a role that may not use the
/// schema of the vector type. PostgreSQL puts it in place of the call, and it is written as the index
/// is, so that `ORDER BY` uses the index.
pub(super) fn distance_functions(model_id: i16, dimensions: u32) -> String {
    let as_indexed = IndexKind::of(dimensions).type_name(dimensions);
    distance_signatures(model_id)
        .map(|(function, other)| {
            format!(
                "CREATE OR REPLACE FUNCTION {function}(embedding public.vector, other {other})
                 RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE
                 RETURN (embedding::{as_indexed}) OPERATOR(public.<=>) (other::{as_indexed});
                 REVOKE ALL ON FUNCTION {function}(public.vector, {other}) FROM PUBLIC;
                 GRANT EXECUTE ON FUNCTION {function}(public.vector, {other})
                     TO retail_query, retail_query_hq;"
            )
        })
        .join("\n")
}

/// What takes these functions away.
pub(super) fn drop_functions(model_id: i16) -> String {
    distance_signatures(model_id)
        .map(|(function, other)| {
            format!("DROP FUNCTION IF EXISTS {function}(public.vector, {other});")
        })
        .join("\n")
}

impl Admin {
    /// Builds the index of a model with `products` vectors, if it has none. Writers of vectors wait
    /// meanwhile; readers do not. The role is the owner's.
    pub(super) async fn build_embedding_index(
        &mut self,
        model_id: i16,
        dimensions: u32,
        products: u64,
    ) -> Result<(), StorageError> {
        let kind = IndexKind::of(dimensions);
        let class = match kind {
            IndexKind::Vector => "public.vector_cosine_ops",
            IndexKind::HalfVector => "public.halfvec_cosine_ops",
            IndexKind::None => return Ok(()),
        };
        let type_name = kind.type_name(dimensions);
        let name = index_name(model_id);
        let create = format!(
            "CREATE INDEX IF NOT EXISTS {name} ON retail_mcp.product_embeddings
             USING hnsw ((embedding::{type_name}) {class})
             WITH (m = {HNSW_M}, ef_construction = {HNSW_EF_CONSTRUCTION})
             WHERE model_id = {model_id}"
        );
        let memory = build_memory_mib(dimensions, products);
        let workers = if products < PARALLEL_FROM { 0 } else { 4 };
        let action = "build the index of the vectors";
        let built = self.create_index(&create, memory, workers).await;
        match built {
            // Workers share their memory, which a container may keep small.
            Err(sqlx::Error::Database(refusal))
                if workers > 0 && refusal.code().is_some_and(|state| state.starts_with("53")) =>
            {
                self.create_index(&create, memory, 0).await.map_err(failed(action))
            }
            built => built.map_err(failed(action)),
        }
    }

    async fn create_index(
        &mut self,
        create: &str,
        memory_mib: u64,
        workers: u32,
    ) -> Result<(), sqlx::Error> {
        use sqlx::{AssertSqlSafe, Connection};
        let mut transaction = self.connection.begin().await?;
        let settings = format!(
            "SET LOCAL maintenance_work_mem = '{memory_mib}MB';
             SET LOCAL max_parallel_maintenance_workers = {workers};
             SET LOCAL statement_timeout = 0"
        );
        sqlx::raw_sql(AssertSqlSafe(settings)).execute(&mut *transaction).await?;
        // Made of constants and numbers above.
        sqlx::raw_sql(AssertSqlSafe(create.to_owned())).execute(&mut *transaction).await?;
        transaction.commit().await
    }
}

/// Memory in which the whole graph has room, as far as it is reasonable: outside of it the build is
/// many times slower.
fn build_memory_mib(dimensions: u32, products: u64) -> u64 {
    // A vector, and about 40 bytes for each of the neighbours of a node and its head.
    let node = u64::from(dimensions) * 4 + u64::from(HNSW_M) * 40 + 256;
    let mib = products.saturating_mul(node) / (1 << 20) * 5 / 4;
    mib.clamp(*BUILD_MEMORY_MIB.start(), *BUILD_MEMORY_MIB.end())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(384, IndexKind::Vector)]
    #[case(2000, IndexKind::Vector)]
    #[case(2001, IndexKind::HalfVector)]
    #[case(4000, IndexKind::HalfVector)]
    #[case(4001, IndexKind::None)]
    fn the_index_is_one_that_pgvector_can_hold(#[case] dimensions: u32, #[case] kind: IndexKind) {
        assert_eq!(IndexKind::of(dimensions), kind);
    }

    #[test]
    fn the_memory_is_bounded() {
        assert_eq!(build_memory_mib(384, 424), 16);
        assert!((100..300).contains(&build_memory_mib(384, 50_000)));
        assert_eq!(build_memory_mib(1536, 500_000_000), 2048);
    }
}
