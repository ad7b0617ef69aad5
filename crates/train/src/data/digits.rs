//! Handwritten digits, embedded.

use std::io::Read;

use flate2::read::GzDecoder;
use wengert_tensor::Tensor;

use crate::Labelled;

const PIXELS: usize = 64;

/// 1,797 handwritten digits: 64 features, the pixels of an 8×8 image row by row with values
/// 0 … 16, and labels 0 … 9.
///
/// This is the test part of *Optical Recognition of Handwritten Digits* (E. Alpaydin and
/// C. Kaynak, 1998), UCI Machine Learning Repository, <https://doi.org/10.24432/C50P49>,
/// licensed under [CC BY 4.0](https://creativecommons.org/licenses/by/4.0/).
///
/// ```
/// let data = wengert_train::digits();
/// assert_eq!(data.features().shape(), &[1797, 64]);
/// assert_eq!(data.labels().at([3]), 3);
/// ```
pub fn digits() -> Labelled {
    let mut text = String::new();
    GzDecoder::new(&include_bytes!("../../data/digits.csv.gz")[..])
        .read_to_string(&mut text)
        .expect("the embedded file is intact");
    let (mut pixels, mut labels) = (Vec::new(), Vec::new());
    for line in text.lines() {
        let (image, label) = line.rsplit_once(',').expect("64 pixels and a label");
        pixels.extend(image.split(',').map(|v| v.parse::<f32>().expect("a pixel")));
        labels.push(label.parse::<i64>().expect("a label"));
    }
    Labelled::new(Tensor::from_vec(pixels, [labels.len(), PIXELS]), labels.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_those_of_the_repository() {
        let data = digits();
        let mut by_class = [0; 10];
        data.labels().iter().for_each(|label| by_class[label as usize] += 1);
        assert_eq!(by_class, [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);
        assert!(data.features().iter().all(|v| (0.0..=16.0).contains(&v) && v.fract() == 0.0));
    }

    #[test]
    fn the_first_image_is_a_zero() {
        let first = digits().features().select(0, 0);
        let ink: Vec<String> = (0..8)
            .map(|row| (0..8).map(|column| if first.at([row * 8 + column]) > 7.0 { '#' } else { '.' }).collect())
            .collect();
        #[rustfmt::skip]
        let expected = [
            "...##...",
            "..####..",
            "..#..##.",
            "..#..##.",
            "..#..##.",
            "..#..#..",
            "..#.##..",
            "...##...",
        ];
        assert_eq!(ink, expected);
    }
}
