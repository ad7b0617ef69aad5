//! Random changes of images that leave what they show: more data from few.

use wengert_tensor::{Element, Rng, Tensor};

/// Each image cut to `[height, width]` at a random place, after `padding` zeros were put around
/// it: with padding, images of the size that they had, shifted.
///
/// Images are the last three axes of `[…, channels, height, width]`; each draws its own place. In
/// a [`Loader`](crate::Loader) the random numbers belong to the example, so that it does not
/// matter who makes the batch:
///
/// ```
/// use wengert_tensor::Tensor;
/// use wengert_train::{Labelled, Loader, random_crop, random_flip};
///
/// let images: Tensor = Tensor::ones([100, 3, 32, 32]);
/// let data = Labelled::new(images, Tensor::<i64>::zeros([100]));
/// let loader = Loader::new(data, 10).shuffle(1).workers(2).augment(1, |(image, label), rng| {
///     let image = random_flip(&random_crop(&image, [32, 32], 4, rng), 0.5, rng);
///     (image, label)
/// });
/// let (x, _) = loader.epoch(0).next().unwrap()?;
/// assert_eq!(x.shape(), &[10, 3, 32, 32]);
/// # Ok::<(), wengert_train::DataError>(())
/// ```
/// # Panics
/// If there are fewer than three axes, or the padded image is smaller than what is cut of it.
#[track_caller]
pub fn random_crop<T: Element>(images: &Tensor<T>, size: [usize; 2], padding: usize, rng: &mut Rng) -> Tensor<T> {
    let [channels, height, width] = image(images, "random_crop");
    let room = [height, width].map(|size| size + 2 * padding);
    assert!(
        size[0] <= room[0] && size[1] <= room[1],
        "random_crop: {size:?} of images of shape {} with padding {padding}",
        images.shape()
    );
    let place =
        |rng: &mut Rng| [0, 1].map(|axis| rng.below((room[axis] - size[axis]) as u64 + 1) as isize - padding as isize);
    crop(images, [channels, height, width], size, || place(rng))
}

/// Each image shifted by up to `most` pixels up or down and by up to `most` to the left or right,
/// each shift equally likely; zeros come in from outside.
///
/// ```
/// use wengert_tensor::{Rng, Tensor, tensor};
/// use wengert_train::random_shift;
///
/// let dot: Tensor = tensor![[[0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]];
/// let mut rng = Rng::seed(1);
/// for _ in 0..10 {
///     assert_eq!(random_shift(&dot, 1, &mut rng).sum(..).item(), 1.0);
/// }
/// ```
/// # Panics
/// If there are fewer than three axes.
#[track_caller]
pub fn random_shift<T: Element>(images: &Tensor<T>, most: usize, rng: &mut Rng) -> Tensor<T> {
    let [_, height, width] = image(images, "random_shift");
    random_crop(images, [height, width], most, rng)
}

/// Each image mirrored, left for right, with probability `p`.
///
/// ```
/// use wengert_tensor::{Rng, Tensor, tensor};
/// use wengert_train::random_flip;
///
/// let image: Tensor = tensor![[[1.0, 2.0], [3.0, 4.0]]];
/// assert_eq!(random_flip(&image, 1.0, &mut Rng::seed(1)), tensor![[[2.0, 1.0], [4.0, 3.0]]]);
/// ```
/// # Panics
/// If there are fewer than three axes, or `p` is no probability.
#[track_caller]
pub fn random_flip<T: Element>(images: &Tensor<T>, p: f64, rng: &mut Rng) -> Tensor<T> {
    assert!((0.0..=1.0).contains(&p), "random_flip: {p} is not a probability");
    let [channels, height, width] = image(images, "random_flip");
    let mut flipped = images.clone();
    let images = flipped.make_mut().chunks_exact_mut((channels * height * width).max(1));
    for image in images.filter(|_| rng.unit() < p) {
        image.chunks_exact_mut(width.max(1)).for_each(<[T]>::reverse);
    }
    flipped
}

/// The sizes of an image.
#[track_caller]
fn image<T: Element>(images: &Tensor<T>, name: &str) -> [usize; 3] {
    let Some(sizes) = images.shape().last_chunk::<3>() else {
        panic!("{name}: shape {} is not […, channels, height, width]", images.shape());
    };
    *sizes
}

