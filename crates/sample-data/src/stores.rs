//! The eight stores of the chain.

/// A store and what its data must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Store {
    /// The primary key, from 1, in the order of [`STORES`].
    pub store_id: i32,
    /// The unique name.
    pub name: &'static str,
    /// The UUID which row-level security matches, in lower case.
    pub rls_user_id: &'static str,
    /// True for the web shop.
    pub is_online: bool,
    /// The relative number of customers whose primary store this is.
    pub customer_weight: u32,
    /// How often its customers order, in tenths: 30 means 3.0 times the base.
    pub frequency_tenths: u32,
    /// How much an order is worth, in percent of Spokane's.
    pub value_percent: u32,
    /// The telephone area code of most of its customers.
    pub(crate) area_code: u32,
}

impl Store {
    /// The relative number of orders: customer weight times frequency, in tenths.
    pub fn order_weight_tenths(&self) -> u32 {
        self.customer_weight * self.frequency_tenths
    }

    /// The part of all orders that this store takes, from 0 to 1.
    pub fn order_share(&self) -> f64 {
        let total: u32 = STORES.iter().map(Store::order_weight_tenths).sum();
        f64::from(self.order_weight_tenths()) / f64::from(total)
    }

    /// The mean order value as a multiple of Spokane's.
    pub fn value_multiplier(&self) -> f64 {
        f64::from(self.value_percent) / 100.0
    }
}

/// All stores, by ascending `store_id`.
pub const STORES: [Store; 8] = [
    Store {
        store_id: 1,
        name: "Zava Retail Seattle",
        rls_user_id: "f47ac10b-58cc-4372-a567-0e02b2c3d479",
        is_online: false,
        customer_weight: 30,
        frequency_tenths: 30,
        value_percent: 130,
        area_code: 206,
    },
    Store {
        store_id: 2,
        name: "Zava Retail Bellevue",
        rls_user_id: "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
        is_online: false,
        customer_weight: 25,
        frequency_tenths: 26,
        value_percent: 120,
        area_code: 425,
    },
    Store {
        store_id: 3,
        name: "Zava Retail Tacoma",
        rls_user_id: "a1b2c3d4-e5f6-7890-abcd-ef1234567890",
        is_online: false,
        customer_weight: 20,
        frequency_tenths: 24,
        value_percent: 110,
        area_code: 253,
    },
    Store {
        store_id: 4,
        name: "Zava Retail Spokane",
        rls_user_id: "d8e9f0a1-b2c3-4567-8901-234567890abc",
        is_online: false,
        customer_weight: 8,
        frequency_tenths: 20,
        value_percent: 100,
        area_code: 509,
    },
    Store {
        store_id: 5,
        name: "Zava Retail Everett",
        rls_user_id: "3b9ac9fa-cd5e-4b92-a7f2-b8c1d0e9f2a3",
        is_online: false,
        customer_weight: 7,
        frequency_tenths: 18,
        value_percent: 95,
        area_code: 425,
    },
    Store {
        store_id: 6,
        name: "Zava Retail Redmond",
        rls_user_id: "e7f8a9b0-c1d2-3e4f-5678-90abcdef1234",
        is_online: false,
        customer_weight: 6,
        frequency_tenths: 16,
        value_percent: 90,
        area_code: 425,
    },
    Store {
        store_id: 7,
        name: "Zava Retail Kirkland",
        rls_user_id: "9c8b7a65-4321-fed0-9876-543210fedcba",
        is_online: false,
        customer_weight: 4,
        frequency_tenths: 14,
        value_percent: 85,
        area_code: 425,
    },
    Store {
        store_id: 8,
        name: "Zava Retail Online",
        rls_user_id: "2f4e6d8c-1a3b-5c7e-9f0a-b2d4f6e8c0a2",
        is_online: true,
        customer_weight: 30,
        frequency_tenths: 30,
        value_percent: 150,
        area_code: 360,
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::STORES;

    #[test]
    fn order_weights_are_the_reference_figures() {
        let weights: Vec<u32> = STORES.iter().map(super::Store::order_weight_tenths).collect();
        assert_eq!(weights, [900, 650, 480, 160, 126, 96, 56, 900]);
        let shares: f64 = STORES.iter().map(super::Store::order_share).sum();
        assert!((shares - 1.0).abs() < 1e-12);
    }

    #[test]
    fn ids_ascend_and_names_and_uuids_are_unique() {
        assert!(STORES.iter().zip(1..).all(|(store, id)| store.store_id == id));
        assert_eq!(STORES.iter().map(|s| s.name).collect::<BTreeSet<_>>().len(), 8);
        let uuids: BTreeSet<&str> = STORES.iter().map(|s| s.rls_user_id).collect();
        assert_eq!(uuids.len(), 8);
        for uuid in uuids {
            assert_eq!(uuid.len(), 36);
            assert!(uuid.bytes().all(|b| b == b'-' || matches!(b, b'0'..=b'9' | b'a'..=b'f')));
        }
        assert_eq!(STORES.iter().filter(|s| s.is_online).count(), 1);
    }
}
