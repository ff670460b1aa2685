use std::f64::consts::TAU;

use super::{
    Model,
    profile::{Profile, growth},
};

/// Seasons of 12 months with a wave, each `growth` times the one before.
fn seasons(count: i32, growth: f64) -> Vec<f64> {
    (0..count * 12)
        .map(|month| {
            let wave = 1.0 + 0.5 * (TAU * f64::from(month % 12) / 12.0).sin();
            1_000.0 * wave * growth.powi(month / 12)
        })
        .collect()
}

fn largest_error(model: Model, growth: f64) -> f64 {
    let all = seasons(6, growth);
    let predicted = model.predict(&all[..60], 12, 12);
    let errors = predicted.iter().zip(&all[60..]).map(|(p, a)| (p / a - 1.0).abs());
    errors.fold(0.0, f64::max)
}

#[test]
fn even_growth_goes_on() {
    assert!(largest_error(Model::SharpSeasons, 1.1) < 1e-9);
    assert!(largest_error(Model::SeasonalNaiveWithGrowth, 1.1) < 1e-9);
    // Neighbours flatten the wave a little.
    assert!(largest_error(Model::SmoothSeasons, 1.1) < 0.1);
    assert!(largest_error(Model::ExponentialSmoothing, 1.1) < 0.15);
    assert!((largest_error(Model::SeasonalNaive, 1.1) - (1.0 - 1.0 / 1.1)).abs() < 1e-9);
}

#[test]
fn a_profile_is_the_parts_of_a_season_from_the_last_value_on() {
    let mut values = seasons(3, 1.0);
    // Four months into a season.
    values.extend_from_within(..4);
    let expected: Vec<f64> = seasons(2, 1.0)[4..16].to_vec();
    for (found, expected) in Profile::sharp(&values, 12).grown(&values).iter().zip(&expected) {
        assert!((found / expected - 1.0).abs() < 1e-9);
    }
    let parts: f64 = Profile::smooth(&values, 12).indices().take(12).sum();
    assert!((parts - 12.0).abs() < 1e-9);
}

#[test]
fn smoothing_spreads_a_peak_over_both_ends_of_the_season() {
    let mut values = vec![0.0; 24];
    values[0] = 4.0;
    values[12] = 4.0;
    let smooth: Vec<f64> = Profile::smooth(&values, 12).indices().take(12).collect();
    let expected = [6.0, 3.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 3.0];
    for (found, expected) in smooth.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-9, "{smooth:?}");
    }
}

#[test]
fn growth_is_the_mean_of_three_steps_and_has_bounds() {
    assert!((growth(&seasons(6, 1.1), 12) - 1.1).abs() < 1e-9);
    assert!((growth(&seasons(6, 5.0), 12) - 2.0).abs() < 1e-9);
    assert!((growth(&seasons(6, 0.1), 12) - 0.5).abs() < 1e-9);
    assert!((growth(&seasons(1, 3.0), 12) - 1.0).abs() < 1e-9);
    let mut opened_lately = vec![0.0; 24];
    opened_lately.extend(seasons(2, 1.0));
    assert!((growth(&opened_lately, 12) - 1.0).abs() < 1e-9, "from nothing there is no growth");
}

#[test]
fn exponential_smoothing_follows_a_new_level() {
    let mut values = seasons(6, 1.0);
    values[67..].iter_mut().for_each(|value| *value *= 1.6);
    let truth: Vec<f64> = seasons(1, 1.0)[..3].iter().map(|value| value * 1.6).collect();
    let error = |model: Model| {
        let predicted = model.predict(&values, 12, 3);
        predicted.iter().zip(&truth).map(|(p, a)| (p - a).abs()).sum::<f64>()
    };
    let smoothed = error(Model::ExponentialSmoothing);
    assert!(smoothed < 0.6 * error(Model::SmoothSeasons), "{smoothed}");
    assert!(smoothed < 0.6 * error(Model::SeasonalNaive), "{smoothed}");
}

#[test]
fn names_are_for_machines_and_stay() {
    let names: Vec<&str> = Model::CANDIDATES.iter().map(|model| model.name()).collect();
    assert_eq!(
        names,
        [
            "smooth_seasons",
            "sharp_seasons",
            "exponential_smoothing",
            "seasonal_naive_with_growth",
            "seasonal_naive"
        ]
    );
    assert_eq!(Model::SeasonalNaive.to_string(), "the value of one season ago");
}
