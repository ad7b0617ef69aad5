//! Folders of images, one for each class.

use std::error::Error;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use image::imageops::FilterType;
use image::{DynamicImage, ImageReader};
use wengert_tensor::Tensor;

use super::Dataset;

/// Images in folders, one folder for each class: `photos/cat/1.png`, `photos/dog/a.jpg`.
///
/// Classes are numbered in the order of their names, and images are in the order of class and
/// name, so that a folder gives the same set on every machine. An image is read when it is asked
/// for: as `[3, height, width]`, red, green and blue, with values from 0 to 1. Its label is the
/// number of its class. Files are png or jpeg; names that begin with a dot are passed by.
///
/// ```no_run
/// use wengert_train::{Dataset, ImageFolder, Loader, stratified_split};
///
/// let photos = ImageFolder::open("photos")?.resize([64, 64]);
/// println!("{} images of {:?}", photos.len(), photos.classes());
/// let [training, test] = stratified_split(&photos.labels(), [0.8, 0.2], 1);
/// let training = Loader::new(photos.clone().subset(training), 32).shuffle(1).workers(2);
/// for batch in training.epoch(0) {
///     let (x, labels) = batch?; // [32, 3, 64, 64] and [32]
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct ImageFolder {
    classes: Arc<[String]>,
    /// Every file with its class.
    files: Arc<[(PathBuf, i64)]>,
    gray: bool,
    size: Option<[usize; 2]>,
}

impl ImageFolder {
    /// The images in the folders within this one.
    ///
    /// # Errors
    /// If a folder cannot be read, there are none, one is empty, or one holds anything but files
    /// that are png or jpeg by their names.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, ImageFolderError> {
        let path = path.as_ref();
        let folders: Vec<PathBuf> = entries(path)?.into_iter().filter(|entry| entry.is_dir()).collect();
        if folders.is_empty() {
            return Err(ImageFolderError::new(
                path,
                "there are no folders in it; put the images of each class into one",
            ));
        }
        let (mut classes, mut files) = (Vec::new(), Vec::new());
        for (folder, label) in folders.iter().zip(0..) {
            let images = entries(folder)?;
            if images.is_empty() {
                return Err(ImageFolderError::new(
                    folder,
                    "there are no images in it; put some there, or take it away",
                ));
            }
            for image in images {
                let extension = image.extension().unwrap_or_default();
                let known = ["png", "jpg", "jpeg"].iter().any(|known| extension.eq_ignore_ascii_case(known));
                if !known || !image.is_file() {
                    return Err(ImageFolderError::new(
                        &image,
                        "it is not a png or jpeg file by its name; take it away",
                    ));
                }
                files.push((image, label));
            }
            classes.push(folder.file_name().unwrap_or_default().to_string_lossy().into_owned());
        }
        Ok(Self { classes: classes.into(), files: files.into(), gray: false, size: None })
    }

    /// Makes every image `[1, height, width]`, by the brightness of its colours.
    pub fn grayscale(mut self) -> Self {
        self.gray = true;
        self
    }

    /// Makes every image this high and wide, whatever its shape. Images that are not of one size
    /// make no batch.
    ///
    /// # Panics
    /// If a size is 0.
    #[track_caller]
    pub fn resize(mut self, size: [usize; 2]) -> Self {
        assert!(size[0] > 0 && size[1] > 0, "resize: an image of {size:?} pixels");
        self.size = Some(size);
        self
    }

    /// The names of the classes.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// The class of every image, without reading one.
    pub fn labels(&self) -> Tensor<i64> {
        self.files.iter().map(|(_, label)| *label).collect()
    }

    /// The file of an image.
    ///
    /// # Panics
    /// If there is no such image.
    #[track_caller]
    pub fn path(&self, index: usize) -> &Path {
        &self.files[index].0
    }
}

