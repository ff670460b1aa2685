//! Charts that the tests draw.

use retail_charts::{Band, ChartKind, ChartSpec, Series, ValueFormat};

pub(crate) const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Values, all of them known.
pub(crate) fn known(values: &[f64]) -> Vec<Option<f64>> {
    values.iter().copied().map(Some).collect()
}

/// A series that looks like sales: a level, a season and something that is different each time.
pub(crate) fn sales(name: &str, level: f64, points: u32) -> Series {
    let value = |point: u32| {
        let season = (f64::from(point) * 0.52 + level.ln()).sin();
        let noise = f64::from((point * 7919 + 13) % 97) / 97.0;
        (level * (100.0 + 25.0 * season + 15.0 * noise)).round() / 100.0
    };
    Series::new(name, (0..points).map(|point| Some(value(point))).collect())
}

pub(crate) fn lines() -> ChartSpec {
    let mut online = sales("Online", 240_000.0, 12);
    online.values[3] = None;
    online.values[4] = None;
    let series = vec![sales("Seattle", 540_000.0, 12), sales("Bellevue", 410_000.0, 12), online];
    let series = series
        .into_iter()
        .enumerate()
        .map(|(place, series)| if place == 0 { series.with_emphasis([2, 8]) } else { series });
    ChartSpec::new(ChartKind::Line, "Sales by store", ValueFormat::Money, MONTHS, series.collect())
        .with_subtitle("2025, all categories")
}

pub(crate) fn forecast() -> ChartSpec {
    let labels = (1..=36).map(|day| match day {
        1..=30 => format!("2025-09-{day:02}"),
        _ => format!("2025-10-{:02}", day - 30),
    });
    let history = sales("Units sold", 1_400.0, 36);
    let past = history.values.iter().enumerate().map(|(day, value)| value.filter(|_| day < 24));
    let ahead = history.values.iter().enumerate().map(|(day, value)| value.filter(|_| day >= 23));
    let band = |sign: f64| {
        history.values.iter().zip(0u32..).map(move |(value, day)| {
            let spread = f64::from(day.saturating_sub(23)) * 28.0;
            value.filter(|_| day >= 23).map(|value| (value + sign * spread).round())
        })
    };
    let ahead = Series::new("Forecast, 80% range", ahead.collect());
    let ahead = ahead.with_band(Band::new(band(-1.0).collect(), band(1.0).collect()));
    let series = vec![Series::new("Units sold", past.collect()), ahead];
    ChartSpec::new(ChartKind::Line, "Paint, 5 L white: demand", ValueFormat::Count, labels, series)
}

pub(crate) fn few_bars() -> ChartSpec {
    let values = known(&[1_234_000.0, 980_500.0, 765_250.0, 540_000.0, 312_750.0]);
    let labels = ["Power tools", "Lumber", "Paint", "Garden and outdoor", "Electrical"];
    let series = vec![Series::new("Revenue", values).with_emphasis([3])];
    ChartSpec::new(ChartKind::Bar, "Revenue by category", ValueFormat::Money, labels, series)
}

pub(crate) fn many_bars() -> ChartSpec {
    let names = [
        "Pressure-treated softwood decking board, 3.6 m",
        "Cordless combi drill 18 V with two batteries",
        "Interior matt emulsion, brilliant white, 10 L",
        "Self-levelling floor compound, 20 kg",
        "Galvanised steel fence post",
        "LED floodlight with sensor",
        "Ceramic wall tile, 20 × 25 cm",
        "Copper pipe, 22 mm",
        "Wood screws, 200 pieces",
        "Sandpaper, mixed grits",
        "Masking tape",
        "Garden hose, 30 m",
        "Radiator valve, thermostatic",
        "Grout, grey, 5 kg",
    ];
    let values: Vec<f64> =
        (0..14).map(|place| (96_000.0 / (1.0 + 0.45 * f64::from(place))).round()).collect();
    let series = vec![Series::new("Units sold", known(&values)).with_emphasis([0])];
    ChartSpec::new(ChartKind::Bar, "Best sellers", ValueFormat::Count, names, series)
        .with_subtitle("Units sold in the last 90 days, all stores")
}

