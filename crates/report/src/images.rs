//! Pictures side by side.

use crate::figure::{Drawing, Figure};
use crate::image::Image;
use crate::markup::{Attribute, Markup, Px};
use crate::text::{fitted, width as text_width};

/// Small pictures in rows, each with a label below: the worst examples, the weights of a layer.
///
/// ```
/// use wengert_report::{Figure, Image, Images};
///
/// let worst = Images::new("Worst").image(Image::grey(2, &[0.0, 1.0, 1.0, 0.0], 0.0, 1.0), "a 7, said 1");
/// assert!(worst.svg(360.0).contains("data:image/png"));
/// ```
#[derive(Clone, Debug)]
pub struct Images {
    title: String,
    caption: String,
    size: f64,
    images: Vec<(Image, String)>,
}

impl Images {
    /// No pictures yet.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), caption: String::new(), size: 56.0, images: Vec::new() }
    }

    /// How they are to be read.
    pub fn caption(mut self, caption: impl Into<String>) -> Self {
        self.caption = caption.into();
        self
    }

    /// The longer side of each on the page, in pixels; 56 if not said.
    ///
    /// # Panics
    /// If it is not positive.
    #[track_caller]
    pub fn size(mut self, size: f64) -> Self {
        assert!(size > 0.0 && size.is_finite(), "images {:?}: a size of {size}", self.title);
        self.size = size;
        self
    }

    /// One more, with a label; may be empty.
    pub fn image(mut self, image: Image, label: impl Into<String>) -> Self {
        self.images.push((image, label.into()));
        self
    }
}

impl Figure for Images {
    fn title(&self) -> &str {
        &self.title
    }

    fn caption(&self) -> &str {
        &self.caption
    }

    fn description(&self) -> String {
        let labels: Vec<&str> = self.images.iter().map(|(_, label)| &**label).filter(|l| !l.is_empty()).collect();
        format!("{} pictures. {}", self.images.len(), labels.join("; "))
    }

    fn draw(&self, width: f64) -> Drawing {
        let mut out = Markup::default();
        let widest = self.images.iter().map(|(_, label)| text_width(label)).fold(0.0, f64::max);
        let size = self.size.min(width);
        let gap = 10.0;
        // A label may be wider than its picture, within reason.
        let cell = size.max(widest.min(1.6 * size)).min(width);
        let columns = (((width + gap) / (cell + gap)) as usize).max(1);
        let row = size + if widest > 0.0 { 26.0 } else { gap };
        for (i, (image, label)) in self.images.iter().enumerate() {
            let (x, y) = ((i % columns) as f64 * (cell + gap), (i / columns) as f64 * row);
            let (w, h) = (image.width() as f64, image.height() as f64);
            let (w, h) = (size * w / w.max(h), size * h / w.max(h));
            let x = x + 0.5 * (cell - w);
            let url = image.url();
            let place: [Attribute; 6] = [
                ("class", &"pixels"),
                ("x", &Px(x)),
                ("y", &Px(y)),
                ("width", &Px(w)),
                ("height", &Px(h)),
                ("href", &url),
            ];
            out.titled("image", &place, label);
            let place: [Attribute; 5] =
                [("class", &"frame"), ("x", &Px(x)), ("y", &Px(y)), ("width", &Px(w)), ("height", &Px(h))];
            out.empty("rect", &place);
            if !label.is_empty() {
                let (x, y) = (Px(x + 0.5 * w), Px(y + size + 13.0));
                let text = fitted(label, cell + gap - 2.0);
                out.element("text", &[("class", &"tick mid"), ("x", &x), ("y", &y)], text);
            }
        }
        Drawing { shapes: out, height: (row * self.images.len().div_ceil(columns) as f64).max(1.0) }
    }
}
