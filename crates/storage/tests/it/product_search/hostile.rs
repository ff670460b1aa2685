//! No text makes a statement fail.

use std::error::Error;

use retail_domain::ProductWish;
use retail_testkit::head_office;

use super::shop::Shop;

const HOSTILE: &[&str] = &[
    "hammer'; DROP TABLE retail.products; --",
    "'hammer' & !'drill' | (nails:* <-> 'x')",
    "hammer & | ! : * ( ) <-> \\ \" ' ` $1 $$ %s {} [",
    "!hammer",
    "tools not nails+(hammer",
    "tools not hammer)|(nails",
    "not ' & ( | electric:*AB drill",
    "drill not .*+?^${}()|[]\\",
    "drill without (((",
    "drill -\\m -[[:alpha:]",
    "1/2' 5\" .5.5.5 1-1/2-3/4 9999999999999999999999 inch hammer",
    "hammer \u{202e}lliard\u{202c} مطرقة פטיש ハンマー",
    "молоток 锤子 hämmer ﷽ İstanbul ß",
    "a\u{300}\u{301}\u{302}\u{303} hammer \u{feff}\u{200b}",
    "NULL null undefined true 0 -0 1e309 NaN",
    "hammer under $999999999.99 over $0.00 between $1-$2 not not not no no without",
];

#[tokio::test]
async fn hostile_texts_are_searched_like_any_other() {
    let shop = Shop::open().await;
    for text in HOSTILE {
        let mut query = shop.query(text);
        for in_stock in [false, true] {
            query.filters.in_stock = in_stock;
            let found = shop.run(&head_office().await, &query).await;
            assert!(found.is_ok(), "{text}: {:?}", found.unwrap_err().source());
        }
        query.embedding = None;
        let found = shop.run(&head_office().await, &query).await;
        assert!(found.is_ok(), "{text}: {:?}", found.unwrap_err().source());
    }
}

#[tokio::test]
async fn the_longest_texts_are_searched_too() {
    let shop = Shop::open().await;
    let words = (0..ProductWish::MAX_CHARS / 4).map(|i| format!("-{:02}x", i % 100));
    let texts = [
        format!("x{}", "🔨".repeat(499)),
        "hamer ".repeat(83),
        format!("hammer {}", "not electric ".repeat(37)),
        format!("drill {}", words.collect::<String>()).chars().take(500).collect(),
        "a b c d e f g h i j k l m n o p q r s t u v w x y z ".repeat(9),
        "15 amp 20 volt 3/4 inch 6 ft ".repeat(17),
        "'".repeat(499) + "x",
        "x".repeat(500),
    ];
    for text in texts {
        shop.find(text.trim()).await;
    }
}

/// Each word that is not wanted costs a look at every candidate, so only the first are heeded.
#[tokio::test]
async fn only_the_first_of_many_unwanted_words_are_heeded() {
    let shop = Shop::open().await;
    let junk: Vec<String> =
        ('q'..='z').flat_map(|c| ('a'..='i').map(move |d| format!("-{c}{d}q"))).collect();
    let text = |unwanted: &[String], last: &str| format!("hammer {} {last}", unwanted.join(" "));
    assert_eq!(shop.ids(&text(&junk[..7], "")).await, [1, 2]);
    assert_eq!(shop.ids(&text(&junk[..7], "-rubber")).await, [1]);
    assert_eq!(shop.ids(&text(&junk, "-rubber")).await, [1, 2], "it is the ninety-first");
}

/// The tables are as they were.
#[tokio::test]
async fn nothing_is_written() {
    let shop = Shop::open().await;
    let before = shop
        .database
        .psql("SELECT count(*), md5(string_agg(text, '')) FROM retail_mcp.product_texts");
    shop.find("x'); DELETE FROM retail_mcp.product_texts; SELECT ('").await;
    let after = shop
        .database
        .psql("SELECT count(*), md5(string_agg(text, '')) FROM retail_mcp.product_texts");
    assert_eq!(after, before);
}