pub(crate) fn grouped_bars() -> ChartSpec {
    let series = vec![
        Series::new("2024", known(&[0.312, 0.287, 0.405, 0.198])),
        Series::new("2025", known(&[0.334, 0.251, 0.412, 0.221])),
        Series::new("Target", known(&[0.33, 0.28, 0.4, 0.22])),
    ];
    let labels = ["Tools", "Lumber", "Paint", "Garden"];
    ChartSpec::new(ChartKind::Bar, "Gross margin", ValueFormat::Percent, labels, series)
}

pub(crate) fn stacked() -> ChartSpec {
    let names =
        ["Tools", "Lumber", "Paint", "Garden", "Electrical", "Plumbing", "Tiles", "Hardware"];
    let series = names.iter().zip(1u32..).map(|(name, number)| {
        let mut series = sales(name, 190_000.0 / f64::from(number), 8);
        if *name == "Garden" {
            series.values[5] = Some(-45_000.0);
        }
        series
    });
    let labels =
        (1..=8).map(|quarter| format!("Q{} {}", (quarter - 1) % 4 + 1, 2024 + (quarter - 1) / 4));
    let series = series.collect();
    ChartSpec::new(ChartKind::StackedBar, "Sales by category", ValueFormat::Money, labels, series)
        .with_subtitle("Returns of garden furniture in Q2 2025")
}

pub(crate) fn stacked_lying() -> ChartSpec {
    let labels = [
        "Seattle, Pike Place and waterfront",
        "Bellevue Square",
        "Tacoma Mall Boulevard",
        "Spokane Valley, East Sprague Avenue",
        "Everett",
        "Redmond, Overlake",
        "Kirkland, Totem Lake",
        "Online, all regions and countries",
    ];
    let series = [("In stock", 320.0), ("Reserved", 90.0), ("On order", 140.0)];
    let series = series.map(|(name, level)| {
        let mut series = sales(name, level, 8);
        series.values.iter_mut().flatten().for_each(|value| *value = value.round());
        series
    });
    ChartSpec::new(ChartKind::StackedBar, "Stock", ValueFormat::Count, labels, series.into())
}

pub(crate) fn heat_map() -> ChartSpec {
    let stores = ["Seattle", "Bellevue", "Tacoma", "Spokane", "Everett", "Redmond", "Online"];
    let series = stores.iter().zip(1u32..).map(|(name, number)| {
        let mut series = sales(name, 90_000.0 * f64::from(number), 12);
        if number == 4 {
            series.values[6] = None;
            series.values[7] = None;
        }
        series
    });
    let series = series.collect();
    ChartSpec::new(
        ChartKind::HeatMap,
        "Sales by store and month",
        ValueFormat::Money,
        MONTHS,
        series,
    )
}

pub(crate) fn heat_map_of_change() -> ChartSpec {
    let series = (0u32..20).map(|row| {
        let value = |week: u32| {
            let wave = (f64::from(row * 3 + week) * 0.7).sin();
            (400.0 * wave - 2.0 * f64::from(row * week)).round() / 1000.0
        };
        Series::new(
            format!("Category {}", row + 1),
            (0..26).map(|week| Some(value(week))).collect(),
        )
    });
    let labels = (1..=26).map(|week| format!("W{week:02}"));
    let series = series.collect();
    ChartSpec::new(
        ChartKind::HeatMap,
        "Change of sales, week by week",
        ValueFormat::Percent,
        labels,
        series,
    )
}

pub(crate) fn negative() -> ChartSpec {
    let values = [42_000.0, 18_500.0, -7_250.0, -31_000.0, 12_300.0, 27_800.0];
    let series = vec![Series::new("Profit", known(&values))];
    let labels = ["Jan", "Feb", "Mar", "Apr", "May", "Jun"];
    ChartSpec::new(ChartKind::Bar, "Profit or loss", ValueFormat::Money, labels, series)
}

pub(crate) fn negative_lying() -> ChartSpec {
    let labels = [
        "Difference to last year, tools and hardware",
        "Difference to last year, garden",
        "Difference to last year, kitchens and bathrooms",
        "Paint",
        "Lighting, lamps and electrical installation",
        "Flooring",
    ];
    let series = vec![Series::new("Change", known(&[0.124, -0.082, -0.31, 0.045, 0.0, 0.21]))];
    ChartSpec::new(ChartKind::Bar, "Change since last year", ValueFormat::Percent, labels, series)
}

