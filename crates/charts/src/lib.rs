#![doc = include_str!("../README.md")]

mod app;
mod describe;
mod error;
mod format;
mod picture;
mod render;
mod scale;
mod spec;
mod svg;
mod text;
mod theme;
mod validate;

pub use app::{APP_MIME_TYPE, app_page};
pub use error::{ChartError, SpecError};
pub use format::ValueFormat;
pub use picture::render_png;
pub use render::{WIDTH_PX, render_svg};
pub use spec::{Band, ChartKind, ChartSpec, Series};
pub use theme::Theme;
