//! Texts stay texts, and every chart that is valid can be drawn.

use std::time::Instant;

use resvg::usvg::{Options, Tree, roxmltree::Document};
use retail_charts::{
    ChartError, ChartKind, ChartSpec, Series, Theme, ValueFormat, render_png, render_svg,
};

use crate::charts;

#[test]
fn nothing_but_drawing_is_in_the_svg() {
    const KNOWN: [&str; 11] =
        ["svg", "title", "desc", "defs", "pattern", "rect", "line", "path", "circle", "text", "g"];
    for (name, spec) in charts::all() {
        for theme in [Theme::Light, Theme::Dark] {
            let svg = render_svg(&spec, theme).unwrap();
            let document = Document::parse(&svg).unwrap_or_else(|error| panic!("{name}: {error}"));
            for node in document.descendants().filter(roxmltree_is_element) {
                assert!(KNOWN.contains(&node.tag_name().name()), "{name}: {node:?}");
                for attribute in node.attributes() {
                    assert!(!attribute.name().starts_with("on"), "{name}: {attribute:?}");
                    assert!(!attribute.name().contains("href"), "{name}: {attribute:?}");
                    let is_inside = attribute.value().starts_with("url(#hatch-");
                    assert!(is_inside || !attribute.value().contains("url("), "{attribute:?}");
                }
            }
            Tree::from_str(&svg, &Options::default()).unwrap();
        }
    }
}

fn roxmltree_is_element(node: &resvg::usvg::roxmltree::Node<'_, '_>) -> bool {
    node.is_element()
}

#[test]
fn screen_readers_are_told_title_and_figures() {
    let svg = render_svg(&charts::hostile(), Theme::Light).unwrap();
    let document = Document::parse(&svg).unwrap();
    let text = |name: &str| {
        let node = document.root_element().children().find(|node| node.has_tag_name(name));
        node.unwrap().text().unwrap().to_owned()
    };
    assert!(text("title").starts_with("Products with & < > \" ' in their names"));
    let told = text("desc");
    assert!(told.contains("highest 8 (line break null bell)"), "{told}");
    assert_eq!(document.root_element().attribute("role"), Some("img"));
}

#[test]
fn letters_can_be_read_and_lie_inside() {
    for (name, spec) in charts::all() {
        let svg = render_svg(&spec, Theme::Light).unwrap();
        let document = Document::parse(&svg).unwrap();
        for text in document.descendants().filter(|node| node.has_tag_name("text")) {
            let size: f64 = text.attribute("font-size").unwrap().parse().unwrap();
            assert!(size >= 12.0, "{name}: {text:?}");
            let x: f64 = text.attribute("x").unwrap().parse().unwrap();
            assert!((0.0..=600.0).contains(&x), "{name}: {text:?}");
        }
    }
}

/// The most that there can be on a picture: lines that go up and down with each pixel.
#[test]
fn pictures_are_small_at_their_worst() {
    let series = (0..12u32).map(|number| {
        let value = |point: u32| f64::from((point * point * 7919 + point * 104_729 * number) % 997);
        Series::new(format!("s{number}"), (0..400).map(|point| Some(value(point))).collect())
    });
    let series = series.collect();
    let labels = (0..400).map(|point| point.to_string());
    let spec = ChartSpec::new(ChartKind::Line, "Noise", ValueFormat::Plain, labels, series);
    let bytes = render_png(&spec, Theme::Light).unwrap().len();
    assert!(bytes < 60_000, "{bytes} bytes");
}

/// Random charts of all kinds, with gaps, extremes and odd labels: none may panic, hang or lie outside.
#[test]
fn every_valid_chart_can_be_drawn() {
    let begun = Instant::now();
    let mut state = 7u64;
    let mut next = move |below: u64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let kinds = [ChartKind::Line, ChartKind::Bar, ChartKind::StackedBar, ChartKind::HeatMap];
    let formats = [
        ValueFormat::Money,
        ValueFormat::Count,
        ValueFormat::Percent,
        ValueFormat::Days,
        ValueFormat::Plain,
    ];
    for round in 0..400u32 {
        let points = 1 + next(if round % 10 == 0 { 400 } else { 30 });
        let mut value = || match next(12) {
            0 => None,
            1 => Some(0.0),
            2 => Some(-1e18),
            3 => Some(f64::MIN_POSITIVE / 4.0),
            4 => Some(-0.0),
            5 => Some(1e18),
            _ => {
                u32::try_from(next(2_000_000)).ok().map(|value| f64::from(value) / 7.0 - 100_000.0)
            }
        };
        let series: Vec<Series> = (0..=round % 12)
            .map(|number| Series::new(format!("s{number}"), (0..points).map(|_| value()).collect()))
            .collect();
        let labels = (0..points).map(|point| match next(4) {
            0 => String::new(),
            1 => "x".repeat(usize::try_from(next(90)).unwrap()),
            2 => format!("{point} & < \u{0} \u{1F600}"),
            _ => format!("2025-{point}"),
        });
        let labels: Vec<String> = labels.collect();
        let kind = kinds[usize::try_from(next(4)).unwrap()];
        let format = formats[usize::try_from(next(5)).unwrap()];
        let spec = ChartSpec::new(kind, "t", format, labels, series);
        match render_svg(&spec, Theme::Dark) {
            Ok(svg) => {
                Document::parse(&svg).unwrap();
                assert!(!svg.contains("NaN") && !svg.contains("inf"), "{spec:?}");
            }
            Err(error) => assert!(matches!(error, ChartError::Spec(_)), "{error:?}"),
        }
        if round % 40 == 0 {
            let _ = render_png(&spec, Theme::Light);
        }
    }
    println!("{:?}", begun.elapsed());
}