pub(crate) fn hostile() -> ChartSpec {
    let labels = [
        "<script>alert('x')</script>",
        "\"quoted\" & <b>bold</b>",
        "line\nbreak\u{0}null\u{7}bell",
        "\u{202e}turned round\u{202c}",
        "漢字 кириллица",
        "]]></text></svg>",
        "Loooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooong",
        "",
    ];
    let series = vec![Series::new("a<b>&\"c\"", known(&[5.0, 3.0, 8.0, 2.0, 4.0, 6.5, 1.0, 7.0]))];
    let title = "Products with & < > \" ' in their names, and a title that goes on and on until it \
                 needs a second line, and then does not stop there but says still more than it should";
    ChartSpec::new(ChartKind::Bar, title, ValueFormat::Plain, labels, series)
        .with_subtitle("<img src=x onerror=alert(1)>")
}

pub(crate) fn one_point() -> ChartSpec {
    let series = vec![Series::new("Sales", vec![Some(1_234.5)])];
    ChartSpec::new(ChartKind::Line, "Sales on one day", ValueFormat::Money, ["2025-06-01"], series)
}

pub(crate) fn one_bar() -> ChartSpec {
    let series = vec![Series::new("Sales", vec![Some(0.0)])];
    ChartSpec::new(ChartKind::Bar, "Nothing sold", ValueFormat::Count, ["Seattle"], series)
}

pub(crate) fn large() -> ChartSpec {
    let series = vec![
        Series::new("Large", known(&[4.1e17, 9.3e17, -2.2e17, 1e18])),
        Series::new("Small beside it", known(&[1.0, 2.0, 3.0, 4.0])),
    ];
    ChartSpec::new(ChartKind::Line, "Very large", ValueFormat::Money, ["a", "b", "c", "d"], series)
}

pub(crate) fn small() -> ChartSpec {
    let series = vec![Series::new("Rate", known(&[1.2e-7, 3.4e-7, 2.2e-7, 4.9e-7]))];
    ChartSpec::new(ChartKind::Line, "Very small", ValueFormat::Plain, ["a", "b", "c", "d"], series)
}

/// Values that are far from zero and near each other.
pub(crate) fn near() -> ChartSpec {
    let values = known(&[1_000_001.0, 1_000_004.0, 1_000_002.0, 1_000_005.0]);
    let series = vec![Series::new("Members", values)];
    ChartSpec::new(ChartKind::Line, "Members", ValueFormat::Count, ["Q1", "Q2", "Q3", "Q4"], series)
}

pub(crate) fn twelve_lines() -> ChartSpec {
    let series = (1..=12)
        .map(|number| sales(&format!("Store {number} in a town"), 10.0 * f64::from(number), 400));
    let labels = (0..400).map(|day| format!("2025-{:02}-{:02}", day / 31 % 12 + 1, day % 31 + 1));
    ChartSpec::new(ChartKind::Line, "Days until sold", ValueFormat::Days, labels, series.collect())
}

pub(crate) fn twelve_bars() -> ChartSpec {
    let series =
        (1..=12).map(|number| sales(&format!("Store {number}"), 8.0 * f64::from(number), 3));
    let labels = ["January", "February", "March"];
    ChartSpec::new(ChartKind::Bar, "Days until sold", ValueFormat::Days, labels, series.collect())
}

pub(crate) fn daily_bars() -> ChartSpec {
    let labels = (0..120).map(|day| format!("2025-{:02}-{:02}", day / 30 + 1, day % 30 + 1));
    let series = vec![sales("Sales", 21_000.0, 120).with_emphasis([60])];
    ChartSpec::new(ChartKind::Bar, "Sales each day", ValueFormat::Money, labels, series)
}

/// All of them, by name.
pub(crate) fn all() -> Vec<(&'static str, ChartSpec)> {
    vec![
        ("lines", lines()),
        ("forecast", forecast()),
        ("few-bars", few_bars()),
        ("many-bars", many_bars()),
        ("grouped-bars", grouped_bars()),
        ("stacked", stacked()),
        ("stacked-lying", stacked_lying()),
        ("heat-map", heat_map()),
        ("heat-map-of-change", heat_map_of_change()),
        ("negative", negative()),
        ("negative-lying", negative_lying()),
        ("hostile", hostile()),
        ("one-point", one_point()),
        ("one-bar", one_bar()),
        ("large", large()),
        ("small", small()),
        ("near", near()),
        ("twelve-lines", twelve_lines()),
        ("twelve-bars", twelve_bars()),
        ("daily-bars", daily_bars()),
    ]
}
