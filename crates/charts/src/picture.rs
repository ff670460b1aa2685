//! A chart as PNG.

mod palette;

use std::sync::{Arc, LazyLock};

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::fontdb::{Database, Source};
use resvg::usvg::{Options, Tree};

use crate::text::{BOLD, REGULAR};
use crate::{ChartError, ChartSpec, Theme, render_svg};

/// Draws a chart as PNG, 600 pixels wide: the same picture as [`render_svg`], with the fonts of this crate.
///
/// Letters that these fonts do not have, such as Chinese ones, are boxes.
///
/// # Errors
///
/// [`ChartError::Spec`] when [`ChartSpec::validate`] fails; [`ChartError::Pixels`] for a defect of this crate.
pub fn render_png(spec: &ChartSpec, theme: Theme) -> Result<Vec<u8>, ChartError> {
    let svg = render_svg(spec, theme)?;
    let options = Options { fontdb: Arc::clone(&FONTS), ..Options::default() };
    let tree = Tree::from_str(&svg, &options).map_err(|error| ChartError::Pixels(error.into()))?;
    let size = tree.size().to_int_size();
    let mut pixels = Pixmap::new(size.width(), size.height())
        .ok_or_else(|| ChartError::Pixels("the picture has no size".into()))?;
    resvg::render(&tree, Transform::identity(), &mut pixels.as_mut());
    palette::encode(&pixels).map_err(|error| ChartError::Pixels(error.into()))
}

/// Never changes: the fonts in this crate, and no others.
static FONTS: LazyLock<Arc<Database>> = LazyLock::new(|| {
    let mut fonts = Database::new();
    for font in [REGULAR, BOLD] {
        fonts.load_font_source(Source::Binary(Arc::new(font)));
    }
    fonts.set_sans_serif_family("Roboto");
    Arc::new(fonts)
});
