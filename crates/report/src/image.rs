//! Small pictures, and how they become PNG.

/// The largest length of a block that is stored as it is.
const STORED: usize = 0xffff;

/// A picture of pixels: an example, the weights of a unit.
///
/// ```
/// use wengert_report::Image;
///
/// let digit = Image::grey(2, &[0.0, 16.0, 8.0, 0.0], 0.0, 16.0);
/// assert_eq!((digit.width(), digit.height()), (2, 2));
/// assert!(digit.png().starts_with(b"\x89PNG"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    width: usize,
    channels: u8,
    pixels: Vec<u8>,
}

impl Image {
    /// Values from black at `low` to white at `high`, row by row. What is not a number is black.
    ///
    /// # Panics
    /// If `width` is 0 or does not divide the number of values.
    #[track_caller]
    pub fn grey(width: usize, values: &[f64], low: f64, high: f64) -> Self {
        let level = |&v: &f64| (255.0 * (v - low) / (high - low)).round() as u8;
        Self::new(width, 1, values.iter().map(level).collect())
    }

    /// Values of either sign, blue above 0 and orange below, fully so at `limit`. Zero is
    /// transparent, so that the picture suits a light page and a dark one.
    ///
    /// # Panics
    /// If `width` is 0 or does not divide the number of values.
    #[track_caller]
    pub fn signed(width: usize, values: &[f64], limit: f64) -> Self {
        let pixel = |&v: &f64| {
            let alpha = (255.0 * v.abs() / limit).round() as u8;
            if v < 0.0 { [0xe8, 0x6a, 0x2c, alpha] } else { [0x2b, 0x7f, 0xd4, alpha] }
        };
        Self::new(width, 4, values.iter().flat_map(pixel).collect())
    }

    /// Pixels of red, green and blue, row by row.
    ///
    /// # Panics
    /// If `width` is 0 or the bytes do not fill rows of it.
    #[track_caller]
    pub fn rgb(width: usize, pixels: Vec<u8>) -> Self {
        Self::new(width, 3, pixels)
    }

    #[track_caller]
    fn new(width: usize, channels: u8, pixels: Vec<u8>) -> Self {
        let row = width * usize::from(channels);
        assert!(
            row > 0 && !pixels.is_empty() && pixels.len().is_multiple_of(row),
            "image: {} values are not rows of width {width}",
            pixels.len() / usize::from(channels)
        );
        Self { width, channels, pixels }
    }

    /// Pixels in a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.pixels.len() / self.row()
    }

    /// 1 for grey, 3 for colours, 4 for colours with transparency.
    pub fn channels(&self) -> u8 {
        self.channels
    }

    /// The picture as a PNG file, uncompressed: for small pictures a decoder's tables would take
    /// as much room as they save.
    pub fn png(&self) -> Vec<u8> {
        let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
        let kind = [0, 0, 0, 2, 6][usize::from(self.channels)];
        let [w, h] = [self.width, self.height()].map(|n| (n as u32).to_be_bytes());
        chunk(&mut file, b"IHDR", &[&w[..], &h, &[8, kind, 0, 0, 0]].concat());
        // Each row is preceded by its filter: none.
        let rows: Vec<u8> = self.pixels.chunks(self.row()).flat_map(|row| [&[0][..], row].concat()).collect();
        chunk(&mut file, b"IDAT", &stored(&rows));
        chunk(&mut file, b"IEND", &[]);
        file
    }

    /// The picture as a `data:` URL.
    pub(crate) fn url(&self) -> String {
        format!("data:image/png;base64,{}", base64(&self.png()))
    }

    fn row(&self) -> usize {
        self.width * usize::from(self.channels)
    }
}

fn chunk(file: &mut Vec<u8>, name: &[u8; 4], data: &[u8]) {
    file.extend((data.len() as u32).to_be_bytes());
    let start = file.len();
    file.extend(name);
    file.extend(data);
    file.extend(crc32(&file[start..]).to_be_bytes());
}

/// Bytes in the format of zlib (RFC 1950), in stored blocks (RFC 1951, section 3.2.4).
fn stored(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0x78, 0x01];
    let blocks = bytes.len().div_ceil(STORED);
    for (i, block) in bytes.chunks(STORED).enumerate() {
        let length = block.len() as u16;
        out.push(u8::from(i + 1 == blocks));
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend(block);
    }
    let (mut a, mut b) = (1u32, 0u32);
    for &byte in bytes {
        a = (a + u32::from(byte)) % 65521;
        b = (b + a) % 65521;
    }
    out.extend((b << 16 | a).to_be_bytes());
    out
}

/// The checksum of PNG's chunks (RFC 2083, section 15).
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32| if crc & 1 == 1 { 0xedb8_8320 ^ (crc >> 1) } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), |crc, _| step(crc)))
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let bits = group.iter().chain([0, 0].iter()).take(3).fold(0, |bits, &byte| bits << 8 | usize::from(byte));
        for i in 0..4 {
            text.push(if i <= group.len() { DIGITS[bits >> (18 - 6 * i) & 63] as char } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_and_digits_are_those_of_the_standards() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(stored(b"Wikipedia")[16..], 0x11e6_0398u32.to_be_bytes());
        let encoded = ["", "f", "fo", "foo", "foob", "fooba", "foobar"].map(|text| base64(text.as_bytes()));
        assert_eq!(encoded, ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"]);
    }

    #[test]
    fn pixels() {
        let nan = f64::NAN;
        assert_eq!(Image::grey(3, &[0.0, 1.0, 2.0, -9.0, 9.0, nan], 0.0, 2.0).pixels, [0, 128, 255, 0, 255, 0]);
        assert_eq!(
            Image::signed(1, &[-2.0, 0.0, 9.0], 2.0).pixels.chunks(4).map(|p| p[3]).collect::<Vec<_>>(),
            [255, 0, 255]
        );
        // All zero: a limit of 0 is no colour at all.
        assert_eq!(Image::signed(1, &[0.0], 0.0).pixels[3], 0);
    }

    #[test]
    fn a_png_of_several_blocks() {
        let image = Image::rgb(300, vec![7; 300 * 100 * 3]);
        let png = image.png();
        assert_eq!(png[16..24], [0, 0, 1, 44, 0, 0, 0, 100]);
        assert_eq!(png.len(), 8 + 25 + 12 + (2 + 2 * 5 + 100 * 901 + 4) + 12);
    }

    #[test]
    #[should_panic(expected = "image: 3 values are not rows of width 2")]
    fn rows_must_be_full() {
        Image::grey(2, &[0.0; 3], 0.0, 1.0);
    }
}