/// What is in a folder, in the order of the names.
fn entries(path: &Path) -> Result<Vec<PathBuf>, ImageFolderError> {
    let all = fs::read_dir(path).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect());
    let mut all: Vec<PathBuf> = all.map_err(|error: io::Error| ImageFolderError::new(path, error))?;
    all.retain(|entry| !entry.file_name().unwrap_or_default().as_encoded_bytes().starts_with(b"."));
    all.sort();
    Ok(all)
}

impl Dataset for ImageFolder {
    type Item = (Tensor, i64);

    fn len(&self) -> usize {
        self.files.len()
    }

    fn item(&self, index: usize) -> Result<Self::Item, Box<dyn Error + Send + Sync>> {
        let (path, label) = &self.files[index];
        // By its first bytes, for a name can be wrong.
        let mut image = ImageReader::open(path)?.with_guessed_format()?.decode()?;
        if let Some([height, width]) = self.size {
            image = image.resize_exact(width as u32, height as u32, FilterType::Triangle);
        }
        Ok((pixels(&image, self.gray), *label))
    }

    fn origin(&self, index: usize) -> Option<String> {
        Some(self.path(index).display().to_string())
    }
}

/// `[channels, height, width]`.
fn pixels(image: &DynamicImage, gray: bool) -> Tensor {
    let (height, width) = (image.height() as usize, image.width() as usize);
    if gray {
        return Tensor::from_vec(image.to_luma32f().into_raw(), [1, height, width]);
    }
    Tensor::from_vec(image.to_rgb32f().into_raw(), [height, width, 3]).permute([2, 0, 1]).contiguous()
}

/// Why a folder is not one of images: the file or folder at fault, and what is wrong with it.
#[derive(Debug)]
pub struct ImageFolderError {
    path: PathBuf,
    cause: Box<dyn Error + Send + Sync>,
}

impl ImageFolderError {
    fn new(path: &Path, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { path: path.to_owned(), cause: cause.into() }
    }
}

impl fmt::Display for ImageFolderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.cause)
    }
}

