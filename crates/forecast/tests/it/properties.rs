//! What holds for forecasts of any history.

use proptest::prelude::*;
use retail_forecast::{Forecast, History, LARGEST_VALUE, Level, Request, forecast};

fn level() -> impl Strategy<Value = Level> {
    prop_oneof![Just(Level::P80), Just(Level::P95)]
}

/// Seasons with a shape, growth and chance.
fn seasonal(season: usize, most_seasons: usize) -> impl Strategy<Value = Vec<f64>> {
    let shape = prop::collection::vec(0.2_f64..2.0, season);
    let noise = prop::collection::vec(0.7_f64..1.3, 3 * season..=most_seasons * season);
    (shape, noise, 0.9_f64..1.2).prop_map(move |(shape, noise, growth)| {
        let value = |(at, noise): (usize, f64)| {
            1_000.0 * shape[at % season] * noise * growth.powf(at as f64 / season as f64)
        };
        noise.into_iter().enumerate().map(value).collect()
    })
}

/// Anything that a history may hold: nothing, the smallest numbers, the largest.
fn any_value() -> impl Strategy<Value = f64> {
    prop_oneof![
        2 => Just(0.0),
        4 => 0.0..1e6,
        1 => (-308_i32..=15).prop_map(|exponent| 10_f64.powi(exponent)),
        1 => Just(f64::from_bits(1)),
        1 => Just(LARGEST_VALUE),
    ]
}

fn assert_sound(made: &Forecast, request: &Request) {
    assert_eq!(made.points.len(), request.horizon);
    for point in &made.points {
        assert!(point.upper.is_finite(), "{made:?}");
        assert!(0.0 <= point.lower && point.lower <= point.value, "{made:?}");
        assert!(point.value <= point.upper, "{made:?}");
    }
    let backtest = made.backtest;
    assert!(backtest.model_wape.is_finite() && backtest.model_wape >= 0.0, "{made:?}");
    assert!(backtest.model_wape <= backtest.seasonal_naive_wape, "{made:?}");
    assert!((0.0..=1.0).contains(&backtest.improvement()), "{made:?}");
    assert!((1..=8).contains(&backtest.folds), "{made:?}");
    assert_eq!(backtest.horizon, request.horizon);
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-6 * a.abs().max(b.abs())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_history_has_a_sound_forecast_or_a_refusal(
        values in prop::collection::vec(any_value(), 0..120),
        season in 4_usize..=53,
        horizon in 1_usize..=12,
        level in level(),
    ) {
        let request = Request::new(horizon, level);
        if let Ok(made) = forecast(&History::new(values, season), &request) {
            assert_sound(&made, &request);
        }
    }

    #[test]
    fn a_seasonal_history_always_has_a_forecast_and_always_the_same(
        values in seasonal(12, 7),
        horizon in 1_usize..=12,
        level in level(),
    ) {
        let (history, request) = (History::monthly(values), Request::new(horizon, level));
        let made = forecast(&history, &request).unwrap();
        assert_sound(&made, &request);
        prop_assert_eq!(made, forecast(&history, &request).unwrap());
    }

    #[test]
    fn a_change_of_unit_changes_nothing_else(
        values in seasonal(12, 7),
        factor in 1e-6_f64..1e6,
        level in level(),
    ) {
        let request = Request::new(6, level);
        let scaled: Vec<f64> = values.iter().map(|value| value * factor).collect();
        let made = forecast(&History::monthly(values), &request).unwrap();
        let scaled = forecast(&History::monthly(scaled), &request).unwrap();
        prop_assert_eq!(made.model, scaled.model);
        prop_assert!(close(made.backtest.model_wape, scaled.backtest.model_wape));
        for (point, scaled) in made.points.iter().zip(&scaled.points) {
            for (one, other) in [
                (point.value, scaled.value),
                (point.lower, scaled.lower),
                (point.upper, scaled.upper),
            ] {
                prop_assert!(close(one * factor, other), "{} {}", one * factor, other);
            }
        }
    }

    #[test]
    fn a_constant_history_goes_on(
        value in 0.01_f64..1e9,
        length in 27_usize..100,
        level in level(),
    ) {
        let request = Request::new(3, level);
        let made = forecast(&History::monthly(vec![value; length]), &request).unwrap();
        for point in made.points {
            for bound in [point.lower, point.value, point.upper] {
                prop_assert!(close(bound, value), "{bound} {value}");
            }
        }
    }

    #[test]
    fn a_higher_level_has_a_wider_interval(values in seasonal(12, 5), horizon in 1_usize..=12) {
        let history = History::monthly(values);
        let narrow = forecast(&history, &Request::new(horizon, Level::P80)).unwrap();
        let wide = forecast(&history, &Request::new(horizon, Level::P95)).unwrap();
        for (narrow, wide) in narrow.points.iter().zip(&wide.points) {
            prop_assert!(wide.lower <= narrow.lower && narrow.upper < wide.upper);
            prop_assert_eq!(wide.value.to_bits(), narrow.value.to_bits());
        }
    }
}