/// Of each image the pixels from the place on that `place` says, which may lie outside.
fn crop<T: Element>(
    images: &Tensor<T>,
    [channels, height, width]: [usize; 3],
    [rows, columns]: [usize; 2],
    mut place: impl FnMut() -> [isize; 2],
) -> Tensor<T> {
    let images = images.contiguous();
    let mut shape = images.shape().clone();
    let axes = shape.len();
    shape.sizes_mut()[axes - 2..].copy_from_slice(&[rows, columns]);
    let from = images.as_slice().unwrap_or(&[]).chunks_exact((channels * height * width).max(1));
    Tensor::build(shape, |out| {
        out.fill(T::default());
        for (image, out) in from.zip(out.chunks_exact_mut((channels * rows * columns).max(1))) {
            let [top, left] = place();
            // Which columns of the crop are within the image.
            let start = (-left).clamp(0, columns as isize);
            let end = (width as isize - left).clamp(start, columns as isize);
            let (from, to) = ((left + start) as usize, start as usize..end as usize);
            for (channel, out) in image.chunks_exact(height * width).zip(out.chunks_exact_mut((rows * columns).max(1)))
            {
                for (row, out) in out.chunks_exact_mut(columns).enumerate() {
                    let row = top + row as isize;
                    if (0..height as isize).contains(&row) && !to.is_empty() {
                        let pixels = &channel[row as usize * width + from..];
                        out[to.clone()].copy_from_slice(&pixels[..to.len()]);
                    }
                }
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;
    use wengert_tensor::{Rng, tensor};

    /// Pixels that are all different and none of which is 0.
    fn counted(sizes: [usize; 4]) -> Tensor<i64> {
        let count: usize = sizes.iter().product();
        Tensor::range(1..count as i64 + 1).reshape(sizes)
    }

    fn padded_pixel(image: &Tensor<i64>, channel: usize, [row, column]: [isize; 2]) -> i64 {
        let [_, height, width] = image.shape()[..] else { unreachable!() };
        let inside = (0..height as isize).contains(&row) && (0..width as isize).contains(&column);
        if inside { image.at([channel, row as usize, column as usize]) } else { 0 }
    }

    proptest! {
        #[test]
        fn a_crop_is_a_piece_of_the_padded_image(
            sizes in prop::array::uniform4(1usize..5), rows in 1usize..5, columns in 1usize..5, padding in 0usize..3, seed: u64,
        ) {
            let [_, channels, height, width] = sizes;
            let (rows, columns) = (rows.min(height + 2 * padding), columns.min(width + 2 * padding));
            let images = counted(sizes);
            let crops = random_crop(&images, [rows, columns], padding, &mut Rng::seed(seed));
            prop_assert_eq!(crops.shape(), &[sizes[0], channels, rows, columns]);
            for (i, crop) in crops.split(0, 1).into_iter().enumerate() {
                let (image, crop) = (images.select(0, i as isize), crop.select(0, 0));
                let pad = padding as isize;
                let places = (-pad..=height as isize + pad - rows as isize)
                    .flat_map(|top| (-pad..=width as isize + pad - columns as isize).map(move |left| [top, left]));
                let fits = |[top, left]: [isize; 2]| {
                    (0..channels).all(|c| (0..rows).all(|y| (0..columns).all(|x| {
                        crop.at([c, y, x]) == padded_pixel(&image, c, [top + y as isize, left + x as isize])
                    })))
                };
                prop_assert!(places.into_iter().any(fits), "{crop} of {image}");
            }
        }
    }

    #[test]
    fn every_shift_occurs() {
        let dot: Tensor<i64> = tensor![[[0, 0, 0], [0, 1, 0], [0, 0, 0]]];
        let mut rng = Rng::seed(1);
        let seen: HashSet<Vec<i64>> = (0..200).map(|_| random_shift(&dot, 1, &mut rng).to_vec()).collect();
        assert_eq!(seen.len(), 9);
        assert_eq!(random_shift(&dot, 0, &mut rng), dot);
    }

    #[test]
    fn every_image_draws_for_itself() {
        let images = counted([64, 2, 1, 3]);
        let flipped = random_flip(&images, 0.5, &mut Rng::seed(1));
        let mirrored = images.flip(-1);
        let (mut same, mut turned) = (0, 0);
        for i in 0..64 {
            let [now, before, mirror] = [&flipped, &images, &mirrored].map(|all| all.select(0, i));
            same += usize::from(now == before);
            turned += usize::from(now == mirror);
        }
        assert!(same + turned == 64 && same > 16 && turned > 16, "{same} {turned}");
        assert_eq!(random_flip(&images, 0.0, &mut Rng::seed(1)), images);
        // A view is read as it is seen.
        assert_eq!(random_flip(&mirrored, 1.0, &mut Rng::seed(1)), images);
        assert_eq!(random_crop(&mirrored, [1, 3], 0, &mut Rng::seed(1)), mirrored);
    }

    #[test]
    fn no_images_remain_none() {
        let none: Tensor = Tensor::zeros([0, 3, 4, 4]);
        assert_eq!(random_crop(&none, [2, 2], 0, &mut Rng::seed(1)).shape(), &[0, 3, 2, 2]);
        assert_eq!(random_flip(&none, 0.5, &mut Rng::seed(1)).shape(), none.shape());
        let flat: Tensor = Tensor::zeros([2, 3, 0, 4]);
        assert_eq!(random_flip(&flat, 0.5, &mut Rng::seed(1)).shape(), flat.shape());
        assert_eq!(random_crop(&flat, [1, 0], 1, &mut Rng::seed(1)).shape(), &[2, 3, 1, 0]);
        assert_eq!(random_crop(&flat, [2, 2], 1, &mut Rng::seed(1)).sum(..).item(), 0.0);
    }

    #[test]
    #[should_panic(expected = "random_crop: [5, 2] of images of shape [1, 3, 2] with padding 0")]
    fn a_crop_fits_the_image() {
        random_crop(&Tensor::<f32>::zeros([1, 3, 2]), [5, 2], 0, &mut Rng::seed(1));
    }

    #[test]
    #[should_panic(expected = "random_flip: shape [8, 8] is not […, channels, height, width]")]
    fn images_have_channels() {
        random_flip(&Tensor::<f32>::zeros([8, 8]), 0.5, &mut Rng::seed(1));
    }
}