impl Error for ImageFolderError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.cause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use image::{ImageFormat, Luma, Rgb, RgbImage, Rgba, RgbaImage};
    use wengert_tensor::tensor;

    use crate::Loader;

    /// A folder of its own for a test, gone when it ends.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("wengert-images-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn file(&self, name: &str, bytes: &[u8]) -> &Self {
            let path = self.0.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
            self
        }

        fn open(&self) -> Result<ImageFolder, ImageFolderError> {
            ImageFolder::open(&self.0)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    fn encoded(image: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
        let mut bytes = io::Cursor::new(Vec::new());
        image.into().write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    /// One pixel high, two wide.
    fn two_pixels() -> RgbImage {
        RgbImage::from_fn(2, 1, |x, _| if x == 0 { Rgb([255, 0, 51]) } else { Rgb([0, 102, 0]) })
    }

    #[test]
    fn images_are_in_order_with_the_numbers_of_their_classes() {
        let folder = Folder::new("order");
        let png = encoded(two_pixels(), ImageFormat::Png);
        let clear = RgbaImage::from_pixel(2, 1, Rgba([255, 0, 51, 0]));
        folder.file("b/2.PNG", &png).file("b/10.png", &png).file("a/z.png", &encoded(clear, ImageFormat::Png));
        folder.file("readme.txt", b"").file(".hidden/x", b"").file("a/.DS_Store", b"");
        let data = folder.open().unwrap();
        assert_eq!((data.classes(), data.labels()), (&["a".to_owned(), "b".to_owned()][..], tensor![0, 1, 1]));
        assert!(data.path(1).ends_with("b/10.png"));
        let (x, label) = data.item(1).unwrap();
        x.assert_close(&tensor![[[1.0, 0.0]], [[0.0, 0.4]], [[0.2, 0.0]]], 1e-6, 0.0);
        assert_eq!(label, 1);
        let (x, labels) = Loader::new(data.clone(), 3).workers(2).epoch(0).next().unwrap().unwrap();
        assert_eq!((x.shape(), labels), (&[3, 3, 1, 2].into(), tensor![0, 1, 1]));
        assert_eq!(data.clone().grayscale().resize([4, 5]).item(0).unwrap().0.shape(), &[1, 4, 5]);
        let sixteen = image::ImageBuffer::<Luma<u16>, _>::from_pixel(1, 1, Luma([257u16]));
        folder.file("a/z.png", &encoded(sixteen, ImageFormat::Png));
        data.grayscale().item(0).unwrap().0.assert_close(&tensor![[[257.0 / 65535.0]]], 1e-6, 0.0);
    }

    #[test]
    fn a_file_may_be_jpeg_whatever_its_name() {
        let folder = Folder::new("jpeg");
        let plain = RgbImage::from_pixel(8, 8, Rgb([200, 100, 50]));
        folder.file("a/1.png", &encoded(plain, ImageFormat::Jpeg));
        let (x, _) = folder.open().unwrap().item(0).unwrap();
        let expected = tensor![200.0, 100.0, 50.0].reshape([3, 1, 1]).expand([3, 8, 8]) / 255.0;
        x.assert_close(&expected.cast(), 0.0, 0.02);
    }

    #[test]
    fn folders_that_hold_something_else_are_refused() {
        let folder = Folder::new("bad");
        let told = || folder.open().unwrap_err().to_string();
        assert!(told().ends_with("there are no folders in it; put the images of each class into one"));
        fs::create_dir(folder.0.join("a")).unwrap();
        assert!(told().ends_with("/a: there are no images in it; put some there, or take it away"));
        folder.file("a/1.bmp", b"BM");
        assert!(told().ends_with("/a/1.bmp: it is not a png or jpeg file by its name; take it away"));
        let missing = ImageFolder::open(folder.0.join("no")).unwrap_err();
        assert!(missing.to_string().contains("/no: ") && missing.source().is_some());
    }

    #[test]
    fn damaged_images_and_other_sizes_are_named() {
        let folder = Folder::new("damaged");
        let png = encoded(two_pixels(), ImageFormat::Png);
        folder.file("a/1.png", &png).file("a/2.png", &png[..40]).file("a/3.png", b"no image");
        let wide = encoded(RgbImage::new(3, 1), ImageFormat::Png);
        folder.file("a/4.png", &wide);
        let told: Vec<String> = Loader::new(folder.open().unwrap(), 1)
            .workers(2)
            .epoch(0)
            .map(|batch| batch.map_or_else(|error| error.to_string(), |_| "fine".into()))
            .collect();
        assert_eq!((&*told[0], &*told[3]), ("fine", "fine"));
        assert!(told[1].starts_with("example 1 (") && told[1].contains("a/2.png): "), "{}", told[1]);
        assert!(told[2].starts_with("example 2 (") && told[2].contains("a/3.png): "), "{}", told[2]);
        let error = folder.open().unwrap().batch(&[0, 3]).unwrap_err().to_string();
        assert!(error.contains("a/4.png): its shape [3, 1, 3] is not that of the others, [3, 1, 2]"), "{error}");
    }

    #[test]
    fn a_hundred_ways_to_damage_a_file_are_told() {
        let folder = Folder::new("hundred");
        let image = RgbImage::from_fn(9, 7, |x, y| Rgb([x as u8 * 20, y as u8 * 30, 99]));
        for format in [ImageFormat::Png, ImageFormat::Jpeg] {
            let good = encoded(image.clone(), format);
            for i in 0..60 {
                let mut bytes = good.clone();
                let at = i * good.len() / 60;
                if i % 2 == 0 {
                    bytes.truncate(at);
                } else {
                    bytes[at] ^= 0x55;
                }
                folder.file("a/1.png", &bytes);
                // Only png has checksums, and an end that must be there.
                match folder.open().unwrap().batch(&[0]) {
                    Ok((x, _)) => assert!(format == ImageFormat::Jpeg || x.shape() == &[1, 3, 7, 9] && i % 2 == 1),
                    Err(error) => assert!(error.to_string().contains("a/1.png): "), "{error}"),
                }
            }
        }
    }
}
